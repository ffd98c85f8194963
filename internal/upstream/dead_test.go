package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// dying is a connection whose peer's machine goes away: the kernel tells so once, and then that there is nothing more.
type dying struct {
	net.Conn
	says []string
	told bool
}

func (d *dying) Write(p []byte) (int, error)      { return len(p), nil }
func (d *dying) SetDeadline(time.Time) error      { return nil }
func (d *dying) SetReadDeadline(time.Time) error  { return nil }
func (d *dying) SetWriteDeadline(time.Time) error { return nil }
func (d *dying) Close() error                     { return nil }

func (d *dying) Read(p []byte) (int, error) {
	switch {
	case len(d.says) > 0:
		n := copy(p, d.says[0])
		d.says = d.says[1:]
		return n, nil
	case !d.told:
		d.told = true
		return 0, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ETIMEDOUT)}
	}
	return 0, io.EOF
}

// The kernel's ETIMEDOUT calls itself a timeout, but is no deadline that was moved: read again, a body that lasts until the close would be whole.
func TestAPeerThatIsGoneForGoodDoesNotEndABody(t *testing.T) {
	tr := New(Config{Dial: func(context.Context, string, string) (net.Conn, error) {
		return &dying{says: []string{"HTTP/1.1 200 OK\r\n\r\n", "half"}}, nil
	}})
	defer tr.Close()
	var f Flow
	f.SetDeadline(time.Now().Add(time.Hour))
	reply, err := tr.Do(&f, &Request{Method: "POST", URL: "http://provider.test/", Local: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Close()
	b, err := io.ReadAll(reply)
	if string(b) != "half" || err == nil || errors.Is(err, io.EOF) {
		t.Fatalf("%q, %v: taken for a whole answer", b, err)
	}
}
