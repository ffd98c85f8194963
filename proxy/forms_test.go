package proxy

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"freefall/internal/fakellm"
)

const formFiles = "../internal/openai/testdata/forms"

// form is an answer in the form of one provider or gateway, and what a client must get. Its file begins with a line that says so; the
// rest is the body. One that ends in .json is a whole answer.
type form struct {
	From string // whose form it is
	Kind string // ok: it is the answer; moves_on: the client sees nothing of it; breaks: what it said and one error; empty: it says nothing

	Content   string
	Reasoning string
	Calls     []struct{ Name, Arguments string }
	Finish    []string
	Usage     int    // total tokens
	Class     string // of the attempt, "" for any that is no success
	Says      string // words of the error
	Same      bool   // it passes byte for byte

	name, body string
	whole      bool
}

func readForms(t *testing.T) (forms []form) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(formFiles, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		head, body, _ := strings.Cut(string(text), "\n")
		f := form{name: filepath.Base(file), body: body, whole: filepath.Ext(file) == ".json"}
		if err := json.Unmarshal([]byte(head), &f); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		forms = append(forms, f)
	}
	return forms
}

// Forms of answers that are no recorded samples, each as model a1 before the good model b1: in one packet, and byte by byte.
func TestForms(t *testing.T) {
	var counts tally
	for _, f := range readForms(t) {
		right := t.Run(f.name, func(t *testing.T) {
			f.serve(t, true, nil)
			f.serve(t, true, []int{-1})
			if f.whole {
				f.serve(t, false, nil)
			}
		})
		counts.add("forms", right)
	}
	counts.print(t, "forms before a good one")
	if counts.all["forms"] < 216 {
		t.Errorf("%d forms, want 216 and more", counts.all["forms"])
	}
}

func (f *form) serve(t *testing.T, stream bool, packets []int) {
	d := demand{dialect: "openrouter"}
	inBubble(t, d.plan("a/a1", "b/b1"), func(w *world) {
		step := fakellm.Raw(200, map[string]string{"content-type": "text/event-stream"}, f.body).Forever()
		step.Packets = packets
		w.fakes["a"].Script("a1", step)
		good := w.chat(asked("b1", stream))
		got := w.chat(askedForUsage("auto", stream))
		if f.Kind == "moves_on" || f.Kind == "empty" {
			f.checkHidden(w, got, good)
			return
		}
		got.check(w, 200, "a1=ok", "a1")
		if !stream {
			f.checkWhole(w, got)
			return
		}
		f.checkHeard(w, got)
		if f.Same && !f.whole {
			plain := w.chat(asked("auto", stream))
			if want := sentAs(f.body); plain.body != want {
				w.Errorf("not the bytes that came:\n%s\nwant\n%s", plain.body, want)
			}
		}
	})
}

// sentAs is a well formed stream with the end that every stream has.
func sentAs(body string) string {
	return strings.TrimSuffix(body, "data: [DONE]\n\n") + "data: [DONE]\n\n"
}

func askedForUsage(model string, stream bool) string {
	body := asked(model, stream)
	if !stream {
		return body
	}
	return strings.TrimSuffix(body, "}") + `,"stream_options":{"include_usage":true}}`
}

func (f *form) checkHidden(w *world, got, good answer) {
	w.Helper()
	class, _, _ := strings.Cut(strings.TrimPrefix(got.trail(), "a1="), ";")
	if f.Class != "" && class != f.Class || class == "ok" || got.trail() != "a1="+class+"; b1=ok" {
		w.Errorf("trail %q, want %q", got.trail(), f.Class)
	}
	if strings.Contains(good.body, "data:") {
		a, err := readStream(got.body)
		b, _ := readStream(good.body)
		if a.usage = 0; err != nil || cmp.Diff(a, b, cmp.AllowUnexported(heard{})) != "" {
			w.Errorf("%v: not b1's answer:\n%s", err, got.body)
		}
	} else if scrubbed(got.body) != scrubbed(good.body) {
		w.Errorf("not b1's answer:\n%s", got.body)
	}
}

func (f *form) want() heard {
	want := heard{content: f.Content, reasoning: f.Reasoning, finish: f.Finish, done: f.Kind == "ok"}
	for _, call := range f.Calls {
		want.names, want.arguments = append(want.names, call.Name), append(want.arguments, call.Arguments)
	}
	if f.Usage > 0 {
		want.usage = 1
	}
	return want
}

// checkHeard compares a1's stream as the client got it.
func (f *form) checkHeard(w *world, got answer) {
	w.Helper()
	a, err := readStream(got.body)
	if err != nil {
		w.Fatalf("%v\n%.3000s", err, got.body)
	}
	checkStrictStream(w, got.body)
	want := f.want()
	if !want.done {
		if want.errors = a.errors; len(a.errors) == 0 {
			w.Fatalf("it ended well:\n%s", got.body)
		}
		if !strings.Contains(a.errors[0].Message, f.Says) {
			w.Errorf("the error says %q, want %q", a.errors[0].Message, f.Says)
		}
	}
	if diff := cmp.Diff(want, a, cmp.AllowUnexported(heard{})); diff != "" {
		w.Errorf("(-want +got):\n%s\n%.3000s", diff, got.body)
	}
}

// checkWhole compares a1's whole answer as the client got it.
func (f *form) checkWhole(w *world, got answer) {
	w.Helper()
	c := checkStrictAnswer(w, got.body)
	a := heard{done: true, usage: min(c.Usage.Total, 1)}
	for _, choice := range c.Choices {
		m := choice.Message
		a.content += m.Content
		a.reasoning += m.ReasoningContent
		for _, call := range m.ToolCalls {
			a.names, a.arguments = append(a.names, call.Function.Name), append(a.arguments, call.Function.Arguments)
		}
		if choice.Finish != "" {
			a.finish = append(a.finish, choice.Finish)
		}
	}
	want := f.want()
	if diff := cmp.Diff(want, a, cmp.AllowUnexported(heard{})); diff != "" || f.Same && got.body != f.body {
		w.Errorf("(-want +got):\n%s\n%s", diff, got.body)
	}
}

// An error beside the events is a refusal like one within them, and what it quotes of the client is repeated as little.
func TestErrorsBesideTheEvents(t *testing.T) {
	const prompt = "my grandmother's diagnosis is a secret"
	body := strings.Replace(asked("auto", true), "Hello", prompt, 1)
	content := `data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"}}]}` + "\n\n"
	refused := `{"error":{"message":"messages must be an array","param":"messages","code":400}}` + "\n"
	d := demand{dialect: "openrouter"}
	inBubble(t, d.plan("a/a1", "b/b1"), func(w *world) {
		w.fakes["a"].Script("a1", fakellm.RawStream(": wait\n\n"+refused, 0))
		if got := w.chat(body); got.status != 400 || got.err().Message != "messages must be an array" {
			t.Errorf("%d %s", got.status, got.body)
		}
		says := `{"code":500,"message":"cannot say: ` + prompt + `"}` + "\n\n"
		for _, line := range []string{"error: ", "data: ", ""} {
			w.fakes["a"].Script("a1", fakellm.RawStream(content+line+says, 0))
			got := w.chat(body)
			if _, err := readStream(got.body); err != nil || !strings.Contains(got.body, "cannot say") {
				t.Errorf("%q: %v: %s", line, err, got.body)
			}
			if _, rows := w.state(); rows["a1"].LastError == nil || strings.Contains(*rows["a1"].LastError, "grandmother") || strings.Contains(w.log.String(), "grandmother") {
				t.Errorf("%q: %v\n%s", line, rows["a1"].LastError, w.log)
			}
			w.fakes["a"].Script("a1", fakellm.OK())
			w.chat(body)
		}
	})
}
