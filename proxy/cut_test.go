package proxy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"freefall/fallback"
	"freefall/internal/fakellm"
)

// cutWays are the ways of an answer to break, and the class that an attempt which breaks so comes to.
var cutWays = map[fakellm.How]string{
	fakellm.Close: "upstream_fault", fakellm.Reset: "upstream_fault", fakellm.Stall: "timeout", fakellm.Garble: "upstream_fault",
	fakellm.BrokenLine: "upstream_fault", fakellm.End: "upstream_fault", fakellm.ErrorEvent: "upstream_fault",
	fakellm.ErrorBare: "upstream_fault", fakellm.ErrorEmpty: "upstream_fault", fakellm.ErrorChoice: "upstream_fault",
	fakellm.ErrorNamed: "overloaded",
}

// loud ways say that the answer failed, even behind its finish_reason.
func loud(how fakellm.How) bool { return strings.HasPrefix(string(how), "error") }

const (
	cutChunks  = 60            // of the whole stream: the role, 58 words, the finish_reason
	cutWords   = cutChunks - 2 // of 4 bytes each
	firstWord  = 2             // chunks with which the client has content
	cutBreaker = 3
)

func words(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "w%02d ", i)
	}
	return b.String()
}

// cutPlan has one model of provider a for each cut point, a00 and so on, and the good model b1.
func cutPlan(points int) plan {
	p := plan{pool: fallback.Config{Order: fallback.Priority, Breaker: fallback.Breaker{Failures: cutBreaker}}}
	for n := range points + 1 {
		p.models = append(p.models, fallback.Model{Provider: "a", ID: cutModel(n), Tools: true})
	}
	p.models = append(p.models, fallback.Model{Provider: "b", ID: "b1", Tools: true})
	return p
}

func cutModel(n int) string { return fmt.Sprintf("a%02d", n) }

// askTwo asks one model, and b1 if it fails. took is how long that was.
func (w *world) askTwo(model string, stream bool) (got answer, took time.Duration) {
	w.Helper()
	began := time.Now()
	got = w.chat(fmt.Sprintf(`{"models":[%q,"b1"],"stream":%v,"messages":[{"role":"user","content":"Hello"}]}`, model, stream))
	return got, time.Since(began)
}

// Wherever and however a stream of 60 chunks breaks: before its content the client has b1's whole answer and not a byte of
// it; behind that, what came so far, then one error.
func TestCutMatrix(t *testing.T) {
	right := 0
	for how := range cutWays {
		ok := t.Run(string(how), func(t *testing.T) {
			inBubble(t, cutPlan(cutChunks), func(w *world) {
				good, _ := w.askTwo("b1", true)
				for n := range cutChunks + 1 {
					model := cutModel(n)
					w.fakes["a"].Script(model, fakellm.Step{Kind: fakellm.KindCut, After: n, How: how, Text: words(cutWords), Chunks: cutWords})
					got, took := w.askTwo(model, true)
					whole := heard{content: words(cutWords), finish: []string{"stop"}, done: true}
					part := heard{content: words(min(max(n-1, 0), cutWords))}
					if n == cutChunks {
						part.finish = whole.finish
					}
					w.checkCut(n, how, got, took, good, &cutCase{points: cutChunks, whole: whole, part: part})
				}
			})
		})
		if ok {
			right++
		}
	}
	t.Logf("%-40s %3d / %3d", fmt.Sprintf("ways of a stream to break, at %d points", cutChunks+1), right, len(cutWays))
}

// The client and the operator are told whether the stream was cut, or ended as if it were whole.
func TestCutTellsHow(t *testing.T) {
	for how, want := range map[fakellm.How]string{fakellm.Reset: "the stream broke off", fakellm.Close: "the stream broke off",
		fakellm.End: "the stream ended without a finish_reason"} {
		inBubble(t, cutPlan(0), func(w *world) {
			w.fakes["a"].Script("a00", fakellm.Cut(firstWord+1, how))
			got, _ := w.askTwo("a00", true)
			if _, rows := w.state(); rows["a00"].LastError == nil || !strings.Contains(*rows["a00"].LastError, want) || !strings.Contains(got.body, want) {
				t.Errorf("%s: not %q, but %+v and\n%s", how, want, rows["a00"].LastError, got.body)
			}
		})
	}
}

// Half a tool call never looks whole: there is no finish_reason behind it, whatever broke it.
func TestCutToolCalls(t *testing.T) {
	const arguments = `{"path":"a \"b\" {c}","lines":[1,2,{"x":[]}],"text":"\\"}`
	const chunks = 2 + 1 + (1 + len(arguments)/6) // role, name, pieces, finish_reason
	call := fakellm.Call{Name: "write", Arguments: arguments}
	for how := range cutWays {
		t.Run(string(how), func(t *testing.T) {
			inBubble(t, cutPlan(chunks), func(w *world) {
				good, _ := w.askTwo("b1", true)
				for n := range chunks + 1 {
					model := cutModel(n)
					w.fakes["a"].Script(model, fakellm.Step{Kind: fakellm.KindCut, After: n, How: how, Calls: []fakellm.Call{call}})
					got, took := w.askTwo(model, true)
					whole := heard{names: []string{"write"}, arguments: []string{arguments}, finish: []string{"tool_calls"}, done: true}
					pieces := 1 + len(arguments)/6
					part := heard{names: whole.names, arguments: []string{arguments[:len(arguments)*min(max(n-2, 0), pieces)/pieces]}}
					if n == chunks {
						part.finish = whole.finish
					}
					w.checkCut(n, how, got, took, good, &cutCase{points: chunks, whole: whole, part: part})
				}
			})
		})
	}
}

// cutCase is what a client hears of an answer that breaks behind its first content.
type cutCase struct {
	points      int
	whole, part heard
}

// checkCut compares what came of the model that broke after n chunks.
func (w *world) checkCut(n int, how fakellm.How, got answer, took time.Duration, good answer, c *cutCase) {
	w.Helper()
	model, class := cutModel(n), cutWays[how]
	want, count, wait := c.part, 1, time.Duration(0)
	switch {
	case n < firstWord:
		got.check(w, 200, model+"="+class+"; b1=ok", "b1")
		if scrubbed(got.body) != scrubbed(good.body) {
			w.Errorf("cut at %d: not b1's whole answer:\n%s", n, got.body)
		}
		if how == fakellm.Stall {
			wait = 20 * time.Second // first_token
		}
	default:
		got.check(w, 200, model+"=ok", model)
		if how == fakellm.BrokenLine || n == c.points && !loud(how) {
			want, count = c.whole, 0
		}
		a, err := readStream(got.body)
		if len(a.errors) == 1 && count == 1 {
			want.errors = a.errors
			if code := *a.errors[0].Code; code != class || !strings.Contains(a.errors[0].Message, "broke off") {
				w.Errorf("cut at %d: the error event says %+v", n, a.errors[0])
			}
		}
		if diff := cmp.Diff(want, a, cmp.AllowUnexported(heard{})); diff != "" || err != nil {
			w.Errorf("cut at %d: %v (-want +got):\n%s%s", n, err, diff, got.body)
		}
		if how == fakellm.Stall {
			wait = 30 * time.Second // idle
		}
	}
	if took < wait || took > wait+time.Second {
		w.Errorf("cut at %d: it took %v, want %v", n, took, wait)
	}
	_, rows := w.state()
	if a := rows[model]; a.FailureCount != count || !a.Available || rows["b1"].FailureCount != 0 {
		w.Errorf("cut at %d: failure_count %d, want %d", n, a.FailureCount, count)
	}
	if lines := strings.Count(w.log.String(), "Model "+model+" failed"); lines != count {
		w.Errorf("cut at %d: %d lines tell of it", n, lines)
	}
}

// An answer that is not streamed and breaks is hidden whole, however it breaks.
func TestCutWholeAnswer(t *testing.T) {
	calls := []fakellm.Call{{Name: "write", Arguments: `{"path":"a","text":"b"}`}}
	for how, class := range cutWays {
		for name, step := range map[string]fakellm.Step{
			"text":  {Kind: fakellm.KindCut, How: how, Text: words(cutWords)},
			"tools": {Kind: fakellm.KindCut, How: how, Calls: calls},
		} {
			inBubble(t, cutPlan(0), func(w *world) {
				good, _ := w.askTwo("b1", false)
				w.fakes["a"].Script("a00", step)
				got, took := w.askTwo("a00", false)
				got.check(w, 200, "a00="+class+"; b1=ok", "b1")
				if scrubbed(got.body) != scrubbed(good.body) {
					t.Errorf("%s, %s: not b1's whole answer:\n%s", how, name, got.body)
				}
				if stalls := how == fakellm.Stall; stalls != (took == 90*time.Second) || took > 90*time.Second {
					t.Errorf("%s, %s: it took %v", how, name, took)
				}
				if _, rows := w.state(); rows["a00"].FailureCount != 1 {
					t.Errorf("%s, %s: failure_count %d", how, name, rows["a00"].FailureCount)
				}
			})
		}
	}
}

// What a provider invents at the end of half an answer does not make it whole, and a broken line is forgiven once.
func TestCutPolitely(t *testing.T) {
	chunk := func(delta, finish string) string {
		return `data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":` + delta + `,"finish_reason":` + finish + "}]}\n\n"
	}
	call := chunk(`{"role":"assistant","tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":[1"}}]}`, "null")
	hello, stop, done := chunk(`{"content":"Hello"}`, "null"), chunk(`{}`, `"stop"`), "data: [DONE]\n\n"
	broken := `data: {"id":"x","choices":[{"ind` + "\n\n"
	for name, c := range map[string]struct {
		in     string
		errors int
		finish []string
	}{
		"half a call, tool_calls":       {call + chunk(`{}`, `"tool_calls"`) + done, 1, nil},
		"half a call, stop":             {call + stop + done, 1, nil},
		"half a call, function_call":    {call + chunk(`{}`, `"function_call"`), 1, nil},
		"half a call, DONE":             {call + done, 1, nil},
		"half a call for want of room":  {call + chunk(`{}`, `"length"`) + done, 0, []string{"length"}},
		"text, DONE":                    {hello + done, 1, nil},
		"text, a line, text":            {hello + broken + hello + stop + done, 0, []string{"stop"}},
		"text, two lines":               {hello + broken + hello + broken + stop + done, 1, nil},
		"text, a line, and no more":     {hello + broken, 1, nil},
		"text, a page":                  {hello + "<html>502 Bad Gateway</html>\n", 1, nil},
		"text, stop, an error":          {hello + stop + `data: {"error":{"code":502,"message":"late"}}` + "\n\n", 1, []string{"stop"}},
		"text, stop, DONE, an error":    {hello + stop + done + `data: {"error":{"code":502,"message":"late"}}` + "\n\n", 0, []string{"stop"}},
		"text, an error with a cleaner": {hello + `data: {"error":{"code":500,"message":"key sk-or-v1-0123456789abcdef0123456789abcdef\r\n\r\ndata: [DONE]"}}` + "\n\n" + done, 1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cutPlan(0), func(w *world) {
				w.fakes["a"].Script("a00", fakellm.RawStream(c.in, 0).Forever())
				got, _ := w.askTwo("a00", true)
				a, err := readStream(got.body)
				if err != nil || len(a.errors) != c.errors || !slices.Equal(a.finish, c.finish) {
					t.Errorf("%v: %+v in\n%s", err, a, got.body)
				}
				if _, rows := w.state(); rows["a00"].FailureCount != c.errors {
					t.Errorf("failure_count %d", rows["a00"].FailureCount)
				}
				w.checkSecrets(got)
			})
		})
	}
	half := `{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":[1"}}]},"finish_reason":"tool_calls"}]}`
	for _, stream := range []bool{false, true} {
		inBubble(t, cutPlan(0), func(w *world) {
			w.fakes["a"].Script("a00", fakellm.Raw(200, map[string]string{"content-type": "application/json"}, half))
			got, _ := w.askTwo("a00", stream)
			got.check(w, 200, "a00=upstream_fault; b1=ok", "b1")
		})
	}
}
