package proxy

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"freefall/internal/fakellm"
)

// Whatever shape nonsense has, the next model answers, and does not wait for any clock: what came is enough to see what it is.
func TestHostileAnswers(t *testing.T) {
	const good = `{"id":"x","object":"chat.completion","created":1,"model":"a","choices":[{"index":0,"message":{"role":"assistant","content":"gotcha"},"finish_reason":"stop"}]}`
	long := fmt.Sprintf("Content-Length: %d\r\n\r\n", len(good)) + good
	for name, step := range map[string]fakellm.Step{
		"flood of 103":            fakellm.Wire(strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n", 10_000) + "HTTP/1.1 200 OK\r\n" + long),
		"flood of 100":            fakellm.Wire(strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 9) + "HTTP/1.1 200 OK\r\n" + long),
		"switch of protocols":     fakellm.Wire("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + good),
		"gzip":                    fakellm.Gzip(),
		"gzip by name alone":      fakellm.Raw(200, map[string]string{"content-type": "application/json", "content-encoding": "gzip"}, good),
		"header bomb":             fakellm.Wire("HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Pad: "+strings.Repeat("x", 1000)+"\r\n", 1000) + long),
		"100,000 lines":           fakellm.Wire("HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 100_000) + long),
		"head without end":        fakellm.Wire("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20)),
		"no HTTP":                 fakellm.Wire("SSH-2.0-OpenSSH_9.2\r\n"),
		"HTTP/0.9":                fakellm.Wire(good),
		"nothing":                 fakellm.Wire(""),
		"status 99":               fakellm.Wire("HTTP/1.1 99 What\r\n" + long),
		"status 999":              fakellm.Wire("HTTP/1.1 999 What\r\n" + long),
		"length that lies":        fakellm.Wire("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + good),
		"length without sense":    fakellm.Wire("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n" + good),
		"chunk without end":       fakellm.Wire("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffff\r\n" + good),
		"chunk without sense":     fakellm.Wire("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n" + good),
		"50,000 brackets":         fakellm.Raw(200, jsonType, strings.Repeat("[", 50_000)),
		"20 million brackets":     fakellm.Raw(200, jsonType, strings.Repeat("[", 20_000_000)),
		"20 million in an object": fakellm.Raw(200, jsonType, `{"choices":`+strings.Repeat("[", 20_000_000)),
		"brackets in an event":    fakellm.RawStream(`data: {"choices":`+strings.Repeat("[", 900_000)+"\n\n", 0),
		"brackets in an error":    fakellm.Raw(400, jsonType, `{"error":`+strings.Repeat("[", 200_000)),
		"NULs":                    fakellm.Raw(200, jsonType, strings.Repeat("\x00", 100_000)),
		"2 MB of blanks":          fakellm.Raw(200, jsonType, strings.Repeat(" ", 2<<20)),
		"2 MB of comments":        fakellm.RawStream(strings.Repeat(": still thinking\n\n", 1<<17), 0),
		"2 MB of events":          fakellm.RawStream(strings.Repeat("data: {}\n\n", 1<<18), 0),
		"a line of 4 MB":          fakellm.RawStream("data: "+strings.Repeat("x", 4<<20)+"\n\n", 0),
	} {
		for what, body := range map[string]string{"whole": plainBody, "streamed": streamBody} {
			s := onSockets(t, socketPlan{models: chain("a", "b"), route: Route{FirstToken: time.Hour, Answer: time.Hour, Idle: time.Hour}})
			s.fake.Script("a", step)
			got := s.raw(post(body))
			if got.status != 200 || !strings.HasPrefix(got.trail(), "a=") || !strings.HasSuffix(got.trail(), "; b=ok") ||
				strings.Contains(got.body, "gotcha") || !strings.Contains(got.text(), "Hello") {
				t.Errorf("%s, %s: %d %q %.300s", name, what, got.status, got.trail(), got.body)
			}
		}
	}
}

// What never ends is left when the model's time is over, or its bytes are.
func TestAnswersWithoutEnd(t *testing.T) {
	drip := func(status int, contentType, piece string, gap time.Duration) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, piece); err != nil {
					return
				}
				_ = http.NewResponseController(w).Flush()
				if gap > 0 {
					time.Sleep(gap)
				}
			}
		})
	}
	const slow = 5 * time.Millisecond
	blanks := drip(200, "text/event-stream", " ", 0)
	isLeft(t, "blanks, one each, whole", blanks, plainBody, 120*time.Millisecond)
	isLeft(t, "blanks, one each, streamed", blanks, streamBody, 120*time.Millisecond)
	for name, provider := range map[string]http.Handler{
		"error, dripping":   drip(500, "application/json", "x", slow),
		"refusal, dripping": drip(400, "application/json", `{"error":`, slow),
		"blanks, dripping":  drip(200, "text/event-stream", "\n", slow),
		"comments, slow":    drip(200, "text/event-stream", ": x\n\n", slow),
		"roles, slow":       drip(200, "text/event-stream", `data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}`+"\n\n", slow),
		"JSON, slow":        drip(200, "application/json", `{"a":`, slow),
		"interim, slow": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			time.Sleep(4 * slow)
			w.WriteHeader(103)
			<-r.Context().Done()
		}),
	} {
		for what, body := range map[string]string{"whole": plainBody, "streamed": streamBody} {
			isLeft(t, name+", "+what, provider, body, 120*time.Millisecond)
			isLeftInTime(t, name+", "+what, provider, body)
		}
	}
	for name, c := range map[string]struct {
		body     string
		provider http.Handler
	}{
		"flood of errors":   {plainBody, drip(500, "application/json", strings.Repeat("x", 1<<20), 0)},
		"flood of a page":   {plainBody, drip(200, "text/html", "<html>"+strings.Repeat("x", 1<<20), 0)},
		"flood of one JSON": {streamBody, drip(200, "application/json", strings.Repeat(`{"a":`, 200_000), 0)},
		"flood of blanks":   {streamBody, drip(200, "text/event-stream", strings.Repeat("\n", 1<<20), 0)},
		"flood of comments": {streamBody, drip(200, "text/event-stream", strings.Repeat(": x\n\n", 200_000), 0)},
		"flood of roles":    {streamBody, drip(200, "text/event-stream", strings.Repeat(`data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}`+"\n\n", 15_000), 0)},
	} {
		if held := peak(func() { isLeft(t, name, c.provider, c.body, time.Minute) }); held > 350<<20 {
			t.Errorf("%s: %d MB were held", name, held>>20)
		}
	}
}

// Many large answers at one time are more than there is memory: whom there is no room for is not to blame, and smaller answers go on.
func TestAnswersHaveABudget(t *testing.T) {
	s := onSockets(t, socketPlan{models: chain("a", "b")})
	const good = `{"id":"x","object":"chat.completion","created":1,"model":"a","choices":[{"index":0,"message":{"role":"assistant","content":"%s"},"finish_reason":"stop"}]}`
	const left = 1 << 20
	s.proxy.answers.used.Store(bodyBudget - left)
	for _, c := range []struct {
		size  int
		trail string
	}{{left, "a=stopped; b=ok"}, {left / 4, "a=ok"}} {
		s.fake.Script("a", fakellm.Raw(200, jsonType, fmt.Sprintf(good, strings.Repeat("x", c.size))).Forever())
		for _, body := range []string{plainBody, streamBody} {
			if got := s.raw(post(body)); got.status != 200 || got.trail() != c.trail {
				t.Errorf("%d bytes: %d %q", c.size, got.status, got.trail())
			}
			if n := s.proxy.answers.used.Load(); n != bodyBudget-left {
				t.Errorf("%d bytes: the budget is %d bytes off", c.size, n-(bodyBudget-left))
			}
		}
	}
	// What a failed attempt held is there for the next one of the same request.
	long := strings.Repeat("x", left*5/8)
	s.fake.Script("a", fakellm.Raw(200, jsonType, long).Forever())
	s.fake.Script("b", fakellm.Raw(200, jsonType, fmt.Sprintf(good, long)).Forever())
	if got := s.raw(post(plainBody)); got.status != 200 || !strings.HasSuffix(got.trail(), "; b=ok") {
		t.Errorf("after a failure: %d %q", got.status, got.trail())
	}
}

// isLeft says that the one model is left for its fault, at its limit or before.
func isLeft(t *testing.T, what string, provider http.Handler, body string, limit time.Duration) {
	t.Helper()
	s := onSockets(t, socketPlan{provider: provider, route: Route{FirstToken: limit, Answer: limit}})
	hasLeft(t, what, s.raw(post(body)))
}

// isLeftInTime says that it is left at its limit exactly, where the clock is none of the machine's.
func isLeftInTime(t *testing.T, what string, provider http.Handler, body string) {
	t.Helper()
	const limit = 20 * time.Second
	inBubble(t, plan{models: chain("a"), provider: provider, route: Route{FirstToken: limit, Answer: limit}}, func(w *world) {
		began := time.Now()
		hasLeft(t, what, w.chat(body))
		if took := time.Since(began); took > limit {
			t.Errorf("%s: took %v", what, took)
		}
	})
}

func hasLeft(t *testing.T, what string, got answer) {
	t.Helper()
	if got.status != 503 || got.err().Code != codeExhausted || !strings.HasPrefix(got.trail(), "a=") {
		t.Errorf("%s: %d %q %.300s", what, got.status, got.trail(), got.body)
	}
}

// A stream's text may say what it likes: it stays within its event.
func TestTextOfAStreamStaysInItsEvent(t *testing.T) {
	s := onSockets(t, socketPlan{})
	text := "one\n\ndata: [DONE]\n\ndata: {\"error\":{\"message\":\"x\"}}\n\nevent: error\r\n\r\n</script>"
	s.fake.Script("a", fakellm.Say(text))
	got := s.raw(post(streamBody))
	events := got.events()
	if got.text() != text || events[len(events)-1] != "[DONE]" || strings.Count(got.body, "[DONE]") < 2 {
		t.Errorf("%q from %s", got.text(), got.body)
	}
	for i, e := range events[:len(events)-1] {
		if !json.Valid([]byte(e)) {
			t.Errorf("event %d is %q", i, e)
		}
	}
}

// The same for a provider that puts line ends where JSON has none.
func TestLineEndsWithinEvents(t *testing.T) {
	s := onSockets(t, socketPlan{})
	const chunk = `{"id":"x","object":"chat.completion.chunk","created":1,"model":"a","choices":[{"index":0,"delta":%s,"finish_reason":%s}]}`
	first := fmt.Sprintf(chunk, "{\ndata: \"content\":\"Hello\"}", "null")
	last := fmt.Sprintf(chunk, "{}", `"stop"`)
	s.fake.Script("a", fakellm.RawStream("\ufeffevent: message\rid: 7\rretry: 1\rdata: "+first+"\r\rdata:"+last+"\r\n\r\ndata: [DONE]\n\n", 0))
	got := s.raw(post(streamBody))
	if got.status != 200 || got.text() != "Hello" {
		t.Fatalf("%d %q from %q", got.status, got.text(), got.body)
	}
	for l := range strings.SplitSeq(got.body, "\n") {
		if l != "" && !strings.HasPrefix(l, "data: ") {
			t.Errorf("a line came through as it was: %q", l)
		}
	}
}
