package fallback_test

import (
	"testing"

	"freefall/fallback"
)

// State is joined by provider, account and id, whatever the order and the neighbours.
func TestReconfigureKeepsState(t *testing.T) {
	rows := chain("A B C D")
	rows[1].Keys = keys("a b")
	p := fallback.New(fallback.Config{Models: rows, Order: fallback.Priority, Spread: fallback.SpreadFill})
	play(t, p, []step{
		{0, "list=A", "A=fault", "A 1 ready"},
		{0, "list=B", "B#0=429/10m", "B 1 ready"},
		{0, "list=C", "C=404", "C 0 rests: gone until 24h0m0s"},
		{0, "list=D", "D=upstream429/3m", "D 1 rests: rate_limited until 3m0s"},
	})
	next := chain("D B A")
	next[1].Keys = keys("new b a")
	p.Reconfigure(fallback.Config{Models: next, Order: fallback.Priority, Spread: fallback.SpreadFill})
	play(t, p, []step{
		{1 * s, "", "", "D 1 rests: rate_limited until 3m0s; A 1 ready"},
		{1 * s, "plain", "B#0=429/1h B#1=429/1h A=ok", "B 2 rests: rate_limited until 10m0s"},
	})
	p.Reconfigure(fallback.Config{Models: rows, Order: fallback.Priority})
	play(t, p, []step{{2 * s, "", "", "C 0 rests: gone until 24h0m0s; B 2 rests: rate_limited until 10m0s"}})

	other := chain("A")
	other[0].Provider = "q"
	p.Reconfigure(fallback.Config{Models: other})
	play(t, p, []step{{3 * s, "plain", "A=ok", "A 0 ready"}})
}

// A new configuration is what a person changes: it lifts what only a person could end, and nothing else.
func TestReconfigureLifts(t *testing.T) {
	for outcome, lifted := range map[string]bool{
		"auth": true, "402": true, "nosub": true, "spent": true,
		"gone": false, "cost": false, "404": false, "429/1h": false, "account429/1h": false, "day": false,
	} {
		t.Run(outcome, func(t *testing.T) {
			p := byPriority(chain("A"))
			play(t, p, []step{{0, "plain", "A=" + outcome + " none", ""}})
			p.Reconfigure(fallback.Config{Models: chain("A")})
			if got := p.Snapshot(t0)[0].Available; got != lifted {
				t.Errorf("available is %v", got)
			}
		})
	}
}

// A request under way finishes on the rows that it began with; what it learns still counts.
func TestReconfigureUnderAWalk(t *testing.T) {
	p := byPriority(chain("A B C"))
	play(t, p, []step{{0, "plain", "A=fault", ""}, {0, "plain", "A=fault", ""}})
	var w fallback.Walk
	a, _ := p.Pick(t0, &w)
	p.Reconfigure(fallback.Config{Models: chain("C A"), Order: fallback.Priority})
	a.End(t0, outcomeOf("fault"))
	play(t, p, []step{{0, "", "", "A 3 rests: failures until 30s"}})

	b, _ := p.Pick(t0, &w)
	if got := pickedName(b); got != "B" {
		t.Fatalf("picked %s, want B of the old rows", got)
	}
	p.Reconfigure(fallback.Config{Models: chain("C")})
	b.End(t0, outcomeOf("provider429/1m"))
	play(t, p, []step{{0, "plain", "none", "C 0 rests: rate_limited until 1m0s"}})

	p.Reconfigure(fallback.Config{Models: chain("A B C"), Order: fallback.Priority})
	play(t, p, []step{{60 * s, "plain", "A=ok", "A 2 ready"}})
}

// A trial that is under way over a change is still the only one.
func TestReconfigureDuringATrial(t *testing.T) {
	p := byPriority(chain("A B"))
	play(t, p, []step{
		{0, "plain", "A=429/10h B=ok", ""},
	})
	var w fallback.Walk
	trial, _ := p.Pick(t0.Add(5*h), &w)
	play(t, p, []step{{5 * h, "list=A", "none", ""}})
	p.Reconfigure(fallback.Config{Models: chain("A B"), Order: fallback.Priority})
	play(t, p, []step{{5 * h, "list=A", "none", ""}})
	trial.End(t0.Add(5*h+s), outcomeOf("ok"))
	play(t, p, []step{{5*h + s, "list=A", "A=ok", ""}})
}

// A breaker that became stricter never shows a count above its number.
func TestReconfigureStricter(t *testing.T) {
	p := fallback.New(fallback.Config{Models: chain("A"), Breaker: fallback.Breaker{Failures: 5}})
	for range 4 {
		play(t, p, []step{{0, "plain", "A=fault", ""}})
	}
	p.Reconfigure(fallback.Config{Models: chain("A"), Breaker: fallback.Breaker{Failures: 2}})
	play(t, p, []step{
		{0, "", "", "A 1 ready"},
		{0, "plain", "A=fault", "A 2 rests: failures until 30s"},
	})

	p = fallback.New(fallback.Config{Models: chain("A"), Breaker: fallback.Breaker{Failures: 5}})
	play(t, p, []step{{0, "plain", "A=fault", ""}, {0, "plain", "A=fault", ""}, {0, "plain", "A=fault", ""}})
	a, _ := p.Pick(t0, &fallback.Walk{})
	p.Reconfigure(fallback.Config{Models: chain("B"), Breaker: fallback.Breaker{Failures: 2}})
	if e := a.End(t0, outcomeOf("fault")); e.FailureCount != 2 || !e.Unavailable {
		t.Errorf("the last failure of a row that left: %+v", e)
	}
}

// The memory of the last good model survives a change, and a model that left is forgotten.
func TestReconfigureKeepsMemory(t *testing.T) {
	p := lastGood(chain("A B C"))
	play(t, p, []step{{0, "plain", "A=fault B=ok", ""}})
	p.Reconfigure(fallback.Config{Models: chain("A B D")})
	play(t, p, []step{{1 * s, "plain", "B=ok", ""}})
	p.Reconfigure(fallback.Config{Models: chain("C A")})
	play(t, p, []step{{2 * s, "plain", "C=ok", ""}})
	p.Reconfigure(fallback.Config{Models: chain("A C B")})
	play(t, p, []step{{3 * s, "plain", "C=ok", ""}})
}

func TestEmptyPool(t *testing.T) {
	p := fallback.New(fallback.Config{})
	play(t, p, []step{{0, "plain", "none", ""}, {0, "embed", "none", ""}, {0, "model=A only", "none", ""}})
	if p.Ready() || len(p.Snapshot(t0)) != 0 || p.Exhausted(t0, &fallback.Walk{}).Fits {
		t.Error("an empty pool offers something")
	}
}
