package openai

import (
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

func parsed(t *testing.T, members string) *Request {
	t.Helper()
	r, e := ParseChat([]byte(`{"model":"m","messages":[{"role":"user","content":"tell"}],` + members + `}`))
	if e != nil {
		t.Fatal(e)
	}
	return r
}

func TestPlainText(t *testing.T) {
	for members, want := range map[string]bool{
		`"n":1`:                             true,
		`"n":null,"logprobs":false`:         true,
		`"response_format":{"type":"text"}`: true,
		`"n":2`:                             false,
		`"n":"2"`:                           false,
		`"logprobs":true`:                   false,
		`"top_logprobs":3`:                  false,
		`"modalities":["text","audio"]`:     false,
		`"response_format":{"type":"json_object"}`:                  false,
		`"response_format":{"type":"json_schema","json_schema":{}}`: false,
		`"tools":[{"type":"function","function":{"name":"f"}}]`:     false,
		`"functions":[{"name":"f"}]`:                                false,
	} {
		if got := parsed(t, members).PlainText(); got != want {
			t.Errorf("%s: %v", members, got)
		}
	}
}

func TestSays(t *testing.T) {
	for data, want := range map[string]string{
		`{"choices":[{"delta":{"content":"a\"한"}}]}`:                           `a"한 true`,
		`{"choices":[{"index":0,"delta":{"reasoning":"hm"},"logprobs":null}]}`: " true",
		`{"choices":[]}`: " true",
		`{"choices":[{"index":1,"delta":{"content":"a"}}]}`:                                                "a false",
		`{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}`:                                             " false",
		`{"choices":[{"delta":{"content":"a","tool_calls":[]}}]}`:                                          "a true",
		`{"choices":[{"delta":{"refusal":"no"}}]}`:                                                         " false",
		`{"choices":[{"delta":{"content":[{"type":"text","text":"a"}]}}]}`:                                 " false",
		`{"choices":[{"message":{"content":"a"}}]}`:                                                        " false",
		`{"choices":[{"text":"a"}]}`:                                                                       " false",
		`{"choices":[{"text":"a","delta":{"content":"a"}}]}`:                                               "a true",
		"{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n{\"choices\":[{\"delta\":{\"content\":\"b\"}}]}": "a false",
		`{"choices":[{"delta":{"content":"a"},"logprobs":{"content":[1]}}]}`:                               "a false",
	} {
		text, plain := Says([]byte(data))
		if got := text + map[bool]string{true: " true", false: " false"}[plain]; got != want {
			t.Errorf("%s: %q", data, got)
		}
	}
}

// The request for the rest differs from the first one in two messages, and in the bound of the answer.
func TestResume(t *testing.T) {
	said := strings.Repeat("word \"quoted\"\n한 ", 40)
	r, err := parsed(t, `"max_tokens":500,"max_completion_tokens":7,"stop":["x"]`).Resume(said)
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) gjson.Result { return gjson.GetBytes(r.Body, path) }
	if get("messages.#").Int() != 3 || get("messages.0.content").Str != "tell" || get("messages.1.role").Str != "assistant" || get("messages.1.content").Str != said ||
		get("messages.2.role").Str != "user" || get("stop.0").Str != "x" {
		t.Errorf("%s", r.Body)
	}
	if n := get("max_tokens").Int(); n < 200 || n > 450 || get("max_completion_tokens").Int() != 1 {
		t.Errorf("bounds %d and %d", n, get("max_completion_tokens").Int())
	}
	if r.Need.Tokens < 50 {
		t.Errorf("%d tokens", r.Need.Tokens)
	}
}

// A stream that goes on has the id of the first, no second role, and nothing of what comes before its content.
func TestContinuedStream(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	first := NewChatStream(DialectOf("openai"), ChatOptions{IncludeUsage: true, Quiet: true})
	chunk := func(id, delta, finish string) Event {
		return Event{Data: []byte(`{"id":"` + id + `","created":5,"choices":[{"index":0,"delta":` + delta + `,"finish_reason":` + finish + `}]}`)}
	}
	out, _ := first.Event(nil, chunk("one", `{"role":"assistant","content":"a"}`, "null"), now)
	out, v := first.End(out, true, now)
	if v.State != Failed || strings.Contains(string(out), "error") {
		t.Fatalf("%v %s", v, out)
	}
	second := first.Continue(DialectOf("groq"))
	for _, ev := range []Event{chunk("two", `{"role":"assistant","content":""}`, "null"), chunk("two", `{"role":"assistant","content":"b"}`, "null"),
		chunk("two", `{"content":"c"}`, "null"), chunk("two", `{}`, `"stop"`),
		{Data: []byte(`{"id":"two","created":9,"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}`)}, {Data: []byte("[DONE]")}} {
		out, v = second.Event(out, ev, now)
	}
	text := string(out)
	if v.State != Done || strings.Count(text, `"role"`) != 1 || strings.Contains(text, "two") || strings.Count(text, `"id":"one"`) != strings.Count(text, `"id"`) ||
		strings.Count(text, `"usage"`) != 1 || !strings.HasSuffix(text, doneEvent) || strings.Contains(text, `"content":""`) {
		t.Errorf("%v\n%s", v, text)
	}
}
