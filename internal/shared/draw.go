package shared

import (
	"context"
	_ "embed"
	"errors"
	"maps"
	"time"

	"github.com/redis/rueidis"

	"freefall/fallback"
)

var (
	//go:embed draw.lua
	drawLua string
	//go:embed settle.lua
	settleLua string
	//go:embed renew.lua
	renewLua string

	drawScript   = rueidis.NewLuaScript(drawLua)
	settleScript = rueidis.NewLuaScript(settleLua)
	renewScript  = rueidis.NewLuaScript(renewLua)
)

// Reserve draws all of it or nothing, and says of each window how it is. nil when Redis does not answer: then it is drawn here alone, and told
// later.
func (s *Store) Reserve(draws []fallback.Draw) []fallback.Count {
	nth := s.nth.Add(1)
	s.hold(nth, draws)
	if s.Up() {
		if counts, granted, err := s.draw(nth, draws); err == nil {
			if !granted {
				s.letGo(nth)
			}
			return counts
		}
	}
	s.remember(draws)
	return nil
}

// hold notes the slots that are lent, so that they are renewed.
func (s *Store) hold(nth int64, draws []fallback.Draw) {
	var names []string
	for i := range draws {
		if d := &draws[i]; d.Unit == fallback.Running {
			d.Mark = nth
			names = append(names, d.Name)
		}
	}
	if names == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slots[nth] = names
}

func (s *Store) letGo(nth int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.slots, nth)
}

func key(d *fallback.Draw) string { return prefix + "window " + d.Name }

// holder names a slot.
func (s *Store) holder(nth int64) string { return s.replica + " " + number(nth) }

// draw asks Redis. Without an error it gives one count for each draw.
func (s *Store) draw(nth int64, draws []fallback.Draw) (counts []fallback.Count, granted bool, err error) {
	keys, args := make([]string, 0, len(draws)), make([]string, 0, 3+13*len(draws))
	awaited := int64(0)
	if len(draws) > 0 {
		awaited = time.Now().Add(s.config.Bound).UnixMilli() + s.ahead.Load()
	}
	args = append(args, s.holder(nth), ms(lease), number(awaited))
	for i := range draws {
		d := &draws[i]
		keys = append(keys, key(d))
		args = append(args, cycle(d), ms(max(d.Per, time.Millisecond)), ms(d.Margin), amount(d.Limit), amount(d.Amount), amount(d.Fit), flag(d.Free),
			amount(d.Used), amount(d.Heard), stamp(d.Turns[0]), stamp(d.Turns[1]), stamp(d.Turns[2]), ms(d.Frees))
	}
	out, err := s.ask(drawScript, keys, args)
	if err != nil {
		return nil, false, err
	}
	if len(out) > 1 {
		s.ahead.Store(out[1] - time.Now().UnixMilli())
	}
	if len(out) == 2 && out[0] < 0 { // nobody has waited any more, or a clock was set
		return nil, false, errLate
	}
	if len(out) != 2+4*len(draws) {
		return nil, false, errors.New("another answer than was asked for")
	}
	counts = make([]fallback.Count, len(draws))
	for i := range draws {
		said := out[2+4*i:]
		counts[i] = fallback.Count{Used: said[0], Full: said[1] == 1, Opens: time.Duration(min(max(0, said[2]), mostWait)) * time.Millisecond}
		if draws[i].Unit != fallback.Running {
			draws[i].Mark = said[3]
		}
	}
	return counts, out[0] == 1, nil
}

const largest = 1 << 50 // that a script counts; whatever a provider says, it is exact, and sums fit

func amount(n int64) string { return number(max(-largest, min(n, largest))) }

func cycle(d *fallback.Draw) string {
	if d.Unit == fallback.Running {
		return "running"
	}
	return d.Cycle.String()
}

func flag(on bool) string {
	if on {
		return "1"
	}
	return "0"
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return number(t.UnixMilli())
}

// Settle puts right what was drawn, once it is Kept. It does not wait.
func (s *Store) Settle(draws []fallback.Draw) {
	changed := draws[:0:0]
	for i := range draws {
		d := &draws[i]
		switch {
		case d.Unit == fallback.Running:
			s.letGo(d.Mark)
			changed = append(changed, *d)
		case d.Kept == d.Amount:
		case d.Mark == 0:
			s.amend(d)
		default:
			changed = append(changed, *d)
		}
	}
	if len(changed) == 0 {
		return
	}
	if s.Up() {
		select {
		case s.settled <- changed:
			return
		default:
		}
	}
	s.unsettled(changed)
}

// unsettled keeps what was used beyond what was drawn, to be told later. The rest is let go: slots run out by themselves, and windows count too
// much rather than too little.
func (s *Store) unsettled(draws []fallback.Draw) {
	for _, d := range draws {
		if d.Amount, d.Used, d.Heard = d.Kept-d.Amount, 0, 0; d.Amount > 0 {
			s.remember([]fallback.Draw{d})
		}
	}
}

// settleAll does what Settle was told, and at the end what is left, as far as that takes no second.
func (s *Store) settleAll(ctx context.Context) {
	for {
		select {
		case draws := <-s.settled:
			s.settle(draws)
		case <-ctx.Done():
			for end := time.Now().Add(time.Second); len(s.settled) > 0 && s.Up() && time.Now().Before(end); {
				s.settle(<-s.settled)
			}
			return
		}
	}
}

// settle puts right what one attempt has drawn.
func (s *Store) settle(draws []fallback.Draw) {
	var keys []string
	args := []string{""}
	for i := range draws {
		d := &draws[i]
		if d.Unit == fallback.Running {
			args[0] = s.holder(d.Mark)
		}
		keys = append(keys, key(d))
		args = append(args, cycle(d), ms(d.Margin), ms(d.Per), amount(d.Limit), amount(d.Kept-d.Amount), number(d.Mark))
	}
	if s.wait(settleScript, keys, args).err != nil {
		s.unsettled(draws)
	}
}

// renew lends the slots on that are still held.
func (s *Store) renew() error {
	var keys []string
	args := []string{ms(lease)}
	s.mu.Lock()
	held := maps.Clone(s.slots)
	for nth, names := range held {
		for _, name := range names {
			keys = append(keys, prefix+"window "+name)
			args = append(args, s.holder(nth))
		}
	}
	s.mu.Unlock()
	if len(keys) == 0 {
		return nil
	}
	err := s.wait(renewScript, keys, args).err
	for _, draws := range s.gone(held) {
		s.settle(draws) // it may have been given back before it was lent on
	}
	return err
}

// gone are those of the slots that were given back meanwhile.
func (s *Store) gone(held map[int64][]string) (out [][]fallback.Draw) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for nth, names := range held {
		if _, still := s.slots[nth]; still {
			continue
		}
		var draws []fallback.Draw
		for _, name := range names {
			draws = append(draws, fallback.Draw{Name: name, Unit: fallback.Running, Mark: nth})
		}
		out = append(out, draws)
	}
	return out
}

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
			continue // who still runs then tells of itself
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

// look asks for windows that others had filled whether they have room again.
func (s *Store) look() {
	if s.config.Shut == nil {
		return
	}
	draws := s.config.Shut(mostShut)
	if len(draws) == 0 {
		return
	}
	if counts, _, err := s.draw(s.nth.Add(1), draws); err == nil {
		s.config.Heed(draws, counts)
	}
}
