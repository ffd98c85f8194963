package openai

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"freefall/fallback"
)

// ways of a stream to end early: what comes instead of the rest, and whether the connection then breaks.
var cuts = []struct {
	name, tail string
	cut, loud  bool // loud: the provider itself says that it failed
}{
	{name: "close", cut: true},
	{name: "clean end"},
	{name: "clean end with DONE", tail: doneEvent},
	{name: "half an event", tail: `data: {"id":"c1","cho`, cut: true},
	{name: "broken JSON", tail: "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"del\n\n", cut: true},
	{name: "error event", tail: `data: {"error":{"code":502,"message":"Upstream error"}}` + "\n\n", loud: true},
	{name: "error event and DONE", tail: `data: {"error":{"code":502,"message":"Upstream error"}}` + "\n\n" + doneEvent, loud: true},
	{name: "error in a choice", tail: `data: {"id":"c1","choices":[{"index":0,"delta":{"content":""},"finish_reason":"error","error":{"code":502,"message":"Provider disconnected"}}]}` + "\n\n", loud: true},
}

// sixty gives a stream of 60 chunks; the first of them is the role alone.
func sixty(chunk func(i int) string, finish string) []string {
	chunks := []string{roleChunk}
	for i := range 58 {
		chunks = append(chunks, chunk(i))
	}
	return append(chunks, deltaChunk(`{}`, finish))
}

// Wherever and however a stream ends early: before its content the client has nothing of it, behind that it learns of it.
func TestStreamCutMatrix(t *testing.T) {
	word := func(i int) string { return deltaChunk(fmt.Sprintf(`{"content":"w%d "}`, i), "null") }
	chunks := sixty(word, `"stop"`)
	for at := range len(chunks) + 1 {
		for _, way := range cuts {
			in := strings.Join(chunks[:at], "")
			r := relay(ChatOptions{}, way.cut, []byte(in+way.tail))
			a, err := readAnswer(r.sent)
			o := r.verdict.Outcome
			switch {
			case at <= 1:
				if r.sent != "" || o.Class != fallback.UpstreamFault || r.held != "" {
					t.Errorf("%s at %d: %+v\n%s", way.name, at, r.verdict, r.sent)
				}
			case at == len(chunks) && !way.loud:
				if err != nil || r.sent != in+doneEvent || r.verdict.State != Done {
					t.Errorf("%s at %d: %v %+v\n%s", way.name, at, err, r.verdict, r.sent)
				}
			default:
				if err != nil || !strings.HasPrefix(r.sent, in) || len(a.errors) != 1 || o.Class != fallback.UpstreamFault {
					t.Errorf("%s at %d: %v %+v\n%s", way.name, at, err, r.verdict, r.sent)
				}
			}
		}
	}
}

// Wherever a tool call is cut, whatever finish_reason the provider then invents, it does not look whole.
func TestStreamHalfToolCall(t *testing.T) {
	arguments := `{"path":"a \"b {c","lines":[1,2,{"x":[]}],"text":"\\"}`
	for at := range len(arguments) + 1 {
		for _, finish := range []string{"stop", "tool_calls"} {
			in := deltaChunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":""}}]}`, "null")
			for i := range at {
				in += deltaChunk(fmt.Sprintf(`{"tool_calls":[{"index":0,"function":{"arguments":%q}}]}`, arguments[i:i+1]), "null")
			}
			r := relay(ChatOptions{}, false, []byte(in+deltaChunk(`{}`, `"`+finish+`"`)+doneEvent))
			a, err := readAnswer(r.sent)
			whole := at == 0 || at == len(arguments)
			if err != nil || a.done != whole || len(a.errors) == 1 == whole || len(a.finish) == 1 != whole {
				t.Errorf("%q, %s: %v %+v", arguments[:at], finish, err, a)
			}
		}
	}
}

// Whatever comes, what goes out is well framed, has one identity, and ends once.
func FuzzChatStream(f *testing.F) {
	for _, s := range readStreams(f) {
		if body := s.body(f); len(body) < 10_000 {
			f.Add(string(body), uint64(len(body)))
		}
	}
	for _, way := range cuts {
		f.Add(roleChunk+helloChunk+way.tail, uint64(3))
	}
	f.Add(`data: {"id":"a","id":"b","us\u0061ge":{"cost":1},"choices":[{"index":0,"delta":{"content":"x"}}]}`+"\n\n"+finishChunk, uint64(2))
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		var packets [][]byte
		for _, p := range randomPieces(rand.New(rand.NewPCG(seed, 0)), text) {
			packets = append(packets, []byte(p))
		}
		r := relay(ChatOptions{IncludeUsage: seed%2 == 0, Model: "m"}, seed%3 == 0, packets...)
		if r.verdict.State != Done && r.verdict.State != Failed {
			t.Fatalf("the stream has not ended: %+v", r.verdict)
		}
		stream := r.sent + r.held
		if stream == "" {
			return
		}
		checkFrames(t, stream)
		if r.verdict.State == Done && r.verdict.Outcome.Class != fallback.OK {
			t.Errorf("done, and yet %+v", r.verdict.Outcome)
		}
	})
}
