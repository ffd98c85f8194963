package fallback_test

import (
	"fmt"
	"testing"
	"time"

	"freefall/fallback"
)

// After a limit one goes first, then two, then four. Those that were taken on before the limit was met tell nothing of what is free when its
// rest is over.
func TestAfterEachLimitOneGoesFirst(t *testing.T) {
	l := newLine(fallback.New(fallback.Config{Models: chain("A"), MaxWaiting: 100, Breaker: fallback.Breaker{Failures: 100}}))
	limited := outcomeOf("429")
	limited.Stated, limited.RetryAfter, limited.Until = true, 12*s, fallback.UntilRetryAfter
	now := t0
	askOnce(l.p, now, limited)
	for turn := range 3 {
		for i := range 7 {
			if got := l.join(now.Add(s), fmt.Sprint(turn, i), "", fallback.Need{}); got != "waits" {
				t.Fatal(got)
			}
		}
		now = now.Add(13 * s)
		l.p.Dispatch(now)
		for want := 1; want <= 4; want *= 2 {
			if len(l.woken) != want {
				t.Fatalf("turn %d: %d go, not %d", turn, len(l.woken), want)
			}
			var in []*fallback.Attempt
			for _, name := range l.woken {
				a, _ := l.p.Turn(now, l.walks[name])
				in = append(in, a)
			}
			l.woken = nil
			now = now.Add(20 * time.Millisecond)
			if want == 4 { // the first of them meets the limit, the others were there before it
				in[0].End(now, limited)
				in = in[1:]
			}
			for _, a := range in {
				a.End(now.Add(time.Millisecond), outcomeOf("ok"))
			}
		}
	}
}
