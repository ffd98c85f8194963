package fallback

import "time"

// Attempt is the right to try one model once with one key. It ends exactly once.
type Attempt struct {
	Model *Model // read only
	Key   int    // index in Model.Keys

	pool    *Pool
	walk    *Walk
	row     *row
	gen     uint32
	begun   time.Time
	commit  time.Time
	trials  trials
	probe   bool
	ended   bool
	counted bool // its limit or fault was added to failure_count
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

// Pick hands out the next attempt of a walk, false when no candidate is left. What it hands out must be ended.
func (p *Pool) Pick(now time.Time, w *Walk) (*Attempt, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.table == nil {
		p.start(now, w)
	}
	for _, pass := range [...]struct{ avoid, later bool }{{true, false}, {true, true}, {false, false}, {false, true}} {
		if pass.avoid && w.avoid == "" {
			continue
		}
		for n, i := range w.order {
			r := &w.table.rows[i]
			if pass.avoid && r.Provider == w.avoid || pass.later != (w.marks[i]&markLater != 0) || w.marks[i]&markOut != 0 {
				continue
			}
			if why := r.unfit(w.Need); why != "" {
				w.passed = w.passed || !needsOnly(why)
				continue
			}
			if k, open := p.key(now, w, r); k >= 0 {
				return p.begin(now, w, r, k, open, w.probe && n == 0), true
			}
		}
	}
	return nil, false
}

// key chooses among the keys of a row that are open and were not tried by this walk, -1 if none.
func (p *Pool) key(now time.Time, w *Walk, r *row) (best int, open trials) {
	best = -1
	for k := range r.pairs {
		pr := &r.pairs[k]
		if w.tried[pr.index/64]&(1<<(pr.index%64)) != 0 {
			continue
		}
		t, ok := r.open(k, now)
		if !ok || best >= 0 && (w.table.Spread == SpreadFill || !pr.key.lastUsed.Before(r.pairs[best].key.lastUsed)) {
			continue
		}
		best, open = k, t
	}
	return best, open
}

// open says whether a pair may be tried now, and which trials that would take.
func (r *row) open(k int, now time.Time) (held trials, ok bool) {
	switch r.model.health.phase(now) {
	case phaseCooling, phaseTrialed:
		return 0, false
	case phaseTrial:
		held = trialHealth
	}
	if r.model.paused {
		return 0, false
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

func (p *Pool) begin(now time.Time, w *Walk, r *row, k int, held trials, probe bool) *Attempt {
	var a *Attempt
	if w.attempts < len(w.inline) {
		a = &w.inline[w.attempts]
	} else {
		a = new(Attempt)
	}
	w.attempts++
	*a = Attempt{Model: &r.Model, Key: k, pool: p, walk: w, row: r, gen: r.model.health.gen, begun: now, trials: held, probe: probe}
	pr := &r.pairs[k]
	w.tried[pr.index/64] |= 1 << (pr.index % 64)
	pr.key.lastUsed = now
	a.hold(true, now)
	if probe {
		p.good[w.Need.Class()].probing = true
	}
	return a
}

// hold takes or gives back the trials of the attempt.
func (a *Attempt) hold(on bool, now time.Time) {
	if a.trials&trialHealth != 0 {
		a.row.model.health.trial = on
	}
	for _, d := range a.row.doors(a.Key) {
		if a.trials&d.trial != 0 {
			d.rest.trial = on
		}
	}
}

// Committed notes the commit point: the first content of a stream, or the whole body.
func (a *Attempt) Committed(now time.Time) { a.commit = now }

// Effect is what an outcome changed, for the log.
type Effect struct {
	FailureCount int
	Rested       Target    // what rests, TargetNone if nothing does
	Until        time.Time // its end; zero = none in sight
	Unavailable  bool      // the model reached the limit of failures
	Available    bool      // a good trial opened it again
	Stale        bool      // the result belongs to an older generation and was dropped
}

// End reports what came of the attempt. It must be called exactly once.
func (a *Attempt) End(now time.Time, o Outcome) Effect {
	a.pool.mu.Lock()
	defer a.pool.mu.Unlock()
	if a.ended {
		panic("BUG: an attempt ended twice")
	}
	a.ended = true
	m := a.row.model
	stale := a.gen != m.health.gen
	a.hold(false, now)
	a.endProbe(now, &o)
	a.endTrials(now, &o)
	a.closeDoors(&o)
	m.note(now, a, &o)

	e := Effect{Stale: stale}
	switch {
	case o.Class == OK:
		if !stale {
			e.Available = a.succeed()
		}
	case o.Class == HedgeLost, o.Class == ClientLeft, o.Class == Stopped:
	default:
		a.fail(now, &o, &e)
	}
	e.FailureCount = m.health.count
	return e
}

func (a *Attempt) endProbe(now time.Time, o *Outcome) {
	if !a.probe {
		return
	}
	g := &a.pool.good[a.walk.Need.Class()]
	g.probing = false
	switch o.Class {
	case OK, HedgeLost, ClientLeft, Stopped:
	default:
		g.lastProbe = now
	}
}

// endTrials lifts the long rests whose trial was good, and plans the next trial of the others.
func (a *Attempt) endTrials(now time.Time, o *Outcome) {
	for _, d := range a.row.doors(a.Key) {
		switch {
		case a.trials&d.trial == 0:
		case o.Class == OK:
			d.rest.lift()
		case o.Class != HedgeLost && o.Class != ClientLeft && o.Class != Stopped:
			d.rest.nextTrial = now.Add(longRest)
		}
	}
}

// closeDoors keeps the walk from what has refused this request as a whole, even if its rest is over before the walk is.
func (a *Attempt) closeDoors(o *Outcome) {
	w := a.walk
	if o.Class == OK {
		return
	}
	if o.Limit() {
		w.limited = true
	}
	for i := range w.table.rows {
		r := &w.table.rows[i]
		same := r.model == a.row.model
		if same && (o.Action == NextModelNoPenalty || o.Action == OnceThenReturn || o.Target == TargetModel && !o.Fault()) {
			w.marks[i] |= markOut
		}
		if same && o.Fault() {
			w.marks[i] |= markLater
		}
		if r.Provider == a.Model.Provider && !o.Fault() && o.Target >= TargetKey {
			w.shut(r, a, o.Target)
		}
	}
}

// shut marks the pairs of a row that share the attempt's key, account or provider as tried.
func (w *Walk) shut(r *row, a *Attempt, target Target) {
	mine := &a.row.pairs[a.Key]
	for k := range r.pairs {
		pr := &r.pairs[k]
		if target == TargetProvider || target == TargetAccount && pr.account == mine.account || pr.key == mine.key {
			w.tried[pr.index/64] |= 1 << (pr.index % 64)
		}
	}
}

// succeed counts down; it says whether a trial opened the model again.
func (a *Attempt) succeed() bool {
	opened, calm := a.row.model.health.succeed(a.trials&trialHealth != 0)
	for _, d := range a.row.doors(a.Key) {
		if calm || d.target != TargetPair && d.target != TargetModel {
			d.rest.level = 0
		}
	}
	a.pool.remember(a.walk, a)
	return opened
}

// fail lets rest what the outcome speaks of and counts what is the model's.
func (a *Attempt) fail(now time.Time, o *Outcome, e *Effect) {
	b := a.walk.table.Breaker
	m := a.row.model
	if o.Feature != FeatureNone {
		m.lacks[o.Feature] = true
	}
	named, news := a.rest(now, o, e, b)
	if !o.Fault() && !(o.Limit() && (o.Target == TargetPair || o.Target == TargetModel)) {
		return
	}
	if !e.Stale {
		m.lastBad = now
	}
	if e.Stale || !news || a.walkCounted() {
		return
	}
	if o.Fault() {
		named = time.Time{}
	}
	if m.health.fail(now, named, a.trials&trialHealth != 0, b) {
		e.Unavailable, e.Rested, e.Until = true, TargetModel, latest(m.health.until, e.Until)
	}
}

// walkCounted says whether this request has already counted a failure of the model, and notes that it has now. Two rows of
// one model (the same id under the same provider) cannot exist, so the row stands for the model.
func (a *Attempt) walkCounted() bool {
	w := a.walk
	for i := range w.table.rows {
		if w.table.rows[i].model == a.row.model {
			if w.marks[i]&markCounted != 0 {
				return true
			}
			w.marks[i] |= markCounted
		}
	}
	return false
}

// rest begins the rest that the outcome asks for. A fault rests nothing below the breaker's number, unless it states a wait:
// then the pair.
func (a *Attempt) rest(now time.Time, o *Outcome, e *Effect, b Breaker) (named time.Time, news bool) {
	target := o.Target
	if o.Fault() {
		target = TargetNone
		if _, ok := o.hint(); ok {
			target = TargetPair
		}
	}
	if target == TargetNone || e.Stale && (target == TargetPair || target == TargetModel) {
		return time.Time{}, true
	}
	for _, d := range a.row.doors(a.Key) {
		if d.target != target {
			continue
		}
		named, news = d.rest.begin(now, a.begun, o, b)
		e.Rested = target
		if !d.rest.endless {
			e.Until = d.rest.until
		}
	}
	return named, news
}
