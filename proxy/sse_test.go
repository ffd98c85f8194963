package proxy

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"freefall/internal/fakellm"
)

// heard is what a strict client makes of a stream.
type heard struct {
	content, reasoning string
	arguments          []string // of the tool calls
	names              []string
	finish             []string
	errors             []errorObject
	usage              int
	done               bool
}

// readStream knows one way of framing and takes no other: `data: {json}` and a blank line, comments, one id, and at the end
// either [DONE] or one error.
func readStream(body string) (a heard, err error) {
	id := ""
	for body != "" {
		frame, rest, ok := strings.Cut(body, "\n\n")
		if !ok {
			return a, fmt.Errorf("a frame is not ended: %.100q", body)
		}
		body = rest
		if strings.HasPrefix(frame, ":") && !strings.ContainsAny(frame, "\r\n") {
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
			continue
		}
		this, err := a.read(data)
		switch {
		case err != nil:
			return a, err
		case id == "":
			id = this
		case this != "" && this != id:
			return a, fmt.Errorf("%s after %s", this, id)
		}
	}
	if a.done == (len(a.errors) > 0) {
		return a, fmt.Errorf("done %v and errors %v", a.done, a.errors)
	}
	return a, nil
}

// read takes one event and gives its identity, "" for an error.
func (a *heard) read(data string) (id string, err error) {
	var c struct {
		ID      string
		Created int64
		Error   *errorObject
		Choices []struct {
			Delta struct {
				Content, Reasoning string
				ReasoningContent   string `json:"reasoning_content"`
				ToolCalls          []struct {
					Index    *int
					Function struct{ Name, Arguments string }
				} `json:"tool_calls"`
			}
			FinishReason string `json:"finish_reason"`
		}
		Usage *struct{}
	}
	if err := json.Unmarshal([]byte(data), &c); err != nil {
		return "", fmt.Errorf("%w in %.200q", err, data)
	}
	if c.Error != nil {
		if c.Error.Message == "" || c.Error.Type == "" || c.Error.Code == nil {
			return "", fmt.Errorf("an error without words: %s", data)
		}
		a.errors = append(a.errors, *c.Error)
		return "", nil
	}
	if c.Usage != nil {
		a.usage++
	}
	for _, choice := range c.Choices {
		a.content += choice.Delta.Content
		a.reasoning += choice.Delta.Reasoning + choice.Delta.ReasoningContent
		for _, call := range choice.Delta.ToolCalls {
			if call.Index == nil || *call.Index > len(a.names) {
				return "", fmt.Errorf("a tool call without its index: %s", data)
			}
			if *call.Index == len(a.names) {
				a.names, a.arguments = append(a.names, ""), append(a.arguments, "")
			}
			a.names[*call.Index] += call.Function.Name
			a.arguments[*call.Index] += call.Function.Arguments
		}
		if choice.FinishReason != "" {
			a.finish = append(a.finish, choice.FinishReason)
		}
	}
	return fmt.Sprint(c.ID, " ", c.Created), nil
}

const streamFiles = "../internal/openai/testdata/sse"

// streamSample is a recorded stream and what a client should make of it.
type streamSample struct {
	ID          string
	File        string
	ContentType string `json:"content_type"`
	Packets     []int
	Expect      struct {
		Kind             string
		Content          any
		Reasoning        string
		ToolCalls        []struct{ Name, Arguments string } `json:"tool_calls"`
		FinishReason     string                             `json:"finish_reason"`
		Error            struct{ Class string }
		FallbackPossible bool `json:"fallback_possible"`
		API              string
	}
	body     string
	servedAs string // the Content-Type it comes with
}

// readStreams are those of chat completions.
func readStreams(t *testing.T) (samples []streamSample) {
	t.Helper()
	index, err := os.ReadFile(filepath.Join(streamFiles, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []streamSample
	if err := json.Unmarshal(index, &all); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		body, err := os.ReadFile(filepath.Join(streamFiles, s.File))
		if err != nil {
			t.Fatal(err)
		}
		if s.body, s.servedAs = string(body), s.ContentType; s.Expect.API == "" {
			samples = append(samples, s)
		}
	}
	return samples
}

// class is the verdict on the attempt, streamed or asked for as a whole.
func (s *streamSample) class(stream bool) string {
	switch {
	case !stream && s.ContentType == "text/event-stream":
		return "upstream_fault" // no JSON
	case s.Expect.Error.Class != "":
		return s.Expect.Error.Class
	case s.Expect.Kind == "truncated":
		return "upstream_fault"
	}
	return "ok"
}

func (s *streamSample) content() string {
	switch c := s.Expect.Content.(type) {
	case string:
		return c
	case map[string]any:
		return strings.Repeat(c["repeat"].(string), int(c["count"].(float64)))
	}
	return ""
}

// paces are the ways in which the bytes of a stream arrive; nil is one write.
func (s *streamSample) paces() map[string][]int {
	bytes := []int{-1}
	if len(s.body) > 100_000 { // a write for each of so many bytes shows nothing more than one for each 997
		bytes = nil
		for at := 997; at < len(s.body); at += 997 {
			bytes = append(bytes, at)
		}
	}
	return map[string][]int{"in one": nil, "in packets": append([]int{}, s.Packets...), "byte by byte": bytes}
}

// Every recorded stream as model a1 before the good model b1: a failure before the content is hidden whole, one behind it
// is told once.
func TestStreamSamples(t *testing.T) {
	var counts tally
	for _, s := range readStreams(t) {
		right := true
		for pace, packets := range s.paces() {
			right = t.Run(s.ID+"/"+pace, func(t *testing.T) { s.serve(t, packets, true) }) && right
		}
		right = t.Run(s.ID+"/not asked for", func(t *testing.T) { s.serve(t, nil, false) }) && right
		for _, wrong := range []string{"application/json", "text/event-stream", "text/plain; charset=latin-1", "text/html", "x"} {
			other := s
			other.servedAs = wrong // no proof of what follows
			right = t.Run(s.ID+"/as "+wrong, func(t *testing.T) { other.serve(t, nil, true) }) && right
		}
		counts.add("streams", right)
	}
	counts.print(t, "streams before a good one")
	if counts.all["streams"] != 39 {
		t.Errorf("%d streams, want 39", counts.all["streams"])
	}
}

func (s *streamSample) serve(t *testing.T, packets []int, stream bool) {
	d := demand{dialect: "openrouter"}
	inBubble(t, d.plan("a/a1", "b/b1"), func(w *world) {
		step := fakellm.Raw(200, map[string]string{"content-type": s.servedAs}, s.body).Forever()
		step.Packets = packets
		w.fakes["a"].Script("a1", step)
		good := w.chat(asked("b1", stream))
		got := w.chat(asked("auto", stream))
		class := s.class(stream)
		switch {
		case stream && s.Expect.FallbackPossible, !stream && class != "ok":
			got.check(w, 200, "a1="+class+"; b1=ok", "b1")
			if scrubbed(got.body) != scrubbed(good.body) {
				t.Errorf("not b1's whole answer:\n%s\nwant\n%s", got.body, good.body)
			}
		case stream:
			got.check(w, 200, "a1=ok", "a1") // the head is written at the first content
			s.checkRelayed(w, got)
		default:
			got.check(w, 200, "a1=ok", "a1")
			if got.body != s.body {
				t.Errorf("the answer was changed:\n%s", got.body)
			}
		}
		_, rows := w.state()
		count := map[string]int{"ok": 0, "content_policy": 0, "rate_limited": 1, "upstream_fault": 1, "overloaded": 1}[class]
		if a := rows["a1"]; a.FailureCount != count || a.Available != (class != "rate_limited") {
			t.Errorf("%s, and a1 is %+v", class, a)
		}
		phrase := "Model a1 failed"
		if class == "rate_limited" {
			phrase = "Rate limit on a1"
		}
		if n := strings.Count(w.log.String(), phrase); (class != "ok") != (n == 1) {
			t.Errorf("%s, and %d times %q in\n%s", class, n, phrase, w.log)
		}
	})
}

// checkRelayed compares a1's stream as the client got it.
func (s *streamSample) checkRelayed(w *world, got answer) {
	w.Helper()
	a, err := readStream(got.body)
	if err != nil {
		w.Fatalf("%v\n%.2000s", err, got.body)
	}
	checkStrictStream(w, got.body)
	want := heard{content: s.content(), reasoning: s.Expect.Reasoning, done: s.Expect.Kind == "ok"}
	for _, call := range s.Expect.ToolCalls {
		want.names, want.arguments = append(want.names, call.Name), append(want.arguments, call.Arguments)
	}
	switch {
	case len(want.names) > 0:
		want.finish = []string{"tool_calls"}
	case s.Expect.FinishReason != "":
		want.finish = []string{s.Expect.FinishReason}
	}
	if !want.done {
		want.errors = a.errors // readStream wants exactly one then
		if code := *a.errors[0].Code; code != s.class(true) {
			w.Errorf("the error event says %s, want %s", code, s.class(true))
		}
	}
	if diff := cmp.Diff(want, a, cmp.AllowUnexported(heard{})); diff != "" {
		w.Errorf("(-want +got):\n%.3000s", diff)
	}
}

// Answers to a streamed request that nobody recorded: what is no stream of chunks is hidden, what is odd but whole arrives.
func TestOddStreams(t *testing.T) {
	chunk := func(content, finish string) string {
		return `{"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"` + content + `"},"finish_reason":` + finish + `}]}`
	}
	event := func(content, finish string) string { return "data: " + chunk(content, finish) + "\n\n" }
	end, done := event("", `"stop"`), "data: [DONE]\n\n"
	stream := func(body string) fakellm.Step { return fakellm.RawStream(body, 0) }
	long := strings.Repeat("x", 1<<20)
	for name, c := range map[string]struct {
		step    fakellm.Step
		content string // "" = the next model answers
	}{
		"one JSON a line":          {stream(chunk("Hello", "null") + "\n" + chunk("", `"stop"`) + "\n"), ""},
		"null":                     {stream("null"), ""},
		"a list":                   {stream("[]"), ""},
		"an empty object":          {stream("{}"), ""},
		"words":                    {stream("Internal Server Error"), ""},
		"blank lines":              {stream("\n\n\r\n\n"), ""},
		"events that say nothing":  {stream("data:\n\ndata: \n\nevent: ping\n\n"), ""},
		"null as data":             {stream("data: null\n\n" + event("Hello", "null")), ""},
		"a page as data":           {stream("data: <html>\n\n"), ""},
		"deep nesting":             {stream("data: " + strings.Repeat("[", 100_000) + "\n\n"), ""},
		"a prelude without end":    {stream(strings.Repeat(": wait\n\n", 1<<18) + event("late", "null") + end), ""},
		"compressed, unasked":      {fakellm.Gzip(), ""},
		"elsewhere":                {fakellm.Redirect("http://b.test/v1/chat/completions"), ""},
		"no head":                  {fakellm.Hang(fakellm.NoHead), ""},
		"a head and silence":       {fakellm.Hang(fakellm.Silence), ""},
		"comments for ever":        {fakellm.Hang(fakellm.CommentsOnly), ""},
		"something else than HTTP": {fakellm.Wire("220 smtp ready\r\n"), ""},
		"the head and no more":     {fakellm.Wire("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"), ""},
		"an event of a megabyte":   {stream(event(long, "null") + end + done), long},
		"a first event of 3 MB":    {stream(": wait\n\n" + event(long+long+long, "null") + end + done), long + long + long},
		"a prelude and 3 MB":       {stream(strings.Repeat(": wait\n\n", 1<<16) + event(long+long+long, "null") + end + done), long + long + long},
		"U+2028 raw":               {stream(event("a\u2028b\u2029c\u0085d", "null") + end + done), "a\u2028b\u2029c\u0085d"},
		"a BOM":                    {stream("\ufeff" + event("Hello", "null") + end + done), "Hello"},
		"CR alone":                 {stream(strings.ReplaceAll(event("Hello", "null")+end+done, "\n", "\r")), "Hello"},
		"an error in the text":     {stream(event(`{\"error\":{\"code\":429}}`, "null") + end), `{"error":{"code":429}}`},
		"interim heads":            {fakellm.Interim(103, 3), `This is a1. You said: "Hello"`},
	} {
		t.Run(name, func(t *testing.T) {
			d := demand{dialect: "openrouter"}
			inBubble(t, d.plan("a/a1", "b/b1"), func(w *world) {
				w.fakes["a"].Script("a1", c.step)
				good := w.chat(asked("b1", true))
				got := w.chat(asked("auto", true))
				_, rows := w.state()
				a, err := readStream(got.body)
				switch {
				case err != nil || !a.done:
					t.Errorf("%v: %+v", err, a)
				case c.content != "" && (a.content != c.content || got.trail() != "a1=ok" || rows["a1"].FailureCount != 0):
					t.Errorf("trail %q: %.300q", got.trail(), got.body)
				case c.content == "" && (scrubbed(got.body) != scrubbed(good.body) || rows["a1"].FailureCount != 1):
					t.Errorf("trail %q: %.300q", got.trail(), got.body)
				}
			})
		})
	}
}
