package proxy

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"freefall/fallback"
)

// ledger is a plan of two models of one account that takes 3 requests a day, a has 2 of them a minute; and a third elsewhere.
func ledger(s Settings) plan {
	models := chain("a", "b")
	for i := range models {
		models[i].Keys = []fallback.Key{{Account: "home", Limits: []fallback.Window{{Cycle: fallback.Daily, Per: 24 * time.Hour, Limit: 3}}}}
	}
	models[0].Limits = []fallback.Window{{Per: time.Minute, Limit: 2}}
	other := chain("c")[0]
	other.Provider, other.Off = "q", "no_key"
	return plan{models: append(models, other), settings: s, pool: fallback.Config{Order: fallback.Priority}, at: time.Date(2000, 1, 1, 6, 0, 0, 0, time.UTC)}
}

// The state shows each window that stands before a model, and the accounts.
func TestStateShowsQuota(t *testing.T) {
	inBubble(t, ledger(Settings{}), func(w *world) {
		w.chat(plainBody)
		a := w.do("GET", "/api/chat/models", "")
		const quota = `"quota":[{"window":"rpm","scope":"model","used":1,"limit":2,"resets_at":"2000-01-01T06:01:00Z","account":"home","source":"dialect"},` +
			`{"window":"rpd","scope":"account","used":1,"limit":3,"resets_at":"2000-01-02T00:00:00Z","account":"home","source":"dialect"}]`
		const accounts = `"accounts":[{"name":"home","models":["a","b"],"quota":[{"window":"rpd","scope":"account","used":1,"limit":3,"resets_at":"2000-01-02T00:00:00Z","source":"dialect"}]}`
		for _, want := range []string{quota, accounts, `"waiting":0`, `"clients":[]`} {
			if !strings.Contains(a.body, want) {
				t.Errorf("the state lacks %s:\n%s", want, a.body)
			}
		}
		if !strings.HasPrefix(a.body, `{"current_model":"a","models":[{"id":"a","name":"A","supports_tools":true,"is_current":true,"failure_count":0,"is_available":true,`) {
			t.Errorf("the first fields are not the promised ones: %s", a.body)
		}
	})
	inBubble(t, ledger(Settings{AdminKey: "k-admin"}), func(w *world) {
		if a := w.do("GET", "/api/chat/models", ""); strings.Contains(a.body, "home") || !strings.Contains(a.body, `"window":"rpd"`) {
			t.Errorf("without the admin key: %s", a.body)
		}
	})
}

// A full window is why a model is not asked, in the state, in explain and in the answer that advises; and until when.
func TestFullWindowsAreExplained(t *testing.T) {
	inBubble(t, ledger(Settings{Help: "a Groq key adds 1,000 a day"}), func(w *world) {
		w.chat(plainBody)
		w.chat(plainBody)
		var out struct {
			First      string
			Candidates []struct {
				ID, Reason  string
				AvailableAt string `json:"available_at"`
			}
		}
		a := w.do("POST", "/api/chat/explain", plainBody)
		if err := json.Unmarshal([]byte(a.body), &out); err != nil || out.First != "b" {
			t.Fatalf("%v %s", err, a.body)
		}
		if c := out.Candidates[0]; c.ID != "a" || c.Reason != "rate_limited" || c.AvailableAt != "2000-01-01T06:01:01Z" {
			t.Errorf("a: %+v", c)
		}
		if a := w.chat(plainBody); a.trail() != "b=ok" {
			t.Errorf("the third: %s", a.trail())
		}
		a = w.chat(plainBody)
		const want = "no model can answer now: next: a in 18 h 0 m; a: quota exhausted for 18 h 0 m, b: quota exhausted for 18 h 0 m, c: no key. a Groq key adds 1,000 a day"
		if e := a.err(); a.status != 429 || e.Message != want || a.header.Get("Retry-After") != "64801" || a.header.Get("X-Should-Retry") != "false" {
			t.Errorf("%d %v\ngot  %s\nwant %s", a.status, a.header, e.Message, want)
		}
		if n := w.fake().Hits("a") + w.fake().Hits("b"); n != 3 {
			t.Errorf("%d calls", n)
		}
		if _, rows := w.state(); *rows["b"].Reason != "quota_exhausted" || *rows["b"].AvailableAt != "2000-01-02T00:00:01Z" {
			t.Errorf("%+v", rows["b"])
		}
	})
}

// Advice says when most is back, where that is later than who is next.
func TestMostIsBack(t *testing.T) {
	models := chain("a", "b", "c", "d")
	for i := range models {
		models[i].Limits = []fallback.Window{{Cycle: fallback.Daily, Per: 24 * time.Hour, Limit: 1}}
	}
	models[2].Limits = []fallback.Window{{Per: time.Minute, Limit: 1}}
	inBubble(t, plan{models: models, pool: fallback.Config{Order: fallback.Priority}, at: time.Date(2000, 1, 1, 6, 0, 0, 0, time.UTC)}, func(w *world) {
		for range 4 {
			w.chat(plainBody)
		}
		if a := w.chat(plainBody); !strings.HasPrefix(a.err().Message, "no model can answer now: next: c in 1 m 1 s; most is back 00:01 UTC; a: quota exhausted") {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

// The metrics show each window once, by account and by model.
func TestMetricsShowQuota(t *testing.T) {
	p := ledger(Settings{})
	twin := p.models[0] // the account's name is also a provider's own, and two windows go by one name
	twin.Provider, twin.Keys, twin.Limits = "home", []fallback.Key{{Limits: []fallback.Window{{Cycle: fallback.Daily, Per: 24 * time.Hour, Limit: 7}}}},
		[]fallback.Window{{Per: time.Minute, Limit: 2}, {Cycle: fallback.Fixed, Per: time.Minute, Limit: 2}}
	p.models = append(p.models, twin)
	inBubble(t, p, func(w *world) {
		w.chat(plainBody)
		if _, err := w.proxy.metrics.registry.Gather(); err != nil {
			t.Errorf("a window is told twice: %v", err)
		}
		page := w.do("GET", "/metrics", "")
		for _, want := range []string{
			`freefall_quota_used{account="home",model="",provider="",window="rpd"} 1`,
			`freefall_quota_limit{account="home",model="",provider="",window="rpd"} 3`,
			`freefall_quota_used{account="home",model="a",provider="p",window="rpm"} 1`,
			`freefall_quota_limit{account="home",model="a",provider="p",window="rpm"} 2`,
			`freefall_quota_resets_timestamp_seconds{account="home",model="",provider="",window="rpd"} 9.467712e+08`,
			`freefall_quota_used{account="home",model="a",provider="home",window="rpm"} 0`,
		} {
			if strings.Count(page.body, "\n"+want+"\n") != 1 {
				t.Errorf("the metrics do not say once: %s", want)
			}
		}
	})
}
