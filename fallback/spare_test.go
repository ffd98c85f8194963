package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

// What comes back all the time is lost when it is left to others who are not there: only a store is, or what may be one.
func TestWhatComesBackIsNotSpared(t *testing.T) {
	for name, tt := range map[string]struct {
		limits []fallback.Window // of the one with tools
		told   []fallback.Reading
		spared bool
	}{
		"it comes back":            {rpm(20), nil, false},
		"nobody knows its windows": {nil, nil, true},
		"it told one of them":      {nil, []fallback.Reading{{Target: fallback.TargetPair, Per: m, Limit: 20, Remaining: 19, Reset: m}}, false},
		"a store":                  {[]fallback.Window{{Per: 20 * h, Limit: 20}}, nil, true},
		"a store that comes back":  {[]fallback.Window{{Per: m, Limit: 20}, {Per: 20 * h, Limit: 20}}, nil, true},
	} {
		rows := chain("T P")
		rows[0].Tools, rows[1].Tools = true, false
		rows[0].Limits, rows[1].Limits = tt.limits, rpm(1)
		p := fallback.New(fallback.Config{Models: rows, Order: fallback.Adaptive, MaxWaiting: 10})
		for range 10 {
			a, _ := p.Pick(t0, &fallback.Walk{Need: fallback.Need{Tools: true}})
			a.Observe(t0, tt.told)
			a.End(t0, outcomeOf("ok"))
		}
		var asked []string
		for _, now := range [...]time.Time{t0, t0.Add(50 * s), t0.Add(51 * s)} { // P has room again at a minute
			if a, ok := p.Pick(now, &fallback.Walk{Ask: fallback.Ask{MaxWait: 15 * s}}); ok {
				asked = append(asked, a.Model.ID)
				a.End(now, outcomeOf("ok"))
			}
		}
		if spared := len(asked) == 1 && asked[0] == "P"; spared != tt.spared {
			t.Errorf("%s: asked %v", name, asked)
		}
	}
}
