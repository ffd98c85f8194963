package fakellm

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
)

// said puts the pieces of a stream together.
type said struct {
	content, reasoning, finish string
	calls                      []Call
	usage                      *usage
	ids                        map[string]bool
	done                       bool
	events                     int
}

func listen(t *testing.T, stream string) said {
	t.Helper()
	s := said{ids: map[string]bool{}}
	for _, line := range data(t, stream) {
		if line == "[DONE]" {
			s.done = true
			continue
		}
		s.events++
		s.hear(t, line)
	}
	return s
}

func (s *said) hear(t *testing.T, line string) {
	t.Helper()
	var c completion
	if err := json.Unmarshal([]byte(line), &c); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	s.ids[c.ID] = true
	if c.Usage != nil {
		s.usage = c.Usage
	}
	for _, ch := range c.Choices {
		if ch.Finish != nil {
			s.finish += *ch.Finish
		}
		if ch.Delta.Content != nil {
			s.content += *ch.Delta.Content
		}
		if ch.Delta.Reasoning != nil {
			s.reasoning += *ch.Delta.Reasoning
		}
		for _, call := range ch.Delta.Calls {
			if call.ID != "" {
				s.calls = append(s.calls, Call{Name: call.Function.Name})
			}
			s.calls[*call.Index].Arguments += call.Function.Arguments
		}
	}
}

func whole(t *testing.T, g got) completion {
	t.Helper()
	var c completion
	if err := json.Unmarshal([]byte(g.body), &c); err != nil || g.status != 200 || len(c.Choices) != 1 {
		t.Fatalf("status %d, %v, body %s", g.status, err, g.body)
	}
	return c
}

func TestAnswerNamesModelAndRepeatsPrompt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, Options{})
		const want = `This is liquid/lfm-2.5-2.6b:free. You said: "hi there"`
		c := whole(t, b.chat(hi("liquid/lfm-2.5-2.6b:free", false)))
		if text := *c.Choices[0].Message.Content; text != want {
			t.Errorf("whole: %q", text)
		}
		if c.Provider != "Liquid" || !strings.HasPrefix(c.ID, "gen-") || *c.Usage.Cost != 0 || c.Usage.Total == 0 {
			t.Errorf("odd frame: %+v", c)
		}
		g := b.chat(hi("liquid/lfm-2.5-2.6b:free", true))
		s := listen(t, g.body)
		if s.content != want || s.finish != "stop" || !s.done || len(s.ids) != 1 || s.usage == nil || s.events < 8 {
			t.Errorf("streamed: %+v", s)
		}
		if ct := g.header.Get("Content-Type"); ct != "text/event-stream" {
			t.Errorf("content type %q", ct)
		}
		if id := g.header.Get("X-Generation-Id"); !s.ids[id] {
			t.Errorf("X-Generation-Id %q is not the id of the body", id)
		}
	})
}

func TestOpenAIStreamsUsageWhenAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, Options{OpenAI: true, Models: []Model{{ID: "m"}}})
		if s := listen(t, b.chat(hi("m", true)).body); s.usage != nil {
			t.Error("usage although nobody asked")
		}
		asked := `{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}`
		if s := listen(t, b.chat(asked).body); s.usage == nil || s.usage.Cost != nil {
			t.Errorf("usage %+v", s.usage)
		}
	})
}

const twoTools = `"tools":[
	{"type":"function","function":{"name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}},
	{"type":"function","function":{"name":"get_time","parameters":{"type":"object","properties":{"zone":{"enum":["UTC"]}},"required":["zone"]}}}]`

func TestToolsAreCalledWhenAsked(t *testing.T) {
	weather := Call{"get_weather", `{"city":"example"}`}
	clock := Call{"get_time", `{"zone":"UTC"}`}
	tests := []struct {
		name, prompt, more string
		want               []Call
	}{
		{"nothing asks", "hi", ``, nil},
		{"the prompt asks", "please call the tool", ``, []Call{weather}},
		{"the prompt names one", "what does get_time say", ``, []Call{clock}},
		{"the prompt asks for both", "use both tools", ``, []Call{weather, clock}},
		{"but not in parallel", "use both tools", `,"parallel_tool_calls":false`, []Call{weather}},
		{"required", "hi", `,"tool_choice":"required"`, []Call{weather}},
		{"one is named", "hi", `,"tool_choice":{"type":"function","function":{"name":"get_time"}}`, []Call{clock}},
		{"none", "call the tool", `,"tool_choice":"none"`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serve(t, Options{Models: []Model{{ID: "m", Tools: true}}})
				body := func(stream string) string {
					return `{"model":"m","messages":[{"role":"user","content":"` + tt.prompt + `"}],"stream":` + stream + `,` + twoTools + tt.more + `}`
				}
				s := listen(t, b.chat(body("true")).body)
				c := whole(t, b.chat(body("false"))).Choices[0]
				var calls []Call
				for _, call := range c.Message.Calls {
					calls = append(calls, Call{call.Function.Name, call.Function.Arguments})
				}
				finish := "tool_calls"
				if tt.want == nil {
					finish = "stop"
				}
				equal(t, "streamed calls", s.calls, tt.want)
				equal(t, "whole calls", calls, tt.want)
				equal(t, "finish", []string{s.finish, *c.Finish}, []string{finish, finish})
			})
		})
	}
}

func TestToolResultIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, Options{Models: []Model{{ID: "m", Tools: true}}})
		c := whole(t, b.chat(`{"model":"m","tool_choice":"required",`+twoTools+`,"messages":[{"role":"user","content":"call the tool"},
			{"role":"assistant","content":null,"tool_calls":[]},{"role":"tool","tool_call_id":"x","content":"sunny"}]}`))
		if text := *c.Choices[0].Message.Content; !strings.Contains(text, `The tool said: "sunny"`) {
			t.Error(text)
		}
	})
}

func TestImageIsAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, Options{Models: []Model{{ID: "m", Vision: true}, {ID: "blind"}}})
		url := "data:image/png;base64," + base64.StdEncoding.EncodeToString(make([]byte, 5<<20))
		ask := func(model string) string {
			return `{"model":"` + model + `","messages":[{"role":"user","content":[{"type":"text","text":"what"},{"type":"image_url","image_url":{"url":"` + url + `"}}]}]}`
		}
		c := whole(t, b.chat(ask("m")))
		if text := *c.Choices[0].Message.Content; !strings.Contains(text, "an image of 5242880 bytes (image/png)") {
			t.Error(text)
		}
		equal(t, "blind", b.chat(ask("blind")).body, mustSample("or-404-image").Body)
	})
}

func TestMaxTokensCutsTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, Options{Models: []Model{{ID: "m"}}})
		c := whole(t, b.chat(`{"model":"m","max_tokens":2,"messages":[{"role":"user","content":"hi"}]}`))
		equal(t, "text and finish", []string{*c.Choices[0].Message.Content, *c.Choices[0].Finish}, []string{"This is", "length"})
	})
}

func TestChunksAreExact(t *testing.T) {
	for _, n := range []int{1, 2, 7, 57, 500} {
		parts := pieces("a short text", n)
		if len(parts) != n {
			t.Errorf("%d pieces became %d", n, len(parts))
		}
		if !strings.HasPrefix(strings.Join(parts, ""), "a short text") {
			t.Errorf("%d pieces lost the text: %q", n, parts)
		}
	}
}
