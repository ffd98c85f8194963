package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

// Of several replicas one makes the trial of a cooldown.
func TestOneTrialOfAllReplicas(t *testing.T) {
	p := byPriority(chain("A B"))
	play(t, p, []step{{0, "plain", "A=fault B=ok", ""}, {s, "plain", "A=fault B=ok", ""}, {2 * s, "plain", "A=fault B=ok", ""}})
	now := t0.Add(40 * s)
	w := &fallback.Walk{}
	a, _ := p.Pick(now, w)
	if a == nil || a.Model.ID != "A" {
		t.Fatalf("it is no trial: %+v", a)
	}
	list := a.Draws(now)
	if len(list) != 1 || list[0].Limit != 1 || list[0].Amount != 1 || list[0].Per != 30*s {
		t.Fatalf("it draws %+v", list)
	}
	if a.Share(now, []fallback.Count{{Used: 1, Full: true, Opens: 20 * s}}) {
		t.Error("a second trial is made")
	}
	if b, _ := p.Pick(now, w); b == nil || b.Model.ID != "B" {
		t.Errorf("the walk does not go on: %+v", b)
	}
	if row := p.Snapshot(now)[0]; row.Available || row.Reason != "trial" {
		t.Errorf("%+v", row)
	}
	look := p.Shut(now.Add(s), 9)
	if len(look) != 1 || look[0].Name != list[0].Name || look[0].Amount != 0 {
		t.Fatalf("it is looked at by %+v", look)
	}
	p.Heed(now.Add(s), look, []fallback.Count{{Used: 0}})
	if row := p.Snapshot(now.Add(s))[0]; !row.Available || len(p.Shut(now.Add(s), 9)) != 0 {
		t.Errorf("the other replica has given it up, and here it is %+v", row)
	}
	for what, kept := range map[string]int64{"left": 0, "fault": 1} {
		now = now.Add(h)
		a, _ = p.Pick(now, &fallback.Walk{})
		name := a.Draws(now)[0].Name
		a.Share(now, []fallback.Count{{Used: 1}})
		a.End(now, outcomeOf(what))
		if got := a.Drawn(); got[0].Kept != kept {
			t.Errorf("%s keeps %d of the trial", what, got[0].Kept)
		}
		if b, _ := p.Pick(now.Add(h/2), &fallback.Walk{}); what == "fault" && b.Draws(now.Add(h / 2))[0].Name == name {
			t.Error("the next cooldown has no trial of its own")
		} else {
			b.End(now.Add(h/2), outcomeOf("left"))
		}
	}
}

// Who has waited for a limit to end and finds that another replica makes the trial waits on, as those do that wait beside a trial made here.
func TestWhoFindsATrialElsewhereWaitsOn(t *testing.T) {
	p := fallback.New(fallback.Config{Models: chain("A"), Order: fallback.Priority, MaxWaiting: 9, Breaker: fallback.Breaker{Failures: 1}})
	askOnce(p, t0, outcomeOf("upstream429/10s"))
	now := t0.Add(s)
	var alarm time.Time
	p.SetAlarm(func(at time.Time) { alarm = at })
	w := &fallback.Walk{}
	if a, _ := p.Pick(now, w); a != nil || !p.Wait(now, w, now.Add(m), func() {}) {
		t.Fatalf("it does not wait: %+v", a)
	}
	now = t0.Add(10 * s)
	p.Dispatch(now)
	a, ok := p.Turn(now, w)
	if !ok {
		t.Fatal("it is not granted")
	}
	if a.Draws(now); a.Share(now, []fallback.Count{{Used: 1, Full: true, Opens: 30 * s}}) {
		t.Fatal("a second trial is made")
	}
	if a, _ := p.Pick(now, w); a != nil {
		t.Fatalf("%+v", a)
	}
	woken := false
	if !p.Wait(now, w, now.Add(50*s), func() { woken = true }) {
		t.Fatal("it is refused, with 50 s of patience left")
	}
	for now = now.Add(s); !woken && now.Before(t0.Add(m)); now = now.Add(s) { // nobody says anything more of it
		if !alarm.After(now) {
			p.Dispatch(now)
		}
	}
	if at := now.Sub(t0); !woken || at > 43*s {
		t.Errorf("woken %v, after %v", woken, at)
	}
}
