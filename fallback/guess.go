package fallback

import "time"

// guess finds a limit that nobody names, from what was taken on and what was refused. It entertains all usual windows at once:
// the true one is full at every refusal and never fuller; each other is soon contradicted, since it is refused with less in it
// than it once took, or takes more than it was refused with. What has stood two refusals is kept to, and tried again ever more
// seldom, so that a limit that was raised, or was none, is found out.
type guess struct {
	windows []suspect
}

type suspect struct {
	counter
	most    int64 // the most that was taken on in one window
	support int   // refusals in a row that agree
	probe   time.Time
	wait    time.Duration // between probes, doubled with each that was refused
}

// convincing is how many refusals make a guess a limit.
const convincing = 2

// usualPeriods are the lengths of windows that providers have, and those that tests and small servers have.
var usualPeriods = [...]time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 20 * time.Second,
	30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, day}

func newGuess() *guess {
	g := &guess{}
	for _, per := range usualPeriods {
		for _, cycle := range [...]Cycle{Sliding, Fixed} {
			g.windows = append(g.windows, suspect{counter: counter{Window: Window{Unit: Requests, Cycle: cycle, Per: per}}})
		}
	}
	return g
}

// kept says whether the guess is kept to.
func (s *suspect) kept() bool { return s.support >= convincing }

// full says whether a kept guess refuses another request now.
func (s *suspect) full(now time.Time) bool {
	return s.kept() && !s.counter.room(now, 1)
}

// room says whether an attempt fits: no guess refuses it, or those that do are due to be probed.
func (g *guess) room(now time.Time) bool {
	for i := range g.windows {
		if s := &g.windows[i]; s.full(now) && now.Before(s.probe) {
			return false
		}
	}
	return true
}

// shut is the guess that refuses longest, nil if none does.
func (g *guess) shut(now time.Time) (by *suspect, at time.Time) {
	for i := range g.windows {
		s := &g.windows[i]
		if !s.full(now) || !now.Before(s.probe) {
			continue
		}
		opens := s.counter.open(now, 1)
		if s.probe.Before(opens) {
			opens = s.probe
		}
		if by == nil || opens.After(at) {
			by, at = s, opens
		}
	}
	return by, at
}

func (g *guess) draw(now time.Time) {
	for i := range g.windows {
		s := &g.windows[i]
		if s.full(now) {
			s.probe = now.Add(s.wait)
			s.wait *= 2
		}
		s.counter.draw(now, 1)
	}
}

// settle ends what an attempt drew at that time. What was taken on contradicts guesses that would have refused it.
func (g *guess) settle(now, at time.Time, counted bool) {
	for i := range g.windows {
		s := &g.windows[i]
		s.end()
		if !counted {
			s.amend(now, at, -1)
			continue
		}
		s.advance(now)
		s.most = max(s.most, s.used-s.running)
		if s.support > 0 && s.most > s.Limit {
			s.support = 0
		}
	}
}

// refused is one refusal that no known window explains, whose own charge was taken back before.
func (g *guess) refused(now time.Time) {
	for i := range g.windows {
		s := &g.windows[i]
		s.advance(now)
		full := s.used // of those under way nobody knows whether they were taken on
		if full < 1 || full < s.most {
			s.support, s.most = 0, s.used-s.running // it was fuller once: the limit has changed, or this is not it
			continue
		}
		if s.support == 0 || full < s.Limit {
			s.Limit = full
		}
		if s.support++; s.support == convincing {
			s.wait = max(s.Per, minProbe)
			s.probe = now.Add(s.wait)
		}
	}
}

// minProbe is the least time between two probes of a guess.
const minProbe = 30 * time.Second
