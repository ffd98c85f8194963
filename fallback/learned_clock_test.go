package fallback_test

import (
	"testing"

	"freefall/fallback"
)

// A rest that is over by the clock of one replica is not over for all: their clocks differ.
func TestRestsEndByEachClock(t *testing.T) {
	all, w := members(2, fallback.Config{Models: chain("A"), Order: fallback.Priority})
	a, b := all[0], all[1]
	x, _ := a.p.Pick(t0, &fallback.Walk{})
	x.End(t0, outcomeOf("provider429/1m"))
	ahead := t0.Add(2 * m)
	for range 3 {
		a.exchange(w, t0)
		b.exchange(w, ahead)
	}
	if _, ok := a.p.Pick(t0, &fallback.Walk{}); ok {
		t.Error("the rest is over at once")
	}
	if _, ok := b.p.Pick(ahead, &fallback.Walk{}); !ok {
		t.Error("it rests too long")
	}
}
