package fallback

import (
	"slices"
	"time"
)

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
	Quota        []Quota // of the model, then of the accounts it draws from

	Position int    // among the candidates of the next plain request, from 1
	Recent   string // the last results, oldest first: "o" good, "f" a fault, "l" a limit
	Requests int64  // answered today, by the UTC day
	Tokens   int64  // likewise, input and output together
}

// Snapshot is the state of all rows in their order. With at least one row exactly one is current.
func (p *Pool) Snapshot(now time.Time) []Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock(now)
	t := p.table
	out := make([]Status, len(t.rows))
	for i := range t.rows {
		r := &t.rows[i]
		m := r.model
		out[i] = Status{
			Model: &r.Model, Tools: r.Tools && !m.lack(FeatureTools, now), FailureCount: m.health.count,
			LastError: m.lastError, LastErrorAt: m.lastErrorAt,
			SuccessRate: m.stats.rate(), TTFTp50: m.stats.percentile(0.5), TTFTp95: m.stats.percentile(0.95),
		}
		out[i].Available, out[i].Reason, out[i].AvailableAt = r.status(now)
		out[i].Quota = r.quota(now)
		m.stats.today.turn(now)
		out[i].Recent, out[i].Requests, out[i].Tokens = m.stats.recent(), m.stats.today.requests, m.stats.today.tokens
	}
	w := p.plain(now)
	for n, i := range w.order {
		out[i].Position = n + 1
	}
	if i := w.current(now, out); i >= 0 {
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

// Hopeful says whether any of the rows that make it Ready is open or will be by itself. What is paused, or rests without an end, such as a key
// that was refused, waits until somebody changes something: no request ends it.
func (p *Pool) Hopeful() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.table.rows {
		r := &p.table.rows[i]
		for k := range r.pairs {
			doors := r.doors(k)
			if r.usable() && !r.model.paused && !slices.ContainsFunc(doors[:], func(d door) bool { return d.rest.endless }) {
				return true
			}
		}
	}
	return false
}

// plain is a plain request as it would set out now.
func (p *Pool) plain(now time.Time) *Walk {
	w := &Walk{sure: true}
	p.start(now, w)
	w.settle(now)
	return w
}

// settle puts those that others better go before behind them.
func (w *Walk) settle(now time.Time) {
	slices.SortStableFunc(w.order, func(i, j int32) int { return w.table.rows[i].reluctance(now) - w.table.rows[j].reluctance(now) })
}

// current is the row that the walk would try first; with none available the one that is ready first, else the first.
func (w *Walk) current(now time.Time, rows []Status) int {
	best := -1
	for _, i := range w.order {
		r := &w.table.rows[i]
		if r.unfit(&w.Need, now) != "" {
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
	return r.statusOf(now, 1)
}

// statusOf is its status for a request of so many tokens.
func (r *row) statusOf(now time.Time, tokens int64) (available bool, reason string, at time.Time) {
	m := r.model
	if why := r.unfit(&Need{Kind: r.Kind}, now); why != "" {
		return false, why, time.Time{}
	}
	phase := m.health.phase(now)
	best := -1
	for k := range r.pairs {
		b := r.blocked(k, now, tokens)
		if b.why == "" {
			reason, at = "", time.Time{}
			break
		}
		if best < 0 || sooner(b.until, at) {
			best, reason, at = k, b.why, b.until
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

// block is what keeps a pair from being asked: why, until when (zero = no end in sight), and whether it is a limit.
type block struct {
	why   string
	until time.Time
	limit bool
}

// blocked is what a pair rests for, or which of its windows is full for so many tokens; of several the longest speaks.
func (r *row) blocked(k int, now time.Time, tokens int64) (b block) {
	for _, d := range r.doors(k) {
		if !d.rest.active(now) {
			continue
		}
		word := d.rest.class.String()
		if d.rest.class == ModelGone {
			word = reasonGone
		}
		if d.rest.endless {
			return block{why: word, limit: d.rest.limit}
		}
		b.longer(block{word, d.rest.until, d.rest.limit})
	}
	if bound, broke := r.broke(now); broke {
		b.longer(bound)
	}
	p := &r.pairs[k]
	for _, q := range [...]*quota{&p.account.quota, p.quota} {
		if c, at := q.shut(now, tokens); c != nil {
			b.longer(block{c.reason(), at, true})
		}
	}
	return b
}

func (b *block) longer(x block) {
	if b.why == "" || x.until.After(b.until) {
		*b = x
	}
}

// reason is what a full window is called: a short one heals by itself, a long one is spent.
func (c *counter) reason() string {
	switch {
	case c.Unit == Running:
		return reasonBusy
	case c.used < c.limit() && c.paced:
		return reasonPaced
	case c.Per > longRest:
		return QuotaExhausted.String()
	}
	return RateLimited.String()
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
