package main

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestWindows goes through each kind of window: what is drawn when, and what is left.
func TestWindows(t *testing.T) {
	const s = time.Second
	type step struct {
		at     time.Duration
		draw   int64 // tokens, or any number for a request
		left   int64 // after it
		opens  time.Duration
		settle int64 // instead: the last draw becomes so many tokens
	}
	tests := []struct {
		name  string
		w     *window
		steps []step
	}{
		{"sliding", requests("rpm", sliding, 2, 60*s), []step{
			{at: 1 * s, draw: 1, left: 1, opens: 1 * s}, {at: 30 * s, draw: 1, left: 0, opens: 61 * s}, {at: 61*s - 1, left: 0, opens: 61 * s},
			{at: 61 * s, left: 1, opens: 61 * s}, {at: 62 * s, draw: 1, left: 0, opens: 90 * s},
		}},
		{"turning", &window{cycle: turning, limit: 1, per: 60 * s, phase: 10 * s, turn: -1}, []step{
			{at: 5 * s, draw: 1, left: 0, opens: 10 * s}, {at: 10*s - 1, left: 0, opens: 10 * s}, {at: 10 * s, draw: 1, left: 0, opens: 70 * s},
		}},
		{"bucket", requests("rpd", bucket, 4, 60*s), []step{
			{at: 0, draw: 1, left: 3}, {at: 0, draw: 1, left: 2}, {at: 0, draw: 1, left: 1}, {at: 0, draw: 1, left: 0, opens: 15 * s},
			{at: 15 * s, left: 1, opens: 15 * s}, {at: 600 * s, left: 4, opens: 600 * s},
		}},
		{"places", requests("concurrency", places, 1, 0), []step{
			{at: 0, draw: 1, left: 0, opens: never}, {at: 9 * s, settle: 1, left: 1, opens: 9 * s},
		}},
		{"tokens that slide", tokensOf("tpm", sliding, 100, 60*s), []step{
			{at: 0, draw: 60, left: 40}, {at: 2 * s, settle: 90, left: 10, opens: 2 * s}, {at: 60 * s, left: 100, opens: 60 * s},
		}},
		{"tokens in a bucket", tokensOf("tpd", bucket, 60, 60*s), []step{
			{at: 0, draw: 60, left: 0, opens: 1 * s}, {at: 1 * s, settle: 80, left: -19}, {at: 30 * s, left: 10, opens: 30 * s},
		}},
	}
	for _, f := range tests {
		t.Run(f.name, func(t *testing.T) {
			var receipt int
			var drawn int64
			for _, x := range f.steps {
				switch {
				case x.settle > 0:
					f.w.settle(x.at, receipt, drawn, x.settle)
				case x.draw > 0:
					receipt, drawn = f.w.draw(x.at, x.draw), x.draw
				}
				if left := f.w.left(x.at); left != x.left {
					t.Errorf("at %v: %d left, want %d", x.at, left, x.left)
				}
				if opens := f.w.opens(x.at, 1); x.opens != 0 && (opens-x.opens).Abs() > time.Millisecond {
					t.Errorf("at %v: opens at %v, want %v", x.at, opens, x.opens)
				}
			}
		})
	}
}

// TestHasFitted: room that came a moment ago is room, but nobody could have known.
func TestHasFitted(t *testing.T) {
	for _, w := range []*window{requests("rpm", sliding, 1, time.Minute), daily(1, time.Minute), requests("rpd", bucket, 60, time.Hour)} {
		for w.fits(0, 1) {
			w.draw(0, 1)
		}
		at := time.Minute + 100*time.Millisecond
		if !w.fitsBeside(at, 1) || w.hasFitted(at, 1, time.Second) {
			t.Errorf("%v: fits %v, has fitted %v just after it opened", w, w.fitsBeside(at, 1), w.hasFitted(at, 1, time.Second))
		}
		if at += time.Minute; !w.hasFitted(at, 1, time.Second) {
			t.Errorf("%v: has not fitted a minute later", w)
		}
		w.coming++
		if w.limit == 1 && w.fitsBeside(at, 1) {
			t.Errorf("%v: fits beside one that is on its way", w)
		}
	}
}

// TestFlow compares the flow with a bipartite matching that is found by trying.
func TestFlow(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		const left, right = 6, 4
		n := newNetwork()
		var a [left]int32
		var b [right]int32
		var room [right]int
		var edges [left]int
		for i := range a {
			a[i] = n.node()
			n.edge(source, a[i], 1)
		}
		for k := range b {
			b[k], room[k] = n.node(), rng.IntN(3)
			n.edge(b[k], sink, room[k])
		}
		for i := range a {
			edges[i] = rng.IntN(1 << right)
			for k := range b {
				if edges[i]&(1<<k) != 0 {
					n.edge(a[i], b[k], 1)
				}
			}
		}
		var match func(i int) int
		match = func(i int) int {
			if i == left {
				return 0
			}
			best := match(i + 1)
			for k := range room {
				if edges[i]&(1<<k) != 0 && room[k] > 0 {
					room[k]--
					best = max(best, 1+match(i+1))
					room[k]++
				}
			}
			return best
		}
		if got, want := n.most(), match(0); got != want {
			t.Fatalf("seed %d: flow %d, want %d", seed, got, want)
		}
	}
}
