package proxy

import (
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"freefall/fallback"
	"freefall/internal/fakellm"
)

// turns is a plan of one model that grants 5 requests in windows of 10 s, 4 s before one ends: the next two come after 4.1 and 14.1 s,
// since a window's edge has a margin.
func turns(s Settings) plan {
	models := chain("a")
	models[0].Limits = []fallback.Window{{Cycle: fallback.Fixed, Per: 10 * time.Second, Limit: 5}}
	if s.MaxWait == 0 {
		s.MaxWait = 15 * time.Second
	}
	return plan{models: models, settings: s, pool: fallback.Config{MaxWaiting: 200}, at: time.Date(2000, 1, 1, 0, 0, 6, 0, time.UTC)}
}

// limit makes the provider refuse what is beyond.
func (w *world) limit() {
	w.fake().SetLimits(fakellm.Limit{Scope: fakellm.OneModel, Requests: 5, Per: fakellm.Duration(10 * time.Second), Fixed: true})
}

// timed is an answer with the time that it took to begin.
type timed struct {
	answer
	took time.Duration
}

// crowd asks n times at once and gives the answers when all are there.
func (w *world) crowd(n int, body string, headers ...string) (join func() []timed) {
	var asking sync.WaitGroup
	out := make([]timed, n)
	begun := time.Now()
	for i := range out {
		asking.Go(func() {
			out[i] = timed{w.chat(body, headers...), 0}
			out[i].took = time.Since(begun)
		})
	}
	time.Sleep(time.Millisecond) // all have come
	return func() []timed {
		asking.Wait()
		return out
	}
}

func within(d, want time.Duration) bool { return d >= want && d < want+50*time.Millisecond }

// calls are how many calls the provider has answered at once, in order, and how many of all it refused.
func (w *world) calls() (waves []int, refused int) {
	var last time.Time
	for _, r := range w.fake().Requests() {
		if r.Status != 200 {
			refused++
		}
		if len(waves) == 0 || r.At.Sub(last) > 50*time.Millisecond {
			waves = append(waves, 0)
		}
		waves[len(waves)-1]++
		last = r.At
	}
	return waves, refused
}

// More come than a window grants: the rest waits for the next, nobody sees an error and the provider no call in vain.
func TestWaitsForTheNextWindow(t *testing.T) {
	for name, body := range map[string]string{"whole": plainBody, "stream": streamBody} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, turns(Settings{}), func(w *world) {
				w.limit()
				took := map[time.Duration]int{}
				for _, a := range w.crowd(12, body)() {
					if a.status != 200 || a.text() == "" || a.trail() != "a=ok" {
						t.Errorf("%d %s %s", a.status, a.trail(), a.body)
					}
					took[a.took.Truncate(100*time.Millisecond)]++
				}
				if took[0] != 5 || took[4100*time.Millisecond] != 5 || took[14100*time.Millisecond] != 2 {
					t.Errorf("answers by the time they took: %v", took)
				}
				if waves, refused := w.calls(); len(waves) != 3 || waves[0] != 5 || waves[1] != 5 || waves[2] != 2 || refused > 0 {
					t.Errorf("calls %v, refused %d", waves, refused)
				}
				if n := strings.Count(w.log.String(), `"waited":`); n != 7 {
					t.Errorf("%d lines tell of waiting, want 7", n)
				}
				page := w.do("GET", "/metrics", "").body
				for _, want := range []string{`freefall_waits_total{outcome="granted"} 7`, `freefall_wait_seconds_count 7`, `freefall_waiting 0`} {
					if !strings.Contains(page, "\n"+want+"\n") {
						t.Errorf("the metrics lack %s", want)
					}
				}
			})
		})
	}
}

// While a stream waits its client is sent nothing, not even a head.
func TestNothingIsSentWhileWaiting(t *testing.T) {
	inBubble(t, turns(Settings{}), func(w *world) {
		w.crowd(5, plainBody)()
		begun := time.Now()
		resp, err := w.client.Post("http://localhost/v1/chat/completions", "application/json", strings.NewReader(streamBody))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if took := time.Since(begun); took < 4*time.Second {
			t.Errorf("the head came after %v", took)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%d %v", resp.StatusCode, err)
		}
	})
}

// Nobody waits in vain: for what ends too late, for longer than the client, the operator or the total time allow.
func TestNoWaitBeyondItsBounds(t *testing.T) {
	for name, tt := range map[string]struct {
		settings Settings
		header   string
		waits    bool
	}{
		"by default":             {Settings{}, "", true},
		"the client wants none":  {Settings{}, "0s", false},
		"in seconds":             {Settings{}, "0", false},
		"the client wants less":  {Settings{}, "2", false},
		"less, but enough":       {Settings{}, "5s", true},
		"the client wants more":  {Settings{MaxWait: 2 * time.Second}, "1h", false},
		"no more than a promise": {Settings{MaxWait: 2 * time.Second}, "inf", false},
		"unreadable":             {Settings{}, "soon", true},
		"the total time":         {Settings{Total: 2 * time.Second}, "", false},
		"none at all":            {Settings{MaxWait: -1}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, turns(tt.settings), func(w *world) {
				w.limit()
				w.crowd(5, plainBody)()
				a := w.crowd(1, plainBody, headerMaxWait, tt.header)()[0]
				if tt.waits {
					if a.status != 200 || a.took < 4*time.Second {
						t.Errorf("%d after %v", a.status, a.took)
					}
					return
				}
				if e := a.err(); a.status != 429 || e.Code != codeExhausted || !within(a.took, 0) || a.header.Get("Retry-After") != "5" {
					t.Errorf("%d after %v, Retry-After %s: %s", a.status, a.took, a.header.Get("Retry-After"), a.body)
				}
				if n := w.fake().Hits("a"); n != 5 {
					t.Errorf("%d calls", n)
				}
			})
		})
	}
}

// Who has waited max_wait without a turn is told when to come again.
func TestWaitTimesOut(t *testing.T) {
	inBubble(t, turns(Settings{MaxWait: 5 * time.Second}), func(w *world) {
		w.limit()
		status := map[int]int{}
		for _, a := range w.crowd(12, plainBody)() {
			status[a.status]++
			if a.status != 200 && (a.status != 429 || !within(a.took, 5*time.Second) || a.header.Get("Retry-After") != "10") {
				t.Errorf("%d after %v, Retry-After %s: %s", a.status, a.took, a.header.Get("Retry-After"), a.body)
			}
		}
		if status[200] != 10 || status[429] != 2 {
			t.Errorf("%v", status)
		}
		if page := w.do("GET", "/metrics", "").body; !strings.Contains(page, `freefall_waits_total{outcome="timed_out"} 2`) {
			t.Error("the metrics do not tell of it")
		}
	})
}

// A fault is no limit: nobody waits for the sick to get well.
func TestNobodyWaitsForFaults(t *testing.T) {
	p := turns(Settings{})
	p.models[0].Limits = nil
	inBubble(t, p, func(w *world) {
		w.fake().Script("a", fakellm.Fault(500).Forever())
		if a := w.crowd(1, plainBody)()[0]; a.status != 503 || !within(a.took, 0) {
			t.Errorf("%d after %v", a.status, a.took)
		}
	})
}

// A limit that was met on the way may be waited for, once, and the pair be asked once more after its reset.
func TestWaitsForALimitThatWasMet(t *testing.T) {
	p := turns(Settings{})
	p.models[0].Limits = nil
	inBubble(t, p, func(w *world) {
		limit := fakellm.Limited(fakellm.Limit{Scope: fakellm.OneModel, Per: fakellm.Duration(3 * time.Second), Says: fakellm.SaysPlain, Hint: true})
		w.fake().Script("a", limit.Repeat(1), fakellm.OK())
		a := w.crowd(1, plainBody)()[0]
		if a.status != 200 || !within(a.took, 3*time.Second) || a.trail() != "a=rate_limited; a=ok" {
			t.Errorf("%d after %v: %s", a.status, a.took, a.trail())
		}
		w.fake().Script("a", limit.Repeat(2), fakellm.OK())
		a = w.crowd(1, plainBody)()[0]
		if a.status != 429 || !within(a.took, 3*time.Second) || a.trail() != "a=rate_limited; a=rate_limited" {
			t.Errorf("%d after %v: %s", a.status, a.took, a.trail())
		}
	})
}

// Two that rest for different times are waited for one after the other, and not longer than max_wait in all.
func TestWaitsForOneAfterTheOther(t *testing.T) {
	p := plan{models: chain("a", "b"), settings: Settings{MaxWait: 10 * time.Second}, pool: fallback.Config{MaxWaiting: 10}}
	limit := func(d time.Duration) fakellm.Step {
		return fakellm.Limited(fakellm.Limit{Scope: fakellm.OneModel, Per: fakellm.Duration(d), Says: fakellm.SaysPlain, Hint: true})
	}
	inBubble(t, p, func(w *world) {
		w.fake().Script("a", limit(2*time.Second).Repeat(2), fakellm.OK())
		w.fake().Script("b", limit(5*time.Second).Repeat(1), fakellm.OK())
		a := w.crowd(1, plainBody)()[0]
		if a.status != 200 || !within(a.took, 5*time.Second) || a.trail() != "a=rate_limited; b=rate_limited; a=rate_limited; b=ok" {
			t.Errorf("%d after %v: %s", a.status, a.took, a.trail())
		}
	})
	inBubble(t, p, func(w *world) {
		w.fake().Script("a", limit(6*time.Second).Forever())
		w.fake().Script("b", limit(11*time.Second).Repeat(1), fakellm.OK())
		a := w.crowd(1, plainBody)()[0]
		if a.status != 429 || !within(a.took, 6*time.Second) || a.trail() != "a=rate_limited; b=rate_limited; a=rate_limited" {
			t.Errorf("%d after %v: %s", a.status, a.took, a.trail())
		}
	})
}

// Who stops does not keep those that only wait.
func TestStopEndsWaits(t *testing.T) {
	inBubble(t, turns(Settings{}), func(w *world) {
		w.crowd(5, plainBody)()
		join := w.crowd(3, streamBody)
		time.Sleep(time.Second)
		if err := w.proxy.Shutdown(time.Minute); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		for _, a := range join() {
			if a.status != 503 || a.err().Code != "stopping" || a.took > 1100*time.Millisecond || a.header.Get("Retry-After") != "1" {
				t.Errorf("%d after %v: %s", a.status, a.took, a.body)
			}
		}
		if n := w.fake().Hits("a"); n != 5 {
			t.Errorf("%d calls", n)
		}
	})
}

// Who leaves while waiting gives up the place at once, and nobody is asked for it.
func TestLeavesWhileWaiting(t *testing.T) {
	models := chain("a")
	models[0].Limits = []fallback.Window{{Per: 3 * patience / 2, Limit: 1}} // it opens later than a test would wait
	s := onSockets(t, socketPlan{models: models, settings: Settings{MaxWait: 2 * patience}, pool: fallback.Config{MaxWaiting: 1}})
	s.wants("the first", s.raw(post(plainBody)), 200, "")
	for _, leave := range leavings {
		c := s.dial()
		c.send(post(streamBody))
		s.eventually("it waits", func() bool { return s.pool.Waiting() == 1 })
		s.wants("one too many", s.raw(post(plainBody)), 429, codeExhausted)
		leave.now(&visitor{Conn: c.Conn})
		s.eventually("it is gone: "+leave.name, func() bool { return s.pool.Waiting() == 0 && s.proxy.running() == 0 })
	}
	s.asked("in the end", 1)
	if !strings.Contains(s.log.String(), `"status":499`) {
		t.Error("the log does not tell of it")
	}
}

// What was granted to somebody who has just left goes back: nobody else loses by it.
func TestAGrantForNobodyGoesBack(t *testing.T) {
	inBubble(t, turns(Settings{}), func(w *world) {
		w.crowd(5, plainBody)()
		x := &exchange{proxy: w.proxy, walk: new(fallback.Walk)}
		now := time.Now()
		if _, ok := w.pool.Pick(now, x.walk); ok {
			t.Fatal("somebody is open")
		}
		if !w.pool.Wait(now, x.walk, now.Add(15*time.Second), func() {}) {
			t.Fatal("it does not wait")
		}
		time.Sleep(5 * time.Second)
		if w.pool.Waiting() != 0 {
			t.Fatal("it was granted nothing")
		}
		x.left.Store(true)
		if _, ok := x.turn(now, true); ok {
			t.Error("who has left is given an attempt")
		}
		if q := w.pool.Snapshot(time.Now())[0].Quota; q[0].Used != 0 {
			t.Errorf("%+v", q)
		}
	})
}

// 200 at once against 5 a minute make exactly 5 calls; the others are told at once, and the truth: the first of the five leaves
// after the minute and its margin.
func TestFiveOfTwoHundred(t *testing.T) {
	const leaves = time.Minute + 250*time.Millisecond
	p := socketPlan{settings: Settings{MaxWait: 15 * time.Second}, pool: fallback.Config{MaxWaiting: 200}}
	for i := range 20 {
		m := chain("m" + strconv.Itoa(i))[0]
		m.Limits = []fallback.Window{{Per: time.Minute, Limit: 5}}
		p.models = append(p.models, m)
	}
	told := func(a answer) string { return strconv.Itoa(a.status) + " " + a.header.Get("Retry-After") }
	t.Run("memory", func(t *testing.T) {
		inBubble(t, plan{models: p.models[:1], settings: p.settings, pool: p.pool}, func(w *world) {
			status := map[string]int{}
			for _, a := range w.crowd(200, plainBody)() {
				if status[told(a.answer)]++; a.took > 0 {
					t.Errorf("%d after %v", a.status, a.took)
				}
			}
			if status["200 "] != 5 || status["429 61"] != 195 || w.fake().Hits("m0") != 5 {
				t.Errorf("%v, %d calls", status, w.fake().Hits("m0"))
			}
		})
	})
	t.Run("sockets", func(t *testing.T) {
		s := onSockets(t, p)
		for _, m := range p.models {
			body := strings.Replace(plainBody, "auto", m.ID, 1)
			var asking sync.WaitGroup
			var mu sync.Mutex
			status := map[string]int{}
			begun := time.Now()
			for range 200 {
				c := s.dial()
				asking.Go(func() {
					c.send(post(body, headerFallback+": off"))
					a, err := c.tryAnswer()
					c.Close()
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						t.Errorf("no answer: %v", err)
					}
					status[told(a)]++
				})
			}
			asking.Wait()
			right := 0 // what may be told while the crowd takes its time
			for n := int(math.Ceil((leaves - time.Since(begun)).Seconds())); n <= int(math.Ceil(leaves.Seconds())); n++ {
				right += status["429 "+strconv.Itoa(n)]
			}
			if status["200 "] != 5 || right != 195 || s.fake.Hits(m.ID) != 5 {
				t.Errorf("%s: %v, %d calls", m.ID, status, s.fake.Hits(m.ID))
			}
		}
	})
}

// Who floods waits for himself: the others are answered in turn.
func TestFloodStarvesNobody(t *testing.T) {
	s := Settings{Clients: []Client{{Name: "ana", Key: "k-ana"}, {Name: "ben", Key: "k-ben"}}}
	p := turns(s)
	p.pool.MaxWaiting = 100
	inBubble(t, p, func(w *world) {
		w.limit()
		ana := w.crowd(200, plainBody, "Authorization", "Bearer k-ana")
		ben := w.crowd(5, plainBody, "Authorization", "Bearer k-ben")
		for _, a := range ben() {
			if a.status != 200 {
				t.Errorf("ben: %d after %v: %s", a.status, a.took, a.body)
			}
		}
		answered := 0
		for _, a := range ana() {
			if a.status == 200 {
				answered++
			}
		}
		if _, refused := w.calls(); answered != 10 || refused > 0 {
			t.Errorf("ana: %d answered, %d refused", answered, refused)
		}
		if page := w.do("GET", "/metrics", "", "Authorization", "Bearer k-ana").body; !strings.Contains(page, `freefall_waits_total{outcome="displaced"} 5`) {
			t.Errorf("nobody's place went to ben: %s", page)
		}
	})
}

// What can do tools goes first to who needs them.
func TestToolsAreServedFirst(t *testing.T) {
	inBubble(t, turns(Settings{}), func(w *world) {
		w.crowd(5, plainBody)()
		plain, tools := w.crowd(5, plainBody), w.crowd(3, toolsBody)
		for _, a := range tools() {
			if a.status != 200 || a.took > 5*time.Second {
				t.Errorf("tools: %d after %v", a.status, a.took)
			}
		}
		early := 0
		for _, a := range plain() {
			if a.status == 200 && a.took < 5*time.Second {
				early++
			}
		}
		if early != 2 {
			t.Errorf("%d plain requests were answered before them", early)
		}
	})
}

// On sockets, too, the end of another request lets the next one in, and the alarm does when a window opens.
func TestWaitsOnSockets(t *testing.T) {
	var now, most atomic.Int32
	gate := make(chan struct{})
	models := chain("a", "b")
	models[0].Limits = []fallback.Window{{Unit: fallback.Running, Limit: 2}}
	models[1].Limits = []fallback.Window{{Per: 30 * time.Millisecond, Limit: 1}}
	s := onSockets(t, socketPlan{models: models, settings: Settings{MaxWait: 15 * time.Second}, pool: fallback.Config{MaxWaiting: 3},
		provider: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			defer now.Add(-1)
			<-gate
			_, _ = io.WriteString(w, `{"id":"1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}`)
		})})
	ask := func(model string) *client {
		c := s.dial()
		c.send(post(strings.Replace(plainBody, "auto", model, 1), headerFallback+": off"))
		return c
	}
	asking := []*client{ask("a"), ask("a")}
	s.eventually("two are asked", func() bool { return now.Load() == 2 })
	for range 3 {
		asking = append(asking, ask("a"))
	}
	s.eventually("three wait", func() bool { return s.pool.Waiting() == 3 })
	close(gate)
	for _, c := range asking {
		s.wants("an answer", c.answer(), 200, "")
	}
	if n := most.Load(); n != 2 {
		t.Errorf("%d calls at once", n)
	}
	for range 2 {
		s.wants("the next window", ask("b").answer(), 200, "")
	}
}

// A refusal that may be the client's fault is an answer: nobody has to wait for a second opinion.
func TestNobodyWaitsForASecondOpinion(t *testing.T) {
	p := turns(Settings{})
	p.models = append(chain("unsure"), p.models...)
	p.models[1].Provider, p.pool.Order = "q", fallback.Priority
	inBubble(t, p, func(w *world) {
		w.fakes["p"].Script("unsure", refusal(422, `{"error":{"message":"unsure","code":422}}`).Forever())
		w.crowd(5, strings.Replace(plainBody, "auto", "a", 1))()
		if a := w.crowd(1, plainBody)()[0]; a.status != 422 || !within(a.took, 0) {
			t.Errorf("%d after %v: %s", a.status, a.took, a.trail())
		}
	})
}

// A new configuration that grants more is good at once for those that wait.
func TestAReloadServesThoseThatWait(t *testing.T) {
	p := turns(Settings{})
	p.models[0].Limits = []fallback.Window{{Per: time.Hour, Limit: 5}}
	p.models = append(p.models, chain("b")...)
	p.models[1].Limits = []fallback.Window{{Cycle: fallback.Fixed, Per: 10 * time.Second, Limit: 1}}
	inBubble(t, p, func(w *world) {
		w.crowd(6, plainBody)()
		join := w.crowd(3, plainBody)
		time.Sleep(time.Second)
		var models []fallback.Model
		for _, row := range w.pool.Snapshot(time.Now()) {
			models = append(models, *row.Model)
		}
		models[0].Limits = []fallback.Window{{Per: time.Hour, Limit: 8}}
		w.pool.Reconfigure(fallback.Config{Models: models, MaxWaiting: 200})
		w.proxy.Reconfigure(p.settings)
		for _, a := range join() {
			if a.trail() != "a=ok" || !within(a.took, 1001*time.Millisecond) {
				t.Errorf("%s after %v", a.trail(), a.took)
			}
		}
	})
}
