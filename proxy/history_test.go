package proxy

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"freefall/fallback"
	"freefall/internal/fakellm"
)

// told is a history that remembers what it was told, and says what a test wants.
type told struct {
	mu     sync.Mutex
	counts []string
	tokens int

	past     Past
	err      error
	from, to time.Time
}

func (h *told) Count(at time.Time, m *fallback.Model, o *fallback.Outcome, ttft time.Duration, fellOver bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !at.Equal(time.Now()) {
		panic("counted at another time")
	}
	h.tokens += o.OutputTokens
	h.counts = append(h.counts, fmt.Sprint(m.ID, " ", o.Class, " ", ttft, " ", fellOver))
}

func (h *told) Hours(from, to time.Time) (Past, error) {
	h.from, h.to = from, to
	return h.past, h.err
}

// Every attempt is counted once, with what came of it.
func TestHistoryCountsAttempts(t *testing.T) {
	h := &told{}
	models := chain("a", "b")
	models[1].Keys = []fallback.Key{{Account: "x"}, {Account: "y"}}
	inBubble(t, plan{models: models, history: h}, func(w *world) {
		w.fake().Script("a", fakellm.Fault(500).Repeat(1), fakellm.Slow(2*time.Second, 0, 0).Repeat(1), fakellm.Limited(fakellm.Limit{Scope: fakellm.OneModel, Says: fakellm.SaysPlain, Per: fakellm.Duration(time.Hour), Hint: true}))
		w.chat(plainBody)                                                   // a fails, b answers
		w.chat(strings.Replace(streamBody, "{", `{"models":["a","b"],`, 1)) // a answers, late
		w.chat(strings.Replace(plainBody, "{", `{"models":["a","b"],`, 1))  // a is limited
		w.fake().Script("b", fakellm.Limited(fakellm.Limit{Scope: fakellm.OneModel, Says: fakellm.SaysPlain, Per: fakellm.Duration(time.Hour), Hint: true}).Repeat(1), fakellm.OK().Forever())
		w.chat(strings.Replace(plainBody, "{", `{"models":["b"],`, 1)) // another key of b answers: no fall-over
		w.chat(`{`)
	})
	want := []string{"a upstream_fault 0s false", "b ok 0s true", "a ok 2s false", "a rate_limited 0s false", "b ok 0s true", "b rate_limited 0s false", "b ok 0s false"}
	if diff := cmp.Diff(want, h.counts); diff != "" || h.tokens == 0 {
		t.Errorf("%d tokens; wanted, got:\n%s", h.tokens, diff)
	}
}

func TestHistoryRoute(t *testing.T) {
	hour := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	h := &told{past: Past{Hours: []HourRow{
		{Hour: hour, Provider: "p", Model: "a/b:free", Attempts: 5, Answers: 1, Faults: 2, Limits: 3, Fallovers: 4, InputTokens: 6, OutputTokens: 7,
			TTFTp50: 120 * time.Millisecond, TTFTp95: time.Second, TTFTMax: 2 * time.Second},
		{Hour: hour, Provider: "q", Model: "c", Attempts: 1},
		{Hour: hour.Add(time.Hour), Provider: "p", Model: "a/b:free", Attempts: 1},
	}}}
	at := time.Date(2026, 11, 22, 13, 30, 0, 0, time.UTC)
	inBubble(t, plan{models: chain("a"), history: h, at: at}, func(w *world) {
		none := `"ttft_ms":{"p50":null,"p95":null,"max":null}`
		want := `{"hours":[{"hour":"2026-11-22T12:00:00Z","models":[` +
			`{"id":"a/b:free","provider":"p","attempts":5,"answers":1,"faults":2,"limits":3,"fallovers":4,"input_tokens":6,"output_tokens":7,"ttft_ms":{"p50":120,"p95":1000,"max":2000}},` +
			`{"id":"c","provider":"q","attempts":1,"answers":0,"faults":0,"limits":0,"fallovers":0,"input_tokens":0,"output_tokens":0,` + none + `}]},` +
			`{"hour":"2026-11-22T13:00:00Z","models":[{"id":"a/b:free","provider":"p","attempts":1,"answers":0,"faults":0,"limits":0,"fallovers":0,"input_tokens":0,"output_tokens":0,` + none + `}]}]}` + "\n"
		got := w.do("GET", "/api/chat/history/", "")
		if got.status != 200 || got.body != want {
			t.Errorf("%d\n%s\nnot\n%s", got.status, got.body, want)
		}
		if from := h.from.UTC(); !from.Equal(hour.Add(-22*time.Hour)) || !h.to.After(time.Now()) {
			t.Errorf("asked from %v to %v", h.from, h.to)
		}
		for query, back := range map[string]int{"?hours=1": 0, "?hours=2": 1, "?hours=720": 719, "": 23} {
			if got := w.do("GET", "/api/chat/history"+query, ""); got.status != 200 || !h.from.Equal(hour.Add(time.Duration(1-back)*time.Hour)) {
				t.Errorf("%q: %d, from %v", query, got.status, h.from)
			}
		}
		for _, query := range []string{"?hours=0", "?hours=-1", "?hours=721", "?hours=", "?hours=1e2", "?hours=99999999999999999999", "?hours=%00"} {
			if got := w.do("GET", "/api/chat/history"+query, ""); got.status != 400 || !strings.Contains(got.body, `"param":"hours"`) {
				t.Errorf("%q: %d %s", query, got.status, got.body)
			}
		}
		h.past = Past{Cut: true}
		if got := w.do("GET", "/api/chat/history", ""); got.body != `{"hours":[],"cut":true}`+"\n" {
			t.Errorf("%s", got.body)
		}
		h.err = errors.New("/secret/place does not answer")
		if got := w.do("GET", "/api/chat/history", ""); got.status != 503 || got.header.Get("Retry-After") != "1" || strings.Contains(got.body, "place") {
			t.Errorf("%d %s", got.status, got.body)
		}
		if got := w.do("POST", "/api/chat/history", "{}"); got.status != 405 || got.header.Get("Allow") != "GET, HEAD, OPTIONS" && !strings.HasPrefix(got.header.Get("Allow"), "GET") {
			t.Errorf("%d %v", got.status, got.header)
		}
	})
	clients := []Client{{Name: "ana", Key: "k-ana"}}
	for _, c := range []struct {
		settings Settings
		want     map[string]int
	}{
		{Settings{}, map[string]int{"k-none": 200}},
		{Settings{Clients: clients}, map[string]int{"k-ana": 200, "k-none": 401}},
		{Settings{Clients: clients, AdminKey: "k-admin"}, map[string]int{"k-admin": 200, "k-ana": 401, "k-none": 401}},
		{Settings{AdminKey: "k-admin"}, map[string]int{"k-admin": 200, "k-none": 401}},
	} {
		inBubble(t, plan{models: chain("a"), settings: c.settings}, func(w *world) {
			for key, want := range c.want {
				if got := w.do("GET", "/api/chat/history", "", "Authorization", "Bearer "+key); got.status != want || want == 200 && got.body != `{"hours":[]}`+"\n" {
					t.Errorf("%s: %d %s", key, got.status, got.body)
				}
			}
		})
	}
}

// Beside the hours stand their sums, what a day grants as the limits are now, and what the tokens would have cost.
func TestHistoryTellsTheWorth(t *testing.T) {
	day := []fallback.Window{{Cycle: fallback.Daily, Per: 24 * time.Hour, Limit: 50}}
	models := chain("a", "b", "c")
	models[0].Keys = []fallback.Key{{Account: "x", Limits: day}, {Account: "x", Limits: day}, {Account: "y", Limits: day}}
	models[0].Limits = []fallback.Window{{Cycle: fallback.Daily, Per: 24 * time.Hour, Limit: 20}, {Unit: fallback.Tokens, Per: 24 * time.Hour, Limit: 900}}
	models[1].Keys = []fallback.Key{{Account: "x", Limits: day}, {Account: "z"}}
	models[2].Keys = []fallback.Key{{Account: "x", Limits: day}}
	h := &told{past: Past{Sums: []HourRow{{Provider: "p", Model: "a", Attempts: 4}, {Provider: "p", Model: "b"}, {Provider: "p", Model: "c"}, {Provider: "p", Model: "gone"}}}}
	prices := func(provider, id string) (Price, bool) {
		return Price{Of: provider + "/" + id, Input: 0.25, Output: 1}, id == "a"
	}
	inBubble(t, plan{models: models, history: h, prices: prices}, func(w *world) {
		got := w.do("GET", "/api/chat/history", "")
		for _, want := range []string{
			`"models":[{"id":"a","provider":"p","attempts":4,`,
			`"day":{"requests":40,"tokens":1800},"price":{"of":"p/a","input":0.25,"output":1}},{"id":"b",`,
			`"day":{"requests":null,"tokens":null},"price":null},{"id":"c",`,
			`"day":{"requests":50,"tokens":null},"price":null},{"id":"gone",`,
			`"day":{"requests":null,"tokens":null},"price":null}],"day":{"requests":70,"tokens":null}}`,
		} {
			if !strings.Contains(got.body, want) {
				t.Errorf("the history lacks %s:\n%s", want, got.body)
			}
		}
	})
}
