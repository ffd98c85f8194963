package openai

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"freefall/fallback"
)

// readForms gives the streams of testdata/forms without the line that says what they are.
func readForms(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/forms/*.sse")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	forms := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, body, _ := strings.Cut(string(text), "\n")
		forms[filepath.Base(file)] = body
	}
	return forms
}

// recorded are all streams of the testdata.
func recorded(t testing.TB) map[string]string {
	all := readForms(t)
	for _, s := range readStreams(t) {
		all[s.ID] = string(s.body(t))
	}
	return all
}

// Where the packets of a stream are cut says nothing: the client gets the same bytes, and the verdict is the same.
func TestStreamCutAnywhere(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, body := range recorded(t) {
		for _, cut := range []bool{false, true} {
			want := relay(ChatOptions{IncludeUsage: true}, cut, []byte(body))
			for range 20 {
				var packets [][]byte
				for _, p := range randomPieces(rng, body) {
					packets = append(packets, []byte(p))
				}
				if got := relay(ChatOptions{IncludeUsage: true}, cut, packets...); got != want {
					t.Fatalf("%s in %d packets:\n%s\nwant\n%s", name, len(packets), got.sent, want.sent)
				}
			}
		}
	}
}

// Token counts are counted wherever a provider writes them.
func TestStreamUsageElsewhere(t *testing.T) {
	forms := readForms(t)
	for _, name := range []string{"moonshot-usage-in-choice.sse", "groq-ids-and-usage.sse", "fireworks.sse", "usage-before-finish.sse", "cloudflare.sse"} {
		o := relay(ChatOptions{}, false, []byte(forms[name])).verdict.Outcome
		if o.Class != fallback.OK || o.InputTokens != 3 || o.OutputTokens != 2 {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

// Wherever the connection breaks, within whatever: the client has nothing, or a beginning and one error, and never a clean end of half an
// answer.
func TestStreamBrokenAtEachByte(t *testing.T) {
	for name, body := range recorded(t) {
		whole := relay(ChatOptions{}, false, []byte(body))
		if whole.verdict.State != Done || len(body) > 20_000 {
			continue
		}
		all, err := readAnswer(whole.sent)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for at := range body {
			r := relay(ChatOptions{}, true, []byte(body[:at]))
			if r.sent == "" {
				if r.verdict.State != Failed || r.verdict.Outcome.Class == fallback.OK {
					t.Fatalf("%s at %d: %+v", name, at, r.verdict)
				}
				continue
			}
			a, err := readAnswer(r.sent)
			half := !a.done && len(a.errors) == 1 && r.verdict.State == Failed && strings.HasPrefix(all.content, a.content) && strings.HasPrefix(all.reasoning, a.reasoning)
			full := a.done && r.verdict.State == Done && a.content == all.content && len(a.finish) == len(all.finish)
			if name == "finish-twice.sse" {
				full = a.done && a.content == all.content
			}
			if err != nil || !half && !full {
				t.Fatalf("%s at %d: %v\n%s", name, at, err, r.sent)
			}
		}
	}
}

// badEvents are events that break a stream wherever they stand.
var badEvents = []string{
	`data: {"error":{"message":"Provider returned error","code":502}}` + "\n\n",
	`data: {"id":"x","choices":[],"error":{"message":"overloaded","code":503}}` + "\n\n",
	`data: {"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"error"}]}` + "\n\n",
	`data: {"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"abort"}]}` + "\n\n",
	`data: {"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"network_error"}]}` + "\n\n",
	`data: {"choices":[],"x_groq":{"error":"over capacity"}}` + "\n\n",
	`data: [{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}]` + "\n\n",
	"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
	"event: error\ndata: out of memory\n\n",
	`{"error":{"message":"unexpected EOF"}}` + "\n\n",
	`error: {"code":500,"message":"the slot is gone"}` + "\n\n",
	"data: <html>\n\ndata: {\n\n", // one is forgiven behind content
}

// Wherever one event of a good stream is a bad one: before the content the client sees nothing, behind it what came before and one error.
func TestStreamOneBadEvent(t *testing.T) {
	n := 0
	for name, body := range recorded(t) {
		good := relay(ChatOptions{}, false, []byte(body))
		if good.verdict.State != Done || strings.Contains(body, "\r") || len(body) > 20_000 {
			continue
		}
		events := strings.SplitAfter(strings.TrimPrefix(body, "\ufeff"), "\n\n")
		for at := range events {
			before := strings.Join(events[:at], "")
			if strings.Contains(before, "[DONE]") {
				break // nothing is read behind it
			}
			came := feedEvents(NewChatStream(DialectOf("openrouter"), ChatOptions{}), before)
			for _, bad := range badEvents {
				n++
				got := relay(ChatOptions{}, false, []byte(before+bad+strings.Join(events[at:], "")))
				o := got.verdict.Outcome
				if got.verdict.State != Failed || o.Class == fallback.OK || IsEmpty(&o) {
					t.Fatalf("%s, %q at %d: %+v", name, bad, at, got.verdict)
				}
				sent := string(came)
				rest, ok := strings.CutPrefix(got.sent, sent)
				if alone := strings.HasPrefix(rest, `data: {"error":{"message":"the answer broke off`) && strings.Count(rest, "\n\n") == 1; !ok || sent == "" && rest != "" || sent != "" && !alone {
					t.Fatalf("%s, %q at %d: %s", name, bad, at, got.sent)
				}
			}
		}
	}
	if n < 3000 {
		t.Errorf("%d cases", n)
	}
}

// Whatever a provider says beside what OpenAI's clients read passes byte for byte, blanks and all.
func TestStreamKeepsUnknownMembers(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	values := []string{`null`, `0.10`, `-1e+5`, `"\u00e9\/é"`, `[]`, `[ 1 ,{"error":"x"} ]`, `{}`, `{"choices":[{"delta":{}}],"id":7,"usage":{"cost":1}}`, `"data: [DONE]"`, `true`}
	extra := func() string {
		var b strings.Builder
		for range rng.IntN(4) {
			fmt.Fprintf(&b, `%*s"x_%d" :%*s%s,`, rng.IntN(3), "", rng.Int(), rng.IntN(3), "", values[rng.IntN(len(values))])
		}
		return b.String()
	}
	for range 2000 {
		var want bytes.Buffer
		deltas := []string{`"role":"assistant"`}
		for range 1 + rng.IntN(6) {
			deltas = append(deltas, []string{`"content":"a\"b"`, `"reasoning":"hm"`, `"content":"세계","refusal":null`, `"reasoning_content":"x","content":null`, `"content":""`}[rng.IntN(5)])
		}
		deltas = append(deltas, `"content":"end"`, "")
		for i, delta := range deltas {
			finish := "null"
			if delta == "" {
				finish, delta = `"stop"`, `"content":""`
			}
			fmt.Fprintf(&want, `data: {%s"id":"c1","object":"chat.completion.chunk",%s"created":1764000000,"model":"m","choices":[{%s"index":0,"delta":{%s%s},%s"finish_reason":%s}]}`+"\n\n",
				extra(), extra(), extra(), extra(), delta, extra(), finish)
			if i%3 == 2 {
				want.WriteString(keepAlive)
			}
		}
		in := want.String()
		got := relay(ChatOptions{}, false, []byte(in))
		// comments before the content are of no use to anybody
		head, tail, _ := strings.Cut(got.sent, keepAlive)
		if got.verdict.State != Done || strings.ReplaceAll(head+tail, keepAlive, "") != strings.ReplaceAll(in, keepAlive, "")+doneEvent {
			t.Fatalf("%+v\n%s\nwant\n%s", got.verdict, got.sent, in)
		}
	}
}
