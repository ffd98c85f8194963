package fallback

import "time"

// Pick hands out the next attempt of a walk, false when no candidate is left. What it hands out must be ended.
func (p *Pool) Pick(now time.Time, w *Walk) (*Attempt, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.table == nil {
		p.start(now, w)
	}
	if w.avoid != "" {
		if a := p.pick(now, w, w.avoid); a != nil {
			return a, true
		}
	}
	a := p.pick(now, w, "")
	return a, a != nil
}

// pick takes the first candidate that fits and is open. Models that this walk saw fail come after all others.
func (p *Pool) pick(now time.Time, w *Walk, avoid string) *Attempt {
	for _, turn := range [...]mark{0, markLater} {
		for _, i := range w.order {
			r := &w.table.rows[i]
			if w.marks[i]&(markOut|markLater) != turn || avoid != "" && r.Provider == avoid {
				continue
			}
			if why := r.unfit(w.Need); why != "" {
				w.passed = w.passed || singular(why)
				continue
			}
			if k, held := w.key(now, r); k >= 0 {
				return p.begin(now, w, i, k, held)
			}
		}
	}
	return nil
}

// key chooses among the keys of a row that are open and were not tried by this walk, -1 if none.
func (w *Walk) key(now time.Time, r *row) (best int, held trials) {
	best = -1
	for k := range r.pairs {
		pr := &r.pairs[k]
		if w.hasTried(pr) || best >= 0 && !pr.key.lastUsed.Before(r.pairs[best].key.lastUsed) {
			continue
		}
		t, ok := r.open(k, now)
		if !ok {
			continue
		}
		best, held = k, t
		if w.table.Spread == SpreadFill {
			break
		}
	}
	return best, held
}

func (w *Walk) hasTried(p *pair) bool { return w.tried[p.index/64]&(1<<(p.index%64)) != 0 }

func (w *Walk) setTried(p *pair) { w.tried[p.index/64] |= 1 << (p.index % 64) }

// begin makes the attempt and takes the trials that it needs.
func (p *Pool) begin(now time.Time, w *Walk, i int32, k int, held trials) *Attempt {
	var a *Attempt
	if w.attempts < len(w.inline) {
		a = &w.inline[w.attempts]
	} else {
		a = new(Attempt)
	}
	w.attempts++
	r := &w.table.rows[i]
	*a = Attempt{Model: &r.Model, Key: k, pool: p, walk: w, row: r, nth: i, gen: r.model.health.gen, begun: now, trials: held,
		probe: i == w.probe}
	w.setTried(&r.pairs[k])
	r.pairs[k].key.lastUsed = now
	a.hold(true)
	if w.Ask.Only {
		w.order = append(w.order[:0], i)
	}
	return a
}

// trials are the half-open doors that an attempt passed; it holds them until it ends.
type trials uint8

const (
	trialHealth trials = 1 << iota
	trialModel
	trialProvider
	trialAccount
	trialKey
	trialPair
)

// door is one rest that a pair stands behind.
type door struct {
	rest   *rest
	trial  trials
	target Target
}

// doors are all rests that a pair stands behind.
func (r *row) doors(k int) [5]door {
	p := &r.pairs[k]
	return [5]door{
		{&r.model.rest, trialModel, TargetModel},
		{r.provider, trialProvider, TargetProvider},
		{p.account, trialAccount, TargetAccount},
		{&p.key.rest, trialKey, TargetKey},
		{p.rest, trialPair, TargetPair},
	}
}

// open says whether a pair may be tried now, and which trials that would take.
func (r *row) open(k int, now time.Time) (held trials, ok bool) {
	switch r.model.health.phase(now) {
	case phaseCooling, phaseTrialed:
		return 0, false
	case phaseTrial:
		held = trialHealth
	}
	for _, door := range r.doors(k) {
		pass, trial := door.rest.open(now)
		if !pass {
			return 0, false
		}
		if trial {
			held |= door.trial
		}
	}
	return held, true
}

// ready says whether any key of the row may be tried now.
func (r *row) ready(now time.Time) bool {
	for k := range r.pairs {
		if _, ok := r.open(k, now); ok {
			return true
		}
	}
	return false
}
