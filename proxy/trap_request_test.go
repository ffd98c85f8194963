package proxy

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// The traps of a streaming proxy on fasthttp, by their numbers in docs/design.md: what a request may do. Those of the way to a
// provider are held in internal/upstream.

// Eight million brackets are no request, and nothing descends into them.
func TestTrap01_brackets_cost_nothing(t *testing.T) {
	brackets := strings.Repeat("[", 8_000_000)
	eachWorld(t, enginePlan{}, func(e *engine) {
		for _, before := range []string{"", `{"messages":`, `{"metadata":`} {
			if grown := growth(func() { e.refuses(before+"[[[", post(before+brackets), 400, "invalid_json") }); grown > 100<<20 {
				e.Errorf("%s[[[: the process grew by %d MB", before, grown>>20)
			}
		}
		e.untouched()
	})
}

// What two readers could take for two different requests is none.
func TestTrap02_a_key_found_twice(t *testing.T) {
	const rest = `"messages":[{"role":"user","content":"hello"}]}`
	eachWorld(t, enginePlan{}, func(e *engine) {
		for body, code := range map[string]string{
			`{"model":"a","model":"b",` + rest:                  "duplicate_key",
			`{"model":"a","m\u006fdel":"b",` + rest:             "duplicate_key",
			`{"model":"a","Model":"b",` + rest:                  "misspelled_key",
			`{"stream":true,"\u0073tream":false,` + rest:        "duplicate_key",
			`{"messages":[],` + rest:                            "duplicate_key",
			`{"tools":[],"tool` + "\u017f" + `":[],` + rest:     "misspelled_key",
			`{"model":"a","stream":false,"STREAM":true,` + rest: "misspelled_key",
		} {
			e.refuses(body, post(body), 400, code)
		}
		e.untouched()
	})
}

// What is no JSON is refused as a whole, and mended by nobody.
func TestTrap03_what_is_no_JSON(t *testing.T) {
	const whole = `{"model":"a","messages":[{"role":"user","content":"hello"}]}`
	eachWorld(t, enginePlan{}, func(e *engine) {
		for _, body := range []string{
			"", " ", "null", `"a"`, "[" + whole + "]", whole + "x", whole + whole, whole + "\x00", "\x00" + whole, "\ufeff" + whole, whole[:len(whole)-1],
			"{," + whole[1:], `{"x":01,` + whole[1:], `{"x":tru,` + whole[1:], `{"x":"` + "\xff" + `",` + whole[1:], `{"x":"` + "\n" + `",` + whole[1:],
			`{"x":"\ud800\x",` + whole[1:], `{'x':1,` + whole[1:], `{"x":1,}` + whole[1:], `{"x":NaN,` + whole[1:], "/**/" + whole,
		} {
			e.refuses(body, post(body), 400, "invalid_json")
		}
		e.untouched()
		e.provide(each(func(p *upPeer, _, _ string) { p.say(wholeAnswer("fine")) }))
		if got := e.answerTo(post(whole)); got.text() != "fine" {
			e.Errorf("what is JSON: %d %s", got.status, got.body)
		}
	})
}

// An image of ten megabytes passes; what is larger than the limit is told so, and by 413.
func TestTrap15_large_bodies(t *testing.T) {
	eachWorld(t, enginePlan{}, func(e *engine) {
		e.provide(each(func(p *upPeer, _, body string) { p.say(wholeAnswer(fmt.Sprint(len(contentOf(body))))) }))
		v := e.visit()
		defer v.Close()
		v.ask(false, strings.Repeat("x", 10<<20))
		if got, err := v.rest(); err != nil || got.text() != fmt.Sprint(10<<20) {
			e.Errorf("10 MB: %v, %d %.300s", err, got.status, got.body)
		}
		e.refuses("40 MB", post(strings.Repeat(" ", 40<<20)), 413, "request_too_large")
		e.refuses("40 MB, declared", head("POST /v1/chat/completions HTTP/1.1", "Content-Length: 40000000")+"{", 413, "request_too_large")
	})
}

// Three hundred clients declare 25 MB and send a byte each.
func TestTrap16_promises_hold_no_memory(t *testing.T) {
	const clients = 300
	eachWorld(t, enginePlan{}, func(e *engine) {
		before := live()
		var all []*visitor
		for range clients {
			v := e.visit()
			defer v.Close()
			v.say(head("POST /v1/chat/completions HTTP/1.1", "Content-Length: 25000000") + "{")
			all = append(all, v)
		}
		e.soon("all are being read", func() bool { return e.proxy.running() == clients })
		if held := live() - before; held > 64<<20 {
			e.Errorf("%d MB are held", held>>20)
		}
		for _, v := range all {
			v.Close()
		}
		e.quiet()
		e.untouched()
	})
}

// early is how a provider goes on that has refused a request by its begin.
type early int

const (
	holds  early = iota // it reads no further and keeps the connection
	closes              // it ends the connection
	drains              // it reads on
)

// large is the content of a request that is more than sockets buffer.
var large = strings.Repeat("x", 8<<20)

// askEarly sends it to a, which refuses them while they come: its status and its Retry-After count, and b gets the whole.
func (e *engine) askEarly(then early) {
	e.Helper()
	bodies, done := make(chan string, 1), make(chan struct{})
	defer close(done)
	e.provide(func(p *upPeer) {
		for {
			model, ok := p.asked()
			switch {
			case !ok:
				return
			case model == "b":
				body, _ := p.request()
				bodies <- body
				p.say(wholeAnswer("b's"))
				return
			}
			switch p.say(tooMany); then {
			case drains:
				_, _ = p.request()
				continue // the connection may serve on
			case holds:
				<-done
			case closes:
				p.endOfWords()
				time.Sleep(5 * time.Millisecond)
			}
			return
		}
	})
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
	for name, then := range map[string]early{"closes": closes, "drains": drains} {
		t.Run(name, func(t *testing.T) {
			eachWorld(t, enginePlan{}, func(e *engine) { e.askEarly(then) })
		})
	}
	t.Run("holds", func(t *testing.T) { // a connection in memory has no descriptor that tells of bytes to read
		overSockets(t, enginePlan{}, func(e *engine) { e.askEarly(holds) })
	})
}

// Over TLS an interrupted write cannot go on: a provider that pauses gets the request whole all the same. Between slices its
// early answer is seen.
func TestTrap18_a_write_over_TLS_is_not_interrupted(t *testing.T) {
	eachWorld(t, enginePlan{tls: true}, func(e *engine) {
		pause := e.tick
		if e.sockets {
			pause = 130 * time.Millisecond // longer than a write to plain TCP waits before it looks for an answer
		}
		e.provide(func(p *upPeer) {
			if _, ok := p.asked(); ok {
				time.Sleep(pause)
				body, _ := p.request()
				p.say(wholeAnswer(fmt.Sprint(contentOf(body) == large)))
			}
		})
		v := e.visit()
		defer v.Close()
		v.ask(false, large)
		if got, err := v.rest(); err != nil || got.trail() != "a=ok" || got.text() != "true" {
			e.Errorf("a pause: %v, trail %q: %.300s", err, got.trail(), got.body)
		}
		e.askEarly(drains)
	})
}

// Each body holds one letter. The first model refuses it while it is being sent, so that the attempt ends within the write. The
// second one lets it wait half sent until another client's has come and gone; what it gets then must be as it was.
func TestTrap28_a_body_is_nobody_elses(t *testing.T) {
	const rounds = 2
	eachWorld(t, enginePlan{}, func(e *engine) {
		waits, goOn := make(chan struct{}), make(chan struct{})
		var hasty atomic.Bool
		e.provide(func(p *upPeer) {
			if model, _ := p.asked(); model == "a" {
				p.say(strings.Replace(tooMany, "429 Too Many Requests", "500 Oops", 1))
				if p.endOfWords() {
					p.untilGone()
				}
				return
			}
			if !hasty.Load() {
				waits <- struct{}{}
				<-goOn
			}
			body, _ := p.request()
			text := contentOf(body)
			if max(strings.Count(text, "x"), strings.Count(text, "y")) != len(large) {
				e.Errorf("a body of %d bytes holds several clients' letters, or none", len(text))
			}
			p.say(wholeAnswer(text[:min(1, len(text))]))
		})
		ask := func(letter string) *visitor {
			v := e.visit()
			v.ask(false, strings.Repeat(letter, len(large)))
			return v
		}
		answered := func(v *visitor, letter string) {
			if got, err := v.rest(); err != nil || got.text() != letter {
				e.Errorf("%v, %.100q", err, got.body)
			}
			v.Close()
		}
		for range rounds {
			hasty.Store(false)
			first := ask("x")
			<-waits
			hasty.Store(true)
			answered(ask("y"), "y")
			goOn <- struct{}{}
			answered(first, "x")
		}
		e.quiet()
	})
}
