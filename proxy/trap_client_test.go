package proxy

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"freefall/internal/upstream"
)

// The traps of a streaming proxy on fasthttp, by their numbers in docs/design.md: what a client that leaves may do. Those of the way to a
// provider are held in internal/upstream.

// silences are the places where an upstream may fall silent, with what the client has seen by then.
var silences = []struct {
	name   string
	stream bool
	says   []string
	sight  string
}{
	{"no head", true, nil, ""},
	{"no head of a whole answer", false, nil, ""},
	{"half a head", true, []string{"HTTP/1.1 200 OK\r\nContent-Type: text/"}, ""},
	{"half a body", false, []string{"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"}, ""},
	{"no content", true, []string{openStream, inChunk(": PROCESSING\n\n"), role}, ""},
	{"among the content", true, []string{openStream, role, word("hello")}, "hello"},
	{"half an event", true, []string{openStream, role, word("hello"), inChunk(`data: {"id":`)}, "hello"},
}

// A client that leaves a silent upstream ends the call, in every phase and however it goes; no model is blamed.
func TestTrap06_who_leaves_is_noticed_although_the_upstream_is_silent(t *testing.T) {
	for _, s := range silences {
		t.Run(s.name, func(t *testing.T) {
			eachWorld(t, enginePlan{}, func(e *engine) {
				for _, leave := range leavings {
					at, gone := make(chan struct{}), make(chan time.Time, 1)
					e.provide(func(p *upPeer) {
						_, _ = p.request()
						p.say(s.says...)
						close(at)
						p.untilGone()
						gone <- time.Now()
					})
					v := e.visit()
					v.ask(s.stream, "hello")
					<-at
					if s.sight != "" {
						if err := until(v.br, s.sight); err != nil {
							e.Fatal(err)
						}
					}
					left := time.Now()
					leave.now(v)
					select {
					case end := <-gone:
						if !e.sockets && !end.Equal(left) {
							e.Errorf("%s: noticed after %v", leave.name, end.Sub(left))
						}
					case <-time.After(patience):
						e.Fatalf("%s: the call goes on", leave.name)
					}
					e.quiet()
					if !e.sockets {
						break
					}
				}
				if n, ok := e.failures("a"); n != 0 || !ok {
					e.Errorf("failure_count %d, available %t", n, ok)
				}
				if text := e.log.String(); strings.Contains(text, "failed") || strings.Contains(text, "Switching") {
					e.Error(text)
				}
			})
		})
	}
}

// Sixteen clients, of whom half leave, at random or behind their answer: the others get whole answers, each its own.
func TestTrap07_a_late_departure_meets_nobody_else(t *testing.T) {
	const clients, rounds = 16, 20
	eachWorld(t, enginePlan{}, func(e *engine) {
		e.provide(each(func(p *upPeer, _, body string) {
			tag := body[strings.Index(body, "tag-"):][:10]
			p.say(openStream, role)
			for range 4 {
				time.Sleep(rand.N(300 * time.Microsecond))
				p.say(word(tag + " "))
			}
			p.say(final)
		}))
		var all sync.WaitGroup
		for c := range clients {
			all.Go(func() {
				v := e.visit()
				defer func() { v.Close() }()
				for round := range rounds {
					tag := fmt.Sprintf("tag-%02d-%03d", c, round)
					v.ask(true, tag)
					if c%2 == 0 {
						if c%4 == 0 {
							_, _ = v.rest() // who leaves now has left nothing to cancel
						} else {
							time.Sleep(rand.N(1500 * time.Microsecond))
						}
						leavings[rand.N(len(leavings))%e.ways()].now(v)
						v = e.visit()
						continue
					}
					got, err := v.rest() // and the next request comes over the same connection
					if want := strings.Repeat(tag+" ", 4); err != nil || got.text() != want || !strings.HasSuffix(got.body, "data: [DONE]\n\n") {
						e.Errorf("client %d, round %d: %v, %q", c, round, err, got.body)
						return
					}
				}
			})
		}
		all.Wait()
		e.quiet()
		if n, ok := e.failures("a"); n != 0 || !ok {
			e.Errorf("failure_count %d, available %t", n, ok)
		}
	})
}

// ways is how many ways to leave there are.
func (e *engine) ways() int {
	if e.sockets {
		return len(leavings)
	}
	return 1
}

// Ten clients leave one after the other: the model is as good as before.
func TestTrap08_who_leaves_harms_no_model(t *testing.T) {
	eachWorld(t, enginePlan{}, func(e *engine) {
		for i := range 10 {
			s := silences[i%len(silences)]
			at := make(chan struct{})
			e.provide(func(p *upPeer) { _, _ = p.request(); p.say(s.says...); close(at); p.untilGone() })
			v := e.visit()
			v.ask(s.stream, "hello")
			<-at
			_ = until(v.br, s.sight)
			leavings[i%e.ways()].now(v)
			e.quiet()
			if n, ok := e.failures("a"); n != 0 || !ok {
				e.Fatalf("after %d: failure_count %d, available %t", i+1, n, ok)
			}
		}
		e.provide(each(func(p *upPeer, _, _ string) { p.say(wholeAnswer("here")) }))
		v := e.visit()
		defer v.Close()
		v.ask(false, "anybody there?")
		if got, err := v.rest(); err != nil || got.trail() != "a=ok" || got.text() != "here" {
			e.Errorf("%v, trail %q", err, got.trail())
		}
	})
}

// fasthttp's own limit per address wraps connections once more, and a departure would go unseen.
func TestTrap21_connections_are_ours(t *testing.T) {
	seen := make(chan net.Conn, 1)
	spy := enginePlan{change: func(p *Proxy) {
		p.server.Handle = func(ctx *fasthttp.RequestCtx) {
			seen <- ctx.Conn()
			p.handle(ctx)
		}
	}}
	eachWorld(t, spy, func(e *engine) {
		v := e.visit()
		defer v.Close()
		v.say(head("GET /healthz HTTP/1.1"))
		if _, err := v.rest(); err != nil {
			e.Fatal(err)
		}
		c, ok := (<-seen).(*conn)
		if !ok {
			e.Fatal("the server hands out another connection than ours")
		}
		inner, ok := c.watched.(*upstream.Conn)
		if !ok || c.Conn != net.Conn(inner) {
			e.Fatalf("%T is watched, %T is used", c.watched, c.Conn)
		}
		below := "*proxy.piped"
		if e.sockets {
			below = "*net.TCPConn"
		}
		if got := fmt.Sprintf("%T", inner.Conn); got != below {
			e.Errorf("below it is a %s, not a %s", got, below)
		}
	})
}

// A thousand clients leave: no connection to the provider is left, no request, and no goroutine, for in memory a test whose
// goroutines have not all ended fails.
func TestTrap30_a_thousand_cancels_leave_nothing(t *testing.T) {
	const workers, each = 25, 40
	eachWorld(t, enginePlan{}, func(e *engine) {
		e.provide(func(p *upPeer) {
			body, _ := p.request()
			if strings.Contains(body, "stream\":true") {
				p.say(openStream, role, word("hello"))
			}
			p.untilGone()
		})
		var all sync.WaitGroup
		for range workers {
			all.Go(func() {
				for i := range each {
					v := e.visit()
					v.ask(i%2 == 0, "hello")
					if i%4 == 0 {
						_ = until(v.br, "hello")
					} else {
						time.Sleep(rand.N(2 * time.Millisecond))
					}
					leavings[rand.N(e.ways())].now(v)
				}
			})
		}
		all.Wait()
		e.quiet()
		e.soon("all connections of the provider closed", func() bool { return e.open.Load() == 0 })
		if n, ok := e.failures("a"); n != 0 || !ok {
			e.Errorf("failure_count %d, available %t", n, ok)
		}
	})
}
