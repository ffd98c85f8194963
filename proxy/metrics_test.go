package proxy

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"freefall/fallback"
	"freefall/internal/fakellm"
)

func (w *world) expectMetrics(page string, lines ...string) {
	w.Helper()
	for _, want := range lines {
		if !strings.Contains(page, "\n"+want) {
			w.Errorf("the page lacks %s", want)
		}
	}
}

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
		w.expectMetrics(page.body,
			`freefall_requests_total{status="2xx"} 2`,
			`freefall_requests_total{status="4xx"} 1`,
			`freefall_attempts_total{model="a",outcome="upstream_fault",provider="p"} 1`,
			`freefall_attempts_total{model="b",outcome="ok",provider="p"} 2`,
			`freefall_fallovers_total{outcome="upstream_fault"} 1`,
			`freefall_fallovers_total{outcome="rate_limited"} 0`,
			`freefall_ttft_seconds_count{model="b",provider="p"} 2`,
			`freefall_request_duration_seconds_count 3`,
			`freefall_model_available{model="a",provider="p"} 1`,
			`freefall_model_current{model="a",provider="p"} 0`,
			`freefall_model_current{model="b",provider="p"} 1`,
			`freefall_provider_keys{provider="p",state="available"} 1`,
			`freefall_roster_changes_total{change="joined"} 0`,
			`freefall_model_failures{model="a",provider="p"} 1`,
			`freefall_config_last_reload_successful 1`,
			`freefall_spend_alarm_total 0`,
			`freefall_build_info{`)
		if strings.Contains(page.body, "freefall_today") {
			t.Error("it tells what is left of a day that nobody has bounded")
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

// What is left of the day, who parks a key, what was spent, and what the lists did.
func TestMetricsOfWhatIsLeft(t *testing.T) {
	models := chain("a", "b")
	for i := range models {
		models[i].Keys = []fallback.Key{{Account: "x", Limits: []fallback.Window{{Cycle: fallback.Daily, Per: 24 * time.Hour, Limit: 10}}}, {Account: "y"}}
	}
	inBubble(t, plan{models: models, pool: fallback.Config{Order: fallback.Priority}}, func(w *world) {
		w.chat(plainBody)
		w.fake().Script("a", fakellm.Fault(401))
		w.chat(plainBody)
		w.fake().Script("a", fakellm.Fault(429))
		got := w.chat(plainBody)
		if !strings.HasSuffix(got.trail(), "b=ok") {
			t.Fatalf("the trail is %s", got.trail())
		}
		w.proxy.Changed(Change{At: time.Now(), Provider: "p", ID: "c", What: "joined"})
		page := w.do("GET", "/metrics", "").body
		w.expectMetrics(page,
			`freefall_provider_keys{provider="p",state="parked"} 1`,
			`freefall_provider_keys{provider="p",state="available"} 1`,
			`freefall_fallovers_total{outcome="rate_limited"} 1`,
			`freefall_today_requests_limit 10`,
			`freefall_today_requests_left 7`,
			`freefall_today_lasts_until_timestamp_seconds `,
			`freefall_today_resets_timestamp_seconds 9.467712e+08`, // the next midnight of the bubble
			`freefall_tokens_total{direction="input",model="a",provider="p"} 10`,
			`freefall_tokens_total{direction="output",model="b",provider="p"} 6`,
			`freefall_roster_changes_total{change="joined"} 1`)
	})
}
