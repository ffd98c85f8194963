package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

// What comes back all the time is spent before what is kept for the day, and of what is kept that first which lasts longest for the
// time until it is there again, however much quicker the others are.
func TestAdaptiveDrawsFromStoresLast(t *testing.T) {
	rows := chain("few many minute")
	rows[0].Limits = []fallback.Window{{Per: m, Limit: 20}, {Per: 24 * h, Cycle: fallback.Daily, Limit: 50}}
	rows[1].Limits = []fallback.Window{{Per: m, Limit: 20}, {Per: 24 * h, Cycle: fallback.Daily, Limit: 1000}}
	rows[2].Limits = []fallback.Window{{Per: m, Limit: 20}}
	p := adaptive(rows)
	ttft := map[string]time.Duration{"minute": 2 * s}
	got := map[string]int{}
	for i := range 10 { // 30 in a minute: a third of them finds no room in the one that comes back
		for id, n := range firsts(p, t0.Add(time.Duration(i)*m), 30, fallback.Need{Stream: true}, nil, ttft) {
			got[id] += n
		}
	}
	if got["minute"] < 190 || got["few"] > 0 {
		t.Errorf("first are asked %v", got)
	}
}

// Curiosity costs nothing that is dear.
func TestAdaptiveIsNotCuriousAtAPrice(t *testing.T) {
	rows := chain("minute day")
	rows[0].Limits = []fallback.Window{{Per: m, Limit: 100}}
	rows[1].Limits = []fallback.Window{{Per: m, Limit: 100}, {Per: 24 * h, Cycle: fallback.Daily, Limit: 50}}
	if got := firsts(adaptive(rows), t0, 300, fallback.Need{}, nil, nil); got["day"] > 0 {
		t.Errorf("first are asked %v", got)
	}
}

// What is known to come back goes before what may be a store.
func TestAdaptiveLeavesTheUnknownForLater(t *testing.T) {
	rows := chain("unknown minute")
	rows[1].Limits = []fallback.Window{{Per: m, Limit: 20}}
	got := map[string]int{}
	for i := range 10 {
		for id, n := range firsts(adaptive(rows), t0.Add(time.Duration(i)*m), 10, fallback.Need{}, nil, nil) {
			got[id] += n
		}
	}
	if got["minute"] < 90 {
		t.Errorf("first are asked %v", got)
	}
}

// Of those of whom no limit is named nobody knows which lapses first: they are drawn on alike.
func TestAdaptiveDrawsOnTheUnknownAlike(t *testing.T) {
	rows := chain("few many store")
	rows[0].Context, rows[1].Context = 32_000, 128_000 // the one that takes less would always go first
	rows[2].Limits = []fallback.Window{{Per: 24 * h, Limit: 10}}
	p := adaptive(rows)
	got := map[string]int{}
	for i := range 1000 {
		now := t0.Add(time.Duration(i) * 2 * m)
		a, _ := p.Pick(now, &fallback.Walk{})
		got[a.Model.ID]++
		a.End(now, outcomeOf("ok"))
	}
	if got["many"] < 400 {
		t.Errorf("first are asked %v", got)
	}
}
