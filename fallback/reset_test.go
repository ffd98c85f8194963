package fallback_test

import (
	"testing"

	"freefall/fallback"
)

// A reset lifts the rests of that model with each of its keys, and of no other.
func TestResetLiftsTheModelsRests(t *testing.T) {
	rows := chain("A B")
	for i := range rows {
		rows[i].Keys = keys("one two")
	}
	p := byPriority(rows)
	walk := func(id string) *fallback.Walk { return &fallback.Walk{Ask: fallback.Ask{Model: id, Only: true}} }
	for _, id := range []string{"A", "B"} {
		for range 2 {
			a, ok := p.Pick(t0, walk(id))
			if !ok {
				t.Fatal("nobody is left of", id)
			}
			a.End(t0, outcomeOf("429"))
		}
	}
	if p.ResetModel(t0, "nobody", "A") || !p.ResetModel(t0, rows[0].Provider, "A") {
		t.Error("a reset is told wrongly whether there is such a model")
	}
	again := walk("A")
	for nth := range 2 {
		if _, ok := p.Pick(t0, again); !ok {
			t.Errorf("key %d of A rests after a reset", nth)
		}
	}
	if a, ok := p.Pick(t0, walk("B")); ok {
		t.Errorf("B was reset as well: %v", a)
	}
}
