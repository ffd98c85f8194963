package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

// Some count the longest answer when a request comes, and refuse what could become longer than their window: that is learned from the first
// refusal, so that the next requests of the kind go elsewhere at once.
func TestLongAnswersThatAreCounted(t *testing.T) {
	short, long, wordy := fallback.Need{Tokens: 10, MaxOutput: 4000}, fallback.Need{Tokens: 10, MaxOutput: 32000}, fallback.Need{Tokens: 9000, MaxOutput: 32000}
	for name, tt := range map[string]struct {
		limit    int64
		reserves bool
		refused  fallback.Need
		outcome  string
		skip     string // of a request for a long answer, later
	}{
		"refused":                        {12000, false, long, "toolong", "max_tokens"},
		"known beforehand":               {12000, true, short, "ok", "max_tokens"},
		"a long prompt may be the cause": {12000, false, wordy, "toolong", ""},
		"a short answer is not":          {12000, false, short, "toolong", ""},
		"a window that holds it":         {40000, false, long, "toolong", ""},
		"a limit":                        {12000, false, long, "429", ""},
		"a window that nobody named":     {0, false, long, "toolong", ""},
	} {
		rows := chain("A")
		rows[0].Reserves = tt.reserves
		if tt.limit > 0 {
			rows[0].Limits = []fallback.Window{{Unit: fallback.Tokens, Per: time.Minute, Limit: tt.limit}}
		}
		p := byPriority(rows)
		a, ok := p.Pick(t0, &fallback.Walk{Need: tt.refused})
		if !ok {
			t.Fatalf("%s: nobody at first", name)
		}
		a.End(t0, outcomeOf(tt.outcome))
		now := t0.Add(2 * h)
		if got := p.Explain(now, long, fallback.Ask{})[0].Skip; got != tt.skip {
			t.Errorf("%s: skipped for %q, want %q", name, got, tt.skip)
		}
		if got := p.Explain(now, short, fallback.Ask{})[0].Skip; got != "" {
			t.Errorf("%s: a short answer is skipped for %q", name, got)
		}
		if got := p.Explain(t0.Add(8*24*h), long, fallback.Ask{})[0].Skip; !tt.reserves && got != "" {
			t.Errorf("%s: after a week it is skipped for %q", name, got)
		}
	}
}
