package proxy

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

var itoa = strconv.Itoa

func TestRoutes(t *testing.T) {
	s := onSockets(t, socketPlan{})
	for _, c := range []struct {
		request string
		status  int
		code    string
		allow   string
	}{
		{"GET /v2/chat/completions", 404, "unknown_route", ""},
		{"GET /v1", 404, "unknown_route", ""},
		{"GET /v1/", 404, "unknown_route", ""},
		{"GET //x", 404, "unknown_route", ""},
		{"GET /v1chat/completions", 404, "unknown_route", ""},
		{"GET /%00", 404, "unknown_route", ""},
		{"GET /v1/%2e%2e/%2e%2e/etc/passwd", 404, "unknown_route", ""},
		{"GET /<script>", 404, "unknown_route", ""},
		{"GET /v1/models/nothing", 404, "model_not_found", ""},
		{"GET /v1/models/%0d%0aX-Evil:%201", 404, "model_not_found", ""},
		{"GET /v1/chat/completions", 405, "method_not_allowed", "POST"},
		{"DELETE /v1/models", 405, "method_not_allowed", "GET"},
		{"PUT /healthz", 405, "method_not_allowed", "GET"},
		{"TRACE /v1/chat/completions", 405, "method_not_allowed", "POST"},
		{"BREW /v1/chat/completions", 405, "method_not_allowed", "POST"},
		{"GET /api/v1/models/", 200, "", ""},
		{"GET /models", 200, "", ""},
		{"GET /v1/v1/models", 200, "", ""},
		{"GET /v1/v1", 404, "unknown_route", ""},
		{"POST /v1/v1/messages/count_tokens", 400, "invalid_json", ""},
		{"GET /v1/../v1/models", 200, "", ""},
	} {
		cl := s.dial()
		cl.send(head(c.request + " HTTP/1.1"))
		got := cl.answer()
		s.wants(c.request, got, c.status, c.code)
		if got.header.Get("Allow") != c.allow {
			s.Errorf("%s: Allow is %q, want %q", c.request, got.header.Get("Allow"), c.allow)
		}
		if got.header.Get("X-Evil") != "" {
			s.Errorf("%s: a header came through", c.request)
		}
		cl.stillOpen()
	}
	s.asked("routes", 0)
}

// A HEAD has the head of its GET and no body: the next answer on the connection is in its place.
func TestHead(t *testing.T) {
	s := onSockets(t, socketPlan{})
	for path, status := range map[string]int{"/": 200, "/assets/none.js": 404, "/v1": 404, "/healthz": 200, "/v1/models": 200, "/v1/chat/completions": 405} {
		c := s.dial()
		c.send(head("HEAD "+path+" HTTP/1.1") + head("GET /healthz HTTP/1.1"))
		resp, err := http.ReadResponse(c.r, &http.Request{Method: "HEAD"})
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != status {
			t.Errorf("HEAD %s: %d, want %d", path, resp.StatusCode, status)
		}
		if a := c.answer(); a.status != 200 {
			t.Errorf("HEAD %s: the next answer is %d %s", path, a.status, a.body)
		}
	}
	if strings.Contains(s.log.String(), `"error"`) {
		t.Errorf("somebody who looks around is logged as an error: %s", s.log)
	}
}

// HTTP/1.0 knows no chunks: a stream ends with its connection.
func TestHTTP10(t *testing.T) {
	s := onSockets(t, socketPlan{})
	old := func(body string, headers ...string) string {
		return "POST /v1/chat/completions HTTP/1.0\r\n" + strings.Join(append(headers, "Content-Length: "+itoa(len(body))), "\r\n") + "\r\n\r\n" + body
	}
	all := func(request string) (string, answer) {
		c := s.dial()
		c.send(request)
		raw, err := io.ReadAll(c.r)
		if err != nil {
			t.Fatalf("the connection was to end: %v after %q", err, raw)
		}
		c.r.Reset(bytes.NewReader(raw))
		return string(raw), c.answer()
	}
	for _, headers := range [][]string{nil, {"Host: localhost"}, {"Expect: 100-continue"}} {
		raw, got := all(old(plainBody, headers...))
		if got.status != 200 || !strings.Contains(got.text(), "Hello") || strings.Contains(strings.ToLower(raw), "transfer-encoding") || got.header.Get("Content-Length") == "" {
			t.Errorf("whole, %q: %s", headers, raw)
		}
		raw, got = all(old(streamBody, headers...))
		events := got.events()
		if got.status != 200 || !strings.Contains(got.text(), "Hello") || len(events) == 0 || events[len(events)-1] != "[DONE]" {
			t.Errorf("streamed, %q: %s", headers, raw)
		}
		if strings.Contains(strings.ToLower(raw), "transfer-encoding") || got.header.Get("Content-Length") != "" || !strings.HasSuffix(raw, "data: [DONE]\n\n") {
			t.Errorf("streamed, %q: it is framed: %s", headers, raw)
		}
		if got.header.Get(headerModel) != "a" || got.header.Get(headerTrail) != "a=ok" {
			t.Errorf("streamed, %q: its way is missing: %s", headers, raw)
		}
	}
	c := s.dial()
	c.send(old(plainBody, "Connection: keep-alive"))
	if got := c.answer(); got.status != 200 || got.header.Get("Connection") != "keep-alive" {
		t.Errorf("kept: %d %v", got.status, got.header)
	}
	c.stillOpen()
	if raw, got := all(old(streamBody, "Connection: keep-alive")); got.status != 200 || !strings.HasSuffix(raw, "data: [DONE]\n\n") || got.header.Get("Connection") == "keep-alive" {
		t.Errorf("streamed, kept: %s", raw)
	}
	if raw, got := all("GET /nothing HTTP/1.0\r\n\r\n"); got.status != 404 {
		t.Errorf("unknown: %s", raw)
	}
	s.eventually("all exchanges have ended", func() bool { return s.proxy.running() == 0 })
}

func TestExpectContinue(t *testing.T) {
	s := onSockets(t, socketPlan{})
	expect := func(n int) string {
		return head("POST /v1/chat/completions HTTP/1.1", "Expect: 100-continue", "Content-Length: "+itoa(n))
	}
	for _, body := range []string{plainBody, streamBody} {
		c := s.dial()
		c.send(expect(len(body)))
		resp, err := http.ReadResponse(c.r, nil)
		if err != nil || resp.StatusCode != 100 {
			t.Fatalf("no 100: %v %v", resp, err)
		}
		c.send(body)
		got := c.answer()
		s.wants("accepted", got, 200, "")
		if !strings.Contains(got.text(), "Hello") {
			t.Errorf("accepted: %s", got.body)
		}
		c.stillOpen()
	}

	c := s.dial()
	c.send(expect(60_000_000))
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil || resp.StatusCode != 413 {
		t.Fatalf("refused before the body: %v %v", resp, err)
	}
	body, _ := io.ReadAll(resp.Body)
	s.wants("refused", answer{resp.StatusCode, resp.Header, string(body)}, 413, "request_too_large")
	c.ended()

	s.wants("refused, but sent", s.raw(expect(60_000_000), strings.Repeat(" ", 60_000_000)), 413, "request_too_large")
	s.asked("expect", 2)
}

// Without an Origin any Content-Type is read as JSON, since many clients send a wrong one. A page could send such a request
// without asking first, so with an Origin only what a page must ask for is read.
func TestContentTypes(t *testing.T) {
	s := onSockets(t, socketPlan{})
	const page = "Origin: http://localhost:3000"
	for _, c := range []struct {
		what    string
		headers []string
		status  int
		code    string
	}{
		{"form, no page", []string{"Content-Type: application/x-www-form-urlencoded"}, 200, ""},
		{"multipart, no page", []string{"Content-Type: multipart/form-data; boundary=x"}, 200, ""},
		{"none, no page", nil, 200, ""},
		{"JSON, page", []string{page, "Content-Type: application/json"}, 200, ""},
		{"JSON with charset, page", []string{page, "content-type: Application/JSON; charset=utf-8"}, 200, ""},
		{"form, page", []string{page, "Content-Type: application/x-www-form-urlencoded"}, 415, "unsupported_content_type"},
		{"text, page", []string{page, "Content-Type: text/plain;charset=UTF-8"}, 415, "unsupported_content_type"},
		{"text that mentions JSON, page", []string{page, "Content-Type: text/plain; application/json"}, 415, "unsupported_content_type"},
		{"a longer name, page", []string{page, "Content-Type: application/jsonx"}, 415, "unsupported_content_type"},
		{"multipart, page", []string{page, "Content-Type: multipart/form-data; boundary=x"}, 415, "unsupported_content_type"},
		{"none, page", []string{page}, 415, "unsupported_content_type"},
		{"JSON, foreign page", []string{"Origin: https://evil.example", "Content-Type: application/json"}, 403, "origin_not_allowed"},
		{"JSON, foreign page in a folded line", []string{"Origin:\r\n https://evil.example", "Content-Type: application/json"}, 400, "bad_request"},
		{"JSON, two pages", []string{page, "Origin: https://evil.example", "Content-Type: application/json"}, 403, "origin_not_allowed"},
	} {
		before := len(s.fake.Requests())
		got := s.raw(post(plainBody, c.headers...))
		s.wants(c.what, got, c.status, c.code)
		want := before
		if c.status == 200 {
			want++
		}
		s.asked(c.what, want)
		if c.status == 415 && got.header.Get("Access-Control-Allow-Origin") == "" {
			s.Errorf("%s: the page cannot read why", c.what)
		}
	}
}

// Foreign names are refused before anything is read of the body.
func TestForeignHost(t *testing.T) {
	s := onSockets(t, socketPlan{})
	for _, host := range []string{"evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "a.b"} {
		got := s.raw("POST /v1/chat/completions HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 25000000\r\n\r\n{")
		s.wants(host, got, 403, "host_not_allowed")
	}
	s.asked("foreign host", 0)

	closed := onSockets(t, socketPlan{settings: Settings{Clients: []Client{{Name: "ana", Key: "k"}}}})
	got := closed.raw("GET /v1/models HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer k\r\n\r\n")
	closed.wants("with a key", got, 200, "")
}

func TestOptions(t *testing.T) {
	s := onSockets(t, socketPlan{})
	c := s.dial()
	c.send(head("OPTIONS /v1/chat/completions HTTP/1.1", "Origin: http://localhost:3000", "Access-Control-Request-Method: POST",
		"Access-Control-Request-Headers: authorization, content-type,x-stainless-lang"))
	got := c.answer()
	if got.status != 204 || got.header.Get("Access-Control-Allow-Origin") != "http://localhost:3000" ||
		got.header.Get("Access-Control-Allow-Headers") != "authorization, content-type,x-stainless-lang" || got.body != "" {
		t.Errorf("%d %v", got.status, got.header)
	}
	c.stillOpen()
	for _, evil := range []string{`"><script>`, strings.Repeat("x-a,", 2000), "é"} {
		got := s.raw(head("OPTIONS * HTTP/1.1", "Access-Control-Request-Headers: "+evil))
		if echoed := got.header.Get("Access-Control-Allow-Headers"); got.status != 204 || got.header.Get("X-Evil") != "" || echoed != "Authorization, Content-Type" {
			t.Errorf("%.40q: %d, echoed %.60q", evil, got.status, echoed)
		}
	}
}

// Requests on one connection are answered in their order, though the second was sent before the first was answered.
func TestPipelining(t *testing.T) {
	s := onSockets(t, socketPlan{})
	say := func(text, stream string) string {
		return post(`{"model":"auto"` + stream + `,"messages":[{"role":"user","content":"` + text + `"}]}`)
	}
	const stream = `,"stream":true`
	for name, c := range map[string]struct{ first, second string }{
		"whole":         {"", ""},
		"streamed":      {stream, stream},
		"stream, whole": {stream, ""},
		"whole, stream": {"", stream},
	} {
		cl := s.dial()
		cl.send(say("first word", c.first) + say("second word", c.second) + head("GET /healthz HTTP/1.1"))
		for i, want := range []string{"first word", "second word"} {
			got := cl.answer()
			if got.status != 200 || !strings.Contains(got.text(), want) {
				t.Errorf("%s: answer %d is %d %s", name, i+1, got.status, got.body)
			}
		}
		if got := cl.answer(); got.status != 200 || got.text() != "" {
			t.Errorf("%s: the third answer is %s", name, got.body)
		}
		cl.stillOpen()
	}
	for range 3 { // one after the other
		cl := s.dial()
		for i := range 20 {
			text := "word " + itoa(i) + "."
			cl.send(say(text, [...]string{"", stream}[i%2]))
			if got := cl.answer(); !strings.Contains(got.text(), text) {
				t.Errorf("kept connection, request %d: %s", i, got.body)
			}
		}
	}
}

func TestStrangeHeads(t *testing.T) {
	s := onSockets(t, socketPlan{})
	for name, c := range map[string]struct {
		head   string
		status int
		code   string
	}{
		"huge field":        {head("GET /healthz HTTP/1.1", "X-Pad: "+strings.Repeat("x", 100_000)), 431, "headers_too_large"},
		"huge name":         {head("GET /healthz HTTP/1.1", strings.Repeat("x", 100_000)+": 1"), 431, "headers_too_large"},
		"huge target":       {head("GET /" + strings.Repeat("x", 100_000) + " HTTP/1.1"), 414, "target_too_long"},
		"100,000 lines":     {head("GET /healthz HTTP/1.1", strings.Repeat("A: b\r\n", 100_000)+"C: d"), 431, "headers_too_large"},
		"1,000 short lines": {head("GET /healthz HTTP/1.1", strings.Repeat("A: b\r\n", 1_000)+"C: d"), 200, ""},
		"NUL in a value":    {head("GET /healthz HTTP/1.1", "X-A: b\x00c"), 400, "bad_request"},
		"NUL in a name":     {head("GET /healthz HTTP/1.1", "X\x00A: b"), 400, "bad_request"},
		"escape":            {head("GET /healthz HTTP/1.1", "X-A: \x1b[31m"), 400, "bad_request"},
		"bare CR":           {head("GET /healthz HTTP/1.1", "X-A: b\rContent-Length: 5"), 400, "bad_request"},
		"folded":            {head("GET /healthz HTTP/1.1", "X-A: b\r\n c"), 400, "bad_request"},
		"no HTTP":           {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "bad_request"}, // TLS to a plain port
		"long key":          {head("GET /healthz HTTP/1.1", "Authorization: Bearer "+strings.Repeat("x", 12_000)), 200, ""},
	} {
		s.wants(name, s.raw(c.head), c.status, c.code)
	}
	if strings.Contains(s.log.String(), "error") {
		t.Errorf("nonsense is logged as an error: %s", s.log)
	}
}
