package upstream

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	fine  = "HTTP/1.1 200 OK\r\n"
	two   = "Content-Length: 2\r\n\r\nok"
	parts = "Transfer-Encoding: chunked\r\n\r\n"
	rest  = "2\r\nok\r\n0\r\n\r\n"
	hangs = "\x00" // at the end of an answer: the provider closes behind it
)

// book is what is made of an answer that is given twice: "200 ok" and over how many connections, "no" when there is no answer, and
// "cut" when its body has no end. What net/http's client makes of it stands there when it is something else, and then why we do otherwise.
var book = []struct{ name, text, ours, theirs, why string }{
	{"length", fine + two, "200 ok 1", "", ""},
	{"no reason", "HTTP/1.1 200\r\n" + two, "200 ok 1", "", ""},
	{"empty reason", "HTTP/1.1 200 \r\n" + two, "200 ok 1", "", ""},
	{"two blanks", "HTTP/1.1  200 OK\r\n" + two, "no", "200 ok 1", "no server does it, and others read no status there"},
	{"tab", "HTTP/1.1\t200 OK\r\n" + two, "no", "", ""},
	{"status 20", "HTTP/1.1 20 OK\r\n" + two, "no", "", ""},
	{"status 2000", "HTTP/1.1 2000 OK\r\n" + two, "no", "", ""},
	{"status 099", "HTTP/1.1 099 OK\r\n" + two, "no", "099 ok 2", "RFC 9110, 15: from 100 to 599"},
	{"status 600", "HTTP/1.1 600 OK\r\n" + two, "no", "600 ok 1", "likewise"},
	{"HTTP/1.0", "HTTP/1.0 200 OK\r\n" + two, "200 ok 2", "", ""},
	{"HTTP/1.0, kept", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + two, "200 ok 1", "", ""},
	{"HTTP/1.2", "HTTP/1.2 200 OK\r\n" + two, "no", "200 ok 1", "nobody asked for it, and there is none"},
	{"HTTP/2.0", "HTTP/2.0 200 OK\r\n" + two, "no", "200 ok 1", "likewise"},
	{"another protocol", "ICY 200 OK\r\n" + two, "no", "", ""},
	{"empty line before", "\r\n" + fine + two, "no", "", ""},
	{"nothing", hangs, "no", "", ""},

	{"same length twice", fine + "Content-Length: 2\r\n" + two, "no", "200 ok 1", "nobody knows what else was written twice"},
	{"two lengths", fine + "Content-Length: 3\r\n" + two, "no", "", ""},
	{"list of lengths", fine + "Content-Length: 2, 2\r\n\r\nok", "no", "", ""},
	{"empty length", fine + "Content-Length:\r\n\r\nok", "no", "", ""},
	{"length below zero", fine + "Content-Length: -2\r\n\r\nok", "no", "", ""},
	{"hexadecimal length", fine + "Content-Length: 0x2\r\n\r\nok", "no", "", ""},
	{"length beyond the body", fine + "Content-Length: 3\r\n\r\nok" + hangs, "200 ok cut", "", ""},
	{"length of all there is", fine + "Content-Length: 9223372036854775807\r\n\r\nok" + hangs, "200 ok cut", "", ""},
	{"length below the body", fine + "Content-Length: 1\r\n\r\nok", "200 o 2", "", ""},
	{"until the end", fine + "\r\nok" + hangs, "200 ok 2", "", ""},

	{"chunks", fine + parts + rest, "200 ok 1", "", ""},
	{"chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\n" + parts + rest + hangs, "200 2\r\nok\r\n0\r\n\r\n 2", "", ""},
	{"chunks and length", fine + "Content-Length: 3\r\n" + parts + rest, "200 ok 2", "200 ok 1", "RFC 9112, 6.3: the chunks hold, but somebody else may have read the length"},
	{"chunks twice", fine + "Transfer-Encoding: chunked\r\n" + parts + rest, "no", "", ""},
	{"encoding of none", fine + "Transfer-Encoding: identity\r\n" + two, "no", "", ""},
	{"encoding and chunks", fine + "Transfer-Encoding: gzip, chunked\r\n\r\n" + rest, "no", "", ""},
	{"nearly chunked", fine + "Transfer-Encoding: xchunked\r\n\r\n" + rest, "no", "", ""},
	{"extensions", fine + parts + "2;a=b\r\nok\r\n0;c\r\n\r\n", "200 ok 1", "", ""},
	{"trailers", fine + parts + "2\r\nok\r\n0\r\nA: b\r\n\r\n", "200 ok 1", "", ""},
	{"trailer without a colon", fine + parts + "2\r\nok\r\n0\r\nA\r\n\r\n", "200 ok 1", "200 ok cut", "the answer is whole, and nobody reads trailers"},
	{"endless trailers", fine + parts + "2\r\nok\r\n0\r\nA: " + strings.Repeat("b", 100<<10) + "\r\n\r\n", "200 ok cut", "", ""},
	{"no last line", fine + parts + "2\r\nok\r\n0\r\n" + hangs, "200 ok cut", "", ""},
	{"no last chunk", fine + parts + "2\r\nok\r\n" + hangs, "200 ok cut", "", ""},
	{"size ends in LF", fine + parts + "2\nok\r\n0\r\n\r\n", "200  cut", "", ""},
	{"size with 0x", fine + parts + "0x2\r\nok\r\n0\r\n\r\n", "200  cut", "", ""},
	{"size with a sign", fine + parts + "+2\r\nok\r\n0\r\n\r\n", "200  cut", "", ""},
	{"size beyond numbers", fine + parts + "fffffffffffffffff\r\nok", "200  cut", "", ""},
	{"chunk longer than its size", fine + parts + "2\r\nokk\r\n0\r\n\r\n", "200 ok cut", "", ""},
	{"bytes behind", fine + parts + rest + "X", "200 ok 2", "", ""},
	{"a second answer", fine + two + fine + two, "200 ok 2", "", ""},

	{"204 with a body", "HTTP/1.1 204 No\r\n" + two, "204  2", "", ""},
	{"304 with a length", "HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n", "304  1", "", ""},
	{"interim answers", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early\r\nLink: a\r\n\r\n" + fine + two, "200 ok 1", "", ""},
	{"interim answer with a length", "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n" + fine + two, "200 ok 1", "", ""},
	{"endless interim answers", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 99) + fine + two, "no", "200 ok 1", "eight are more than anybody sends"},

	{"lines end in LF", strings.ReplaceAll(fine+two, "\r\n", "\n"), "no", "200 ok 1", "a line that ends early is the way to a second answer in the first"},
	{"one line ends in LF", fine + "A: b\n" + two, "no", "200 ok 1", "likewise"},
	{"CR in a value", fine + "A: b\rc\r\n" + two, "no", "", ""},
	{"NUL in a value", fine + "A: \x00\r\n" + two, "no", "", ""},
	{"eight bits in a value", fine + "A: \xff\r\n" + two, "200 ok 1", "", ""},
	{"eight bits in a name", fine + "\xff: a\r\n" + two, "no", "", ""},
	{"folded line", fine + "A: b\r\n c\r\n" + two, "200 ok 1", "", ""},
	{"no colon", fine + "A\r\n" + two, "no", "", ""},
	{"blank in a name", fine + "A B: c\r\n" + two, "200 ok 2", "200 ok 1", "another one may have read a name there"},
	{"blank before the colon of chunks", fine + "Transfer-Encoding : chunked\r\n\r\n" + rest + hangs, "200 ok 2", "200 2\r\nok\r\n0\r\n\r\n 2", "RFC 9112, 5.1: a proxy takes the blank away, so the chunks are chunks"},
	{"100 KB in a field", fine + "A: " + strings.Repeat("b", 100<<10) + "\r\n" + two, "no", "", ""},
	{"10,000 fields", fine + strings.Repeat("A: b\r\n", 10000) + two, "no", "", ""},
	{"compressed", fine + "Content-Encoding: gzip\r\n" + two, "no", "200 ok 1", "nobody asked for it"},
	{"coding that is none", fine + "Content-Encoding: none\r\n" + two, "200 ok 1", "", ""},
	{"close", fine + "Connection: a, Close\r\n" + two, "200 ok 2", "", ""},
	{"upgrade offered", fine + "Connection: upgrade\r\nUpgrade: h2c\r\n" + two, "200 ok 1", "", ""},
}

// What we make of an answer is what net/http makes of it, or stands in the book with its reason.
func TestByTheBook(t *testing.T) {
	for _, c := range book {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := inMemory(t, Config{})
				w.serve(func(p *peer) { tell(p.Reader, p.Conn, c.text) })
				got := twice(w.dials, func() (int, string, error) { return w.ask("{}") })
				if got != c.ours {
					t.Errorf("we: %q, want %q", got, c.ours)
				}
			})
			want := c.theirs
			if want == "" {
				want = c.ours
			}
			if got := besideNet(t, c.text); got != want {
				t.Errorf("net/http: %q, want %q", got, want)
			}
		})
	}
}

// tell gives each request of a connection the same answer.
func tell(from *bufio.Reader, to net.Conn, text string) {
	text, closes := strings.CutSuffix(text, hangs)
	for {
		r, err := http.ReadRequest(from)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		if _, err := io.WriteString(to, text); err != nil || closes {
			_ = to.Close()
			return
		}
	}
}

// twice asks two times, and says what came of the second.
func twice(dials func() int, ask func() (int, string, error)) (out string) {
	for range 2 {
		status, body, err := ask()
		switch {
		case status == 0:
			return "no"
		case err != nil:
			return fmt.Sprintf("%03d %s cut", status, body)
		}
		out = fmt.Sprintf("%03d %s", status, body)
		synctest.Wait() // for what comes behind
	}
	return fmt.Sprintf("%s %d", out, dials())
}

// besideNet is what net/http's client makes of it.
func besideNet(t *testing.T, text string) (got string) {
	synctest.Test(t, func(t *testing.T) {
		dials := 0
		client := &http.Transport{DisableCompression: true, MaxResponseHeaderBytes: 32 << 10}
		client.DialContext = func(context.Context, string, string) (net.Conn, error) {
			dials++
			here, there := net.Pipe()
			go tell(bufio.NewReader(there), there, text)
			return here, nil
		}
		defer client.CloseIdleConnections()
		got = twice(func() int { return dials }, func() (int, string, error) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, "POST", "http://provider.test/", strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.RoundTrip(r)
			if err != nil {
				return 0, "", err
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			return resp.StatusCode, string(body), err
		})
	})
	return got
}
