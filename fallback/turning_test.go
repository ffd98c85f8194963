package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

// What a refusal puts to the account of a turn is gone with it: it is neither in the next turn, nor does it explain what is refused there.
func TestWhatATurnIsBlamedForEndsWithIt(t *testing.T) {
	rows := chain("A")
	rows[0].Limits = []fallback.Window{{Cycle: fallback.Fixed, Per: m, Limit: 20}}
	p := byPriority(rows)
	now := t0.Truncate(m)
	burst(p, now.Add(s), 18, "ok")
	burst(p, now.Add(m+30*s), 4, "ok")
	if burst(p, now.Add(2*m-100*time.Millisecond), 1, "429/1s") != 1 {
		t.Fatal("it is not asked")
	}
	if got := quotas(p, now.Add(2*m)); got != "rpm 0/20" {
		t.Errorf("the next turn: %s", got)
	}

	rows = chain("A")
	rows[0].Limits = []fallback.Window{{Cycle: fallback.Fixed, Per: 30 * s, Limit: 1}, {Per: h, Limit: 3}}
	p = byPriority(rows)
	now = t0.Truncate(30 * s).Add(20 * s)
	for _, word := range []string{"ok", "ok", "429/30s", "429/30s"} {
		if burst(p, now, 1, word) != 1 {
			t.Fatalf("%s: it is not asked", word)
		}
		now = now.Add(30*s + time.Millisecond)
	}
	if got := quotas(p, now); got != "requests/30s 0/1; requests/1h 3/3" {
		t.Errorf("after two turns in which nothing was answered: %s", got)
	}
}
