package proxy

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"freefall/fallback"
	"freefall/internal/fakellm"
	"freefall/internal/openai"
)

// keysOf is what the state tells of keys: "p1 7890 auth parked"; "hidden" when it tells of none.
func (w *world) keysOf(headers ...string) string {
	w.Helper()
	var s struct {
		Keys []struct {
			Provider, Last4, Account, State, Reason, Until string
			N                                              int
		}
	}
	a := w.do("GET", "/api/chat/models", "", headers...)
	if err := json.Unmarshal([]byte(a.body), &s); err != nil {
		w.Fatal(err)
	}
	if s.Keys == nil {
		return "hidden"
	}
	var out []string
	for _, k := range s.Keys {
		line := fmt.Sprintln(k.Provider, k.N, k.Last4, k.Account, k.Reason, k.State, k.Until)
		out = append(out, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(out, "; ")
}

// The state tells of each key by its place and its last four characters, to those alone who may change something.
func TestStateShowsKeys(t *testing.T) {
	models := chain("a", "b")
	for i := range models {
		models[i].Keys = []fallback.Key{{Account: "p/#1"}, {Account: "p/home"}, {Account: "p/home"}}
		models[i].Via = &Route{FirstToken: 1e9, Answer: 1e9, Idle: 1e9, Provider: &Provider{Name: "p", ChatURL: "http://p.test/v1/chat/completions",
			Dialect: openai.DialectOf("openai"), Local: true, Keys: []string{"sk-0123456781", "sk-0123456782", "short"}}}
	}
	keyless := chain("c")[0]
	keyless.Provider, keyless.Keys = "q", []fallback.Key{{}}
	keyless.Via = &Route{Provider: &Provider{Name: "q", Keys: []string{""}, Dialect: openai.DialectOf("openai")}}
	p := plan{models: append(models, keyless), settings: Settings{AdminKey: "k-admin"}, pool: fallback.Config{Order: fallback.Priority}}
	inBubble(t, p, func(w *world) {
		admin := []string{"Authorization", "Bearer k-admin"}
		if got, want := w.keysOf(admin...), "p 1 6781 p/#1 available; p 2 6782 p/home available; p 3 p/home available"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		w.fake().Script("a", fakellm.Fault(401), fakellm.Raw(429, map[string]string{"Retry-After": "60"}, `{"error":{"message":"Rate limit reached for this API key","code":"rate_limit_exceeded"}}`))
		if a := w.chat(plainBody); a.trail() != "a=auth; a=rate_limited; a=ok" {
			t.Fatal(a.trail())
		}
		if got, want := w.keysOf(admin...), "p 1 6781 p/#1 auth parked; p 2 6782 p/home available; p 3 p/home available"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if got := w.keysOf(); got != "hidden" {
			t.Errorf("without the admin key: %s", got)
		}
	})
}
