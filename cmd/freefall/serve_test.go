package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"freefall/internal/fakellm"
)

var limited = fakellm.Raw(429, map[string]string{"content-type": "application/json"},
	`{"error":{"message":"Rate limit exceeded","code":429}}`).Forever()

// 4.1: a model at its limit is never seen by the client, nor asked again.
func TestServeHidesALimit(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"plain": plainBody, "stream": streamBody, "tools": toolsBody} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, url := simulated(t, models("a", "b"))
			fake.Script("a", limited)
			f := start(t, chain(url, "", "a", "b"))
			began := time.Now()
			got := f.chat(body)
			f.want(got, 200, "a=rate_limited; b=ok")
			if m, p, n := got.header.Get("X-Freefall-Model"), got.header.Get("X-Freefall-Provider"), got.attempts(); m != "b" || p != "p" || n != "2" {
				t.Errorf("headers: model %q, provider %q, attempts %q", m, p, n)
			}
			f.want(f.chat(body), 200, "b=ok")
			if fake.Hits("a") != 1 {
				t.Errorf("the limited model was asked %d times", fake.Hits("a"))
			}
			a := f.row("a")
			at, err := time.Parse(time.RFC3339, a.AvailableAt)
			if a.Available || a.FailureCount != 1 || a.Reason != "rate_limited" || err != nil ||
				at.Before(began.Add(28*time.Second)) || at.After(time.Now().Add(31*time.Second)) {
				t.Errorf("the state says %+v", a)
			}
		})
	}
}

// 4.1: an account that refused as a whole is not asked with its second key, nor for its other models.
func TestServeAsksARefusedAccountOnce(t *testing.T) {
	t.Parallel()
	o := models("a:free", "b:free")
	o.OpenAI, o.Keys = false, map[string]string{"key-1": "x", "key-2": "x", "key-3": "y"}
	o.Limits = []fakellm.Limit{{Scope: fakellm.Account, Per: fakellm.Duration(24 * time.Hour), Fixed: true}}
	spent, spentURL := simulated(t, o)
	_, goodURL := simulated(t, models("c"))
	f := start(t, fmt.Sprintf(`
providers:
  spent: {base_url: %q, dialect: openrouter, keys: [{key: key-1, account: x}, {key: key-2, account: x}, {key: key-3, account: y}]}
  good: {base_url: %q}
models: [{id: a:free, provider: spent}, {id: b:free, provider: spent}, {id: c, provider: good}]
`, spentURL, goodURL))
	f.want(f.chat(plainBody), 200, "a:free=rate_limited; a:free=rate_limited; c=ok")
	f.want(f.chat(plainBody), 200, "c=ok")
	var accounts []string
	for _, r := range chats(spent) {
		accounts = append(accounts, r.Account)
	}
	if slices.Sort(accounts); !slices.Equal(accounts, []string{"x", "y"}) {
		t.Errorf("asked %v, want each account once", accounts)
	}
	if a := f.row("a:free"); a.FailureCount != 0 || a.Available {
		t.Errorf("an account that is spent is no failure of a model: %+v", a)
	}
}

// 4.3: three faults take a model out, one trial decides, successes count down.
func TestServeCountsFailures(t *testing.T) {
	t.Parallel()
	fake, url := simulated(t, models("a", "b"))
	f := start(t, chain(url, "routing: {order: priority}\nbreaker: {cooldown: 2s}\n", "a", "b"))
	fake.Script("a", fakellm.Fault(500).Repeat(3), fakellm.Slow(400*time.Millisecond, 0, 0), fakellm.OK().Forever())
	for n := 1; n <= 3; n++ {
		f.want(f.chat(plainBody), 200, "a=upstream_fault; b=ok")
		if a := f.row("a"); a.FailureCount != n || a.Available != (n < 3) {
			t.Errorf("after %d faults: %+v", n, a)
		}
	}
	f.want(f.chat(plainBody), 200, "b=ok")
	if fake.Hits("a") != 3 {
		t.Errorf("the fourth request called it: %d calls", fake.Hits("a"))
	}
	if a := f.row("a"); a.AvailableAt == "" || a.Reason == "" || a.LastError == "" {
		t.Errorf("why and until when: %+v", a)
	}
	f.until(5*time.Second, "the cooldown to end", func() bool { return f.row("a").Available })
	if a := f.row("a"); a.Reason != "trial" || a.FailureCount != 3 {
		t.Errorf("half-open: %+v", a)
	}
	var trial sync.WaitGroup
	trial.Go(func() { f.want(f.chat(plainBody), 200, "a=ok") })
	f.until(5*time.Second, "the trial", func() bool { return fake.Active() == 1 })
	f.want(f.chat(plainBody), 200, "b=ok")
	if a := f.row("a"); a.Available {
		t.Errorf("during its one trial a model is there for nobody else: %+v", a)
	}
	trial.Wait()
	for _, count := range []int{2, 1, 0, 0} {
		if a := f.row("a"); a.FailureCount != count || !a.Available {
			t.Errorf("want %d failures: %+v", count, a)
		}
		f.want(f.chat(plainBody), 200, "a=ok")
	}
}

// 4.4: a bare 429 rests one model with one key; one that speaks of the account rests all that account has.
func TestServeRestsNarrowly(t *testing.T) {
	t.Parallel()
	asked := func(fake *fakellm.Server, model string) (accounts []string) {
		for _, r := range chats(fake) {
			if r.Model == model && !slices.Contains(accounts, r.Account) {
				accounts = append(accounts, r.Account)
			}
		}
		return accounts
	}
	for _, tt := range []struct {
		name    string
		refusal fakellm.Step
		b       int // accounts that are asked for b afterwards
	}{
		{"pair", limited, 2},
		{"account", fakellm.FromSample("or-429-free-day"), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := models("a:free", "b:free")
			o.OpenAI, o.Keys = false, map[string]string{"key-1": "x", "key-2": "y"}
			fake, url := simulated(t, o)
			refusal := tt.refusal
			refusal.Always = false
			fake.Script("a:free", refusal, fakellm.OK().Forever())
			f := start(t, fmt.Sprintf(`
providers: {p: {base_url: %q, dialect: openrouter, keys: [{key: key-1, account: x}, {key: key-2, account: y}]}}
models: [{id: a:free}, {id: b:free}]
`, url))
			if got := f.chat(plainBody); got.status != 200 || !strings.HasSuffix(got.trail(), "; a:free=ok") || got.attempts() != "2" {
				t.Errorf("the other account serves the same model: %d by %q", got.status, got.trail())
			}
			for range 4 {
				f.want(f.chat(ask("a:free")), 200, "a:free=ok")
			}
			for range 4 {
				f.want(f.chat(ask("b:free")), 200, "b:free=ok")
			}
			if fake.Hits("a:free") != 6 {
				t.Errorf("a was asked %d times, want 2 and 4", fake.Hits("a:free"))
			}
			if got := asked(fake, "b:free"); len(got) != tt.b {
				t.Errorf("b was asked of accounts %v, want %d", got, tt.b)
			}
		})
	}
}

// 4.6: a model that cannot do what the request needs is not asked.
func TestServeMatchesNeeds(t *testing.T) {
	t.Parallel()
	fake, url := simulated(t, models("plain", "tools", "images", "schema", "wide"))
	f := start(t, fmt.Sprintf(`
providers: {p: {base_url: %q}}
models:
  - {id: plain, context_length: 2000}
  - {id: tools, supports_tools: true, context_length: 2000}
  - {id: images, supports_vision: true, context_length: 2000}
  - {id: schema, supports_json_schema: true, context_length: 2000}
  - {id: wide, context_length: 100000}
`, url))
	const user = `{"role":"user","content":"Hello"}`
	long := strings.Repeat("many words make a long night ", 1500)
	for _, tt := range []struct{ name, body, want string }{
		{"nothing", `{"messages":[` + user + `]}`, "plain"},
		{"tools", toolsBody, "tools"},
		{"tools in the history", `{"messages":[` + user + `,{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"clock","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"noon"}]}`, "tools"},
		{"an image", `{"messages":[{"role":"user","content":[{"type":"text","text":"what"},{"type":"image_url","image_url":{"url":"data:image/png;base64,` + strings.Repeat("iVBO", 20000) + `"}}]}]}`, "images"},
		{"a schema", `{"messages":[` + user + `],"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object","properties":{}}}}}`, "schema"},
		{"a long text", `{"messages":[{"role":"user","content":"` + long + `"}]}`, "wide"},
	} {
		fake.Reset()
		f.want(f.chat(tt.body), 200, tt.want+"=ok")
		for _, r := range chats(fake) {
			if r.Model != tt.want {
				t.Errorf("%s: %s was asked", tt.name, r.Model)
			}
		}
	}
	fake.Reset()
	got := f.chat(`{"messages":[{"role":"user","content":"` + strings.Repeat(long, 12) + `"}]}`)
	if got.status != 400 || got.problem().Code != "context_length_exceeded" || len(fake.Requests()) != 0 {
		t.Errorf("too long for all: %d %s after %d calls", got.status, got.body, len(fake.Requests()))
	}
}

// 4.6: a refused feature is remembered, whatever the file says.
func TestServeRemembersARefusedFeature(t *testing.T) {
	t.Parallel()
	o := models("a:free", "b:free")
	o.OpenAI, o.Models[0].Tools = false, false
	fake, url := simulated(t, o)
	f := start(t, fmt.Sprintf("providers: {p: {base_url: %q, dialect: openrouter, keys: [k]}}\nmodels: [{id: a:free, supports_tools: true}, {id: b:free, supports_tools: true}]\n", url))
	f.want(f.chat(toolsBody), 200, "a:free=unsupported_feature; b:free=ok")
	f.want(f.chat(toolsBody), 200, "b:free=ok")
	f.want(f.chat(plainBody), 200, "a:free=ok")
	if a := f.row("a:free"); a.Tools || a.FailureCount != 0 || fake.Hits("a:free") != 2 {
		t.Errorf("%+v after %d calls", a, fake.Hits("a:free"))
	}
}

// 4.11: the model that answered last is asked first; after `stick` one request looks above it.
func TestServeKeepsToTheLastGoodModel(t *testing.T) {
	t.Parallel()
	const stick = 3 * time.Second
	fake, url := simulated(t, models("a", "b", "c"))
	fake.Script("a", fakellm.Fault(500))
	f := start(t, strings.Replace(chain(url, "routing: {stick: 3s}\n", "a", "b", "c"), `{id: "b", supports_tools: true}`, `{id: b}`, 1))
	f.want(f.chat(plainBody), 200, "a=upstream_fault; b=ok")
	failed := time.Now()
	for range 20 {
		f.want(f.chat(plainBody), 200, "b=ok")
	}
	if current, _ := f.state(); current != "b" {
		t.Errorf("current_model %q", current)
	}
	if got := f.chat(toolsBody); got.trail() != "a=ok" && got.trail() != "c=ok" {
		t.Errorf("tools went %q", got.trail())
	}
	f.want(f.chat(plainBody), 200, "b=ok")
	calls := fake.Hits("a")

	sleep := func() { time.Sleep(time.Until(failed.Add(stick + 50*time.Millisecond))) }
	sleep()
	fake.Script("a", fakellm.Fault(500))
	f.want(f.chat(plainBody), 200, "a=upstream_fault; b=ok")
	failed = time.Now()
	for range 5 {
		f.want(f.chat(plainBody), 200, "b=ok")
	}
	if got := fake.Hits("a") - calls; got != 1 {
		t.Errorf("after stick %d requests went up, want one; its failure begins another wait", got)
	}

	sleep()
	fake.Script("a", fakellm.Slow(300*time.Millisecond, 0, 0), fakellm.OK().Forever())
	var one sync.WaitGroup
	one.Go(func() { f.want(f.chat(plainBody), 200, "a=ok") })
	f.until(5*time.Second, "one request to go up", func() bool { return fake.Active() == 1 })
	f.want(f.chat(plainBody), 200, "b=ok")
	one.Wait()
	f.want(f.chat(plainBody), 200, "a=ok")
}

// 4.11: priority has no memory, and what the client names comes before any order.
func TestServeByPriority(t *testing.T) {
	t.Parallel()
	fake, url := simulated(t, models("a", "b", "c"))
	fake.Script("a", fakellm.Fault(500))
	f := start(t, chain(url, "routing: {order: priority}\n", "a", "b", "c"))
	f.want(f.chat(plainBody), 200, "a=upstream_fault; b=ok")
	f.want(f.chat(plainBody), 200, "a=ok")
	f.want(f.chat(ask("c")), 200, "c=ok")
	f.want(f.chat(plainBody), 200, "a=ok")
}

// The first two models at their limit, 300 requests at concurrency 32, plain, tools and streams: nobody sees it.
func TestServeManyAtOnce(t *testing.T) {
	t.Parallel()
	o := models("a", "b", "c", "d")
	o.Models[2].Tools = false
	fake, url := simulated(t, o)
	fake.Script("a", limited)
	fake.Script("b", limited)
	f := start(t, strings.Replace(chain(url, "", "a", "b", "c", "d"), `{id: "c", supports_tools: true}`, `{id: c}`, 1))
	bodies := []string{plainBody, streamBody, toolsBody}
	room := make(chan struct{}, 32)
	var all sync.WaitGroup
	for i := range 300 {
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			got := f.chat(bodies[i%3])
			fitting := []int{4, 4, 3}[i%3]
			n, err := strconv.Atoi(got.attempts())
			if got.status != 200 || err != nil || n > fitting {
				t.Errorf("%d after %d attempts by %q", got.status, n, got.trail())
			}
			if i%3 == 1 && !got.clean() {
				t.Errorf("a stream ended badly: %s", got.body)
			}
		})
	}
	all.Wait()
	for _, r := range chats(fake) {
		if r.Model == "c" && strings.Contains(string(r.Body), `"tools"`) {
			t.Fatal("a tools request reached the model without tools")
		}
	}
	if fake.Hits("a") > 32 || fake.Hits("b") > 32 {
		t.Errorf("limited models were asked %d and %d times: more than were under way at once", fake.Hits("a"), fake.Hits("b"))
	}
}
