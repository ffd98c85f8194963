package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

// Many heads name a limit and a reset, but not the length of the window. A minute is what nearly all mean; a provider that means another one
// is used as fully as it grants, whether its window is known or not.
func TestAssumedLength(t *testing.T) {
	for name, limits := range map[string][]fallback.Window{
		"unknown": nil,
		"known":   {{Per: 10 * time.Second, Limit: 3, Firm: true}},
	} {
		rows := chain("A")
		rows[0].Limits = limits
		p := byPriority(rows)
		l := &secret{per: 10 * time.Second, n: 3}
		good, refused := 0, 0
		for now := t0; now.Before(t0.Add(h)); now = now.Add(250 * time.Millisecond) {
			a, ok := p.Pick(now, &fallback.Walk{})
			if !ok {
				continue
			}
			taken, wait := l.take(now)
			if !taken {
				refused++
				o := outcomeOf("429")
				o.Until, o.Stated, o.RetryAfter = fallback.UntilRetryAfter, true, wait
				a.End(now, o)
				continue
			}
			good++
			a.Observe(now, []fallback.Reading{{Target: fallback.TargetPair, Per: time.Minute, Assumed: true, Limit: 3,
				Remaining: int64(3 - len(l.taken)), Reset: l.taken[0].Add(l.per).Sub(now)}})
			a.Committed(now)
			a.End(now, outcomeOf("ok"))
		}
		if most := 3 * 360; good < most*95/100 || refused > good/50 {
			t.Errorf("%s: %d of %d answered, %d refused", name, good, most, refused)
		}
	}
}
