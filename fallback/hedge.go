package fallback

import (
	"math"
	"slices"
	"time"
)

// A hedge is a second attempt beside a slow first one: the first to bear content is the answer, and the other one is given up. It costs
// quota that others could have used, so it is only made where there is plenty, and by a share of the requests.

// Hedge hands out a second attempt of a walk whose first one is under way, false when no other model or account may be asked beside it. It goes to
// another account, to another model if there is one, and never to what is nearly spent, suspected, tried for the first time after a
// rest, or may cost money; nor while anybody waits for a limit to end.
func (p *Pool) Hedge(now time.Time, w *Walk, first *Attempt) (*Attempt, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue.waiting) > 0 || !p.hedges.allow(w.nth, w.table.HedgeShare) {
		return nil, false
	}
	for _, same := range [...]bool{false, true} { // what is slow is rather the model than the account
		for _, i := range w.order {
			r := &w.table.rows[i]
			if same != (i == first.nth) || w.marks[i]&markOut != 0 || w.later(i, now) > 0 || r.unfit(&w.Need, now) != "" {
				continue
			}
			if w.avoid != "" && r.Provider == w.avoid || r.Proof == AllowedPaid || p.dear(now, r, w) {
				continue
			}
			if k := w.spareKey(now, r, first.row.pairs[first.Key].account); k >= 0 {
				p.hedges.note(w.nth)
				a := p.begin(now, w, i, k, trials{})
				a.hedge = true
				return a, true
			}
		}
	}
	return nil, false
}

// spareKey is the first key of a row with quota to spare, of another account than that one; -1 if none.
func (w *Walk) spareKey(now time.Time, r *row, not *accountState) int {
	tokens := r.beware(&w.Need)
	for k := range r.pairs {
		pr := &r.pairs[k]
		if pr.account == not || w.hasTried(pr) {
			continue
		}
		if held, ok := r.open(k, now, tokens); !ok || held != (trials{}) {
			continue
		}
		if pr.quota.ample(now) && pr.account.quota.ample(now) {
			return k
		}
	}
	return -1
}

// ample says that no window is short: long ones are not drawn faster than time goes by, and of the others half is left.
func (q *quota) ample(now time.Time) bool {
	return !slices.ContainsFunc(q.counters, func(c *counter) bool {
		switch {
		case c.Unit == Running:
			return false
		case c.Per >= time.Hour:
			return c.pressure(now) > 1
		}
		c.advance(now)
		return 2*c.used > c.limit()
	})
}

// hedgeWindow is over how many requests the share of hedged ones is counted.
const hedgeWindow = 1000

// hedges are the last requests, by their numbers, and which of them were hedged.
type hedges struct {
	last   uint64 // the number of the last request; the first one has 1
	hedged [hedgeWindow]bool
	count  int
}

// enter gives a request its number.
func (h *hedges) enter() uint64 {
	h.last++
	if slot := &h.hedged[h.last%hedgeWindow]; *slot {
		*slot = false
		h.count--
	}
	return h.last
}

// allow says whether a request may be hedged: once, while it is among the last ones, and if the share of them allows it. The share is
// rounded up, so that the first request may be.
func (h *hedges) allow(nth uint64, share float64) bool {
	if nth == 0 || h.last-nth >= hedgeWindow || h.hedged[nth%hedgeWindow] {
		return false
	}
	return float64(h.count) < math.Ceil(share*float64(min(h.last, hedgeWindow)))
}

func (h *hedges) note(nth uint64) {
	h.hedged[nth%hedgeWindow] = true
	h.count++
}

// forget says that no hedge came of it.
func (h *hedges) forget(nth uint64) {
	if slot := &h.hedged[nth%hedgeWindow]; h.last-nth < hedgeWindow && *slot {
		*slot = false
		h.count--
	}
}

// fewAnswers are too few to tell how long a model usually takes.
const fewAnswers = 10

// delays are how long the last attempts at a model were without content.
type delays struct {
	last [window]time.Duration
	n    int
}

// note learns from an attempt that has ended. One that was given up would have taken longer than it was given: without those the
// slow ones would be forgotten, and a model be called slow ever sooner.
func (d *delays) note(now time.Time, a *Attempt, o *Outcome) {
	end := a.commit
	switch {
	case !end.IsZero():
	case o.Class == HedgeLost, o.Class == Timeout:
		end = now
	default:
		return
	}
	d.last[d.n%window] = end.Sub(a.begun)
	d.n++
}

// Slow is after how long the attempt is slower than its model in 95 of 100 cases, for streams and whole answers apart; false while
// too little is known of it.
func (a *Attempt) Slow() (time.Duration, bool) {
	a.pool.mu.Lock()
	defer a.pool.mu.Unlock()
	d := &a.row.model.delays[bit(a.walk.Need.Stream)]
	if d.n < fewAnswers {
		return 0, false
	}
	sorted := slices.Clone(d.last[:min(d.n, window)])
	slices.Sort(sorted)
	return sorted[len(sorted)*95/100], true
}

// unfinished is what a call that was cancelled has probably drawn: all that was expected where it goes on all the same, else its input.
func (a *Attempt) unfinished(o *Outcome) int64 {
	if a.Model.Burns || !a.commit.IsZero() || o.Class != HedgeLost && o.Class != ClientLeft {
		return a.tokens
	}
	return min(a.tokens, a.row.input(&a.walk.Need))
}
