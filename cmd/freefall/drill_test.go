package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"freefall/internal/fakellm"
)

// twin stands where a freefall should: it knows two models and answers chats as it is told.
type twin struct {
	chat  http.Handler
	asked atomic.Int32
}

func (s *twin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/api/chat/models":
		writeAll(w, map[string]any{"current_model": "a", "models": []any{
			map[string]any{"id": "a", "supports_tools": true, "is_available": true}, map[string]any{"id": "b", "supports_tools": true, "is_available": true}}})
	case "/api/chat/explain":
		writeAll(w, map[string]any{"candidates": []any{map[string]any{"id": "a"}, map[string]any{"id": "b"}}})
	default:
		s.asked.Add(1)
		s.chat.ServeHTTP(w, r)
	}
}

func writeAll(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// wellDone answers a chat in the form that it wants.
func wellDone(w http.ResponseWriter, r *http.Request) {
	var q struct{ Stream bool }
	_ = json.NewDecoder(r.Body).Decode(&q)
	if q.Stream {
		giving(200, "text/event-stream", word+finish+done)(w, r)
		return
	}
	giving(200, "application/json", goodWhole)(w, r)
}

var exhausted = giving(429, "application/json", `{"error":{"message":"no model can answer now","type":"rate_limit_error","param":null,"code":"all_models_exhausted"}}`,
	"Retry-After", "1", "X-Freefall-Model", "", "X-Freefall-Trail", "a=rate_limited; b=rate_limited", "X-Freefall-Attempts", "2")

// drillOf is a drill of what stands at a caller.
func drillOf(c *caller, upstream string) (*drill, *output) {
	screen := &output{}
	return &drill{caller: c, out: screen, control: fakellm.Control{URL: upstream}, total: 60}, screen
}

func exitCode(err error) int {
	var exit exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.code
	}
	return -1
}

// A drill of the real thing spends little, whatever comes back.
func TestDrillSparesRealQuota(t *testing.T) {
	for name, c := range map[string]struct {
		chat http.HandlerFunc
		code int
	}{"good": {wellDone, 0}, "exhausted": {exhausted, 1}} {
		t.Run(name, func(t *testing.T) {
			s := &twin{chat: c.chat}
			d, screen := drillOf(stub(t, s), "")
			err := d.run(t.Context(), 0)
			if exitCode(err) != c.code {
				t.Errorf("ended with %v", err)
			}
			if n := s.asked.Load(); n < 1 || n > 6 {
				t.Errorf("%d requests were sent", n)
			}
			for _, want := range []string{"spend real quota", "Only 3 requests", "never sends more than 6"} {
				if !strings.Contains(screen.String(), want) {
					t.Errorf("%q is not said:\n%s", want, screen)
				}
			}
			if failed := strings.Contains(screen.String(), "FAILED"); failed != (c.code != 0) {
				t.Errorf("it says\n%s", screen)
			}
		})
	}
}

func TestDrillSaysWhatToDo(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	fake, _ := simulated(t, fakellm.Options{})
	provider := httptest.NewServer(fake)
	defer provider.Close()
	locked := stub(t, giving(401, "application/json", `{}`))
	for name, c := range map[string]struct {
		caller   *caller
		upstream string
		want     string
	}{
		"nobody there":  {newCaller(gone.URL, ""), "", "start one"},
		"a key":         {locked, "", "--key"},
		"no provider":   {stub(t, &twin{chat: http.HandlerFunc(wellDone)}), gone.URL, "--upstream wants the address of a simulated provider"},
		"a key as well": {locked, provider.URL, "--key"},
	} {
		d, _ := drillOf(c.caller, c.upstream)
		err := d.run(t.Context(), 0)
		if exitCode(err) != 1 || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A freefall that asks somebody else than the simulated provider spends real quota: one request shows it.
func TestDrillStopsBeforeAStranger(t *testing.T) {
	fake, _ := simulated(t, fakellm.Options{})
	provider := httptest.NewServer(fake)
	defer provider.Close()
	for _, chaos := range []time.Duration{0, time.Second} {
		s := &twin{chat: http.HandlerFunc(wellDone)}
		d, _ := drillOf(stub(t, s), provider.URL)
		err := d.run(t.Context(), chaos)
		if exitCode(err) != 1 || !strings.Contains(err.Error(), "does not ask the simulated provider") || s.asked.Load() != 1 {
			t.Errorf("%v after %d requests", err, s.asked.Load())
		}
	}
}

// through is a proxy that does nothing but pass on: the failures reach the client.
func through(upstream string, then func(n int32)) http.Handler {
	var n atomic.Int32
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		then(n.Add(1))
		up, err := http.NewRequest(http.MethodPost, upstream+"/v1/chat/completions", strings.NewReader(`{"model":"a","messages":[{"role":"user","content":"hi"}]}`))
		if err != nil {
			panic(err)
		}
		up.Header.Set("Authorization", "Bearer k")
		resp, err := http.DefaultTransport.RoundTrip(up)
		if err != nil {
			w.WriteHeader(502)
			return
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			giving(resp.StatusCode, "application/json", `{"error":{"message":"Rate limit","type":"x","code":"y"}}`, "X-Freefall-Trail", "a=rate_limited")(w, r)
			return
		}
		wellDone(w, r)
	})
}

// A proxy that hides nothing fails the drill, and the provider's script is as it was.
func TestDrillFindsAProxyThatHidesNothing(t *testing.T) {
	fake := fakellm.New(fakellm.Options{Models: []fakellm.Model{{ID: "a", Tools: true}}, Script: map[string][]fakellm.Step{"a": {fakellm.Say("as it was")}}})
	provider := httptest.NewServer(fake)
	defer provider.Close()
	defer fake.Close()
	d, screen := drillOf(stub(t, &twin{chat: through(provider.URL, func(int32) {})}), provider.URL)
	saved := troubles
	defer func() { troubles = saved }()
	troubles = saved[:2]
	err := d.run(t.Context(), 0)
	if exitCode(err) != 1 || !strings.Contains(err.Error(), "3 of 6 requests failed") {
		t.Errorf("%v\n%s", err, screen)
	}
	if n := strings.Count(screen.String(), "\nFAILED 429 of the model's host, "); n != 3 {
		t.Errorf("%d stories of failures:\n%s", n, screen)
	}
	wasReset(t, fake)
}

func wasReset(t *testing.T, fake *fakellm.Server) {
	t.Helper()
	state := fake.State()
	if steps := state.Models["a"].Script; len(steps) != 1 || steps[0].Text != "as it was" {
		t.Errorf("the script is %+v", steps)
	}
	if steps := state.Models["*"].Script; len(steps) != 0 {
		t.Errorf("the script of all others is %+v", steps)
	}
}

// Ctrl-C ends a drill soon, and the script is reset all the same. A call that the interrupt cut off may reach the provider behind that.
func TestDrillResetsWhenInterrupted(t *testing.T) {
	for _, chaos := range []time.Duration{0, time.Hour} {
		fake := fakellm.New(fakellm.Options{Models: []fakellm.Model{{ID: "a", Tools: true}}, Script: map[string][]fakellm.Step{"a": {fakellm.Say("as it was").Forever()}}})
		provider := httptest.NewServer(fake)
		ctx, interrupt := context.WithCancel(t.Context())
		d, _ := drillOf(stub(t, &twin{chat: through(provider.URL, func(n int32) {
			if n == 2 {
				interrupt()
			}
		})}), provider.URL)
		err := d.run(ctx, chaos)
		if exitCode(err) != 1 || !strings.HasPrefix(err.Error(), "interrupted") {
			t.Errorf("ended with %v", err)
		}
		wasReset(t, fake)
		interrupt()
		fake.Close()
		provider.Close()
	}
}

// A refusal is good when waiting is all that helps and Retry-After is true.
func TestDrillTakesRetryAfterAtItsWord(t *testing.T) {
	var chat http.Handler = exhausted
	s := &twin{chat: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { chat.ServeHTTP(w, r) })}
	d, _ := drillOf(stub(t, s), "")
	h := d.ask(t.Context(), plainForm, "auto")
	if h.retry != time.Second {
		t.Fatalf("Retry-After is %v", h.retry)
	}
	h.retry = time.Millisecond
	if got := d.comeBack(t.Context(), &h); !strings.Contains(got, "but then") {
		t.Errorf("a lie passes: %q", got)
	}
	chat = http.HandlerFunc(wellDone)
	if got := d.comeBack(t.Context(), &h); got != "" {
		t.Errorf("the truth does not: %s", got)
	}
}

func TestJudge(t *testing.T) {
	ok := heard{status: 200, calls: 2}
	late := heard{status: 200, refusal: "it broke"}
	refused := heard{status: 429, code: "all_models_exhausted", refusal: "wait", retry: time.Second}
	endless := refused
	endless.retry = 0
	bad := heard{status: 400, calls: 1, refusal: "your fault"}
	twice := bad
	twice.calls = 2
	cut := heard{status: 200, broken: errors.New("the stream broke off")}
	for name, c := range map[string]struct {
		want ending
		h    heard
		met  bool
		good bool
	}{
		"answered":              {answered, ok, true, true},
		"not met":               {answered, ok, false, false},
		"refused":               {answered, refused, true, false},
		"told late, unasked":    {answered, late, true, false},
		"cut":                   {answered, cut, true, false},
		"waited":                {waited, refused, true, true},
		"answered all the same": {waited, ok, true, true},
		"no Retry-After":        {waited, endless, true, false},
		"told late":             {toldLate, late, true, true},
		"passed off as whole":   {toldLate, ok, true, false},
		"cut, not told":         {toldLate, cut, true, false},
		"told once":             {toldOnce, bad, true, true},
		"asked twice":           {toldOnce, twice, true, false},
		"answered a bad one":    {toldOnce, ok, true, false},
	} {
		tr := trouble{want: c.want}
		if got := tr.judge(&c.h, c.met); (got == "") != c.good {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestMet(t *testing.T) {
	h := heard{hops: []hop{{"a", "timeout"}, {"b", "ok"}}}
	for _, c := range []struct {
		class, first string
		want         bool
	}{{"timeout", "a", true}, {"", "a", true}, {"overloaded", "a", false}, {"ok", "b", false}} {
		if got := (&trouble{class: c.class}).met(&h, c.first); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestDrillFlags(t *testing.T) {
	for args, want := range map[string]string{
		"--chaos 60s":                           "--upstream",
		"--chaos 1ms --upstream http://h:1":     "1s to 1h",
		"--chaos 0s":                            "1s to 1h",
		"--url :8000":                           "--url wants an address",
		"--upstream http:/127.0.0.1:8001":       "--upstream wants an address",
		"--upstream http://h:8001?x":            "--upstream wants an address",
		"--url ftp://h":                         "--url wants an address",
		"--chaos soon --upstream http://h:8001": "invalid",
	} {
		cmd := drillCommand()
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		cmd.SetArgs(strings.Fields(args))
		err := cmd.Execute()
		if err == nil || !strings.Contains(err.Error(), want) || exitCode(err) == 1 {
			t.Errorf("%s: %v", args, err)
		}
	}
}

// The whole table and a short chaos, on the programs themselves.
func TestDrillOfTheDemo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	demo := command(dir, nil, "demo", "--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:0")
	screen := &output{}
	demo.Stdout = screen
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- demo.Wait() }()
	defer func() {
		_ = demo.Process.Signal(os.Interrupt)
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the demo ended with %v", err)
			}
		case <-time.After(stopBound):
			_ = demo.Process.Kill()
			t.Error("the demo had to be killed")
		}
	}()
	var at []string
	eventually(t, "the demo", func() bool {
		at = regexp.MustCompile(`endpoint on (http://\S+)/v1, before a simulated provider on (http://\S+)\n`).FindStringSubmatch(screen.String())
		return at != nil
	})
	table := drilled(t, dir, "--url", at[1], "--upstream", at[2])
	asked := 0
	for _, tr := range troubles {
		asked += len(tr.forms)
		if n := strings.Count(table, "\n"+tr.kind+"  "); n != len(tr.forms) {
			t.Errorf("%q stands there %d times", tr.kind, n)
		}
	}
	if want := fmt.Sprintf("\n%d requests, %d ok\n", asked, asked); !strings.HasSuffix(table, want) {
		t.Errorf("the last line is not %q:\n%s", want, table)
	}
	chaos := drilled(t, dir, "--url", at[1], "--upstream", at[2], "--chaos", "2s")
	if !strings.HasSuffix(chaos, "\n0 errors, 0 wasted, 0 cents\n") || !strings.Contains(chaos, " > ok") {
		t.Errorf("chaos:\n%s", chaos)
	}
}

// drilled runs the command to its end and gives what it printed.
func drilled(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := command(dir, nil, append([]string{"drill"}, args...)...)
	bound := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	defer bound.Stop()
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("drill %v: %v\n%s", args, err, out)
	}
	return string(out)
}
