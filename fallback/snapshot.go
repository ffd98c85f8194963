package fallback

import "time"

// Status is the state of one row at one moment, as plain values.
type Status struct {
	Model        *Model
	Tools        bool // declared and not refused since
	Current      bool // what the next plain request would try first
	FailureCount int
	Available    bool
	Reason       string    // why not; "trial" while half-open; "" when there is nothing to say
	AvailableAt  time.Time // zero = now, or no end in sight
	LastError    string
	LastErrorAt  time.Time
	SuccessRate  float64 // of the last results, -1 before the first
	TTFTp50      time.Duration
	TTFTp95      time.Duration
}

// Snapshot is the state of all rows in their order. With at least one row exactly one is current.
func (p *Pool) Snapshot(now time.Time) []Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.table
	out := make([]Status, len(t.rows))
	for i := range t.rows {
		r := &t.rows[i]
		m := r.model
		out[i] = Status{
			Model: &r.Model, Tools: r.Tools && !m.lacks[FeatureTools], FailureCount: m.health.count,
			LastError: m.lastError, LastErrorAt: m.lastErrorAt,
			SuccessRate: m.stats.rate(), TTFTp50: m.stats.percentile(0.5), TTFTp95: m.stats.percentile(0.95),
		}
		out[i].Available, out[i].Reason, out[i].AvailableAt = r.status(now)
	}
	if i := p.current(now, out); i >= 0 {
		out[i].Current = true
	}
	return out
}

// Ready says whether any row could be asked for anything now or after a rest: keys are there and something is free.
func (p *Pool) Ready() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.table.rows {
		r := &p.table.rows[i]
		if r.usable() {
			return true
		}
	}
	return false
}

// current is the row that a plain request would try first; with none available the one that is ready first, else the first.
func (p *Pool) current(now time.Time, rows []Status) int {
	w := Walk{}
	p.start(now, &w)
	best := -1
	for _, i := range w.order {
		r := &w.table.rows[i]
		if r.unfit(w.Need) != "" {
			continue
		}
		if r.ready(now) {
			return int(i)
		}
		if best < 0 || sooner(rows[i].AvailableAt, rows[best].AvailableAt) {
			best = int(i)
		}
	}
	if best < 0 && len(rows) > 0 {
		best = 0
	}
	return best
}

// sooner compares moments of which zero means never.
func sooner(a, b time.Time) bool { return !a.IsZero() && (b.IsZero() || a.Before(b)) }

// status is whether the row can be asked now, why not, and from when on.
func (r *row) status(now time.Time) (available bool, reason string, at time.Time) {
	m := r.model
	if why := r.unfit(Need{Kind: r.Kind}); why != "" {
		return false, why, time.Time{}
	}
	phase := m.health.phase(now)
	best := -1
	for k := range r.pairs {
		why, until := r.blocked(k, now)
		if why == "" {
			reason, at = "", time.Time{}
			break
		}
		if best < 0 || sooner(until, at) {
			best, reason, at = k, why, until
		}
	}
	switch phase {
	case phaseTrialed:
		return false, reasonTrial, at
	case phaseCooling:
		if reason == "" {
			reason = reasonFailures
		}
		if reason == reasonFailures || !at.IsZero() {
			at = latest(at, m.health.until)
		}
		return false, reason, at
	case phaseTrial:
		if reason == "" {
			return true, reasonTrial, at
		}
	}
	return reason == "", reason, at
}

// blocked is what a pair rests for and until when, "" if it does not; a zero time means no end in sight. Of several rests the
// longest speaks.
func (r *row) blocked(k int, now time.Time) (why string, until time.Time) {
	for _, d := range r.doors(k) {
		if !d.rest.active(now) {
			continue
		}
		word := d.rest.class.String()
		if d.rest.class == ModelGone {
			word = reasonGone
		}
		if d.rest.endless {
			return word, time.Time{}
		}
		if why == "" || d.rest.until.After(until) {
			why, until = word, d.rest.until
		}
	}
	return why, until
}

// Chains are the names of the configured chains, in their order.
func (p *Pool) Chains() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]string, len(p.table.Chains))
	for i := range p.table.Chains {
		out[i] = p.table.Chains[i].Name
	}
	return out
}
