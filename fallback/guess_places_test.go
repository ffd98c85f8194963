package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

// crowd lets a number of walks ask at one time, again and again, of a provider that answers after a while, and gives how many were answered
// and how many refused. takes says whether the provider has room for the nth of those that were sent at that moment.
func crowd(p *fallback.Pool, from time.Time, step, length, answer time.Duration, n int, takes func(now time.Time, running int) bool) (good, refused int) {
	type call struct {
		a  *fallback.Attempt
		at time.Time
	}
	var running []call
	for now := from; now.Before(from.Add(length)); now = now.Add(step) {
		for len(running) > 0 && !now.Before(running[0].at) {
			running[0].a.End(now, outcomeOf("ok"))
			running = running[1:]
		}
		var sent []*fallback.Attempt
		for range n {
			if a, ok := p.Pick(now, &fallback.Walk{}); ok {
				sent = append(sent, a)
			}
		}
		for i := range sent { // who was sent last arrives first
			a := sent[len(sent)-1-i]
			if takes(now, len(running)) {
				good++
				a.Committed(now.Add(20 * time.Millisecond))
				running = append(running, call{a, now.Add(answer)})
				continue
			}
			refused++
			a.End(now.Add(20*time.Millisecond), outcomeOf("429"))
		}
	}
	for _, c := range running {
		c.a.End(c.at, outcomeOf("ok"))
	}
	return good, refused
}

// How many requests a provider takes at one time is found out although nobody says so, and all of them are used.
func TestGuessOfPlaces(t *testing.T) {
	p := byPriority(chain("A"))
	three := func(_ time.Time, running int) bool { return running < 3 }
	learning, wasted := crowd(p, t0, 250*time.Millisecond, h, 5*time.Second, 2, three)
	good, refused := crowd(p, t0.Add(h), 250*time.Millisecond, h, 5*time.Second, 2, three)
	const most = 3 * 720
	if good < most*95/100 || refused > 10 || wasted > 60 {
		t.Errorf("%d of %d were answered with %d refused, after %d with %d", good, most, refused, learning, wasted)
	}
}

// Of requests that are sent at one moment nobody knows which is there first; a limit is found all the same.
func TestGuessOfACrowd(t *testing.T) {
	p := byPriority(chain("A"))
	four := &secret{per: 10 * time.Second, n: 4}
	takes := func(now time.Time, _ int) bool { ok, _ := four.take(now); return ok }
	crowd(p, t0, 500*time.Millisecond, h, time.Second, 3, takes)
	good, refused := crowd(p, t0.Add(h), 500*time.Millisecond, h, time.Second, 3, takes)
	const most = 4 * 360
	if good < most*9/10 || refused > 30 {
		t.Errorf("%d of %d were answered, %d refused", good, most, refused)
	}
}

// What is turned away for its size was not taken on: it is given back.
func TestTooLargeIsGivenBack(t *testing.T) {
	rows := chain("A")
	rows[0].Limits = []fallback.Window{{Per: time.Minute, Limit: 1}}
	p := byPriority(rows)
	a, _ := p.Pick(t0, &fallback.Walk{})
	a.End(t0, fallback.Outcome{Class: fallback.ContextLength, Action: fallback.NextModelNoPenalty, Status: 413})
	if _, ok := p.Pick(t0.Add(time.Second), &fallback.Walk{}); !ok {
		t.Error("nothing was taken on, and nothing is left")
	}
}
