package proxy

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"freefall/fallback"
	"freefall/internal/fakellm"
)

// The battery of requests that two servers in a row might cut differently. What is refused takes its connection with it, and
// what stands behind it is never answered as a request of its own.
func TestSmuggling(t *testing.T) {
	s := onSockets(t, socketPlan{readTime: 200 * time.Millisecond})
	const line = "POST /v1/chat/completions HTTP/1.1\r\n"
	const host = "Host: localhost\r\n"
	smuggled := "GET /v1/models HTTP/1.1\r\n" + host + "\r\n"
	length := "Content-Length: " + itoa(len(plainBody)) + "\r\n"
	chunks := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(plainBody), plainBody)
	const chunked = "Transfer-Encoding: chunked\r\n"
	for _, c := range []struct {
		name    string
		request string
		status  int
	}{
		{"two lengths", line + host + length + length + "\r\n" + plainBody, 400},
		{"two lengths that differ", line + host + length + "Content-Length: 0\r\n\r\n" + plainBody, 400},
		{"list of lengths", line + host + "Content-Length: 5, 5\r\n\r\n" + plainBody, 400},
		{"length with a sign", line + host + "Content-Length: +2\r\n\r\n{}", 400},
		{"negative length", line + host + "Content-Length: -2\r\n\r\n{}", 400},
		{"hexadecimal length", line + host + "Content-Length: 0x2\r\n\r\n{}", 400},
		{"length beyond numbers", line + host + "Content-Length: 99999999999999999999999\r\n\r\n{}", 400},
		{"empty length", line + host + "Content-Length:\r\n\r\n{}", 400},
		{"length before its colon", line + host + "Content-Length : 2\r\n\r\n{}", 400},
		{"unknown encoding", line + host + "Transfer-Encoding: gzip\r\n\r\n" + chunks, 400},
		{"chunked and more", line + host + "Transfer-Encoding: gzip, chunked\r\n\r\n" + chunks, 400},
		{"xchunked", line + host + "Transfer-Encoding: xchunked\r\n\r\n" + chunks, 400},
		{"encoding before its colon", line + host + "Transfer-Encoding : chunked\r\n\r\n" + chunks, 400},
		{"encoding behind a tab", line + host + "Transfer-Encoding\t: chunked\r\n\r\n" + chunks, 400},
		{"two encodings", line + host + chunked + chunked + "\r\n" + chunks, 400},
		{"encoding and length", line + host + chunked + length + "\r\n" + chunks, 400},
		{"length and encoding", line + host + length + chunked + "\r\n" + chunks, 400},
		{"length and encoding in capitals", line + host + "CONTENT-LENGTH: 5\r\nTRANSFER-ENCODING: CHUNKED\r\n\r\n" + chunks, 400},
		{"encoding that is none", line + host + "Transfer-Encoding: identity\r\n\r\n" + plainBody, 400},
		{"encoding that is none, and length", line + host + "Transfer-Encoding: identity\r\n" + length + "\r\n" + plainBody, 400},
		{"encoding in HTTP/1.0", "POST /v1/chat/completions HTTP/1.0\r\n" + host + chunked + "\r\n" + chunks, 400},
		{"bare CR", line + host + "X: a\rTransfer-Encoding: chunked\r\n\r\n" + chunks, 400},
		{"NUL", line + host + "X: a\x00\r\n" + length + "\r\n" + plainBody, 400},
		{"no host", line + length + "\r\n" + plainBody, 400},
		{"two hosts", line + host + host + length + "\r\n" + plainBody, 400},
		{"chunk size ends in LF", line + host + chunked + "\r\n2\n{}\r\n0\r\n\r\n", 400},
		{"chunk size with 0x", line + host + chunked + "\r\n0x2\r\n{}\r\n0\r\n\r\n", 400},
		{"chunk size with a sign", line + host + chunked + "\r\n+2\r\n{}\r\n0\r\n\r\n", 400},
		{"chunk size beyond numbers", line + host + chunked + "\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n", 400},
		{"chunk longer than its size", line + host + chunked + "\r\n1\r\n{}\r\n0\r\n\r\n", 400},
		{"LF in a chunk's extension", line + host + chunked + "\r\n2;a\nb\r\n{}\r\n0\r\n\r\n", 400},
		{"forbidden trailer", line + host + chunked + "Trailer: Content-Length\r\n\r\n" + chunks, 400},
		{"preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
		{"compressed body", line + host + length + "Content-Encoding: gzip\r\n\r\n" + plainBody, 400},
		{"head ends lines in LF", strings.ReplaceAll(line+host+length+"\r\n", "\r\n", "\n") + plainBody, 400},
		{"one line ends in LF", line + "Host: localhost\n" + length + "\r\n" + plainBody, 400},

		{"folded line", line + host + "X: a\r\n Content-Length: 5\r\n" + length + "\r\n" + plainBody, 400},
		{"folded line behind a tab", line + host + "X: a\r\n\tTransfer-Encoding: chunked\r\n" + length + "\r\n" + plainBody, 400},
		{"folded length", line + host + "Content-Length:\r\n 57\r\n\r\n" + plainBody, 400},
		{"blank in a name", line + host + "Content Length: 5\r\n" + length + "\r\n" + plainBody, 400},
		{"user in the host", line + "Host: evil.example@localhost\r\n" + length + "\r\n" + plainBody, 400},
		{"markup in the host", line + "Host: <script>\r\n" + length + "\r\n" + plainBody, 400},
		{"whole target of another host", strings.Replace(line, " /", " http://evil.example/", 1) + host + length + "\r\n" + plainBody, 400},
		{"whole target with a user", strings.Replace(line, " /", " http://a@localhost/", 1) + host + length + "\r\n" + plainBody, 400},
		{"fragment", strings.Replace(line, " HTTP", "#x HTTP", 1) + host + length + "\r\n" + plainBody, 400},
		{"HTTP/0.9", "GET /v1/models\r\n", 400},
		{"HTTP/2.0", strings.Replace(line, "1.1", "2.0", 1) + host + length + "\r\n" + plainBody, 505},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400},
		{"noise", "\x00\x01", 400},
		{"an endless target", "GET /" + strings.Repeat("a", 17<<10), 414},
		{"an endless field", "GET / HTTP/1.1\r\nX: " + strings.Repeat("a", 17<<10), 431},
		{"endless empty lines", strings.Repeat("\r\n", 9000), 400},

		{"chunks", line + host + chunked + "\r\n" + chunks, 200},
		{"plain body that says so", line + host + length + "Content-Encoding: identity\r\n\r\n" + plainBody, 200},
		{"chunk with an extension", line + host + chunked + "\r\n" + strings.Replace(chunks, "\r\n", ";a=b\r\n", 1), 200},
		{"empty lines before", "\r\n\r\n" + line + host + length + "\r\n" + plainBody, 200},
		{"a name like the length", line + host + "Content_Length: 5\r\n" + length + "\r\n" + plainBody, 200},
		{"whole target", strings.Replace(line, " /", " http://localhost/", 1) + host + length + "\r\n" + plainBody, 200},
		{"GET with a body", "GET /healthz HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nGET /", 200},
	} {
		before := len(s.fake.Requests())
		cl := s.dial()
		cl.send(c.request + smuggled)
		got := cl.answer()
		if got.status != c.status {
			t.Errorf("%s: %d, want %d: %s", c.name, got.status, c.status, got.body)
			continue
		}
		if c.status == 200 {
			if next := cl.answer(); next.status != 200 || !strings.Contains(next.body, `"object":"list"`) {
				t.Errorf("%s: the next request is answered with %d %s", c.name, next.status, next.body)
			}
			continue
		}
		if got.err().Code == "" || got.header.Get("Connection") != "close" {
			t.Errorf("%s: no proper refusal: %v %s", c.name, got.header, got.body)
		}
		cl.ended()
		s.asked(c.name, before)
	}
}

// What a provider says stays one line of text wherever it is shown.
func TestWordsOfAProviderAreOneLine(t *testing.T) {
	const evil = "down\r\nX-Evil: 1\r\n\r\n{\"level\":\"info\",\"message\":\"Model a answered\"}\n\x1b[31mred\x1b[0m\x00\x07\u202etxt\u2028\u0085 Bearer sk-of-the-provider <script>alert(1)</script>"
	message, _ := json.Marshal(evil)
	for name, step := range map[string]fakellm.Step{
		"fault":           fakellm.Raw(500, jsonType, `{"error":{"message":`+string(message)+`,"code":500}}`),
		"limit":           fakellm.Raw(429, jsonType, `{"error":{"message":`+string(message)+`,"code":429}}`),
		"client's fault":  fakellm.Raw(400, jsonType, `{"error":{"message":`+string(message)+`,"type":`+string(message)+`,"param":`+string(message)+`,"code":`+string(message)+`}}`),
		"error in a 200":  fakellm.Raw(200, jsonType, `{"error":{"message":`+string(message)+`,"code":502}}`),
		"not JSON":        fakellm.Raw(502, map[string]string{"content-type": "text/plain"}, evil),
		"page":            fakellm.Raw(502, map[string]string{"content-type": "text/html"}, "<html><title>"+evil+"</title></html>"),
		"in a stream":     fakellm.RawStream("data: {\"error\":{\"message\":"+string(message)+",\"code\":502}}\n\n", 0),
		"headers":         fakellm.Raw(429, map[string]string{"content-type": "application/json", "retry-after": "1\x1b[31m", "x-ratelimit-reset": "<script>"}, `{}`),
		"no status words": fakellm.Wire("HTTP/1.1 500 \x1b[31mred\r\ncontent-length: 0\r\n\r\n"),
	} {
		for _, body := range []string{plainBody, streamBody} {
			s := onSockets(t, socketPlan{})
			s.fake.Script("a", step.Forever())
			c := s.dial()
			c.send(post(body))
			got := c.answer()
			if got.status == 200 {
				t.Errorf("%s: %s", name, got.body)
			}
			state := s.raw(head("GET /api/chat/models HTTP/1.1"))
			for where, text := range map[string]string{"message": got.err().Message, "type": got.err().Type, "code": got.err().Code, "param": got.err().Param,
				"last_error": lastError(t, state.body)} {
				for _, r := range text {
					if !unicode.IsPrint(r) {
						t.Errorf("%s: %q stands in %s: %q", name, r, where, text)
						break
					}
				}
			}
			for where, text := range map[string]string{"answer": got.body, "state": state.body, "log": s.log.String(), "headers": fmt.Sprint(got.header)} {
				for _, bad := range []string{"\x1b", "\x00", "\x07", "\u202e", "sk-of-the-provider", "\r", "<script>"} {
					if bad == "<script>" && (where == "log" || where == "answer") {
						continue // neither is a page
					}
					if strings.Contains(text, bad) {
						t.Errorf("%s: %q stands in the %s: %s", name, bad, where, text)
					}
				}
			}
			if got.header.Get("X-Evil") != "" || strings.Contains(state.body, "\n{") {
				t.Errorf("%s: it broke out: %v %s", name, got.header, state.body)
			}
			for l := range strings.SplitSeq(strings.TrimSpace(s.log.String()), "\n") {
				var entry struct{ Message, Request string }
				if err := json.Unmarshal([]byte(l), &entry); err != nil || entry.Request == "" || strings.HasPrefix(entry.Message, "Model a answered") {
					t.Errorf("%s: a line of the log is not freefall's: %s", name, l)
				}
			}
		}
	}
}

var jsonType = map[string]string{"content-type": "application/json"}

func lastError(t *testing.T, state string) string {
	var doc struct{ Models []modelState }
	if err := json.Unmarshal([]byte(state), &doc); err != nil || len(doc.Models) == 0 {
		t.Fatalf("no state: %v %s", err, state)
	}
	if doc.Models[0].LastError == nil {
		return ""
	}
	return *doc.Models[0].LastError
}

// A page that shows names must not be led astray by them.
func TestNamesAreEscaped(t *testing.T) {
	evil := `</script><img src=x onerror=alert(1)>&'"`
	s := onSockets(t, socketPlan{models: []fallback.Model{{Provider: "p", ID: "a", Name: evil}}})
	got := s.raw(head("GET /api/chat/models HTTP/1.1"))
	if strings.ContainsAny(got.body, "<>&") || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("%v %s", got.header, got.body)
	}
	var doc struct{ Models []modelState }
	if err := json.Unmarshal([]byte(got.body), &doc); err != nil || doc.Models[0].Name != evil {
		t.Errorf("the name is not what it was: %v %s", err, got.body)
	}
}

// What a client writes reaches no header and no line of the log as it is.
func TestWordsOfAClientAreOneLine(t *testing.T) {
	s := onSockets(t, socketPlan{})
	const evil = "gpt\\r\\nX-Evil: 1\\u001b[31m\\u202e"
	for _, model := range []string{evil, "freefall/" + evil, "a\\r\\nX-Evil: 1", "p/a\\nb"} {
		for _, stream := range []string{"", `,"stream":true`} {
			body := `{"model":"` + model + `"` + stream + `,"models":["` + evil + `"],"messages":[{"role":"user","content":"Hello"}]}`
			got := s.raw(post(body, "X-Request-Id: a b<c>"))
			if id := got.header.Get(headerRequestID); len(id) != 32 || id != got.header.Get("X-Request-Id") {
				t.Errorf("%s: the request's id is %q", model, id)
			}
			for name, values := range got.header {
				if line := name + strings.Join(values, ""); strings.Contains(strings.ToLower(line), "evil") || strings.Contains(line, "gpt") {
					t.Errorf("%s: header %s: %q", model, name, values)
				}
			}
			if got.header.Get(headerModel) != "" && got.header.Get(headerModel) != "a" {
				t.Errorf("%s: the model is %q", model, got.header.Get(headerModel))
			}
			for _, r := range got.err().Message {
				if !unicode.IsPrint(r) {
					t.Errorf("%s: %q in the message %q", model, r, got.err().Message)
				}
			}
		}
	}
	if log := s.log.String(); strings.Contains(log, "X-Evil") || strings.Contains(log, `\u001b`) {
		t.Errorf("in the log: %s", log)
	}
	good := s.raw(post(plainBody, "X-Request-Id: my-id_1.2"))
	if good.header.Get(headerRequestID) != "my-id_1.2" {
		t.Errorf("a harmless id is %q", good.header.Get(headerRequestID))
	}
}

// A redirect is a fault of the model; nobody goes there.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var visits atomic.Int32
	elsewhere := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		visits.Add(1)
		_, _ = io.WriteString(w, `{"choices":[{"message":{"content":"gotcha"},"finish_reason":"stop"}]}`)
	})}
	s := onSockets(t, socketPlan{models: chain("a", "b")})
	ln := s.listen()
	go func() { _ = elsewhere.Serve(ln) }()
	t.Cleanup(func() { elsewhere.Close() })
	for _, status := range []int{300, 301, 302, 303, 304, 305, 307, 308} {
		for _, location := range []string{"http://" + ln.Addr().String() + "/v1/chat/completions", "/v1/chat/completions", "", "file:///etc/passwd", "a\x01b"} {
			for _, body := range []string{plainBody, streamBody} {
				fresh := onSockets(t, socketPlan{models: chain("a", "b")})
				fresh.fake.Script("a", fakellm.Raw(status, map[string]string{"location": location}, ""))
				got := fresh.raw(post(body))
				if got.status != 200 || got.trail() != "a=upstream_fault; b=ok" || strings.Contains(got.body, "gotcha") {
					t.Errorf("%d to %q: %d %q %s", status, location, got.status, got.trail(), got.body)
				}
				if fresh.fake.Hits("a") != 1 || got.header.Get("Location") != "" {
					t.Errorf("%d to %q: asked %d times, Location %q", status, location, fresh.fake.Hits("a"), got.header.Get("Location"))
				}
			}
		}
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("the target saw %d requests", n)
	}
}

// A limit's hint that is no hint rests the pair for the default time.
func TestRetryAfterGarbage(t *testing.T) {
	for _, hint := range []string{"soon", "-5", "1e9", "99999999999999999999", "NaN", "0x10", "Tue, 01 Jan 2030", "", "1;2", "1, 2", "\u0661", "3e400", "Infinity"} {
		s := onSockets(t, socketPlan{})
		s.fake.Script("a", fakellm.Raw(429, map[string]string{"content-type": "application/json", "retry-after": hint}, `{"error":{"message":"slow down"}}`))
		got := s.raw(post(plainBody))
		s.wants(fmt.Sprintf("%q", hint), got, 429, codeExhausted)
		after := got.header.Get("Retry-After")
		if n := len(after); n == 0 || n > 3 || strings.Trim(after, "0123456789") != "" || after == "0" {
			t.Errorf("%q: Retry-After is %q", hint, after)
		}
	}
}
