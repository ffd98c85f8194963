package fallback

import (
	"math"
	"time"
)

// Under Adaptive, a request that may wait leaves what can do more than it needs to others, if there are such others, their quota is
// not plenty, and something plainer opens soon. When its wait is over it takes what there is.

// sparing says whether the walk leaves to others what they need more.
func (w *Walk) sparing() bool { return w.Ask.MaxWait > 0 && w.table.Order == Adaptive && !w.named }

// late says that a sixth of the wait is left. From then on only what is known to be a store is left to others: what comes back all the time may
// have no room at the very end of the wait.
func (w *Walk) late(now time.Time) bool { return w.ticket.queued && !now.Before(w.ticket.late) }

// worthWaiting says whether something that the walk may take opens while it may wait, and there is a place to wait in.
func (p *Pool) worthWaiting(now time.Time, w *Walk) bool {
	if w.ticket.used || len(p.queue.waiting) >= p.table.MaxWaiting {
		return false
	}
	at, limited := p.opens(now, w)
	return limited && !at.IsZero() && at.Sub(now) <= w.Ask.MaxWait
}

// dear says whether the row can do what is not needed now but is by others, and its quota is not plenty.
func (p *Pool) dear(now time.Time, r *row, w *Walk) bool {
	n := &w.Need
	tools := r.Tools && !n.Tools && p.demand.share(p.demand.tools) > rare
	vision := r.Vision && !n.Vision && p.demand.share(p.demand.vision) > rare
	if !tools && !vision {
		return false
	}
	for k := range r.pairs {
		pr := &r.pairs[k]
		known := pr.quota.long() || pr.account.quota.long() || r.Proof == ProvenLocal // others may have a day's limit, too
		passing := len(pr.quota.counters)+len(pr.account.quota.counters) > 0          // but windows that are known come back all the time
		if !known && (passing || w.late(now)) || known && !pr.quota.scarce(now) && !pr.account.quota.scarce(now) {
			return false
		}
	}
	return true
}

const (
	rare   = 0.02 // share of requests: what fewer need is not kept for them
	plenty = 0.1  // of what could have been drawn by now: so little is drawn of a window that there is plenty
)

// scarce says whether a window of an hour or more is drawn so fast that it may not last.
func (q *quota) scarce(now time.Time) bool {
	for _, c := range q.counters {
		if c.Unit != Running && c.Per >= time.Hour && c.pressure(now) > plenty {
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

// demand is what requests needed of late: older ones weigh half each hour.
type demand struct {
	all, tools, vision, tokens float64
	at                         time.Time
}

func (d *demand) add(now time.Time, n *Need) {
	if since := now.Sub(d.at); since > 0 {
		w := math.Exp2(-since.Hours())
		d.all, d.tools, d.vision, d.tokens, d.at = d.all*w, d.tools*w, d.vision*w, d.tokens*w, now
	}
	d.all++
	d.tokens += float64(n.Tokens)
	d.tools += float64(bit(n.Tools))
	d.vision += float64(bit(n.Vision))
}

// rate is how many requests came in a second of late.
func (d *demand) rate() float64 { return d.all * math.Ln2 / time.Hour.Seconds() }

func (d *demand) share(of float64) float64 { return of / max(1, d.all) }
