package upstream

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

func TestRequestHead(t *testing.T) {
	for _, test := range []struct {
		name string
		r    Request
		want string
	}{
		{"post", Request{Method: "POST", URL: "http://a.test:8080/v1/x?y=z", Header: []Header{{"Authorization", "Bearer k"}}, Body: [3][]byte{[]byte("{"), nil, []byte("}")}},
			"POST /v1/x?y=z HTTP/1.1\r\nHost: a.test:8080\r\nContent-Length: 2\r\nUser-Agent: freefall\r\nAccept: application/json, text/event-stream\r\nContent-Type: application/json\r\nAuthorization: Bearer k\r\n\r\n{}"},
		{"get", Request{Method: "GET", URL: "https://a.test"},
			"GET / HTTP/1.1\r\nHost: a.test\r\nUser-Agent: freefall\r\nAccept: application/json, text/event-stream\r\n\r\n"},
		{"empty post", Request{Method: "POST", URL: "http://[::1]?q"},
			"POST /?q HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 0\r\nUser-Agent: freefall\r\nAccept: application/json, text/event-stream\r\n\r\n"},
		{"replaced", Request{Method: "GET", URL: "http://a.test/", Header: []Header{{"accept", "text/event-stream"}, {"USER-AGENT", "me"}}},
			"GET / HTTP/1.1\r\nHost: a.test\r\naccept: text/event-stream\r\nUSER-AGENT: me\r\n\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := New(Config{}).Template(&test.r)
			if m.err != nil {
				t.Fatal(m.err)
			}
			head := m.appendHead(nil, test.r.size())
			for _, part := range test.r.Body {
				head = append(head, part...)
			}
			if string(head) != test.want {
				t.Errorf("got\n%s\nwant\n%s", head, test.want)
			}
			if _, err := http.ReadRequest(bufio.NewReader(strings.NewReader(string(head)))); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRequestsThatCannotBeSent(t *testing.T) {
	field := func(name, value string) Request {
		return Request{Method: "POST", URL: "http://a.test/", Header: []Header{{name, value}}}
	}
	url := func(s string) Request { return Request{Method: "GET", URL: s} }
	for name, r := range map[string]Request{
		"crlf in value": field("A", "secret\r\nX: y"), "lf in value": field("A", "secret\n"), "nul in value": field("A", "secret\x00"),
		"crlf in name": field("secret\r\nX", "y"), "colon in name": field("secret:", "y"), "no name": field("", "secret"),
		"host": field("hOST", "secret"), "length": field("content-length", "5"), "te": field("Transfer-Encoding", "chunked"),
		"connection": field("Connection", "secret"), "expect": field("Expect", "100-continue"),
		"method": {Method: "GET secret", URL: "http://a.test/"}, "no method": {URL: "http://a.test/"},
		"no scheme": url("a.test/secret"), "ftp": url("ftp://a.test/secret"), "no host": url("http:///secret"), "user": url("http://u:secret@a.test/"),
		"space": url("http://a.test/secret x"), "crlf": url("http://a.test/secret\r\nX: y"), "fragment": url("http://a.test/#secret"),
		"port": url("http://a.test:secret/"), "port 0": url("http://a.test:0/secret"), "large port": url("http://a.test:70000/secret"),
		"port alone": url("http://:80/secret"), "two ports": url("http://a:1:2/secret"), "empty": url(""), "rune": url("http://a.test/secretä"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := inMemory(t, Config{})
				w.serve((*peer).untilGone)
				_, _, err := w.do(&r)
				if e, ok := errors.AsType[*Error](err); !ok || e.Phase != phaseRequest || e.Sent || w.dials() != 0 {
					t.Fatal(err)
				}
				if strings.Contains(err.Error(), "secret") {
					t.Error("the error tells a secret:", err)
				}
				w.nothingOpen()
			})
		})
	}
}

func TestBodyArrivesWhole(t *testing.T) {
	for name, parts := range map[string][]string{
		"none": {}, "one": {"{}"}, "joined": {"a", "b", "c"}, "just joined": {strings.Repeat("a", 4000), "b", strings.Repeat("c", 4000)},
		"slices": {strings.Repeat("a", 300_000), "b", strings.Repeat("c", 300_000)}, "last": {"a", "", strings.Repeat("c", sliceSize*2)},
		"asked in parts": {strings.Repeat("a", 20_000), "b", strings.Repeat("c", 30_000)}, "first": {strings.Repeat("a", sliceSize*2)},
		"first, and little": {strings.Repeat("a", sliceSize-100), "b", strings.Repeat("c", 200)},
	} {
		t.Run(name, func(t *testing.T) {
			eachWorld(t, Config{}, func(w *world) {
				got := make(chan string, 1)
				w.serve(func(p *peer) {
					for {
						body, ok := p.request()
						if !ok {
							return
						}
						got <- body
						p.say(length("ok"))
					}
				})
				for range 2 {
					w.mustAskWith("ok", parts...)
					if body := <-got; body != strings.Join(parts, "") {
						w.t.Errorf("%d bytes arrived, or others", len(body))
					}
				}
			})
		})
	}
}

func (w *world) mustAskWith(want string, parts ...string) {
	w.t.Helper()
	if _, got, err := w.ask(parts...); got != want || err != nil {
		w.t.Fatal(got, err)
	}
}

// A head that is larger than the buffer it is built in is sent all the same, and the buffer's next user is not harmed.
func TestLargeRequestHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t, Config{})
		w.serve(func(p *peer) {
			for {
				r, err := http.ReadRequest(p.Reader)
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, r.Body)
				p.say(length(r.Header.Get("X-Last")))
			}
		})
		r := w.post("{}")
		r.Header = []Header{{"X-Big", strings.Repeat("x", 3*joinSize)}, {"X-Last", "ok"}}
		if _, got, err := w.do(r); got != "ok" || err != nil {
			t.Fatal(got, err)
		}
	})
}
