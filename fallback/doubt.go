package fallback

import "time"

// What failed after it was taken on is counted, since most providers say that they do; some do not. And after a refusal of which nothing is
// said nobody knows exactly how much is left. So when nobody else is left to ask, one request goes where only a count in doubt is in the
// way, and as much as it lacks is taken back: if it is taken on, the count was too high.

// loan is what was last taken back of a count, until somebody says whether that was right.
type loan struct {
	n  int64
	at time.Time // when
}

// doubted notes what an attempt drew that failed without a word about a limit.
func (q *quota) doubted(tokens int64) {
	for _, c := range q.counters {
		if c.long() {
			c.doubt += amount(c.Unit, tokens)
		}
	}
}

// wearing is the divisor of what is drawn that comes into doubt: after a refusal the count is raised by a guess, and in a window that never
// empties what was added in excess would never be used.
const wearing = 64

// wear brings a count into doubt again, little by little, and no more than that part of what is in it now: what slides out takes its doubt along.
func (c *counter) wear(tokens int64) {
	if c.long() {
		c.doubt = max(c.doubt, min(c.doubt+tokens/wearing, c.used/wearing))
	}
}

// forgive takes back what keeps an attempt out of windows whose count may be wrong; false when another one keeps it out as well.
func (p *pair) forgive(now time.Time, tokens int64) (some bool) {
	quotas := [...]*quota{p.quota, &p.account.quota}
	for _, q := range quotas {
		for _, c := range q.counters {
			if n := amount(c.Unit, tokens); !c.room(now, n) {
				if !c.doubtful(n) || c.turns(now, n) {
					return false
				}
				some = true
			}
		}
	}
	for _, q := range quotas {
		for _, c := range q.counters {
			if n := amount(c.Unit, tokens); !c.room(now, n) {
				c.lend(now, c.used+n-c.limit())
				q.fullUntil = time.Time{}
			}
		}
	}
	return some
}

// guessed says whether the limits that were found have room. They take out of what is expected themselves what comes with the answer.
func (p *pair) guessed(now time.Time, tokens int64) bool {
	for _, q := range [...]*quota{p.quota, &p.account.quota} {
		if q.guess != nil && !q.guess.room(now, tokens) {
			return false
		}
	}
	return true
}

// doubtful says whether what n lacks may be in no more than the count.
func (c *counter) doubtful(n int64) bool {
	lacks := c.used + n - c.limit()
	return c.long() && c.used > 0 && lacks > 0 && lacks <= c.doubt
}

func (c *counter) lend(now time.Time, n int64) {
	c.doubt -= n
	c.loan = loan{n, now}
	if c.Cycle == Bucket {
		c.level = max(0, c.level-float64(n))
		c.fill(now)
		return
	}
	for n > 0 {
		n -= c.forget(n)
	}
}

// settled says that the attempt of that time was taken on: what was taken back for it was rightly so.
func (l *loan) settled(at time.Time) {
	if l.n > 0 && at.Equal(l.at) {
		*l = loan{}
	}
}

// regret is told that the provider has refused all the same: the count was right, and no more than a part of what was taken back is in
// doubt.
func (q *quota) regret(now time.Time) {
	for _, c := range q.counters {
		if n := c.loan.n; n > 0 {
			c.doubt = min(c.doubt, n-1)
			c.loan = loan{}
			c.putBack(now, min(n, max(0, c.limit()-c.used)))
		}
	}
}

func (c *counter) putBack(now time.Time, n int64) {
	if c.Cycle == Bucket {
		c.level += float64(n)
		c.fill(now)
		return
	}
	c.insert(now, n)
}
