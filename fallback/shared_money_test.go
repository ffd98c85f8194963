package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

// What a model may cost in a day it may cost all replicas together, and nothing while nobody says what the others have spent.
func TestMoneyIsOneForAllReplicas(t *testing.T) {
	rows := chain("A B")
	rows[0].Proof, rows[0].USDPerDay = fallback.AllowedPaid, 1
	p := byPriority(rows)
	ask := func(now time.Duration, counts []fallback.Count) (*fallback.Walk, *fallback.Attempt, fallback.Draw, bool) {
		t.Helper()
		w := &fallback.Walk{}
		a, _ := p.Pick(t0.Add(now), w)
		if a == nil || a.Model.ID != "A" {
			return w, a, fallback.Draw{}, false
		}
		list := a.Draws(t0.Add(now))
		if len(list) != 1 || !list[0].Strict {
			t.Fatalf("it draws %+v", list)
		}
		return w, a, list[0], a.Share(t0.Add(now), counts)
	}
	reason := func(now time.Duration) string { return p.Snapshot(t0.Add(now))[0].Reason }

	w, _, _, ok := ask(0, nil)
	if b, more := p.Pick(t0, w); ok || !more || b.Model.ID != "B" {
		t.Errorf("without a word of the others it is asked: %v", ok)
	}
	if got := reason(0); got != "no_redis" {
		t.Errorf("the reason is %q", got)
	}

	_, a, d, ok := ask(2*s, []fallback.Count{{Used: 1_000_000, Opens: h}})
	if !ok || d.Amount != 1_000_000 || d.Fit != 1 || d.Limit != 1_000_000 || d.Used != 0 || d.Cycle != fallback.Daily {
		t.Fatalf("before a cost is known it draws %+v", d)
	}
	a.End(t0.Add(3*s), paid(0.125))
	if got := a.Drawn(); len(got) != 1 || got[0].Kept != 125_000 {
		t.Errorf("it has cost %+v", got)
	}
	if told := p.Tell(t0.Add(3 * s)); len(told) != 1 || told[0].Heard != 125_000 || told[0].Amount != 0 {
		t.Errorf("a counter that has forgotten is told %+v", told)
	}

	_, _, d, ok = ask(4*s, []fallback.Count{{Used: 950_000, Full: true, Opens: 14 * h}})
	if ok || d.Amount != 125_000 || d.Fit != 125_000 {
		t.Errorf("others have spent the day's bound: %v, %+v", ok, d)
	}
	if got := reason(5 * s); got != "spent" {
		t.Errorf("the reason is %q", got)
	}
	shut := p.Shut(t0.Add(5*s), 9)
	if len(shut) != 1 || shut[0].Amount != 0 || shut[0].Fit != 125_000 {
		t.Fatalf("it is looked at by %+v", shut)
	}
	p.Heed(t0.Add(5*s), shut, []fallback.Count{{Used: 500_000}})
	if got := reason(5 * s); got != "" {
		t.Errorf("others have given some back, and it is %q", got)
	}
	_, a, _, ok = ask(6*s, []fallback.Count{{Used: 625_000}})
	if !ok {
		t.Fatal("it is not asked again")
	}
	left := outcomeOf("left")
	a.End(t0.Add(7*s), left)
	if got := a.Drawn(); got[0].Kept != 125_000 {
		t.Errorf("what left before its cost was told has cost %+v", got)
	}
	_, a, _, _ = ask(8*s, []fallback.Count{{Used: 750_000}})
	refused := outcomeOf("fault")
	refused.Unsent = true
	a.End(t0.Add(9*s), refused)
	if got := a.Drawn(); got[0].Kept != 0 {
		t.Errorf("what was not sent has cost %+v", got)
	}
}
