package fakellm

import (
	"encoding/json"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// TestLimits goes through each kind of limit: who asks when, and what comes.
func TestLimits(t *testing.T) {
	type ask struct {
		at         time.Duration // since 00:00:00 UTC
		key, model string
		want       int
	}
	const s = time.Second
	tests := []struct {
		name  string
		limit Limit
		asks  []ask
	}{
		{"account, sliding", Limit{Scope: Account, Requests: 2, Per: Duration(10 * s)}, []ask{
			{1 * s, "a", "m", 200}, {4 * s, "a", "n", 200}, {5 * s, "a", "m", 429}, {5 * s, "b", "m", 200}, {10 * s, "a", "n", 429},
			{11 * s, "a", "m", 200}, {12 * s, "a", "m", 429}, {14 * s, "a", "m", 200}}},
		{"account, fixed", Limit{Scope: Account, Requests: 2, Per: Duration(10 * s), Fixed: true}, []ask{
			{8 * s, "a", "m", 200}, {9 * s, "a", "m", 200}, {9 * s, "a", "m", 429}, {10 * s, "a", "m", 200}, {11 * s, "a", "n", 200}, {19 * s, "a", "m", 429},
			{20 * s, "a", "m", 200}}},
		{"one model of an account", Limit{Scope: OneModel, Requests: 1, Per: Duration(10 * s)}, []ask{
			{0, "a", "m", 200}, {0, "a", "n", 200}, {0, "b", "m", 200}, {1 * s, "a", "m", 429}, {10 * s, "a", "m", 200}}},
		{"upstream", Limit{Scope: Upstream, Requests: 1, Per: Duration(10 * s)}, []ask{
			{0, "a", "m", 200}, {0, "a", "n", 200}, {0, "b", "m", 429}}},
		{"of one model", Limit{Scope: Account, Model: "m", Requests: 0, Per: Duration(10 * s)}, []ask{
			{0, "a", "m", 429}, {0, "a", "n", 200}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serve(t, Options{Models: plain.Models, Limits: []Limit{tt.limit}})
				midnight := time.Now() // a bubble begins at midnight
				for i, a := range tt.asks {
					time.Sleep(time.Until(midnight.Add(a.at)))
					if g := b.chat(hi(a.model, false), "Authorization", "Bearer "+a.key); g.status != a.want {
						t.Errorf("step %d, %s asks %s at %v: %d, not %d", i+1, a.key, a.model, a.at, g.status, a.want)
					}
				}
			})
		})
	}
}

// TestARefusalTellsTheTruth waits as long as a refusal says, less a moment, and then that moment.
func TestARefusalTellsTheTruth(t *testing.T) {
	for _, fixed := range []bool{false, true} {
		for _, scope := range []Scope{Account, OneModel, Upstream} {
			synctest.Test(t, func(t *testing.T) {
				b := serve(t, Options{Models: plain.Models, Limits: []Limit{{Scope: scope, Requests: 2, Per: Duration(7 * time.Second), Fixed: fixed, Says: SaysPlatform}}})
				time.Sleep(2500 * time.Millisecond)
				b.chat(hi("m", false))
				time.Sleep(time.Second)
				b.chat(hi("m", false))
				g := b.chat(hi("m", false))
				ms, err := strconv.ParseInt(g.header.Get("X-RateLimit-Reset"), 10, 64)
				if err != nil || g.status != 429 {
					t.Fatal(g)
				}
				time.Sleep(time.Until(time.UnixMilli(ms)) - time.Millisecond)
				equal(t, "before", b.chat(hi("m", false)).status, 429)
				time.Sleep(time.Millisecond)
				equal(t, "then", b.chat(hi("m", false)).status, 200)
			})
		}
	}
}

func TestWordingOfRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, Options{Models: []Model{{ID: "m", Host: "Venice"}}})
		refused := func(l Limit) (got, map[string]any) {
			b.Script("m", Limited(l))
			g := b.chat(hi("m", true))
			var body struct{ Error map[string]any }
			if err := json.Unmarshal([]byte(g.body), &body); err != nil || g.status != 429 {
				t.Fatalf("%d %v %s", g.status, err, g.body)
			}
			return g, body.Error
		}
		reset := strconv.FormatInt(time.Now().Add(10*time.Second).UnixMilli(), 10)
		g, e := refused(Limit{Scope: Account, Per: Duration(10 * time.Second)})
		equal(t, "minute", e["message"], any("Rate limit exceeded: free-models-per-min. "))
		want := map[string]any{"X-RateLimit-Limit": "0", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
		equal(t, "metadata", e["metadata"].(map[string]any)["headers"], any(want))
		equal(t, "headers", []string{g.header.Get("X-RateLimit-Limit"), g.header.Get("X-RateLimit-Remaining"), g.header.Get("X-RateLimit-Reset"), g.header.Get("Retry-After")},
			[]string{"0", "0", reset, ""})

		_, e = refused(Limit{Scope: Account, Per: Duration(24 * time.Hour)})
		equal(t, "day", e["message"], any("Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day"))

		g, e = refused(Limit{Scope: Upstream, Per: Duration(10 * time.Second)})
		const raw = "m is temporarily rate-limited upstream. Please retry shortly, or add your own key to accumulate your rate limits: https://openrouter.ai/settings/integrations"
		equal(t, "upstream", e["metadata"], any(map[string]any{"raw": raw, "provider_name": "Venice"}))
		equal(t, "no hint", g.header.Get("Retry-After"), "")

		g, _ = refused(Limit{Scope: Upstream, Per: Duration(1500 * time.Millisecond), Hint: true})
		equal(t, "a hint, rounded up", g.header.Get("Retry-After"), "2")

		g, e = refused(Limit{Scope: OneModel, Per: Duration(30 * time.Second), Says: SaysPlain})
		equal(t, "plain", []any{e["message"], e["type"], g.header.Get("Retry-After")}, []any{"Rate limit exceeded", "rate_limit_error", "30"})
	})
}

func TestSamplesStayAsTheyAre(t *testing.T) {
	l := newLimiter(Limit{Scope: Account, Requests: 3, Per: Duration(time.Minute)})
	l.refusal(Model{ID: "m"}, time.Now(), time.Now())
	equal(t, "header", mustSample("or-429-free-minute").Headers["x-ratelimit-limit"], "20")
}

func TestAFullLimitDrawsFromNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, Options{Models: plain.Models, Limits: []Limit{
			{Scope: Account, Requests: 2, Per: Duration(time.Minute)}, {Scope: Upstream, Requests: 1, Per: Duration(time.Minute)}}})
		var statuses []int
		for _, model := range []string{"m", "m", "m", "n", "n"} {
			statuses = append(statuses, b.chat(hi(model, false)).status)
		}
		equal(t, "statuses", statuses, []int{200, 429, 429, 200, 429})
	})
}
