package proxy

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"freefall/fallback"
	"freefall/internal/fakellm"
)

// firstRole is that of the first message that a model was last sent.
func (w *world) firstRole(model string) (role string) {
	w.Helper()
	for _, r := range w.fake().Requests() {
		if r.Model == model {
			role = gjson.GetBytes(r.Body, "messages.0.role").Str
		}
	}
	return role
}

// The developer's role is OpenAI's, and many models know only the system's: the request goes on to the next one with that, and from then on
// both are asked so.
func TestARoleThatIsNotKnown(t *testing.T) {
	const body = `{"model":"auto","messages":[{"role":"developer","content":"Be brief."},{"role":"user","content":"Hello"}]}`
	strict := fakellm.Raw(400, nil, `{"error":{"message":"developer is not one of ['system', 'assistant', 'user', 'tool', 'function'] - 'messages.['0].role'","type":"invalid_request_error"}}`)
	inBubble(t, plan{models: chain("a", "b"), pool: fallback.Config{Order: fallback.Priority}}, func(w *world) {
		w.fake().Script("a", strict)
		if got := w.chat(body); got.status != 200 || got.trail() != "a=unsupported_feature; b=ok" || w.firstRole("a") != "developer" || w.firstRole("b") != "system" {
			t.Fatalf("%d %s, a was sent %q, b %q", got.status, got.trail(), w.firstRole("a"), w.firstRole("b"))
		}
		if want := "from now on it is asked with system in the place of developer. Switching from a to b"; !strings.Contains(w.log.String(), want) {
			t.Errorf("the log does not say so:\n%s", w.log)
		}
		if got := w.chat(body); got.trail() != "a=ok" || w.firstRole("a") != "system" {
			t.Errorf("then %s, a was sent %q", got.trail(), w.firstRole("a"))
		}
		w.fake().Script("a", fakellm.Fault(500))
		if w.chat(body); w.firstRole("b") != "developer" {
			t.Error("what one model refuses the other is asked without")
		}
	})
}

// Whoever has no developer's message has made the mistake himself.
func TestARoleThatNobodyKnows(t *testing.T) {
	const body = `{"model":"auto","messages":[{"role":"owner","content":"Be brief."}]}`
	strict := fakellm.Raw(400, nil, `{"error":{"message":"'messages.0' : discriminator property 'role' has invalid value","type":"invalid_request_error"}}`)
	models := chain("a", "b")
	models[1].Provider = "q"
	inBubble(t, plan{models: models}, func(w *world) {
		w.fake().Script("a", strict)
		if got := w.chat(body); got.status != 400 || got.trail() != "a=invalid_request" {
			t.Errorf("%d %s", got.status, got.trail())
		}
	})
}

// The only model that there is may be asked again at once, and SDKs do so.
func TestTheOnlyModelDoesNotKnowTheRole(t *testing.T) {
	inBubble(t, plan{models: chain("a")}, func(w *world) {
		w.fake().Script("a", fakellm.Raw(422, nil, `{"error":{"message":"Unexpected message role."}}`))
		const body = `{"model":"auto","messages":[{"role":"developer","content":"Be brief."},{"role":"user","content":"Hello"}]}`
		if got := w.chat(body); got.status != 503 || got.header.Get("X-Should-Retry") != "true" {
			t.Errorf("%d, to be tried again: %s; %s", got.status, got.header.Get("X-Should-Retry"), got.body)
		}
		if got := w.chat(body); got.trail() != "a=ok" || w.firstRole("a") != "system" {
			t.Errorf("then %s with %q", got.trail(), w.firstRole("a"))
		}
	})
}
