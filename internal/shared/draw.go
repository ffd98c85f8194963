package shared

import (
	"context"
	_ "embed"
	"errors"
	"maps"
	"slices"
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
// later; nothing is, if any of it is Strict.
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
	s.alone(nth, draws)
	return nil
}

// Remember draws it here alone: it is told later.
func (s *Store) Remember(draws []fallback.Draw) {
	nth := s.nth.Add(1)
	s.hold(nth, draws)
	s.alone(nth, draws)
}

// alone draws what may be drawn without Redis.
func (s *Store) alone(nth int64, draws []fallback.Draw) {
	if slices.ContainsFunc(draws, func(d fallback.Draw) bool { return d.Strict }) {
		s.letGo(nth)
		return
	}
	s.remember(draws)
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
	keys, args := make([]string, 0, 1+len(draws)), make([]string, 0, 3+13*len(draws))
	keys = append(keys, life)
	awaited := int64(0)
	if len(draws) > 0 {
		awaited = time.Now().Add(s.config.Bound).UnixMilli() + s.ahead.Load()
	}
	args = append(args, s.holder(nth), ms(lease), number(awaited))
	for i := range draws {
		d := &draws[i]
		keys = append(keys, key(d))
		args = append(args, cycle(d), ms(max(d.Per, time.Millisecond)), ms(d.Margin), amount(d.Limit), amount(d.Amount), amount(d.Fit), how(d),
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
		counts[i] = fallback.Count{Used: said[0], Full: said[1]&1 != 0, Opens: time.Duration(min(max(0, said[2]), mostWait)) * time.Millisecond}
		if draws[i].Unit != fallback.Running {
			draws[i].Mark = said[3]
		}
		if said[1]&2 != 0 {
			s.replaced(&draws[i])
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

func how(d *fallback.Draw) string {
	switch {
	case d.Free:
		return "1"
	case d.Strict:
		return "2"
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
