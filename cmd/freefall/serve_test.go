package main

import (
	"testing"
	"time"

	"freefall/internal/fakellm"
)

var limited = fakellm.Raw(429, map[string]string{"content-type": "application/json"},
	`{"error":{"message":"Rate limit exceeded","code":429}}`).Forever()

// 4.1: a model at its limit is never seen by the client, nor asked again.
func TestServeHidesALimit(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"plain": plainBody, "stream": streamBody, "tools": toolsBody} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, url := simulated(t, models("a", "b"))
			fake.Script("a", limited)
			f := start(t, chain(url, "", "a", "b"))
			began := time.Now()
			got := f.chat(body)
			f.want(got, 200, "a=rate_limited; b=ok")
			if m, p, n := got.header.Get("X-Freefall-Model"), got.header.Get("X-Freefall-Provider"), got.attempts(); m != "b" || p != "p" || n != "2" {
				t.Errorf("headers: model %q, provider %q, attempts %q", m, p, n)
			}
			f.want(f.chat(body), 200, "b=ok")
			if fake.Hits("a") != 1 {
				t.Errorf("the limited model was asked %d times", fake.Hits("a"))
			}
			a := f.row("a")
			at, err := time.Parse(time.RFC3339, a.AvailableAt)
			if a.Available || a.FailureCount != 1 || a.Reason != "rate_limited" || err != nil ||
				at.Before(began.Add(28*time.Second)) || at.After(time.Now().Add(31*time.Second)) {
				t.Errorf("the state says %+v", a)
			}
		})
	}
}
