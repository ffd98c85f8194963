//go:build linux && redis

package replicas

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// What may cost 0.10 USD in a day costs that over all replicas, and nothing while Redis does not say what the others have spent.
func TestMoneyIsSpentOnce(t *testing.T) {
	r, p := startRedis(t), startProvider(t)
	costly := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],`+
			`"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10,"cost":0.01}}`)
	})
	p.answer.Store(&costly)
	text := yaml(r, p, "rpm: 1000", "allow_paid: [{id: m, usd_per_day: 0.1}]\n")
	text = strings.Replace(text, "{base_url:", "{dialect: openrouter, free: \"no\", base_url:", 1)
	all := replicas(t, 3, text)

	eventually(t, "a third is spent", func() bool {
		crowd(t, all, 3)
		return p.calls.Load() >= 3
	})
	for _, f := range all {
		eventually(t, "it may be asked again", func() bool { return strings.Contains(f.state(t), `"reason":null`) })
	}
	r.kill()
	eventually(t, "each has noticed that Redis is away", func() bool {
		for _, f := range all {
			if metric(t, f, "freefall_redis_up") != "0" {
				return false
			}
		}
		return true
	})
	before := p.calls.Load()
	crowd(t, all, 30)
	if n := p.calls.Load(); n != before {
		t.Errorf("%d calls without Redis", n-before)
	}
	if state := all[0].state(t); !strings.Contains(state, `"reason":"no_redis"`) {
		t.Errorf("the state says %s", state)
	}
	r.start()
	eventually(t, "all is spent", func() bool {
		crowd(t, all, 12)
		return p.calls.Load() >= 10
	})
	for range 5 {
		crowd(t, all, 30)
	}
	if n := p.calls.Load(); n != 10 {
		t.Errorf("%d calls of one cent each, of ten that are allowed", n)
	}
	eventually(t, "the state says so", func() bool { return strings.Contains(all[2].state(t), `"reason":"spent"`) })
	r.say("FLUSHALL")
	for range 5 {
		crowd(t, all, 30)
	}
	if n := p.calls.Load(); n != 10 {
		t.Errorf("%d calls after Redis has forgotten what was spent", n)
	}
}
