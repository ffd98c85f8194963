package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

// A limit of a second is found although each refusal comes when what filled the window has left it, and it is not forgotten for refusals
// that a second limit of the provider causes.
func TestGuessOfASecondWhoseRefusalsAreLate(t *testing.T) {
	const way = 100 * time.Millisecond // there and back
	p := byPriority(chain("A"))
	one := &secret{per: s, n: 1}
	refused := 0
	answered := 0
	ask := func(now time.Time, other bool) {
		a, ok := p.Pick(now, &fallback.Walk{})
		if !ok {
			return
		}
		taken, _ := one.take(now)
		switch {
		case !taken:
			refused++
			a.End(now.Add(way), outcomeOf("429"))
		case other:
			one.taken = one.taken[:len(one.taken)-1]
			a.End(now.Add(way), outcomeOf("429"))
		default:
			answered++
			a.Committed(now.Add(way))
			a.End(now.Add(way), outcomeOf("ok"))
		}
	}
	hour := func(from time.Time, often int) (n int) {
		refused, answered = 0, 0
		for now, i := from, 0; now.Before(from.Add(h)); now, i = now.Add(950*time.Millisecond), i+1 {
			ask(now, often > 0 && i%often == often/2)
		}
		return refused
	}
	learning, known, disturbed := hour(t0, 0), hour(t0.Add(h), 0), hour(t0.Add(2*h), 1500)
	if learning > 20 || known > 8 || disturbed > 8 {
		t.Errorf("%d refusals in the hour of learning, then %d, then %d", learning, known, disturbed)
	}
	for from := 3 * h; from < 9*h; from += h {
		if n := hour(t0.Add(from), 300); n > 20 || answered < 1200 {
			t.Errorf("a second limit refuses every five minutes: %d refusals of the first, %d answered", n, answered)
		}
	}
}

// What was taken on once beyond a limit of a second, since the provider let it pass, does not make that limit unknown for ever.
func TestGuessOfASecondIsFoundAgain(t *testing.T) {
	for _, step := range []time.Duration{950 * time.Millisecond, 480 * time.Millisecond} {
		p := byPriority(chain("A"))
		one := &secret{per: s, n: 1}
		hour := func(from time.Time, lax bool) (refused int) {
			for now := from; now.Before(from.Add(h)); now = now.Add(step) {
				a, ok := p.Pick(now, &fallback.Walk{})
				if !ok {
					continue
				}
				if taken, _ := one.take(now); taken || lax {
					a.Committed(now)
					a.End(now, outcomeOf("ok"))
					continue
				}
				refused++
				a.End(now, outcomeOf("429"))
			}
			return refused
		}
		learning := hour(t0, false)
		hour(t0.Add(h), true)
		hour(t0.Add(2*h), false)
		if n := hour(t0.Add(3*h), false); n > 8 {
			t.Errorf("%v: %d refusals at first, and %d in the fourth hour", step, learning, n)
		}
	}
}
