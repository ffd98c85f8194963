package fallback_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"freefall/fallback"
)

// Whatever a provider says of money, the state can be written, and a model that cost something stays within its bound.
func TestAbsurdCosts(t *testing.T) {
	for _, usd := range []float64{math.Inf(1), math.MaxFloat64, math.NaN(), math.Inf(-1), -1} {
		rows := chain("A")
		rows[0].Proof, rows[0].USDPerDay = fallback.AllowedPaid, 1
		p := byPriority(rows)
		a, _ := p.Pick(t0, &fallback.Walk{})
		a.End(t0, fallback.Outcome{CostUSD: usd})
		if _, err := json.Marshal(p.Save(t0)); err != nil {
			t.Errorf("%v USD: %v", usd, err)
		}
		_, open := p.Pick(t0, &fallback.Walk{})
		if want := !(usd > 1); open != want {
			t.Errorf("%v USD: open %t", usd, open)
		}
	}
}

// What a provider says of tokens and windows never opens a window that is full, however large the numbers.
func TestAbsurdNumbers(t *testing.T) {
	const most = math.MaxInt64
	for name, c := range map[string]struct {
		outcome fallback.Outcome
		said    []fallback.Reading
	}{
		"tokens": {outcome: fallback.Outcome{InputTokens: most, OutputTokens: 1}},
		"both":   {outcome: fallback.Outcome{InputTokens: most, OutputTokens: most}},
		"output": {outcome: fallback.Outcome{InputTokens: 10, OutputTokens: most}},
		"used up": {said: []fallback.Reading{{Target: fallback.TargetAccount, Unit: fallback.Tokens, Per: m, Limit: most, Remaining: 0},
			{Target: fallback.TargetAccount, Unit: fallback.Requests, Per: 24 * h, Limit: most, Remaining: 0, Reset: most}}},
		"length":       {said: []fallback.Reading{{Target: fallback.TargetAccount, Per: most, Limit: 5, Remaining: 0, Reset: h}}},
		"no length":    {said: []fallback.Reading{{Target: fallback.TargetAccount, Per: 1, Limit: 5, Remaining: 0, Reset: -h}}},
		"a past":       {said: []fallback.Reading{{Target: fallback.TargetAccount, Per: m, Limit: 5, Remaining: 0, Reset: math.MinInt64}}},
		"more is left": {said: []fallback.Reading{{Target: fallback.TargetAccount, Unit: fallback.Tokens, Per: m, Limit: 1, Remaining: most}}},
	} {
		rows := chain("A")
		rows[0].Keys = []fallback.Key{{Account: "a", Limits: []fallback.Window{{Per: m, Limit: 4}, {Unit: fallback.Tokens, Per: m, Limit: 1e6}}}}
		p := byPriority(rows)
		served := 0
		for range 40 {
			w := fallback.Walk{Need: fallback.Need{Tokens: 100}}
			a, ok := p.Pick(t0, &w)
			if !ok {
				continue
			}
			served++
			a.Observe(t0, c.said)
			a.End(t0, c.outcome)
		}
		if served == 0 || served > 5 {
			t.Errorf("%s: %d served", name, served)
		}
		for _, q := range p.Snapshot(t0)[0].Quota {
			if q.Used < 0 || q.Limit <= 0 {
				t.Errorf("%s: %+v", name, q)
			}
		}
		if _, ok := p.Pick(t0.Add(2*time.Hour), &fallback.Walk{Need: fallback.Need{Tokens: 100}}); !ok {
			t.Errorf("%s: shut for ever: %+v", name, p.Snapshot(t0.Add(2 * time.Hour))[0].Quota)
		}
	}
}
