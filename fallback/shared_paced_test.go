package fallback_test

import (
	"testing"

	"freefall/fallback"
)

// What is paced opens long before its day ends, whoever has drawn.
func TestPacedOpensWhenItGrows(t *testing.T) {
	p := fallback.New(fallback.Config{Models: limited("A", rpd(2400)), Order: fallback.Priority, Pace: true, MaxWaiting: 9})
	now := t0.Truncate(24 * h).Add(12 * h)
	w := &fallback.Walk{}
	a, list := draws(t, p, now, w)
	if a.Share(now, []fallback.Count{{Used: list[0].Limit, Full: true, Opens: 12*h + s}}) {
		t.Fatal("it was granted")
	}
	if x := p.Exhausted(now, w); x.Ready.Sub(now) > 2*m {
		t.Errorf("it opens after %v", x.Ready.Sub(now))
	}
	if !p.Wait(now, w, now.Add(2*m), func() {}) {
		t.Error("nobody waits for it")
	}
}
