package proxy

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The traps of a streaming proxy on fasthttp, by their numbers in docs/design.md: what an answer may do. Those of the way to a
// provider are held in internal/upstream.

// A stream is longer than every bound there is: of reading, of writing, of idleness, of the search, of an answer.
func TestTrap04_a_stream_outlives_every_bound(t *testing.T) {
	const events = 120
	eachWorld(t, enginePlan{short: true}, func(e *engine) {
		e.provide(each(func(p *upPeer, _, _ string) {
			p.say(openStream, role)
			for i := range events {
				p.say(word(fmt.Sprintf("w%d ", i)))
				time.Sleep(e.tick)
			}
			p.say(final)
		}))
		v := e.visit()
		defer v.Close()
		began := time.Now()
		v.ask(true, "talk for long")
		got, err := v.rest()
		if took := time.Since(began); err != nil || took < events*e.tick || !e.sockets && took != events*e.tick {
			e.Errorf("%v after %v", err, took)
		}
		if n := strings.Count(got.text(), "w"); n != events || !strings.HasSuffix(got.body, "data: [DONE]\n\n") || got.err().Message != "" {
			e.Errorf("%d of %d words came: %s", n, events, got.body)
		}
	})
}

// However an upstream dies within a stream, what came of it stands, then one error, and no end that looks whole.
func TestTrap11_a_cut_stream_never_ends_well(t *testing.T) {
	eachWorld(t, enginePlan{short: true}, func(e *engine) {
		count := 0
		for name, says := range map[string]string{
			"closes":            "",
			"ends the body":     endStream,
			"says done":         inChunk("data: [DONE]\n\n") + endStream,
			"half an event":     inChunk(`data: {"id":`),
			"half a chunk":      "ff\r\ndata: {",
			"no chunk":          "<html>\r\n",
			"an error":          inChunk(`data: {"error":{"code":502,"message":"late"}}`+"\n\n") + endStream,
			"says nothing":      "",
			"comments for ever": "",
		} {
			e.provide(func(p *upPeer) {
				_, _ = p.request()
				p.say(openStream, role, word("hello"), says)
				switch name {
				case "says nothing":
					p.untilGone()
				case "comments for ever":
					p.repeat(inChunk(": PROCESSING\n\n"), e.tick)
				}
			})
			v := e.visit()
			v.ask(true, "hello")
			got, err := v.rest()
			if err != nil || got.trail() != "a=ok" || got.text() != "hello" {
				e.Errorf("%s: %v, trail %q: %s", name, err, got.trail(), got.body)
			}
			if got.err().Message == "" || strings.Contains(got.body, "[DONE]") || strings.Contains(got.body, "finish_reason\":\"") {
				e.Errorf("%s: it looks whole: %s", name, got.body)
			}
			v.Close()
			e.quiet()
			count++
			if n, _ := e.failures("a"); n != count {
				e.Errorf("%s: failure_count %d, want %d", name, n, count)
			}
		}
	})
}

// A client of HTTP/1.0 knows no chunks: the end of the connection is the end of its stream.
func TestTrap14_an_old_client_gets_no_chunks(t *testing.T) {
	const body = `{"model":"a","stream":true,"messages":[{"role":"user","content":"hello"}]}`
	eachWorld(t, enginePlan{}, func(e *engine) {
		e.provide(each(func(p *upPeer, _, _ string) { p.say(openStream, role, word("hello "), word("you"), final) }))
		v := e.visit()
		defer v.Close()
		v.say(fmt.Sprintf("POST /v1/chat/completions HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
		raw, err := io.ReadAll(v.br)
		head, stream, _ := strings.Cut(string(raw), "\r\n\r\n")
		got := answer{200, http.Header{"Content-Type": {"text/event-stream"}}, stream}
		if err != nil || !strings.HasPrefix(head, "HTTP/1.0 200 ") || strings.Contains(strings.ToLower(head), "transfer-encoding") {
			e.Errorf("%v, the head is %s", err, head)
		}
		if got.text() != "hello you" || !strings.HasPrefix(stream, "data: {") || !strings.HasSuffix(stream, "data: [DONE]\n\n") {
			e.Errorf("the stream is %q", stream)
		}
		e.quiet()
	})
}

// Comments, roles and empty pieces are no content, however long they come: the next model gets its turn, and the client sees
// nothing of them.
func TestTrap19_noise_is_no_content(t *testing.T) {
	eachWorld(t, enginePlan{short: true}, func(e *engine) {
		e.proxy.Reconfigure(Settings{}) // the search may go on when a's time is over
		e.provide(func(p *upPeer) {
			if body, _ := p.request(); strings.Contains(body, `"model":"b"`) {
				p.say(good(true))
				return
			}
			p.say(openStream)
			p.repeat(inChunk(": PROCESSING\n\n")+role+piece(`{"content":""}`, "null")+piece(`{}`, "null"), e.tick)
		})
		v := e.visit()
		defer v.Close()
		began := time.Now()
		v.ask(true, "hello")
		got, err := v.rest()
		if err != nil || got.trail() != "a=timeout; b=ok" || got.text() != "good" || strings.Contains(got.body, "PROCESSING") {
			e.Errorf("%v, trail %q: %s", err, got.trail(), got.body)
		}
		if took := time.Since(began); !e.sockets && took != 20*time.Second {
			e.Errorf("it took %v", took)
		}
	})
}

// An error is one under whatever status: before content it is hidden, behind content it is told.
func TestTrap20_an_error_under_status_200(t *testing.T) {
	const fault = `{"error":{"message":"Internal server error","type":"server_error","code":500}}`
	eachWorld(t, enginePlan{}, func(e *engine) {
		document := func(bool) string {
			return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(fault), fault)
		}
		e.answers(document, "a=upstream_fault; b=ok")
		for _, before := range []string{"", role, inChunk(": PROCESSING\n\n") + role} {
			e.answers(func(stream bool) string {
				if !stream {
					return document(stream)
				}
				return openStream + before + inChunk("data: "+fault+"\n\n") + word("never mind") + final
			}, "a=upstream_fault; b=ok")
		}
		e.provide(each(func(p *upPeer, _, _ string) {
			p.say(openStream, role, word("hello"), inChunk("data: "+fault+"\n\n"), final)
		}))
		was, _ := e.failures("a")
		v := e.visit()
		defer v.Close()
		v.ask(true, "hello")
		got, err := v.rest()
		if err != nil || got.trail() != "a=ok" || got.text() != "hello" || got.err().Message == "" || strings.Contains(got.body, "[DONE]") {
			e.Errorf("behind content: %v, trail %q: %s", err, got.trail(), got.body)
		}
		e.quiet()
		if n, _ := e.failures("a"); n != was+1 {
			e.Errorf("behind content: failure_count went from %d to %d", was, n)
		}
	})
}

// Whatever ends the lines of a stream, and wherever reads cut it, its events are the same.
func TestTrap22_events_are_cut_anywhere(t *testing.T) {
	const chunk = `{"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":%s,"finish_reason":%s}]}`
	said := func(text string) string { return fmt.Sprintf(chunk, fmt.Sprintf(`{"content":%q}`, text), "null") }
	stream := "\ufeffdata: " + said("one ") + "\r\r" + ": note\r\n\r\n" + "event: x\rid: 7\rdata:" + said("two ") + "\n\n" +
		"data: " + strings.ReplaceAll(said("three "), `,"choices"`, ",\r\ndata: \"choices\"") + "\r\n\r\n" + "retry: 1\n: x\n\n" +
		"data:" + fmt.Sprintf(chunk, "{}", `"stop"`) + "\r\n\n" + "data: [DONE]\r\r\n"
	atLineEnd := func(i int) bool { return strings.ContainsAny(stream[i-1:i+1], "\r\n") }
	eachWorld(t, enginePlan{}, func(e *engine) {
		v := e.visit()
		defer v.Close()
		for i := 1; i < len(stream); i++ {
			if i > 3 && !atLineEnd(i) {
				continue
			}
			e.provide(func(p *upPeer) {
				_, _ = p.request()
				p.say(openStream + inChunk(stream[:i]))
				time.Sleep(time.Millisecond) // so that it is read by itself
				p.say(inChunk(stream[i:]), endStream)
			})
			v.ask(true, "count")
			got, err := v.rest()
			if err != nil || got.text() != "one two three " || got.err().Message != "" || !strings.HasSuffix(got.body, "data: [DONE]\n\n") {
				e.Fatalf("cut at %d, behind %q: %v, %q", i, stream[:i], err, got.body)
			}
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
	eachWorld(t, enginePlan{}, func(e *engine) {
		e.answers(interim(4), "a=ok")
		e.answers(interim(1000), "a=upstream_fault; b=ok")
	})
}

// What comes compressed although nobody asked cannot be judged.
func TestTrap24_a_coding_nobody_asked_for(t *testing.T) {
	eachWorld(t, enginePlan{}, func(e *engine) {
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
	eachWorld(t, enginePlan{}, func(e *engine) {
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
			select {
			case read <- struct{}{}:
			case <-time.After(patience):
				e.Fatalf("event %d came too late", i)
			}
		}
		if b, err := io.ReadAll(resp.Body); err != nil || !strings.HasSuffix(string(b), "data: [DONE]\n\n") {
			e.Errorf("%v, %q", err, b)
		}
	})
}

// A client that does not read holds its upstream back, and costs no memory; when it goes, both ends are free.
func TestTrap26_a_client_that_does_not_read(t *testing.T) {
	const most = 128 << 20 // bytes that come through if nobody is held back: more than sockets buffer
	eachWorld(t, enginePlan{}, func(e *engine) {
		var sent atomic.Int64
		gone := make(chan struct{})
		e.provide(func(p *upPeer) {
			defer close(gone)
			_, _ = p.request()
			p.say(openStream, role)
			text := word(strings.Repeat("x", 8<<10))
			for sent.Load() < most {
				n, err := io.WriteString(p.Conn, text)
				sent.Add(int64(n))
				if err != nil {
					return
				}
			}
			e.Error("the provider was never held back")
		})
		v := e.visit()
		defer v.Close()
		before := live()
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
		// What is live and no more: garbage, and what the runtime keeps for later, say how busy the machine is.
		if held := live() - before; held > 1<<20 {
			e.Errorf("%d KB are held after %d KB were sent", held>>10, sent.Load()>>10)
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
	eachWorld(t, plan, func(e *engine) {
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

// Many streams at once, each of one letter, in packets of few bytes and of many events: none shows another's. What is retained
// of a packet would be overwritten by the next.
func TestTrap29_no_buffer_is_used_twice(t *testing.T) {
	const clients, rounds, words = 16, 4, 300
	eachWorld(t, enginePlan{}, func(e *engine) {
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
