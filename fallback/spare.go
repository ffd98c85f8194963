package fallback

import "time"

// Under Adaptive, a request that may wait leaves what can do more than it needs to others while that is drawn faster than time
// goes by, if something plainer opens soon. When its wait is over it takes what there is.

// sparing says whether the walk leaves to others what they need more.
func (w *Walk) sparing() bool { return w.Ask.MaxWait > 0 && w.table.Order == Adaptive && !w.named }

// worthWaiting says whether something that the walk may take opens while it may wait, and there is a place to wait in.
func (p *Pool) worthWaiting(now time.Time, w *Walk) bool {
	if w.ticket.used || len(p.queue.waiting) >= p.table.MaxWaiting {
		return false
	}
	at, limited := w.opens(now)
	return limited && !at.IsZero() && at.Sub(now) <= w.Ask.MaxWait
}

// dear says whether the row can do more than is needed, and its quota will be gone before it comes again.
func (r *row) dear(now time.Time, n *Need) bool {
	if (!r.Tools || n.Tools) && (!r.Vision || n.Vision) {
		return false
	}
	for k := range r.pairs {
		if p := &r.pairs[k]; !p.quota.short(now) && !p.account.quota.short(now) {
			return false
		}
	}
	return true
}

// short says whether a window of an hour or more is drawn faster than time goes by.
func (q *quota) short(now time.Time) bool {
	for _, c := range q.counters {
		if c.Unit != Running && c.Per >= time.Hour && c.pressure(now) > 1 {
			return true
		}
	}
	return false
}

// pressure is the share of a window that is drawn by the share of its time that is over; for windows without turns half of the time
// always is.
func (c *counter) pressure(now time.Time) float64 {
	c.advance(now)
	over := 0.5
	if c.Cycle == Fixed || c.Cycle == Daily {
		over = float64(now.Sub(c.from)) / float64(c.to.Sub(c.from))
	}
	return float64(c.used) / float64(c.limit()) / max(over, 0.01)
}
