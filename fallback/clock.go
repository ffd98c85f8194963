package fallback

import "time"

// backwards is how far a clock may go back, or was ahead before a restart, without consequence: it may soon be right again.
const backwards = time.Hour

// clock notes the time. One far behind what was seen before says that the clock was wrong then, or is now. What is known goes back
// with it, so that nobody waits for a time that is years away. Within one process the clock of the system never does that.
func (p *Pool) clock(now time.Time) {
	back := p.seen.Sub(now)
	if back > 0 && back <= backwards {
		return
	}
	p.seen = now
	if back <= 0 {
		return
	}
	saved := p.save(now)
	saved.shift(-back)
	p.state.eachQuota(func(q *quota) {
		q.guess, q.fullUntil = nil, time.Time{}
		for _, c := range q.counters {
			c.word, c.heard = nil, hearsay{}
		}
	})
	p.restore(saved)
	p.seen = now
	p.queue.set = time.Time{}
	for class := range p.good {
		p.good[class].lastProbe = time.Time{}
	}
}

func (s *state) eachQuota(do func(*quota)) {
	for _, a := range s.accounts {
		do(&a.quota)
	}
	for _, q := range s.quotas {
		do(q)
	}
	for _, q := range s.shares {
		do(q)
	}
}

// latest is the last moment at which something had happened.
func (s *Saved) latest() (at time.Time) {
	for i := range s.Models {
		at = latest(at, latest(s.Models[i].LastBad, s.Models[i].LastErrorAt))
	}
	for i := range s.Rests {
		at = latest(at, s.Rests[i].From)
	}
	for i := range s.Windows {
		w := &s.Windows[i]
		at = latest(at, w.From)
		if n := len(w.Drawn); n > 0 {
			at = latest(at, time.UnixMilli(w.Drawn[n-1].At))
		}
	}
	return at
}

// shift moves all moments.
func (s *Saved) shift(by time.Duration) {
	move := func(moments ...*time.Time) {
		for _, t := range moments {
			if !t.IsZero() {
				*t = t.Add(by)
			}
		}
	}
	for i := range s.Models {
		m := &s.Models[i]
		move(&m.Until, &m.LastBad, &m.LastErrorAt, &m.SpentOn, &m.Left, &m.Today)
		m.SpentOn = m.SpentOn.Add(day - 1).Truncate(day) // rather longer than twice
		for k := range m.Refused {
			move(&m.Refused[k].Since)
		}
	}
	for i := range s.Rests {
		move(&s.Rests[i].From, &s.Rests[i].Until, &s.Rests[i].NextTrial)
	}
	for i := range s.Windows {
		w := &s.Windows[i]
		move(&w.From, &w.Probe)
		for k := range w.Drawn {
			w.Drawn[k].At += by.Milliseconds()
		}
	}
}
