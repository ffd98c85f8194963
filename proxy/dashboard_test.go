package proxy

import (
	"slices"
	"strings"
	"testing"

	"freefall/internal/dashboard"
)

func TestDashboard(t *testing.T) {
	s := onSockets(t, socketPlan{})
	page := s.raw(head("GET / HTTP/1.1"))
	if page.status != 200 || !strings.Contains(page.body, "<title>freefall</title>") || page.header.Get("Content-Encoding") != "" {
		t.Errorf("%d %v", page.status, page.header)
	}
	for name, want := range map[string]string{"Content-Security-Policy": dashboard.Policy, "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		"Referrer-Policy": "no-referrer", "Cache-Control": "no-cache", "Content-Type": "text/html; charset=utf-8"} {
		if got := page.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	tag := page.header.Get("ETag")
	for _, tags := range []string{tag, `"other", W/` + tag, "*"} {
		if a := s.raw(head("GET / HTTP/1.1", "If-None-Match: "+tags)); a.status != 304 || a.body != "" || a.header.Get("ETag") != tag {
			t.Errorf("If-None-Match: %s: %d %q", tags, a.status, a.body)
		}
	}
	if a := s.raw(head("GET / HTTP/1.1", `If-None-Match: "other"`)); a.status != 200 {
		t.Errorf("another tag: %d", a.status)
	}
	packed := s.raw(head("GET /assets/page.js HTTP/1.1", "Accept-Encoding: br, gzip"))
	if packed.header.Get("Content-Encoding") != "gzip" || packed.body != string(dashboard.Find("/assets/page.js").Gzip) || packed.header.Get("Vary") == "" {
		t.Errorf("gzip: %v, %d bytes", packed.header, len(packed.body))
	}
	page = s.raw(head("GET /assets/page.js HTTP/1.1", "Origin: http://localhost:3000"))
	if vary := page.header.Values("Vary"); !slices.Equal(vary, []string{"Origin", "Accept-Encoding"}) {
		t.Errorf("to a page of another origin: varies by %q", vary)
	}
	for _, at := range []string{"/assets/none.js", "/assets/", "/assets/../proxy.go", "/assets/%2e%2e/go.mod", "/index.html"} {
		if a := s.raw(head("GET " + at + " HTTP/1.1")); a.status != 404 || a.err().Type != "invalid_request_error" {
			t.Errorf("%s: %d %s", at, a.status, a.body)
		}
	}
	if a := s.raw(head("POST / HTTP/1.1", "Content-Length: 0")); a.status != 405 || a.header.Get("Allow") == "" {
		t.Errorf("POST: %d", a.status)
	}
}

// The files are open to all; what they show is not.
func TestDashboardWithoutKey(t *testing.T) {
	s := onSockets(t, socketPlan{settings: Settings{AdminKey: "k-admin"}})
	if a := s.raw(head("GET / HTTP/1.1")); a.status != 200 {
		t.Errorf("the page: %d", a.status)
	}
	if a := s.raw(head("GET /api/chat/requests HTTP/1.1")); a.status != 401 {
		t.Errorf("the requests: %d", a.status)
	}
}
