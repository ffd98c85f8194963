package fallback_test

import (
	"fmt"
	"testing"
	"time"

	"freefall/fallback"
)

// Some providers state the same wait whenever they refuse. The limit behind it is found all the same: those that it is too long for are
// not refused any more, so nobody has to wait it out, and those that it is too short for are not met again and again.
func TestTheSameWaitEachTimeTellsNothing(t *testing.T) {
	for _, tt := range []struct {
		secret
		stated time.Duration
	}{
		{secret{per: 5 * s, n: 5}, 12 * s}, {secret{per: 10 * s, n: 5}, s}, {secret{per: 10 * s, n: 8}, 30 * s}, {secret{per: m, n: 20}, 5 * s},
		{secret{per: m, n: 10, fixed: true}, 90 * s},
	} {
		t.Run(fmt.Sprintf("%d a %v, stated %v", tt.n, tt.per, tt.stated), func(t *testing.T) {
			p := fallback.New(fallback.Config{Models: chain("A"), Order: fallback.Priority})
			l := &tt.secret
			ask := func(from time.Time, length time.Duration) (good, refused int) {
				for now := from; now.Before(from.Add(length)); now = now.Add(l.per / time.Duration(l.n) * 2 / 3) {
					a, ok := p.Pick(now, &fallback.Walk{})
					if !ok {
						continue
					}
					o := outcomeOf("ok")
					if taken, _ := l.take(now.Add(5 * time.Millisecond)); taken {
						good++
						a.Committed(now.Add(10 * time.Millisecond))
					} else {
						refused++
						o = outcomeOf("429")
						o.Stated, o.RetryAfter, o.Until = true, tt.stated, fallback.UntilRetryAfter
					}
					a.End(now.Add(20*time.Millisecond), o)
				}
				return good, refused
			}
			ask(t0, 40*l.per)
			good, refused := ask(t0.Add(40*l.per), 100*l.per)
			if float64(refused) > 0.08*float64(good) || good < 80*l.n {
				t.Errorf("%d of %d answered, %d refused", good, 100*l.n, refused)
			}
		})
	}
}
