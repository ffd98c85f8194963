package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"freefall/internal/fakellm"
)

const (
	cancelBound = 100 * time.Millisecond
	cancelTries = 3 // the machine may be busy for a moment; a bound that is kept by chance is not kept three times
)

// leaver is a client that can go at any moment: a plain connection with one request on it.
func (f *program) leaver(body string) net.Conn {
	f.t.Helper()
	c, err := net.Dial("tcp", f.addr)
	if err != nil {
		f.t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(callBound))
	_, err = fmt.Fprintf(c, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// 4.10: a client that leaves cancels its upstream call, in whatever phase, ends the walk and harms no model.
func TestServeCancelsForAClientThatLeaves(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		step  fakellm.Step
		body  string
		sight string // what the client has seen when it leaves
	}{
		{"before the head", fakellm.Hang(fakellm.NoHead), plainBody, ""},
		{"before the head of a stream", fakellm.Hang(fakellm.NoHead), streamBody, ""},
		{"before the body", fakellm.Hang(fakellm.Silence), plainBody, ""},
		{"before the first event", fakellm.Hang(fakellm.Silence), streamBody, ""},
		{"among comments", fakellm.Hang(fakellm.CommentsOnly), streamBody, ""},
		{"between the role and the content", fakellm.Cut(1, fakellm.Stall), streamBody, ""},
		{"within the stream", fakellm.Cut(3, fakellm.Stall), streamBody, `"content":`},
		{"within a stream that goes on", fakellm.Step{Kind: fakellm.KindSlow, Gap: fakellm.Duration(20 * time.Millisecond),
			Text: strings.Repeat("on and ", 1000), Chunks: 1000}, streamBody, `"content":`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			fake, url := simulated(t, models("a", "b"))
			f := start(t, chain(url, "", "a", "b"))
			var took time.Duration
			for range cancelTries {
				fake.Reset()
				fake.Script("a", tt.step)
				c := f.leaver(tt.body)
				f.until(callBound, "the call", func() bool { return fake.Hits("a") == 1 && fake.Active() == 1 })
				readUntil(t, c, tt.sight)
				left := time.Now()
				c.Close()
				f.until(callBound, "the call to be cancelled", func() bool { return chats(fake)[0].Cancelled })
				if took = chats(fake)[0].CancelledAt.Sub(left); took <= cancelBound {
					break
				}
			}
			if took > cancelBound {
				t.Errorf("the call was cancelled after %v", took)
			}
			f.until(callBound, "the request's line", func() bool { return strings.Contains(f.stderr.String(), `"message":"Request"`) })
			if a := f.row("a"); a.FailureCount != 0 || !a.Available || fake.Hits("b") != 0 {
				t.Errorf("%+v, and b was asked %d times", a, fake.Hits("b"))
			}
		})
	}
}

func readUntil(t *testing.T, c net.Conn, want string) {
	t.Helper()
	var seen []byte
	buf := make([]byte, 4096)
	for !bytes.Contains(seen, []byte(want)) {
		n, err := c.Read(buf)
		seen = append(seen, buf[:n]...)
		if err != nil {
			t.Fatalf("%v after %q", err, seen)
		}
	}
}

// 4.10: likewise before the provider has read the request: while TLS is agreed upon, and while a large body goes out.
func TestServeCancelsBeforeTheRequestIsOut(t *testing.T) {
	t.Parallel()
	large := `{"messages":[{"role":"user","content":"` + strings.Repeat("x", 24<<20) + `"}]}`
	for _, tt := range []struct{ name, scheme, body string }{
		{"handshake", "https", plainBody},
		{"upload", "http", large},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			f := start(t, fmt.Sprintf("timeouts: {connect: 20s}\nproviders: {p: {base_url: \"%s://%s/v1\", discover: off}}\nmodels: [{id: a}]\n", tt.scheme, ln.Addr()))
			var took time.Duration
			for range cancelTries {
				c := f.leaver(tt.body)
				_ = ln.(*net.TCPListener).SetDeadline(time.Now().Add(callBound))
				up, err := ln.Accept()
				if err != nil {
					t.Fatal(err)
				}
				defer up.Close()
				_, _ = up.Read(make([]byte, 1)) // it has begun to speak
				left := time.Now()
				c.Close()
				_ = up.SetReadDeadline(left.Add(5 * time.Second))
				n, err := io.Copy(io.Discard, up)
				if took = time.Since(left); errors.Is(err, os.ErrDeadlineExceeded) {
					t.Fatal("the call was not cancelled")
				}
				if n > 20<<20 {
					t.Fatalf("%d bytes came: the upload was over before the client left", n)
				}
				if took <= cancelBound {
					break
				}
			}
			if took > cancelBound {
				t.Errorf("the call was cancelled after %v", took)
			}
			f.until(callBound, "the request's line", func() bool { return strings.Contains(f.stderr.String(), `"message":"Request"`) })
			if a := f.row("a"); a.FailureCount != 0 || !a.Available {
				t.Errorf("%+v", a)
			}
		})
	}
}
