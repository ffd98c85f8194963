package proxy

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"freefall/fallback"
	"freefall/internal/fakellm"
)

// fallenOver is a page of metrics that tells of a fall-over. Who asks two at once has not fallen over.
var fallenOver = regexp.MustCompile(`(?m)^freefall_fallovers_total(\{[^}]*\})? [^0]`)

// A hangs, and B answers two ticks after it was asked.
func TestHedgeAtOnceAndLater(t *testing.T) {
	for _, after := range []int{0, 10} {
		t.Run(fmt.Sprint("after ", after), func(t *testing.T) {
			duels(t, after, act{}, act{2, answers}, func(d *duel) {
				got := d.goes("a=hedge_lost; b=ok", "of b", float64(after)+2)
				d.loses("a")
				d.harmless()
				if got.header.Get(headerModel) != "b" {
					d.Errorf("the answer is said to be of %s", got.header.Get(headerModel))
				}
				d.logs("Attempt at a given up: another one has answered")
				if page := d.answerTo("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"); !strings.Contains(page.body, `freefall_hedges_total{winner="second"} 1`) ||
					!strings.Contains(page.body, `outcome="hedge_lost",provider="p"} 1`) || fallenOver.MatchString(page.body) {
					d.Error("the metrics do not tell of the hedge")
				}
			})
		})
	}
}

func TestHedgeTakesWhoeverIsFirst(t *testing.T) {
	t.Run("the first one in time", func(t *testing.T) {
		races(t, 3, act{2, answers}, act{}, func(d *duel) { d.goes("a=ok", "of a", 2) })
	})
	t.Run("the first one all the same", func(t *testing.T) {
		races(t, 3, act{5, answers}, act{}, func(d *duel) {
			d.goes("a=ok; b=hedge_lost", "of a", 5)
			d.loses("b")
			d.harmless()
		})
	})
	t.Run("the second one fails", func(t *testing.T) {
		races(t, 3, act{8, answers}, act{1, tooMany}, func(d *duel) {
			d.goes("a=ok; b=rate_limited", "of a", 8)
			d.logs("Rate limit on b")
		})
	})
	t.Run("the first one fails", func(t *testing.T) {
		races(t, 3, act{4, broken}, act{3, answers}, func(d *duel) {
			d.goes("a=upstream_fault; b=ok", "of b", 6)
			d.logs("Model a failed")
			d.logs("Switching from a to b")
		})
	})
	t.Run("the first one fails before", func(t *testing.T) {
		races(t, 3, act{1, broken}, act{3, answers}, func(d *duel) {
			d.goes("a=upstream_fault; b=ok", "of b", 4)
			d.logs("Switching from a to b")
		})
	})
	t.Run("both fail", func(t *testing.T) {
		races(t, 3, act{8, broken}, act{1, broken}, func(d *duel) {
			if got := d.goes("a=upstream_fault; b=upstream_fault", "", 8); got.status != 503 || got.err().Code != codeExhausted {
				d.Errorf("%d %s", got.status, got.body)
			}
			for _, m := range d.pool.Snapshot(time.Now()) {
				if m.FailureCount != 1 {
					d.Errorf("%s has %d failures", m.Model.ID, m.FailureCount)
				}
			}
		})
	})
	t.Run("the client is wrong", func(t *testing.T) {
		races(t, 3, act{4, badRole}, act{}, func(d *duel) {
			if got := d.goes("a=invalid_request; b=hedge_lost", "", 4); got.status != 400 || got.err().Message != "no such role" {
				d.Errorf("%d %s", got.status, got.body)
			}
			d.loses("b")
		})
	})
}

// When nobody hedges nobody is asked beside: without a setting, and with one account.
func TestNoHedge(t *testing.T) {
	duels(t, 0, act{3, answers}, act{0, answers}, func(d *duel) {
		d.proxy.Reconfigure(Settings{})
		d.goes("a=ok", "of a", 3)
	})
	inBubble(t, plan{models: chain("a", "b"), settings: Settings{Hedge: Hedge{On: true}}, pool: fallback.Config{Order: fallback.Priority, HedgeShare: 1}}, func(w *world) {
		w.fake().Script("a", fakellm.Slow(time.Second, 0, 0))
		if got := w.chat(plainBody); got.trail() != "a=ok" || w.fake().Hits("b") != 0 {
			t.Errorf("one account, and %q", got.trail())
		}
	})
}

// What streams after a hedge was won is whole, whichever connection it comes over.
func TestHedgedStreamGoesOn(t *testing.T) {
	eachWorld(t, enginePlan{apart: true}, func(e *engine) {
		e.proxy.Reconfigure(Settings{Hedge: Hedge{On: true}})
		e.provide(each(func(p *upPeer, model, _ string) {
			if model == "a" {
				p.untilGone()
				return
			}
			p.say(openStream, role)
			for n := range 20 {
				p.say(word(fmt.Sprint(n, " ")))
				time.Sleep(time.Millisecond)
			}
			p.say(final)
		}))
		v := e.visit()
		defer v.Close()
		for range 3 { // the connection of b is kept and serves again
			v.ask(true, "hello")
			got, err := v.rest()
			if err != nil || got.text() != "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 " || !strings.HasSuffix(got.body, "data: [DONE]\n\n") {
				e.Fatalf("%v %s", err, got.body)
			}
		}
		e.quiet()
	})
}

// Both reach their commit point at the same instant, again and again: one of them is the answer, whole.
func TestHedgePhotoFinish(t *testing.T) {
	for _, stream := range []bool{false, true} {
		eachWorld(t, enginePlan{apart: true}, func(e *engine) {
			e.proxy.Reconfigure(Settings{Hedge: Hedge{On: true}})
			e.provide(each(func(p *upPeer, model, _ string) {
				time.Sleep(time.Millisecond)
				if stream {
					p.say(openStream, role, word("of "+model), final)
				} else {
					p.say(wholeAnswer("of " + model))
				}
			}))
			wins := map[string]int{}
			var mu sync.Mutex
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					v := e.visit()
					defer v.Close()
					for range 25 {
						v.ask(stream, "hello")
						got, err := v.rest()
						if err != nil {
							e.Error(err)
							return
						}
						model := got.header.Get(headerModel)
						lost := map[string]string{"a": "b", "b": "a"}[model]
						if got.text() != "of "+model || !strings.Contains(got.trail(), model+"=ok") || strings.Contains(got.trail(), lost) && !strings.Contains(got.trail(), lost+"=hedge_lost") {
							e.Errorf("%q %s", got.trail(), got.body)
						}
						mu.Lock()
						wins[model]++
						mu.Unlock()
					}
				})
			}
			all.Wait()
			e.quiet()
			for _, model := range []string{"a", "b"} {
				if n, _ := e.failures(model); n != 0 {
					e.Errorf("%s has %d failures", model, n)
				}
			}
			if wins["a"]+wins["b"] != 200 {
				e.Errorf("%v", wins)
			}
		})
	}
}

// A client that leaves, or a stop, ends both attempts in every phase, and nothing is left of them.
func TestHedgeLeavesNothing(t *testing.T) {
	phases := map[string]struct{ a, b act }{
		"two silences":         {act{}, act{}},
		"two half heads":       {act{0, "HTTP/1.1 200 OK\r\nContent-"}, act{0, "HTTP/1.1 200 OK\r\nContent-"}},
		"no content":           {act{0, openStream + role}, act{0, openStream + role}},
		"one failed":           {act{0, broken}, act{}},
		"the other one failed": {act{}, act{0, broken}},
		"after the commit":     {act{}, act{0, content}},
	}
	for name, phase := range phases {
		t.Run(name, func(t *testing.T) {
			duels(t, 1, phase.a, phase.b, func(d *duel) {
				for _, leave := range leavings {
					v := d.visit()
					v.ask(d.stream, "hello")
					d.soon("both were asked", func() bool { return d.walked() == 2 })
					time.Sleep(3 * d.tick)
					leave.now(v)
					d.quiet()
					d.soon("both connections closed", func() bool { return d.open.Load() == 0 })
					d.forget()
					if !d.sockets {
						break
					}
				}
			})
		})
	}
	t.Run("stop", func(t *testing.T) {
		duels(t, 1, act{}, act{}, func(d *duel) {
			v := d.visit()
			defer v.Close()
			v.ask(d.stream, "hello")
			d.soon("both were asked", func() bool { return d.walked() == 2 })
			if err := d.proxy.Shutdown(time.Millisecond); err != ErrCut {
				d.Error(err)
			}
			if got, err := v.rest(); err != nil || got.status != 503 || got.trail() != "a=stopped; b=stopped" {
				d.Errorf("%v %d %q", err, got.status, got.trail())
			}
			d.harmless()
			d.soon("both connections closed", func() bool { return d.open.Load() == 0 })
		})
	})
}

// walked is how many connections were made to the provider since forget.
func (d *duel) walked() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.peers)
}

func (d *duel) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.peers = nil
}

// With auto a model is slow when it takes longer than 95 of 100 of its own answers; before enough is known nobody is asked beside.
func TestHedgeAuto(t *testing.T) {
	models := append(chain("a"), chain("b")...)
	models[1].Provider = "q"
	inBubble(t, plan{models: models, settings: Settings{Hedge: Hedge{On: true, Auto: true}}, pool: fallback.Config{Order: fallback.Priority, HedgeShare: 1}}, func(w *world) {
		a, b := w.fakes["p"], w.fakes["q"]
		a.Script("a", fakellm.Slow(200*time.Millisecond, 0, 0).Repeat(10), fakellm.Slow(30*time.Second, 0, 0), fakellm.Slow(150*time.Millisecond, 0, 0))
		b.Script("b", fakellm.Slow(100*time.Millisecond, 0, 0).Repeat(9))
		for range 10 {
			if got := w.chat(plainBody); got.trail() != "a=ok" {
				t.Fatalf("too early: %q", got.trail())
			}
		}
		begun := time.Now()
		if got := w.chat(plainBody); got.trail() != "a=hedge_lost; b=ok" || !within(time.Since(begun), 300*time.Millisecond) {
			t.Errorf("%q after %v", got.trail(), time.Since(begun))
		}
		if got := w.chat(plainBody, "X-Freefall-Max-Wait", "0s"); got.trail() != "a=ok" {
			t.Errorf("%q", got.trail())
		}
	})
}

// The share of the requests that are hedged holds; tools are hedged like all others, among those that can.
func TestHedgeShareAndNeeds(t *testing.T) {
	models := append(chain("a"), append(chain("b"), chain("c")...)...)
	models[1].Provider, models[2].Provider, models[1].Tools = "q", "r", false
	inBubble(t, plan{models: models, settings: Settings{Hedge: Hedge{On: true}}, pool: fallback.Config{Order: fallback.Priority, HedgeShare: 0.1}}, func(w *world) {
		w.fake().Script("a", fakellm.Slow(time.Second, 0, 0).Forever())
		hedged := 0
		for range 50 {
			if strings.Contains(w.chat(plainBody).trail(), "b=ok") {
				hedged++
			}
		}
		if hedged != 5 {
			t.Errorf("%d of 50 were hedged", hedged)
		}
		if got := w.chat(toolsBody); got.trail() != "a=hedge_lost; c=ok" {
			t.Errorf("with tools %q", got.trail())
		}
	})
}

// A panic in one of two attempts is the end of that attempt alone.
func TestAPanicInAHedge(t *testing.T) {
	models := append(chain("a"), chain("b")...)
	models[0].Via, models[1].Provider = "no route", "q"
	inBubble(t, plan{models: models, settings: Settings{Hedge: Hedge{On: true}}, pool: fallback.Config{Order: fallback.Priority, HedgeShare: 1}}, func(w *world) {
		if got := w.chat(plainBody); got.status != 200 || got.trail() != "a=stopped; b=ok" {
			t.Errorf("%d %q", got.status, got.trail())
		}
		if !strings.Contains(w.log.String(), "Request failed inside freefall") {
			t.Error("nobody is told")
		}
	})
}

// Both attempts may fail at one time inside freefall.
func TestBothOfAHedgePanic(t *testing.T) {
	models := append(chain("a"), chain("b")...)
	models[0].Via, models[1].Via, models[1].Provider = "no route", "no route", "q"
	inBubble(t, plan{models: models, settings: Settings{Hedge: Hedge{On: true}}, pool: fallback.Config{Order: fallback.Priority, HedgeShare: 1}}, func(w *world) {
		for range 20 {
			got := w.chat(plainBody)
			t.Log(got.status, got.trail())
		}
	})
}
