package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

const broken = "HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

var badRole = func() string {
	const body = `{"error":{"message":"no such role","type":"invalid_request_error","param":"messages[0].role","code":"invalid_value"}}`
	return fmt.Sprintf("HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}()

// act is what a model does, so many ticks after it was asked; 0 ticks and no words is silence until it is given up.
type act struct {
	after int
	says  string
}

const (
	answers = "answers"
	content = "content" // and then goes on
)

// duel is a test with two models of two accounts, of which the second is asked some ticks after the first.
type duel struct {
	*engine
	tick   time.Duration
	closed chan string // models whose connection was closed by the proxy
	stream bool
}

// duels runs a test of the two in memory, where ticks are of 100 ms, and over sockets, where they are of 5 ms.
func duels(t *testing.T, hedgeAfter int, a, b act, test func(*duel)) {
	t.Helper()
	duelsInOrder(t, false, hedgeAfter, a, b, test)
}

// races are duels whose order matters. On sockets some milliseconds are no order on a busy machine, so there each act also waits
// for those that come before it, by its ticks: for the hedge, and for the other one's failure.
func races(t *testing.T, hedgeAfter int, a, b act, test func(*duel)) {
	t.Helper()
	duelsInOrder(t, true, hedgeAfter, a, b, test)
}

func duelsInOrder(t *testing.T, ordered bool, hedgeAfter int, a, b act, test func(*duel)) {
	t.Helper()
	for _, stream := range []bool{false, true} {
		t.Run(map[bool]string{false: "whole", true: "stream"}[stream], func(t *testing.T) {
			eachWorld(t, enginePlan{apart: true}, func(e *engine) {
				d := &duel{engine: e, tick: 100 * time.Millisecond, closed: make(chan string, 9), stream: stream}
				if e.sockets {
					d.tick = 5 * time.Millisecond
				}
				hedge := Hedge{On: true, After: time.Duration(hedgeAfter) * d.tick}
				before := map[string]func() bool{"a": soon, "b": soon}
				if e.sockets && ordered {
					before = d.order(hedgeAfter, a, b)
					if a.after <= hedgeAfter {
						hedge.After = patience // a comes first, however long it takes
					}
				}
				e.proxy.Reconfigure(Settings{Hedge: hedge})
				e.provide(func(p *upPeer) {
					for model := ""; ; {
						body, ok := p.request()
						if !ok {
							select {
							case d.closed <- model:
							default:
							}
							return
						}
						does := b
						if model = gjson.Get(body, "model").Str; model == "a" {
							does = a
						}
						for !before[model]() {
							time.Sleep(time.Millisecond)
						}
						p.play(d, model, does)
					}
				})
				test(d)
				e.quiet()
			})
		})
	}
}

// soon is what nothing comes before.
func soon() bool { return true }

// order says of each act whether all has come that comes before it.
func (d *duel) order(hedgeAfter int, a, b act) map[string]func() bool {
	failed := func(model string) bool { n, _ := d.failures(model); return n > 0 }
	return map[string]func() bool{
		"a": func() bool {
			beside, second := a.after > hedgeAfter, b.says != "" && a.after > hedgeAfter+b.after
			return (!beside || d.walked() == 2) && (!second || failed("b"))
		},
		"b": func() bool { return a.after > hedgeAfter+b.after || b.says == "" || failed("a") },
	}
}

func (p *upPeer) play(d *duel, model string, does act) {
	time.Sleep(time.Duration(does.after) * d.tick)
	switch {
	case does.says == answers && d.stream:
		p.say(openStream, role, word("of "+model), final)
	case does.says == answers:
		p.say(wholeAnswer("of " + model))
	case does.says == content && d.stream:
		p.say(openStream, role, word("of "+model))
	default:
		p.say(does.says)
	}
}

// asks sends a request and gives its answer, and how many ticks it took.
func (d *duel) asks() (answer, float64) {
	d.Helper()
	v := d.visit()
	defer v.Close()
	begun := time.Now()
	v.ask(d.stream, "hello")
	got, err := v.rest()
	if err != nil {
		d.Fatal(err)
	}
	return got, float64(time.Since(begun)) / float64(d.tick)
}

// goes checks a whole exchange: its trail, whose answer it is, and how long it took.
func (d *duel) goes(trail, text string, ticks float64) answer {
	d.Helper()
	got, took := d.asks()
	if got.trail() != trail || text != "" && got.text() != text {
		d.Errorf("trail %q, want %q: %d %s", got.trail(), trail, got.status, got.body)
	}
	if n := fmt.Sprint(strings.Count(trail, "=")); got.header.Get(headerAttempts) != n {
		d.Errorf("%s attempts, want %s", got.header.Get(headerAttempts), n)
	}
	if took < ticks || !d.sockets && took > ticks+0.01 || took > ticks+400 {
		d.Errorf("it took %.2f ticks, want %.0f", took, ticks)
	}
	return got
}

// loses wants the connection of a model to be closed at once.
func (d *duel) loses(model string) {
	d.Helper()
	bound := 100 * time.Millisecond
	if d.sockets {
		bound = patience // the machine may be busy with something else
	}
	select {
	case got := <-d.closed:
		if got != model {
			d.Errorf("the connection of %s was closed, not that of %s", got, model)
		}
	case <-time.After(bound):
		d.Errorf("the connection of %s is still open", model)
	}
}

func (d *duel) harmless() {
	d.Helper()
	for _, m := range d.pool.Snapshot(time.Now()) {
		if m.FailureCount != 0 || !m.Available {
			d.Errorf("%s has %d failures, %s", m.Model.ID, m.FailureCount, m.Reason)
		}
	}
}

func (d *duel) logs(want string) {
	d.Helper()
	if text := d.log.String(); !strings.Contains(text, want) {
		d.Errorf("the log lacks %q:\n%s", want, text)
	}
}
