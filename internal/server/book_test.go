package server

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"
)

const (
	ask     = "POST /a HTTP/1.1\r\nHost: x\r\n"
	chunked = ask + "Transfer-Encoding: chunked\r\n\r\n"
	then    = "GET /b HTTP/1.1\r\nHost: x\r\n\r\n"
)

// book is what is made of requests: "/a2 /b0" are two that are taken, with bodies of two and of no bytes, "no" is a refusal, and
// "." the end of the connection. What net/http makes of it stands there when it is something else, and then why we do otherwise.
var book = []struct{ name, text, ours, theirs, why string }{
	{"length", ask + "Content-Length: 2\r\n\r\nok" + then, "/a2 /b0", "", ""},
	{"length of blanks", ask + "Content-Length: \t 2 \t\r\n\r\nok" + then, "/a2 /b0", "", ""},
	{"length of zeros", ask + "Content-Length: 002\r\n\r\nok" + then, "/a2 /b0", "", ""},
	{"no length", ask + "\r\n" + then, "/a0 /b0", "", ""},
	{"two lengths", ask + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nok", "no .", "", ""},
	{"length with a sign", ask + "Content-Length: +2\r\n\r\nok", "no .", "", ""},
	{"length below zero", ask + "Content-Length: -2\r\n\r\nok", "no .", "", ""},
	{"hexadecimal length", ask + "Content-Length: 0x2\r\n\r\nok", "no .", "", ""},
	{"list of lengths", ask + "Content-Length: 2, 2\r\n\r\nok", "no .", "", ""},
	{"no number", ask + "Content-Length: two\r\n\r\nok", "no .", "", ""},
	{"length beyond numbers", ask + "Content-Length: 18446744073709551618\r\n\r\nok", "no .", "", ""},
	{"same length twice", ask + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nok" + then, "no .", "/a2 /b0", "nginx refuses it too"},

	{"chunks", chunked + "2;a=\"b\"\r\nok\r\n0\r\nX: y\r\n\r\n" + then, "/a2 /b0", "", ""},
	{"chunks of zeros", chunked + "002 \r\nok\r\n000\r\n\r\n" + then, "/a2 /b0", "", ""},
	{"encoding of another case", ask + "transfer-ENCODING: CHUNKED\r\n\r\n2\r\nok\r\n0\r\n\r\n" + then, "/a2 /b0", "", ""},
	{"chunks twice", ask + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "no .", "", ""},
	{"two fields of chunks", ask + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "no .", "", ""},
	{"nearly chunked", ask + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "no .", "", ""},
	{"chunked and none", ask + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", "no .", "", ""},
	{"no encoding", ask + "Transfer-Encoding: identity\r\n\r\n", "no .", "", ""},
	{"empty encoding", ask + "Transfer-Encoding:\r\n\r\n", "no .", "", ""},
	{"encoding before a blank", ask + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "no .", "", ""},
	{"encoding in HTTP/1.0", "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "no .", "/a0 .", "RFC 9112, 6.1: faulty framing; nginx refuses it too"},
	{"length and encoding", ask + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "no .", "/a2", "smuggling; nginx refuses it too"},
	{"size before a blank", chunked + "2 ;a\r\nok\r\n0\r\n\r\n", "no .", "", ""},
	{"size behind a blank", chunked + " 2\r\nok\r\n0\r\n\r\n", "no .", "", ""},
	{"size with a sign", chunked + "+2\r\nok\r\n0\r\n\r\n", "no .", "", ""},
	{"size with 0x", chunked + "0x2\r\nok\r\n0\r\n\r\n", "no .", "", ""},
	{"no size", chunked + "\r\nok\r\n0\r\n\r\n", "no .", "", ""},
	{"size beyond numbers", chunked + "10000000000000002\r\nok\r\n0\r\n\r\n", "no .", "", ""},
	{"size ends in LF", chunked + "2\nok\r\n0\r\n\r\n", "no .", "", ""},
	{"LF in an extension", chunked + "2;a\nok\r\n0\r\n\r\n", "no .", "", ""},
	{"chunk ends in LF", chunked + "2\r\nok\n0\r\n\r\n", "no .", "", ""},
	{"chunk longer than its size", chunked + "1\r\nok\r\n0\r\n\r\n", "no .", "", ""},
	{"trailer without a colon", chunked + "0\r\nX\r\n\r\n", "no .", "", ""},
	{"trailer of framing", chunked + "2\r\nok\r\n0\r\nContent-Length: 9\r\n\r\n" + then, "no .", "/a2 /b0", "RFC 9110, 6.5.1 forbids it"},
	{"long extension", chunked + "2;" + strings.Repeat("a", 8<<10) + "\r\nok\r\n0\r\n\r\n" + then, "/a2 /b0", "no .", "it costs no memory, and its time is bounded; nginx takes it too"},

	{"empty lines before", "\r\n\r\n" + then, "/b0", "no .", "RFC 9112, 2.2: at least one is passed over; some clients end a body with one"},
	{"LF before", "\n" + then, "no .", "", ""},
	{"lines end in LF", strings.ReplaceAll(then, "\r\n", "\n"), "no .", "/b0", "whoever stands before us may pass it on as a part of a line"},
	{"one line ends in LF", "GET /b HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", "no .", "/b0", "likewise"},
	{"folded line", ask + "A: b\r\n c\r\n\r\n", "no .", "/a0", "RFC 9112, 5.2 allows it, and nginx refuses it: a field that hides in another one"},
	{"CR in a value", ask + "A: b\rc\r\n\r\n", "no .", "", ""},
	{"NUL in a value", ask + "A: \x00\r\n\r\n", "no .", "", ""},
	{"control in a value", ask + "A: \x01\r\n\r\n", "no .", "", ""},
	{"eight bits in a value", ask + "A: \xff\r\n\r\n", "/a0", "", ""},
	{"eight bits in a name", ask + "\xff: a\r\n\r\n", "no .", "", ""},
	{"blank before the colon", ask + "A : b\r\n\r\n", "no .", "", ""},
	{"blank in a name", ask + "A B: b\r\n\r\n", "no .", "", ""},
	{"no colon", ask + "A\r\n\r\n", "no .", "", ""},
	{"no name", ask + ": a\r\n\r\n", "no .", "", ""},

	{"two blanks", "GET  /b HTTP/1.1\r\nHost: x\r\n\r\n", "no .", "", ""},
	{"blank behind", "GET /b HTTP/1.1 \r\nHost: x\r\n\r\n", "no .", "", ""},
	{"tabs for blanks", "GET\t/b\tHTTP/1.1\r\nHost: x\r\n\r\n", "no .", "", ""},
	{"no method", " /b HTTP/1.1\r\nHost: x\r\n\r\n", "no .", "", ""},
	{"no token", "G(T /b HTTP/1.1\r\nHost: x\r\n\r\n", "no .", "", ""},
	{"another method", "BREW /b HTTP/1.1\r\nHost: x\r\n\r\n", "/b0", "", ""},
	{"NUL in the target", "GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", "no .", "", ""},
	{"no path", "GET b HTTP/1.1\r\nHost: x\r\n\r\n", "no .", "", ""},
	{"fragment", "GET /b#c HTTP/1.1\r\nHost: x\r\n\r\n", "no .", "/b#c0", "RFC 9112, 3.2: no target has one; some cut it off, others take it for a part of the path"},
	{"long target", "GET http://x/b HTTP/1.1\r\nHost: x\r\n\r\n", "/b0", "", ""},
	{"long target, another host", "GET http://y/b HTTP/1.1\r\nHost: x\r\n\r\n", "no .", "/b0", "one of the two is judged, and by others the other one"},
	{"long target, with a user", "GET http://u:p@x/b HTTP/1.1\r\nHost: x\r\n\r\n", "no .", "/b0", "RFC 9110, 4.2.4; nginx refuses it too"},
	{"server-wide", "GET * HTTP/1.1\r\nHost: x\r\n\r\n", "no .", "*0", "RFC 9112, 3.2.4: of OPTIONS alone; nginx refuses it too"},

	{"no host", "GET /b HTTP/1.1\r\n\r\n", "no .", "", ""},
	{"two hosts", "GET /b HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", "no .", "", ""},
	{"empty host", "GET /b HTTP/1.1\r\nHost:\r\n\r\n", "no .", "/b0", "nobody is meant; nginx refuses it too"},
	{"blank in the host", "GET /b HTTP/1.1\r\nHost: x y\r\n\r\n", "no .", "", ""},
	{"user in the host", "GET /b HTTP/1.1\r\nHost: u@x\r\n\r\n", "no .", "", ""},
	{"path in the host", "GET /b HTTP/1.1\r\nHost: x/y\r\n\r\n", "no .", "", ""},
	{"no port", "GET /b HTTP/1.1\r\nHost: x:y\r\n\r\n", "no .", "/b0", "it is no host"},
	{"list of hosts", "GET /b HTTP/1.1\r\nHost: x,y\r\n\r\n", "no .", "/b0", "it may be two hosts to others"},

	{"HTTP/1.0", "GET /b HTTP/1.0\r\n\r\n", "/b0 .", "", ""},
	{"HTTP/1.0, kept", "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + then, "/a0 /b0", "", ""},
	{"HTTP/1.0, both", "GET /a HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n" + then, "/a0 .", "/a0 /b0", "close is the safe one; nginx closes too"},
	{"HTTP/1.2", "GET /a HTTP/1.2\r\nHost: x\r\n\r\n" + then, "/a0 .", "/a0 /b0", "there is none: it is answered as the oldest"},
	{"HTTP/2.0", "GET /b HTTP/2.0\r\nHost: x\r\n\r\n", "no .", "", ""},
	{"preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "no .", "*0 .", "it is not spoken here"},
	{"HTTP/0.9", "GET /b\r\n", "no .", "", ""},
	{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "no .", "", "it waits for a line that never ends"},
	{"close", "GET /a HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n" + then, "/a0 .", "", ""},
	{"close in a list", "GET /a HTTP/1.1\r\nHost: x\r\nConnection: a, close\r\n\r\n" + then, "/a0 .", "", ""},
	{"not quite close", "GET /a HTTP/1.1\r\nHost: x\r\nConnection: closed\r\n\r\n" + then, "/a0 /b0", "", ""},
	{"upgrade", "GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + then, "/a0 /b0", "", ""},
	{"expects something else", ask + "Expect: tea\r\nContent-Length: 2\r\n\r\nok" + then, "/a2 /b0", "no .", "RFC 9110, 10.1.1: it may be refused; nginx takes it too"},
	{"expects to be told", ask + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nok" + then, "/a2 /b0", "", ""},
	{"compressed body", ask + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok", "no .", "/a2", "nobody here unpacks it"},
}

// What we make of a request is what net/http makes of it, or stands in the book with its reason.
func TestByTheBook(t *testing.T) {
	for _, c := range book {
		t.Run(c.name, func(t *testing.T) {
			inHouse(t, func(s *Server) {
				s.Handle = func(ctx *fasthttp.RequestCtx) {
					tell(ctx, string(ctx.Path()), ctx.RequestBodyStream(), ctx.SetStatusCode)
				}
			}, func(h *house) {
				if got := outcome(h.said(c.text)); got != c.ours {
					t.Errorf("we: %q, want %q", got, c.ours)
				}
			})
			want := c.theirs
			if want == "" && c.why == "" {
				want = c.ours
			}
			if got := outcome(besideNet(t, c.text)); got != want {
				t.Errorf("net/http: %q, want %q", got, want)
			}
		})
	}
}

// tell says what was asked, or that it could not be read.
func tell(w io.Writer, path string, body io.Reader, status func(int)) {
	n := int64(0)
	if body != nil {
		var err error
		if n, err = io.Copy(io.Discard, body); err != nil {
			status(400)
			return
		}
	}
	fmt.Fprintf(w, "%s%d", path, n)
}

// besideNet is what net/http's server says.
func besideNet(t *testing.T, text string) (said string) {
	synctest.Test(t, func(t *testing.T) {
		ln := fasthttputil.NewInmemoryListener()
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { tell(w, r.URL.Path, r.Body, w.WriteHeader) })}
		go func() { _ = srv.Serve(ln) }()
		defer srv.Close()
		said = (&house{T: t, ln: ln}).said(text)
		time.Sleep(time.Second) // for it to let go of those who still send
	})
	return said
}

// outcome is what answers come to.
func outcome(said string) string {
	said, ended := strings.CutSuffix(said, "END")
	var out []string
	for r := bufio.NewReader(strings.NewReader(said)); ; {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			break
		}
		switch text, _ := io.ReadAll(resp.Body); {
		case resp.StatusCode >= 400:
			out = append(out, "no")
		case resp.StatusCode >= 200:
			out = append(out, string(text))
		}
	}
	if ended {
		out = append(out, ".")
	}
	return strings.Join(out, " ")
}
