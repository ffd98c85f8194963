package fallback

import (
	"slices"
	"time"
)

// Left is what all accounts together still grant today.
type Left struct {
	Requests, Limit int64     // of the accounts whose day is bounded
	Bounded         int       // how many those are
	Unbounded       int       // accounts of which nobody knows a limit of a day
	ResetsAt        time.Time // when the first day of a bounded one ends; zero = none is told
	PerHour         float64   // answers in the last hour; of a shorter life, as many as an hour would have had
	LastsUntil      time.Time // when that pace has used up what is left; zero = not before ResetsAt
}

// Left adds up the days of all accounts that can be asked for anything.
func (p *Pool) Left(now time.Time) Left {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out Left
	days := map[*accountState]*dayLeft{}
	var order []*accountState
	for i := range p.table.rows {
		r := &p.table.rows[i]
		if r.Kind != Chat || r.unfit(&Need{}, now) != "" {
			continue
		}
		out.PerHour += r.model.stats.pace.perHour(now)
		for k := range r.pairs {
			a := r.pairs[k].account
			if days[a] == nil {
				days[a] = &dayLeft{account: a.quota.today(now, &out), models: allowance{known: true}, spent: a.rest.spent(now)}
				order = append(order, a)
			}
			if d := days[a]; !slices.Contains(d.seen, r.pairs[k].quota) {
				d.seen = append(d.seen, r.pairs[k].quota)
				d.models.join(r.pairs[k].quota.today(now, &out))
			}
		}
	}
	for _, a := range order {
		out.add(days[a])
	}
	if out.PerHour > 0 && out.Bounded > 0 {
		end := now.Add(time.Duration(float64(out.Requests) / out.PerHour * float64(time.Hour)))
		if out.ResetsAt.IsZero() || end.Before(out.ResetsAt) {
			out.LastsUntil = end
		}
	}
	return out
}

// allowance is what a limit of a day still grants.
type allowance struct {
	left, limit int64
	known       bool
}

// join adds what another model grants; the sum is known when all are.
func (d *allowance) join(o allowance) {
	d.left, d.limit, d.known = d.left+o.left, d.limit+o.limit, d.known && o.known
}

// dayLeft is one account's day: its own limit, and those of its models added up.
type dayLeft struct {
	account, models allowance
	seen            []*quota
	spent           bool // the account has said that its day is over
}

func (l *Left) add(d *dayLeft) {
	day := d.account
	if d.models.known && (!day.known || d.models.left < day.left) {
		day = d.models
	}
	switch {
	case !day.known:
		l.Unbounded++
		return
	case d.spent:
		day.left = 0
	}
	l.Bounded++
	l.Requests += day.left
	l.Limit += day.limit
}

// today is what the tightest window of a day's requests grants. The end of its turn is noted.
func (q *quota) today(now time.Time, l *Left) (out allowance) {
	for _, c := range q.counters {
		if c.Unit != Requests || c.Per != day {
			continue
		}
		c.advance(now)
		left := max(0, c.limit()-max(0, c.used))
		if !out.known || left < out.left {
			out = allowance{left: left, limit: c.limit(), known: true}
		}
		if (c.Cycle == Daily || c.Cycle == Fixed) && sooner(c.to, l.ResetsAt) {
			l.ResetsAt = c.to
		}
	}
	return out
}

// spent says whether the rest is for an allowance that is used up.
func (r *rest) spent(now time.Time) bool { return r.active(now) && r.class == QuotaExhausted }

// pace counts answers by the minute, for an hour.
type pace struct {
	minutes [60]uint32
	last    int64     // the minute of the newest, since 1970
	since   time.Time // the first answer of all
}

func (p *pace) count(now time.Time) {
	p.turn(now)
	if p.since.IsZero() {
		p.since = now
	}
	p.minutes[p.last%60]++
}

// turn forgets the minutes that an hour has passed since. A clock that was set back goes on in the newest minute.
func (p *pace) turn(now time.Time) {
	for minute := now.Unix() / 60; p.last < minute; {
		p.last = max(p.last+1, minute-59)
		p.minutes[p.last%60] = 0
	}
}

// perHour is how many answers an hour of this pace has; the first five minutes do not speak for a shorter time than that.
func (p *pace) perHour(now time.Time) float64 {
	p.turn(now)
	var n uint32
	for _, m := range p.minutes {
		n += m
	}
	life := min(time.Hour, max(5*time.Minute, now.Sub(p.since)))
	return float64(n) * float64(time.Hour) / float64(life)
}
