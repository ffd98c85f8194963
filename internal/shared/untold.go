package shared

import (
	"time"

	"freefall/fallback"
)

// untold is what was drawn from a window without Redis.
type untold struct {
	fallback.Draw
	asOf  time.Time // of Used
	came  time.Time // Bucket: until then what has come is taken off
	parts []charge  // Sliding: of Amount, by time
}

type charge struct {
	from, at time.Time // of the first and the last of it
	n        int64
}

const grain = 16 // what was drawn within Per/grain is one charge

// age lets go of what counts no longer.
func (u *untold) age(now time.Time) {
	switch {
	case u.Unit == fallback.Running, u.Per <= 0:
	case u.Cycle == fallback.Sliding:
		for len(u.parts) > 0 && now.Sub(u.parts[0].at) >= u.Per+u.Margin {
			u.Amount = max(0, u.Amount-u.parts[0].n)
			u.parts = u.parts[1:]
		}
	case u.Cycle == fallback.Bucket:
		each := float64(u.Per) / float64(max(1, u.Limit))
		n := min(u.Amount, int64(min(float64(now.Sub(u.came))/each, float64(u.Amount))))
		if u.Amount -= n; u.Amount == 0 {
			u.came = now
		} else {
			u.came = u.came.Add(time.Duration(float64(n) * each))
		}
	}
}

func (u *untold) add(now time.Time, n int64) {
	if u.Amount += n; u.Cycle != fallback.Sliding {
		return
	}
	if last := len(u.parts) - 1; last >= 0 && now.Sub(u.parts[last].from) < u.Per/grain {
		u.parts[last].at = now
		u.parts[last].n += n
		return
	}
	u.parts = append(u.parts, charge{now, now, n})
}

// amend changes what was drawn last.
func (u *untold) amend(n int64) {
	n = max(n, -u.Amount)
	u.Amount += n
	for i := len(u.parts) - 1; i >= 0 && n != 0; i-- {
		some := max(n, -u.parts[i].n)
		u.parts[i].n += some
		n -= some
	}
}

// remember adds up, by window, what Redis is to be told when it is back.
func (s *Store) remember(draws []fallback.Draw) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for i := range draws {
		d := draws[i]
		if d.Unit == fallback.Running {
			continue // an attempt that still runs when Redis is back tells of itself
		}
		n := d.Amount
		d.Amount, d.Fit, d.Free = 0, 0, true
		u := &untold{Draw: d, asOf: now, came: now}
		if before := s.untold[d.Name]; before != nil && now.Before(before.Lapses) {
			before.age(now)
			u.Amount, u.came, u.parts = before.Amount, before.came, before.parts
			u.Used = max(0, d.Used-before.Amount)
			if before.Used > u.Used && now.Sub(before.asOf) < d.Per {
				u.Used, u.asOf = before.Used, before.asOf
			}
		}
		u.add(now, n)
		s.untold[d.Name] = u
	}
}

// amend puts right what was remembered so.
func (s *Store) amend(d *fallback.Draw) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.untold[d.Name]; u != nil {
		u.amend(d.Kept - d.Amount)
	}
}

// tell tells Redis what was drawn without it, as of now.
func (s *Store) tell() error {
	const most = 50 // windows at once
	for {
		var draws []fallback.Draw
		s.mu.Lock()
		for name, d := range s.untold {
			if len(draws) < most {
				delete(s.untold, name)
				if d.age(time.Now()); time.Now().Before(d.Lapses) && d.Amount > 0 {
					draws = append(draws, d.Draw)
				}
			}
		}
		s.mu.Unlock()
		if len(draws) == 0 {
			return nil
		}
		if _, _, err := s.draw(s.nth.Add(1), draws); err != nil {
			s.remember(draws)
			return err
		}
	}
}
