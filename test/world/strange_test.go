package main

import (
	"io"
	"testing"
)

// TestStrangeWorlds: in worlds that nobody has thought of freefall answers nearly what can be answered, and nobody answers more than the bound.
// In these nobody names the limits that matter, at one time or of a second, and refusals say nothing.
func TestStrangeWorlds(t *testing.T) {
	for _, seed := range []uint64{2, 30, 51} {
		c := newStrange(seed).lived(false, io.Discard)
		if c.won+c.lost != c.requests {
			t.Errorf("seed %d: %d answered and %d lost of %d", seed, c.won, c.lost, c.requests)
		}
		if c.seen > c.bound {
			t.Errorf("seed %d: the all-knowing answered %d, the bound is %d", seed, c.seen, c.bound)
		}
		if float64(c.won) > 1.01*float64(c.bound) { // who was asked again after a fault may begin later than the bound knows
			t.Errorf("seed %d: freefall answered %d, the bound is %d", seed, c.won, c.bound)
		}
		if c.share < 0.85 {
			t.Errorf("seed %d: %.3f of the all-knowing's successes", seed, c.share)
		}
	}
}

// TestStrangersDiffer: a seed makes one world, and another seed another.
func TestStrangersDiffer(t *testing.T) {
	a, again, b := newStrange(1), newStrange(1), newStrange(2)
	if a.traits != again.traits || a.room != again.room {
		t.Errorf("seed 1 makes\n%s (%v)\nthen\n%s (%v)", a.traits, a.room, again.traits, again.room)
	}
	if a.traits == b.traits {
		t.Error("the seed changes nothing")
	}
}

// TestLettersAreRead: what providers write in their many ways is understood as they mean it.
func TestLettersAreRead(t *testing.T) {
	told, waits := 0, 0
	for seed := range uint64(8) {
		x := newStrange(seed + 1)
		all := x.traffic(x.seed, x.room*x.load)
		d := live(newWorld(x.seed, &x.scenario), all[:min(len(all), 200)], func(d *dayRun) scheduler { return newNaive(d, 0) })
		for i := range d.jobs {
			for _, c := range d.jobs[i].calls {
				l := c.verdict.letter
				if l == nil {
					continue
				}
				head, _, o := l.hears(begins.Add(d.jobs[i].at))
				for _, r := range head {
					told++
					if r.Limit > 0 && r.Remaining > r.Limit {
						t.Fatalf("seed %d: %+v of %v", x.seed, r, l.head)
					}
				}
				if c.verdict.result == limited {
					if !o.Limit() {
						t.Fatalf("seed %d: %v %s is no limit: %+v", x.seed, l.head, l.body, o)
					}
					if o.Stated {
						waits++
					}
				}
			}
		}
	}
	if told == 0 || waits == 0 {
		t.Errorf("%d counters and %d waits were told", told, waits)
	}
}
