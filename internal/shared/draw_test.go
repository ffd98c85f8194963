package shared

import (
	"testing"
	"testing/synctest"
	"time"

	"freefall/fallback"
)

// However long Redis was away, it is told what still counts: an hour at two a minute is no more than a minute's worth.
func TestToldIsWhatStillCounts(t *testing.T) {
	for _, cycle := range []fallback.Cycle{fallback.Sliding, fallback.Fixed, fallback.Bucket} {
		synctest.Test(t, func(t *testing.T) {
			s := &Store{untold: map[string]*untold{}}
			drawn := func() int64 {
				d := fallback.Draw{Name: "w", Cycle: cycle, Per: time.Minute, Limit: 3, Amount: 1, Fit: 1, Used: 3}
				d.Lapses = time.Now().Add(time.Minute)
				if cycle == fallback.Fixed {
					d.Lapses = time.Now().Truncate(time.Minute).Add(time.Minute)
				}
				s.remember([]fallback.Draw{d})
				return s.untold["w"].Amount
			}
			n := drawn()
			for range 120 {
				time.Sleep(30 * time.Second)
				if n = drawn(); n > 3 || cycle != fallback.Bucket && n < 1 {
					t.Fatalf("%v: %d of 3 are to be told", cycle, n)
				}
			}
			if used := s.untold["w"].Used; used > 3 {
				t.Errorf("%v: %d were used", cycle, used)
			}
			before := n
			s.amend(&fallback.Draw{Name: "w", Amount: 1})
			if n = s.untold["w"].Amount; n != max(0, before-1) {
				t.Errorf("%v: one of %d given back leaves %d", cycle, before, n)
			}
			if parts := s.untold["w"].parts; len(parts) > 2*grain {
				t.Errorf("%v: %d parts", cycle, len(parts))
			}
		})
	}
}
