package openai

import (
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"freefall/fallback"
)

// completion is a whole answer with that message.
func completion(message, finish string) string {
	return `{"id":"c1","object":"chat.completion","created":1764000000,"model":"m","choices":[{"index":0,"message":` + message + `,"finish_reason":` + finish +
		`}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}`
}

func call(arguments string) string {
	return `{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"` + arguments + `"}}]}`
}

const freeCall = `{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"custom","custom":{"name":"f","input":""}}]}`

func TestComplete(t *testing.T) {
	for name, tc := range map[string]struct {
		body, want string
		class      fallback.Class
	}{
		"good":                   {body: completion(`{"role":"assistant","content":"Hello"}`, `"stop"`)},
		"byte order mark":        {body: "\ufeff" + completion(`{"role":"assistant","content":"Hello"}`, `"stop"`), want: completion(`{"role":"assistant","content":"Hello"}`, `"stop"`)},
		"calls that end well":    {body: completion(call(`{}`), `"tool_calls"`)},
		"calls that end in stop": {body: completion(call(`{\"a\":1}`), `"stop"`), want: completion(call(`{\"a\":1}`), `"tool_calls"`)},
		"a call of nothing":      {body: completion(call(``), `"tool_calls"`), want: completion(call(`{}`), `"tool_calls"`)},
		"a call of free text":    {body: completion(freeCall, `"tool_calls"`)},
		"another API's answer":   {body: `{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"text","text":"Hello"}],"stop_reason":"end_turn"}`, class: fallback.UpstreamFault},
		"calls cut by length":    {body: completion(call(`{\"a\"`), `"length"`)},
		"half a call":            {body: completion(call(`{\"a\"`), `"tool_calls"`), class: fallback.UpstreamFault},
		"half a call, stop":      {body: completion(call(`{\"a\"`), `"stop"`), class: fallback.UpstreamFault},
		"error":                  {body: `{"error":{"code":429,"message":"Rate limit exceeded"}}`, class: fallback.RateLimited},
		"no finish_reason":       {body: completion(`{"role":"assistant","content":"Hello"}`, `null`), want: completion(`{"role":"assistant","content":"Hello"}`, `"stop"`)},
		"calls without one":      {body: completion(call(`{}`), `null`), want: completion(call(`{}`), `"tool_calls"`)},
		"empty":                  {body: completion(`{"role":"assistant","content":""}`, `"stop"`), class: fallback.UpstreamFault},
	} {
		if tc.want == "" {
			tc.want = tc.body
		}
		body, o := Complete(DialectOf("openrouter"), 200, noHeader, []byte(tc.body), "m", testNow)
		if string(body) != tc.want || o.Class != tc.class {
			t.Errorf("%s: %s %s\n%s", name, o.Class, o.Message, body)
		}
		if tc.class == fallback.OK && (o.InputTokens != 3 || o.OutputTokens != 1) {
			t.Errorf("%s: tokens %d, %d", name, o.InputTokens, o.OutputTokens)
		}
	}
}

// A provider that ignored `stream` is heard all the same.
func TestDocument(t *testing.T) {
	head := `data: {"id":"c1","object":"chat.completion.chunk","created":1764000000,"model":"m","choices":[`
	usage := head + `],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}` + "\n\n"
	for name, tc := range map[string]struct {
		body, want string
		asked      bool
	}{
		"text": {
			body: completion(`{"role":"assistant","content":"Hel\nlo"}`, `"stop"`), asked: true,
			want: head + `{"index":0,"delta":{"role":"assistant","content":"Hel\nlo"},"finish_reason":null}]}` + "\n\n" + finishChunk + usage + doneEvent,
		},
		"pretty JSON": {
			body: strings.ReplaceAll(completion(`{"role":"assistant","content":"Hello"}`, `"stop"`), `,"c`, ",\r\n\"c"),
			want: strings.ReplaceAll(head+`{"index":0,"delta":{"role":"assistant","content":"Hello"},"finish_reason":null}]}`+"\n\n"+finishChunk, `,"c`, `,  "c`) + doneEvent,
		},
		"calls": {
			body: completion(call(`{}`), `"stop"`),
			want: head + `{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"},"index":0}]},"finish_reason":null}]}` + "\n\n" +
				head + `{"index":0,"delta":{},"finish_reason":"tool_calls"}]}` + "\n\n" + doneEvent,
		},
		"two choices, one without an end": {
			body: `{"choices":[{"message":{"content":"a"},"logprobs":{"content":[]},"finish_reason":null},{"index":1,"message":{"content":"b"},"finish_reason":"length"}]}`,
			want: strings.ReplaceAll(`data: {"choices":[{"index":0,"delta":{"content":"a","role":"assistant"},"logprobs":{"content":[]},"finish_reason":null}]TAIL`+
				`data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]TAIL`+
				`data: {"choices":[{"index":1,"delta":{"content":"b","role":"assistant"},"finish_reason":null}]TAIL`+
				`data: {"choices":[{"index":1,"delta":{},"finish_reason":"length"}]TAIL`, "TAIL",
				`,"id":"chatcmpl-deh1t8phon40","object":"chat.completion.chunk","created":1764000000,"model":"m"}`+"\n\n") + doneEvent,
		},
	} {
		r := relayDocument(ChatOptions{IncludeUsage: tc.asked}, []byte(tc.body))
		if diff := cmp.Diff(tc.want, r.sent); diff != "" || r.verdict.State != Done {
			t.Errorf("%s: %+v (-want +got):\n%s", name, r.verdict, diff)
		}
	}
}

func TestDocumentFails(t *testing.T) {
	for name, tc := range map[string]struct {
		body  string
		class fallback.Class
		empty bool
	}{
		"page":           {"<html>", fallback.UpstreamFault, false},
		"lines of JSON":  {"{\"a\":1}\n{\"a\":2}\n", fallback.UpstreamFault, false},
		"half":           {completion(`{"content":"a"}`, `"stop"`)[:100], fallback.UpstreamFault, false},
		"error":          {`{"error":{"code":429,"message":"Rate limit exceeded"}}`, fallback.RateLimited, false},
		"deep":           {`{"a":` + strings.Repeat("[", 1_000_000), fallback.UpstreamFault, false},
		"another object": {`{"object":"list","data":[]}`, fallback.UpstreamFault, false},
		"empty":          {completion(`{"role":"assistant","content":""}`, `"stop"`), fallback.UpstreamFault, true},
	} {
		body, o := Complete(DialectOf("openrouter"), 200, noHeader, []byte(tc.body), "m", testNow)
		if o.Class != tc.class || IsEmpty(&o) != tc.empty {
			t.Errorf("%s: %+v", name, o)
		}
		out, err := AppendChunks(nil, body, true)
		if (err == nil) != tc.empty {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if tc.empty {
			checkFrames(t, string(out))
		}
	}
}

// What a hostile answer holds very many of is written once: what is allocated grows with its size, not with the square of it.
func TestHostileDocumentsAreReadOnce(t *testing.T) {
	const n = 10_000
	call := `{"function":{"name":"f","arguments":{}}}`
	for name, tc := range map[string]struct {
		body  string
		class fallback.Class
	}{
		"choices": {`{"choices":[` + strings.Repeat(`{"message":{"content":"a","tool_calls":[`+call+`]},"finish_reason":"stop"},`, n) + `{"message":{}}]}`, fallback.UpstreamFault},
		"calls":   {completion(`{"role":"assistant","tool_calls":[`+strings.Repeat(call+",", n)+call+`]}`, `"stop"`), fallback.UpstreamFault},
		"a large member beside choices": {`{"id":"x","created":1,"junk":"` + strings.Repeat("x", 1<<20) + `","choices":[` +
			strings.Repeat(`{"message":{"content":"a"}},`, maxChoices-1) + `{"message":{"content":"a"}}]}`, fallback.OK},
		"parts": {completion(`{"role":"assistant","content":[`+strings.Repeat(`{"type":"text","text":"a"},`, n)+`"a"]}`, `"stop"`), fallback.OK},
	} {
		grewLikeInput(t, name, tc.body, func() {
			body, o := Complete(DialectOf("openrouter"), 200, noHeader, []byte(tc.body), "m", testNow)
			_, err := AppendChunks(nil, body, true)
			if o.Class != tc.class || err != nil && tc.class == fallback.OK {
				t.Errorf("%s: %s %s, %v", name, o.Class, o.Message, err)
			}
		})
	}
	for name, in := range map[string]string{
		"fragments": deltaChunk(`{"tool_calls":[`+strings.Repeat(`{"function":{"arguments":""}},`, n)+`{}]}`, "null"),
		"choices":   `data: {"choices":[` + strings.Repeat(`{},`, n) + `{}]}` + "\n\n",
		"lines":     strings.Repeat("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n", n) + "\n",
	} {
		grewLikeInput(t, name+" of an event", in, func() {
			if r := relay(ChatOptions{}, false, []byte(in)); r.verdict.State != Failed {
				t.Errorf("%s: %+v", name, r.verdict)
			}
		})
	}
}

func grewLikeInput(t *testing.T, name, in string, read func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	read()
	runtime.ReadMemStats(&after)
	if grew := (after.TotalAlloc - before.TotalAlloc) / uint64(len(in)); grew > 400 {
		t.Errorf("%s: %d bytes allocated for each byte read", name, grew)
	} else {
		t.Logf("%s: %d bytes allocated for each byte read", name, grew)
	}
}

// Chunks of one answer have one id, or none: a client takes others for another answer's. One of kilobytes is not repeated.
func TestChunksOfALongID(t *testing.T) {
	for _, n := range []int{10, maxBeside, 1 << 20} {
		body := `{"id":"` + strings.Repeat("x", n) + `","created":1,"choices":[` + strings.Repeat(`{"message":{"content":"a"}},`, 9) + `{"message":{"content":"a"}}]}`
		out, err := AppendChunks(nil, []byte(body), false)
		ids := map[string]bool{}
		for line := range strings.SplitSeq(string(out), "\n") {
			if doc, ok := strings.CutPrefix(line, "data: {"); ok {
				ids[gjson.Get("{"+doc, "id").Str] = true
			}
		}
		if err != nil || len(ids) != 1 || len(out) > 2*len(body)+4096 && n > 10 {
			t.Errorf("an id of %d bytes: %v, %d ids, %d bytes of %d", n, err, len(ids), len(out), len(body))
		}
	}
}
