package main

import (
	"context"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"freefall/fallback"
	"freefall/internal/fakellm"
)

// running is a demo in this process.
type running struct {
	*caller
	screen  *output
	control fakellm.Control
	ended   chan error
}

// startDemo runs the demo on free ports until the test ends.
func startDemo(t *testing.T, traffic int) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &running{screen: &output{}, ended: make(chan error, 1)}
	go func() { r.ended <- demo(ctx, r.screen, "127.0.0.1:0", "127.0.0.1:0", traffic) }()
	greeting := regexp.MustCompile(`endpoint on (http://\S+)/v1, before a simulated provider on (http://\S+)\n`)
	eventually(t, "the greeting", func() bool {
		at := greeting.FindStringSubmatch(r.screen.String())
		if at != nil {
			r.caller, r.control = newCaller(at[1], ""), fakellm.Control{URL: at[2]}
		}
		return at != nil
	})
	t.Cleanup(func() {
		r.close()
		stop()
		select {
		case err := <-r.ended:
			if err != nil {
				t.Errorf("the demo ended with %v", err)
			}
		case <-time.After(stopBound):
			t.Error("the demo does not end")
		}
	})
	return r
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(startBound); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain for " + what)
		}
	}
}

// The demo takes nothing from where it runs, and leaves nothing there.
func TestDemoShowsTheShippedChainAnywhere(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "models.yaml", "models: [{id: other}]\nlisten: nonsense\n")
	write(t, ".env", "OPENROUTER_API_KEY=sk-or-v1-real\nDEFAULT_MODEL=other\n")
	t.Setenv("DEFAULT_MODEL", "other")
	t.Setenv("FREEFALL_CLIENT_KEYS", "locked")
	d := startDemo(t, 0)
	state, err := d.state(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range state.Models {
		names = append(names, m.ID+" "+m.Name)
	}
	want := []string{
		"google/gemini-2.0-flash-exp:free Gemini 2.0 Flash Experimental",
		"deepseek/deepseek-chat-v3-0324:free DeepSeek Chat V3",
		"google/gemini-1.5-flash:free Gemini 1.5 Flash",
		"google/gemini-1.5-flash-8b:free Gemini 1.5 Flash 8B",
		"meta-llama/llama-3.2-3b-instruct:free Llama 3.2 3B Instruct",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	h := d.ask(t.Context(), plainForm, "auto")
	if !h.answered() || h.classes() != "rate_limited > ok" || h.hops[0].model != state.Models[0].ID {
		t.Errorf("the first question: %q, %s", h.trail(), h.wrong())
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("the demo left something behind: %v, %v", entries, err)
	}
}

func TestDemoTellsEachSwitchInOneLine(t *testing.T) {
	d := startDemo(t, 0)
	h := d.ask(t.Context(), plainForm, "auto")
	line := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d  Rate limit on (\S+) \(until \d\d:\d\d:\d\d\)\. Switching from (\S+) to (\S+)$`)
	at := line.FindStringSubmatch(d.screen.String())
	if at == nil || at[1] != h.hops[0].model || at[2] != at[1] || at[3] != h.model {
		t.Errorf("trail %q, but the window says\n%s", h.trail(), d.screen)
	}
	_, after, _ := strings.Cut(d.screen.String(), "Ctrl-C ends it.\n\n")
	if n := strings.Count(after, "\n"); n != 1 {
		t.Errorf("%d lines for one switch:\n%s", n, after)
	}
}

// One account at its limit is no end: the demo has three.
func TestDemoHasThreeAccounts(t *testing.T) {
	d := startDemo(t, 0)
	const backup = "meta-llama/llama-3.2-3b-instruct:free" // no weather there
	if err := d.control.Limits(fakellm.Limit{Scope: fakellm.Account, Requests: 1, Per: fakellm.Duration(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if h := d.ask(t.Context(), plainForm, backup); h.trail() != backup+"=ok" {
			t.Errorf("%q: %s", h.trail(), h.wrong())
		}
	}
	// How many it still has to ask depends on what the account's own counter has told meanwhile.
	h := d.ask(t.Context(), plainForm, backup)
	if h.status != 429 || strings.Contains(h.trail(), "=ok") || h.retry <= 0 {
		t.Errorf("all accounts are spent, but: %d, %q, Retry-After %v", h.status, h.trail(), h.retry)
	}
}

func TestDemoSendsTraffic(t *testing.T) {
	d := startDemo(t, maxTraffic)
	eventually(t, "answers", func() bool {
		state, err := d.control.State()
		if err != nil {
			t.Fatal(err)
		}
		good := 0
		for _, m := range state.Models {
			good += m.Good
		}
		return good >= 6
	})
	if !strings.Contains(d.screen.String(), "Switching from") {
		t.Errorf("no switch is shown:\n%s", d.screen)
	}
}

func TestDemoNamesTheFlagOfABusyPort(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	taken := busy.Addr().String()
	for flag, at := range map[string][2]string{"--listen": {taken, "127.0.0.1:0"}, "--upstream": {"127.0.0.1:0", taken}} {
		err := demo(t.Context(), io.Discard, at[0], at[1], 1)
		if err == nil || !strings.Contains(err.Error(), taken) || !strings.HasSuffix(err.Error(), "with "+flag) {
			t.Errorf("%s: %v", flag, err)
		}
	}
}

func TestBriefLines(t *testing.T) {
	local := time.Date(2026, 11, 22, 22, 40, 4, 0, time.UTC).Local().Format("15:04:05")
	for line, want := range map[string]string{
		`{"level":"warn","model":"v/a:free","outcome":"rate_limited","status":429,"until":"2026-11-22T22:40:04Z","message":"Rate limit on v/a:free: slow down. Switching from v/a:free to v/b:free"}`: "Rate limit on v/a:free (until " + local + "). Switching from v/a:free to v/b:free",
		`{"level":"warn","model":"a","outcome":"rate_limited","status":429,"message":"Rate limit on a: slow down"}`:                                                                                   "Rate limit on a",
		`{"level":"warn","model":"a","outcome":"upstream_fault","status":502,"message":"Model a failed: x. Switching from z to y. Switching from a to b"}`:                                            "Model a failed (upstream_fault, 502). Switching from a to b",
		`{"level":"warn","model":"a","outcome":"upstream_fault","status":200,"message":"Model a failed: an error in a 200"}`:                                                                          "Model a failed (upstream_fault)",
		`{"level":"info","model":"a","outcome":"ok","available_again":true,"message":"Model a answered"}`:                                                                                             "Model a is back",
		`{"level":"info","model":"a","outcome":"ok","message":"Model a answered"}`:                                                                                                                    "",
		`{"level":"info","model":"a","outcome":"client_left","message":"Client left while a was asked"}`:                                                                                              "",
		`{"level":"info","status":200,"message":"Request"}`:                                                                                                                                           "",
		`{"level":"warn","message":"Drain is over: the last answers were cut"}`:                                                                                                                       "Drain is over: the last answers were cut",
		`{"level":"error","request":"1","message":"Request failed inside freefall"}`:                                                                                                                  "Request failed inside freefall",
	} {
		if got := brief([]byte(line)); got != want {
			t.Errorf("%s\n got %q\nwant %q", line, got, want)
		}
	}
}

// The demo is made by the same hands as serve: what serve says of the shipped file holds for it.
func TestDemoConfigIsTheShippedOne(t *testing.T) {
	c, err := demoConfig("http://127.0.0.1:1/api/v1")
	if err != nil {
		t.Fatal(err)
	}
	b := build(c)
	if len(b.pool.Models) != 5 || c.DataDir != "" || c.Log.File != "" {
		t.Errorf("%d models, data in %q, log in %q", len(b.pool.Models), c.DataDir, c.Log.File)
	}
	for _, m := range b.pool.Models {
		if m.Off != "" || len(m.Keys) != 3 {
			t.Errorf("%s is %q with %d keys", m.ID, m.Off, len(m.Keys))
		}
	}
	if tools := slices.IndexFunc(b.pool.Models, func(m fallback.Model) bool { return !m.Tools }); tools != 4 {
		t.Errorf("the first model without tools is number %d", tools)
	}
}
