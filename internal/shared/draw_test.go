//go:build linux && redis

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

// What the provider has counted leaves the shared count when the provider says.
func TestHeardLeavesWhenItIsSaid(t *testing.T) {
	s := open(t, startRedis(t))
	eventually(t, "it answers", s.Up)
	d := window("w", fallback.Sliding, time.Minute, 5)
	d.Heard, d.Frees = 4, 400*time.Millisecond
	if got := s.Reserve([]fallback.Draw{d}); got == nil || got[0].Full || got[0].Used != 5 {
		t.Fatalf("%+v", got)
	}
	d.Heard, d.Frees = 0, 0
	got := s.Reserve([]fallback.Draw{d})
	if got == nil || !got[0].Full || got[0].Opens > 400*time.Millisecond {
		t.Fatalf("%+v", got)
	}
	time.Sleep(got[0].Opens)
	if got := s.Reserve([]fallback.Draw{d}); got == nil || got[0].Full || got[0].Used != 2 {
		t.Errorf("%+v", got)
	}
}
