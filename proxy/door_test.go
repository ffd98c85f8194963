package proxy

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"freefall/internal/fakellm"
)

// Text completions are answered by chat models: what is asked for goes up as a chat, moves on at a limit, and comes down in its own form.
func TestTextCompletions(t *testing.T) {
	inBubble(t, plan{models: chain("a", "b")}, func(w *world) {
		w.fake().Script("a", fakellm.Raw(429, nil, `{"error":{"message":"slow down"}}`))
		got := w.do("POST", "/v1/completions", `{"model":"auto","prompt":["Say it"],"max_tokens":20,"user":null}`)
		if got.status != 200 || got.header.Get(headerTrail) != "a=rate_limited; b=ok" {
			t.Errorf("%d %s %s", got.status, got.header.Get(headerTrail), got.body)
		}
		g := gjson.Parse(got.body)
		if g.Get("object").Str != "text_completion" || g.Get("choices.0.text").Str == "" || g.Get("choices.0.finish_reason").Str != "stop" ||
			g.Get("choices.0.index").Raw != "0" || g.Get("choices.0.logprobs").Raw != "null" || g.Get("usage.prompt_tokens").Int() == 0 || g.Get("choices.0.message").Exists() {
			t.Errorf("%s", got.body)
		}
		asked := w.fake().Requests()
		if up := string(asked[len(asked)-1].Body); up != `{"model":"b","max_tokens":20,"messages":[{"role":"user","content":"Say it"}]}` {
			t.Errorf("up went %s", up)
		}
	})
}

// A stream of theirs is a stream of chunks with text; a cut is told by an error event, and an error by OpenAI's object.
func TestTextStreams(t *testing.T) {
	inBubble(t, plan{models: chain("a")}, func(w *world) {
		body := `{"prompt":"Say it","stream":true}`
		got := w.do("POST", "/v1/completions", body)
		var text strings.Builder
		events := strings.Split(strings.TrimSuffix(got.body, "\n\n"), "\n\n")
		for _, ev := range events[:len(events)-1] {
			g := gjson.Parse(strings.TrimPrefix(ev, "data: "))
			text.WriteString(g.Get("choices.0.text").Str)
			if g.Get("object").Str != "text_completion" || g.Get("usage").Exists() {
				t.Errorf("%s", ev)
			}
		}
		last := events[len(events)-2]
		if got.status != 200 || text.Len() == 0 || events[len(events)-1] != "data: [DONE]" || !strings.Contains(last, `"finish_reason":"stop"`) {
			t.Errorf("%d %s", got.status, got.body)
		}

		w.fake().Script("a", fakellm.Cut(2, fakellm.Close))
		got = w.do("POST", "/v1/completions", body)
		if !strings.Contains(got.body, `"text":"`) || !strings.Contains(got.body, `data: {"error":`) || strings.Contains(got.body, "[DONE]") {
			t.Errorf("cut: %s", got.body)
		}

		for name, body := range map[string]string{
			"two prompts": `{"prompt":["a","b"]}`, "tokens": `{"prompt":[1,2]}`, "a suffix": `{"prompt":"a","suffix":"b"}`, "an echo": `{"prompt":"a","echo":true}`,
			"no prompt": `{"prompt":null}`, "twice": `{"prompt":"a","prompt":"b"}`, "another case": `{"Prompt":"a"}`, "no object": `[]`, "more": `{"prompt":"a"} x`,
			"a model that is none": `{"prompt":"a","model":1}`,
		} {
			if got := w.do("POST", "/v1/completions", body); got.status != 400 || got.err().Type != "invalid_request_error" || got.err().Message == "" {
				t.Errorf("%s: %d %s", name, got.status, got.body)
			}
		}
	})
}
