package fallback_test

import (
	"slices"
	"testing"
	"time"

	"freefall/fallback"
)

// A window that is written twice, as rpm and as one of 60 s, is one with the smaller limit, also after the lists were read anew.
func TestAWindowThatIsWrittenTwice(t *testing.T) {
	config := fallback.Config{Models: limited("A", slices.Concat(rpm(5), rpm(9)))}
	p := fallback.New(config)
	for turn := range 3 {
		now := t0.Add(time.Duration(turn) * h)
		if calls := burst(p, now, 20, "ok"); calls != 5 {
			t.Errorf("turn %d: %d calls", turn, calls)
		}
		if a := p.Accounts(now); len(a) != 1 || len(a[0].Quota) != 1 || a[0].Quota[0].Used != 5 || a[0].Quota[0].Limit != 5 {
			t.Errorf("turn %d: %+v", turn, a)
		}
		p.Revise(config)
	}
}

// What others had drawn from a limit says nothing of another limit.
func TestAnotherLimitIsNotFullBecauseTheOldOneWas(t *testing.T) {
	p := fallback.New(fallback.Config{Models: limited("A", rpd(5))})
	a, _ := draws(t, p, t0, &fallback.Walk{})
	if a.Share(t0, []fallback.Count{{Used: 5, Full: true, Opens: 12 * h}}) || burst(p, t0, 1, "ok") != 0 {
		t.Fatal("it is asked although others have drawn all")
	}
	p.Reconfigure(fallback.Config{Models: limited("A", rpd(50))})
	if burst(p, t0, 1, "ok") != 1 {
		t.Error("a limit of 50 is full of 5")
	}
}
