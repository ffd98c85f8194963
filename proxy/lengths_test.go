package proxy

import (
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"freefall/fallback"
	"freefall/internal/fakellm"
	"freefall/internal/openai"
)

const longBody = `{"model":"auto","max_tokens":32000,"messages":[{"role":"user","content":"Hello"}]}`

// allowed is how many tokens a model was last told that its answer may have.
func (w *world) allowed(model string) int64 {
	w.Helper()
	return gjson.Get(w.asked(model), "max_tokens").Int()
}

// A model that grants shorter answers than the client allows says so once. From then on it is asked for no more than that.
func TestAnAnswerLongerThanGranted(t *testing.T) {
	for name, refusal := range map[string]fakellm.Step{
		"groq":    fakellm.Raw(400, nil, "{\"error\":{\"message\":\"`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the `context_window` for this model\",\"param\":\"max_tokens\"}}"),
		"mistral": fakellm.Raw(422, nil, `{"object":"error","message":{"detail":[{"type":"less_than_equal","loc":["body","max_tokens"],"msg":"Input should be less than or equal to 8192","input":32000}]}}`),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, plan{models: chain("a", "b", "c"), pool: fallback.Config{Order: fallback.Priority}, dialect: map[string]string{"p": name}, settings: Settings{AdminKey: "admin"}}, func(w *world) {
				w.fake().Script("a", refusal)
				w.fake().Script("b", refusal)
				if got := w.chat(longBody); got.trail() != "a=unsupported_feature; b=unsupported_feature; c=ok" || w.allowed("c") != 32000 {
					t.Fatalf("%s, c may answer with %d", got.trail(), w.allowed("c"))
				}
				if want := "from now on it is asked for at most 8192 tokens. Switching from a to b"; !strings.Contains(w.log.String(), want) {
					t.Errorf("the log does not say so:\n%s", w.log)
				}
				if got := w.chat(longBody); got.trail() != "a=ok" || w.allowed("a") != 8192 {
					t.Errorf("then %s, a may answer with %d", got.trail(), w.allowed("a"))
				}
				if want := "Model a answered; it was asked for at most 8192 tokens"; !strings.Contains(w.log.String(), want) {
					t.Errorf("the log does not say so:\n%s", w.log)
				}
				if w.chat(strings.Replace(longBody, "32000", "4000", 1)); w.allowed("a") != 4000 {
					t.Errorf("a client that allows less: %d", w.allowed("a"))
				}
				if w.do("POST", "/api/chat/models/a/reset", "", "Authorization", "Bearer admin"); w.chat(longBody).status != 200 || w.allowed("a") != 32000 {
					t.Errorf("after a reset a may answer with %d", w.allowed("a"))
				}
			})
		})
	}
}

// Once a model has said how large its context is, an answer is no longer than it has room for. Where little is left the model is the judge.
func TestAnAnswerFitsTheContext(t *testing.T) {
	refusal := fakellm.Raw(400, nil, `{"error":{"message":"This model's maximum context length is 8192 tokens. However, you requested 32010 tokens `+
		`(10 in the messages, 32000 in the completion).","code":"context_length_exceeded"}}`)
	long := strings.Replace(longBody, "Hello", strings.Repeat("many words ", 1400), 1)
	for name, context := range map[string]int{"as configured": 8192, "unknown": 0, "of a smaller host": 200_000} {
		t.Run(name, func(t *testing.T) {
			models := chain("a", "b")
			models[0].Context = context
			inBubble(t, plan{models: models, pool: fallback.Config{Order: fallback.Priority}}, func(w *world) {
				if context != 8192 { // of which the simulated provider says so itself
					w.fake().Script("a", refusal)
				}
				if w.chat(longBody); w.allowed("a") != 32000 {
					t.Errorf("before it has said so a may answer with %d", w.allowed("a"))
				}
				if got := w.chat(longBody); got.trail() != "a=ok" || w.allowed("a") < 7000 || w.allowed("a") > 8192-frameRoom {
					t.Errorf("%s, a may answer with %d", got.trail(), w.allowed("a"))
				}
				if w.chat(long); w.allowed("a") != 32000 {
					t.Errorf("behind a long prompt a may answer with %d", w.allowed("a"))
				}
			})
		})
	}
}

func TestLengthsOutliveARestart(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	a, need := &fallback.Model{Provider: "p", ID: "a"}, &fallback.Need{Tokens: 10, MaxOutput: 32000}
	var first, second Quirks
	first.grants(a, openai.Granted{Answer: 8192}, now.Add(-24*time.Hour))
	first.grants(a, openai.Granted{Context: 6000}, now)
	second.Restore(first.Save())
	for _, c := range []struct {
		at   time.Duration
		want int
	}{{0, 6000 - 20 - frameRoom}, {quirkFor - 24*time.Hour, 6000 - 20 - frameRoom}, {quirkFor, 0}} {
		known := second.of(a, now.Add(c.at))
		if got := known.most(need); got != c.want {
			t.Errorf("after %v: %d, want %d", c.at, got, c.want)
		}
	}
	if notes := second.Save(); len(notes) > 0 {
		t.Errorf("what is over is kept: %v", notes)
	}
	second.Restore([]fallback.Note{{Kind: quirkNote, Name: "p a", Text: `{"Provider":"p","ID":"a","Answer":{"Tokens":-5,"Since":"2026-11-22T12:00:00Z"}}`}})
	if known := second.of(a, now); known.most(need) != 0 {
		t.Errorf("a length below zero: %+v", known)
	}
}

// The sum of a prompt and an answer is no bound of an answer.
func TestASumIsNoLength(t *testing.T) {
	inBubble(t, plan{models: chain("a", "b"), pool: fallback.Config{Order: fallback.Priority}}, func(w *world) {
		w.fake().Script("a", fakellm.Raw(400, nil, "{\"error\":{\"message\":\"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 32768. Given: 3000 `inputs` tokens and 32000 `max_new_tokens`\",\"type\":\"validation\"}}"))
		w.chat(strings.Replace(longBody, "Hello", strings.Repeat("many words ", 1400), 1))
		if got := w.chat(longBody); got.trail() != "a=ok" || w.allowed("a") != 32000 {
			t.Errorf("%s: the answer of a is cut at %d tokens, the length of an earlier prompt", got.trail(), w.allowed("a"))
		}
	})
}

// Words like those of a bound, in a tool of the client's own, are none.
func TestAToolsPropertyIsNoLength(t *testing.T) {
	inBubble(t, plan{models: chain("a"), pool: fallback.Config{Order: fallback.Priority}}, func(w *world) {
		w.fake().Script("a", fakellm.Raw(400, nil, `{"error":{"message":"Invalid schema for function 'f': property 'max_tokens' has a default of 4000, which is not of type 'string'","type":"invalid_request_error","param":"tools[0].function.parameters","code":"invalid_function_parameters"}}`))
		first := w.chat(`{"model":"auto","max_tokens":32000,"tools":[{"type":"function","function":{"name":"f","parameters":{"properties":{"max_tokens":{"type":"string","default":4000}}}}}],"messages":[{"role":"user","content":"Hello"}]}`)
		if w.chat(longBody); first.status != 400 || w.allowed("a") != 32000 {
			t.Errorf("%d %s; then the answer is cut at %d", first.status, first.trail(), w.allowed("a"))
		}
	})
}

// A refusal repeats what was sent, which is not what is granted.
func TestALengthAfterAnother(t *testing.T) {
	inBubble(t, plan{models: chain("a"), pool: fallback.Config{Order: fallback.Priority}}, func(w *world) {
		w.fake().Script("a", fakellm.Raw(400, nil, `{"error":{"message":"This model's maximum context length is 20000 tokens. However, you requested 32010 tokens (10 in the messages, 32000 in the completion).","code":"context_length_exceeded"}}`))
		w.chat(longBody)
		w.fake().Script("a", fakellm.Raw(400, nil, `{"error":{"message":"max_tokens is too large: 19742. This model supports at most 8192 completion tokens, whereas you provided 19742.","param":"max_tokens","code":"invalid_value"}}`))
		got := w.chat(longBody)
		t.Log(got.status, got.trail(), w.allowed("a"))
		got = w.chat(longBody)
		if w.allowed("a") != 8192 {
			t.Errorf("%s: asked for %d", got.trail(), w.allowed("a"))
		}
	})
}

// What is granted may shrink.
func TestALengthThatShrinks(t *testing.T) {
	say := func(sent, most string) fakellm.Step {
		return fakellm.Raw(400, nil, `{"error":{"message":"max_tokens is too large: `+sent+`. This model supports at most `+most+` completion tokens, whereas you provided `+sent+`.","type":"invalid_request_error","param":"max_tokens","code":"invalid_value"}}`)
	}
	inBubble(t, plan{models: chain("a", "b"), pool: fallback.Config{Order: fallback.Priority}}, func(w *world) {
		w.fake().Script("a", say("32000", "16384"), say("16384", "8192"), say("16384", "8192"), say("16384", "8192"))
		for i := range 2 {
			if got := w.chat(longBody); got.trail() != "a=unsupported_feature; b=ok" {
				t.Fatalf("%d: %s", i, got.trail())
			}
		}
		w.chat(longBody)
		if w.allowed("a") != 8192 {
			t.Errorf("a has said twice that it grants 8192 and is asked for %d", w.allowed("a"))
		}
	})
}

// A context is no window of tokens.
func TestAContextIsNoWindow(t *testing.T) {
	refusal := fakellm.Raw(400, nil, `{"error":{"message":"This model's maximum context length is 8192 tokens. However, you requested 32010 tokens (10 in the messages, 32000 in the completion).","code":"context_length_exceeded"}}`)
	models := chain("a")
	models[0].Limits = []fallback.Window{{Unit: fallback.Tokens, Limit: 30000, Per: 60e9}}
	inBubble(t, plan{models: models, pool: fallback.Config{Order: fallback.Priority}}, func(w *world) {
		w.fake().Script("a", refusal)
		got := w.chat(longBody)
		t.Log(got.status, got.trail(), got.body)
		got = w.chat(longBody)
		if got.status != 200 {
			t.Errorf("%d %s %s", got.status, got.trail(), got.body)
		}
	})
}

// A provider that counts the longest answer has room for the one that it grants.
func TestAShortenedAnswerHasRoom(t *testing.T) {
	models := chain("a")
	models[0].Reserves = true
	models[0].Limits = []fallback.Window{{Unit: fallback.Tokens, Limit: 12000, Per: 60e9}}
	inBubble(t, plan{models: models, pool: fallback.Config{Order: fallback.Priority}}, func(w *world) {
		w.fake().Script("a", fakellm.Raw(400, nil, `{"error":{"message":"max_tokens must be less than or equal to 4096","param":"max_tokens"}}`))
		if got := w.chat(`{"model":"auto","max_tokens":10000,"messages":[{"role":"user","content":"Hello"}]}`); got.trail() != "a=unsupported_feature" {
			t.Fatal(got.trail(), got.body)
		}
		if got := w.chat(longBody); got.status != 200 || w.allowed("a") != 4096 {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}
