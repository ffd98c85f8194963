package fallback

import (
	"fmt"
	"time"
)

// leastTrial is how long the trial of another replica is waited for at least, if nothing is heard of it.
const leastTrial = 30 * time.Second

// trialLook is how soon those that wait look again what has come of it.
const trialLook = 1 * time.Second

// oneTrial is the one trial of a cooldown as a draw, so that of several replicas one makes it. They know the end of a cooldown from each other, so it names
// what they draw from; the next cooldown has a trial of its own.
func (r *row) oneTrial(now time.Time, b Breaker) Draw {
	h := &r.model.health
	per := max(b.Cooldown, leastTrial)
	return Draw{Name: fmt.Sprintf("trial %q %q %d", r.Provider, r.ID, h.until.UnixMilli()), Per: per, Limit: 1, Amount: 1, Fit: 1, Lapses: now.Add(per), party: h}
}

// heed takes what the shared counter says of the trial.
func (h *health) heed(now time.Time, _ *Draw, x *Count) {
	h.elsewhere = time.Time{}
	if x.Full {
		h.elsewhere = now.Add(max(x.Opens, leastShut))
	}
}

// keepTrial says that the trial has told something: nobody needs another one. What was given up is left to others.
func (a *Attempt) keepTrial(o *Outcome) {
	for i := range a.draws {
		if _, ok := a.draws[i].party.(*health); ok && !o.harmless() && !o.Unsent {
			a.draws[i].Kept = 1
		}
	}
}

// eachTrial gives the trials that others make, to be looked at.
func (t *table) eachTrial(now time.Time, do func(Draw)) {
	for i := range t.rows {
		if r := &t.rows[i]; r.model.health.closed && now.Before(r.model.health.elsewhere) {
			d := r.oneTrial(now, t.Breaker)
			d.Amount = 0
			do(d)
		}
	}
}
