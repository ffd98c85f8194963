package proxy

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"freefall/fallback"
	"freefall/internal/fakellm"
)

// firstRole is that of the first message that a model was last sent.
func (w *world) firstRole(model string) (role string) {
	w.Helper()
	for _, r := range w.fake().Requests() {
		if r.Model == model {
			role = gjson.GetBytes(r.Body, "messages.0.role").Str
		}
	}
	return role
}

// The developer's role is OpenAI's, and many models know only the system's: the request goes on to the next one with that, and from then on
// both are asked so.
func TestARoleThatIsNotKnown(t *testing.T) {
	const body = `{"model":"auto","messages":[{"role":"developer","content":"Be brief."},{"role":"user","content":"Hello"}]}`
	strict := fakellm.Raw(400, nil, `{"error":{"message":"developer is not one of ['system', 'assistant', 'user', 'tool', 'function'] - 'messages.['0].role'","type":"invalid_request_error"}}`)
	inBubble(t, plan{models: chain("a", "b"), pool: fallback.Config{Order: fallback.Priority}}, func(w *world) {
		w.fake().Script("a", strict)
		if got := w.chat(body); got.status != 200 || got.trail() != "a=unsupported_feature; b=ok" || w.firstRole("a") != "developer" || w.firstRole("b") != "system" {
			t.Fatalf("%d %s, a was sent %q, b %q", got.status, got.trail(), w.firstRole("a"), w.firstRole("b"))
		}
		if want := "from now on it is asked with system in the place of developer. Switching from a to b"; !strings.Contains(w.log.String(), want) {
			t.Errorf("the log does not say so:\n%s", w.log)
		}
		if got := w.chat(body); got.trail() != "a=ok" || w.firstRole("a") != "system" {
			t.Errorf("then %s, a was sent %q", got.trail(), w.firstRole("a"))
		}
		w.fake().Script("a", fakellm.Fault(500))
		if w.chat(body); w.firstRole("b") != "developer" {
			t.Error("what one model refuses the other is asked without")
		}
	})
}

// Whoever has no developer's message has made the mistake himself.
func TestARoleThatNobodyKnows(t *testing.T) {
	const body = `{"model":"auto","messages":[{"role":"owner","content":"Be brief."}]}`
	strict := fakellm.Raw(400, nil, `{"error":{"message":"'messages.0' : discriminator property 'role' has invalid value","type":"invalid_request_error"}}`)
	models := chain("a", "b")
	models[1].Provider = "q"
	inBubble(t, plan{models: models}, func(w *world) {
		w.fake().Script("a", strict)
		if got := w.chat(body); got.status != 400 || got.trail() != "a=invalid_request" {
			t.Errorf("%d %s", got.status, got.trail())
		}
	})
}

// The only model that there is may be asked again at once, and SDKs do so.
func TestTheOnlyModelDoesNotKnowTheRole(t *testing.T) {
	inBubble(t, plan{models: chain("a")}, func(w *world) {
		w.fake().Script("a", fakellm.Raw(422, nil, `{"error":{"message":"Unexpected message role."}}`))
		const body = `{"model":"auto","messages":[{"role":"developer","content":"Be brief."},{"role":"user","content":"Hello"}]}`
		if got := w.chat(body); got.status != 503 || got.header.Get("X-Should-Retry") != "true" || !strings.Contains(got.body, "try again now") {
			t.Errorf("%d, to be tried again: %s; %s", got.status, got.header.Get("X-Should-Retry"), got.body)
		}
		if got := w.chat(body); got.trail() != "a=ok" || w.firstRole("a") != "system" {
			t.Errorf("then %s with %q", got.trail(), w.firstRole("a"))
		}
	})
}

// What else models refuse that their clients mean well: each is asked in vain once, and nobody but it.
func TestHabitsThatAreRefused(t *testing.T) {
	for name, tt := range map[string]struct{ body, refusal, key, first, then string }{
		"parts of text": {`{"model":"auto","messages":[{"role":"user","content":[{"type":"text","text":"Hello"}]}]}`,
			`{"error":{"message":"'messages.0' : for 'role:user' the following must be satisfied[('messages.0.content' : value must be a string)]","type":"invalid_request_error"}}`,
			"messages.0.content", `[{"type":"text","text":"Hello"}]`, `"Hello"`},
		"no tools": {`{"model":"auto","tools":[],"messages":[{"role":"user","content":"Hello"}]}`,
			`{"error":{"message":"Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.","param":"tools","code":"empty_array"}}`,
			"tools", `[]`, ``},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, plan{models: chain("a", "b", "c"), pool: fallback.Config{Order: fallback.Priority}}, func(w *world) {
				w.fake().Script("a", fakellm.Raw(400, nil, tt.refusal))
				sent := func(model string) (raw string) {
					for _, r := range w.fake().Requests() {
						if r.Model == model {
							raw = gjson.GetBytes(r.Body, tt.key).Raw
						}
					}
					return raw
				}
				if got := w.chat(tt.body); got.trail() != "a=unsupported_feature; b=ok" || sent("a") != tt.first || sent("b") != tt.then {
					t.Errorf("%s, a was sent %s, b %s", got.trail(), sent("a"), sent("b"))
				}
				if got := w.chat(tt.body); got.trail() != "a=ok" || sent("a") != tt.then {
					t.Errorf("then %s, a was sent %s", got.trail(), sent("a"))
				}
			})
		})
	}
}

// A key that says nothing asks for no feature, so its refusal tells of none.
func TestAnIdleKeyIsNoFeature(t *testing.T) {
	for name, tt := range map[string][3]string{
		"format": {`{"model":"auto","response_format":{"type":"text"},"messages":[{"role":"user","content":"a"}]}`,
			`{"error":{"message":"response_format type 'text' is not supported","type":"invalid_request_error"}}`,
			`{"model":"auto","response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object"}}},"messages":[{"role":"user","content":"a"}]}`},
		"tools": {`{"model":"auto","tools":[],"messages":[{"role":"user","content":"a"}]}`,
			`{"error":{"message":"'tools': an empty list is not supported.","type":"invalid_request_error"}}`,
			`{"model":"auto","tools":[{"type":"function","function":{"name":"f"}}],"messages":[{"role":"user","content":"a"}]}`},
		"choice": {`{"model":"auto","tool_choice":"auto","messages":[{"role":"user","content":"a"}]}`,
			`{"error":{"message":"tool_choice is only supported when tools are provided","type":"invalid_request_error"}}`,
			`{"model":"auto","tool_choice":"required","tools":[{"type":"function","function":{"name":"f"}}],"messages":[{"role":"user","content":"a"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			models := chain("a", "b")
			for i := range models {
				models[i].JSONSchema = true
			}
			inBubble(t, plan{models: models, pool: fallback.Config{Order: fallback.Priority}}, func(w *world) {
				w.fake().Script("a", fakellm.Raw(400, nil, tt[1]))
				if got := w.chat(tt[0]); got.trail() != "a=unsupported_feature; b=ok" {
					t.Fatalf("first %s", got.trail())
				}
				if got := w.chat(tt[2]); got.trail() != "a=ok" {
					t.Errorf("then %s", got.trail())
				}
			})
		})
	}
}

// What is the client's own fault stays so, whatever habits it has.
func TestHabitsHideNoFault(t *testing.T) {
	for name, tt := range map[string][2]string{
		"user":      {`{"model":"auto","user":null,"messages":[{"role":"user","content":"a","name":"b c"}]}`, `{"error":{"message":"'messages.0' : for 'role:user' the following must be satisfied[('messages.0.name' : pattern mismatch)]","type":"invalid_request_error"}}`},
		"provider":  {`{"model":"auto","provider":null,"messages":[{"role":"user","content":"a","name":"b c"}]}`, `{"error":{"message":"Invalid input for this provider: messages[0].name must match a pattern","type":"invalid_request_error"}}`},
		"role tool": {`{"model":"auto","messages":[{"role":"developer","content":"a"},{"role":"tool","tool_call_id":"x","content":"b"}]}`, `{"error":{"message":"Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.","type":"invalid_request_error","param":"messages.[1].role","code":null}}`},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, plan{models: chain("a")}, func(w *world) {
				w.fake().Script("a", fakellm.Raw(400, nil, tt[1]))
				if got := w.chat(tt[0]); got.status != 400 {
					t.Errorf("%d %s %s", got.status, got.trail(), got.body)
				}
			})
		})
	}
}
