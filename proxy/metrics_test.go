package proxy

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"freefall/internal/fakellm"
)

// The page tells what happened, and reads as Prometheus wants it.
func TestMetrics(t *testing.T) {
	inBubble(t, plan{models: chain("a", "b")}, func(w *world) {
		w.fake().Script("a", fakellm.Fault(500))
		w.chat(plainBody)
		w.chat(streamBody)
		w.chat(`{`)
		page := w.do("GET", "/metrics", "")
		if page.status != 200 || !strings.HasPrefix(page.header.Get("Content-Type"), "text/plain") {
			t.Fatalf("%d %v", page.status, page.header)
		}
		for _, want := range []string{
			`freefall_requests_total{status="2xx"} 2`,
			`freefall_requests_total{status="4xx"} 1`,
			`freefall_attempts_total{model="a",outcome="upstream_fault",provider="p"} 1`,
			`freefall_attempts_total{model="b",outcome="ok",provider="p"} 2`,
			`freefall_fallovers_total 1`,
			`freefall_ttft_seconds_count{model="b",provider="p"} 2`,
			`freefall_request_duration_seconds_count 3`,
			`freefall_model_available{model="a",provider="p"} 1`,
			`freefall_model_failures{model="a",provider="p"} 1`,
			`freefall_config_last_reload_successful 1`,
			`freefall_spend_alarm_total 0`,
			`freefall_build_info{`,
		} {
			if !strings.Contains(page.body, "\n"+want) {
				t.Errorf("the page lacks %s", want)
			}
		}
		problems, err := promlint.New(strings.NewReader(page.body)).Lint()
		if err != nil || len(problems) > 0 {
			t.Errorf("promlint: %v %v", problems, err)
		}
	})
	s := Settings{AdminKey: "k-admin", Clients: []Client{{Name: "ana", Key: "k-ana"}}}
	inBubble(t, plan{models: chain("a"), settings: s}, func(w *world) {
		for key, want := range map[string]int{"k-admin": 200, "k-ana": 401, "k-none": 401} {
			if got := w.do("GET", "/metrics", "", "Authorization", "Bearer "+key); got.status != want {
				t.Errorf("%s: %d", key, got.status)
			}
		}
	})
}
