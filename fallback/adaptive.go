package fallback

import (
	"math"
	"slices"
	"time"
)

// Adaptive asks the model first that answers best: by what share of its attempts is good and how soon content comes, both of
// late. Among those that are about as good, scarcity decides: what lapses soonest is used first, and what few can do is kept for
// those who need it. Now and then a request goes to another model, so that one that has recovered is found out.

const (
	halfLife  = 2 * time.Minute // of what is known of a model
	lately    = 20              // attempts that are remembered at most
	optimism  = 1               // good attempts that a model is given in advance
	equal     = 0.85            // of the best score: as good as the best
	curiosity = 0.05            // share of requests that go to another model first
	slowness  = 10 * time.Second
)

// record is how a model did of late; older attempts weigh less, by the number and by the time since.
type record struct {
	good, bad float64
	at        time.Time // when it was weighed
}

// weight is what is left of the record now.
func (r *record) weight(now time.Time) float64 {
	if !now.After(r.at) {
		return 1
	}
	return math.Exp2(-float64(now.Sub(r.at)) / float64(halfLife))
}

func (r *record) add(now time.Time, good bool) {
	w := r.weight(now)
	if total := r.good + r.bad; total > lately {
		w = min(w, lately/total)
	}
	r.good, r.bad = r.good*w, r.bad*w
	r.at = now
	if good {
		r.good++
	} else {
		r.bad++
	}
}

// score is between 0 and 1: the share of good attempts, less for slow models.
func (m *modelState) score(now time.Time, stream bool) float64 {
	w := m.record.weight(now)
	good := m.record.good*w + optimism
	share := good / (good + m.record.bad*w)
	return share / (1 + float64(m.stats.usual[bit(stream)])/float64(slowness))
}

// adapt sorts the rows that are open by how well they do, and puts the others behind. rank calls it.
func (p *Pool) adapt(now time.Time, w *Walk, base []int32) {
	best := 0.0
	w.scores = grow(w.scores, len(w.table.rows))
	for _, i := range base {
		r := &w.table.rows[i]
		s := &w.scores[i]
		s.shut = r.unfit(w.Need) != "" || !r.ready(now)
		s.value = r.model.score(now, w.Need.Stream)
		if !s.shut {
			best = max(best, s.value)
		}
	}
	begin := len(w.order)
	for _, i := range base {
		if slices.Contains(w.order[:begin], i) {
			continue
		}
		w.order = append(w.order, i)
		if s := &w.scores[i]; !s.shut && s.value >= equal*best {
			s.value, s.scarcity = best, w.table.rows[i].scarcity(now, &w.Need)
		}
	}
	slices.SortStableFunc(w.order[begin:], func(i, j int32) int { return w.scores[i].compare(&w.scores[j]) })
	p.explore(w, w.order[begin:])
}

// score is how one row stands in the order of one walk.
type score struct {
	shut     bool // it cannot be asked now: it keeps its place among its like, behind all others
	value    float64
	scarcity float64
}

func (a *score) compare(b *score) int {
	switch {
	case a.shut != b.shut:
		return bit(a.shut) - bit(b.shut)
	case a.shut || a.value == b.value && a.scarcity == b.scarcity:
		return 0
	case a.value != b.value:
		return bit(a.value < b.value) - bit(a.value > b.value)
	}
	return bit(a.scarcity > b.scarcity) - bit(a.scarcity < b.scarcity)
}

// explore lets another row go first now and then.
func (p *Pool) explore(w *Walk, order []int32) {
	if w.sure || w.table.Chance == nil || len(order) < 2 {
		return
	}
	open := 0
	for _, i := range order {
		open += bit(!w.scores[i].shut)
	}
	if x := w.table.Chance(); open > 1 && x < curiosity {
		k := 1 + int(x/curiosity*float64(open-1))
		first := order[k]
		copy(order[1:k+1], order[:k])
		order[0] = first
	}
}

// scarcity is how dear the row's quota is: the share of its windows that is drawn, measured by the share of their time that is
// over. What has room and ends soon is cheap, since it lapses. What can do more than the request needs is dearer.
func (r *row) scarcity(now time.Time, n *Need) float64 {
	cheapest := math.Inf(1)
	for k := range r.pairs {
		p := &r.pairs[k]
		if v := max(p.quota.scarcity(now), p.account.quota.scarcity(now)); v < cheapest {
			cheapest = v
		}
	}
	special := 1.0
	if r.Tools && !n.Tools {
		special++
	}
	if r.Vision && !n.Vision {
		special += 0.5
	}
	if r.Context > 0 {
		special += 0.1 * math.Log2(max(1, float64(r.Context)/float64(max(n.Tokens, usualRequest))))
	}
	return cheapest * special
}

// usualRequest is a size in tokens that every model takes.
const usualRequest = 8000

func (q *quota) scarcity(now time.Time) (v float64) {
	for _, c := range q.counters {
		v = max(v, c.scarcity(now))
	}
	return v
}

// scarcity is above 1 for a window that is drawn faster than it comes round.
func (c *counter) scarcity(now time.Time) float64 {
	c.advance(now)
	limit := float64(c.limit())
	left := max(limit-float64(c.used), 0)
	time := 1.0
	if c.Cycle != Sliding && c.Per > 0 {
		time = float64(c.to.Sub(now)) / float64(c.to.Sub(c.from))
	}
	return time * limit / max(left, limit/1000)
}
