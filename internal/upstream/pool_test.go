package upstream

import (
	"context"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp/fasthttputil"
)

func TestConnectionIsReused(t *testing.T) {
	for name, text := range map[string]string{
		"length": length("ok"),
		"chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"empty":  length(""),
	} {
		t.Run(name, func(t *testing.T) {
			eachWorld(t, Config{}, func(w *world) {
				w.serve(answers(text))
				for range 5 {
					if _, _, err := w.ask("{}"); err != nil {
						w.t.Fatal(err)
					}
				}
				if w.dials() != 1 {
					w.t.Errorf("%d connections for 5 requests", w.dials())
				}
			})
		})
	}
}

func TestConnectionIsNotReused(t *testing.T) {
	for name, text := range map[string]string{
		"connection close":    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
		"http/1.0":            "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"both lengths":        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"both, other case":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\ncontent-LENGTH: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"length, loosely":     "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
		"chunks, loosely":     "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\nContent-Length : 9\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"second answer":       length("ok") + length("poison"),
		"bytes behind chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			eachWorld(t, Config{}, func(w *world) {
				w.serve(answers(text))
				w.mustAsk("ok")
				w.mustAsk("ok")
				if w.dials() != 2 {
					w.t.Errorf("%d connections for 2 requests", w.dials())
				}
			})
		})
	}
}

// A body that was not read to its end would be the begin of the next answer. Its rest comes late: no look before use finds it.
func TestAbandonedBodyIsNotReused(t *testing.T) {
	eachWorld(t, Config{}, func(w *world) {
		w.serve(func(p *peer) {
			for says := length("okok"); ; says = "ok" + length("okok") {
				if _, ok := p.request(); !ok {
					return
				}
				if p.n%2 == 1 && !strings.HasPrefix(says, "ok") {
					says = strings.TrimSuffix(says, "ok")
				}
				p.say(says)
			}
		})
		for _, cancel := range []bool{false, true} {
			var f Flow
			reply, err := w.transp.Do(&f, w.post())
			if err != nil {
				w.t.Fatal(err)
			}
			if n, err := reply.Read(make([]byte, 2)); n != 2 || err != nil {
				w.t.Fatal(n, err)
			}
			if cancel {
				f.Cancel()
			}
			reply.Close()
			reply.Close()
			w.mustAsk("okok")
			w.nothingIdle()
		}
	})
}

// nothingIdle closes what is kept.
func (w *world) nothingIdle() {
	w.transp.pool.mu.Lock()
	var idle []*conn
	for _, h := range w.transp.pool.hosts {
		idle, h.idle = append(idle, h.idle...), nil
	}
	w.transp.pool.mu.Unlock()
	for _, c := range idle {
		w.transp.pool.drop(c)
	}
}

func TestCancelledAtTheEndIsNotReused(t *testing.T) {
	eachWorld(t, Config{}, func(w *world) {
		w.serve(answers(length("ok")))
		var f Flow
		reply, err := w.transp.Do(&f, w.post())
		if err != nil {
			w.t.Fatal(err)
		}
		if _, err := io.ReadAll(reply); err != nil {
			w.t.Fatal(err)
		}
		f.Cancel()
		reply.Close()
		w.mustAsk("ok")
		if w.dials() != 2 {
			w.t.Error("a connection with a deadline in the past was kept")
		}
	})
}

// The provider closes after each answer, without saying so.
func TestDeadKeptConnection(t *testing.T) {
	eachWorld(t, Config{}, func(w *world) {
		var served atomic.Int32
		w.serve(func(p *peer) {
			p.request()
			served.Add(1)
			p.say(length("ok"))
			p.Close()
		})
		for range 50 {
			w.mustAsk("ok")
		}
		if n := served.Load(); n != 50 {
			w.t.Errorf("%d requests came", n)
		}
	})
}

// The provider takes the request on a kept connection and hangs up: it may have been stale, so one more try is silent.
func TestRedialOnceAndOnlyWhenKept(t *testing.T) {
	eachWorld(t, Config{}, func(w *world) {
		var taken atomic.Int32
		hangUp := func(p *peer) { p.request(); taken.Add(1); p.Close() }
		w.serve(func(p *peer) {
			if p.n == 1 {
				p.request()
				p.say(length("ok"))
			}
			hangUp(p)
		})
		w.mustAsk("ok")
		_, _, err := w.ask("{}")
		wantError(w.t, err, phaseHead, true, io.EOF)
		if taken.Load() != 2 || w.dials() != 2 {
			w.t.Fatalf("%d requests taken over %d connections", taken.Load(), w.dials())
		}
		_, _, err = w.ask("{}") // a fresh connection that dies is no reason to spend twice
		wantError(w.t, err, phaseHead, true, io.EOF)
		if taken.Load() != 3 {
			w.t.Fatalf("%d requests taken", taken.Load())
		}
	})
}

// The dead connection may have taken the request, whatever keeps the second from being used.
func TestRedialThatIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f Flow
		ln, dials := fasthttputil.NewInmemoryListener(), 0
		w := &world{t: t, url: "http://provider.test"}
		w.start(ln, Config{Dial: func(context.Context, string, string) (net.Conn, error) {
			if dials++; dials > 1 {
				defer f.Cancel()
			}
			return ln.Dial()
		}})
		w.serve(func(p *peer) { p.request(); p.say(length("ok")); p.request(); p.Close() })
		w.mustAsk("ok")
		_, err := w.transp.Do(&f, w.post("{}"))
		wantError(t, err, phaseWrite, true, ErrCancelled)
	})
}

func TestNoRedialAfterTheFirstByte(t *testing.T) {
	eachWorld(t, Config{}, func(w *world) {
		w.serve(func(p *peer) {
			p.request()
			p.say(length("ok"))
			p.request()
			p.say("H")
			p.Close()
		})
		w.mustAsk("ok")
		_, _, err := w.ask("{}")
		wantError(w.t, err, phaseHead, true, io.ErrUnexpectedEOF)
		if w.dials() != 1 {
			w.t.Error("dialled again")
		}
	})
}

func TestNoRedialAfterTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t, Config{})
		w.serve(func(p *peer) { p.request(); p.say(length("ok")); p.untilGone() })
		w.mustAsk("ok")
		_, _, err := w.ask("{}")
		wantError(t, err, phaseHead, true, ErrTimeout)
		if w.dials() != 1 {
			t.Error("dialled again")
		}
	})
}

// What a provider says unasked on a kept connection would be taken for the next answer.
func TestUnsolicitedBytes(t *testing.T) {
	server, client := certificates()
	test := func(w *world, body ...string) {
		said := make(chan struct{}, 2)
		w.serve(func(p *peer) {
			p.request()
			p.say(length("ok"))
			if w.sockets {
				time.Sleep(5 * time.Millisecond)
			} else {
				time.Sleep(time.Second)
			}
			p.say(length("poison"))
			said <- struct{}{}
			p.untilGone()
		})
		for range 2 {
			w.mustAskWith("ok", body...)
			<-said
		}
		if w.dials() != 2 {
			w.t.Errorf("%d connections", w.dials())
		}
	}
	for name, body := range map[string][]string{
		"small": {"{}"}, "in parts": {strings.Repeat("a", 20_000), "b", strings.Repeat("c", 30_000)}, "in slices": {"", "b", strings.Repeat("c", 2*sliceSize)},
	} {
		t.Run(name, func(t *testing.T) {
			eachWorld(t, Config{}, func(w *world) { test(w, body...) })
			t.Run("tls", func(t *testing.T) { test(onTLS(t, Config{TLS: client}, server), body...) })
		})
	}
}

// The poison comes in the record that holds the end of the body: it never shows at the socket.
func TestUnsolicitedBytesInsideTLS(t *testing.T) {
	server, client := certificates()
	w := onTLS(t, Config{TLS: client}, server)
	headRead := make(chan struct{}, 2)
	w.serve(func(p *peer) {
		p.request()
		p.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok")
		<-headRead
		p.say("ok" + length("poison"))
		p.untilGone()
	})
	for range 2 {
		var f Flow
		reply, err := w.transp.Do(&f, w.post())
		if err != nil {
			t.Fatal(err)
		}
		headRead <- struct{}{}
		if b, err := io.ReadAll(reply); string(b) != "okok" || err != nil {
			t.Fatal(string(b), err)
		}
		reply.Close()
	}
	if w.dials() != 2 {
		t.Errorf("%d connections", w.dials())
	}
}

func TestNewestFirst(t *testing.T) {
	w := onSockets(t, Config{})
	w.serve(func(p *peer) {
		for {
			if _, ok := p.request(); !ok {
				return
			}
			p.say(length(string(rune('0' + p.n))))
		}
	})
	var flows [3]Flow
	var replies [3]*Reply
	for i := range flows {
		var err error
		if replies[i], err = w.transp.Do(&flows[i], w.post()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range flows {
		if _, err := io.ReadAll(replies[i]); err != nil {
			t.Fatal(err)
		}
		replies[i].Close()
	}
	w.mustAsk("3")
	w.mustAsk("3")
}

func TestBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t, Config{MaxConnsPerHost: 1, ConnWait: 2 * time.Second})
		w.serve(answers(length("ok")))
		var f Flow
		reply, err := w.transp.Do(&f, w.post())
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		_, _, err = w.ask("{}")
		wantError(t, err, phaseWait, false, ErrBusy)
		if time.Since(begun) != 2*time.Second {
			t.Error(time.Since(begun))
		}
		go func() { // first come, first served, by the connection that comes back
			time.Sleep(time.Second)
			_, _ = io.ReadAll(reply)
			reply.Close()
		}()
		w.mustAsk("ok")
		if w.dials() != 1 {
			t.Error(w.dials())
		}
	})
}

// The place of a connection that cannot serve again goes to who waits.
func TestWaiterGetsThePlaceOfADeadConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t, Config{MaxConnsPerHost: 1, ConnWait: 2 * time.Second})
		w.serve(answers(length("ok")))
		var f Flow
		reply, err := w.transp.Do(&f, w.post())
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, func() { reply.Close() }) // unread
		w.mustAsk("ok")
		if w.dials() != 2 {
			t.Error(w.dials())
		}
		w.nothingOpen()
	})
}

func TestIdleConnectionsAreReaped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t, Config{IdleTimeout: 50 * time.Second})
		closed := make(chan time.Time, 2)
		w.serve(func(p *peer) {
			p.request()
			if p.n == 1 {
				time.Sleep(10 * time.Second) // so that two connections end up idle, 10 s apart
			}
			p.say(length("ok"))
			p.untilGone()
			closed <- time.Now()
		})
		begun := time.Now()
		var slow Flow
		w.wg.Go(func() { _ = w.doWith(&slow, w.post()) })
		time.Sleep(time.Second)
		w.mustAsk("ok")
		for _, want := range []time.Duration{51 * time.Second, 60 * time.Second} {
			if got := (<-closed).Sub(begun); got != want {
				t.Errorf("closed after %v, want %v", got, want)
			}
		}
		w.nothingOpen()
		if n := len(w.transp.pool.hosts); n != 0 {
			t.Errorf("%d hosts remembered", n)
		}
	})
}

func TestClose(t *testing.T) {
	eachWorld(t, Config{MaxConnsPerHost: 2, ConnWait: time.Minute}, func(w *world) {
		gone := make(chan struct{}, 2)
		w.serve(func(p *peer) { answers(length("ok"))(p); gone <- struct{}{} })
		w.mustAsk("ok")
		w.transp.Close()
		<-gone
		_, _, err := w.ask("{}")
		wantError(w.t, err, phaseWait, false, net.ErrClosed)
		w.transp.Close()
	})
}

func TestCloseSendsWaitersHome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t, Config{MaxConnsPerHost: 1, ConnWait: time.Minute})
		w.serve(answers(length("ok")))
		var f Flow
		reply, err := w.transp.Do(&f, w.post())
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, func() { w.transp.Close() })
		_, _, err = w.ask("{}")
		wantError(t, err, phaseWait, false, net.ErrClosed)
		if b, err := io.ReadAll(reply); string(b) != "ok" || err != nil {
			t.Error("closing cut an answer in progress:", err)
		}
		reply.Close()
		w.nothingOpen()
	})
}

// Connections of local providers are dialled under other rules and never serve others.
func TestPoolSeparatesOrigins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t, Config{})
		w.serve(answers(length("ok")))
		for _, url := range []string{"http://a.test/", "http://b.test/", "http://a.test:81/", "http://a.test/x?y"} {
			for _, local := range []bool{true, false} {
				r := w.post()
				r.URL, r.Local = url, local
				if _, _, err := w.do(r); err != nil {
					t.Fatal(err)
				}
			}
		}
		if w.dials() != 6 {
			t.Errorf("%d connections, want 6", w.dials())
		}
	})
}
