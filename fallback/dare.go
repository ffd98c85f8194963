package fallback

import "time"

// After a refusal that said nothing a pair rests for a guessed time, and what was guessed of a limit may be wrong. Just before a client would
// get an error, one request goes there all the same. How many may be refused is bounded by how many were answered; what is taken on was none
// in vain and ends the rest.

// credit is how many requests may dare.
type credit float64

const (
	earned     = 0.02            // by an answer
	mostCredit = 5               // however many were answered
	firstDare  = 2 * time.Second // after a rest began; the next ones come after twice as long each
)

func (c *credit) earn()       { *c = min(*c+earned, mostCredit) }
func (c *credit) spend()      { *c-- }
func (c *credit) giveBack()   { *c++ }
func (c credit) enough() bool { return c >= 1 }

// dares says when what rests for a guessed time may be tried before it is over.
type dares struct {
	next time.Time // zero = never
	gap  time.Duration
}

// begin is told that a rest has begun whose end is guessed.
func (d *dares) begin(now time.Time) { *d = dares{now.Add(firstDare), firstDare} }

// from is told when the window opens that explains the refusal: there is no reason to wait longer. One that is open had no room for the size of what
// was refused, and says nothing of when to try again.
func (d *dares) from(now, opens time.Time) {
	if opens.After(now) && opens.Before(d.next) {
		d.next = opens
	}
}

// due says whether one may go there now; of the next ones each waits twice as long.
func (d *dares) due(now time.Time) bool { return !d.next.IsZero() && !now.Before(d.next) }

func (d *dares) again(now time.Time) {
	d.gap *= 2
	d.next = now.Add(d.gap)
}

// undo takes again back, unless a rest has begun or ended since.
func (d *dares) undo(now time.Time) {
	if !d.next.IsZero() && d.gap > firstDare {
		*d = dares{now, d.gap / 2}
	}
}

// dare says whether a pair may be tried although it rests, since nobody knows whether it has to, and which doors are opened for that.
func (r *row) dare(k int, now time.Time, tokens int64) (held trials, ok bool) {
	p := &r.pairs[k]
	if !p.quota.fits(now, tokens) || !p.account.quota.fits(now, tokens) {
		return held, false
	}
	if _, broke := r.broke(now); broke {
		return held, false
	}
	h := &r.model.health
	switch h.phase(now) {
	case phaseTrialed:
		return held, false
	case phaseCooling:
		if !h.dares.due(now) {
			return held, false
		}
		held.dared = trialHealth
		held.half = trialHealth
	case phaseTrial:
		held.half = trialHealth
	}
	for _, d := range r.doors(k) {
		if d.rest.active(now) {
			if !d.rest.dares.due(now) || d.rest.trial {
				return held, false
			}
			held.dared |= d.trial
		}
		if d.rest.slow > 0 {
			held.slow |= d.trial
		}
	}
	return held, held.dared != 0
}

// daring notes that the attempt dares.
func (a *Attempt) daring(now time.Time) {
	if a.trials.dared == 0 {
		return
	}
	a.pool.credit.spend()
	a.eachDare(func(d *dares) { d.again(now) })
}

// undare says that the attempt was none.
func (a *Attempt) undare(now time.Time) {
	if a.trials.dared == 0 {
		return
	}
	a.pool.credit.giveBack()
	a.eachDare(func(d *dares) { d.undo(now) })
}

// eachDare goes through what the attempt dares.
func (a *Attempt) eachDare(do func(*dares)) {
	if a.trials.dared&trialHealth != 0 {
		do(&a.row.model.health.dares)
	}
	for _, d := range a.row.doors(a.Key) {
		if a.trials.dared&d.trial != 0 {
			do(&d.rest.dares)
		}
	}
}

// dared says that the attempt was taken on: it was right to dare, and others may follow, one, two, four at a time.
func (a *Attempt) dared() {
	if a.trials.dared == 0 {
		return
	}
	a.pool.credit.giveBack()
	for _, d := range a.row.doors(a.Key) {
		if a.trials.dared&d.trial != 0 {
			d.rest.lift()
			d.rest.slow = 1
		}
	}
	a.trials.dared = 0
}

// inVain says that the attempt dared and was refused, without a word about the wait: what rests goes on as it was.
func (a *Attempt) inVain(now time.Time, o *Outcome) bool {
	if _, stated := o.hint(); a.trials.dared == 0 || !o.Limit() || stated {
		return false
	}
	if q := a.quota(o.Target); q != nil {
		if by, _ := a.explain(now, o, o.Target); by == nil {
			q.surprised(now, a.begun, time.Time{}, a.arrival())
		}
	}
	return true
}
