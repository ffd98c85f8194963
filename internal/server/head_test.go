package server

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/valyala/fasthttp"
)

// said is a connection whose client has said all there is.
type said struct{ io.Reader }

func (said) Write(p []byte) (int, error)      { return len(p), nil }
func (said) Close() error                     { return nil }
func (said) LocalAddr() net.Addr              { return nil }
func (said) RemoteAddr() net.Addr             { return nil }
func (said) SetDeadline(time.Time) error      { return nil }
func (said) SetReadDeadline(time.Time) error  { return nil }
func (said) SetWriteDeadline(time.Time) error { return nil }

// heard is what is made of a request: what it asks for, and what stands behind it.
type heard struct{ method, target, host, body, rest string }

// hear reads one request as the server does.
func hear(from io.Reader) (heard, error) {
	c := &conn{server: &Server{HeadLimit: 1 << 10}, Conn: said{from}, ctx: new(fasthttp.RequestCtx)}
	c.ctx.Init2(c.Conn, quiet{}, true)
	defer c.letReaderGo()
	if err := c.read(); err != nil {
		return heard{}, err
	}
	h := &c.ctx.Request.Header
	got := heard{method: string(h.Method()), target: string(h.RequestURI()), host: string(h.Host())}
	body, err := io.ReadAll(&c.body)
	if err != nil {
		return got, err
	}
	var rest []byte
	if c.br != nil {
		rest, _ = c.br.Peek(c.br.Buffered())
	}
	more, _ := io.ReadAll(from)
	got.body, got.rest = string(body), string(rest)+string(more)
	return got, nil
}

// hearLikeNet is how net/http reads it.
func hearLikeNet(text []byte) (heard, error) {
	from := bytes.NewReader(text)
	br := bufio.NewReader(from)
	r, err := http.ReadRequest(br)
	if err != nil {
		return heard{}, err
	}
	got := heard{method: r.Method, target: r.RequestURI, host: r.Host}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return got, err
	}
	rest, _ := io.ReadAll(br)
	got.body, got.rest = string(body), string(rest)
	return got, nil
}

// What is refused is refused as soon as it can be known, and not when its time is over; what is not whole is waited for.
func TestHeads(t *testing.T) {
	const line, host = "GET /a HTTP/1.1\r\n", "Host: x\r\n"
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"whole":                      {line + host + "\r\n", nil},
		"HTTP/1.0 without a host":    {"GET /a HTTP/1.0\r\n\r\n", nil},
		"long target":                {"GET http://x/a HTTP/1.1\r\n" + host + "\r\n", nil},
		"long target without a path": {"GET https://X HTTP/1.1\r\n" + host + "\r\n", nil},
		"an address in a query":      {"GET /a?u=http://y/../ HTTP/1.1\r\n" + host + "\r\n", nil},
		"server-wide":                {"OPTIONS * HTTP/1.1\r\n" + host + "\r\n", nil},
		"dots within names":          {"GET /v1.0/..a/b..%2f... HTTP/1.1\r\n" + host + "\r\n", nil},
		"port and IPv6":              {line + "Host: [fe80::1%25eth0]:80\r\n\r\n", nil},
		"blank lines":                {strings.Repeat("\r\n", maxBlank) + line + host + "\r\n", nil},
		"plain coding":               {line + host + "Content-Encoding: \tIdentity \r\n\r\n", nil},

		"TLS":                        {"\x16", ErrTLS},
		"noise":                      {"\x80", ErrNoRequest},
		"LF first":                   {"\n", ErrNoRequest},
		"no version":                 {"GET /a\r\n", ErrNoRequest},
		"blank version":              {"GET /a \r\n", ErrNoRequest},
		"another protocol":           {"SSH-2.0-x\r\n", ErrNoRequest},
		"version alone":              {" HTTP/1.1\r\n", ErrNoRequest},
		"HTTP/2":                     {"GET /a HTTP/2.0\r\n" + host + "\r\n", ErrVersion},
		"HTTP/0.9 that says so":      {"GET /a HTTP/0.9\r\n" + host + "\r\n", ErrVersion},
		"line ends in LF":            {"GET /a HTTP/1.1\n", ErrAmbiguous},
		"field ends in LF":           {line + "Host: x\n", ErrAmbiguous},
		"head ends in LF":            {line + host + "\n", ErrAmbiguous},
		"folded":                     {line + host + "A: b\r\n c\r\n", ErrAmbiguous},
		"folded with a colon":        {line + host + "A: b\r\n c: d\r\n", ErrAmbiguous},
		"folded behind a tab":        {line + host + "A: b\r\n\tc: d\r\n", ErrAmbiguous},
		"folded at once":             {line + " A: b\r\n", ErrAmbiguous},
		"no colon":                   {line + "Host\r\n", ErrAmbiguous},
		"no name":                    {line + ": x\r\n", ErrAmbiguous},
		"blank in a name":            {line + "Content Length: x\r\n", ErrAmbiguous},
		"too many blank lines":       {strings.Repeat("\r\n", maxBlank+1), ErrAmbiguous},
		"fragment":                   {"GET /a#b HTTP/1.1\r\n" + host + "\r\n", ErrAmbiguous},
		"fragment in a query":        {"GET /a?b#c HTTP/1.1\r\n" + host + "\r\n", ErrAmbiguous},
		"another host in the target": {"GET http://y/a HTTP/1.1\r\n" + host + "\r\n", ErrAmbiguous},
		"a user in the target":       {"GET http://u@x/a HTTP/1.1\r\n" + host + "\r\n", ErrAmbiguous},
		"another scheme":             {"GET ftp://x/a HTTP/1.1\r\n" + host + "\r\n", ErrAmbiguous},
		"a query for a path":         {"GET http://y?http://x/ HTTP/1.1\r\n" + host + "\r\n", ErrAmbiguous},
		"a user in the host":         {line + "Host: u@x\r\n\r\n", ErrAmbiguous},
		"markup in the host":         {line + "Host: <x>\r\n\r\n", ErrAmbiguous},
		"length and chunks":          {line + host + "content-LENGTH: 0\r\nTransfer-Encoding: chunked\r\n\r\n", ErrAmbiguous},
		"no encoding":                {line + host + "Transfer-Encoding: identity\r\n\r\n", ErrAmbiguous},
		"compressed":                 {line + host + "Content-Encoding: gzip\r\n\r\n", ErrCompressed},
		"endless target":             {"GET /" + strings.Repeat("a", 1<<10), ErrTargetSize},
		"endless field":              {line + strings.Repeat("a", 1<<10), ErrHeadSize},
		"endless fields":             {line + strings.Repeat("A: b\r\n", 1<<8), ErrHeadSize},

		"nothing":        {"", io.EOF},
		"blank lines, 2": {"\r\n\r\n", io.EOF},
		"half a line":    {"GET /a", io.ErrUnexpectedEOF},
		"half an end":    {line + host + "\r", io.ErrUnexpectedEOF},
		"half a fold":    {line + "A: b\r\n ", io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := hear(strings.NewReader(c.text)); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

// Whatever a client says, and however it is cut, it is read in one way; what net/http would read otherwise is refused. In
// particular both find the end of a request at the same place.
func FuzzRequest(f *testing.F) {
	const head = "POST /a HTTP/1.1\r\nHost: x\r\n"
	for _, seed := range []string{
		post("/a", "body") + post("/b", ""), head + "Transfer-Encoding: chunked\r\n\r\n3;a=b\r\none\r\n0\r\nX: y\r\n\r\nrest",
		"\r\n" + head + "\r\nrest", "GET http://x/a HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
		head + "Content-Length: 3, 3\r\n\r\none", head + "A: b\r\n c\r\n\r\n", head + "A: b\n\r\n", "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
		head + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", head + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET /a HTTP/1.2\r\nHost: x\r\nTrailer: A\r\n\r\n", head + "Transfer-Encoding: chunked\r\n\r\nff \r\n", "\x16\x03\x01", "GET /\r\n", head + "Expect: 100-continue\r\nContent-Length: 1\r\n\r\na",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := hear(bytes.NewReader(text))
		slowly, slowErr := hear(iotest.OneByteReader(bytes.NewReader(text)))
		if got != slowly || (err == nil) != (slowErr == nil) {
			t.Errorf("at once %+v, %v; byte by byte %+v, %v", got, err, slowly, slowErr)
		}
		if err != nil {
			return
		}
		theirs, theirErr := hearLikeNet(bytes.TrimLeft(text, "\r\n"))
		if got.method == "CONNECT" || !strings.HasPrefix(got.target, "/") { // it takes the host from the target, and both from a tunnel's
			theirs.host, theirs.target = got.host, got.target
		}
		if theirErr == nil && theirs != got {
			t.Errorf("we read %+v, net/http %+v", got, theirs)
		}
	})
}
