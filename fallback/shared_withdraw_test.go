package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

// Who wants one model only is not bound to the row that came to nothing: another provider has that model, too.
func TestOnlyGoesOnAfterNothing(t *testing.T) {
	rows := chain("A B")
	rows[0].ID, rows[1].ID = "x", "x"
	rows[1].Provider = "other"
	rows[0].Limits, rows[1].Limits = rpm(5), rpm(5)
	p := byPriority(rows)
	w := &fallback.Walk{Ask: fallback.Ask{Model: "x", Only: true}}
	a, _ := draws(t, p, t0, w)
	if a.Share(t0, []fallback.Count{{Used: 5, Full: true, Opens: 10 * s}}) {
		t.Fatal("it was granted")
	}
	b, ok := p.Pick(t0, w)
	if !ok || b.Model.Provider != "other" {
		t.Fatalf("the other provider is not asked: %v", ok)
	}
	b.End(t0, outcomeOf("429/1m"))
	if c, ok := p.Pick(t0.Add(11*s), w); ok && c.Model.Provider != "other" {
		t.Errorf("after %s was asked %s is", b.Model.Provider, c.Model.Provider)
	}
}

// A hedge that came to nothing is none: others may be.
func TestHedgeThatCameToNothing(t *testing.T) {
	rows := apart("A B")
	rows[1].Limits = rpm(50)
	p := hedging(rows, 0.0001)
	for range 2 {
		w := &fallback.Walk{}
		first, _ := p.Pick(t0, w)
		b, ok := p.Hedge(t0, w, first)
		if !ok {
			t.Fatal("no hedge")
		}
		b.Draws(t0)
		b.Share(t0, []fallback.Count{{Used: 5, Full: true}})
		p.Heed(t0, p.Shut(t0, 9), []fallback.Count{{Used: 5}})
	}
	w := &fallback.Walk{}
	first, _ := p.Pick(t0, w)
	if _, ok := p.Hedge(t0, w, first); !ok {
		t.Error("no hedge")
	}
	w = &fallback.Walk{}
	first, _ = p.Pick(t0, w)
	if _, ok := p.Hedge(t0, w, first); ok {
		t.Error("more hedges than there may be")
	}
}

// Who dared and came to nothing has not dared: the next one does not wait twice as long.
func TestDareThatCameToNothing(t *testing.T) {
	p := byPriority(limited("A", rpd(500)))
	for range 100 {
		askOnce(p, t0, outcomeOf("ok"))
	}
	askOnce(p, t0, outcomeOf("429"))
	now := t0.Add(2500 * ms)
	a, list := draws(t, p, now, &fallback.Walk{})
	a.Share(now, []fallback.Count{{Used: 500, Full: true, Opens: list[0].Turns[2].Sub(now)}})
	p.Heed(now, p.Shut(now, 9), []fallback.Count{{Used: 101, Opens: list[0].Turns[2].Sub(now)}})
	for _, want := range []bool{true, false} { // its own refusal makes the next one wait
		now = now.Add(50 * ms)
		if asked := askOnce(p, now, outcomeOf("429")); asked != want {
			t.Errorf("asked %v", asked)
		}
	}
}

// Who waits and was granted what others had drawn does not go to the end of the queue.
func TestWhoCameToNothingKeepsItsPlace(t *testing.T) {
	p := fallback.New(fallback.Config{Models: limited("A", rpm(5)), Order: fallback.Priority, MaxWaiting: 9})
	full := []fallback.Count{{Used: 5, Full: true, Opens: 10 * s}}
	var walks [3]fallback.Walk
	a, _ := draws(t, p, t0, &fallback.Walk{})
	a.Share(t0, full)
	granted := -1
	wait := func(i int) {
		if !p.Wait(t0, &walks[i], t0.Add(h), func() { granted = i }) {
			t.Fatalf("%d does not wait", i)
		}
	}
	for i := range walks {
		p.Pick(t0, &walks[i])
		wait(i)
	}
	room := func() { p.Heed(t0, p.Shut(t0, 9), []fallback.Count{{Used: 4, Opens: 10 * s}}) }
	for range 2 {
		if room(); granted != 0 {
			t.Fatalf("%d was granted", granted)
		}
		a, _ := p.Turn(t0, &walks[0])
		a.Draws(t0)
		a.Share(t0, full)
		wait(0)
	}
}

// Who needs no room for the answers of others does not ask the shared counter again and again: it has said that there is none for anybody.
func TestNothingIsAskedForOnceWithoutRoom(t *testing.T) {
	for name, opens := range map[string]time.Duration{"of this turn": 30 * s, "of another turn": 90 * s} {
		p := byPriority(limited("A", []fallback.Window{{Unit: fallback.Tokens, Cycle: fallback.Fixed, Per: m, Limit: 2000}}))
		need := fallback.Need{Tokens: 100, MaxOutput: 300} // 131 and 300
		for range 5 {
			a, _ := draws(t, p, t0, &fallback.Walk{Need: need})
			a.Share(t0, []fallback.Count{{Used: 431, Opens: 30 * s}})
			defer a.End(t0, outcomeOf("ok"))
		}
		w, asked := &fallback.Walk{Need: need}, 0
		for a, ok := p.Pick(t0, w); ok && asked < 9; a, ok = p.Pick(t0, w) {
			a.Draws(t0)
			a.Share(t0, []fallback.Count{{Used: 2100, Full: true, Opens: opens}})
			asked++
		}
		if asked > 2 {
			t.Errorf("%s: asked %d times", name, asked)
		}
	}
}
