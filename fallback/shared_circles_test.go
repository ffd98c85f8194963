package fallback_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"freefall/fallback"
)

// Whatever a shared counter says, a walk asks each pair once at one time.
func TestNoCircles(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cycle := fallback.Cycle(rapid.IntRange(0, 3).Draw(rt, "cycle"))
		per := rapid.SampledFrom([]time.Duration{m, h, 24 * h}).Draw(rt, "per")
		if cycle == fallback.Daily {
			per = 24 * h
		}
		windows := []fallback.Window{{Unit: fallback.Tokens, Cycle: cycle, Per: per, Limit: rapid.Int64Range(1, 9000).Draw(rt, "limit")}, {Per: h, Limit: 50}}
		p := fallback.New(fallback.Config{Models: limited("A B", windows), Order: fallback.Priority, Pace: rapid.Bool().Draw(rt, "pace")})
		now := t0
		for range rapid.IntRange(1, 20).Draw(rt, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(per)/3).Draw(rt, "pause")))
			w := &fallback.Walk{Need: fallback.Need{Tokens: rapid.IntRange(1, 5000).Draw(rt, "tokens"), MaxOutput: rapid.IntRange(0, 3000).Draw(rt, "output")}}
			for rounds := 0; ; rounds++ {
				a, ok := p.Pick(now, w)
				if !ok {
					break
				}
				if rounds > 6 {
					rt.Fatal("a walk goes round in circles")
				}
				list := a.Draws(now)
				counts := make([]fallback.Count, len(list))
				full := false
				for i, d := range list {
					x := &counts[i]
					x.Used = rapid.Int64Range(0, 2*d.Limit).Draw(rt, "used")
					x.Opens = time.Duration(rapid.Int64Range(0, 2*int64(per)).Draw(rt, "opens"))
					x.Full = !d.Free && x.Used > 0 && x.Used+d.Fit > d.Limit
					full = full || x.Full
				}
				for i, d := range list {
					rt.Logf("%s by %s: %s limit %d amount %d fit %d used %d: says %+v", now.Sub(t0), a.Model.ID, d.Unit, d.Limit, d.Amount, d.Fit, d.Used, counts[i])
				}
				if a.Share(now, counts) {
					o := outcomeOf(rapid.SampledFrom([]string{"ok", "fault", "429", "429/1m"}).Draw(rt, "outcome"))
					a.End(now, o)
					if o.Class == fallback.OK {
						break
					}
				}
			}
		}
	})
}
