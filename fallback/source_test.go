package fallback_test

import (
	"testing"

	"freefall/fallback"
)

// Each limit says whose word it is; what the operator wrote gives way to a smaller one of the provider's only.
func TestWhereALimitComesFrom(t *testing.T) {
	says := func(limit int64) []fallback.Reading {
		return []fallback.Reading{{Target: fallback.TargetAccount, Per: 24 * h, Limit: limit, Remaining: 1, Reset: h}}
	}
	day := func(firm bool) []fallback.Window {
		return []fallback.Window{{Per: 24 * h, Cycle: fallback.Daily, Limit: 50, Firm: firm}}
	}
	for _, c := range []struct {
		name    string
		windows []fallback.Window
		told    []fallback.Reading
		want    fallback.Source
		limit   int64
	}{
		{"written", day(true), nil, fallback.FromConfig, 50},
		{"written, and more is told", day(true), says(1000), fallback.FromConfig, 50},
		{"written, and less is told", day(true), says(20), fallback.FromProvider, 20},
		{"known", day(false), nil, fallback.FromDialect, 50},
		{"known, and more is told", day(false), says(1000), fallback.FromProvider, 1000},
		{"told alone", nil, says(30), fallback.FromProvider, 30},
	} {
		p := byPriority(limited("A", c.windows))
		p.Observe(t0, "p", "one", c.told)
		if q := p.Snapshot(t0)[0].Quota; len(q) != 1 || q[0].Source != c.want || q[0].Limit != c.limit {
			t.Errorf("%s: %+v", c.name, q)
		}
	}
	found := byPriority(chain("A"))
	overload(found, &secret{per: m, n: 20}, t0, s, 30*m, true)
	if q := found.Snapshot(t0.Add(30 * m))[0].Quota; len(q) != 1 || q[0].Source != fallback.FromRefusals {
		t.Errorf("found out: %+v", q)
	}
}
