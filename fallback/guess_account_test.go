package fallback_test

import (
	"slices"
	"testing"
	"time"

	"freefall/fallback"
)

// A limit of an account that refuses its models one by one, without a word of whose it is, is found by all of them together.
func TestALimitOfAnAccountIsFoundByItsModels(t *testing.T) {
	for _, l := range []secret{{per: m, n: 20}, {fixed: true, per: m, n: 20}} {
		p := byPriority(chain("A B C D"))
		hour := func(from time.Time) (good, refused int) {
			for i, now := 0, from; now.Before(from.Add(h)); i, now = i+1, now.Add(2*s) {
				w := &fallback.Walk{Ask: fallback.Ask{Model: string(rune('A' + i%4))}}
				for {
					a, ok := p.Pick(now, w)
					if !ok {
						break
					}
					if taken, _ := l.take(now); taken {
						good++
						a.Committed(now.Add(20 * time.Millisecond))
						a.End(now.Add(s), outcomeOf("ok"))
						break
					}
					refused++
					a.End(now.Add(20*time.Millisecond), outcomeOf("429"))
				}
			}
			return good, refused
		}
		hour(t0)
		good, refused := hour(t0.Add(h))
		if good < 1100 || refused > 10 {
			t.Errorf("turning %v: %d of 1200 answered, %d refused", l.fixed, good, refused)
		}
	}
}

// Models that are full one after the other, each by a limit of its own, look like an account that is full; so it takes more to convince an account,
// also after a restart.
func TestModelsThatAreFullAreNoAccountThatIs(t *testing.T) {
	for name, saved := range map[string][]fallback.SavedWindow{
		"new":       nil,
		"restarted": {{Target: "account", Account: "a", Unit: "requests", Cycle: "sliding", Per: time.Minute, Guessed: 1000}},
	} {
		limits := map[string]*secret{"A": {per: m, n: 10}, "B": {per: 5 * m, n: 25}, "C": {fixed: true, per: m, n: 5}}
		p := byPriority(chain("A B C"))
		p.Restore(fallback.Saved{Windows: saved})
		good, at := 0, t0
		for ; at.Before(t0.Add(2 * h)); at = at.Add(2 * s) {
			var w fallback.Walk
			for {
				a, ok := p.Pick(at, &w)
				if !ok {
					break
				}
				if taken, _ := limits[a.Model.ID].take(at); taken {
					good++
					a.Committed(at.Add(20 * time.Millisecond))
					a.End(at.Add(s), outcomeOf("ok"))
					break
				}
				a.End(at.Add(20*time.Millisecond), outcomeOf("429"))
			}
		}
		if good < 2250 {
			t.Errorf("%s: %d answered", name, good)
		}
		for _, row := range p.Snapshot(at) {
			found := slices.DeleteFunc(row.Quota, func(q fallback.Quota) bool { return q.Limit == 1000 })
			if len(found) != 1 || found[0].Scope != "model" {
				t.Errorf("%s, %s: found out were %+v", name, row.Model.ID, row.Quota)
			}
		}
	}
}
