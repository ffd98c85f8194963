package fallback

import "time"

// Attempt is the right to try one model once with one key. It ends exactly once.
type Attempt struct {
	Model *Model // read only
	Key   int    // index in Model.Keys

	pool   *Pool
	walk   *Walk
	row    *row
	nth    int32 // of the row in its table
	gen    uint32
	begun  time.Time
	commit time.Time
	trials trials
	tokens int64 // drawn from windows that count them
	ahead  int64 // of these, what the provider counts when the answer is there
	probe  bool
	hedge  bool
	ended  bool

	told  []Reading // what its answer said of the windows
	draws []Draw    // for a counter that is shared

	before, after *Attempt // among those of its model that wait for content, in a ring
}

// Begun is when the attempt was handed out.
func (a *Attempt) Begun() time.Time { return a.begun }

// hold takes or gives back the trials of the attempt.
func (a *Attempt) hold(on bool) {
	if a.trials.half&trialHealth != 0 {
		a.row.model.health.trial = on
	}
	if a.trials.half&^trialHealth != 0 {
		for _, d := range a.row.doors(a.Key) {
			if a.trials.half&d.trial != 0 {
				d.rest.trial = on
			}
		}
	}
	if on && a.trials.slow != 0 {
		for _, d := range a.row.doors(a.Key) {
			if a.trials.slow&d.trial != 0 {
				d.rest.inside++
				d.rest.entered = a.begun
			}
		}
	}
	if a.probe {
		a.pool.good[a.walk.Need.Class()].probing = on
	}
}

// Committed notes the commit point: the first content of a stream, or the whole body. It was taken on: others may follow.
func (a *Attempt) Committed(now time.Time) {
	p := a.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	a.commit = now
	a.row.model.came(a)
	a.row.model.vain = vain{}
	pr := &a.row.pairs[a.Key]
	pr.quota.taken(a.begun)
	pr.account.quota.taken(a.begun)
	a.dared()
	if a.trials.slow != 0 {
		a.leave(true)
		p.dispatch(now)
	}
}

// leave lets go of the doors that the attempt was among the first to pass. That it was taken on before the rest began tells nothing of what is
// free after it.
func (a *Attempt) leave(taken bool) {
	for _, d := range a.row.doors(a.Key) {
		if a.trials.slow&d.trial == 0 {
			continue
		}
		d.rest.inside--
		if taken && a.begun.After(d.rest.from) {
			d.rest.taken()
		}
	}
	a.trials.slow = 0
}

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
	a.hold(false)
	m := a.row.model
	m.came(a)
	m.purse.running--
	cost := m.purse.pay(now, o.CostUSD)
	if a.row.Proof == AllowedPaid && o.untold() {
		cost = m.purse.fear(a.row.USDPerDay)
	}
	a.keepMoney(cost)
	a.keepTrial(&o)
	m.note(now, a, &o)
	m.delays[bit(a.walk.Need.Stream)].note(now, a, &o)
	if o.Fault() {
		a.pool.disorder()
	}
	a.leave(!o.Limit() && !o.harmless() && !o.Unsent)
	a.settle(now, &o)

	e := Effect{Stale: a.gen != m.health.gen}
	switch {
	case o.Class == OK:
		a.dared()
		a.pool.credit.earn()
		a.succeed(&e)
	case o.harmless():
		if o.Class == ClientLeft && a.commit.IsZero() && !e.Stale {
			m.waitedFor(now, a)
		}
		if a.trials.dared != 0 {
			a.pool.credit.giveBack()
		}
	default:
		m.vain = vain{}
		a.fail(now, &o, &e)
	}
	e.FailureCount = m.health.count
	a.pool.dispatch(now)
	return e
}

// settle gives back what was drawn and does not count, and puts the tokens that were used in the place of those expected.
func (a *Attempt) settle(now time.Time, o *Outcome) {
	used := int64(o.InputTokens + o.OutputTokens)
	switch {
	case o.Class == OK:
		a.row.model.tokens.learn(&a.walk.Need, o)
	case used == 0 && o.Status/100 != 2 && o.Status != 0:
		used = -1 // it was refused before it was read
	}
	if used == 0 {
		used = a.unfinished(o)
	}
	account, model := o.counted(a.Model.Counting)
	p := &a.row.pairs[a.Key]
	p.account.quota.settle(now, a.begun, account, a.tokens, a.ahead, max(0, used))
	p.quota.settle(now, a.begun, model, a.tokens, a.ahead, max(0, used))
	keep(a.draws, &p.account.quota, account, max(0, used))
	keep(a.draws, p.quota, model, max(0, used))
	if o.Fault() && account {
		p.account.quota.doubted(max(0, used))
	}
	if o.Fault() && model {
		p.quota.doubted(max(0, used))
	}
	a.believe(now, !account, !model, 0) // the answer's words stand after what was given back: it was not counted
}

// harmless says that the attempt was given up by our side, which tells nothing about the model.
func (o *Outcome) harmless() bool {
	return o.Class == HedgeLost || o.Class == ClientLeft || o.Class == Stopped
}

// succeed lifts the long rests that the attempt was the trial of, counts down, and moves the memory of the last good model.
func (a *Attempt) succeed(e *Effect) {
	for _, d := range a.row.doors(a.Key) {
		if a.trials.half&d.trial != 0 {
			d.rest.lift()
		}
	}
	if e.Stale {
		return
	}
	var calm bool
	e.Available, calm = a.row.model.health.succeed(a.trials.half&trialHealth != 0)
	for _, d := range a.row.doors(a.Key) {
		if calm || d.target != TargetPair && d.target != TargetModel {
			d.rest.level = 0
		}
	}
	a.pool.remember(a)
}

// fail lets rest what the outcome speaks of, and counts what is the model's.
func (a *Attempt) fail(now time.Time, o *Outcome, e *Effect) {
	a.walk.learn(a, o)
	if o.Feature != FeatureNone {
		a.row.model.lacks[o.Feature] = now
	}
	if a.probe {
		a.pool.good[a.walk.Need.Class()].lastProbe = now
	}
	for _, d := range a.row.doors(a.Key) {
		if a.trials.half&d.trial != 0 {
			d.rest.nextTrial = now.Add(longRest)
		}
	}
	if a.inVain(now, o) {
		return
	}
	named, news := a.rest(now, o, e)
	if e.Stale {
		return
	}
	switch {
	case o.Fault():
		a.count(now, time.Time{}, e)
	case news && o.Limit() && (o.Target == TargetPair || o.Target == TargetModel):
		a.count(now, named, e)
		if e.Unavailable && named.IsZero() {
			a.row.model.health.dares.begin(now)
		}
	}
}

// rest begins the rest that the outcome asks for. A fault rests nothing below the breaker's number, unless it states a wait:
// then the pair. What is said of a key, an account or a provider is believed whatever became of the model meanwhile.
func (a *Attempt) rest(now time.Time, o *Outcome, e *Effect) (named time.Time, news bool) {
	target := o.Target
	if o.Fault() {
		target = TargetNone
		if _, ok := o.hint(); ok {
			target = TargetPair
		}
	}
	if e.Stale && (target == TargetPair || target == TargetModel) {
		return time.Time{}, false
	}
	for _, d := range a.row.doors(a.Key) {
		if d.target != target {
			continue
		}
		by, known := a.explain(now, o, target)
		named, news = d.rest.begin(now, a.begun, known, o, a.pool.table.Breaker)
		if by != nil {
			d.rest.dares.from(now, by.open(now, amount(by.Unit, a.tokens)))
		}
		if q := a.quota(target); q != nil && o.Limit() && by == nil {
			a.surprise(now, named, target, q)
		}
		e.Rested = target
		if !d.rest.endless {
			e.Until = d.rest.until
		}
	}
	return named, news
}

// explain finds the window of ours that a refusal is for, and when that opens if nothing but a usual length was said of it, or when it will
// be as good as new.
func (a *Attempt) explain(now time.Time, o *Outcome, target Target) (by *counter, opens time.Time) {
	q := a.quota(target)
	if q == nil || !o.Limit() {
		return nil, opens
	}
	by = q.explain(now, a.tokens)
	if by != nil && (o.Until == UntilHour || o.Until == UntilResetAt && by.brims(now, o.RetryAfter)) {
		opens = by.open(now, amount(by.Unit, a.tokens))
	}
	return by, opens
}

// arrival is how many tokens the provider may well have counted when the attempt came.
func (a *Attempt) arrival() int64 {
	return a.tokens - a.ahead + a.row.beware(&a.walk.Need) - a.row.expect(&a.walk.Need) // what is expected may have changed since
}

// quota is what a refusal speaks of, nil if nothing is counted there.
func (a *Attempt) quota(target Target) *quota {
	p := &a.row.pairs[a.Key]
	switch target {
	case TargetPair:
		return p.quota
	case TargetKey, TargetAccount:
		return &p.account.quota
	}
	return nil
}

// count adds a failure to the model, once per request; a trial is decided in any case. named is the reset that a limit
// stated, zero if none.
func (a *Attempt) count(now, named time.Time, e *Effect) {
	h := &a.row.model.health
	a.row.model.lastBad = now
	trial := a.trials.half&trialHealth != 0
	counted := a.walk.marks[a.nth]&markCounted != 0
	a.walk.marks[a.nth] |= markCounted
	if counted && !trial {
		return
	}
	if h.fail(now, named, trial, a.pool.table.Breaker) {
		e.Unavailable, e.Rested, e.Until = true, TargetModel, latest(h.until, e.Until)
	}
}
