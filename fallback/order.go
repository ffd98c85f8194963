package fallback

import (
	"slices"
	"time"
)

// lastGood is the memory of one class of requests: the model that answered last is asked first.
type lastGood struct {
	model     *modelState
	version   uint32    // grows with each change of model
	probing   bool      // ONE request is at a model above
	lastProbe time.Time // when a probe last failed
}

// rank appends the rows of base in the order of the pool. With LastGood that is the last good one, then the others by
// priority; when a model above it has been available for Stick, one request goes there first.
func (p *Pool) rank(now time.Time, w *Walk, base []int32) {
	t := w.table
	if w.goesOn() {
		if k := t.indexOf(base, p.talks.of(w.Ask.Talk)); k >= 0 {
			if r := &t.rows[base[k]]; r.ready(now) && r.reluctance(now) == 0 {
				w.order = append(w.order, base[k])
			}
		}
	}
	if t.Order == Adaptive {
		p.adapt(now, w, base)
		return
	}
	if g := &p.good[w.Need.Class()]; t.Order == LastGood && g.model != nil && !w.private() && len(w.order) == 0 {
		if k := t.indexOf(base, g.model); k >= 0 {
			if w.probe = p.riser(now, w, base[:k], g); w.probe >= 0 {
				w.order = append(w.order, w.probe)
			}
			w.order = append(w.order, base[k])
		}
	}
	lead := len(w.order)
	w.order = append(w.order, base...)
	for _, i := range w.order[:lead] {
		if k := slices.Index(w.order[lead:], i); k >= 0 {
			w.order = slices.Delete(w.order, lead+k, lead+k+1)
		}
	}
}

// private says that the walk neither follows nor moves the memory of the last good model.
func (w *Walk) private() bool { return w.named || w.Need.Kind != Chat }

func (t *table) indexOf(base []int32, m *modelState) int {
	for k, i := range base {
		if t.rows[i].model == m {
			return k
		}
	}
	return -1
}

// riser is the first row above the last good one that fits and has been available for Stick, -1 if none.
func (p *Pool) riser(now time.Time, w *Walk, above []int32, g *lastGood) int32 {
	if g.probing || now.Sub(g.lastProbe) < w.table.Stick {
		return -1
	}
	for _, i := range above {
		r := &w.table.rows[i]
		if r.unfit(&w.Need, now) == "" && r.ready(now) && now.Sub(r.readySince(now)) >= w.table.Stick {
			return i
		}
	}
	return -1
}

// readySince is when the row became available as it is now: after its last failure, and after the rests of the first of its
// open keys.
func (r *row) readySince(now time.Time) time.Time {
	since := r.model.lastBad
	if r.model.health.closed {
		since = latest(since, r.model.health.until)
	}
	first := now
	for k := range r.pairs {
		if _, ok := r.open(k, now, 1); !ok {
			continue
		}
		var end time.Time
		for _, d := range r.doors(k) {
			end = latest(end, d.rest.openSince(now))
		}
		if end.Before(first) {
			first = end
		}
	}
	return latest(since, first)
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// remember moves the memory of the walk's class after a success of the attempt's model. Up, always; down only when the walk
// began under the same memory and passed nobody over for what this one request needs.
func (p *Pool) remember(a *Attempt) {
	w := a.walk
	t := w.table
	if w.talks() {
		p.talks.keep(w.Ask.Talk, a.row.model)
	}
	g := &p.good[w.Need.Class()]
	if t.Order != LastGood || w.private() || g.model == a.row.model {
		return
	}
	if up := int(a.nth) < t.indexOf(t.all, g.model); !up && (w.version != g.version || w.passed) {
		return
	}
	g.model = a.row.model
	g.version++
}
