package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"freefall/fallback"
	"freefall/internal/fakellm"
)

const (
	formBody = `{"model":"auto","messages":[{"role":"user","content":"Hello"}],"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}}}`
	objectly = `{"model":"auto","messages":[{"role":"user","content":"Hello"}],"response_format":{"type":"json_object"}}`
)

// judging is a chain of three that can all do JSON, asked in their order.
func judging() plan {
	models := chain("a", "b", "c")
	for i := range models {
		models[i].JSONSchema = true
	}
	return plan{models: models, pool: fallback.Config{Order: fallback.Priority}, settings: Settings{Validate: true}}
}

// A whole answer that breaks the form moves on, once: the second one is the answer. It counts for nothing.
func TestAnAnswerThatBreaksTheFormMovesOnOnce(t *testing.T) {
	badCall := fakellm.Tools(fakellm.Call{Name: "clock", Arguments: `{"at":1,}`})
	for name, c := range map[string]struct {
		body   string
		a, b   fakellm.Step
		trail  string
		answer string // in the answer
		failed string // what the log says of a
	}{
		"a schema":   {formBody, fakellm.Say(`{"n":"x"}`), fakellm.Say(`{"n":7}`), "a=unsupported_feature; b=ok", `{\"n\":7}`, "the answer breaks the JSON schema that was asked for"},
		"no JSON":    {formBody, fakellm.Say("Sure!"), fakellm.Say(`{"n":7}`), "a=unsupported_feature; b=ok", `{\"n\":7}`, "the answer is not the JSON that was asked for"},
		"no object":  {objectly, fakellm.Say("Sure!"), fakellm.Say(`{}`), "a=unsupported_feature; b=ok", `{}`, "the answer is not the JSON object that was asked for"},
		"arguments":  {toolsBody, badCall, fakellm.Tools(), "a=unsupported_feature; b=ok", `"tool_calls"`, "the arguments of a tool call are not JSON"},
		"twice":      {formBody, fakellm.Say("Sure!"), fakellm.Say("Of course!"), "a=unsupported_feature; b=ok", "Of course!", "the answer is not the JSON that was asked for"},
		"as asked":   {formBody, fakellm.Say(`{"n":7}`), fakellm.OK(), "a=ok", `{\"n\":7}`, ""},
		"not asked":  {plainBody, fakellm.Say("Sure!"), fakellm.OK(), "a=ok", "Sure!", ""},
		"then empty": {formBody, fakellm.Say("Sure!"), fakellm.Empty(), "a=unsupported_feature; b=upstream_fault; c=ok", `n`, "the answer is not the JSON that was asked for"},
	} {
		t.Run(name, func(t *testing.T) {
			p := judging()
			for i := range p.models {
				p.models[i].Keys = []fallback.Key{{Account: "x"}, {Account: "y"}} // another key would answer alike
			}
			inBubble(t, p, func(w *world) {
				w.fake().Script("a", c.a)
				w.fake().Script("b", c.b)
				got := w.chat(c.body)
				if got.status != 200 || got.trail() != c.trail || !strings.Contains(got.body, c.answer) {
					t.Errorf("%d %q %s", got.status, got.trail(), got.body)
				}
				if want := "Model a failed: " + c.failed + ". Switching from a to b"; c.failed != "" && !strings.Contains(w.log.String(), want) {
					t.Errorf("the log does not say %q:\n%s", want, w.log)
				}
				_, rows := w.state()
				if a := rows["a"]; a.FailureCount != 0 || !a.Available {
					t.Errorf("%+v", a)
				}
				if got := w.chat(formBody); !strings.HasPrefix(got.trail(), "a=") {
					t.Errorf("a is out: %q", got.trail())
				}
			})
		})
	}
}

// Nobody who does not want it pays for it, and a stream is passed as it comes.
func TestTheFormIsJudgedWhenAskedFor(t *testing.T) {
	stream := strings.Replace(formBody, `"messages"`, `"stream":true,"messages"`, 1)
	off := judging()
	off.settings.Validate = false
	for name, c := range map[string]struct {
		plan plan
		body string
	}{"off": {off, formBody}, "a stream": {judging(), stream}} {
		inBubble(t, c.plan, func(w *world) {
			w.fake().Script("a", fakellm.Say("Sure!"))
			if got := w.chat(c.body); got.trail() != "a=ok" || got.text() != "Sure!" {
				t.Errorf("%s: %q %s", name, got.trail(), got.body)
			}
		})
	}
	// A whole answer in the place of a stream is judged.
	inBubble(t, judging(), func(w *world) {
		w.fake().Script("a", fakellm.Raw(200, nil, `{"id":"g","created":1,"choices":[{"index":0,"message":{"role":"assistant","content":"Sure!"},"finish_reason":"stop"}]}`))
		w.fake().Script("b", fakellm.Say(`{"n":7}`))
		if got := w.chat(stream); got.trail() != "a=unsupported_feature; b=ok" || got.text() != `{"n":7}` {
			t.Errorf("%q %s", got.trail(), got.body)
		}
	})
}

// An answer that breaks the form is better than none: when nobody has a better one the client gets it.
func TestAnAnswerThatBreaksTheFormIsBetterThanNone(t *testing.T) {
	alone := judging()
	alone.models = alone.models[:1]
	for name, c := range map[string]struct {
		plan   plan
		others fakellm.Step
		trail  string
	}{
		"alone":          {alone, fakellm.OK(), "a=unsupported_feature"},
		"others fail":    {judging(), fakellm.Fault(500), "a=unsupported_feature; b=upstream_fault; c=upstream_fault"},
		"others refuse":  {judging(), fakellm.Raw(400, nil, `{"error":{"message":"messages must be an array","param":"messages"}}`), "a=unsupported_feature; b=invalid_request"},
		"others differ":  {judging(), fakellm.Raw(400, nil, `{"error":{"message":"Invalid argument"}}`), "a=unsupported_feature; b=invalid_request; c=invalid_request"},
		"limits of them": {judging(), fakellm.FromSample("or-429-upstream"), "a=unsupported_feature; b=rate_limited; c=rate_limited"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, body := range []string{formBody, strings.Replace(formBody, `"messages"`, `"stream":true,"messages"`, 1)} {
				inBubble(t, c.plan, func(w *world) {
					w.fake().Script("a", fakellm.Raw(200, nil, `{"id":"g","created":1,"choices":[{"index":0,"message":{"role":"assistant","content":"Sure!"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}`))
					w.fake().Script("b", c.others)
					w.fake().Script("c", c.others)
					got := w.chat(body)
					if got.status != 200 || got.text() != "Sure!" || got.trail() != c.trail || got.header.Get(headerModel) != "a" {
						t.Errorf("%d %q %q %s", got.status, got.trail(), got.header.Get(headerModel), got.body)
					}
					if want := "The answer of a is given all the same"; !strings.Contains(w.log.String(), want) {
						t.Errorf("the log does not say %q:\n%s", want, w.log)
					}
					if page := w.do("GET", "/metrics", ""); !strings.Contains(page.body, `freefall_requests_total{status="2xx"} 1`) {
						t.Errorf("it was not counted as answered")
					}
				})
			}
		})
	}
}

// A client that leaves gets nothing, and a model whose broken answer cost money is parked like any other.
func TestAnAnswerThatBreaksTheFormAndCosts(t *testing.T) {
	inBubble(t, judging(), func(w *world) {
		w.fake().Script("a", fakellm.Raw(200, nil, `{"id":"g","created":1,"choices":[{"index":0,"message":{"role":"assistant","content":"Sure!"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7,"cost":0.5}}`))
		w.fake().Script("b", fakellm.Say(`{"n":7}`))
		if got := w.chat(formBody); got.trail() != "a=not_free; b=ok" {
			t.Errorf("%q %s", got.trail(), got.body)
		}
		if _, rows := w.state(); rows["a"].Available || !strings.Contains(w.log.String(), "SPEND ALARM") {
			t.Errorf("%+v\n%s", rows["a"], w.log)
		}
	})
}

// A hostile schema costs its client an answer that was not judged, and nobody else anything.
func TestAHostileFormIsPassed(t *testing.T) {
	var defs strings.Builder
	for i := range 60 {
		fmt.Fprintf(&defs, `"a%d":{"anyOf":[{"allOf":[{"$ref":"#/$defs/a%[2]d"},false]},{"allOf":[{"$ref":"#/$defs/a%[2]d"},false]}]},`, i, i+1)
	}
	schema := `{"$ref":"#/$defs/a0","$defs":{` + defs.String() + `"a60":{"minLength":3}}}`
	body := `{"model":"auto","messages":[{"role":"user","content":"Hello"}],"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":` + schema + `}}}`
	p := judging()
	w, stop := start(t, p)
	defer stop()
	w.fake().Script("a", fakellm.Say(`"x"`))
	begun := time.Now()
	if got := w.chat(body); got.trail() != "a=ok" || time.Since(begun) > 10*time.Second {
		t.Errorf("%q after %v", got.trail(), time.Since(begun))
	}
}
