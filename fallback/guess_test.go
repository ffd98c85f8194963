package fallback_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"freefall/fallback"
)

// secret is a provider's limit that it never names: it counts what it takes on.
type secret struct {
	fixed bool
	per   time.Duration
	n     int
	taken []time.Time
}

// take says whether a request is taken on, and if not, how long until it would be.
func (l *secret) take(now time.Time) (bool, time.Duration) {
	from := now.Add(-l.per)
	if l.fixed {
		from = now.Truncate(l.per).Add(-1)
	}
	for len(l.taken) > 0 && !l.taken[0].After(from) {
		l.taken = l.taken[1:]
	}
	if len(l.taken) < l.n {
		l.taken = append(l.taken, now)
		return true, 0
	}
	if l.fixed {
		return false, now.Truncate(l.per).Add(l.per).Sub(now)
	}
	return false, l.taken[0].Add(l.per).Sub(now)
}

// overload asks every step for so long, and gives how many requests were answered and how many refused.
func overload(p *fallback.Pool, l *secret, from time.Time, step, length time.Duration, hint bool) (good, refused int) {
	for now := from; now.Before(from.Add(length)); now = now.Add(step) {
		a, ok := p.Pick(now, &fallback.Walk{})
		if !ok {
			continue
		}
		o := outcomeOf("ok")
		if taken, wait := l.take(now.Add(5 * time.Millisecond)); taken {
			good++
			a.Committed(now.Add(10 * time.Millisecond))
		} else {
			o = outcomeOf("429")
			o.Stated, o.RetryAfter = hint, wait
			if !hint {
				o.RetryAfter = 0
			}
			if hint {
				o.Until = fallback.UntilRetryAfter
			}
			refused++
		}
		a.End(now.Add(20*time.Millisecond), o)
	}
	return good, refused
}

// A limit that nobody names is found by its refusals, and after that hardly ever met again, while all of it is used.
func TestUnknownLimitsAreFound(t *testing.T) {
	for _, l := range []secret{
		{per: m, n: 20}, {per: m, n: 5}, {fixed: true, per: m, n: 20}, {fixed: true, per: 10 * s, n: 8}, {per: 10 * s, n: 8},
		{per: h, n: 60}, {fixed: true, per: h, n: 60}, {per: 5 * s, n: 30},
	} {
		for _, hint := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d a %v, fixed %v, stated %v", l.n, l.per, l.fixed, hint), func(t *testing.T) {
				l := l
				rows := chain("A")
				p := fallback.New(fallback.Config{Models: rows, Order: fallback.Priority})
				step := l.per / time.Duration(l.n) * 2 / 3 // half as much again as there is
				overload(p, &l, t0, step, 20*l.per, hint)
				good, refused := overload(p, &l, t0.Add(20*l.per), step, 100*l.per, hint)
				most := 100 * l.n
				least := most * 9 / 10
				if !hint && l.per < m {
					least = most * 6 / 10 // each probe that is refused costs a cooldown, which is longer than the window
				}
				if float64(refused) > 0.05*float64(good) {
					t.Errorf("%d refused for %d answered", refused, good)
				}
				if good < least {
					t.Errorf("%d of %d answered", good, most)
				}
			})
		}
	}
}

// What was found out outlives a restart: nothing is asked in vain.
func TestGuessesAreKept(t *testing.T) {
	l := secret{per: m, n: 20}
	p := byPriority(chain("A"))
	overload(p, &l, t0, s, 30*m, true)
	q := byPriority(chain("A"))
	q.Restore(p.Save(t0.Add(30 * m)))
	same := secret{per: m, n: 20, taken: slices.Clone(l.taken)}
	_, without := overload(p, &same, t0.Add(30*m), s, 3*m, true)
	if _, refused := overload(q, &l, t0.Add(30*m), s, 3*m, true); refused != without {
		t.Errorf("%d refused after the restart, %d without one", refused, without)
	}
	if got := quotas(q, t0.Add(33*m)); got != "rpm 20/20" {
		t.Errorf("%q", got)
	}
}

// A limit that is raised is found out.
func TestARaisedLimitIsFoundOut(t *testing.T) {
	l := secret{per: m, n: 20}
	p := byPriority(chain("A"))
	overload(p, &l, t0, s, 30*m, true)
	l.n = 40
	overload(p, &l, t0.Add(30*m), s, 60*m, true)
	good, _ := overload(p, &l, t0.Add(90*m), s, 10*m, true)
	if good < 350 {
		t.Errorf("%d of 400 answered", good)
	}
}

// A refusal that a known window explains teaches nothing.
func TestNoGuessWhereTheLimitIsKnown(t *testing.T) {
	rows := chain("A")
	rows[0].Limits = rpm(20)
	p := byPriority(rows)
	l := secret{per: m, n: 20}
	if good, refused := overload(p, &l, t0, s, 60*m, true); refused > 0 || good < 1150 {
		t.Errorf("%d answered, %d refused", good, refused)
	}
	if got := quotas(p, t0.Add(59*m)); got[:4] != "rpm " || len(got) > len("rpm 20/20") {
		t.Errorf("%q", got)
	}
}

// A crowd that is refused in part tells one story: the limit is found by it, and kept through the crowds that follow.
func TestACrowdTellsOneStory(t *testing.T) {
	l := secret{per: m, n: 40}
	p := byPriority(chain("A"))
	for n := range 12 {
		now := t0.Add(time.Duration(n) * 20 * m)
		var crowd []*fallback.Attempt
		for range 60 {
			if a, ok := p.Pick(now, &fallback.Walk{}); ok {
				crowd = append(crowd, a)
			}
			now = now.Add(time.Millisecond)
		}
		refused := 0
		for i := range crowd { // they come there in another order than they were sent
			a := crowd[(i*7+3)%len(crowd)]
			if taken, _ := l.take(now); taken {
				a.Committed(now.Add(s))
				defer a.End(now.Add(10*s), outcomeOf("ok"))
				continue
			}
			refused++
			a.End(now.Add(20*time.Millisecond), outcomeOf("429"))
		}
		if n >= 4 && refused > 3 {
			t.Errorf("crowd %d: %d of %d are refused", n, refused, len(crowd))
		}
	}
}
