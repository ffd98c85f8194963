package fallback_test

import (
	"testing"

	"freefall/fallback"
)

// Failures that the provider did not count do not keep its day shut, and those that it did count cost one refusal.
func TestChargesInDoubt(t *testing.T) {
	for _, counted := range []bool{false, true} {
		p := byPriority(limited("A", rpd(10)))
		for range 4 {
			a, _ := p.Pick(t0, &fallback.Walk{})
			a.End(t0, outcomeOf("fault"))
			p.ResetModel(t0, "p", "A")
		}
		left := 10
		if counted {
			left = 6
		}
		refused := 0
		for range 30 {
			a, ok := p.Pick(t0.Add(s), &fallback.Walk{})
			if !ok {
				continue
			}
			if left--; left >= 0 {
				a.Committed(t0.Add(s))
				a.End(t0.Add(s), outcomeOf("ok"))
			} else {
				refused++
				a.End(t0.Add(s), outcomeOf("account429/5s"))
			}
		}
		if left > 0 || refused > 1 {
			t.Errorf("counted %v: %d are left over, %d were refused", counted, left, refused)
		}
		if _, ok := p.Pick(t0.Add(m), &fallback.Walk{}); ok {
			t.Errorf("counted %v: a spent day is asked again", counted)
		}
	}
}
