package fallback

import (
	"testing"
	"time"
)

// A second limit puts a guess to the test again and again. Its probes become rare, not endless.
func TestProbesOfAGuessStayBounded(t *testing.T) {
	p := New(Config{Order: Priority, Models: []Model{{Provider: "p", ID: "A", Proof: ProvenListed, Keys: []Key{{Account: "a"}}}}})
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	from := now
	var last time.Time
	refused := map[int]int{}
	asked := map[int]int{}
	seen := false
	other := 0
	for now.Before(from.Add(72 * time.Hour)) {
		other++
		now = now.Add(950 * time.Millisecond)
		a, ok := p.Pick(now, &Walk{})
		if !ok {
			continue
		}
		d := int(now.Sub(from) / (6 * time.Hour))
		asked[d]++
		refusal := Outcome{Class: RateLimited, Status: 429, Scope: ScopeKey, Target: TargetPair, Action: NextModel, Until: UntilBackoff}
		switch {
		case other > 299:
			other = 0
			a.End(now, refusal)
		case now.Sub(last) < time.Second:
			refused[d]++
			a.End(now, refusal)
		default:
			last = now
			a.Committed(now)
			a.End(now, Outcome{Class: OK, Status: 200})
		}
		if q := a.row.pairs[0].quota; q.guess != nil {
			for s := range q.guess.kept {
				if s.wait <= 0 || s.wait > 30*24*time.Hour {
					if !seen {
						t.Errorf("after %v: a guess of %v waits %v between probes", now.Sub(from), s.Per, s.wait)
					}
					seen = true
				}
			}
		}
	}
	for d := range 12 {
		t.Log(d, "asked", asked[d], "refused by the first limit", refused[d])
	}
}
