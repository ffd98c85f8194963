package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

// A provider that refuses everybody now and then, whatever was drawn, has no limit of an hour or a day: between two waves nobody is kept out.
func TestWavesAreNoLimit(t *testing.T) {
	for _, hint := range []bool{false, true} {
		p := fallback.New(fallback.Config{Models: chain("A"), Breaker: fallback.Breaker{Failures: 100}})
		refused := outcomeOf("429")
		if hint {
			refused.Stated, refused.RetryAfter, refused.Until = true, 20*s, fallback.UntilRetryAfter
		}
		kept := 0
		for at := time.Duration(0); at < 12*h; at += 5 * s {
			wave := at % (10 * m)
			a, ok := p.Pick(t0.Add(at), &fallback.Walk{})
			switch {
			case !ok && wave > 3*m:
				kept++
			case ok && wave < 40*s:
				a.End(t0.Add(at+time.Second/10), refused)
			case ok:
				a.End(t0.Add(at+time.Second/10), outcomeOf("ok"))
			}
		}
		if kept > 0 {
			t.Errorf("hint %t: %d requests are kept out between waves", hint, kept)
		}
	}
}
