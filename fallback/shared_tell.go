package fallback

import "time"

// arrived notes that a shared counter has been asked, or not: what was on its way there is so no more.
func arrived(draws []Draw) {
	for i := range draws {
		if c := draws[i].counter; c != nil {
			c.asking = max(0, c.asking-draws[i].Amount)
		}
	}
}

// Tell is what this pool knows of all windows, as a provider's word would say it: a shared counter that has lost its memory raises its counts to
// that. What is just on its way to it is left out.
func (p *Pool) Tell(now time.Time) (out []Draw) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.eachQuota(func(q *quota) {
		for _, c := range q.counters {
			out = c.tell(out, now, q)
		}
	})
	p.table.eachMoney(now, func(_ *purse, d Draw) {
		if d.Heard = d.Used; d.Heard > 0 {
			out = append(out, d)
		}
	})
	return out
}

// tellings is in how many parts a sliding window is told, each of which leaves at its own time.
const tellings = 4

func (c *counter) tell(out []Draw, now time.Time, q *quota) []Draw {
	d := c.asDraw(now, q)
	known := c.used - c.asking
	if c.Unit == Running || known <= 0 {
		return out
	}
	d.Fit = 1
	if c.Cycle == Sliding {
		told, sum := int64(0), int64(0)
		for _, old := range c.log[c.head:] {
			sum += old.n
			if n := min(sum, known); n > told && n < known && n-told >= known/tellings {
				told = n
				d.Heard, d.Frees = n, old.at.Add(c.Per+c.margin()).Sub(now)
				out = append(out, d)
			}
		}
	}
	d.Heard, d.Frees = known, 0
	return append(out, d)
}
