package fallback

import (
	"math"
	"slices"
	"time"
)

// maxCounters bounds what one quota counts, whatever a provider says.
const maxCounters = 16

// quota is what one account, or one model of one account, may draw. An attempt draws from all its windows or from none.
type quota struct {
	name     string // the same in all replicas, see Draw
	counters []*counter
	guess    *guess   // of a limit that nobody named; nil before the first surprise
	answers  []charge // under way, which the provider has not counted yet
	habit    habit    // of a pair

	// One of the windows has no room for so many tokens until then, unless something is given back. Zero = not known.
	fullUntil  time.Time
	fullTokens int64
}

// configure makes these the windows, keeping what was counted in those that were there. What the provider told of windows
// that the configuration does not name stays.
func (q *quota) configure(windows []Window, pace bool) {
	var next []*counter
	for _, w := range windows {
		if i := slices.IndexFunc(next, func(c *counter) bool { return c.same(&w) }); i >= 0 { // rpm, and a window of 60 s
			next[i].Limit = min(next[i].Limit, w.Limit)
			continue
		}
		c := &counter{}
		if i := slices.IndexFunc(q.counters, func(c *counter) bool { return c.same(&w) }); i >= 0 {
			c = q.counters[i]
		}
		if c.Limit != w.Limit {
			c.word = nil // it was said of another limit
		}
		c.Window, c.learned, c.paced = w, false, pace
		next = append(next, c)
	}
	for _, c := range q.counters {
		if c.learned && !slices.ContainsFunc(next, func(n *counter) bool { return n.Unit == c.Unit && n.Per == c.Per }) {
			next = append(next, c)
		}
	}
	q.counters = next
	q.fullUntil = time.Time{}
}

func (c *counter) same(w *Window) bool {
	return c.Unit == w.Unit && c.Cycle == w.Cycle && c.Per == w.Per && c.At == w.At && zoneName(c.Zone) == zoneName(w.Zone)
}

func zoneName(z *time.Location) string {
	if z == nil {
		return "UTC"
	}
	return z.String()
}

func (q *quota) add(c counter) *counter {
	q.counters = append(q.counters, &c)
	return q.counters[len(q.counters)-1]
}

// amount is what one attempt draws from a window of this unit.
func amount(u Unit, tokens int64) int64 {
	if u == Tokens {
		return tokens
	}
	return 1
}

// room says whether an attempt fits now.
func (q *quota) room(now time.Time, tokens int64) bool {
	return q.fits(now, tokens) && (q.guess == nil || q.guess.room(now, tokens))
}

// fits says whether an attempt fits into the windows that are known.
func (q *quota) fits(now time.Time, tokens int64) bool {
	if now.Before(q.fullUntil) && tokens >= q.fullTokens {
		return false
	}
	for _, c := range q.counters {
		if !c.room(now, amount(c.Unit, tokens)) {
			q.fullUntil, q.fullTokens = c.stays(now, amount(c.Unit, tokens)), tokens
			return false
		}
	}
	return true
}

// shut gives the window that keeps an attempt out longest, and when it opens; nil if none does.
func (q *quota) shut(now time.Time, tokens int64) (by *counter, at time.Time) {
	for _, c := range q.counters {
		if c.room(now, amount(c.Unit, tokens)) {
			continue
		}
		if t := c.open(now, amount(c.Unit, tokens)); by == nil || t.After(at) {
			by, at = c, t
		}
	}
	if q.guess != nil {
		if s, t := q.guess.shut(now, tokens); s != nil && (by == nil || t.After(at)) {
			by, at = &s.counter, t
		}
	}
	return by, at
}

// draw counts an attempt that expects so many tokens, of which the provider counts those ahead when the answer is there.
func (q *quota) draw(now time.Time, tokens, ahead int64) {
	for _, c := range q.counters {
		c.draw(now, amount(c.Unit, tokens))
	}
	if q.guess != nil {
		q.guess.draw(now, tokens, ahead)
	}
	if ahead > 0 {
		q.answers = append(q.answers, charge{now, ahead})
	}
}

// settle ends what an attempt drew at that time, as draw was told it: it takes back the request when it does not count, and puts the tokens that
// were used in the place of those that were expected.
func (q *quota) settle(now, at time.Time, counted bool, tokens, ahead, used int64) {
	if !counted {
		used = 0
	}
	q.fullUntil = time.Time{}
	q.answered(charge{at, ahead})
	for _, c := range q.counters {
		c.end()
		switch {
		case c.Unit == Tokens:
			c.amend(now, at, used-tokens)
			c.wear(used)
		case !counted:
			c.amend(now, at, -1)
		}
	}
	if q.guess != nil {
		q.guess.settle(now, at, counted, tokens-ahead, used)
	}
}

// explain finds the window that a refusal is for: one that is full, or would be if what is under way counts; else the one that is nearest
// to it, if it is near, which is then taken to be full. nil if no known window explains it.
func (q *quota) explain(now time.Time, tokens int64) (by *counter) {
	q.regret(now)
	var opens time.Time
	for _, c := range q.counters {
		n := amount(c.Unit, tokens)
		if c.Unit == Running {
			continue
		}
		if c.advance(now); c.used+n <= c.limit() {
			continue
		}
		if at := c.open(now, n); by == nil || at.After(opens) {
			by, opens = c, at
		}
	}
	if by == nil {
		by = q.turning(tokens)
	}
	if by == nil {
		by = q.nearlyFull(now, tokens)
	}
	return by
}

// turning finds the shortest window that has begun anew by our clock and by the provider's may still be in the turn before; it is taken to
// be full. As long as it may be, a longer one that has little left is not to blame: that would keep others out for far longer.
func (q *quota) turning(tokens int64) (by *counter) {
	for _, c := range q.counters {
		n := amount(c.Unit, tokens)
		if c.Cycle == Fixed && c.Per <= time.Minute && c.last > 0 && c.last+c.used+n > c.limit() && (by == nil || c.Per < by.Per) {
			by = c
		}
	}
	if by != nil {
		by.blamed += max(0, by.limit()-by.used) // in this turn only: else each refusal would explain the one of the next turn
		by.used = max(by.used, by.limit())
		q.fullUntil = time.Time{}
	}
	return by
}

// surprised learns from a refusal that no known window explains. opens is when the provider says that it has room again, zero if it does
// not say; tokens is what the request may well have drawn when it came. explained says that it is of a limit that was found before.
func (q *quota) surprised(now, begun, opens time.Time, tokens int64) (explained bool) {
	if q.guess == nil {
		q.guess = newGuess()
	}
	return q.guess.refused(now, begun, opens, tokens)
}

// nearlyFull takes the window that has least left to be full, if that is so little that the refusal must be its: our count is behind. One
// that comes round soon, or fills all the time, is easily behind by more. Of those that have as little the longest is given.
func (q *quota) nearlyFull(now time.Time, tokens int64) (by *counter) {
	share := func(c *counter) float64 { return float64(c.limit()-c.used) / float64(amount(c.Unit, tokens)) }
	near := func(c *counter) bool {
		most := 2 * amount(c.Unit, tokens)
		if c.Cycle == Bucket || c.Per <= time.Minute {
			most = max(most, c.limit()/20)
		}
		return c.Unit != Running && c.limit()-c.used <= most
	}
	least := math.Inf(1)
	for _, c := range q.counters {
		if near(c) {
			least = min(least, share(c))
		}
	}
	for _, c := range q.counters {
		if !near(c) || share(c) > least {
			continue
		}
		n, left := amount(c.Unit, tokens), c.limit()-c.used
		off := max(left-n, n/16, 1) // by so much our count is behind at least: twice that is likely
		c.add(now, left-max(n/2, n-off))
		c.doubt = max(left, n/2)
		if by == nil || c.Per > by.Per {
			by = c
		}
	}
	q.fullUntil = time.Time{}
	return by
}

// taken says that the attempt of that time was not turned away.
func (q *quota) taken(at time.Time) {
	for _, c := range q.counters {
		c.loan.settled(at)
	}
	if q.guess != nil {
		q.guess.taken(at)
	}
}

// Counting says which of the attempts that failed a provider counts all the same.
type Counting uint8

const (
	CountsAccepted Counting = iota // what it took on, whatever came of it; not what it turned away
	CountsUpstream                 // likewise what the host behind it turned away
	CountsAll                      // what it turned away itself, too
	CountsAnswers                  // nothing but answers
)

// counted says whether the provider has counted an attempt that came to this, for its account and for its model.
func (o *Outcome) counted(by Counting) (account, model bool) {
	switch {
	case o.Unsent:
		return false, false
	case by == CountsAll || o.Class == OK || o.harmless():
		return true, true
	case by == CountsAnswers, o.Class == ContextLength && o.Status == 413: // turned away at the door
		return false, false
	case o.Limit() || o.Class == Auth || o.Class == PaymentRequired:
		return by == CountsUpstream && o.Scope == ScopeModelUpstream, false
	}
	return true, true
}

// ahead is how many of the tokens that are counted now are those of answers under way, which the provider has not counted yet. What began
// in a turn before, or has left, is not in the count any more.
func (q *quota) ahead(now time.Time) (n int64) {
	for _, x := range q.answers {
		if !slices.ContainsFunc(q.counters, func(c *counter) bool { return c.Unit == Tokens && !c.counts(now, x.at) }) {
			n += x.n
		}
	}
	return n
}

// budgeted says whether the operator has bounded the tokens of a day, or of an hour: what he grants is not to be gone beyond by all the answers
// that are under way when it is nearly spent, although the provider may take them on.
func (q *quota) budgeted() bool {
	return slices.ContainsFunc(q.counters, func(c *counter) bool { return c.Unit == Tokens && c.Firm && c.long() })
}

func (q *quota) answered(x charge) {
	if i := slices.Index(q.answers, x); i >= 0 {
		q.answers = slices.Delete(q.answers, i, i+1)
	}
}

// counts says whether what was drawn at that time is in the count as it was drawn. A bucket that was full in between has lost some of it, so more
// must be missing in it than has come since.
func (c *counter) counts(now, at time.Time) bool {
	c.advance(now)
	switch c.Cycle {
	case Sliding:
		return at.After(now.Add(-c.Per))
	case Bucket:
		return c.level >= float64(now.Sub(at))/float64(c.Per)*float64(c.limit())
	case Fixed, Daily:
	}
	return !at.Before(c.from)
}
