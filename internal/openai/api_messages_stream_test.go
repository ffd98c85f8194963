package openai

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
)

// hear is what Anthropic's SDKs make of a stream, and stricter: each block is begun, filled and ended before the next.
func hear(events string) (h said, err error) {
	var blocks []string // as they are filled
	open, stopped := false, false
	for events != "" {
		ev, rest, ok := strings.Cut(events, "\n\n")
		name, data, framed := strings.Cut(strings.TrimPrefix(ev, "event: "), "\ndata: ")
		events = rest
		g := gjson.Parse(data)
		switch {
		case ev == ": keep-alive":
			continue
		case !ok || !framed || !json.Valid([]byte(data)) || strings.ContainsAny(data, "\r\n") || g.Get("type").Str != name:
			return h, fmt.Errorf("no event: %.200q", ev)
		case stopped || h.Error != "":
			return h, fmt.Errorf("%s behind the end", name)
		case (h.Usage == nil) != (name == "message_start" || name == "error" && h.Usage == nil):
			return h, fmt.Errorf("%s before the message, or its second start", name)
		}
		at := int(g.Get("index").Int())
		switch name {
		case "message_start":
			if m := g.Get("message"); !strings.HasPrefix(m.Get("id").Str, "msg_") || m.Get("type").Str != "message" || m.Get("role").Str != "assistant" || m.Get("content").Raw != "[]" || m.Get("stop_reason").Raw != "null" {
				return h, fmt.Errorf("a message that begins as %s", data)
			}
			h.Usage = counts(g.Get("message.usage"))
		case "content_block_start":
			if open || at != len(blocks) {
				return h, fmt.Errorf("block %d begins within or out of order", at)
			}
			open = true
			b := g.Get("content_block")
			switch b.Get("type").Str {
			case "text", "thinking":
				blocks = append(blocks, b.Get("type").Str+" "+b.Get(b.Get("type").Str).Str)
			case "tool_use":
				if b.Get("input").Raw != "{}" || b.Get("id").Str == "" {
					return h, fmt.Errorf("a call that begins as %s", data)
				}
				blocks = append(blocks, "call "+b.Get("id").Str+" "+b.Get("name").Str+" ")
			}
		case "content_block_delta":
			if !open || at != len(blocks)-1 {
				return h, fmt.Errorf("more of block %d, which is not open", at)
			}
			kinds := map[string]string{"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
			member := kinds[g.Get("delta.type").Str]
			if piece := g.Get("delta." + member); member == "" || piece.Type != gjson.String || !strings.HasPrefix(blocks[at], strings.Replace(member, "partial_json", "call", 1)) {
				return h, fmt.Errorf("%s for %q", data, blocks[at])
			}
			blocks[at] += g.Get("delta." + member).Str
		case "content_block_stop":
			if !open || at != len(blocks)-1 {
				return h, fmt.Errorf("block %d ends and is not open", at)
			}
			open = false
		case "message_delta":
			h.StopReason, h.Stop, h.Usage = g.Get("delta.stop_reason").Str, g.Get("delta.stop_sequence").Value(), counts(g.Get("usage"))
		case "message_stop":
			if open || h.StopReason == "" {
				return h, fmt.Errorf("it ends in the middle")
			}
			stopped = true
		case "error":
			if h.Error = g.Get("error.type").Str; h.Error == "" {
				return h, fmt.Errorf("an error without a type: %s", data)
			}
		case "ping":
		default:
			return h, fmt.Errorf("an event %q", name)
		}
	}
	for _, b := range blocks {
		h.Blocks = append(h.Blocks, accumulated(b))
	}
	if !stopped && h.Error == "" {
		return h, fmt.Errorf("it never ends")
	}
	return h, nil
}

// accumulated is a block with its input as the SDKs read it: nothing and half an object are an empty one here, what is no object fails there.
func accumulated(block string) string {
	if parts := strings.SplitN(block, " ", 4); parts[0] == "call" {
		if strings.HasPrefix(parts[1], "toolu_") && len(parts[1]) > 20 {
			parts[1] = "new"
		}
		if parts[3] == "" || parts[3][0] == '{' {
			parts[3] = inputOf(parts[3])
		}
		block = strings.Join(parts, " ")
	}
	return block
}

func counts(usage gjson.Result) map[string]int {
	n := map[string]int{}
	for name, v := range usage.Map() {
		n[name] = int(v.Int())
	}
	return n
}

// chunks are events of a chat stream whose choices hold these deltas; the last one ends for a reason.
func chunks(reason string, deltas ...string) string {
	var b strings.Builder
	for _, d := range deltas {
		fmt.Fprintf(&b, "data: {\"id\":\"x\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":%s,\"finish_reason\":null}]}\n\n", d)
	}
	fmt.Fprintf(&b, "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":%s}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":3}}}\n\ndata: [DONE]\n\n", reason)
	return b.String()
}

func fragment(index int, id, name, arguments string) string {
	return fmt.Sprintf(`{"tool_calls":[{"index":%d,"id":%q,"function":{"name":%q,"arguments":%q}}]}`, index, id, name, arguments)
}

// A stream of chunks is a message, its blocks one behind the other whatever came when.
func TestMessagesStream(t *testing.T) {
	ten, done := usage(7, 3, 5), "end_turn"
	for name, c := range map[string]struct {
		request, stream string
		want            said
	}{
		"words":                          {plainly, chunks(`"stop"`, `{"role":"assistant","content":""}`, `{"content":"Hel"}`, `{"content":"lo"}`), said{Blocks: []string{"text Hello"}, StopReason: done}},
		"nothing":                        {plainly, chunks(`"stop"`, `{"role":"assistant","content":""}`), said{Blocks: []string{"text "}, StopReason: done}},
		"thoughts that nobody asked for": {plainly, chunks(`"stop"`, `{"reasoning_content":"b"}`, `{"content":"a"}`), said{Blocks: []string{"text a"}, StopReason: done}},
		"thoughts":                       {thinking, chunks(`"stop"`, `{"reasoning_content":"b","reasoning":"b"}`, `{"reasoning":"c"}`, `{"content":"a"}`), said{Blocks: []string{"thinking bc", "text a"}, StopReason: done}},
		"second thoughts":                {thinking, chunks(`"stop"`, `{"reasoning":"b"}`, `{"content":"a"}`, `{"reasoning":"d"}`, `{"content":"c"}`), said{Blocks: []string{"thinking b", "text a", "thinking d", "text c"}, StopReason: done}},
		"a refusal":                      {plainly, chunks(`"stop"`, `{"refusal":"No."}`), said{Blocks: []string{"text No."}, StopReason: "refusal"}},
		"calls": {plainly, chunks(`"tool_calls"`, `{"content":"I look."}`, fragment(0, "t1", "f", ""), fragment(0, "", "", `{"x"`), fragment(0, "", "", `:1}`), fragment(1, "t2", "g", `{}`)),
			said{Blocks: []string{"text I look.", `call t1 f {"x":1}`, "call t2 g {}"}, StopReason: "tool_use"}},
		"calls at once": {plainly, chunks(`"tool_calls"`, `{"tool_calls":[{"index":0,"id":"t1","function":{"name":"f","arguments":"{\"x\":"}},{"index":1,"id":"t2","function":{"name":"g","arguments":"{\"y\":"}}]}`,
			fragment(1, "", "", `2}`), fragment(2, "t3", "h", `{"z":3}`), fragment(0, "", "", `1}`)),
			said{Blocks: []string{`call t1 f {"x":1}`, `call t2 g {"y":2}`, `call t3 h {"z":3}`}, StopReason: "tool_use"}},
		"a call without arguments, and others": {plainly, chunks(`"tool_calls"`, fragment(0, "t1", "f", ""), fragment(1, "t2", "g", `{"y":2}`)), said{Blocks: []string{`call t1 f {}`, `call t2 g {"y":2}`}, StopReason: "tool_use"}},
		"words behind calls":                   {plainly, chunks(`"tool_calls"`, fragment(0, "t1", "f", `{"x"`), `{"content":"Well. "}`, fragment(0, "", "", `:1}`), `{"content":"So."}`), said{Blocks: []string{`call t1 f {"x":1}`, "text Well. So."}, StopReason: "tool_use"}},
		"thoughts behind calls":                {thinking, chunks(`"tool_calls"`, fragment(0, "t1", "f", `{"x"`), `{"reasoning":"b"}`, fragment(0, "", "", `:1}`)), said{Blocks: []string{`call t1 f {"x":1}`}, StopReason: "tool_use"}},
		"a name that comes late":               {plainly, chunks(`"tool_calls"`, fragment(0, "t1", "", `{`), fragment(1, "t2", "g", `{}`), fragment(0, "", "f", `}`)), said{Blocks: []string{`call t1 f {}`, "call t2 g {}"}, StopReason: "tool_use"}},
		"a name that never comes":              {plainly, chunks(`"stop"`, fragment(0, "t1", "", `{`), fragment(1, "t2", "g", `{}`)), said{Blocks: []string{"call t2 g {}"}, StopReason: "tool_use"}},
		"odd arguments":                        {plainly, chunks(`"tool_calls"`, fragment(0, "t1", "f", ` `), fragment(0, "", "", `null`), fragment(1, "t2", "g", ` {"y":2}`)), said{Blocks: []string{`call t1 f {}`, `call t2 g {"y":2}`}, StopReason: "tool_use"}},
		"calls that ran out":                   {plainly, chunks(`"length"`, fragment(0, "t1", "f", `{"x":`)), said{Blocks: []string{`call t1 f {}`}, StopReason: "max_tokens"}},
		"ids that are taken":                   {afterCalls, chunks(`"tool_calls"`, fragment(0, "t1", "f", `{}`), fragment(1, "", "g", `{}`)), said{Blocks: []string{"call new f {}", "call new g {}"}, StopReason: "tool_use"}},
		"the text that ended it":               {withStops, chunks(`"stop","stop_reason":"END"`, `{"content":"a"}`), said{Blocks: []string{"text a"}, StopReason: "stop_sequence", Stop: "END"}},
		"a cut":                                {plainly, strings.SplitAfter(chunks(`"stop"`, `{"content":"a"}`), "\n\n")[0] + `data: {"error":{"message":"the answer broke off","type":"server_error","param":null,"code":"timeout"}}` + "\n\n", said{Blocks: []string{"text a"}, Error: "api_error"}},
		"a limit on the way":                   {plainly, `data: {"error":{"message":"the answer broke off","type":"rate_limit_error","param":null,"code":"rate_limited"}}` + "\n\n", said{Error: "rate_limit_error"}},
	} {
		got, err := hear(string(NewTranslation(messageAfter(t, c.request)).Stream([]byte(c.stream))))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.want.Error == "" {
			c.want.Usage = ten
		}
		if c.want.Error != "" {
			got.Usage = nil
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Each chunk is answered by an event at least, so that a client which waits for one hears that there is life.
func TestMessagesStreamIsNeverSilent(t *testing.T) {
	to := NewTranslation(messageAfter(t, plainly))
	for _, ev := range strings.SplitAfter(chunks(`"tool_calls"`, `{"reasoning":"hm"}`, fragment(0, "t1", "f", `{`), fragment(1, "t2", "g", `{`), `{"content":"late"}`), "\n\n") {
		if out := to.Stream([]byte(ev)); ev != "" && !strings.HasPrefix(string(out), "event: ") {
			t.Errorf("%q for %q", out, ev)
		}
	}
}

// How much is read is told at the beginning, by our estimate, and at the end again if nobody counted it.
func TestMessagesStreamTellsWhatIsRead(t *testing.T) {
	out := string(NewTranslation(messageAfter(t, `{"stream":true,"messages":[{"role":"user","content":"`+strings.Repeat("word ", 100)+`"}]}`)).Stream(
		[]byte(`data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n")))
	first, _, _ := strings.Cut(out, "\n\n")
	if n := gjson.Get(strings.SplitN(first, "data: ", 2)[1], "message.usage.input_tokens").Int(); n < 90 || n > 110 {
		t.Errorf("%s", first)
	}
	if h, err := hear(out); err != nil || h.Usage["input_tokens"] < 90 {
		t.Errorf("%v %v", h, err)
	}
}

// What waits for its turn is bounded: calls that never come one after the other end the answer.
func TestMessagesStreamKeepsLittle(t *testing.T) {
	to := NewTranslation(messageAfter(t, plainly))
	var out strings.Builder
	stream := strings.SplitAfter(chunks(`"tool_calls"`, fragment(0, "t1", "f", `{`), fragment(1, "t2", "g", `{"y":"`)), "\n\n")
	out.Write(to.Stream([]byte(stream[0] + stream[1])))
	more := []byte("data: {\"choices\":[{\"index\":0,\"delta\":" + fragment(1, "", "", strings.Repeat("y", 1<<20)) + "}]}\n\n")
	for range 8 {
		out.Write(to.Stream(more))
	}
	if h, err := hear(out.String()); err != nil || h.Error != "api_error" {
		t.Errorf("%v %v", h.Error, err)
	}
}

// A recorded stream, told as events, is the message that the same completion is when it is whole; one that breaks off behind its first
// content is told as far as it came, and then the error.
func TestMessagesStreamLikeWhole(t *testing.T) {
	streams, broken := 0, 0
	for name, body := range recorded(t) {
		r := relay(ChatOptions{IncludeUsage: true}, false, []byte(body))
		if r.sent == "" {
			continue
		}
		for _, request := range []string{plainly, thinking} {
			got, err := hear(string(NewTranslation(messageAfter(t, request)).Stream([]byte(r.sent))))
			switch {
			case err != nil:
				t.Errorf("%s: %v", name, err)
			case r.verdict.State != Done:
				broken++
				if got.Error == "" {
					t.Errorf("%s: %+v", name, got)
				}
			default:
				streams++
				want := saidIn(t, string(messageAfter(t, request).Whole(wholeOf(t, r.sent))))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
			}
		}
	}
	if streams < 100 || broken < 10 {
		t.Errorf("%d streams, %d broken ones", streams, broken)
	}
}

func FuzzMessagesStream(f *testing.F) {
	f.Add(chunks(`"stop"`, `{"content":"a"}`))
	f.Add(chunks(`"tool_calls"`, `{"reasoning":"b"}`, fragment(0, "t", "f", `{"x"`), fragment(1, "", "g", `{}`), `{"content":"a"}`, fragment(0, "", "", `:1}`)))
	f.Add(`data: {"choices":[{"delta":{"content":"a"}}]}` + "\n\n" + `data: {"error":{"message":"m","type":"t"}}` + "\n\ndata: [DONE]\n\n")
	f.Fuzz(func(t *testing.T, stream string) {
		for _, request := range []string{plainly, thinking} {
			out := string(NewTranslation(messageAfter(t, request)).Stream([]byte(stream + "\n\ndata: [DONE]\n\n")))
			if _, err := hear(out); err != nil {
				t.Fatalf("%v:\n%s", err, out)
			}
		}
		if whole := messageAfter(t, thinking).Whole([]byte(stream)); !json.Valid(whole) {
			t.Fatalf("%s", whole)
		}
	})
}
