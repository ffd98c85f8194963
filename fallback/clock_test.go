package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

// A clock that was wrong for a while, or that is set back, keeps nobody waiting for a time that is years away: what was known goes
// back with it, also over a restart. What was spent stays spent, and what rests goes on resting as long as it would have.
func TestClockThatGoesBack(t *testing.T) {
	const wrong = 4 * 365 * 24 * h
	rows := chain("A B C D E F")
	rows[0].Limits = []fallback.Window{{Per: m, Limit: 2}}
	rows[1].Limits = []fallback.Window{{Cycle: fallback.Daily, Per: 24 * h, Limit: 2}}
	rows[2].Limits = []fallback.Window{{Cycle: fallback.Fixed, Per: h, Limit: 2}}
	rows[5].Limits = []fallback.Window{{Cycle: fallback.Bucket, Per: h, Limit: 2}}
	for _, restart := range []bool{false, true} {
		p := byPriority(rows)
		ask := func(now time.Time, id, outcome string) bool {
			a, ok := p.Pick(now, &fallback.Walk{Ask: fallback.Ask{Model: id, Only: true}})
			if ok {
				a.End(now, outcomeOf(outcome))
			}
			return ok
		}
		then := t0.Add(wrong)
		for range 2 {
			for _, id := range []string{"A", "B", "C", "F"} {
				if !ask(then, id, "ok") {
					t.Fatal(id, "has no room")
				}
			}
		}
		ask(then, "D", "429/10m")
		for range 3 {
			ask(then, "E", "fault")
		}
		if restart {
			saved := p.Save(then)
			p = byPriority(rows)
			p.Restore(saved)
		}
		for _, c := range []struct {
			at   time.Duration
			open string
		}{{s, ""}, {40 * s, "E"}, {2 * m, "AE"}, {11 * m, "ADE"}, {40 * m, "ADEF"}, {2 * h, "ACDEF"}, {15 * h, "ABCDEF"}} {
			open := ""
			for _, row := range p.Snapshot(t0.Add(c.at)) {
				if row.Available {
					open += row.Model.ID
				}
			}
			if open != c.open {
				t.Errorf("restart %t, %v after: open are %s, want %s", restart, c.at, open, c.open)
			}
		}
		if !ask(t0.Add(15*h), "B", "ok") || !ask(t0.Add(15*h), "B", "ok") || ask(t0.Add(15*h), "B", "ok") {
			t.Error("the day's window does not hold two")
		}
	}
}

// A clock that is a few minutes off, as after a start without a battery, changes nothing: it will be right again.
func TestClockThatIsALittleOff(t *testing.T) {
	p := byPriority(chain("A B"))
	play(t, p, []step{{10 * m, "plain", "A=429/1h B=ok", ""}})
	saved := p.Save(t0.Add(10 * m))
	p = byPriority(chain("A B"))
	p.Restore(saved)
	play(t, p, []step{{0, "plain", "B=ok", "A 1 rests: rate_limited until 1h10m0s"}, {69 * m, "plain", "B=ok", ""}, {70 * m, "plain", "A=ok", ""}})
}
