package main

import (
	"cmp"
	"slices"
	"sort"
	"time"
)

// An error in front of a room is not always one too many: where all is used in the end, whoever had had the room instead would have left
// an error to who had it. So when a day is over it is asked of each error whether one more could have been answered: whether the request could have
// been put into the day as it was, at the moment of its error, with everybody else still answered; where that takes the room of one other, whether
// that one could have gone elsewhere at its own moment. What was put in stays there for the errors after it. These are the errors that
// somebody who knew more, or who served in another order, would have spared a client without leaving them to another.

// mark is what a window had left at a moment: after a call that it took on, or, without a call, when a request was lost.
type mark struct {
	at   time.Duration // by the clock of the provider
	left int64
	over float64 // bucket: what it could not hold since the mark before
	call *call
}

// room is a route that had room when a request was lost.
type room struct {
	route *route
	marks []int // of its windows at that moment
}

// breaker is a scheduler that closes a route after failures, for a time that is promised (see back in the table): until then nobody asks there.
type breaker interface{ closed(r *route) bool }

// look notes the room that a route has for a lost request.
func (j *job) look(d *dayRun, r *route) {
	if s, ok := d.sched.(breaker); ok && d.world.recovers(r, d.now) && s.closed(r) {
		return
	}
	x := room{route: r}
	for _, w := range r.windows {
		left := w.left(d.now + r.skew)
		x.marks = append(x.marks, len(w.marks))
		w.mark(d.now+r.skew, left, nil)
	}
	j.rooms = append(j.rooms, x)
}

// recovers says whether the route was in trouble within the longest cooldown, of ten minutes, and the trial before it.
func (w *world) recovers(r *route, t time.Duration) bool {
	for i := range w.troubles {
		if x := &w.troubles[i]; x.concerns(r) && x.to <= t && t < x.to+10*time.Minute+firstToken {
			return true
		}
	}
	return false
}

func (w *window) mark(t time.Duration, left int64, c *call) {
	w.marks = append(w.marks, mark{t, left, w.over, c})
	w.over = 0
}

// claim is a call that might have been: what it draws from a window, and when it is settled.
type claim struct {
	at, ends    time.Duration
	first, then int64 // of what the window counts: when it comes, and when it is settled
}

// claim is what the request would have drawn there, had it come at that moment.
func (w *window) claim(d *dayRun, j *job, r *route, at time.Duration) claim {
	_, whole := d.world.pace(j.request, r)
	c := claim{at: at, ends: at + whole, first: w.amount(r.expects(j.request)), then: w.amount(j.tokens())}
	if w.cycle == places {
		c.then = 0
	}
	return c
}

// insert puts a claim into what a window did from a mark on, and gives the first call that then would not have fitted; nil if all
// do. What the call without had drawn is taken out. Nothing is changed unless it is told to.
func (w *window) insert(from int, c claim, without *call, change bool) (in *call, fits bool) {
	more, settled := float64(c.first), false
	for i := from; i < len(w.marks); i++ {
		m := &w.marks[i]
		if w.cycle == sliding && m.at >= c.at+w.per || w.cycle == turning && w.turnOf(m.at) != w.turnOf(c.at) || w.cycle == places && m.at >= c.ends {
			break
		}
		if !settled && m.at >= c.ends {
			settled = true
			more += float64(c.then - c.first)
		}
		held := 0.0 // what a full bucket could not hold fills the gap
		if m.at > c.at {
			held = min(max(0, more), m.over)
		}
		more -= held
		if m.call != nil && m.call == without {
			more -= float64(w.amount(without.route.expects(without.job.request)))
			without = nil
		} else if float64(m.left) < more && (m.call != nil || i == from) {
			return m.call, false
		}
		if change {
			m.left -= int64(more)
			m.over -= held
		}
	}
	return nil, true
}

// after is the first mark after a moment.
func (w *window) after(t time.Duration) int {
	return sort.Search(len(w.marks), func(i int) bool { return w.marks[i].at > t })
}

// had is what the window had left at a moment of which there need not be a mark: what was settled meanwhile is left out.
func (w *window) had(t time.Duration) int64 {
	i := w.after(t) - 1
	if i < 0 {
		return w.limit
	}
	m := w.marks[i]
	switch w.cycle {
	case turning:
		if w.turnOf(m.at) != w.turnOf(t) {
			return w.limit
		}
	case bucket:
		return min(w.limit, m.left+int64(float64(w.limit)*float64(t-m.at)/float64(w.per)))
	case sliding:
		for k := w.after(m.at - w.per); k <= i && w.marks[k].at+w.per <= t; k++ {
			if x := w.marks[k].call; x != nil {
				m.left += w.amount(x.route.expects(x.job.request))
			}
		}
	case places:
	}
	return m.left
}

// spared is how many of the lost requests could have been answered beside all that were.
func (d *dayRun) spared() (n int) {
	var lost []*job
	for i := range d.jobs {
		if j := &d.jobs[i]; len(j.rooms) > 0 {
			lost = append(lost, j)
		}
	}
	slices.SortStableFunc(lost, func(a, b *job) int { return cmp.Compare(a.lost, b.lost) })
	moved := map[*call]bool{}
	for _, j := range lost {
		for _, x := range j.rooms {
			if j.spared = d.puts(j, x, moved); j.spared {
				n++
				break
			}
		}
	}
	return n
}

// puts puts a lost request into a room if that was one too many.
func (d *dayRun) puts(j *job, x room, moved map[*call]bool) bool {
	var other *call
	var to *route
	for i, w := range x.route.windows {
		c := w.claim(d, j, x.route, j.lost+x.route.skew)
		if in, fits := w.insert(x.marks[i], c, other, false); !fits {
			if in == nil || other != nil {
				return false
			}
			other = in
		}
	}
	if other != nil {
		if moved[other] || other.verdict.result != answered {
			return false
		}
		for i, w := range x.route.windows {
			if _, fits := w.insert(x.marks[i], w.claim(d, j, x.route, j.lost+x.route.skew), other, false); !fits {
				return false
			}
		}
		to = d.moves(other, j, x)
		if to == nil {
			return false
		}
		moved[other] = true
	}
	for i, w := range x.route.windows {
		without := other
		if to != nil && slices.Contains(to.windows, w) {
			without = nil // it draws from there as before
		}
		w.insert(x.marks[i], w.claim(d, j, x.route, j.lost+x.route.skew), without, true)
	}
	return true
}

// moves lets a call go to another route at the moment when it was made, if that had room.
func (d *dayRun) moves(c *call, j *job, x room) *route {
	from := x.route
	for _, r := range d.world.routes {
		if r == from || !r.serves(c.job.request) || d.world.trouble(r, c.sent) != nil || d.world.unlucky(c.job.request, r) || c.job.failedAt(r) {
			continue
		}
		at := c.sent + r.skew
		fits := true
		for _, w := range r.windows {
			claim := w.claim(d, c.job, r, at)
			if i := slices.Index(from.windows, w); i >= 0 { // it draws from there as before, beside the lost one
				_, fits = w.insert(x.marks[i], w.claim(d, j, from, j.lost+from.skew), nil, false)
			} else if fits = w.had(at) >= claim.first; fits {
				_, fits = w.insert(w.after(at), claim, nil, false)
			}
			if !fits {
				break
			}
		}
		if !fits {
			continue
		}
		for _, w := range r.windows {
			if !slices.Contains(from.windows, w) {
				w.insert(w.after(at), w.claim(d, c.job, r, at), nil, true)
			}
		}
		return r
	}
	return nil
}
