package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

func paid(usd float64) fallback.Outcome {
	o := outcomeOf("ok")
	o.CostUSD = usd
	return o
}

// A model that may cost money never costs more than its bound in a day, however many ask at once, and outlives a restart.
func TestAllowedPaidKeepsItsBound(t *testing.T) {
	rows := chain("A B")
	rows[0].Proof, rows[0].USDPerDay = fallback.AllowedPaid, 1
	p := byPriority(rows)
	spent := 0.0
	ask := func(now time.Time, n int) {
		var attempts []*fallback.Attempt
		for range n {
			if a, ok := p.Pick(now, &fallback.Walk{}); ok && a.Model.ID == "A" {
				attempts = append(attempts, a)
			} else if ok {
				a.End(now, outcomeOf("ok"))
			}
		}
		for _, a := range attempts {
			a.End(now, paid(0.125))
			spent += 0.125
		}
	}
	ask(t0, 50)
	if spent != 0.125 {
		t.Errorf("%v USD are spent before a price is known", spent)
	}
	for range 5 {
		ask(t0, 50)
	}
	if spent != 1 {
		t.Errorf("%v of 1 USD are spent", spent)
	}
	if row := p.Snapshot(t0)[0]; row.Available || row.Reason != "spent" || row.AvailableAt.Sub(t0) != 14*h {
		t.Errorf("%+v", row)
	}
	saved := p.Save(t0)
	p = byPriority(rows)
	p.Restore(saved)
	if ask(t0, 50); spent != 1 {
		t.Errorf("%v of 1 USD are spent after a restart", spent)
	}
	if ask(t0.Add(14*h), 50); spent != 2 {
		t.Errorf("%v of 2 USD are spent on the next day", spent)
	}
	ask(t0.Add(14*h-m), 50)
	if ask(t0.Add(14*h+m), 50); spent != 2 {
		t.Errorf("%v of 2 USD are spent when the clock goes back over midnight", spent)
	}
}

// What is cut off before its cost is told counts as well: otherwise who always leaves early would spend without end.
func TestUntoldCostsCount(t *testing.T) {
	rows := chain("A")
	rows[0].Proof, rows[0].USDPerDay = fallback.AllowedPaid, 1
	unsent, refused, told := outcomeOf("fault"), outcomeOf("left"), outcomeOf("ok")
	unsent.Unsent, refused.Status, told.InputTokens = true, 400, 5
	attempts := func(first fallback.Outcome, then fallback.Outcome) int {
		p := fallback.New(fallback.Config{Models: rows, Breaker: fallback.Breaker{Failures: 100}})
		for n := range 50 {
			a, ok := p.Pick(t0.Add(time.Duration(n)*m), &fallback.Walk{})
			if !ok {
				return n
			}
			if n > 0 {
				first = then
			}
			a.End(t0.Add(time.Duration(n)*m), first)
		}
		return 50
	}
	left := outcomeOf("left")
	for what, got := range map[string][2]int{
		"left, nothing known": {attempts(left, left), 8},
		"left, a cost known":  {attempts(paid(0.25), left), 4},
		"unsent":              {attempts(unsent, unsent), 50},
		"refused":             {attempts(refused, refused), 50},
		"told to be nothing":  {attempts(told, told), 50},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d attempts, want %d", what, got[0], got[1])
		}
	}
}

// A clock that goes back forgets none of those that are under way: they may cost as much as before.
func TestPurseWhenTheClockGoesBack(t *testing.T) {
	rows := chain("A")
	rows[0].Proof, rows[0].USDPerDay = fallback.AllowedPaid, 1
	p := byPriority(rows)
	spent := 0.25
	askOnce(p, t0, paid(spent))
	var under []*fallback.Attempt
	for _, now := range []time.Time{t0, t0.Add(-2 * h), t0.Add(-4 * h)} {
		for range 2 {
			if a, ok := p.Pick(now, &fallback.Walk{}); ok {
				under = append(under, a)
			}
		}
	}
	for _, a := range under {
		a.End(t0.Add(-4*h), paid(0.25))
		spent += 0.25
	}
	if spent > 1 {
		t.Errorf("%v USD of 1 are spent", spent)
	}
}
