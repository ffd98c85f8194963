package fallback

import "time"

// What failed after it was taken on is counted, since providers say that they do. Some do not. So when a day is spent by our count
// alone and nobody else is left to ask, one of the charges in doubt is taken back: if the next request is taken on, it was none.

// doubted notes a charge of an attempt that failed without a word about a limit.
func (q *quota) doubted() {
	for _, c := range q.counters {
		if c.Unit == Requests && c.Per >= time.Hour {
			c.doubt++
		}
	}
}

// forgive takes back one charge in doubt from each window that is full by them; false when there is none.
func (q *quota) forgive(now time.Time) (some bool) {
	for _, c := range q.counters {
		if c.doubt > 0 && !c.room(now, 1) && c.used > 0 {
			c.forget(1)
			c.doubt--
			c.forgiven = now
			some = true
		}
	}
	if some {
		q.fullUntil = time.Time{}
	}
	return some
}

// regret is told that the provider has refused all the same: the count was right, there is nothing to doubt.
func (q *quota) regret(now time.Time) {
	for _, c := range q.counters {
		if !c.forgiven.IsZero() {
			c.forgiven, c.doubt = time.Time{}, 0
			c.insert(now, 1)
		}
	}
}
