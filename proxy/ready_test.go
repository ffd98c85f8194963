package proxy

import (
	"strings"
	"testing"
	"time"

	"freefall/fallback"
	"freefall/internal/fakellm"
)

// Nobody is sent to a replica whose every key was refused: no request could change that. Who is limited or fails is ready all the same, since that ends.
func TestReadyWhileAnyKeyIsGood(t *testing.T) {
	refused := fakellm.Raw(401, nil, `{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","code":"invalid_api_key"}}`)
	limited := fakellm.Raw(429, map[string]string{"Retry-After": "600"}, `{"error":{"message":"Rate limit exceeded"}}`)
	broken := fakellm.Raw(500, nil, `{"error":{"message":"boom"}}`)
	for what, x := range map[string]struct {
		step  fakellm.Step
		ready int
	}{"refused": {refused, 503}, "limited": {limited, 200}, "broken": {broken, 200}} {
		models := chain("a")
		models[0].Proof, models[0].Keys = fallback.ProvenLocal, []fallback.Key{{Account: "p"}}
		inBubble(t, plan{models: models}, func(w *world) {
			if a := w.do("GET", "/readyz", ""); a.status != 200 {
				t.Errorf("at first: %d %s", a.status, a.body)
			}
			w.fake().Script("a", x.step.Forever())
			for range 4 {
				w.chat(plainBody)
			}
			a := w.do("GET", "/readyz", "")
			if a.status != x.ready || x.ready == 503 && !strings.Contains(a.body, "a key that was refused") {
				t.Errorf("%s: %d %s", what, a.status, a.body)
			}
			w.pool.Reconfigure(fallback.Config{Models: models})
			if a := w.do("GET", "/readyz", ""); a.status != 200 {
				t.Errorf("%s, and after a reload: %d %s", what, a.status, a.body)
			}
		})
	}
}

// A paused model waits for somebody, as a refused key does.
func TestReadyUntilAllArePaused(t *testing.T) {
	inBubble(t, plan{models: chain("a", "b")}, func(w *world) {
		ready := func(when string, want int) {
			if a := w.do("GET", "/readyz", ""); a.status != want {
				t.Errorf("%s: %d %s", when, a.status, a.body)
			}
		}
		w.pool.Pause("p", "a")
		ready("one is left", 200)
		w.pool.Pause("p", "b")
		ready("all are paused", 503)
		w.pool.Resume(time.Now(), "p", "a")
		ready("one is back", 200)
	})
}
