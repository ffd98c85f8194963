package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"freefall/internal/fakellm"
)

// meters are the questions about accounts, by key.
func meters(fake *fakellm.Server) map[string]int {
	asked := map[string]int{}
	for _, r := range fake.Requests() {
		if strings.HasSuffix(r.Path, "/key") {
			asked[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]++
		}
	}
	return asked
}

// 200 at once against a limit that the file names: exactly so many calls, and the others get the next model's answer.
func TestServeKeepsToWrittenLimits(t *testing.T) {
	t.Parallel()
	fake, url := simulated(t, models("a", "b"))
	f := start(t, strings.Replace(chain(url, "", "a", "b"), `{id: "a", `, `{id: "a", limits: {rpm: 5}, `, 1))
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if got := f.chat(plainBody); got.status != 200 {
				t.Errorf("%d by %q", got.status, got.trail())
			}
		})
	}
	all.Wait()
	if a, b := fake.Hits("a"), fake.Hits("b"); a != 5 || b != 195 {
		t.Errorf("%d and %d calls, want 5 and 195", a, b)
	}
}

// What the account's owner counts is known before the first request: two of three are used, by somebody else.
func TestServeAsksTheProviderWhatIsLeft(t *testing.T) {
	t.Parallel()
	o := models("a:free")
	o.OpenAI, o.Keyless = false, false
	o.Limits = []fakellm.Limit{{Scope: fakellm.Account, Requests: 3, Per: fakellm.Duration(24 * time.Hour), Fixed: true}}
	fake, url := simulated(t, o)
	_, next := simulated(t, models("b"))
	elsewhere := &program{t: t, url: strings.TrimSuffix(url, "/v1"), client: &http.Client{Timeout: callBound}}
	defer elsewhere.client.CloseIdleConnections()
	for range 2 {
		if got := elsewhere.do("POST", "/v1/chat/completions", ask("a:free"), "Authorization", "Bearer key-1"); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	f := start(t, fmt.Sprintf(`
log: {level: debug}
providers: {p: {base_url: %q, dialect: openrouter, keys: [key-1]}, q: {base_url: %q, keys: [key-other]}, off: {base_url: %q, dialect: openrouter, free: "no", keys: [key-off]}}
models: [{id: a:free, provider: p}, {id: b, provider: q}, {id: c:free, provider: off}]
`, url, next, url))
	f.until(callBound, "the answer about the account", func() bool { return strings.Contains(f.stderr.String(), "own count was read") })
	f.want(f.chat(plainBody), 200, "a:free=ok")
	f.want(f.chat(plainBody), 200, "b=ok")
	if n := fake.Hits("a:free"); n != 3 {
		t.Errorf("%d calls, want 3: the fourth would have been in vain", n)
	}
	if asked := meters(fake); len(asked) != 1 || asked["key-1"] != 1 {
		t.Errorf("asked about %v", asked)
	}
	if text := f.stderr.String() + f.log(); strings.Contains(text, "key-1") {
		t.Errorf("the log holds a key:\n%s", text)
	}
}

// A reload swaps the keys whose accounts are asked about.
func TestServeAsksAboutNewKeys(t *testing.T) {
	t.Parallel()
	o := models("a:free")
	o.OpenAI = false
	fake, url := simulated(t, o)
	yaml := fmt.Sprintf("providers: {p: {base_url: %q, dialect: openrouter, keys: [key-1]}}\nmodels: [{id: a:free}]\n", url)
	f := start(t, yaml)
	f.until(callBound, "the first question", func() bool { return meters(fake)["key-1"] == 1 })
	write(t, filepath.Join(f.dir, "models.yaml"), strings.Replace(yaml, "key-1", "{key: key-2, account: two}", 1))
	f.signal(syscall.SIGHUP)
	f.until(callBound, "a question about the new key", func() bool { return meters(fake)["key-2"] == 1 })
	if n := meters(fake)["key-1"]; n != 1 {
		t.Errorf("the old key was asked about %d times", n)
	}
}

// The budget of the day is told at the start, in one line.
func TestServeTellsTheBudget(t *testing.T) {
	t.Parallel()
	_, url := simulated(t, models("a"))
	f := start(t, chain(url, "", "a"))
	if !strings.Contains(f.log(), `"message":"Budget: p has no limit"`) {
		t.Errorf("the log holds\n%s", f.log())
	}
}
