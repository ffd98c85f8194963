package upstream

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// pooled reads a body with small buffers of a pool.
func pooled(reply *Reply, size int) (body string, err error) {
	var all strings.Builder
	pool := &sync.Pool{New: func() any { b := make([]byte, size); return &b }}
	for {
		buf, n, err := reply.ReadPooled(pool)
		if n == 0 {
			if buf != nil {
				return all.String(), errors.New("a buffer without bytes")
			}
			return all.String(), err
		}
		all.Write((*buf)[:n])
		pool.Put(buf)
	}
}

// Whatever the framing, and however the bytes come, the body is the same as read with a buffer of one's own.
func TestReadPooled(t *testing.T) {
	for name, answer := range map[string][]string{
		"length": {"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n", "hello", " ", "world"},
		"chunks": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "5\r\nhe", "llo\r\n6\r\n", " world", "\r\n0\r\n", "\r\n"},
		"close":  {"HTTP/1.1 200 OK\r\n\r\n", "hello", " world"},
		"cut":    {"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", "hello", " world"},
	} {
		t.Run(name, func(t *testing.T) {
			eachWorld(t, Config{}, func(w *world) {
				w.serve(func(p *peer) {
					p.request()
					for _, part := range answer {
						p.say(part)
						time.Sleep(2 * time.Millisecond) // the reader waits
					}
					if name == "close" || name == "cut" {
						p.Close()
					}
					p.untilGone()
				})
				var f Flow
				f.SetDeadline(time.Now().Add(5 * time.Second))
				reply, err := w.transp.Do(&f, w.post("{}"))
				if err != nil {
					w.t.Fatal(err)
				}
				defer reply.Close()
				body, err := pooled(reply, 4)
				if name == "cut" {
					wantError(w.t, err, phaseBody, true, io.ErrUnexpectedEOF)
				} else if err != io.EOF {
					w.t.Error(err)
				}
				if body != "hello world" {
					w.t.Errorf("%q", body)
				}
			})
		})
	}
}

// Who waits without a buffer is woken by the end of the flow.
func TestReadPooledWaits(t *testing.T) {
	for name, end := range map[string]struct {
		of   func(*Flow)
		want error
	}{
		"cancel":   {func(f *Flow) { time.Sleep(5 * time.Millisecond); f.Cancel() }, ErrCancelled},
		"deadline": {func(f *Flow) { f.SetDeadline(time.Now().Add(5 * time.Millisecond)) }, ErrTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			w := onSockets(t, Config{})
			w.serve(func(p *peer) {
				p.request()
				p.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
				p.untilGone()
			})
			var f Flow
			f.SetDeadline(time.Now().Add(5 * time.Second))
			reply, err := w.transp.Do(&f, w.post("{}"))
			if err != nil {
				t.Fatal(err)
			}
			defer reply.Close()
			pool := &sync.Pool{New: func() any { b := make([]byte, 64); return &b }}
			if buf, n, err := reply.ReadPooled(pool); err != nil || string((*buf)[:n]) != "hello" {
				t.Fatal(n, err)
			}
			var ended sync.WaitGroup
			if name == "cancel" {
				ended.Go(func() { end.of(&f) })
			} else {
				end.of(&f)
			}
			buf, n, err := reply.ReadPooled(pool)
			ended.Wait()
			if buf != nil || n != 0 {
				t.Errorf("%d bytes", n)
			}
			wantError(t, err, phaseBody, true, end.want)
		})
	}
}
