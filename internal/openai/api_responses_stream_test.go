package openai

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// Each recorded stream comes to the response that its answer is as a whole: text, thoughts, calls, usage, why it ended. One that breaks off
// never ends well.
func TestResponsesStreamIsWhole(t *testing.T) {
	good, broken := 0, 0
	for name, body := range recorded(t) {
		r := relay(ChatOptions{IncludeUsage: true}, false, []byte(body))
		if r.sent == "" {
			continue
		}
		events := streamedResponse(t, responseTo(t, threeTools), r.sent)
		last := events[len(events)-1]
		if r.verdict.State != Done {
			if broken++; last.Get("type").Str != "response.failed" || strings.Contains(eventTypes(events), " completed") {
				t.Errorf("%s: %s", name, eventTypes(events))
			}
			continue
		}
		good++
		completion := wholeOf(t, r.sent)
		whole := gjson.ParseBytes(responseTo(t, threeTools).Whole(completion))
		if streamed := last.Get("response"); !sameJSON(streamed.Raw, whole.Raw) {
			t.Errorf("%s:\nstreamed %s\nwhole    %s", name, streamed, whole)
		}
		if text, want := textOf(whole, "message", "content"), gjson.GetBytes(completion, "choices.0.message.content").Str; text != want {
			t.Errorf("%s: it says %q, want %q", name, text, want)
		}
	}
	if good < 100 || broken < 10 {
		t.Errorf("%d good streams and %d broken ones among those that were recorded", good, broken)
	}
}

func textOf(response gjson.Result, kind, list string) (text string) {
	for _, it := range response.Get("output").Array() {
		if it.Get("type").Str == kind {
			for _, part := range it.Get(list).Array() {
				text += part.Get("text").Str
			}
		}
	}
	return text
}

// wholeOf makes a completion of a chat stream, as a client that adds up deltas would.
func wholeOf(t testing.TB, stream string) []byte {
	t.Helper()
	message, calls := map[string]any{}, []map[string]any{}
	out := map[string]any{}
	finish := ""
	for frame := range strings.SplitSeq(stream, "\n\n") {
		data, ok := strings.CutPrefix(frame, "data: {")
		if !ok {
			continue
		}
		doc := gjson.Parse("{" + data)
		for _, key := range []string{"id", "model", "created", "usage"} {
			if v := doc.Get(key); sent(v) {
				out[key] = v.Value()
			}
		}
		choice := doc.Get("choices.0")
		if r := choice.Get("finish_reason").Str; r != "" {
			finish = r
		}
		delta := choice.Get("delta")
		for key, v := range map[string]gjson.Result{"content": delta.Get("content"), "reasoning": thoughtsOf(delta), "refusal": delta.Get("refusal")} {
			if isText(v) {
				before, _ := message[key].(string)
				message[key] = before + v.Str
			}
		}
		if f := delta.Get("function_call"); f.IsObject() {
			before, _ := message["function_call"].(map[string]string)
			message["function_call"] = map[string]string{"name": before["name"] + f.Get("name").Str, "arguments": before["arguments"] + f.Get("arguments").Str}
		}
		for _, c := range delta.Get("tool_calls").Array() {
			n := int(c.Get("index").Int())
			for len(calls) <= n {
				calls = append(calls, map[string]any{"type": "function"})
			}
			f, _ := calls[n]["function"].(map[string]string)
			if f == nil {
				f = map[string]string{}
				calls[n]["function"] = f
			}
			f["name"] += c.Get("function.name").Str
			f["arguments"] += c.Get("function.arguments").Str
			if id := c.Get("id"); isText(id) {
				calls[n]["id"] = id.Str
			}
		}
	}
	if len(calls) > 0 {
		message["tool_calls"] = calls
	}
	out["choices"] = []any{map[string]any{"index": 0, "message": message, "finish_reason": finish}}
	body, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// Whatever a stream holds becomes events of one form, and nothing follows an end.
func FuzzResponsesEvent(f *testing.F) {
	files, err := filepath.Glob("testdata/sse/*.sse")
	if err != nil || len(files) == 0 {
		f.Fatal(err, len(files))
	}
	for _, file := range files {
		if body, err := os.ReadFile(file); err == nil && len(body) < 4<<10 {
			f.Add(body)
		}
	}
	f.Add([]byte(thinkChunks + textChunks + callChunks + usageChunk + endChunk("length") + doneEvent))
	f.Add([]byte("data:{\"choices\":[{\"delta\":{\"tool_calls\":[{}]}}]}\n\ndata:{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":1,\"function\":{\"name\":\"f\"}}]}}]}\n\n")) // the second call has its name first
	f.Fuzz(func(t *testing.T, body []byte) {
		r := relay(ChatOptions{IncludeUsage: true}, true, body)
		if r.sent == "" {
			return
		}
		events := streamedResponse(t, responseTo(t, threeTools), r.sent)
		ends := map[State]string{Done: "completed incomplete", Failed: "failed"}[r.verdict.State]
		for i, ev := range events {
			name := strings.TrimPrefix(ev.Get("type").Str, "response.")
			isEnd := name == "completed" || name == "incomplete" || name == "failed"
			if last := i == len(events)-1; isEnd != last || last && !strings.Contains(ends, name) {
				t.Fatalf("%s after a stream that was %s", eventTypes(events), r.verdict.State)
			}
		}
	})
}
