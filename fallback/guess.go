package fallback

import (
	"math"
	"time"
)

// guess finds a limit that nobody names, from what was taken on and what was refused. It entertains all usual windows at once:
// the true one is full at every refusal and never fuller; each other is soon contradicted, since it is refused with less in it
// than it once took, takes more than it was refused with, or would open at another time than the provider says. What has stood
// two refusals is kept to, and tried again ever more seldom, so that a limit that was raised, or was none, is found out.
type guess struct {
	windows []suspect // by length; before them how many may run at one time
	budgets []suspect // of tokens, by length; none until those are looked for
	enough  int       // refusals in a row that convince, as support counts them
	unclear int       // refusals that no window explained
	answers bool      // something was taken on
	took    bool      // likewise, since the last refusal
	closed  time.Time // the first refusal since something was taken on
	ahead   int64     // what the last attempt expected of its answer, which nobody counts when it comes
	last    time.Time // when a refusal last told something new: nobody knows in which order what was sent before came there
	rote    rote
	sent    [32]sent // the last attempts, in a ring
	nth     int

	convinced []*suspect // that are kept to
	known     bool       // convinced is right: nothing was learned since
}

type suspect struct {
	counter
	most    int64 // the most that was taken on in one window
	twin    int   // Tokens: the window of requests that is like it
	over    int64 // Tokens: the least that was too much; 0 = not known
	peak    int64 // the most that was in one since then, by an attempt of which nothing is known yet
	peakAt  time.Time
	support int           // refusals in a row that agree
	timed   bool          // the provider said when it opens, and that is when this one does
	probe   time.Time     // when the next one may go beyond it
	wait    time.Duration // between probes, doubled with each that was refused
}

const (
	convincing = 2 // refusals that agree make a guess a limit
	certain    = 8 // and so many all that is remembered of them

	// Refusals with nothing taken on between them speak for a window only when they go on for so large a part of it: while a provider refuses
	// everybody for half a minute, whatever was drawn, an hour and a day look as full each time.
	telling = 30
)

// usualPeriods are the lengths of windows that providers have, and those that tests and small servers have.
var usualPeriods = [...]time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 20 * time.Second,
	30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, day}

func newGuess() *guess {
	g := &guess{enough: convincing, windows: []suspect{{counter: counter{Window: Window{Unit: Running}}}}}
	for _, per := range usualPeriods {
		for _, cycle := range [...]Cycle{Sliding, Fixed} {
			g.windows = append(g.windows, suspect{counter: counter{Window: Window{Unit: Requests, Cycle: cycle, Per: per}}})
		}
	}
	return g
}

// kept gives the guesses that are kept to: those that have convinced. Of those that no stated end speaks for only the shortest:
// while a provider refuses, longer ones cannot be told apart from it, and keeping to them would hide that.
func (g *guess) kept(yield func(*suspect) bool) {
	if !g.known {
		g.convince()
	}
	for _, s := range g.convinced {
		if !yield(s) {
			return
		}
	}
}

func (g *guess) convince() {
	g.convinced, g.known = g.convinced[:0], true
	shortest := g.shortest()
	for _, all := range [...][]suspect{g.windows, g.budgets} {
		for i := range all {
			if s := &all[i]; s.support >= g.enough && (s.timed || s.Per <= shortest) {
				g.convinced = append(g.convinced, s)
			}
		}
	}
}

// shortest is the length of the shortest window that has convinced although no stated end speaks for it.
func (g *guess) shortest() (per time.Duration) {
	per = math.MaxInt64
	for _, all := range [...][]suspect{g.windows, g.budgets} {
		for i := range all {
			if s := &all[i]; s.support >= g.enough && !s.timed && s.Unit != Running {
				per = min(per, s.Per)
				break
			}
		}
	}
	return per
}

// room says whether an attempt fits: no guess refuses it, or those that do are due to be probed.
func (g *guess) room(now time.Time, tokens int64) bool {
	by, _ := g.shut(now, tokens)
	return by == nil
}

// open says whether one of the guesses has room that as much speaks for as for any. What it lets pass decides between them; the others
// would keep more out than is refused, and nobody would know.
func (g *guess) open(now time.Time, tokens int64) bool {
	most, none := 0, true
	for s := range g.kept {
		most, none = max(most, s.support), false
	}
	for s := range g.kept {
		if s.support > most/2 && s.room(now, g.amount(s, tokens)) {
			return true
		}
	}
	return none
}

// shut is the guess that opens first if all refuse, nil if not.
func (g *guess) shut(now time.Time, tokens int64) (by *suspect, at time.Time) {
	if g.open(now, tokens) {
		return nil, at
	}
	for s := range g.kept {
		n := g.amount(s, tokens)
		if !s.shut(now, n) {
			continue
		}
		opens := s.counter.open(now, n)
		if s.probe.Before(opens) {
			opens = s.probe
		}
		if by == nil || opens.Before(at) {
			by, at = s, opens
		}
	}
	return by, at
}

// shut says whether this guess keeps an attempt out.
func (s *suspect) shut(now time.Time, n int64) bool { return now.Before(s.probe) && !s.room(now, n) }

// draw counts an attempt. ahead are those of its tokens that the provider counts when it is answered.
func (g *guess) draw(now time.Time, tokens, ahead int64) {
	g.ahead = ahead
	if !g.open(now, tokens) {
		for s := range g.kept {
			s.probe = now.Add(s.wait)
			s.wait = min(2*s.wait, day)
		}
	}
	beside, theirs := g.beside(now)
	note := &g.sent[g.nth%len(g.sent)]
	note.at, note.n = now, tokens-ahead
	g.nth++
	for i := range g.windows {
		s := &g.windows[i]
		s.advance(now)
		note.held[i] = int32(s.least(now))
		s.take(now, 1)
		if n := s.sure(now) - beside; n > s.peak {
			s.peak, s.peakAt = n, now
		}
	}
	for i := range g.budgets {
		g.budgets[i].drawn(now, tokens-ahead, theirs)
	}
}

// taken says that the attempt of that time was taken on. That contradicts guesses that would have refused it.
func (g *guess) taken(at time.Time) {
	g.known = false
	if !at.After(g.last) {
		return
	}
	g.answers, g.took = true, true
	for i := range g.windows {
		s := &g.windows[i]
		if s.peak == 0 || !s.peakAt.Equal(at) {
			continue
		}
		s.most, s.peak = max(s.most, s.peak), 0
		if s.most > s.Limit {
			s.support, s.timed = 0, false
		}
	}
}

// settle ends what an attempt drew at that time: with so many tokens it came, and others it used.
func (g *guess) settle(now, at time.Time, counted bool, came, used int64) {
	for i := range g.budgets {
		g.budgets[i].settle(now, at, came, used, counted && at.After(g.last))
	}
	for i := range g.windows {
		s := &g.windows[i]
		s.end()
		if counted {
			continue
		}
		s.amend(now, at, -1)
		if s.peakAt.Equal(at) {
			s.peak = 0
		}
	}
	if counted {
		g.taken(at)
	}
}

// refused is one refusal that no known window explains, whose own charge was taken back before. opens is when the provider says
// that it has room again, zero if it does not say; begun is when the request was sent, tokens what it may well have drawn when it came.
func (g *guess) refused(now, begun, opens time.Time, tokens int64) (explained bool) {
	if !begun.After(g.last) {
		g.lower(now, tokens)
		return true
	}
	if g.took || g.last.IsZero() {
		g.closed = now
	}
	g.last, g.took = now, false
	opens = g.rote.heed(now, opens)
	those, known := g.around(begun)
	unlike := uint32(0) // which windows it contradicts
	for i := range g.windows {
		s := &g.windows[i]
		s.peak = 0
		s.advance(now)
		full, least := s.used, s.least(now) // of those under way nobody knows whether they were taken on
		if known {
			least = g.held(i, begun, those)
			full = max(full, least)
		}
		if s.Unit == Running {
			full = least // what was sent later did not stand in the way
		}
		if least < 1 || full < s.most || s.support >= convincing && full < s.Limit || !opens.IsZero() && !s.opensAt(now, opens, full) {
			g.known = g.known && s.support == 0
			s.contradict(now)
			unlike |= 1 << i
			continue
		}
		explained = explained || s.support >= convincing
		if s.support > 0 && now.After(g.closed) && now.Sub(g.closed) < s.Per/telling {
			s.Limit, g.known = min(s.Limit, full), false
			continue
		}
		s.timed = s.timed || !opens.IsZero()
		if s.support == 0 || full < s.Limit {
			s.Limit = full
		}
		g.known = false
		s.agree(now)
	}
	return g.weigh(now, opens, tokens, explained, unlike)
}

// agree is told of a refusal that this limit explains.
func (s *suspect) agree(now time.Time) {
	if s.support = min(max(1, 2*s.support), certain); s.support == convincing {
		s.wait = min(max(s.Per, minProbe), maxProbe)
		s.probe = now.Add(s.wait)
	}
}

// contradict is told of a refusal that this limit does not explain. What has explained many others stays: there may be a second limit. It
// is put to the test at once: since it is kept to, nothing else would speak for it any more, and each refusal of the second limit against it.
func (s *suspect) contradict(now time.Time) {
	s.probe = now
	if s.support /= 2; s.support < convincing {
		s.support, s.timed = 0, false
		s.most -= (s.most + 3) / 4 // if it is the limit that has shrunk, it will agree soon
	}
}

// least is what the window holds without what its margin still counts.
func (s *suspect) least(now time.Time) int64 { return s.within(now, s.Per) }

// sure is what it still holds when an attempt that is sent now is there, however long either took on the way.
func (s *suspect) sure(now time.Time) int64 { return s.within(now, s.Per-min(disorder, s.Per/10)) }

// within is what the window holds without what was drawn longer ago.
func (s *suspect) within(now time.Time, per time.Duration) int64 {
	n := s.used
	if len(s.log) == 0 {
		return n
	}
	from := now.Add(-per)
	for _, old := range s.log[s.head:] {
		if old.at.After(from) {
			break
		}
		n -= old.n
	}
	return n
}

// lower takes in another refusal of the same crowd: it tells the same, and more exactly.
func (g *guess) lower(now time.Time, tokens int64) {
	for i := range g.windows {
		s := &g.windows[i]
		s.advance(now)
		if s.support > 0 && s.used > 0 && s.Unit != Running {
			s.Limit = min(s.Limit, s.used)
		}
	}
	for i := range g.budgets {
		if s := &g.budgets[i]; s.support > 0 {
			s.advance(now)
			s.bound(s.used + tokens)
		}
	}
}

// opensAt says whether the window, full as it is, would open when the provider says. Its word is often in whole seconds.
func (s *suspect) opensAt(now, at time.Time, full int64) bool {
	c := s.counter
	c.Limit = full
	off := at.Sub(c.open(now, 1)) + c.margin()
	return off.Abs() <= max(1500*time.Millisecond, c.Per/20)
}

// Between two probes of a guess, at first.
const (
	minProbe = 30 * time.Second
	maxProbe = 5 * time.Minute
)
