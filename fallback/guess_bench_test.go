package fallback_test

import (
	"fmt"
	"testing"
	"time"

	"freefall/fallback"
)

// A request at a provider that refuses every second one for a limit that it never names.
func BenchmarkGuess(b *testing.B) {
	for _, per := range []time.Duration{s, m, h} {
		b.Run(fmt.Sprint(per), func(b *testing.B) {
			p := fallback.New(fallback.Config{Models: chain("A"), Order: fallback.Priority})
			ok, no := fallback.Outcome{}, outcomeOf("429")
			no.Stated, no.Until, no.RetryAfter = true, fallback.UntilRetryAfter, s
			w := new(fallback.Walk)
			step := max(per/50, s)
			refused := false
			b.ReportAllocs()
			for now := t0; b.Loop(); now = now.Add(step) {
				w.Reset()
				a, found := p.Pick(now, w)
				if !found {
					continue
				}
				o := ok
				if refused = !refused; refused {
					o = no
				}
				a.End(now, o)
			}
		})
	}
}

// A request that 64 models refuse, none of which has ever answered.
func BenchmarkRefusals(b *testing.B) {
	var rows []fallback.Model
	for i := range 64 {
		rows = append(rows, chain(fmt.Sprintf("m%d", i))...)
	}
	p := fallback.New(fallback.Config{Models: rows, Order: fallback.Priority})
	no := outcomeOf("429")
	no.Stated, no.Until, no.RetryAfter = true, fallback.UntilRetryAfter, s
	w := new(fallback.Walk)
	b.ReportAllocs()
	n := 0
	for now := t0; b.Loop(); now = now.Add(2 * s) {
		w.Reset()
		for {
			a, found := p.Pick(now, w)
			if !found {
				break
			}
			n++
			a.End(now, no)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/refusal")
	b.ReportMetric(float64(n)/float64(b.N), "refusals/op")
}
