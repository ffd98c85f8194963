package fallback

import (
	"math"
	"time"
)

// Reading is what a provider says of one of its windows, in the headers or the words of an answer or in an answer about a
// key. It is put together where the answer is read; Attempt.Observe and Pool.Observe take it.
type Reading struct {
	// Target says whose window it is: TargetPair (one model of one account) or TargetAccount (all its models together).
	Target Target
	Unit   Unit
	// Per is the length of the window; 0 = not said. Assumed says that it was not said, and is what providers usually
	// mean then.
	Per     time.Duration
	Assumed bool
	// Limit and Remaining as they stood when the answer was made; -1 = not said. An answer counts itself.
	Limit, Remaining int64
	// Reset is how long until the window has room again, from now; 0 = not said.
	Reset time.Duration
}

// Observe takes what the head of an answer says of the provider's windows. It is called as soon as the head is there: what
// other attempts do meanwhile is not in it.
func (a *Attempt) Observe(now time.Time, readings []Reading) {
	if len(readings) == 0 {
		return
	}
	a.pool.mu.Lock()
	defer a.pool.mu.Unlock()
	a.told = append(a.told, readings...)
	a.believe(now, true, true, 1)
}

// believe takes what the answer said of the account's windows, of the model's, or of both. own is 1 while the attempt itself
// is drawn from them.
func (a *Attempt) believe(now time.Time, account, model bool, own int64) {
	p := &a.row.pairs[a.Key]
	for i := range a.told {
		switch r := &a.told[i]; {
		case r.Target == TargetPair && model:
			p.quota.read(now, r, own)
		case r.Target != TargetPair && account:
			p.account.quota.read(now, r, own)
		}
	}
}

// Observe takes what a provider says of an account outside of an attempt. The account is named as in Key; one that is
// unknown is passed over.
func (p *Pool) Observe(now time.Time, provider, account string, readings []Reading) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a, ok := p.table.accounts[accountName(provider, account)]; ok {
		for i := range readings {
			a.quota.read(now, &readings[i], 0)
		}
	}
	p.dispatch(now)
}

// read takes one word of the provider. own is 1 when it came with an answer, which it counts.
func (q *quota) read(now time.Time, r *Reading, own int64) {
	if r.Per < 0 || r.Per > longestWindow {
		return
	}
	q.fullUntil = time.Time{}
	c := q.spokenOf(r)
	if c == nil {
		if c = q.discover(now, r); c == nil {
			return
		}
	}
	if r.Limit > 0 {
		c.told = r.Limit
	}
	if c.learned && c.Cycle == Sliding && r.Reset > 0 {
		c.renewal = now.Add(r.Reset + c.margin())
	}
	if limit := c.spoken(r); r.Remaining >= 0 && limit > 0 {
		c.heard = hearsay{charge: charge{now, max(0, limit-r.Remaining)}}
		if r.Reset > 0 {
			c.heard.frees = now.Add(r.Reset)
		}
		c.believe(now, c.heard.n, r.Reset, own)
	}
}

// longestWindow is the longest that a provider is believed to have.
const longestWindow = 366 * day

// spoken is the limit that the provider counts against.
func (c *counter) spoken(r *Reading) int64 {
	switch {
	case r.Limit > 0:
		return r.Limit
	case c.told > 0:
		return c.told
	}
	return c.Limit
}

// spokenOf finds the window that a reading means: of its length, or, when it names none, the shortest that a reset so far
// away can belong to. A limit that we know of a window is more than an assumed length.
func (q *quota) spokenOf(r *Reading) (found *counter) {
	if r.Assumed && r.Limit > 0 {
		named := *r
		named.Per, named.Assumed = 0, false
		if found = q.spokenOf(&named); found != nil {
			return found
		}
	}
	for _, c := range q.counters {
		switch {
		case c.Unit != r.Unit:
		case r.Per > 0 && c.Per == r.Per:
			return c
		case r.Per == 0 && c.Per >= r.Reset && (r.Limit < 0 || r.Limit == c.limit()) && (found == nil || c.Per < found.Per):
			found = c
		}
	}
	return found
}

// discover begins to count a window that the provider has and the configuration does not name.
func (q *quota) discover(now time.Time, r *Reading) *counter {
	if r.Per <= 0 || r.Limit <= 0 || r.Unit == Running || len(q.counters) >= maxCounters {
		return nil
	}
	w := Window{Unit: r.Unit, Per: r.Per, Limit: r.Limit}
	switch {
	case r.Per == day && daily(&w, now.Add(r.Reset)):
	case r.fills():
		w.Cycle = Bucket
	}
	return q.add(counter{Window: w, told: r.Limit, learned: true})
}

// fills says whether the reading tells of a bucket: its reset is when all that is missing will have come, or a long window that is
// spent has room again soon.
func (r *Reading) fills() bool {
	if r.Reset <= 0 || r.Remaining < 0 {
		return false
	}
	missing := float64(r.Limit-r.Remaining) / float64(r.Limit) * float64(r.Per)
	off := float64(r.Reset) - missing
	return math.Abs(off) <= max(float64(time.Second), missing/50) || r.Per > time.Hour && r.Reset < r.Per/8 && missing > float64(r.Per)*0.8
}

// daily makes the window one of days if its reset is a midnight that providers have.
func daily(w *Window, reset time.Time) bool {
	for _, zone := range [...]*time.Location{time.UTC, pacific()} {
		if d := reset.Sub(nextMidnight(reset.Add(-12*time.Hour), zone)); d.Abs() < 2*time.Minute {
			w.Cycle, w.Zone = Daily, zone
			return true
		}
	}
	return false
}
