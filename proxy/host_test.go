package proxy

import (
	"testing"
	"time"

	"freefall/fallback"
	"freefall/internal/openai"
)

// Nobody answers at a host: its second model waits until the others were asked, so that the host costs one wait.
func TestADeadHostCostsOneWait(t *testing.T) {
	models := append(chain("a", "b"), chain("c")...)
	models[0].Provider, models[1].Provider, models[2].Provider = "dead", "dead", "p"
	for i := range 2 {
		models[i].Via = &Route{Provider: &Provider{Name: "dead", ChatURL: "http://" + deadHost + "/v1/chat/completions",
			Dialect: openai.DialectOf("openai"), Local: true, Keys: []string{""}}, Connect: 3 * time.Second, FirstToken: time.Minute, Answer: time.Minute}
	}
	inBubble(t, plan{models: models, pool: fallback.Config{Order: fallback.Priority}}, func(w *world) {
		begun := time.Now()
		if got := w.chat(plainBody); got.trail() != "a=timeout; c=ok" || !within(time.Since(begun), 3*time.Second) {
			t.Errorf("%q after %v", got.trail(), time.Since(begun))
		}
	})
}
