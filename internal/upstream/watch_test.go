package upstream

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp/fasthttputil"
)

// watched is a listener with one client connected to it.
type watched struct {
	t      *testing.T
	ln     net.Listener
	client net.Conn
	server *Conn
}

// eachWatch runs a test over the system's watcher, over connections that listen by themselves, and in memory.
func eachWatch(t *testing.T, test func(*watched)) {
	t.Run("sockets", func(t *testing.T) { test(watch(t, listen(t))) })
	t.Run("unwatched sockets", func(t *testing.T) { test(watch(t, bare{listen(t)})) })
	t.Run("memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(watch(t, fasthttputil.NewInmemoryListener())) })
	})
}

// bare hides the descriptors of connections.
type bare struct{ net.Listener }

func (b bare) Accept() (net.Conn, error) {
	c, err := b.Listener.Accept()
	return struct{ net.Conn }{c}, err
}

func watch(t *testing.T, inner net.Listener) *watched {
	ln, err := Watch(inner)
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{t: t, ln: ln}
	w.client, w.server = w.connect(inner)
	t.Cleanup(func() { w.client.Close(); w.server.Close(); ln.Close() })
	return w
}

func (w *watched) connect(inner net.Listener) (client net.Conn, server *Conn) {
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := w.ln.Accept()
		if err != nil {
			w.t.Error(err)
		}
		accepted <- c
	}()
	var err error
	if m, ok := inner.(*fasthttputil.InmemoryListener); ok {
		client, err = m.Dial()
	} else {
		client, err = net.Dial("tcp", inner.Addr().String())
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return client, (<-accepted).(*Conn)
}

// attach gives a channel that is closed when the peer is said to have gone; a second time would panic.
func (w *watched) attach() chan struct{} {
	gone := make(chan struct{})
	w.server.Attach(func() { close(gone) })
	return gone
}

func (w *watched) within(what string, gone chan struct{}) {
	w.t.Helper()
	select {
	case <-gone:
	case <-time.After(time.Second):
		w.t.Fatal("not noticed: " + what)
	}
}

func (w *watched) notYet(gone chan struct{}) {
	w.t.Helper()
	time.Sleep(5 * time.Millisecond)
	select {
	case <-gone:
		w.t.Fatal("said to have gone")
	default:
	}
}

func TestPeerCloses(t *testing.T) {
	eachWatch(t, func(w *watched) {
		gone := w.attach()
		w.notYet(gone)
		w.client.Close()
		w.within("a close", gone)
		w.server.Detach()
		if _, err := w.server.Write([]byte("x")); err != errPeerGone {
			w.t.Error("written to nobody:", err)
		}
	})
}

func TestPeerResets(t *testing.T) {
	for name, inner := range map[string]net.Listener{"watched": listen(t), "unwatched": bare{listen(t)}} {
		t.Run(name, func(t *testing.T) {
			w := watch(t, inner)
			gone := w.attach()
			_ = w.client.(*net.TCPConn).SetLinger(0)
			w.client.Close()
			w.within("a reset", gone)
			w.server.Detach()
		})
	}
}

func TestPeerHalfCloses(t *testing.T) {
	w := watch(t, listen(t))
	gone := w.attach()
	_ = w.client.(*net.TCPConn).CloseWrite()
	w.within("half a close", gone)
	w.server.Detach()
}

// The FIN stands behind bytes of a next request that nobody reads yet.
func TestPeerClosesBehindPipelinedBytes(t *testing.T) {
	w := watch(t, listen(t))
	_, _ = io.WriteString(w.client, "GET / HTTP/1.1\r\n\r\n")
	gone := w.attach()
	w.notYet(gone)
	w.client.Close()
	w.within("a FIN behind bytes", gone)
	w.server.Detach()
}

func TestPeerLeftBeforeAttach(t *testing.T) {
	w := watch(t, listen(t))
	w.client.Close()
	for !w.server.isGone() {
		time.Sleep(time.Millisecond)
	}
	w.within("an earlier close", w.attach())
	w.server.Detach()
}

func (c *Conn) isGone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gone
}

// A client that closes while nothing is attached may still be answered: only what is attached is given up.
func TestHalfClosedPeerIsAnsweredWhenNotAttached(t *testing.T) {
	w := watch(t, listen(t))
	_ = w.client.(*net.TCPConn).CloseWrite()
	for !w.server.isGone() {
		time.Sleep(time.Millisecond)
	}
	if _, err := io.WriteString(w.server, "answer"); err != nil {
		t.Error(err)
	}
}

// Bytes that come while attached, and the deadline of reads, are as if nobody had listened.
func TestNothingIsLost(t *testing.T) {
	eachWatch(t, func(w *watched) {
		for _, text := range []string{"a", "bcd", ""} {
			gone := w.attach()
			if text != "" {
				_, _ = io.WriteString(w.client, text)
			}
			w.notYet(gone)
			w.server.Detach()
			got := make([]byte, len(text))
			if _, err := io.ReadFull(w.server, got); string(got) != text || err != nil {
				w.t.Fatalf("got %q, %v", got, err)
			}
			w.notYet(gone)
		}
		_ = w.server.SetDeadline(time.Now().Add(-time.Second)) // it rests while attached, and holds again behind
		w.notYet(w.attach())
		w.server.Detach()
		_, err := w.server.Read(make([]byte, 1))
		if !timedOut(err) {
			w.t.Errorf("the deadline is lost: %v", err)
		}
	})
}

func TestAttachTwiceWithBytesWaiting(t *testing.T) {
	eachWatch(t, func(w *watched) {
		_, _ = io.WriteString(w.client, "ab")
		for range 3 {
			w.notYet(w.attach())
			w.server.Detach()
		}
		got := make([]byte, 2)
		if _, err := io.ReadFull(w.server, got); string(got) != "ab" || err != nil {
			w.t.Fatalf("got %q, %v", got, err)
		}
	})
}

// A client that does not read is given up when it leaves, and bounded when it stays.
func TestBlockedWrite(t *testing.T) {
	eachWatch(t, func(w *watched) {
		gone := w.attach()
		failed := make(chan error, 1)
		go func() {
			for {
				if _, err := w.server.Write(make([]byte, 1<<20)); err != nil {
					failed <- err
					return
				}
			}
		}()
		w.notYet(gone)
		w.client.Close()
		w.within("a close", gone)
		select {
		case <-failed:
		case <-time.After(time.Second):
			w.t.Error("still writing")
		}
		w.server.Detach()
	})
}

func TestWriteTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, fasthttputil.NewInmemoryListener())
		begun := time.Now()
		var err error
		for err == nil {
			_, err = w.server.Write([]byte("x"))
		}
		if !timedOut(err) || time.Since(begun) != writeTimeout {
			t.Error(err, time.Since(begun))
		}
		w.server.WriteTimeout = 0
		_ = w.server.SetWriteDeadline(time.Now().Add(time.Minute))
		if _, err := w.server.Write([]byte("x")); !timedOut(err) || time.Since(begun) != writeTimeout+time.Minute {
			t.Error(err, time.Since(begun))
		}
	})
}

func TestWatchOutlivesTheListener(t *testing.T) {
	w := watch(t, listen(t))
	gone := w.attach()
	w.ln.Close()
	w.ln.Close()
	w.notYet(gone)
	w.client.Close()
	w.within("a close after the listener's", gone)
	w.server.Detach()
}

// An event of one exchange must never meet the next on the same connection, or on the descriptor that follows it.
func TestLateEventMeetsNobody(t *testing.T) {
	for name, inner := range map[string]net.Listener{"watched": listen(t), "unwatched": bare{listen(t)}} {
		t.Run(name, func(t *testing.T) {
			ln, err := Watch(inner)
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for range 100 {
						c, err := net.Dial("tcp", inner.Addr().String())
						if err != nil {
							t.Error(err)
							return
						}
						time.Sleep(rand.N(200 * time.Microsecond))
						c.Close()
					}
				})
			}
			for range 800 {
				raw, err := ln.Accept()
				if err != nil {
					t.Fatal(err)
				}
				wg.Go(func() {
					c := raw.(*Conn)
					for range 3 {
						var attached atomic.Bool
						attached.Store(true)
						c.Attach(func() {
							if !attached.Load() {
								t.Error("told after Detach")
							}
						})
						time.Sleep(rand.N(100 * time.Microsecond))
						c.Detach()
						attached.Store(false)
					}
					c.Close()
				})
			}
			wg.Wait()
		})
	}
}

// The two halves together: a client leaves while the upstream is silent, and its connection closes at once.
func TestClientLeavesWhileUpstreamIsSilent(t *testing.T) {
	up := onSockets(t, Config{})
	closed := make(chan struct{})
	w := watch(t, listen(t))
	up.serve(func(p *peer) {
		p.request()
		w.client.Close()
		begun := time.Now()
		p.untilGone()
		if took := time.Since(begun); took > 5*time.Second { // make cancel measures it; here it is that, or never
			t.Errorf("closed after %v", took)
		}
		close(closed)
	})
	var f Flow
	w.server.Attach(f.Cancel)
	wantError(t, up.doWith(&f, up.post("{}")), phaseHead, true, ErrCancelled)
	w.server.Detach()
	<-closed
}

// Half a close leaves a blocked write blocked, for all the kernel cares.
func TestBlockedWriteEndsAtHalfAClose(t *testing.T) {
	w := watch(t, listen(t))
	gone := w.attach()
	failed := make(chan error, 1)
	much := make([]byte, 64<<20)
	go func() {
		_, err := w.server.Write(much)
		failed <- err
	}()
	_, _ = io.ReadFull(w.client, make([]byte, 1))
	w.notYet(gone)
	_ = w.client.(*net.TCPConn).CloseWrite()
	w.within("half a close", gone)
	select {
	case <-failed:
	case <-time.After(time.Second):
		t.Error("still writing")
	}
	w.server.Detach()
}

// However often somebody writes, a write that nobody takes ends within its time, and one that is taken is never cut.
func TestWriteTimeoutOfManyWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer there.Close()
		c := &Conn{Conn: here, WriteTimeout: 30 * time.Second}
		defer c.Close()
		var b [1]byte
		for i := range 300 {
			time.Sleep(time.Duration(i) * 10 * time.Millisecond)
			go func() { _, _ = there.Read(b[:]) }()
			if _, err := c.Write([]byte("x")); err != nil {
				t.Fatalf("write %d: %v", i, err)
			}
		}
		for _, pause := range []time.Duration{0, 500 * time.Millisecond, time.Minute} {
			time.Sleep(pause)
			begun := time.Now()
			_, err := c.Write([]byte("nobody takes this"))
			if took := time.Since(begun); !timedOut(err) || took > 30*time.Second || took < 29*time.Second {
				t.Errorf("%v after %v", err, took)
			}
			c.until = time.Time{} // a write that was cut is the last one of a connection
			_ = here.SetWriteDeadline(time.Time{})
		}
	})
}
