package fallback_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"freefall/fallback"
)

// hedging is a pool whose requests may all be hedged.
func hedging(rows []fallback.Model, share float64) *fallback.Pool {
	return fallback.New(fallback.Config{Models: rows, Order: fallback.Priority, HedgeShare: share, MaxWaiting: 9})
}

// apart gives each row an account of its own.
func apart(text string) []fallback.Model {
	rows := chain(text)
	for i := range rows {
		rows[i].Keys = keys(fmt.Sprint("account", i))
	}
	return rows
}

// hedge picks for a request and hedges at once; it gives who was asked beside A.
func hedge(t *testing.T, p *fallback.Pool, now time.Time, request string) (first, second *fallback.Attempt, beside string) {
	t.Helper()
	w := &fallback.Walk{}
	w.Need, w.Ask = ask(request)
	first, ok := p.Pick(now, w)
	if !ok || first.Model.ID != "A" {
		t.Fatalf("picked %s", pickedName(first))
	}
	second, _ = p.Hedge(now, w, first)
	if second != nil && w.Attempts() != 2 {
		t.Errorf("%d attempts", w.Attempts())
	}
	return first, second, pickedName(second)
}

func TestHedgeGoesToWhom(t *testing.T) {
	of := func(rows []fallback.Model, change func([]fallback.Model)) []fallback.Model { change(rows); return rows }
	for name, c := range map[string]struct {
		rows    []fallback.Model
		request string
		meet    map[string]string // what a request for a model has met just before
		want    string
	}{
		"the next one of another account":   {apart("A B C"), "plain", nil, "B"},
		"none of the same account":          {chain("A B"), "plain", nil, "none"},
		"nobody else":                       {apart("A"), "plain", nil, "none"},
		"what fits":                         {of(apart("A B C"), func(r []fallback.Model) { r[1].Tools = false }), "tools", nil, "C"},
		"another model rather than account": {of(apart("A B"), func(r []fallback.Model) { r[0].Keys = keys("x y") }), "plain", nil, "B"},
		"another account of the same":       {of(apart("A"), func(r []fallback.Model) { r[0].Keys = keys("x y") }), "plain", nil, "A#1"},
		"that model only":                   {of(apart("A B"), func(r []fallback.Model) { r[0].Keys = keys("x y") }), "model=A only", nil, "A#1"},
		"another key of the account":        {of(apart("A"), func(r []fallback.Model) { r[0].Keys = keys("x x") }), "plain", nil, "none"},
		"what rests":                        {apart("A B C"), "plain", map[string]string{"B": "429/9s"}, "C"},
		"what costs money":                  {of(apart("A B"), func(r []fallback.Model) { r[1].Proof, r[1].USDPerDay = fallback.AllowedPaid, 9 }), "plain", nil, "none"},
		"a minute that is half drawn":       {of(apart("A B"), func(r []fallback.Model) { r[1].Limits = rpm(3) }), "plain", map[string]string{"B": "ok ok"}, "none"},
		"a minute that is not":              {of(apart("A B"), func(r []fallback.Model) { r[1].Limits = rpm(4) }), "plain", map[string]string{"B": "ok ok"}, "B"},
		"a day drawn faster than it goes":   {of(apart("A B"), func(r []fallback.Model) { r[1].Limits = rpd(4) }), "plain", map[string]string{"B": "ok ok"}, "none"},
		"a day that is not":                 {of(apart("A B"), func(r []fallback.Model) { r[1].Limits = rpd(5) }), "plain", map[string]string{"B": "ok ok"}, "B"},
		"an account that is short": {of(apart("A B"), func(r []fallback.Model) { r[1].Keys[0].Limits = rpm(3) }), "plain",
			map[string]string{"B": "ok ok"}, "none"},
	} {
		p := hedging(c.rows, 1)
		for model, outcomes := range c.meet {
			play(t, p, meetings(model, outcomes))
		}
		if _, _, got := hedge(t, p, t0, c.request); got != c.want {
			t.Errorf("%s: asked %s, want %s", name, got, c.want)
		}
	}
}

// Whom the walk avoids, since he has just said something doubtful, is not asked beside another provider either.
func TestNoHedgeWithWhoIsAvoided(t *testing.T) {
	rows := apart("A B C")
	rows[2].Provider = "elsewhere"
	p, w := hedging(rows, 1), &fallback.Walk{}
	w.Need, w.Ask = ask("plain")
	w.Avoid(rows[0].Provider)
	first, ok := p.Pick(t0, w)
	if !ok || first.Model.ID != "C" {
		t.Fatalf("picked %s", pickedName(first))
	}
	if second, _ := p.Hedge(t0, w, first); second != nil {
		t.Errorf("asked %s beside it", pickedName(second))
	}
}

// meetings are requests for one model, with what each of them meets.
func meetings(model, outcomes string) (steps []step) {
	for word := range strings.FieldsSeq(outcomes) {
		steps = append(steps, step{0, "model=" + model + " only", model + "=" + word, ""})
	}
	return steps
}

// A model that has kept somebody waiting for long, or is tried for the first time after a rest, is not asked beside another one.
func TestNoHedgeWithASuspect(t *testing.T) {
	p := hedging(apart("A B"), 1)
	f := newPlayer(p)
	f.play(t, []step{{0, "x: model=B only", "B=...", ""}})
	if _, _, got := hedge(t, p, t0.Add(16*s), "plain"); got != "none" {
		t.Errorf("B hangs, and was asked: %s", got)
	}
	p = hedging(apart("A B"), 1)
	play(t, p, meetings("B", "fault fault fault"))
	if _, _, got := hedge(t, p, t0.Add(m), "plain"); got != "none" {
		t.Errorf("B is half open, and was asked: %s", got)
	}
	p = hedging(apart("A B"), 1)
	play(t, p, meetings("B", "429/9s"))
	if _, _, got := hedge(t, p, t0.Add(10*s), "plain"); got != "none" {
		t.Errorf("nobody knows how much B has free, and it was asked: %s", got)
	}
}

// Who waits for a limit comes before who wants to be quicker.
func TestNoHedgeWhileSomebodyWaits(t *testing.T) {
	rows := apart("A B C")
	rows[2].Limits, rows[2].Vision = rpm(1), true
	rows[0].Vision, rows[1].Vision = false, false
	p := hedging(rows, 1)
	play(t, p, []step{{0, "vision", "C=ok", ""}})
	w := &fallback.Walk{Need: fallback.Need{Vision: true}}
	if a, ok := p.Pick(t0, w); ok || !p.Wait(t0, w, t0.Add(2*m), func() {}) {
		t.Fatalf("picked %s, or no wait", pickedName(a))
	}
	if _, _, got := hedge(t, p, t0, "plain"); got != "none" {
		t.Errorf("asked %s", got)
	}
	p.Turn(t0, w)
	if _, _, got := hedge(t, p, t0, "plain"); got != "B" {
		t.Errorf("nobody waits any more, asked %s", got)
	}
}

func TestHedgeShare(t *testing.T) {
	for _, share := range []float64{0, 0.1, 0.25, 1} {
		p := hedging(apart("A B"), share)
		hedged, recent := 0, []bool{}
		for n := 1; n <= 3000; n++ {
			first, second, _ := hedge(t, p, t0, "plain")
			first.End(t0, outcomeOf("ok"))
			if second != nil {
				second.End(t0, outcomeOf("hedge"))
				hedged++
			}
			if recent = append(recent, second != nil); len(recent) > 1000 {
				if recent[0] {
					hedged--
				}
				recent = recent[1:]
			}
			if most := share*float64(len(recent)) + 1; float64(hedged) >= most {
				t.Fatalf("share %v: %d of the last %d requests were hedged", share, hedged, len(recent))
			}
		}
		if least := int(share * 1000); hedged < least {
			t.Errorf("share %v: only %d of the last 1,000 were hedged", share, hedged)
		}
	}
}

// A request is hedged once, whatever its share.
func TestHedgedOnce(t *testing.T) {
	p := hedging(apart("A B C"), 1)
	w := &fallback.Walk{}
	first, _ := p.Pick(t0, w)
	second, _ := p.Hedge(t0, w, first)
	if third, ok := p.Hedge(t0, w, first); ok {
		t.Errorf("%s and then %s", second.Model.ID, third.Model.ID)
	}
	if n := p.Snapshot(t0); len(n) != 3 {
		t.Fatal(n)
	}
	second.End(t0, outcomeOf("fault"))
	first.End(t0, outcomeOf("fault"))
	if a, _ := p.Pick(t0, w); pickedName(a) != "C" {
		t.Errorf("then %s", pickedName(a))
	}
}

// Both draw, and who lost has drawn all the same: its request, and its tokens by whether the provider goes on with it.
func TestBothAttemptsDraw(t *testing.T) {
	tpm := append(rpm(9), fallback.Window{Unit: fallback.Tokens, Per: m, Limit: 10_000})
	for burns, want := range map[bool]string{true: "rpm 1/9; tpm 1601/10000", false: "rpm 1/9; tpm 1302/10000"} {
		rows := apart("A B")
		rows[0].Limits, rows[1].Limits, rows[0].Burns = tpm, tpm, burns
		p := hedging(rows, 1)
		first, second, _ := hedge(t, p, t0, "tokens=1000")
		if second == nil {
			t.Fatal("no hedge")
		}
		for _, row := range p.Snapshot(t0) {
			if row.Quota[0].Used != 1 {
				t.Errorf("%s has drawn %d", row.Model.ID, row.Quota[0].Used)
			}
		}
		second.Committed(t0.Add(s))
		second.End(t0.Add(s), fallback.Outcome{InputTokens: 5, OutputTokens: 5})
		first.End(t0.Add(s), outcomeOf("hedge"))
		if got := quotas(p, t0.Add(s)); got != want {
			t.Errorf("goes on %v: %s, want %s", burns, got, want)
		}
	}
}

// What is slow for a model is learned of its own answers, streams and whole ones apart; attempts that were given up count as slow ones.
func TestSlowIsTheModelsOwn(t *testing.T) {
	p := hedging(apart("A B"), 1)
	look := func(stream bool) string {
		w := &fallback.Walk{Need: fallback.Need{Stream: stream}}
		a, _ := p.Pick(t0, w)
		defer a.End(t0, outcomeOf("stopped"))
		if d, ok := a.Slow(); ok {
			return d.String()
		}
		return "unknown"
	}
	answer := func(stream bool, after time.Duration, outcome string) {
		w := &fallback.Walk{Need: fallback.Need{Stream: stream}}
		a, _ := p.Pick(t0, w)
		if outcome == "ok" {
			a.Committed(t0.Add(after))
		}
		a.End(t0.Add(after), outcomeOf(outcome))
	}
	if got := look(true); got != "unknown" {
		t.Errorf("at first %s", got)
	}
	for n := range 20 {
		answer(true, time.Duration(n+1)*time.Millisecond, "ok")
		answer(false, time.Duration(n+1)*s, "ok")
	}
	if got := look(true) + " " + look(false); got != "20ms 20s" {
		t.Errorf("of 20: %s", got)
	}
	for range 60 {
		answer(true, 5*time.Millisecond, "ok")
	}
	for range 4 {
		answer(true, 300*time.Millisecond, "hedge")
	}
	if got := look(true); got != "300ms" {
		t.Errorf("four of 64 were given up after 300 ms, and slow is %s", got)
	}
}
