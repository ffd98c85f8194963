package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

// A shared counter that has lost its memory is told all that is drawn but what is just on its way there.
func TestWhatAPoolTells(t *testing.T) {
	rows := chain("A")
	rows[0].Limits = []fallback.Window{{Per: m, Limit: 100}, {Cycle: fallback.Fixed, Per: h, Limit: 100}, {Unit: fallback.Running, Limit: 50}}
	p := byPriority(rows)
	begin := func(n int) *fallback.Attempt {
		a, ok := p.Pick(t0.Add(time.Duration(n)*s), &fallback.Walk{})
		if !ok {
			t.Fatal("no attempt")
		}
		return a
	}
	told := func() (heard map[fallback.Cycle][]int64, frees []string) {
		heard = map[fallback.Cycle][]int64{}
		for _, d := range p.Tell(t0.Add(20 * s)) {
			if d.Unit == fallback.Running || d.Amount != 0 {
				t.Errorf("%+v", d)
			}
			heard[d.Cycle] = append(heard[d.Cycle], d.Heard)
			if d.Cycle == fallback.Sliding {
				frees = append(frees, d.Frees.Round(s).String())
			}
		}
		return heard, frees
	}
	if heard, _ := told(); len(heard) != 0 {
		t.Errorf("it tells %v of windows that nobody has drawn from", heard)
	}
	for n := range 8 {
		a := begin(n)
		a.Draws(t0.Add(time.Duration(n) * s))
		a.Share(t0.Add(time.Duration(n)*s), nil)
	}
	asks := begin(9)
	if d := asks.Draws(t0.Add(9 * s)); d[0].Used != 8 || d[1].Used != 8 {
		t.Errorf("beside it there are %d and %d", d[0].Used, d[1].Used)
	}
	heard, frees := told()
	if len(heard[fallback.Fixed]) != 1 || heard[fallback.Fixed][0] != 8 {
		t.Errorf("of what turns it tells %v", heard)
	}
	if got := heard[fallback.Sliding]; len(got) != 4 || got[0] != 2 || got[3] != 8 || frees[0] != "41s" || frees[2] != "45s" {
		t.Errorf("of what slides it tells %v, free in %v", got, frees)
	}
	asks.Share(t0.Add(9*s), []fallback.Count{{Used: 9}, {Used: 9}, {Used: 9}})
	if heard, _ := told(); heard[fallback.Fixed][0] != 9 {
		t.Errorf("once it has asked: %v", heard)
	}
}
