package proxy

import (
	"strings"
	"testing"

	"freefall/fallback"
	"freefall/internal/fakellm"
)

// An answer that cost money is the last of its model, and everybody who watches is told.
func TestAModelThatCostsIsParked(t *testing.T) {
	const usage = `"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"cost":1e-9}` // however little it is
	whole := fakellm.Raw(200, nil, `{"id":"g","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],`+usage+`}`)
	stream := fakellm.RawStream(`data: {"id":"g","created":1,"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}

data: {"id":"g","created":1,"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

data: {"id":"g","created":1,"choices":[],`+usage+`}

data: [DONE]

`, 0)
	for body, costly := range map[string]fakellm.Step{plainBody: whole, streamBody: stream} {
		inBubble(t, plan{models: chain("a", "b"), dialect: map[string]string{"p": "openrouter"}}, func(w *world) {
			w.fake().Script("a", costly)
			if got := w.chat(body); got.status != 200 || got.trail() != "a=ok" {
				t.Fatalf("%d %q %s", got.status, got.trail(), got.body)
			}
			if got := w.chat(plainBody); got.trail() != "b=ok" {
				t.Errorf("the next request went %q", got.trail())
			}
			_, rows := w.state()
			if a := rows["a"]; a.Available || a.Reason == nil || *a.Reason != "not_free" || a.FailureCount != 0 {
				t.Errorf("%+v", a)
			}
			if !strings.Contains(w.log.String(), "SPEND ALARM") {
				t.Error("no alarm in the log")
			}
			if page := w.do("GET", "/metrics", ""); !strings.Contains(page.body, "freefall_spend_alarm_total 1\n") {
				t.Error("no alarm in the metrics")
			}
		})
	}
	paid := chain("a")
	paid[0].Proof, paid[0].USDPerDay = fallback.AllowedPaid, 1
	inBubble(t, plan{models: paid}, func(w *world) {
		w.fake().Script("a", whole)
		w.chat(plainBody)
		if _, rows := w.state(); !rows["a"].Available {
			t.Errorf("what the operator allowed was parked: %+v", rows["a"])
		}
	})
}
