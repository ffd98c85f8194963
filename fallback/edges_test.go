package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

// An alarm is set anew for one who wants another model, which opens sooner.
func TestTheFirstToOpenSetsTheAlarm(t *testing.T) {
	rows := chain("A B")
	rows[0].Limits, rows[1].Limits = per10(1), []fallback.Window{{Per: 5 * s, Limit: 1}}
	p := fallback.New(fallback.Config{Models: rows, MaxWaiting: 2})
	var alarm time.Time
	p.SetAlarm(func(at time.Time) { alarm = at })
	for _, id := range []string{"A", "B"} {
		ask := fallback.Ask{Model: id, Only: true}
		a, _ := p.Pick(t0, &fallback.Walk{Ask: ask})
		a.End(t0, outcomeOf("ok"))
		w := &fallback.Walk{Ask: ask}
		p.Pick(t0, w)
		if !p.Wait(t0, w, t0.Add(m), func() {}) {
			t.Fatal("it may not wait")
		}
	}
	if d := alarm.Sub(t0); d < 5*s || d > 6*s {
		t.Errorf("the alarm is set to %v, and B opens after 5 s", d)
	}
}

// Who holds as much of a full queue as another takes no place from it.
func TestAFullQueueIsNotSwappedAround(t *testing.T) {
	l := newLine(fallback.New(fallback.Config{Models: limited("A", per10(1)), MaxWaiting: 3}))
	got := ""
	for _, client := range []string{"x", "a", "a", "b", "b"} {
		got += l.join(t0, client, client, fallback.Need{}) + " "
	}
	if got != "served waits waits waits refused " || len(l.woken) > 0 {
		t.Errorf("%s, woken are %v", got, l.woken)
	}
}

// The word of a provider that there is room after all serves those that wait.
func TestAReadingServesThoseThatWait(t *testing.T) {
	l := newLine(fallback.New(fallback.Config{Models: limited("A", per10(2)), MaxWaiting: 3}))
	for _, name := range []string{"0", "1", "2"} {
		l.join(t0, name, "", fallback.Need{})
	}
	l.p.Observe(t0.Add(s), "p", "one", []fallback.Reading{{Target: fallback.TargetAccount, Per: 10 * s, Limit: 2, Remaining: 1, Reset: s}})
	if got := l.served(t0.Add(s)); got != "2" {
		t.Errorf("%q is served", got)
	}
}

// A reading without a length is of a window that its reset can belong to.
func TestAResetTellsTheWindow(t *testing.T) {
	rows := chain("A")
	rows[0].Limits = []fallback.Window{{Per: m, Limit: 5}, {Per: 24 * h, Limit: 5}}
	p := byPriority(rows)
	a, _ := p.Pick(t0, &fallback.Walk{})
	a.Observe(t0, []fallback.Reading{{Target: fallback.TargetPair, Limit: 5, Remaining: 2, Reset: h}})
	a.End(t0, outcomeOf("ok"))
	if got := quotas(p, t0); got != "rpm 1/5; rpd 3/5" {
		t.Error(got)
	}
}

// A refusal by a window that is nearly full is that window's: no other limit is suspected, however often it happens.
func TestANearlyFullWindowExplainsARefusal(t *testing.T) {
	p := byPriority(limited("A", rpm(30)))
	now := t0
	for range 6 {
		burst(p, now, 29, "ok")
		burst(p, now, 1, "account429/61s")
		if got := quotas(p, now); got != "rpm 30/30" {
			t.Fatalf("%v after: %s", now.Sub(t0), got)
		}
		now = now.Add(2 * m)
	}
}

// What is known of limits outlives a restart: one that the provider named, one that was found out and when it is tried next.
func TestLearnedLimitsOutliveARestart(t *testing.T) {
	rows := chain("A B")
	p := byPriority(rows)
	a, _ := p.Pick(t0, &fallback.Walk{})
	a.Observe(t0, []fallback.Reading{{Target: fallback.TargetPair, Per: 24 * h, Limit: 1000, Remaining: 900, Reset: 3 * h}})
	a.End(t0, outcomeOf("ok"))
	again := byPriority(rows)
	again.Restore(p.Save(t0))
	if got := quotas(again, t0); got != quotas(p, t0) || got != "rpd 100/1000" {
		t.Errorf("%s, and it was %s", got, quotas(p, t0))
	}
	spoilt := p.Save(t0)
	for i := range spoilt.Windows {
		spoilt.Windows[i].Drawn = append(spoilt.Windows[i].Drawn, fallback.Drawn{At: t0.UnixMilli(), N: -500}, fallback.Drawn{At: t0.UnixMilli()})
	}
	again = byPriority(rows)
	again.Restore(spoilt)
	if got := quotas(again, t0); got != "rpd 100/1000" {
		t.Errorf("a file with negative amounts: %s", got)
	}
}

// Under adaptive a model that was good for long and is bad now is found out as soon as any, one that was bad is forgiven with time, and
// one whose rest is over is tried.
func TestAdaptiveForgets(t *testing.T) {
	p := fallback.New(fallback.Config{Models: chain("A B"), Order: fallback.Adaptive, Breaker: fallback.Breaker{Failures: 1000}})
	ask := func(now time.Time, n int, outcome string) (firsts int) {
		for range n {
			a, _ := p.Pick(now, &fallback.Walk{})
			if a.Model.ID == "B" {
				a.End(now, outcomeOf("ok"))
				continue
			}
			firsts++
			a.End(now, outcomeOf(outcome))
		}
		return firsts
	}
	ask(t0, 1000, "ok")
	if n := ask(t0, 100, "fault"); n > 10 {
		t.Errorf("it is asked %d times although it fails", n)
	}
	if n := ask(t0.Add(20*m), 10, "ok"); n != 10 {
		t.Errorf("long after, it is asked %d times of 10", n)
	}

	p = fallback.New(fallback.Config{Models: chain("A B"), Order: fallback.Adaptive})
	for range 3 {
		a, _ := p.Pick(t0, &fallback.Walk{Ask: fallback.Ask{Model: "A"}})
		a.End(t0, outcomeOf("fault"))
	}
	if n := ask(t0, 10, "ok"); n != 0 {
		t.Errorf("it is asked %d times while it rests", n)
	}
	if n := ask(t0.Add(31*s), 1, "ok"); n != 1 {
		t.Error("it is not tried")
	}
}

// Now and then another model goes first.
func TestAdaptiveIsCurious(t *testing.T) {
	for chance, want := range map[float64]string{0: "B", 0.049: "C", 0.051: "A"} {
		p := fallback.New(fallback.Config{Models: chain("A B C"), Order: fallback.Adaptive, Chance: func() float64 { return chance }})
		if a, _ := p.Pick(t0, &fallback.Walk{}); a.Model.ID != want {
			t.Errorf("%v: %s", chance, a.Model.ID)
		}
	}
}

// What could be left to others is taken when nothing plainer opens in time.
func TestNothingIsSparedInVain(t *testing.T) {
	for wait, want := range map[time.Duration]string{0: "B", 30 * s: "B", 2 * m: ""} {
		rows := chain("A B")
		rows[0].Tools, rows[0].Vision, rows[1].Vision = false, false, false
		rows[0].Limits = []fallback.Window{{Per: m, Limit: 1}}
		rows[1].Limits = []fallback.Window{{Per: 24 * h, Limit: 10}}
		p := fallback.New(fallback.Config{Models: rows, Order: fallback.Adaptive, MaxWaiting: 9})
		for _, need := range []fallback.Need{{}, {Tools: true}, {Tools: true}, {Tools: true}, {Tools: true}, {Tools: true}, {Tools: true}} {
			a, _ := p.Pick(t0, &fallback.Walk{Need: need})
			a.End(t0, outcomeOf("ok"))
		}
		got := ""
		if a, ok := p.Pick(t0, &fallback.Walk{Ask: fallback.Ask{MaxWait: wait}}); ok {
			got = a.Model.ID
		}
		if got != want {
			t.Errorf("who may wait %v gets %q, want %q", wait, got, want)
		}
	}
}
