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

// Many counters tell as their reset when they will be full again. A bucket has room long before; other windows, other ends and what is said of
// the wait itself are believed.
func TestAResetThatMeansABucketIsFull(t *testing.T) {
	for name, tt := range map[string]struct {
		cycle   fallback.Cycle
		until   fallback.Until
		wait    time.Duration
		atLeast time.Duration // one comes back every 36 s
		atMost  time.Duration
	}{
		"full":                {fallback.Bucket, fallback.UntilResetAt, h, 30 * s, 40 * s},
		"nearly full":         {fallback.Bucket, fallback.UntilResetAt, 59*m + 30*s, 30 * s, 40 * s},
		"much sooner":         {fallback.Bucket, fallback.UntilResetAt, 20 * m, 20 * m, 20 * m},
		"the wait":            {fallback.Bucket, fallback.UntilRetryAfter, h, h, h},
		"another window":      {fallback.Sliding, fallback.UntilResetAt, h, h, h},
		"another's long wait": {fallback.Bucket, fallback.UntilResetAt, 14 * h, 14 * h, 14 * h},
	} {
		t.Run(name, func(t *testing.T) {
			rows := chain("A")
			rows[0].Limits = []fallback.Window{{Cycle: tt.cycle, Per: h, Limit: 100}}
			p := byPriority(rows)
			burst(p, t0, 99, "ok")
			a, _ := p.Pick(t0, &fallback.Walk{})
			a.Observe(t0, []fallback.Reading{{Target: fallback.TargetPair, Per: h, Limit: 100, Remaining: 0, Reset: tt.wait}})
			o := outcomeOf("429/" + tt.wait.String())
			o.Until, o.Proven = tt.until, tt.until == fallback.UntilResetAt
			e := a.End(t0, o)
			if wait := e.Until.Sub(t0); wait < tt.atLeast || wait > tt.atMost {
				t.Errorf("it rests for %v", wait)
			}
		})
	}
}

// A window that turns may still be in the turn before by the provider's clock. What it refuses is not put to the account of a longer one that
// has little left; when it can be it no longer, it is.
func TestATurnByAnotherClockIsNotTheHours(t *testing.T) {
	for name, tt := range map[string]struct {
		turns int // since the last answer
		want  string
	}{"the next turn": {1, "requests/30s 1/1; requests/1h 2/3"}, "the one after": {3, "requests/30s 1/1; requests/1h 3/3"}} {
		rows := chain("A")
		rows[0].Limits = []fallback.Window{{Cycle: fallback.Fixed, Per: 30 * s, Limit: 1}, {Per: h, Limit: 3}}
		p := byPriority(rows)
		now := t0.Truncate(30 * s).Add(20 * s)
		for range 2 {
			burst(p, now, 1, "ok")
			now = now.Add(30 * s)
		}
		now = now.Add(time.Duration(tt.turns-1) * 30 * s)
		if burst(p, now, 1, "429") != 1 {
			t.Fatalf("%s: it is not asked", name)
		}
		if got := quotas(p, now); got != tt.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
