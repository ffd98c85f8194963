package fallback

import "time"

// Pick hands out the next attempt of a walk, false when no candidate is left. What it hands out must be ended.
func (p *Pool) Pick(now time.Time, w *Walk) (*Attempt, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock(now)
	if w.table == nil {
		p.start(now, w)
		if w.table.HedgeShare > 0 {
			w.nth = p.hedges.enter()
		}
	}
	p.dispatch(now) // nobody overtakes those that wait
	var a *Attempt
	if !w.sparing() {
		a = p.next(now, w, true)
	} else if a = p.next(now, w, true); a == nil && !p.worthWaiting(now, w) {
		w.Ask.MaxWait = 0
		a = p.next(now, w, true)
	}
	if a != nil && w.Ask.Client != "" {
		p.queue.serve(w.Ask.Client)
	}
	return a, a != nil
}

// next is the walk's next attempt, nil when nobody is left. The last resort is what better were asked one at a time, or may have too
// few tokens left.
func (p *Pool) next(now time.Time, w *Walk, lastResort bool) *Attempt {
	if w.avoid != "" {
		if a := p.pick(now, w, w.avoid, careful); a != nil {
			return a
		}
	}
	w.held = false
	if a := p.pick(now, w, "", careful); a != nil || !lastResort {
		return a
	}
	if w.held {
		if a := p.pick(now, w, "", crowding); a != nil || w.Ask.MaxWait > 0 {
			return a
		}
		if a := p.pick(now, w, "", doubting); a != nil {
			return a
		}
	}
	if w.Ask.MaxWait > 0 {
		return nil
	}
	return p.dares(now, w)
}

// dares is the very last resort: just before the client gets an error, or while it waits.
func (p *Pool) dares(now time.Time, w *Walk) *Attempt {
	if !p.credit.enough() {
		return nil
	}
	return p.pick(now, w, "", daring)
}

// care is how much is risked for an attempt.
type care uint8

const (
	careful  care = iota
	crowding      // it goes where better one at a time would, and where there may be too few tokens
	doubting      // it goes where only a count is in the way that may be wrong
	daring        // it goes where only a rest is in the way whose end is guessed
)

// pick takes the first candidate that fits and is open. Models that this walk saw fail, and those that keep another walk
// waiting, come after all others.
func (p *Pool) pick(now time.Time, w *Walk, avoid string, how care) *Attempt {
	some := true
	for later := 0; later < 2 && some; later++ {
		some = false // no rows for the second round
		for _, i := range w.order {
			r := &w.table.rows[i]
			if w.marks[i]&markOut != 0 || avoid != "" && r.Provider == avoid {
				continue
			}
			if l := w.later(i, now); l != later {
				some = some || l > later
				continue
			}
			if why := r.unfit(&w.Need, now); why != "" {
				w.passed = w.passed || singular(why)
				continue
			}
			if w.sparing() && p.dear(now, r, w) && r.model.health.phase(now) != phaseTrial {
				continue
			}
			if k, held := w.key(now, r, how); k >= 0 {
				return p.begin(now, w, i, k, held)
			}
		}
	}
	return nil
}

// later is 1 for rows that are asked after all others.
func (w *Walk) later(i int32, now time.Time) int {
	if w.marks[i]&markLater != 0 || w.table.rows[i].model.hangs(now) {
		return 1
	}
	return 0
}

// key chooses among the keys of a row that are open and were not tried by this walk, -1 if none: the one that was used longest ago, or
// the first one.
func (w *Walk) key(now time.Time, r *row, how care) (best int, held trials) {
	best = -1
	tokens := r.expect(&w.Need)
	switch how {
	case careful:
		tokens = r.beware(&w.Need)
	case doubting:
		tokens = r.least(&w.Need)
	}
	for k := range r.pairs {
		pr := &r.pairs[k]
		if w.hasTried(pr) || best >= 0 && !pr.key.lastUsed.Before(r.pairs[best].key.lastUsed) {
			continue
		}
		t, ok := w.open(now, r, k, how, tokens)
		if !ok {
			continue
		}
		best, held = k, t
		if how == daring || w.table.Spread == SpreadFill {
			break
		}
	}
	return best, held
}

// open says whether the walk may go to the row with this key at so much risk, and which trials the attempt would hold. It notes when
// only care stands in the way.
func (w *Walk) open(now time.Time, r *row, k int, how care, tokens int64) (held trials, ok bool) {
	switch how {
	case careful:
		held, ok = r.open(k, now, tokens)
		if !ok {
			w.held = w.held || passes(r.enter(k, now))
		} else if held.slow != 0 && !r.crowdedUntil(k, now).IsZero() {
			w.held, ok = true, false
		}
	case crowding:
		held, ok = r.open(k, now, tokens)
	case doubting:
		pr := &r.pairs[k]
		if !pr.guessed(now, r.expect(&w.Need)) {
			return held, false
		}
		if !r.Reserves { // the answers under way are not counted there yet
			tokens -= min(pr.quota.ahead(now), pr.account.quota.ahead(now))
			if pr.quota.budgeted() || pr.account.quota.budgeted() {
				tokens = max(1, tokens)
			}
		}
		held, ok = r.open(k, now, tokens)
		if !ok && passes(r.enter(k, now)) && pr.forgive(now, tokens) {
			held, ok = r.open(k, now, tokens)
		}
	case daring:
		b := r.blocked(k, now, tokens)
		if w.ticket.queued && b.limit && !b.until.IsZero() && !b.until.After(w.ticket.until) {
			return held, false // its rest is over before the wait is
		}
		held, ok = r.dare(k, now, tokens)
	}
	return held, ok
}

func passes(_ trials, ok bool) bool { return ok }

func (w *Walk) hasTried(p *pair) bool { return w.tried[p.index/64]&(1<<(p.index%64)) != 0 }

func (w *Walk) setTried(p *pair) { w.tried[p.index/64] |= 1 << (p.index % 64) }

// begin makes the attempt, and takes the trials that it needs and its part of the windows.
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
	pr := &r.pairs[k]
	w.setTried(pr)
	pr.key.lastUsed = now
	a.hold(true)
	a.daring(now)
	a.tokens = r.expect(&w.Need)
	a.ahead = max(0, a.tokens-r.least(&w.Need))
	pr.account.quota.draw(now, a.tokens, a.ahead)
	pr.quota.draw(now, a.tokens, a.ahead)
	pr.quota.habit.add(now)
	r.model.await(a)
	r.model.purse.running++
	if w.Ask.Only {
		w.order = append(w.order[:0], i)
	}
	return a
}

// trials are the doors that an attempt passed on conditions: half-open ones, as their one trial, and those that have just opened
// after a limit, and those that it dares to open before their time. It holds them until it ends, the latter two until it was taken on.
type trials struct{ half, slow, dared doors }

// doors is a set of doors.
type doors uint8

const (
	trialHealth doors = 1 << iota
	trialModel
	trialProvider
	trialAccount
	trialKey
	trialPair
)

// door is one rest that a pair stands behind.
type door struct {
	rest   *rest
	trial  doors
	target Target
}

// doors are all rests that a pair stands behind.
func (r *row) doors(k int) [5]door {
	p := &r.pairs[k]
	return [5]door{
		{&r.model.rest, trialModel, TargetModel},
		{r.provider, trialProvider, TargetProvider},
		{&p.account.rest, trialAccount, TargetAccount},
		{&p.key.rest, trialKey, TargetKey},
		{p.rest, trialPair, TargetPair},
	}
}

// open says whether a pair may be tried now for so many tokens, and on which conditions.
func (r *row) open(k int, now time.Time, tokens int64) (held trials, ok bool) {
	if p := &r.pairs[k]; !p.quota.room(now, tokens) || !p.account.quota.room(now, tokens) {
		return held, false
	}
	return r.enter(k, now)
}

// enter says whether nothing but windows may keep an attempt out, and on which conditions it passes.
func (r *row) enter(k int, now time.Time) (held trials, ok bool) {
	if _, broke := r.broke(now); broke {
		return held, false
	}
	switch r.model.health.phase(now) {
	case phaseCooling, phaseTrialed:
		return held, false
	case phaseTrial:
		held.half = trialHealth
	}
	for _, door := range r.doors(k) {
		pass, trial := door.rest.open(now)
		if !pass {
			return held, false
		}
		if trial {
			held.half |= door.trial
		}
		if door.rest.slow > 0 {
			held.slow |= door.trial
		}
	}
	return held, true
}

// crowdedUntil is until when as many as a slow start allows are finding out what a pair has free, zero if no others are.
func (r *row) crowdedUntil(k int, now time.Time) (until time.Time) {
	for _, d := range r.doors(k) {
		until = latest(until, d.rest.crowdedUntil(now))
	}
	return until
}

// ready says whether any key of the row may be tried now.
func (r *row) ready(now time.Time) bool { return r.takes(now, 1) }
