package fallback

import (
	"slices"
	"time"
)

// A budget of tokens shows itself by bounds: so much was taken on in one window, so there is as much at least; and what stood when a request was
// refused and that request were too much together. The size of a request is known when its answer tells it, and estimated before,
// so no refusal names the limit itself: each that comes lowers what is thought to fit.
//
// Requests of like sizes fill a budget as they fill a window of requests. So only a refusal speaks for a budget that speaks against the
// window of requests of the same length.

// usualBudgets are the lengths of windows in which providers count tokens.
var usualBudgets = [...]time.Duration{10 * time.Second, time.Minute}

// unexplained is how many refusals no window of requests has to explain before budgets are looked for: each costs on every attempt.
const unexplained = 4

// watch begins to look for budgets, beside the windows of requests of the same lengths.
func (g *guess) watch() {
	if g.budgets != nil {
		return
	}
	for _, per := range usualBudgets {
		for _, cycle := range [...]Cycle{Sliding, Fixed} {
			twin := slices.IndexFunc(g.windows, func(s suspect) bool { return s.Per == per && s.Cycle == cycle })
			g.budgets = append(g.budgets, suspect{twin: twin, counter: counter{Window: Window{Unit: Tokens, Cycle: cycle, Per: per}}})
		}
	}
}

// amount is what an attempt that expects so many tokens needs of a window when it comes.
func (g *guess) amount(s *suspect, tokens int64) int64 {
	if s.Unit == Tokens {
		return max(1, tokens-g.ahead)
	}
	return 1
}

// weigh tells the budgets of a refusal.
func (g *guess) weigh(now, opens time.Time, tokens int64, explained bool, unlike uint32) bool {
	if !explained && g.answers {
		if g.unclear++; g.unclear >= unexplained {
			g.watch()
		}
	}
	g.known = g.known && len(g.budgets) == 0
	for i := range g.budgets {
		s := &g.budgets[i]
		explained = s.refused(now, opens, tokens, unlike&(1<<s.twin) != 0) || explained
	}
	return explained
}

// drawn counts an attempt that came with n tokens; beside are those of others that may arrive after it.
func (s *suspect) drawn(now time.Time, n, beside int64) {
	s.advance(now)
	sure := s.sure(now) - beside + n - n/8 // it may be smaller than was thought
	s.draw(now, n)
	if sure > s.peak {
		s.peak, s.peakAt = sure, now
	}
}

// settle puts what an attempt used in the place of what it came with. taken says that it was taken on after the last refusal.
func (s *suspect) settle(now, at time.Time, came, used int64, taken bool) {
	s.end()
	s.amend(now, at, used-came)
	if s.peak == 0 || !s.peakAt.Equal(at) {
		return
	}
	if taken && s.peak > s.most {
		s.most = s.peak
		s.held(now, came)
	}
	s.peak = 0
}

// held takes in that as much as s.most was taken on, with the last n.
func (s *suspect) held(now time.Time, n int64) {
	switch {
	case s.over == 0:
	case s.most > s.over+n/4:
		s.support, s.timed, s.over = 0, false, 0
	default:
		if s.most > s.Limit {
			s.probe = now
		}
		s.bound(max(s.over, s.most))
	}
}

// bound makes n too much. The limit is taken to be half way between what was and what was not.
func (s *suspect) bound(n int64) {
	if s.over == 0 || n < s.over || n == s.most {
		s.over = n
	}
	s.Limit = min(s.most, s.over) + max(0, s.over-s.most)/2
}

// refused is told of a request of n tokens that was refused. telling says that the window of requests like this one does not explain it.
func (s *suspect) refused(now, opens time.Time, n int64, telling bool) (explained bool) {
	s.peak = 0
	s.advance(now)
	full := s.used + n
	switch {
	case s.used <= 0 && n > s.most: // it may be larger than the window
	case s.used <= 0, full < s.most-s.most/32, !opens.IsZero() && !s.mayOpen(now, opens, n):
		if s.contradict(now); s.support == 0 {
			s.over = 0
		}
	case s.support >= convincing && full <= s.Limit: // there are fewer than was thought
		s.bound(full)
	default:
		explained = s.support >= convincing
		s.timed = s.timed || !opens.IsZero()
		s.bound(full)
		if telling {
			s.agree(now)
		}
	}
	return explained
}

// mayOpen says whether n could fit just when the provider says: with the limit anywhere between the bounds.
func (s *suspect) mayOpen(now, at time.Time, n int64) bool {
	c := s.counter
	if c.Cycle != Sliding {
		off := at.Sub(c.to)
		return off.Abs() <= max(1500*time.Millisecond, c.Per/20)
	}
	c.Limit = c.used + n - 1
	first := c.open(now, n)
	c.Limit = max(n, s.most)
	last := c.open(now, n)
	slack := max(1500*time.Millisecond, c.Per/20)
	return !at.Before(first.Add(-slack)) && !at.After(last.Add(slack))
}
