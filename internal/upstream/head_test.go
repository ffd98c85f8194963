package upstream

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/iotest"
	"time"
)

// said is a connection whose peer has said all there is, and closed.
type said struct{ io.Reader }

func (said) Write(p []byte) (int, error)      { return len(p), nil }
func (said) Close() error                     { return nil }
func (said) LocalAddr() net.Addr              { return nil }
func (said) RemoteAddr() net.Addr             { return nil }
func (said) SetDeadline(time.Time) error      { return nil }
func (said) SetReadDeadline(time.Time) error  { return nil }
func (said) SetWriteDeadline(time.Time) error { return nil }

// hear is what the transport makes of an answer.
func hear(answer io.Reader) (status int, body []byte, err error) {
	t := New(Config{Dial: func(context.Context, string, string) (net.Conn, error) { return said{answer}, nil }})
	defer t.Close()
	var f Flow
	reply, err := t.Do(&f, &Request{Method: "POST", URL: "http://provider.test/"})
	if err != nil {
		return 0, nil, err
	}
	defer reply.Close()
	body, err = io.ReadAll(reply)
	return reply.Status, body, err
}

// Whatever a provider says, and however it is cut: the transport ends with an answer or an *Error, the same one each time; an
// answer that net/http can read as well says the same to both.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		length("hello"), length(""), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + length("late"), "HTTP/1.0 200 OK\r\n\r\nuntil the end",
		"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "HTTP/1.1 200 OK\r\n Folded: x\r\n\r\n", "HTTP/1.1 +200 OK\r\n\r\n", "\x16\x03\x01", "",
		"HTTP/1.0 000 none\r\n\r\n", "HTTP/1.0 100 \n\nHTTP/1.0 200 \r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		status, body, err := hear(bytes.NewReader(answer))
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Errorf("%T: %v", err, err)
			}
		} else if status < 200 || status > 599 {
			t.Errorf("status %d", status)
		}
		slowly, slowBody, slowErr := hear(iotest.OneByteReader(bytes.NewReader(answer)))
		if slowly != status || !bytes.Equal(slowBody, body) || (slowErr == nil) != (err == nil) {
			t.Errorf("byte by byte %d %q %v, at once %d %q %v", slowly, slowBody, slowErr, status, body, err)
		}
		if err != nil {
			return
		}
		theirs, theirErr := http.ReadResponse(bufio.NewReader(bytes.NewReader(answer)), nil)
		if theirErr != nil || theirs.StatusCode < 200 { // it hands interim answers out
			return
		}
		if theirBody, theirErr := io.ReadAll(theirs.Body); theirErr == nil && (theirs.StatusCode != status || !bytes.Equal(theirBody, body)) {
			t.Errorf("net/http reads %d %q, we read %d %q", theirs.StatusCode, theirBody, status, body)
		}
	})
}
