package openai

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
)

// messageAfter gives who translates the answer to a request.
func messageAfter(t testing.TB, request string) Translator {
	t.Helper()
	_, tr, e := Messages.Translate([]byte(request))
	if e != nil {
		t.Fatal(e)
	}
	return tr
}

const (
	plainly    = `{"messages":[]}`
	thinking   = `{"thinking":{"type":"enabled","budget_tokens":1024},"messages":[]}`
	withStops  = `{"stop_sequences":["END"],"messages":[]}`
	afterCalls = `{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{}}]}]}`
)

// said is what a client has of a message, without the ids that are new each time.
type said struct {
	Blocks     []string
	StopReason string
	Stop       any
	Usage      map[string]int
	Error      string // the type of what broke it off
}

func saidIn(t testing.TB, message string) (s said) {
	t.Helper()
	m := gjson.Parse(message)
	if !json.Valid([]byte(message)) || !strings.HasPrefix(m.Get("id").Str, "msg_") || m.Get("type").Str != "message" || m.Get("role").Str != "assistant" || m.Get("model").Type != gjson.String {
		t.Fatalf("no message: %s", message)
	}
	for _, b := range m.Get("content").Array() {
		s.Blocks = append(s.Blocks, blockOf(t, b))
	}
	s.StopReason, s.Stop, s.Usage = m.Get("stop_reason").Str, m.Get("stop_sequence").Value(), map[string]int{}
	for name, n := range m.Get("usage").Map() {
		s.Usage[name] = int(n.Int())
	}
	return s
}

func blockOf(t testing.TB, b gjson.Result) string {
	t.Helper()
	switch b.Get("type").Str {
	case "text":
		return "text " + b.Get("text").Str
	case "thinking":
		return "thinking " + b.Get("thinking").Str + b.Get("signature").Str
	case "tool_use":
		id := b.Get("id").Str
		if strings.HasPrefix(id, "toolu_") && len(id) > 20 {
			id = "new"
		}
		var input bytes.Buffer
		if err := json.Compact(&input, []byte(b.Get("input").Raw)); err != nil || !b.Get("input").IsObject() {
			t.Errorf("an input that is no object: %s", b)
		}
		return fmt.Sprintf("call %s %s %s", id, b.Get("name").Str, input.String())
	}
	t.Errorf("no block: %s", b)
	return ""
}

func usage(input, cached, output int) map[string]int {
	return map[string]int{"input_tokens": input, "cache_creation_input_tokens": 0, "cache_read_input_tokens": cached, "output_tokens": output}
}

// A completion is a message.
func TestMessagesWhole(t *testing.T) {
	for name, c := range map[string]struct {
		request, message, rest string
		want                   said
	}{
		"words":                          {plainly, `{"role":"assistant","content":"Hello"}`, `"stop"`, said{Blocks: []string{"text Hello"}, StopReason: "end_turn"}},
		"words that ran out":             {plainly, `{"content":"Hel"}`, `"length"`, said{Blocks: []string{"text Hel"}, StopReason: "max_tokens"}},
		"nothing":                        {plainly, `{"content":null}`, `"stop"`, said{Blocks: []string{"text "}, StopReason: "end_turn"}},
		"thoughts that nobody asked for": {plainly, `{"content":"a","reasoning_content":"b"}`, `"stop"`, said{Blocks: []string{"text a"}, StopReason: "end_turn"}},
		"thoughts":                       {thinking, `{"content":"a","reasoning_content":"b","reasoning":"b"}`, `"stop"`, said{Blocks: []string{"thinking b", "text a"}, StopReason: "end_turn"}},
		"thoughts by another name":       {thinking, `{"content":"a","reasoning":"b"}`, `"stop"`, said{Blocks: []string{"thinking b", "text a"}, StopReason: "end_turn"}},
		"thoughts alone":                 {plainly, `{"content":"","reasoning":"b"}`, `"length"`, said{Blocks: []string{"text "}, StopReason: "max_tokens"}},
		"a refusal":                      {plainly, `{"content":null,"refusal":"No."}`, `"stop"`, said{Blocks: []string{"text No."}, StopReason: "refusal"}},
		"a filter":                       {plainly, `{"content":"Well"}`, `"content_filter"`, said{Blocks: []string{"text Well"}, StopReason: "refusal"}},
		"calls": {plainly, `{"content":"I look.","tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{\"x\": [1]}"}},{"id":"t2","function":{"name":"g","arguments":""}}]}`, `"tool_calls"`,
			said{Blocks: []string{"text I look.", `call t1 f {"x":[1]}`, "call t2 g {}"}, StopReason: "tool_use"}},
		"calls that ran out": {plainly, `{"content":null,"tool_calls":[{"id":"t1","function":{"name":"f","arguments":"{\"x\": "}}]}`, `"length"`, said{Blocks: []string{"call t1 f {}"}, StopReason: "max_tokens"}},
		"odd arguments": {plainly, `{"content":null,"tool_calls":[{"id":"t1","function":{"name":"f","arguments":"[1]"}},{"id":"t2","function":{"name":"f","arguments":"` + strings.Repeat("[", 99999) + `"}}]}`, `"tool_calls"`,
			said{Blocks: []string{"call t1 f {}", "call t2 f {}"}, StopReason: "tool_use"}},
		"ids that are taken": {afterCalls, `{"content":null,"tool_calls":[{"id":"t1","function":{"name":"f","arguments":"{}"}},{"id":"","function":{"name":"f","arguments":"{}"}},{"id":"t3","function":{"name":"f","arguments":"{}"}},{"id":"t3","function":{"name":"f","arguments":"{}"}}]}`, `"tool_calls"`,
			said{Blocks: []string{"call new f {}", "call new f {}", "call t3 f {}", "call new f {}"}, StopReason: "tool_use"}},
		"a call without a name":   {plainly, `{"content":"a","tool_calls":[{"id":"t1","function":{"arguments":"{}"}}]}`, `"stop"`, said{Blocks: []string{"text a"}, StopReason: "end_turn"}},
		"the text that ended it":  {withStops, `{"content":"a"}`, `"stop","stop_reason":"END"`, said{Blocks: []string{"text a"}, StopReason: "stop_sequence", Stop: "END"}},
		"the token that ended it": {withStops, `{"content":"a"}`, `"stop","stop_reason":13`, said{Blocks: []string{"text a"}, StopReason: "end_turn"}},
		"an end of its own":       {withStops, `{"content":"a"}`, `"stop","stop_reason":"eos"`, said{Blocks: []string{"text a"}, StopReason: "end_turn"}},
	} {
		c.want.Usage = usage(7, 3, 5)
		got := messageAfter(t, c.request).Whole([]byte(`{"id":"x","model":"m","choices":[{"index":0,"message":` + c.message + `,"finish_reason":` + c.rest + `}],"usage":{"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":3},"completion_tokens":5}}`))
		if diff := cmp.Diff(c.want, saidIn(t, string(got))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if gjson.GetBytes(got, "model").Str != "m" {
			t.Errorf("%s: %s", name, got)
		}
	}
	got := saidIn(t, string(messageAfter(t, plainly).Whole([]byte(`{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":2,"prompt_tokens_details":{"cached_tokens":9}}}`))))
	if diff := cmp.Diff(usage(0, 2, 0), got.Usage); diff != "" {
		t.Error(diff)
	}
}

// Two messages have two ids, whatever the provider calls them: clients know them by that.
func TestMessagesHaveIDsOfTheirOwn(t *testing.T) {
	completion := []byte(`{"id":"same","choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}`)
	a, b := gjson.GetBytes(messageAfter(t, plainly).Whole(completion), "id").Str, gjson.GetBytes(messageAfter(t, plainly).Whole(completion), "id").Str
	if a == b || len(a) < 20 {
		t.Errorf("%q and %q", a, b)
	}
}
