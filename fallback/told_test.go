package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

// What an answer says of a window stands although the attempt that brought it is given back: a refusal does not count itself.
// The window opens when the provider says, and not later.
func TestAFullWindowStaysFullBehindARefusal(t *testing.T) {
	for name, windows := range map[string][]fallback.Window{"known": rpm(20), "found out": nil} {
		t.Run(name, func(t *testing.T) {
			rows := chain("A")
			rows[0].Limits = windows
			p := byPriority(rows)
			a, _ := p.Pick(t0, &fallback.Walk{})
			a.Observe(t0, []fallback.Reading{{Target: fallback.TargetPair, Per: m, Limit: 20, Remaining: 0, Reset: 30 * s}})
			a.End(t0, outcomeOf("429"))
			if got := quotas(p, t0); got != "rpm 20/20" {
				t.Errorf("%s after the refusal", got)
			}
			if got := quotas(p, t0.Add(30*s)); got != "rpm 0/20" {
				t.Errorf("%s at the reset", got)
			}
		})
	}
}

// A request that was larger than what a window had left was refused for that window: no other limit is suspected.
func TestATooLargeRequestIsNoSurprise(t *testing.T) {
	rows := chain("A")
	rows[0].Limits = []fallback.Window{{Unit: fallback.Tokens, Per: m, Limit: 10_000}}
	p := byPriority(rows)
	for round := range 10 {
		now := t0.Add(time.Duration(round) * 62 * s)
		good, ok := p.Pick(now, &fallback.Walk{Need: fallback.Need{Tokens: 100, MaxOutput: 1}})
		if !ok {
			t.Fatalf("nobody in round %d", round)
		}
		good.Committed(now)
		good.End(now, outcomeOf("ok"))
		large, ok := p.Pick(now.Add(s), &fallback.Walk{Need: fallback.Need{Tokens: 5000, MaxOutput: 1}})
		if !ok {
			t.Fatalf("nobody for the second of round %d", round)
		}
		large.Observe(now.Add(s), []fallback.Reading{{Target: fallback.TargetPair, Unit: fallback.Tokens, Per: m, Limit: 10_000, Remaining: 3000}})
		large.End(now.Add(s), outcomeOf("429"))
	}
}
