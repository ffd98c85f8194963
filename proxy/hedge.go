package proxy

import (
	"time"

	"freefall/fallback"
	"freefall/internal/openai"
)

// Hedge says when a second attempt starts beside a slow first one. The zero value is never.
type Hedge struct {
	On    bool
	Auto  bool          // after the time within which the model answers 95 of 100
	After time.Duration // otherwise; 0 = both at once
}

// hedgeAfter is when another one is asked beside this attempt; false when none is. A request has one second attempt at most.
func (x *exchange) hedgeAfter(a *fallback.Attempt) (time.Duration, bool) {
	h := &x.settings.Hedge
	switch {
	case !h.On || x.doubled:
		return 0, false
	case h.Auto:
		return a.Slow()
	}
	return h.After, true
}

// hedge is one try that may hold two attempts. Each has a goroutine and a flow of its own; everything is decided by the goroutine of
// the exchange, which leaves neither of them behind.
type hedge struct {
	*exchange
	lanes [2]lane // in the order of their start
	begun int     // how many lanes there are
	going int     // how many of them are under way
	ended chan *reply
}

type lane struct {
	attempt *fallback.Attempt
	class   fallback.Class // what it came to
}

// hedged asks a model, and another one beside it when the answer does not begin in time. The first to reach its commit point is the
// answer. When one fails the other goes on; when both have, the walk does.
func (x *exchange) hedged(a *fallback.Attempt, after time.Duration) (won *reply, e *openai.Error) {
	h := &hedge{exchange: x, ended: make(chan *reply, len(hedge{}.lanes))}
	defer h.close()
	h.start(a)
	late := time.NewTimer(after)
	defer late.Stop()
	for h.going > 0 && won == nil && e == nil {
		select {
		case <-late.C:
			h.second()
		case r := <-h.ended:
			won, e = h.judge(r)
		}
	}
	return won, e
}

// second starts the other attempt if there is anybody to ask.
func (h *hedge) second() {
	if h.cancelled() {
		return
	}
	if a, ok := h.proxy.pool.Hedge(time.Now(), h.walk, h.lanes[0].attempt); ok && h.granted(a) {
		h.doubled = true
		h.start(a)
	}
}

func (h *hedge) start(a *fallback.Attempt) {
	n := h.begun
	h.lanes[n].attempt = a
	h.begun++
	h.going++
	go func() { h.ended <- h.run(a, n) }()
}

// run makes the attempt of a lane. A panic in it is the end of this attempt alone.
func (x *exchange) run(a *fallback.Attempt, n int) (r *reply) {
	r = x.newReply(a, &x.flows[n])
	defer func() {
		if cause := recover(); cause != nil {
			x.proxy.logPanic(x.id, cause)
			x.panicked.Store(true)
			r.drop()
			r.answered, r.outcome = false, fallback.Outcome{Class: fallback.Stopped, Message: "freefall failed"}
		}
	}()
	r.answered, r.outcome = r.ask()
	return r
}

// judge takes what an attempt came to: the answer, or a failure, be it one that the client has to be told. After any other the walk is
// where the other attempt is, if that is under way.
func (h *hedge) judge(r *reply) (*reply, *openai.Error) {
	h.going--
	if r.answered {
		h.note(r, fallback.OK)
		return h.won(r), nil
	}
	h.note(r, inTrail(&r.outcome))
	h.fail(r)
	e := h.final(r)
	for i := range h.begun {
		if other := h.lanes[i].attempt; e == nil && h.going > 0 && other != r.attempt {
			h.logSwitch(other)
		}
	}
	return nil, e
}

func (h *hedge) note(r *reply, class fallback.Class) {
	for i := range h.lanes {
		if h.lanes[i].attempt == r.attempt {
			h.lanes[i].class = class
		}
	}
}

// close gives up what is still under way, waits for its end, and tells what became of all. What was sent is not given back: the
// provider may go on with it.
func (h *hedge) close() {
	for i := range h.begun {
		if a := h.lanes[i].attempt; h.going > 0 && a != h.attempt {
			h.flows[i].Cancel()
		}
	}
	for ; h.going > 0; h.going-- {
		r := <-h.ended
		if r.answered { // at the same instant as the other one
			r.drop()
			r.outcome.Class = fallback.HedgeLost
			r.checkCost()
		}
		h.logSwitch(nil)
		h.note(r, inTrail(&r.outcome))
		h.fail(r)
		h.logSwitch(nil)
	}
	for i := range h.begun {
		h.step(h.lanes[i].attempt.Model.ID, h.lanes[i].class.String())
	}
	if h.begun > 1 {
		h.proxy.metrics.hedges[h.whose()].Inc()
	}
}

// hedgeEnd says which attempt of a hedged try gave the answer.
type hedgeEnd uint8

const (
	hedgeFirst hedgeEnd = iota
	hedgeSecond
	hedgeNone
	numHedgeEnds
)

var hedgeEnds = [numHedgeEnds]string{"first", "second", "none"}

func (h *hedge) whose() hedgeEnd {
	for i := range h.lanes {
		if h.lanes[i].class == fallback.OK {
			return hedgeEnd(i)
		}
	}
	return hedgeNone
}
