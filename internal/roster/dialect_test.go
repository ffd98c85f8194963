package roster

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"freefall/fallback"
	"freefall/internal/openai"
)

func TestFind(t *testing.T) {
	tests := []struct{ name, url, want string }{
		{"", "https://openrouter.ai/api/v1", "openrouter"},
		{"", "https://OPENROUTER.AI:443/api/v1", "openrouter"},
		{"", "https://openrouter.ai.evil.com/api/v1", "openai"},
		{"", "https://openrouter.ai@evil.com/api/v1", "openai"},
		{"", "https://generativelanguage.googleapis.com/v1beta/openai", "google"},
		{"", "http://localhost:11434/v1", "ollama"},
		{"", "http://localhost:8000/v1", "openai"},
		{"", "https://ollama.com/v1", "ollama-cloud"},
		{"", "https://llm.example.org/v1", "openai"},
		{"groq", "https://llm.example.org/v1", "groq"},
		{"", "::", "openai"},
	}
	for _, tt := range tests {
		if got := Find(tt.name, tt.url); got.Name != tt.want {
			t.Errorf("Find(%q, %q) = %s, want %s", tt.name, tt.url, got.Name, tt.want)
		}
	}
}

// The rows are typed by hand; these are the slips that a compiler does not see.
func TestDialectRows(t *testing.T) {
	var names, hosts []string
	for _, d := range Dialects() {
		names, hosts = append(names, d.Name), append(hosts, d.Hosts...)
		u, err := url.Parse(d.BaseURL)
		if err != nil || u.Host == "" || strings.HasSuffix(d.BaseURL, "/") {
			t.Errorf("%s: base URL %q", d.Name, d.BaseURL)
		}
		if len(d.Hosts) > 0 && byURL(d.BaseURL) != d {
			t.Errorf("%s is not found by its own base URL", d.Name)
		}
		for id, l := range d.Models {
			checkReset(t, d.Name+" "+id, l.DayResets)
		}
		if _, err := time.Parse(time.DateOnly, d.Read); d.states() != (err == nil) {
			t.Errorf("%s states limits: %v, read on %q", d.Name, d.states(), d.Read)
		}
		checkReset(t, d.Name, d.Account.DayResets)
		checkReset(t, d.Name, d.Model.DayResets)
		checkEdits(t, d)
	}
	for _, list := range [][]string{names, hosts} {
		slices.Sort(list)
		if len(slices.Compact(slices.Clone(list))) != len(list) {
			t.Errorf("something is there twice: %v", list)
		}
	}
}

// states says whether the dialect knows any limit.
func (d *Dialect) states() bool {
	for _, l := range append(slices.Collect(maps.Values(d.Models)), d.Account, d.Model) {
		if l.DayResets, l.Fills = "", ""; l != (Limits{}) {
			return true
		}
	}
	return false
}

// OpenRouter alone counts what a model's host turned away.
func TestCounting(t *testing.T) {
	for _, d := range Dialects() {
		want := fallback.CountsAccepted
		if d.Name == "openrouter" {
			want = fallback.CountsUpstream
		}
		if d.Counting != want {
			t.Errorf("%s counts by %v", d.Name, d.Counting)
		}
	}
}

func checkReset(t *testing.T, what, reset string) {
	clock, zone, _ := strings.Cut(reset, " ")
	if reset == "" || reset == rolling {
		return
	}
	if _, err := time.Parse("15:04", clock); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	if _, err := time.LoadLocation(zone); err != nil || zone == "" {
		t.Errorf("%s: zone %q: %v", what, zone, err)
	}
}

// checkEdits applies a dialect's edits to a body that has all that they speak of.
func checkEdits(t *testing.T, d *Dialect) {
	body := `{"messages":[{"role":"user","content":"hi"}],"model":"m","stream":true,"top_k":1,"min_p":0.1,"repetition_penalty":1,` +
		`"logit_bias":{},"logprobs":true,"top_logprobs":2,"reasoning_effort":"low","seed":7,"parallel_tool_calls":true}`
	req, refused := openai.ParseChat([]byte(body))
	if refused != nil {
		t.Fatal(refused)
	}
	parts, err := req.Outgoing("m", d.Edits)
	if err != nil {
		t.Fatalf("%s: %v", d.Name, err)
	}
	sent := string(slices.Concat(parts[0], parts[1], parts[2]))
	for _, key := range d.Edits.Drop {
		if strings.Contains(sent, `"`+key+`"`) {
			t.Errorf("%s still sends %s: %s", d.Name, key, sent)
		}
	}
	for _, pair := range d.Edits.Rename {
		if strings.Contains(sent, `"`+pair[0]+`"`) || !strings.Contains(sent, `"`+pair[1]+`"`) {
			t.Errorf("%s does not rename %s: %s", d.Name, pair[0], sent)
		}
	}
	if d.Edits.IncludeUsage && !strings.Contains(sent, `"include_usage":true`) {
		t.Errorf("%s does not ask for usage: %s", d.Name, sent)
	}
}

func TestLimitsOf(t *testing.T) {
	google := ByName("google")
	if got := google.Of("gemini-2.5-flash"); got.RPD != 20 || got.RPM != 5 {
		t.Errorf("a named model has %+v", got)
	}
	if got := google.Of("something-new"); got.RPD != 0 || got.DayResets != pacific {
		t.Errorf("an unnamed model has %+v", got)
	}
}
