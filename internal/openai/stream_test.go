package openai

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"freefall/fallback"
)

var testNow = time.Unix(1764000000, 0)

// streamSample is a row of testdata/sse/index.json.
type streamSample struct {
	ID          string
	File        string
	ContentType string `json:"content_type"`
	Packets     []int
	Expect      struct {
		Kind             string
		Content          any
		Reasoning        string
		ToolCalls        []toolCallText `json:"tool_calls"`
		FinishReason     string         `json:"finish_reason"`
		Usage            map[string]int
		Error            struct{ Class string }
		FallbackPossible bool `json:"fallback_possible"`
		API              string
	}
}

type toolCallText struct{ Name, Arguments string }

func (s *streamSample) content() string {
	switch c := s.Expect.Content.(type) {
	case string:
		return c
	case map[string]any:
		return strings.Repeat(c["repeat"].(string), int(c["count"].(float64)))
	}
	return ""
}

func readStreams(t testing.TB) (samples []streamSample) {
	t.Helper()
	index, err := os.ReadFile("testdata/sse/index.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(index, &samples); err != nil {
		t.Fatal(err)
	}
	return samples
}

func (s *streamSample) body(t testing.TB) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata/sse", s.File))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// relayed is what one run of a stream came to.
type relayed struct {
	sent    string // what the client got
	verdict Verdict
	held    string // what it gets if an empty answer is the answer
}

// relay feeds a body in packets, the way a proxy would.
func relay(opt ChatOptions, cut bool, packets ...[]byte) (r relayed) {
	s := NewChatStream(DialectOf("openrouter"), opt)
	var scan Scanner
	var out []byte
	for _, p := range packets {
		scan.Feed(p)
		for ev, ok := scan.Next(); ok; ev, ok = scan.Next() {
			out, r.verdict = s.Event(out, ev, testNow)
		}
	}
	if ev, ok := scan.End(); ok {
		out, r.verdict = s.Event(out, ev, testNow)
	}
	out, r.verdict = s.End(out, cut, testNow)
	if r.verdict.State == Failed && IsEmpty(&r.verdict.Outcome) {
		r.held = string(s.Held(nil))
	}
	r.sent = string(out)
	return r
}

// relayDocument takes a body that is no stream.
func relayDocument(opt ChatOptions, body []byte) (r relayed) {
	body, o := Complete(DialectOf("openrouter"), 200, noHeader, body, "m", testNow)
	r.verdict = Verdict{State: Failed, Outcome: o}
	if o.Class == fallback.OK {
		r.verdict.State = Done
		out, err := AppendChunks(nil, body, opt.IncludeUsage)
		if err != nil {
			panic(err)
		}
		r.sent = string(out)
	}
	return r
}

func noHeader(string) string { return "" }

// answer is what a client makes of a stream.
type answer struct {
	ids, finish, errors []string
	content, reasoning  string
	calls               []toolCallText
	usage               []map[string]int
	done                bool
}

// readAnswer is a strict client: it knows one way of framing and takes no other.
func readAnswer(stream string) (a answer, err error) {
	for stream != "" {
		frame, rest, ok := strings.Cut(stream, "\n\n")
		if !ok {
			return a, fmt.Errorf("a frame is not ended: %.100q", stream)
		}
		stream = rest
		if frame == ": keep-alive" {
			continue
		}
		data, ok := strings.CutPrefix(frame, "data: ")
		switch {
		case !ok || strings.ContainsAny(data, "\r\n"):
			return a, fmt.Errorf("not one data line: %.100q", frame)
		case a.done || len(a.errors) > 0:
			return a, fmt.Errorf("after the end: %.100q", frame)
		case data == "[DONE]":
			a.done = true
		default:
			if err := a.readChunk(data); err != nil {
				return a, err
			}
		}
	}
	if a.done == (len(a.errors) > 0) {
		return a, fmt.Errorf("done %v and errors %q", a.done, a.errors)
	}
	return a, nil
}

func (a *answer) readChunk(data string) error {
	var c struct {
		ID      string
		Created int64
		Error   *struct {
			Message, Type string
			Param, Code   *string
		}
		Choices []struct {
			Index int
			Delta struct {
				Content          any
				Reasoning        string
				ReasoningContent string `json:"reasoning_content"`
				ToolCalls        []struct {
					Index    *int
					Function struct{ Name, Arguments string }
				} `json:"tool_calls"`
			}
			FinishReason string `json:"finish_reason"`
		}
		Usage map[string]any
	}
	if err := json.Unmarshal([]byte(data), &c); err != nil {
		return fmt.Errorf("%w in %.200q", err, data)
	}
	if c.Error != nil {
		if c.Error.Message == "" || c.Error.Type == "" || c.Error.Code == nil {
			return fmt.Errorf("an error without words: %s", data)
		}
		a.errors = append(a.errors, c.Error.Message)
		return nil
	}
	if id := fmt.Sprint(c.ID, " ", c.Created); len(a.ids) == 0 {
		a.ids = append(a.ids, id)
	} else if a.ids[0] != id {
		return fmt.Errorf("identity %q after %q", id, a.ids[0])
	}
	if c.Usage != nil {
		usage := map[string]int{}
		for k, v := range c.Usage {
			if n, ok := v.(float64); ok && strings.HasSuffix(k, "_tokens") {
				usage[k] = int(n)
			}
		}
		a.usage = append(a.usage, usage)
	}
	if (len(c.Choices) == 0) != (c.Usage != nil) {
		return fmt.Errorf("choices or usage, one of them: %.200q", data)
	}
	for _, choice := range c.Choices {
		if text, ok := choice.Delta.Content.(string); ok {
			a.content += text
		}
		a.reasoning += choice.Delta.Reasoning + choice.Delta.ReasoningContent
		for _, call := range choice.Delta.ToolCalls {
			switch {
			case call.Index == nil:
				return fmt.Errorf("a tool call without index: %s", data)
			case *call.Index == len(a.calls):
				a.calls = append(a.calls, toolCallText{})
			case *call.Index > len(a.calls):
				return fmt.Errorf("tool call %d of %d: %s", *call.Index, len(a.calls), data)
			}
			a.calls[*call.Index].Name += call.Function.Name
			a.calls[*call.Index].Arguments += call.Function.Arguments
		}
		if choice.FinishReason != "" {
			a.finish = append(a.finish, choice.FinishReason)
		}
	}
	return nil
}

// Every recorded stream does what its row demands, however its bytes arrive.
func TestStreamSamples(t *testing.T) {
	right, all := 0, 0
	for _, s := range readStreams(t) {
		if s.ID == "40-responses-plain" {
			continue // of another route
		}
		all++
		ok := t.Run(s.ID, func(t *testing.T) {
			body := s.body(t)
			for name, packets := range map[string][][]byte{
				"whole": {body}, "byte by byte": everyByte(body), "packets": cutAt(body, s.Packets), "reads of 100": everyN(body, 100),
			} {
				for _, asked := range []bool{false, true} {
					opt := ChatOptions{IncludeUsage: asked}
					if s.ContentType != "text/event-stream" {
						checkSample(t, &s, name, asked, relayDocument(opt, body))
						continue
					}
					checkSample(t, &s, name, asked, relay(opt, s.Expect.Kind == "truncated", packets...))
				}
			}
		})
		if ok {
			right++
		}
	}
	t.Logf("streams right: %d of %d", right, all)
}

func checkSample(t *testing.T, s *streamSample, name string, asked bool, r relayed) {
	t.Helper()
	want, o := &s.Expect, r.verdict.Outcome
	class := want.Error.Class
	if class == "" {
		class = map[string]string{"ok": "ok", "truncated": "upstream_fault"}[want.Kind]
	}
	if o.Class.String() != class {
		t.Errorf("%s: class %s, want %s (%s)", name, o.Class, class, o.Message)
	}
	if before := r.sent == ""; before != want.FallbackPossible {
		t.Errorf("%s: another model can take over: %v, want %v\n%s", name, before, want.FallbackPossible, r.sent)
	}
	if (r.held != "") != (s.ID == "23-role-then-stop") {
		t.Errorf("%s: held %q", name, r.held)
	}
	stream := r.sent + r.held
	if stream == "" {
		return
	}
	got, err := readAnswer(stream)
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, stream)
	}
	finish := want.FinishReason
	if len(want.ToolCalls) > 0 {
		finish = "tool_calls"
	}
	if diff := cmp.Diff(want.ToolCalls, got.calls); diff != "" {
		t.Errorf("%s: tool calls (-want +got):\n%s", name, diff)
	}
	if got.content != s.content() || got.reasoning != want.Reasoning || strings.Join(got.finish, " ") != finish {
		t.Errorf("%s: content %.80q, reasoning %q, finish %q", name, got.content, got.reasoning, got.finish)
	}
	if complete := want.Kind == "ok" || want.Kind == "empty"; got.done != complete {
		t.Errorf("%s: done = %v", name, got.done)
	}
	if want.Usage != nil {
		if o.InputTokens != want.Usage["prompt_tokens"] || o.OutputTokens != want.Usage["completion_tokens"] {
			t.Errorf("%s: tokens %d and %d", name, o.InputTokens, o.OutputTokens)
		}
		var usage []map[string]int
		if asked {
			usage = append(usage, want.Usage)
		}
		if diff := cmp.Diff(usage, got.usage); diff != "" {
			t.Errorf("%s: usage sent (-want +got):\n%s", name, diff)
		}
	}
	if !asked && len(got.usage) > 0 {
		t.Errorf("%s: usage that nobody asked for: %v", name, got.usage)
	}
}

func everyByte(body []byte) [][]byte { return everyN(body, 1) }

func everyN(body []byte, n int) (packets [][]byte) {
	for ; len(body) > n; body = body[n:] {
		packets = append(packets, body[:n])
	}
	return append(packets, body)
}

func cutAt(body []byte, at []int) (packets [][]byte) {
	from := 0
	for _, to := range at {
		packets = append(packets, body[from:to])
		from = to
	}
	return append(packets, body[from:])
}

// Streams that are as they should be pass byte for byte.
func TestStreamKeepsBytes(t *testing.T) {
	for _, id := range []string{"01-plain", "16-tool-call-deltas", "17-tool-calls-parallel", "19-reasoning-then-content", "20-reasoning-content",
		"31-all-in-one-packet", "33-trap-content-talks-about-limits", "36-long-line"} {
		body, err := os.ReadFile("testdata/sse/" + id + ".sse")
		if err != nil {
			t.Fatal(err)
		}
		if r := relay(ChatOptions{}, false, body); r.sent != string(body) {
			t.Errorf("%s came out as\n%.2000s", id, r.sent)
		}
	}
	body, err := os.ReadFile("testdata/sse/24-usage-openai.sse")
	if err != nil {
		t.Fatal(err)
	}
	if r := relay(ChatOptions{IncludeUsage: true}, false, body); r.sent != string(body) {
		t.Errorf("usage that was asked for came out as\n%s", r.sent)
	}
}

// delta is a chunk of the test's own.
func deltaChunk(delta, finish string) string {
	return `data: {"id":"c1","object":"chat.completion.chunk","created":1764000000,"model":"m","choices":[{"index":0,"delta":` + delta + `,"finish_reason":` + finish + "}]}\n\n"
}

var (
	roleChunk   = deltaChunk(`{"role":"assistant","content":""}`, "null")
	helloChunk  = deltaChunk(`{"role":"assistant","content":"Hello"}`, "null")
	finishChunk = deltaChunk(`{}`, `"stop"`)
)

var wholeCall = deltaChunk(`{"role":"assistant","tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]}`, "null")

var freeTextCall = deltaChunk(`{"role":"assistant","tool_calls":[{"index":0,"id":"a","type":"custom","custom":{"name":"f","input":""}}]}`, "null")

func besideText(text, arguments string) string {
	return deltaChunk(`{"content":"`+text+`","tool_calls":[{"index":0,"function":{"arguments":"`+arguments+`"}}]}`, "null")
}

func TestStreamRepairs(t *testing.T) {
	for name, tc := range map[string]struct {
		opt      ChatOptions
		in, want string
	}{
		"another id and created": {
			in:   helloChunk + strings.NewReplacer(`"c1"`, `"c2"`, "1764000000", "1764000009").Replace(finishChunk) + doneEvent,
			want: helloChunk + finishChunk + doneEvent},
		"a blank id first": {
			in:   strings.NewReplacer(`"c1"`, `""`, "1764000000", "0").Replace(roleChunk) + helloChunk + finishChunk + doneEvent,
			want: roleChunk + helloChunk + finishChunk + doneEvent},
		"a blank id later": {
			in:   helloChunk + strings.Replace(finishChunk, `"c1"`, `""`, 1) + doneEvent,
			want: helloChunk + finishChunk + doneEvent},
		"no id at all": {
			in: `data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"a"}}]}` + "\n\n" + `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n",
			want: `data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"a"}}],"id":"chatcmpl-deh1t8phon40","created":1764000000}` + "\n\n" +
				`data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"id":"chatcmpl-deh1t8phon40","created":1764000000}` + "\n\n" + doneEvent},
		"comments after content stay alive": {
			in:   ": hi\n\n" + helloChunk + ": any words\n\nretry: 3\n\ndata:\n\n" + finishChunk,
			want: helloChunk + ": keep-alive\n\n: keep-alive\n\n" + finishChunk + doneEvent},
		"something after DONE":    {in: helloChunk + finishChunk + doneEvent + helloChunk + doneEvent, want: helloChunk + finishChunk + doneEvent},
		"a chunk without choices": {in: helloChunk + `data: {"object":"ping"}` + "\n\n" + `data: {"id":"c1","choices":[]}` + "\n\n" + finishChunk, want: helloChunk + finishChunk + doneEvent},
		"usage in every chunk, not asked": {
			in:   strings.Replace(helloChunk, `]}`, `],"usage":{"prompt_tokens":1}}`, 1) + strings.Replace(finishChunk, `]}`, `],"usage":{"prompt_tokens":2}}`, 1),
			want: helloChunk + finishChunk + doneEvent},
		"usage in every chunk, asked": {
			opt:  ChatOptions{IncludeUsage: true},
			in:   strings.Replace(helloChunk, `]}`, `],"usage":{"prompt_tokens":1}}`, 1) + strings.Replace(finishChunk, `]}`, `],"usage":{"prompt_tokens":2}}`, 1),
			want: helloChunk + finishChunk + `data: {"id":"c1","object":"chat.completion.chunk","created":1764000000,"model":"m","choices":[],"usage":{"prompt_tokens":2}}` + "\n\n" + doneEvent},
		"cut characters": {in: strings.Replace(helloChunk, "Hello", "H\xe2\x82", 1) + finishChunk, want: strings.Replace(helloChunk, "Hello", "H\ufffd", 1) + finishChunk + doneEvent},
		"calls that share an index": {
			in: roleChunk + deltaChunk(`{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}`, "null") +
				deltaChunk(`{"tool_calls":[{"index":0,"id":"b","type":"function","function":{"name":"f","arguments":"{"}},{"index":0,"function":{"arguments":"}"}}]}`, `"stop"`),
			want: roleChunk + deltaChunk(`{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}`, "null") +
				deltaChunk(`{"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"f","arguments":"{"}},{"index":1,"function":{"arguments":"}"}}]}`, `"tool_calls"`) + doneEvent},
		"calls without an index": {
			in: roleChunk + deltaChunk(`{"tool_calls":[{"function":{"name":"f","arguments":"{}"}},{"function":{"name":"g","arguments":"{"}}]}`, "null") +
				deltaChunk(`{"tool_calls":[{"function":{"arguments":"}"}}]}`, `"tool_calls"`),
			want: roleChunk + deltaChunk(`{"tool_calls":[{"function":{"name":"f","arguments":"{}"},"index":0,"id":"call_deh1t8phon400","type":"function"},{"function":{"name":"g","arguments":"{"},"index":1,"id":"call_deh1t8phon401","type":"function"}]}`, "null") +
				deltaChunk(`{"tool_calls":[{"function":{"arguments":"}"},"index":1}]}`, `"tool_calls"`) + doneEvent},
		"a call cut by the length": {
			in:   roleChunk + deltaChunk(`{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{\"a\":"}}]}`, "null") + deltaChunk(`{}`, `"length"`),
			want: roleChunk + deltaChunk(`{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{\"a\":"}}]}`, "null") + deltaChunk(`{}`, `"length"`) + doneEvent},
		"thoughts that are not shown": {
			in:   roleChunk + deltaChunk(`{}`, `"length"`) + strings.Replace(finishChunk, `[{"index":0,"delta":{},"finish_reason":"stop"}]`, `[],"usage":{"completion_tokens":9}`, 1),
			want: roleChunk + deltaChunk(`{}`, `"length"`) + doneEvent},
		"a finish_reason as long as null": {
			in:   helloChunk + strings.Replace(helloChunk, "null", `"ok"`, 1),
			want: helloChunk + strings.Replace(helloChunk, "null", `"ok"`, 1) + doneEvent},
		"a text that breaks its chunk": {in: helloChunk + strings.Replace(helloChunk, "Hello", `He"o`, 1) + finishChunk, want: helloChunk + finishChunk + doneEvent},
		"calls beside text": {
			in:   wholeCall + besideText("a", "[") + besideText("b", "[") + besideText("c", "]]") + deltaChunk(`{}`, `"tool_calls"`),
			want: wholeCall + besideText("a", "[") + besideText("b", "[") + besideText("c", "]]") + deltaChunk(`{}`, `"tool_calls"`) + doneEvent},
		"a call of nothing": {
			in:   wholeCall + deltaChunk(`{}`, `"tool_calls"`) + deltaChunk(`{}`, `"tool_calls"`),
			want: wholeCall + deltaChunk(`{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}`, `"tool_calls"`) + deltaChunk(`{}`, `"tool_calls"`) + doneEvent},
		"a call of nothing that ends at once": {
			in:   strings.Replace(wholeCall, `"finish_reason":null`, `"finish_reason":"stop"`, 1),
			want: strings.NewReplacer(`"arguments":""`, `"arguments":"{}"`, `"finish_reason":null`, `"finish_reason":"tool_calls"`).Replace(wholeCall) + doneEvent},
		"a call of free text that is empty": {in: freeTextCall + deltaChunk(`{}`, `"tool_calls"`), want: freeTextCall + deltaChunk(`{}`, `"tool_calls"`) + doneEvent},
		"two choices": {
			in:   helloChunk + strings.Replace(helloChunk, `"index":0`, `"index":1`, 1) + finishChunk + strings.Replace(finishChunk, `"index":0`, `"index":1`, 1),
			want: helloChunk + strings.Replace(helloChunk, `"index":0`, `"index":1`, 1) + finishChunk + strings.Replace(finishChunk, `"index":0`, `"index":1`, 1) + doneEvent},
	} {
		t.Run(name, func(t *testing.T) {
			r := relay(tc.opt, false, []byte(tc.in))
			if diff := cmp.Diff(tc.want, r.sent); diff != "" {
				t.Errorf("(-want +got):\n%s%+v", diff, r)
			}
			if r.verdict.State != Done || r.verdict.Outcome.Class != fallback.OK {
				t.Errorf("%+v", r.verdict)
			}
		})
	}
}

// What counts as content commits; what does not leaves the way to another model open.
func TestStreamCommitPoint(t *testing.T) {
	for delta, want := range map[string]State{
		`{"content":"a"}`:                           Content,
		`{"content":[{"type":"text","text":"a"}]}`:  Content,
		`{"reasoning":"a"}`:                         Content,
		`{"reasoning_content":"a"}`:                 Content,
		`{"reasoning_details":[{"text":"a"}]}`:      Content,
		`{"tool_calls":[{"index":0,"id":"a"}]}`:     Content,
		`{"function_call":{"name":"a"}}`:            Content,
		`{"refusal":"no"}`:                          Content,
		`{"audio":{"id":"a"}}`:                      Content,
		`{"c\u006fntent":"a"}`:                      Content,
		`{}`:                                        Hold,
		`null`:                                      Hold,
		`{"role":"assistant"}`:                      Hold,
		`{"content":""}`:                            Hold,
		`{"content":null,"tool_calls":[]}`:          Hold,
		`{"content":[],"tool_calls":null}`:          Hold,
		`{"reasoning":"","reasoning_details":[ ]}`:  Hold,
		`{"audio":{},"refusal":null}`:               Hold,
		`{"function_call":null,"tool_calls":false}`: Hold,
		`{},"logprobs":{"content":[{}]}`:            Hold,
		`{"other":{"content":"a"}}`:                 Hold,
	} {
		s := NewChatStream(DialectOf("openai"), ChatOptions{})
		if _, v := s.Event(nil, Event{Data: data(deltaChunk(delta, "null"))}, testNow); v.State != want {
			t.Errorf("%s: %s, want %s (%s)", delta, v.State, want, v.Outcome.Message)
		}
	}
}

func TestStreamFailsBeforeContent(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want fallback.Class
	}{
		"no JSON":                       {"data: <html>\n\n" + helloChunk, fallback.UpstreamFault},
		"half JSON":                     {"data: {\"choices\":[\n\n" + helloChunk, fallback.UpstreamFault},
		"JSON of another shape":         {"data: [1]\n\n", fallback.UpstreamFault},
		"choices of another shape":      {"data: {\"choices\":[null]}\n\n" + helloChunk, fallback.UpstreamFault},
		"choices twice":                 {strings.Replace(helloChunk, `"model"`, `"choices":[],"model"`, 1), fallback.UpstreamFault},
		"too deep":                      {"data: {\"a\":" + strings.Repeat("[", 100_000) + "\n\n", fallback.UpstreamFault},
		"named error without JSON":      {"event: error\ndata: overloaded\n\n", fallback.UpstreamFault},
		"named error without words":     {"event: error\ndata: {}\n\n", fallback.UpstreamFault},
		"finish_reason error":           {roleChunk + deltaChunk(`{}`, `"error"`), fallback.UpstreamFault},
		"error of a later choice":       {`data: {"choices":[{"index":0,"delta":{}},{"index":1,"error":{"code":429,"message":"Rate limit exceeded"}}]}` + "\n\n", fallback.RateLimited},
		"error with escapes in its key": {`data: {"err\u006fr":{"code":429,"message":"Rate limit exceeded"}}` + "\n\n", fallback.RateLimited},
		"error beside content":          {strings.Replace(helloChunk, `"model"`, `"error":{"code":429,"message":"Rate limit exceeded"},"model"`, 1), fallback.RateLimited},
		"half a tool call":              {deltaChunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"a\""}}]}`, `"tool_calls"`), fallback.UpstreamFault},
		"DONE without an end":           {roleChunk + doneEvent, fallback.UpstreamFault},
		"endless prelude":               {strings.Repeat(deltaChunk(`{"x":"`+strings.Repeat("x", 1000)+`"}`, "null"), 1100), fallback.UpstreamFault},
	} {
		t.Run(name, func(t *testing.T) {
			r := relay(ChatOptions{}, false, []byte(tc.in+helloChunk+finishChunk))
			if r.sent != "" || r.verdict.State != Failed || r.verdict.Outcome.Class != tc.want || r.held != "" {
				t.Errorf("%+v", r.verdict)
			}
		})
	}
}

// Errors in the form of events and chunks that name their kind elsewhere than in an error object, or not at all.
func TestStreamErrorsOfOtherForms(t *testing.T) {
	chunk := `{"id":"x","object":"chat.completion.chunk","created":1,"model":"m",`
	for in, want := range map[string]string{
		`data: ` + chunk + `"choices":null,"error_type":"BadRequestError","error_message":"This model's maximum context length is 4096 tokens."}`: "context_length",
		`data: ` + chunk + `"choices":[],"error_type":"RateLimitError","error_message":"Too many requests"}`:                                      "rate_limited",
		`data: {"statusCode":429,"message":"Rate limit is exceeded. Try again in 30 seconds."}`:                                                   "rate_limited",
		`data: {"code":"429","msg":"请求过于频繁"}`:                                                                                                     "rate_limited",
		`data: ` + chunk + `"choices":[{"index":0,"delta":{"content":"["},"finish_reason":"upstream_error"}]}`:                                    "upstream_fault",
		// These are none.
		`data: {"code":200,"msg":"ok"}`:                                                                            "ok",
		`data: ` + chunk + `"choices":[],"error_type":null,"error_message":""}`:                                    "ok",
		`data: ` + chunk + `"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}`:                       "ok",
		`data: ` + chunk + `"choices":[{"index":0,"delta":{"content":"greater than the context length: error"}}]}`: "ok",
	} {
		for _, before := range []string{"", helloChunk} {
			r := relay(ChatOptions{}, false, []byte(before+in+"\n\n"+helloChunk+finishChunk+doneEvent))
			if got := r.verdict.Outcome.Class.String(); got != want {
				t.Errorf("%q %s: %s, want %s", before, in, got, want)
			}
		}
	}
}

func TestStreamFailsAfterContent(t *testing.T) {
	broken := "data: {\"choices\":[\n\n"
	call := deltaChunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"a\":[1"}}]}`, "null")
	for name, in := range map[string]string{
		"two broken lines":             broken + helloChunk + broken + finishChunk,
		"DONE without a finish_reason": doneEvent,
		"half a tool call, tool_calls": call + deltaChunk(`{}`, `"tool_calls"`) + doneEvent,
		"half a tool call, stop":       call + finishChunk + doneEvent,
		"two objects for one call":     call + deltaChunk(`{"tool_calls":[{"index":0,"function":{"arguments":"]}{}"}}]}`, "null") + finishChunk,
		"half an old function call":    deltaChunk(`{"function_call":{"name":"f","arguments":"{"}}`, "null") + deltaChunk(`{}`, `"function_call"`),
		"the other choice is open":     strings.Replace(helloChunk, `"index":0`, `"index":1`, 1) + finishChunk + doneEvent,
		"more calls than anyone makes": manyCalls(maxCalls+1) + finishChunk,
		"an error behind the finish":   finishChunk + `data: {"error":{"message":"oh"}}` + "\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := relay(ChatOptions{IncludeUsage: true}, false, []byte(helloChunk+in))
			a, err := readAnswer(r.sent)
			if err != nil || len(a.errors) != 1 || r.verdict.State != Failed || r.verdict.Outcome.Class != fallback.UpstreamFault {
				t.Errorf("%v\n%+v\n%s", err, r.verdict, r.sent)
			}
			if strings.Contains(r.sent, `"tool_calls"}`) {
				t.Errorf("half a call ends well:\n%s", r.sent)
			}
		})
	}
	r := relay(ChatOptions{}, false, []byte(helloChunk+broken+helloChunk+finishChunk))
	if want := helloChunk + helloChunk + finishChunk + doneEvent; r.sent != want || r.verdict.State != Done {
		t.Errorf("one broken line is not forgiven:\n%s", r.sent)
	}
}

func manyCalls(n int) string {
	return deltaChunk(`{"tool_calls":[`+strings.Repeat(`{"function":{"name":"f"}},`, n-1)+`{"function":{"name":"f"}}]}`, "null")
}

// An answer that says nothing is not sent, but can be, if no model has more to say.
func TestStreamEmpty(t *testing.T) {
	usage := `data: {"id":"c1","object":"chat.completion.chunk","created":1764000000,"model":"m","choices":[],"usage":{"completion_tokens":9}}` + "\n\n"
	r := relay(ChatOptions{IncludeUsage: true}, false, []byte(roleChunk+finishChunk+usage+doneEvent))
	if want := roleChunk + finishChunk + usage + doneEvent; r.sent != "" || r.held != want || r.verdict.Outcome.OutputTokens != 9 {
		t.Errorf("%+v", r)
	}
}

// A limit that comes behind the content is told as one.
func TestStreamErrorEvent(t *testing.T) {
	r := relay(ChatOptions{}, false, []byte(helloChunk+`data: {"error":{"message":"Rate limit exceeded","code":429}}`+"\n\n"+doneEvent))
	want := helloChunk + `data: {"error":{"message":"the answer broke off: Rate limit exceeded","type":"rate_limit_error","param":null,"code":"rate_limited"}}` + "\n\n"
	if diff := cmp.Diff(want, r.sent); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A secret in a provider's words does not reach the client.
func TestStreamErrorIsCleaned(t *testing.T) {
	r := relay(ChatOptions{}, false, []byte(helloChunk+`data: {"error":{"message":"bad key sk-or-v1-0123456789abcdef0123456789abcdef\nfor you","code":500}}`+"\n\n"))
	a, err := readAnswer(r.sent)
	if err != nil || len(a.errors) != 1 || strings.Contains(r.sent, "0123456789abcdef") || strings.Contains(a.errors[0], "\n") {
		t.Errorf("%v\n%s", err, r.sent)
	}
}

func TestStreamAbort(t *testing.T) {
	timeout := fallback.Outcome{Class: fallback.Timeout, Message: "silence for 30s"}
	for name, tc := range map[string]struct {
		in    string
		state State
		want  string
	}{
		"before content":    {roleChunk, Failed, ""},
		"after content":     {helloChunk, Failed, helloChunk + `data: {"error":{"message":"the answer broke off: silence for 30s","type":"server_error","param":null,"code":"timeout"}}` + "\n\n"},
		"behind the finish": {helloChunk + finishChunk, Done, helloChunk + finishChunk + doneEvent},
	} {
		s := NewChatStream(DialectOf("openai"), ChatOptions{})
		var scan Scanner
		var out []byte
		scan.Feed([]byte(tc.in))
		for ev, ok := scan.Next(); ok; ev, ok = scan.Next() {
			out, _ = s.Event(out, ev, testNow)
		}
		out, v := s.Abort(out, timeout, testNow)
		if v.State != tc.state || string(out) != tc.want || v.State == Failed && v.Outcome.Class != fallback.Timeout {
			t.Errorf("%s: %+v\n%s", name, v, out)
		}
	}
}

// A stream that was used once is as good as new: nothing of its first answer is in its second.
func TestStreamReset(t *testing.T) {
	s := NewChatStream(DialectOf("openai"), ChatOptions{IncludeUsage: true})
	first := roleChunk + deltaChunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}]}`, "null") +
		strings.Replace(helloChunk, `]}`, `],"usage":{"prompt_tokens":1}}`, 1) + helloChunk + "data: broken\n\n"
	feed(s, first)
	s.Reset(DialectOf("openai"), ChatOptions{})

	think := strings.Replace(deltaChunk(`{"role":"assistant","reasoning":"Hm"}`, "null"), "c1", "c2", 1)
	out, v := feed(s, think+helloChunk+finishChunk)
	want := think + strings.ReplaceAll(helloChunk+finishChunk, "c1", "c2") + doneEvent
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if v.Outcome != (fallback.Outcome{Action: fallback.PassThrough, Status: 200}) {
		t.Errorf("%+v", v)
	}
}

// A chunk that was edited is no template: its text is not where it was.
func TestStreamTemplate(t *testing.T) {
	s := NewChatStream(DialectOf("openai"), ChatOptions{})
	s.Event(nil, Event{Data: data(deltaChunk(`{"tool_calls":[{"index":0}]}`, "null"))}, testNow)
	s.Event(nil, Event{Data: data(strings.Replace(helloChunk, "c1", "another", 1))}, testNow)
	if s.last.head != 0 {
		t.Error("an edited chunk was learnt")
	}
	s.Event(nil, Event{Data: data(helloChunk)}, testNow)
	for text, want := range map[string]bool{"": true, "a": true, `a \"b\" \u00e9`: true, "안녕": true, `a"b`: false, `a\`: false, "a\n": false, "\xff": false, `","x":"`: false} {
		if got := s.last.fits(data(strings.Replace(helloChunk, "Hello", text, 1))); got != want {
			t.Errorf("%q fits: %v", text, got)
		}
	}
}

// data gives what stands in a frame.
func data(frame string) []byte {
	return []byte(strings.TrimSuffix(strings.TrimPrefix(frame, "data: "), "\n\n"))
}

// feed gives the whole stream to s.
func feed(s *ChatStream, in string) (out []byte, v Verdict) {
	return s.End(feedEvents(s, in), false, testNow)
}

func feedEvents(s *ChatStream, in string) (out []byte) {
	var scan Scanner
	scan.Feed([]byte(in))
	for ev, ok := scan.Next(); ok; ev, ok = scan.Next() {
		out, _ = s.Event(out, ev, testNow)
	}
	return out
}

func BenchmarkChatStream(b *testing.B) {
	for name, chunk := range map[string]string{
		"text":      helloChunk,
		"usage":     strings.Replace(helloChunk, `]}`, `],"usage":null}`, 1),
		"reasoning": deltaChunk(`{"role":"assistant","content":"","reasoning":"Let me think"}`, "null"),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			s := NewChatStream(DialectOf("openai"), ChatOptions{})
			data := data(chunk)
			dst, _ := s.Event(nil, Event{Data: data}, testNow)
			for b.Loop() {
				dst, _ = s.Event(dst[:0], Event{Data: data}, testNow)
			}
		})
	}
}
