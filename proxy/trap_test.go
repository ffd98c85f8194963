package proxy

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"freefall/internal/upstream"
)

// The traps of a streaming proxy on fasthttp, by their numbers in docs/design.md. Those that are held elsewhere are named
// there.

// A stream is longer than every bound there is: of reading, of writing, of idleness, of the search, of an answer.
func TestTrap04_a_stream_outlives_every_bound(t *testing.T) {
	const events, gap = 90, 20 * time.Second
	inMemory(t, enginePlan{}, func(e *engine) {
		e.provide(each(func(p *upPeer, _, _ string) {
			p.say(openStream, role)
			for i := range events {
				p.say(word(fmt.Sprintf("w%d ", i)))
				time.Sleep(gap)
			}
			p.say(final)
		}))
		v := e.visit()
		defer v.Close()
		began := time.Now()
		v.ask(true, "talk for half an hour")
		got, err := v.rest()
		if took := time.Since(began); err != nil || took != events*gap {
			e.Errorf("%v after %v", err, took)
		}
		if n := strings.Count(got.text(), "w"); n != events || !strings.HasSuffix(got.body, "data: [DONE]\n\n") || got.err().Message != "" {
			e.Errorf("%d of %d words came: %s", n, events, got.body)
		}
	})
}

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
			bothWays(t, func(e *engine) {
				for _, leave := range leavings {
					at, gone := make(chan struct{}), make(chan time.Time)
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

// Sixteen clients, of whom half leave at random: the others get whole answers, each its own.
func TestTrap07_a_late_departure_meets_nobody_else(t *testing.T) {
	const clients, rounds = 16, 20
	bothWays(t, func(e *engine) {
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
						time.Sleep(rand.N(1500 * time.Microsecond))
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
	bothWays(t, func(e *engine) {
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

// early is how a provider goes on that has refused a request by its begin.
type early int

const (
	holds  early = iota // it reads no further and keeps the connection
	closes              // it ends the connection
	drains              // it reads on and drops what comes
)

// askEarly sends 16 MB to a, which refuses them while they come: its status and its Retry-After count, and b gets the whole.
func (e *engine) askEarly(then early) {
	e.Helper()
	bodies, done := make(chan string, 1), make(chan struct{})
	defer close(done)
	e.provide(func(p *upPeer) {
		if model, _ := p.asked(); model == "b" {
			body, _ := p.request()
			bodies <- body
			p.say(wholeAnswer("b's"))
			return
		}
		p.say(tooMany)
		switch half, _ := p.Conn.(*net.TCPConn); {
		case then == holds:
			<-done
		case then == drains:
			p.untilGone()
		case half != nil:
			_ = half.CloseWrite()
			time.Sleep(5 * time.Millisecond)
		}
	})
	large := strings.Repeat("x", 16<<20) // more than sockets buffer
	v := e.visit()
	defer v.Close()
	began := time.Now()
	v.ask(false, large)
	got, err := v.rest()
	if err != nil || got.trail() != "a=rate_limited; b=ok" || got.text() != "b's" {
		e.Fatalf("%v, trail %q: %.300s", err, got.trail(), got.body)
	}
	if body := <-bodies; !strings.Contains(body, large) || !strings.Contains(body[:40], `"model":"b"`) {
		e.Errorf("b got %d bytes: %.60s", len(body), body)
	}
	for _, m := range e.pool.Snapshot(time.Now()) {
		if rest := m.AvailableAt.Sub(began).Round(time.Second); m.Model.ID == "a" && (rest < 7*time.Second || rest > 12*time.Second) {
			e.Errorf("a rests for %v", rest)
		}
	}
}

func TestTrap17_an_early_answer_counts(t *testing.T) {
	overSockets(t, enginePlan{}, func(e *engine) { e.askEarly(holds) })
	overSockets(t, enginePlan{}, func(e *engine) { e.askEarly(closes) })
	inMemory(t, enginePlan{}, func(e *engine) { e.askEarly(closes) })
}

// Over TLS an interrupted write could not go on, so it waits; between slices the early answer is seen all the same.
func TestTrap18_an_early_answer_counts_over_TLS(t *testing.T) {
	overSockets(t, enginePlan{tls: true}, func(e *engine) { e.askEarly(drains) })
}

// fasthttp's own limit per address wraps connections once more, and a departure would go unseen.
func TestTrap21_connections_are_ours(t *testing.T) {
	seen := make(chan net.Conn, 1)
	spy := enginePlan{change: func(p *Proxy) {
		p.server.Handler = func(ctx *fasthttp.RequestCtx) {
			seen <- ctx.Conn()
			p.handle(ctx)
		}
	}}
	overSockets(t, spy, func(e *engine) {
		v := e.visit()
		defer v.Close()
		_, _ = io.WriteString(v, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if _, err := v.rest(); err != nil {
			e.Fatal(err)
		}
		c, ok := (<-seen).(*conn)
		if !ok {
			e.Fatal("fasthttp hands out another connection than ours")
		}
		inner, ok := c.watched.(*upstream.Conn)
		if !ok || c.Conn != net.Conn(inner) {
			e.Errorf("%T is watched, %T is used", c.watched, c.Conn)
		}
		if _, ok := inner.Conn.(*net.TCPConn); !ok {
			e.Errorf("below it is a %T", inner.Conn)
		}
	})
}

// good is a good answer.
func good(stream bool) string {
	if stream {
		return openStream + role + word("good") + final
	}
	return wholeAnswer("good")
}

// answers wants this trail of a request when a answers it so, and b well.
func (e *engine) answers(a func(stream bool) string, trail string) {
	e.Helper()
	for _, stream := range []bool{false, true} {
		e.provide(func(p *upPeer) {
			if body, _ := p.request(); strings.Contains(body, `"model":"a"`) {
				p.say(a(stream))
			} else {
				p.say(good(stream))
			}
		})
		v := e.visit()
		v.ask(stream, "hello")
		got, err := v.rest()
		if err != nil || got.trail() != trail || got.text() != "good" {
			e.Errorf("streamed %t: %v, trail %q: %.300s", stream, err, got.trail(), got.body)
		}
		v.Close()
	}
}

// A few interim answers are passed over, endless ones are a fault.
func TestTrap23_interim_answers(t *testing.T) {
	interim := func(n int) func(bool) string {
		return func(stream bool) string {
			return strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", n) + "HTTP/1.1 100 Continue\r\n\r\n" + good(stream)
		}
	}
	bothWays(t, func(e *engine) {
		e.answers(interim(4), "a=ok")
		e.answers(interim(1000), "a=upstream_fault; b=ok")
	})
}

// What comes compressed although nobody asked cannot be judged.
func TestTrap24_a_coding_nobody_asked_for(t *testing.T) {
	bothWays(t, func(e *engine) {
		for _, coding := range []string{"gzip", "br", "identity, gzip"} {
			e.answers(func(stream bool) string {
				return strings.Replace(good(stream), "\r\n", "\r\nContent-Encoding: "+coding+"\r\n", 1)
			}, "a=upstream_fault; b=ok")
		}
		e.answers(func(stream bool) string {
			return strings.Replace(good(stream), "\r\n", "\r\nContent-Encoding: identity\r\n", 1)
		}, "a=ok")
	})
}

// Each event is with the client before the next is sent: here the provider waits for that.
func TestTrap25_each_event_is_flushed(t *testing.T) {
	const events = 200
	bothWays(t, func(e *engine) {
		read := make(chan struct{})
		e.provide(each(func(p *upPeer, _, _ string) {
			p.say(openStream, role)
			for i := range events {
				p.say(word(fmt.Sprintf("w%d", i)))
				select {
				case <-read:
				case <-time.After(patience):
					e.Errorf("event %d is held back", i)
					return
				}
			}
			p.say(final)
		}))
		v := e.visit()
		defer v.Close()
		v.ask(true, "word by word")
		resp, err := v.begin()
		if err != nil {
			e.Fatal(err)
		}
		for i := range events {
			if err := until(resp.Body, fmt.Sprintf(`"w%d"`, i)); err != nil {
				e.Fatal(err)
			}
			read <- struct{}{}
		}
		if b, err := io.ReadAll(resp.Body); err != nil || !strings.HasSuffix(string(b), "data: [DONE]\n\n") {
			e.Errorf("%v, %q", err, b)
		}
	})
}

// A client that does not read holds its upstream back, and costs no memory; when it goes, both ends are free.
func TestTrap26_a_client_that_does_not_read(t *testing.T) {
	overSockets(t, enginePlan{}, func(e *engine) {
		var sent atomic.Int64
		gone := make(chan struct{})
		e.provide(func(p *upPeer) {
			_, _ = p.request()
			p.say(openStream, role)
			text := word(strings.Repeat("x", 8<<10))
			for {
				n, err := io.WriteString(p.Conn, text)
				sent.Add(int64(n))
				if err != nil {
					close(gone)
					return
				}
			}
		})
		v := e.visit()
		defer v.Close()
		held := peak(func() {
			v.ask(true, "more than I read")
			if err := until(v.br, "xxx"); err != nil {
				e.Fatal(err)
			}
			last, same := int64(0), 0
			e.soon("the provider is held back", func() bool {
				if now := sent.Load(); now == last {
					same++
				} else {
					last, same = now, 0
				}
				return same > 20
			})
		})
		if held > 32<<20 {
			e.Errorf("%d KB were held when %d KB had been sent", held>>10, sent.Load()>>10)
		}
		v.Close()
		select {
		case <-gone:
		case <-time.After(patience):
			e.Error("the upstream is still open")
		}
		e.quiet()
		if n, ok := e.failures("a"); n != 0 || !ok {
			e.Errorf("failure_count %d, available %t", n, ok)
		}
	})
}

// bomb is a connection whose reads panic once it is lit.
type bomb struct {
	net.Conn
	lit *atomic.Bool
}

func (b bomb) Read(p []byte) (int, error) {
	n, err := b.Conn.Read(p)
	if b.lit.Load() {
		panic("the bomb")
	}
	return n, err
}

// A panic in the middle of a stream breaks that stream, which does not look whole, and is logged with its request.
func TestTrap27_a_panic_costs_one_request(t *testing.T) {
	var lit atomic.Bool
	plan := enginePlan{dialed: func(c net.Conn) net.Conn { return bomb{c, &lit} }}
	inMemory(t, plan, func(e *engine) {
		next := make(chan struct{})
		e.provide(func(p *upPeer) {
			_, _ = p.request()
			p.say(openStream, role, word("hello"))
			<-next
			p.say(word("world"), final)
		})
		v := e.visit()
		defer v.Close()
		v.ask(true, "hello")
		resp, err := v.begin()
		if err != nil {
			e.Fatal(err)
		}
		if err := until(resp.Body, "hello"); err != nil {
			e.Fatal(err)
		}
		lit.Store(true)
		next <- struct{}{}
		if b, err := io.ReadAll(resp.Body); err != io.ErrUnexpectedEOF || strings.Contains(string(b), "[DONE]") {
			e.Errorf("%v, %q", err, b)
		}
		e.quiet()
		if id := resp.Header.Get(headerRequestID); !strings.Contains(e.log.String(), `"request":"`+id+`","cause":"the bomb"`) {
			e.Errorf("the log does not tell of %s: %s", id, e.log)
		}
		lit.Store(false)
		e.provide(each(func(p *upPeer, _, _ string) { p.say(wholeAnswer("alive")) }))
		other := e.visit()
		defer other.Close()
		other.ask(false, "still there?")
		if got, err := other.rest(); err != nil || got.text() != "alive" {
			e.Errorf("the next request: %v %q", err, got.body)
		}
	})
}

// Each client's body holds one letter. The first model refuses it while it is being sent, so that the attempt ends within the
// write; what the second one gets must hold no other client's bytes.
func TestTrap28_a_body_is_nobody_elses(t *testing.T) {
	const clients, rounds = 8, 6
	overSockets(t, enginePlan{}, func(e *engine) {
		e.provide(func(p *upPeer) {
			model, ok := p.asked()
			if ok && model == "a" {
				p.say(strings.Replace(tooMany, "429 Too Many Requests", "500 Oops", 1))
				_ = p.Conn.(*net.TCPConn).CloseWrite()
				p.untilGone()
				return
			}
			body, _ := p.request()
			text := contentOf(body)
			if text == "" || strings.Trim(text, text[:1]) != "" {
				e.Errorf("a body of %d bytes holds several clients' letters, or none", len(text))
			}
			p.say(wholeAnswer(text[:1]))
		})
		var all sync.WaitGroup
		for c := range clients {
			all.Go(func() {
				for round := range rounds {
					letter := string(rune('a' + (c+round)%26))
					v := e.visit()
					v.ask(false, strings.Repeat(letter, 600<<10))
					if got, err := v.rest(); err != nil || got.text() != letter {
						e.Errorf("%v, %.100q", err, got.body)
					}
					v.Close()
				}
			})
		}
		all.Wait()
		e.quiet()
	})
}

// Many streams at once, each of one letter, in packets of few bytes and of many events: none shows another's. What is retained
// of a packet would be overwritten by the next.
func TestTrap29_no_buffer_is_used_twice(t *testing.T) {
	const clients, rounds, words = 16, 4, 300
	overSockets(t, enginePlan{}, func(e *engine) {
		e.provide(each(func(p *upPeer, _, body string) {
			letter := contentOf(body)
			text := openStream + role + strings.Repeat(word(strings.Repeat(letter, 40)), words) + final
			for len(text) > 0 {
				n := min(1+rand.N([]int{2, 30, 20000}[rand.N(3)]), len(text))
				p.say(text[:n])
				text = text[n:]
			}
		}))
		var all sync.WaitGroup
		for c := range clients {
			all.Go(func() {
				v := e.visit()
				defer v.Close()
				for round := range rounds {
					letter := string(rune('a' + (c+round)%26))
					v.ask(true, letter)
					got, err := v.rest()
					if want := strings.Repeat(letter, 40*words); err != nil || got.text() != want || !strings.HasSuffix(got.body, "data: [DONE]\n\n") {
						e.Errorf("%v, %d of %d letters: %.500q", err, strings.Count(got.text(), letter), len(want), got.body)
						return
					}
				}
			})
		}
		all.Wait()
	})
}

// A thousand clients leave: no connection to the provider is left, no request, and no goroutine, for in memory a test whose
// goroutines have not all ended fails.
func TestTrap30_a_thousand_cancels_leave_nothing(t *testing.T) {
	const workers, each = 25, 40
	bothWays(t, func(e *engine) {
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
