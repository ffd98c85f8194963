package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"freefall/fallback"
	"freefall/internal/config"
)

func builtFrom(t *testing.T, yaml string) (*config.Config, built) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "models.yaml")
	write(t, path, yaml)
	c, err := config.Load(config.Options{Path: path, Known: known()})
	if err != nil {
		t.Fatalf("%v in\n%s", err, yaml)
	}
	return c, build(c)
}

// spell writes windows with all that the pool acts on: "50 rpd from 00:00 UTC", "7 rpm!" when the operator wrote it.
func spell(windows []fallback.Window) string {
	var parts []string
	for _, w := range windows {
		firm := ""
		if w.Firm {
			firm = "!"
		}
		parts = append(parts, limit{Window: w}.words()+firm)
	}
	return strings.Join(parts, ", ")
}

// What is written replaces the dialect's of that level as a whole; a model's own stands over its level key by key.
func TestLimitsBecomeWindows(t *testing.T) {
	const (
		openrouter = "20 rpm, 50 rpd from 00:00 UTC"
		llama      = "30 rpm, 1,000 rpd refilling, 12,000 tpm refilling, 100,000 tpd refilling"
	)
	for _, tt := range []struct{ name, provider, model, account, pair string }{
		{"known of an account", "openrouter: {keys: [k]}", "id: a:free", openrouter, ""},
		{"known of a model", "groq: {keys: [k], free: plan}", "id: llama-3.3-70b-versatile", "", llama},
		{"known zone", "google: {keys: [k], free: plan}", "id: gemini-2.5-flash", "", "5 rpm, 20 rpd from 00:00 America/Los_Angeles, 250,000 tpm"},
		{"known concurrency", "ollama-cloud: {keys: [k], free: plan}", "id: a", "1 at once", ""},
		{"nothing known", `p: {base_url: "https://llm.example.org/v1", free: plan, keys: [k]}`, "id: a", "", ""},
		{"written replaces all of its level", "openrouter: {keys: [k], limits: {rpd: 1000}}", "id: a:free", "1,000 rpd from 00:00 UTC!", ""},
		{"written of the other level", "openrouter: {keys: [k], model_limits: {rpm: 3}}", "id: a:free", openrouter, "3 rpm!"},
		{"nothing written", "groq: {keys: [k], free: plan, limits: {}, model_limits: {}}", "id: llama-3.3-70b-versatile", "", llama},
		{"none", "openrouter: {keys: [k], limits: none}", "id: a:free", "", ""},
		{"none of the models", "groq: {keys: [k], free: plan, model_limits: none}", "id: llama-3.3-70b-versatile", "", ""},
		{"none of a model", "groq: {keys: [k], free: plan}", "id: llama-3.3-70b-versatile, limits: none", "", ""},
		{"a model over what is known", "groq: {keys: [k], free: plan}", "id: llama-3.3-70b-versatile, limits: {rpd: 9}", "",
			"30 rpm, 9 rpd rolling!, 12,000 tpm refilling, 100,000 tpd refilling"},
		{"a day of one's own", "groq: {keys: [k], free: plan}", `id: llama-3.3-70b-versatile, limits: {day_resets: "00:00 UTC"}`, "",
			"30 rpm, 1,000 rpd from 00:00 UTC, 12,000 tpm refilling, 100,000 tpd from 00:00 UTC"},
		{"rolling is not refilling", "groq: {keys: [k], free: plan}", `id: llama-3.3-70b-versatile, limits: {day_resets: rolling, tpm: 5}`, "",
			"30 rpm, 1,000 rpd rolling, 5 tpm!, 100,000 tpd rolling"},
		{"buckets of all lengths", "cerebras: {keys: [k], free: plan}", "id: gpt-oss-120b", "",
			"30 rpm refilling, 14,400 rpd refilling, 60,000 tpm refilling, 1,000,000 tpd refilling, 900 requests/1h refilling, 1,000,000 tokens/1h refilling"},
		{"one a second", "mistral: {keys: [k], free: plan}", "id: mistral-small", "1 requests/1s", "500,000 tpm"},
		{"windows over known ones", "cerebras: {keys: [k], free: plan}", "id: gpt-oss-120b, limits: {windows: [{requests: 3, per: 5s}]}", "",
			"30 rpm refilling, 14,400 rpd refilling, 60,000 tpm refilling, 1,000,000 tpd refilling, 3 requests/5s!"},
		{"a model over what is written", "groq: {keys: [k], free: plan, model_limits: {rpm: 4, tpm: 5}}", "id: llama-3.3-70b-versatile, limits: {rpm: 6}", "",
			"6 rpm!, 5 tpm!"},
		{"a model over none", "groq: {keys: [k], free: plan, model_limits: none}", "id: llama-3.3-70b-versatile, limits: {rpm: 6}", "", "6 rpm!"},
		{"day resets of a model", "openrouter: {keys: [k], model_limits: {rpd: 5}}", `id: a:free, limits: {day_resets: "18:30 Asia/Seoul"}`, openrouter,
			"5 rpd from 18:30 Asia/Seoul!"},
		{"rolling", "openrouter: {keys: [k], limits: {rpd: 5, tpd: 6, day_resets: rolling}}", "id: a:free", "5 rpd rolling!, 6 tpd rolling!", ""},
		{"windows", "openrouter: {keys: [k], limits: {windows: [{requests: 30, per: 5s}, {tokens: 6000, per: 1h, kind: fixed}]}}", "id: a:free",
			"30 requests/5s!, 6,000 tokens/1h fixed!", ""},
		{"windows of a model stand for those of its level", "openrouter: {keys: [k], model_limits: {rpm: 2, windows: [{requests: 30, per: 5s}]}}",
			"id: a:free, limits: {windows: [{requests: 3, per: 7s}]}", openrouter, "2 rpm!, 3 requests/7s!"},
		{"the smaller of two", "openrouter: {keys: [k], limits: {rpm: 9, windows: [{requests: 7, per: 60s}, {requests: 8, per: 1m}, {requests: 6, per: 1m, kind: fixed}]}}",
			"id: a:free", "7 rpm!, 6 rpm fixed!", ""},
		{"0 is no window", "openrouter: {keys: [k], limits: {rpm: 9}}", "id: a:free, limits: {rpd: 0, rpm: 3}", "9 rpm!", "3 rpm!"},
		{"a server of one's own", `p: {base_url: "http://127.0.0.1:9/v1", dialect: openrouter, keys: [k]}`, "id: a:free", "", ""},
		{"a server of one's own with limits", `p: {base_url: "http://127.0.0.1:9/v1", limits: {concurrency: 2}}`, "id: a", "2 at once!", ""},
	} {
		_, b := builtFrom(t, "providers: {"+tt.provider+"}\nmodels: [{"+tt.model+"}]")
		row := b.pool.Models[0]
		if len(row.Keys) != 1 {
			t.Fatalf("%s: %d keys", tt.name, len(row.Keys))
		}
		if account, pair := spell(row.Keys[0].Limits), spell(row.Limits); account != tt.account || pair != tt.pair {
			t.Errorf("%s:\naccount %s\n   want %s\n  model %s\n   want %s", tt.name, account, tt.account, pair, tt.pair)
		}
	}
}

// An account that stands in two entries has the limits that one of them writes, in whichever order they stand.
func TestLimitsOfASharedAccount(t *testing.T) {
	const writes, silent, known = "keys: [k1, k2], limits: {rpd: 7}", "keys: [k2, k3]", "20 rpm, 50 rpd from 00:00 UTC"
	const written = "7 rpd from 00:00 UTC!"
	for _, tt := range []struct {
		one, two string
		want     [4]string
	}{
		{writes, silent, [4]string{written, written, written, known}},
		{silent, writes, [4]string{written, known, written, written}},
	} {
		_, b := builtFrom(t, fmt.Sprintf(`
providers: {openrouter: {%s}, again: {base_url: "https://openrouter.ai/api/v1", %s}}
models: [{id: a:free, provider: openrouter}, {id: a:free, provider: again}]`, tt.one, tt.two))
		var got [4]string
		for i, k := range slices.Concat(b.pool.Models[0].Keys, b.pool.Models[1].Keys) {
			got[i] = spell(k.Limits)
		}
		if got != tt.want {
			t.Errorf("%s, then %s: %q", tt.one, tt.two, got)
		}
	}
}

// What explores has chance, and it is even.
func TestRoutingHasChance(t *testing.T) {
	_, b := builtFrom(t, "routing: {order: adaptive}\nmodels: [{id: a:free}]")
	if b.pool.Order != fallback.Adaptive || b.pool.Chance == nil {
		t.Fatalf("order %v without chance", b.pool.Order)
	}
	var sum float64
	for range 1000 {
		sum += b.pool.Chance()
	}
	if sum < 400 || sum > 600 {
		t.Errorf("the mean of 1000 is %v", sum/1000)
	}
}

// A client's share has no margin of ours and no zone but UTC.
func TestSharesOfClients(t *testing.T) {
	_, b := builtFrom(t, `
models: [{id: a:free}]
clients: [{name: ana, key: k-ana-0123456, rpm: 5, rpd: 20, tpd: 3000}, {name: ben, key: k-ben-0123456}, {name: eve, key: k-eve-0123456, rpd: 0}]
client_keys: [k-old-0123456]`)
	got := fmt.Sprint(len(b.pool.Shares))
	for _, s := range b.pool.Shares {
		got += "; " + s.Client + ": " + spell(s.Windows)
	}
	if want := "2; ana: 5 rpm!, 20 rpd from 00:00 UTC!, 3,000 tpd from 00:00 UTC!; eve: 0 rpd from 00:00 UTC!"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	pool := fallback.New(b.pool)
	now := time.Date(2026, 11, 22, 19, 48, 0, 0, time.UTC)
	for client, admitted := range map[string]int{"ana": 5, "ben": 9, "client-4": 9, "eve": 0} {
		n := 0
		for range 9 {
			if _, ok := pool.Admit(now, &fallback.Walk{Ask: fallback.Ask{Client: client}}); ok {
				n++
			}
		}
		if n != admitted {
			t.Errorf("%d requests of %s were admitted in a minute, want %d", n, client, admitted)
		}
	}
}
