package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"freefall/fallback"
	"freefall/internal/fakellm"
)

// threeProviders is a chain of one model at each of three providers.
func threeProviders() plan {
	p := plan{pool: fallback.Config{Order: fallback.Priority}}
	for _, name := range []string{"a", "b", "c"} {
		p.models = append(p.models, fallback.Model{Provider: name, ID: name + "1", Tools: true})
	}
	return p
}

// say sets what model "a1" of provider "a" answers, and so on.
func (w *world) say(model string, steps ...fakellm.Step) { w.fakes[model[:1]].Script(model, steps...) }

// hits are the calls of a1, b1 and c1.
func (w *world) hits() [3]int {
	return [3]int{w.fakes["a"].Hits("a1"), w.fakes["b"].Hits("b1"), w.fakes["c"].Hits("c1")}
}

func refusal(status int, body string) fakellm.Step {
	return fakellm.Raw(status, map[string]string{"content-type": "application/json", "x-request-id": "req_upstream", "set-cookie": "id=7",
		"retry-after": "77", "x-ratelimit-remaining-requests": "12", "openai-organization": "acme"}, body).Forever()
}

// What a client did wrong it is told in the provider's words: status, message, type, param and code, and nothing else.
func TestClientFaultIsToldInTheProvidersWords(t *testing.T) {
	const role = `{"message":"Invalid value: 'foo'","type":"invalid_request_error","param":"messages[0].role","code":"invalid_value"`
	long := strings.Repeat("the role must be one of these words ", 60)
	for name, c := range map[string]struct {
		step fakellm.Step
		want string
	}{
		"as it is": {refusal(400, `{"error":`+role+`}}`), `400 {"error":` + role + `}}`},
		"422":      {refusal(422, `{"error":`+role+`}}`), `422 {"error":` + role + `}}`},
		"no more than the four fields": {refusal(400, `{"id":"req_1","user_id":"user_7","error":`+role+`,"metadata":{"raw":"secret"},"internal":"x"}}`),
			`400 {"error":` + role + `}}`},
		"a number as its code": {refusal(400, `{"error":{"message":"messages must be an array","param":"messages","code":400}}`),
			`400 {"error":{"message":"messages must be an array","type":"invalid_request_error","param":"messages","code":"400"}}`},
		"a key in it": {refusal(400, `{"error":{"message":"Invalid value at messages[0]: Bearer abcdef, sk-or-v1-0123456789abcdef0123456789abcdef","param":"messages","code":"invalid_type"}}`),
			`400 {"error":{"message":"Invalid value at messages[0]: Bearer *** ***","type":"invalid_request_error","param":"messages","code":"invalid_type"}}`},
		"lines, colours, bidi, markup": {refusal(400, `{"error":{"message":"bad\r\nSet-Cookie: a=b\u001b[31m \u202eevil <script>alert(1)</script>","param":"messages\r\nX: y","code":"invalid_type"}}`),
			`400 {"error":{"message":"bad Set-Cookie: a=b[31m evil \u003cscript\u003ealert(1)\u003c/script\u003e","type":"invalid_request_error","param":"messages X: y","code":"invalid_type"}}`},
		"a long one": {refusal(400, `{"error":{"message":"`+long+`","param":"messages","code":"invalid_type"}}`),
			`400 {"error":{"message":"` + strings.TrimSuffix(long[:499], " ") + `…","type":"invalid_request_error","param":"messages","code":"invalid_type"}}`},
		"inside a success": {refusal(200, `{"error":`+role+`}}`), `400 {"error":` + role + `}}`},
	} {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " stream ", stream), func(t *testing.T) {
				inBubble(t, threeProviders(), func(w *world) {
					w.say("a1", c.step)
					got := w.chat(asked("auto", stream))
					if diff := cmp.Diff(c.want, fmt.Sprint(got.status, " ", got.body)); diff != "" {
						t.Errorf("(-want +got):\n%s", diff)
					}
					got.object(w)
					w.checkSecrets(got)
					if after := got.header.Get("Retry-After"); after != "" || w.hits() != [3]int{1, 0, 0} {
						t.Errorf("Retry-After %q, calls %v", after, w.hits())
					}
					if got.header.Get(headerModel) != "a1" || got.header.Get(headerProvider) != "a" || got.trail() != "a1=invalid_request" {
						t.Errorf("%v", got.header)
					}
				})
			})
		}
	}
}

// The same words as an event of a stream that has no content yet.
func TestClientFaultInAStream(t *testing.T) {
	const words = `{"error":{"message":"Invalid value: 'foo'","type":"invalid_request_error","param":"messages[0].role","code":"invalid_value"}}`
	role := `data: {"id":"x","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}` + "\n\n"
	for name, body := range map[string]string{"first": "", "after a role": role, "after comments": ": wait\n\n"} {
		inBubble(t, threeProviders(), func(w *world) {
			w.say("a1", fakellm.RawStream(body+"data: "+words+"\n\ndata: [DONE]\n\n", 0).Forever())
			got := w.chat(streamBody)
			if got.status != 400 || got.body != words || got.trail() != "a1=invalid_request" || w.hits() != [3]int{1, 0, 0} {
				t.Errorf("%s: %d %s, trail %q", name, got.status, got.body, got.trail())
			}
		})
	}
	inBubble(t, threeProviders(), func(w *world) {
		w.say("a1", fakellm.RawStream(`data: {"error":{"message":"Provider says no","code":422}}`+"\n\n", 0).Forever())
		w.say("b1", refusal(400, `{"error":{"message":"Bad Request","code":400}}`))
		got := w.chat(streamBody)
		if got.status != 422 || got.object(w).Message != "Provider says no" || w.hits() != [3]int{1, 1, 0} {
			t.Errorf("%d %s, trail %q", got.status, got.body, got.trail())
		}
	})
}

// A refusal that may be the provider's fault or the client's goes to one other provider, and no further.
func TestAmbiguousRefusalIsAskedTwice(t *testing.T) {
	unsure := func(words string) fakellm.Step {
		return refusal(422, `{"error":{"message":"`+words+`","code":422}}`)
	}
	sure := refusal(400, `{"error":{"message":"messages must be an array","param":"messages","code":400}}`)
	limited := refusal(429, `{"error":{"message":"Rate limit exceeded","code":429}}`)
	for name, c := range map[string]struct {
		b, c         fakellm.Step
		status       int
		trail, model string
		message      string // "" = an answer
	}{
		"the other one answers":         {fakellm.OK(), fakellm.OK(), 200, "a1=invalid_request; b1=ok", "b1", ""},
		"the other one refuses":         {unsure("b refuses"), fakellm.OK(), 422, "a1=invalid_request; b1=invalid_request", "a1", "a refuses"},
		"the other one is sure":         {sure, fakellm.OK(), 400, "a1=invalid_request; b1=invalid_request", "b1", "messages must be an array"},
		"the other one fails":           {fakellm.Fault(500), fakellm.OK(), 200, "a1=invalid_request; b1=upstream_fault; c1=ok", "c1", ""},
		"the other ones are limited":    {limited, limited, 422, "a1=invalid_request; b1=rate_limited; c1=rate_limited", "a1", "a refuses"},
		"one is limited, then a second": {limited, unsure("c refuses"), 422, "a1=invalid_request; b1=rate_limited; c1=invalid_request", "a1", "a refuses"},
	} {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " stream ", stream), func(t *testing.T) {
				inBubble(t, threeProviders(), func(w *world) {
					w.say("a1", unsure("a refuses"))
					w.say("b1", c.b.Forever())
					w.say("c1", c.c.Forever())
					got := w.chat(asked("auto", stream))
					got.check(w, c.status, c.trail, c.model)
					if c.message != "" && got.object(w).Message != c.message {
						t.Errorf("%s", got.body)
					}
					if _, rows := w.state(); rows["a1"].FailureCount != 0 || !rows["a1"].Available {
						t.Errorf("a1: %+v", rows["a1"])
					}
				})
			})
		}
	}
}

// Another provider comes before another model of the same one; where there is none, that model is asked.
func TestAmbiguousRefusalPrefersAnotherProvider(t *testing.T) {
	p := plan{models: append(chain("a", "b"), fallback.Model{Provider: "q", ID: "c"}), pool: fallback.Config{Order: fallback.Priority}}
	inBubble(t, p, func(w *world) {
		w.fake().Script("*", refusal(422, `{"error":{"message":"no","code":422}}`))
		if got := w.chat(plainBody); got.status != 200 || got.trail() != "a=invalid_request; c=ok" {
			t.Errorf("%d, trail %q", got.status, got.trail())
		}
		got := w.chat(`{"model":"a","models":["a","b"],"messages":[{"role":"user","content":"Hello"}]}`)
		if got.status != 422 || got.trail() != "a=invalid_request; b=invalid_request" {
			t.Errorf("%d, trail %q", got.status, got.trail())
		}
	})
}

// However often one client is wrong, the others do not feel it.
func TestBadRequestsRestNobody(t *testing.T) {
	for name, c := range map[string]struct {
		step   fakellm.Step
		status int
		calls  int // of each bad request at a1
	}{
		"wrong for sure": {fakellm.FromSample("invalid-400-role"), 400, 1},
		"wrong perhaps":  {refusal(422, `{"error":{"message":"no","code":422}}`), 422, 1},
		"too long":       {fakellm.FromSample("openai-400-context"), 400, 1},
		"indecent":       {fakellm.FromSample("or-403-moderation"), 503, 1},
		"a parameter":    {fakellm.FromSample("openai-400-unknown-param"), 503, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, threeProviders(), func(w *world) {
				for _, model := range []string{"a1", "b1", "c1"} {
					w.say(model, c.step.Repeat(50))
				}
				for n := range 50 {
					if got := w.chat(asked("auto", n%2 == 1)); got.status != c.status {
						t.Fatalf("%d: %d %s", n, got.status, got.body)
					}
				}
				for _, model := range []string{"a1", "b1", "c1"} {
					w.say(model)
				}
				if hits := w.hits(); hits[0] != 50*c.calls {
					t.Errorf("calls %v", hits)
				}
				_, rows := w.state()
				for id, row := range rows {
					if row.FailureCount != 0 || !row.Available || row.Reason != nil {
						t.Errorf("%s: %+v", id, row)
					}
				}
				for _, body := range []string{plainBody, streamBody, toolsBody} {
					if got := w.chat(body); got.trail() != "a1=ok" {
						t.Errorf("afterwards a good request goes %q", got.trail())
					}
				}
			})
		})
	}
}

// A model that refuses a feature is remembered for it: the next such request does not ask it, others do.
func TestRefusedFeatureIsRemembered(t *testing.T) {
	image := `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]}]}`
	for sample, body := range map[string]string{"or-404-tools": toolsBody, "ollama-400-tools": toolsBody, "or-404-image": image} {
		p := threeProviders()
		p.models = p.models[:2]
		for i := range p.models {
			p.models[i].Vision = true
		}
		inBubble(t, p, func(w *world) {
			w.say("a1", fakellm.FromSample(sample).Forever())
			if got := w.chat(body); got.status != 200 || got.trail() != "a1=unsupported_feature; b1=ok" {
				t.Errorf("%s: %d, trail %q", sample, got.status, got.trail())
			}
			if got := w.chat(body); got.status != 200 || got.trail() != "b1=ok" {
				t.Errorf("%s: remembered: %d, trail %q", sample, got.status, got.trail())
			}
			w.say("b1", fakellm.FromSample(sample).Forever())
			for range 2 { // the second one asks nobody
				if got := w.chat(body); got.status != 400 || got.object(w).Code == nil || *got.object(w).Code != "unsupported_feature" {
					t.Errorf("%s: nobody left: %d %s", sample, got.status, got.body)
				}
			}
			w.say("a1")
			if got := w.chat(plainBody); got.trail() != "a1=ok" {
				t.Errorf("%s: plain: trail %q", sample, got.trail())
			}
			if a, b := w.fakes["a"].Hits("a1"), w.fakes["b"].Hits("b1"); a != 2 || b != 3 {
				t.Errorf("%s: calls %d and %d", sample, a, b)
			}
		})
	}
}

// An answer without a word may be a fault or all that there is to say: one other model is asked, and what that says holds.
func TestEmptyCompletionMovesOnOnce(t *testing.T) {
	for _, stream := range []bool{false, true} {
		inBubble(t, threeProviders(), func(w *world) {
			w.say("a1", fakellm.Empty().Forever())
			if got := w.chat(asked("auto", stream)); got.trail() != "a1=upstream_fault; b1=ok" || got.text() != `This is b1. You said: "Hello"` {
				t.Errorf("trail %q, %s", got.trail(), got.body)
			}
		})
		inBubble(t, threeProviders(), func(w *world) {
			w.say("a1", fakellm.Empty().Forever())
			w.say("b1", fakellm.Empty().Forever())
			got := w.chat(asked("auto", stream))
			got.check(w, 200, "a1=upstream_fault; b1=ok", "b1")
			if got.text() != "" || !strings.Contains(got.body, `"model":"b1"`) || strings.Contains(got.body, `"model":"a1"`) ||
				!strings.Contains(got.body, `"finish_reason":"stop"`) || w.hits() != [3]int{1, 1, 0} {
				t.Errorf("calls %v: %s", w.hits(), got.body)
			}
			if stream {
				if a, err := readStream(got.body); err != nil || !a.done || len(a.finish) != 1 {
					t.Errorf("%v %+v in %s", err, a, got.body)
				}
			}
			if _, rows := w.state(); rows["a1"].FailureCount != 1 || rows["b1"].FailureCount != 1 {
				t.Errorf("%+v", rows) // a fault of either: it would answer nobody for ever
			}
		})
		inBubble(t, threeProviders(), func(w *world) {
			for _, model := range []string{"a1", "b1", "c1"} {
				w.say(model, fakellm.Cut(0, fakellm.End).Forever())
			}
			w.say("b1", fakellm.Empty().Forever())
			if got := w.chat(asked("auto", stream)); got.status != 503 || strings.Count(got.trail(), "=upstream_fault") != 3 {
				t.Errorf("one empty answer among faults: %d, trail %q", got.status, got.trail())
			}
		})
	}
	p := threeProviders()
	p.models = p.models[:1]
	inBubble(t, p, func(w *world) {
		w.say("a1", fakellm.Empty())
		if got := w.chat(plainBody); got.status != 503 || got.object(w).Type != "server_error" {
			t.Errorf("nobody else to ask: %d %s", got.status, got.body)
		}
		time.Sleep(time.Second)
		if got := w.chat(plainBody); got.status != 200 {
			t.Errorf("then: %d %s", got.status, got.body)
		}
	})
}

// A request that one model is too small for is no client's fault while another one, that may take it, rests.
func TestTooLargeForOneWhileAnotherRests(t *testing.T) {
	p := threeProviders()
	p.models = p.models[:2]
	inBubble(t, p, func(w *world) {
		w.say("a1", fakellm.FromSample("openai-400-context").Forever())
		w.say("b1", fakellm.FromSample("or-429-typed").Forever()) // for a minute
		want := [][3]string{{"429", "a1=context_length; b1=rate_limited", "60"}, {"429", "a1=context_length", "60"}}
		for _, want := range want {
			got := w.chat(plainBody)
			if diff := cmp.Diff(want, [3]string{fmt.Sprint(got.status), got.trail(), got.header.Get("Retry-After")}); diff != "" {
				t.Errorf("(-want +got):\n%s%s", diff, got.body)
			}
		}
		w.say("b1", fakellm.FromSample("openai-400-context").Forever())
		time.Sleep(time.Minute)
		if got := w.chat(plainBody); got.status != 400 || got.err().Code != "context_length_exceeded" {
			t.Errorf("too large for both: %d %s", got.status, got.body)
		}
	})
}
