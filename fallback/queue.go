package fallback

import (
	"slices"
	"time"
)

// queue are the walks that wait for a limit to end. They are served in fair turns over clients; of one client, and of clients
// that have had as much, those that need tools come first, then those that came first.
type queue struct {
	waiting []*Walk
	turns   map[string]*uint64 // by client: when it was last served, in turns
	turn    uint64
	came    uint64 // how many have begun to wait
	alarm   func(time.Time)
	set     time.Time // what alarm was told last
}

// ticket is a walk's place in the queue.
type ticket struct {
	wake    func()
	granted *Attempt
	queued  bool
	used    bool // it has waited: each pair may be asked once more, no longer again
	until   time.Time
	late    time.Time // when only a sixth of the wait is left
	served  *uint64   // when its client was last served, in turns
}

// Wait lets a walk that found nobody wait for a limit to end, at most until that moment. False when there is no use in it:
// nothing that fits opens by then, what rests does not rest for a limit, the walk has waited before and asked that once more, or
// too many wait. wake is called once, when the walk was granted an attempt; it must not block nor call the pool. The
// waiting goroutine calls Turn when it was woken, and when it gives up.
func (p *Pool) Wait(now time.Time, w *Walk, until time.Time, wake func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.table == nil {
		return false
	}
	at, limited := p.opens(now, w)
	if !limited || at.IsZero() || at.After(until) || !p.admitWaiting(w) {
		return false
	}
	if !w.ticket.used {
		w.retry(now)
	}
	w.ticket = ticket{wake: wake, queued: true, used: true, until: until, late: until.Add(-until.Sub(now) / 6), served: p.queue.of(w.Ask.Client)}
	q := &p.queue
	if q.came++; !w.again || w.place == 0 {
		w.place = q.came
	}
	w.again = false
	q.waiting = append(q.waiting, w)
	if at.Before(q.set) || w.ticket.late.Before(q.set) {
		q.set = time.Time{} // it is the one that opens first
	}
	p.dispatch(now)
	return true
}

// Turn gives the attempt that a walk was granted, and ends its waiting in any case.
func (p *Pool) Turn(now time.Time, w *Walk) (*Attempt, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.ticket.queued {
		w.ticket.queued = false
		p.queue.waiting = slices.DeleteFunc(p.queue.waiting, func(x *Walk) bool { return x == w })
	}
	a := w.ticket.granted
	w.ticket.granted = nil
	if a == nil && w.table != nil {
		w.Ask.MaxWait = 0
		a = p.next(now, w, true) // what it was to leave to others, or may not have enough left, rather than nothing
	}
	return a, a != nil
}

// Waiting is how many walks wait.
func (p *Pool) Waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue.waiting)
}

// SetAlarm names who is told when Dispatch should be called next. It is called with the pool locked and must only set a timer.
func (p *Pool) SetAlarm(alarm func(at time.Time)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue.alarm = alarm
}

// Dispatch grants what has become open to those that wait. When it is called too early, since clocks differ, the alarm is set
// again.
func (p *Pool) Dispatch(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue.set = time.Time{}
	p.dispatch(now)
}

// dispatch is called whenever something may have opened: at the end of an attempt, by the alarm, before a newcomer is served.
func (p *Pool) dispatch(now time.Time) {
	q := &p.queue
	if len(q.waiting) == 0 {
		return
	}
	slices.SortStableFunc(q.waiting, before)
	var none *Walk // the last for whom nothing was open: nothing is for others that want the same
	for i := 0; i < len(q.waiting); {
		w := q.waiting[i]
		var a *Attempt
		if !w.like(none, now) {
			if a = p.next(now, w, false); a == nil && w.late(now) {
				a = p.dares(now, w)
			}
		}
		if a == nil {
			none = w
			i++
			continue
		}
		w.ticket.granted, w.ticket.queued = a, false
		q.waiting = slices.Delete(q.waiting, i, i+1)
		q.serve(w.Ask.Client)
		w.ticket.wake()
		slices.SortStableFunc(q.waiting, before) // that client has had its turn
		i, none = 0, nil
	}
	p.setAlarm(now)
}

// like says whether a walk wants the same as another, or more of it, and like it has tried nobody yet.
func (w *Walk) like(x *Walk, now time.Time) bool {
	if x == nil || w.table != x.table || w.list != x.list || w.Attempts()+x.Attempts() > 0 || w.Ask.Only != x.Ask.Only || w.sparing() != x.sparing() || w.late(now) != x.late(now) ||
		w.Ask.Model != x.Ask.Model || len(w.Ask.Models)+len(x.Ask.Models) > 0 {
		return false
	}
	a, b := w.Need, x.Need
	larger := a.Tokens >= b.Tokens && a.Images >= b.Images && a.MaxOutput >= b.MaxOutput && (b.MaxOutput > 0 || a.MaxOutput == 0)
	a.Tokens, a.Images, a.MaxOutput, a.Stream = b.Tokens, b.Images, b.MaxOutput, b.Stream
	return larger && a == b
}

func (q *queue) serve(client string) {
	q.turn++
	*q.of(client) = q.turn
}

// of is when a client was last served. The clients are those of the configuration, and one without a name.
func (q *queue) of(client string) *uint64 {
	if q.turns == nil {
		q.turns = map[string]*uint64{}
	}
	return at(q.turns, client)
}

// before says who is served first: the client whose last turn is longer ago, then who needs what is scarce, then who came
// first.
func before(a, b *Walk) int {
	if x, y := *a.ticket.served, *b.ticket.served; x != y {
		return bit(x > y) - bit(x < y)
	}
	if x, y := a.Need.rarity(), b.Need.rarity(); x != y {
		return y - x
	}
	return bit(a.place > b.place) - bit(a.place < b.place)
}

// rarity orders needs by how few models can serve them.
func (n *Need) rarity() (r int) {
	if n.Tools {
		r += 2
	}
	if n.Vision {
		r++
	}
	return r
}

// admitWaiting makes room for one more. When the queue is full, the client that holds most of it gives up its last place to
// one that holds less.
func (p *Pool) admitWaiting(w *Walk) bool {
	q := &p.queue
	if len(q.waiting) < p.table.MaxWaiting {
		return true
	}
	held := map[string]int{}
	for _, x := range q.waiting {
		held[x.Ask.Client]++
	}
	last := -1
	for i, x := range q.waiting {
		if last < 0 || held[x.Ask.Client] >= held[q.waiting[last].Ask.Client] {
			last = i
		}
	}
	if last < 0 || held[q.waiting[last].Ask.Client] <= held[w.Ask.Client]+1 {
		return false
	}
	out := q.waiting[last]
	q.waiting = slices.Delete(q.waiting, last, last+1)
	out.ticket.queued = false
	out.ticket.wake()
	return true
}

// opens is when the first fitting row opens, and whether it is a limit that it rests for. Zero = no end in sight.
func (p *Pool) opens(now time.Time, w *Walk) (at time.Time, limited bool) {
	for _, i := range w.order {
		r := &w.table.rows[i]
		if w.marks[i]&markOut != 0 || r.unfit(&w.Need, now) != "" || w.sparing() && p.dear(now, r, w) {
			continue
		}
		if t, limit := r.opens(now, w); sooner(t, at) {
			at, limited = t, limit
		}
	}
	return at, limited
}

// opens is when the first key of the row opens for this walk.
func (r *row) opens(now time.Time, w *Walk) (at time.Time, limited bool) {
	tokens := r.beware(&w.Need)
	if h := &r.model.health; h.phase(now) == phaseTrialed {
		if h.trial || !w.ticket.used {
			return time.Time{}, false
		}
		at = now.Add(trialLook) // the walk has waited for this trial, which another replica makes: it goes on waiting for its result
		if h.elsewhere.Before(at) {
			at = h.elsewhere
		}
		return at, true
	}
	for k := range r.pairs {
		b := r.blocked(k, now, tokens)
		if w.hasTried(&r.pairs[k]) && (b.why == "" || w.ticket.used) {
			continue // it has failed this walk, and is open, or was asked once more
		}
		t, limit := b.until, b.limit
		if b.why == "" {
			if t = r.crowdedUntil(k, now); t.IsZero() {
				t = now
			} else {
				limit = true
			}
		}
		if r.model.health.closed && r.model.health.until.After(t) {
			t, limit = r.model.health.until, false
		}
		if sooner(t, at) {
			at, limited = t, limit
		}
	}
	return at, limited
}

// retry gives a walk that waits for the first time one more round: pairs that rest for a limit may be asked again, each after its
// rest. The round may hold several waits, since the rests end one after the other.
func (w *Walk) retry(now time.Time) {
	for _, i := range w.order {
		r := &w.table.rows[i]
		for k := range r.pairs {
			if r.blocked(k, now, 0).limit {
				w.tried[r.pairs[k].index/64] &^= 1 << (r.pairs[k].index % 64)
			}
		}
	}
}

// setAlarm tells when something opens next for somebody who waits.
func (p *Pool) setAlarm(now time.Time) {
	q := &p.queue
	if now.Before(q.set) {
		return // whatever opens sooner by what is given back is dispatched then
	}
	var at time.Time
	var last *Walk
	for _, w := range q.waiting {
		if !w.late(now) && sooner(w.ticket.late, at) {
			at = w.ticket.late
		}
		if w.like(last, now) {
			continue // it opens no sooner
		}
		last = w
		if t, _ := p.opens(now, w); sooner(t, at) {
			at = t
		}
	}
	if at.IsZero() || q.alarm == nil {
		return
	}
	q.set = latest(at, now.Add(time.Millisecond))
	q.alarm(q.set)
}
