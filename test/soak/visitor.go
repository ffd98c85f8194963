package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"freefall/internal/fakellm"
)

// ids are the models of a soak. The last one is good, so that most requests find an answer.
var ids = []string{"a", "b", "c", "good"}

// weather is what the provider does to a request: mostly an answer, at times any of the ways to fail.
func weather(model string, _ time.Duration) (fakellm.Step, bool) {
	slow := fakellm.Slow(rand.N(8*time.Millisecond), rand.N(8*time.Millisecond), rand.N(4*time.Millisecond))
	switch dice := rand.N(100); {
	case dice < 60:
		return fakellm.Step{}, false
	case dice < 75 || model == "good":
		return slow, true
	}
	cut := []fakellm.How{fakellm.Close, fakellm.Reset, fakellm.Garble, fakellm.BrokenLine, fakellm.End, fakellm.ErrorEvent, fakellm.ErrorChoice}
	steps := []fakellm.Step{
		fakellm.Fault(500), fakellm.Fault(503), fakellm.Error200(), fakellm.HTML(), fakellm.Empty(), fakellm.Gzip(),
		fakellm.Interim(103, 1+rand.N(12)), fakellm.Redirect("http://127.0.0.1:1/"), fakellm.Huge(1 << 20),
		fakellm.Raw(429, map[string]string{"Content-Type": "application/json", "Retry-After": "1"}, `{"error":{"message":"Rate limit exceeded","code":429}}`),
		fakellm.Cut(rand.N(6), cut[rand.N(len(cut))]), fakellm.Cut(rand.N(6), cut[rand.N(len(cut))]),
	}
	if rand.N(20) == 0 {
		steps = []fakellm.Step{fakellm.Cut(rand.N(6), fakellm.Stall), fakellm.Hang(fakellm.NoHead), fakellm.Hang(fakellm.Silence), fakellm.Hang(fakellm.CommentsOnly)}
	}
	return steps[rand.N(len(steps))], true
}

// visitor is one client after the other: it asks, reads, or leaves.
type visitor struct {
	addr   string
	client *http.Client
	tally  *tally
}

var (
	visits atomic.Int64
	tags   = regexp.MustCompile(`tag-\d+\.`) // the provider repeats the prompt
)

// foreign says whether an answer holds the words of another request.
func foreign(got []byte, tag string) bool {
	return slices.ContainsFunc(tags.FindAllString(string(got), -1), func(t string) bool { return t != tag })
}

func newVisitor(addr string, t *tally) *visitor {
	return &visitor{addr: addr, tally: t, client: &http.Client{Timeout: 3 * patience, Transport: &http.Transport{DisableCompression: true}}}
}

func (v *visitor) run(ctx context.Context) {
	defer v.client.CloseIdleConnections()
	for ctx.Err() == nil {
		tag := fmt.Sprintf("tag-%d.", visits.Add(1))
		switch dice := rand.N(100); {
		case dice < 20:
			v.leave(v.body("auto", tag))
		case dice < 23:
			v.ask("not a request", tag, strings.TrimSuffix(v.body("auto", tag), "}"))
		case dice < 25:
			v.ask("large", tag, v.body("auto", tag+strings.Repeat(" and on", rand.N(400_000))))
		default:
			v.ask("asked", tag, v.body("auto", tag))
		}
		select {
		case <-ctx.Done():
		case <-time.After(rand.N(20 * time.Millisecond)):
		}
	}
}

// body is a plain request, one that streams, or one with a tool.
func (v *visitor) body(model, prompt string) string {
	more := ""
	if rand.N(5) == 0 {
		prompt = "call the tool " + prompt
		more = `,"tools":[{"type":"function","function":{"name":"clock","parameters":{"type":"object","properties":{}}}}]`
	}
	return fmt.Sprintf(`{"model":%q,"stream":%t,"messages":[{"role":"user","content":%q}]%s}`, model, rand.N(2) == 0, prompt, more)
}

// ask wants a whole answer, of its own words, or an error that says so.
func (v *visitor) ask(what, tag, body string) {
	resp, err := v.client.Post("http://"+v.addr+"/v1/chat/completions", "application/json", strings.NewReader(body))
	if err != nil {
		v.tally.error("%s: %v", what, err)
		return
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		v.tally.error("%s: reading the answer: %v", what, err)
	case what == "not a request" && resp.StatusCode == 400:
		v.tally.count("refused as bad")
	case what == "not a request":
		v.tally.error("%s: %d", what, resp.StatusCode)
	case resp.StatusCode == 429 || resp.StatusCode == 503:
		v.tally.count("no model left")
	case resp.StatusCode != 200:
		v.tally.error("%s: %d %.300s", what, resp.StatusCode, got)
	case foreign(got, tag):
		v.tally.error("%s: %s got another's words: %.300s", what, tag, got)
	case !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream"):
		if !json.Valid(got) {
			v.tally.error("%s: no JSON: %.300s", what, got)
		}
		v.tally.count("whole answers")
	case bytes.HasSuffix(got, []byte("data: [DONE]\n\n")):
		v.tally.count("whole streams")
	case bytes.Contains(got[max(0, bytes.LastIndex(got, []byte("data: "))):], []byte(`"error"`)):
		v.tally.count("broken streams, told")
	default:
		v.tally.error("%s: a stream without an end: %.300s", what, got[max(0, len(got)-300):])
	}
}

// leave asks and goes, at once or in the middle of the answer, whichever way.
func (v *visitor) leave(body string) {
	c, err := dial(v.addr)
	if err != nil {
		v.tally.error("leaving: %v", err)
		return
	}
	_, _ = fmt.Fprintf(c, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", len(body))
	_, _ = io.WriteString(c, body[:len(body)-rand.N(2)*rand.N(len(body))])
	_ = c.SetReadDeadline(time.Now().Add(rand.N(25 * time.Millisecond)))
	_, _ = io.CopyN(io.Discard, c, rand.N(int64(3000)))
	leavings[rand.N(len(leavings))].now(c)
	v.tally.count("left")
}

// tally counts what clients have seen.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
	errors []string
}

func (t *tally) count(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	t.counts[what]++
}

func (t *tally) error(format string, args ...any) {
	t.count("WRONG")
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.errors) < 10 {
		t.errors = append(t.errors, fmt.Sprintf(format, args...))
	}
}

func (t *tally) of(what string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts[what]
}

func (t *tally) wrong() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.errors
}

func (t *tally) print(w io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, what := range slices.Sorted(maps.Keys(t.counts)) {
		fmt.Fprintf(w, "%-22s%8d\n", what, t.counts[what])
	}
}
