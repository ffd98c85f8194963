package proxy

import (
	"strings"
	"testing"
	"time"
)

// A panic costs its own request a 500 and nobody else anything: the attempt it was in ends, and so does a trial.
func TestAPanicEndsItsAttempt(t *testing.T) {
	models := chain("a", "b")
	models[0].Via = "no route" // what no configuration can give: try panics
	inBubble(t, plan{models: models}, func(w *world) {
		for range 2 {
			got := w.chat(plainBody)
			if got.status != 500 || got.err().Code != "internal_error" || got.trail() != "a=stopped" {
				t.Errorf("%d, trail %q: %s", got.status, got.trail(), got.body)
			}
		}
		if got := w.chat(`{"model":"b","messages":[{"role":"user","content":"hi"}]}`); got.status != 200 {
			t.Errorf("the next request: %d %s", got.status, got.body)
		}
		if _, rows := w.state(); rows["a"].FailureCount != 0 || w.proxy.running() != 0 {
			t.Errorf("state %+v, %d running", rows["a"], w.proxy.running())
		}
	})
}

// Anywhere else it costs its connection, and is told in the log.
func TestAPanicEndsItsConnection(t *testing.T) {
	eachWorld(t, enginePlan{change: func(p *Proxy) { p.history = badHistory{} }}, func(e *engine) {
		v := e.visit()
		defer v.Close()
		v.say(head("GET /api/chat/history HTTP/1.1"))
		if resp, err := v.begin(); err == nil {
			e.Errorf("an answer, %d", resp.StatusCode)
		}
		if said := e.log.String(); strings.Count(said, "Request failed inside freefall") != 1 || !strings.Contains(said, "no such luck") {
			e.Errorf("the log: %s", said)
		}
		v = e.visit()
		defer v.Close()
		v.say(head("GET /healthz HTTP/1.1"))
		if resp, err := v.begin(); err != nil || resp.StatusCode != 200 {
			e.Errorf("the next one: %v", err)
		}
	})
}

type badHistory struct{ noHistory }

func (badHistory) Hours(time.Time, time.Time) (Past, error) { panic("no such luck") }
