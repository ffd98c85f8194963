package proxy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"freefall/fallback"
	"freefall/internal/fakellm"
)

// A at a plain 429, B good: the answer is B's, A is not asked again, and the state says why and until when.
func TestALimitIsNeverShown(t *testing.T) {
	for _, body := range []string{plainBody, streamBody, toolsBody} {
		inBubble(t, plan{models: chain("a", "b")}, func(w *world) {
			w.fake().Script("a", fakellm.Raw(429, map[string]string{"content-type": "application/json"},
				`{"error":{"message":"Rate limit exceeded","code":429}}`).Forever())
			began := time.Now()
			got := w.chat(body)
			if got.status != 200 || got.trail() != "a=rate_limited; b=ok" {
				t.Fatalf("got %d, trail %q: %s", got.status, got.trail(), got.body)
			}
			if m, p, n := got.header.Get(headerModel), got.header.Get(headerProvider), got.header.Get(headerAttempts); m != "b" || p != "p" || n != "2" {
				t.Errorf("headers say model %q, provider %q, attempts %q", m, p, n)
			}
			w.chat(body)
			if hits := w.fake().Hits("a"); hits != 1 {
				t.Errorf("the limited model was asked %d times", hits)
			}
			current, rows := w.state()
			a := rows["a"]
			if current != "b" || a.Available || a.FailureCount != 1 || a.Reason == nil || *a.Reason != "rate_limited" {
				t.Errorf("current %q, a: %+v", current, a)
			}
			if want := began.Add(30 * time.Second).UTC().Format(time.RFC3339); a.AvailableAt == nil || *a.AvailableAt != want {
				t.Errorf("available_at %v, want %s", a.AvailableAt, want)
			}
			if a.LastError == nil || !strings.Contains(*a.LastError, "Rate limit exceeded") {
				t.Errorf("last_error %v", a.LastError)
			}
		})
	}
}

func TestThreeFaultsAndATrial(t *testing.T) {
	p := plan{models: chain("a", "b"), pool: fallback.Config{Order: fallback.Priority}}
	inBubble(t, p, func(w *world) {
		w.fake().Script("a", fakellm.Fault(500).Repeat(3))
		for n := 1; n <= 3; n++ {
			w.chat(plainBody)
			if _, rows := w.state(); rows["a"].FailureCount != n || rows["a"].Available != (n < 3) {
				t.Errorf("after %d faults: %+v", n, rows["a"])
			}
		}
		w.chat(plainBody)
		if hits := w.fake().Hits("a"); hits != 3 {
			t.Errorf("the fourth request called it: %d calls", hits)
		}
		time.Sleep(30 * time.Second)
		if _, rows := w.state(); !rows["a"].Available || rows["a"].Reason == nil || *rows["a"].Reason != "trial" {
			t.Errorf("half-open: %+v", rows["a"])
		}
		for _, want := range []int{2, 1, 0, 0} {
			if got := w.chat(plainBody); got.trail() != "a=ok" {
				t.Errorf("trail %q", got.trail())
			}
			if _, rows := w.state(); rows["a"].FailureCount != want {
				t.Errorf("count %d, want %d", rows["a"].FailureCount, want)
			}
		}
	})
}

func TestLastGoodComesFirst(t *testing.T) {
	models := chain("a", "b", "c")
	models[1].Tools = false
	inBubble(t, plan{models: models}, func(w *world) {
		w.fake().Script("a", fakellm.Fault(500))
		for range 21 {
			if got := w.chat(plainBody); !strings.HasSuffix(got.trail(), "b=ok") {
				t.Fatalf("trail %q", got.trail())
			}
		}
		if hits := w.fake().Hits("a"); hits != 1 {
			t.Errorf("a was asked %d times", hits)
		}
		if got := w.chat(toolsBody); got.trail() != "a=ok" {
			t.Errorf("tools went %q", got.trail())
		}
		if got := w.chat(plainBody); got.trail() != "b=ok" {
			t.Errorf("after the tools request a plain one went %q", got.trail())
		}
		time.Sleep(time.Minute)
		if got := w.chat(plainBody); got.trail() != "a=ok" {
			t.Errorf("after stick the first went %q", got.trail())
		}
	})
}

func TestNamesOfModels(t *testing.T) {
	p := plan{models: append(chain("a", "b", "x/c:free"), fallback.Model{Provider: "q", ID: "a", Tools: true}),
		pool: fallback.Config{Order: fallback.Priority, Chains: []fallback.Chain{{Name: "code", Models: []string{"x/*", "b"}}}}}
	for _, c := range []struct{ body, headers, trail string }{
		{`"model":"b"`, "", "b=ok"},
		{`"model":"q/a"`, "", "a=ok"},
		{`"model":"x/c:free"`, "", "x/c:free=ok"},
		{`"model":"gpt-4o"`, "", "a=ok"},
		{`"model":""`, "", "a=ok"},
		{`"user":"u"`, "", "a=ok"},
		{`"model":"freefall/auto"`, "", "a=ok"},
		{`"model":"freefall/code"`, "", "x/c:free=ok"},
		{`"model":"a","models":["b","nope"]`, "", "b=ok"},
		{`"models":["nope"]`, "", "a=ok"},
		{`"model":"b"`, "off", "b=ok"},
	} {
		inBubble(t, p, func(w *world) {
			headers := []string{}
			if c.headers != "" {
				headers = []string{headerFallback, c.headers}
			}
			got := w.chat(`{`+c.body+`,"messages":[{"role":"user","content":"hi"}]}`, headers...)
			if got.status != 200 || got.trail() != c.trail {
				t.Errorf("%s: %d, trail %q, want %q", c.body, got.status, got.trail(), c.trail)
			}
		})
	}
	inBubble(t, p, func(w *world) {
		got := w.chat(`{"model":"freefall/nope","messages":[{"role":"user","content":"hi"}]}`)
		if got.status != 404 || got.err().Code != "model_not_found" {
			t.Errorf("unknown chain: %d %s", got.status, got.body)
		}
		w.fake().Script("b", fakellm.Fault(500).Forever())
		got = w.chat(`{"model":"b","messages":[{"role":"user","content":"hi"}]}`, headerFallback, "Off")
		if got.status != 503 || got.trail() != "b=upstream_fault" || got.err().Code != codeExhausted {
			t.Errorf("pinned: %d, trail %q %s", got.status, got.trail(), got.body)
		}
	})
}

// The first two models at their limit, plain, tools and streams at once: nobody sees it.
func TestManyAtOnceOverTwoLimits(t *testing.T) {
	models := chain("a", "b", "c", "d")
	models[2].Tools = false
	p := plan{models: models}
	inBubble(t, p, func(w *world) {
		limited := fakellm.Raw(429, nil, `{"error":{"message":"Rate limit exceeded","code":429}}`).Forever()
		w.fake().Script("a", limited)
		w.fake().Script("b", limited)
		bodies := []string{plainBody, streamBody, toolsBody}
		var wg sync.WaitGroup
		var bad atomic.Int32
		room := make(chan struct{}, 32)
		for i := range 300 {
			room <- struct{}{}
			wg.Go(func() {
				defer func() { <-room }()
				got := w.chat(bodies[i%3])
				var attempts int
				fmt.Sscan(got.header.Get(headerAttempts), &attempts)
				tools := i%3 == 2
				if got.status != 200 || tools && (strings.Contains(got.trail(), "c=") || attempts > 3) || attempts > 4 {
					bad.Add(1)
					t.Errorf("%d, attempts %d, trail %q", got.status, attempts, got.trail())
				}
			})
		}
		wg.Wait()
	})
}

func TestExhausted(t *testing.T) {
	two := chain("a", "b")
	two[1].Provider = "q"
	inBubble(t, plan{models: two, settings: Settings{Help: "a Groq key adds 1,000 a day"}}, func(w *world) {
		w.fake().Script("a", fakellm.Raw(429, map[string]string{"retry-after": "40"}, `{"error":{"message":"slow down"}}`).Forever())
		w.fakes["q"].Script("b", fakellm.Raw(401, nil, `{"error":{"message":"no key"}}`).Forever())
		got := w.chat(plainBody)
		if got.status != 429 || got.err().Type != "rate_limit_error" || got.err().Code != codeExhausted ||
			got.header.Get("Retry-After") != "40" || got.header.Get("X-Should-Retry") != "true" {
			t.Errorf("%d %v %s", got.status, got.header, got.body)
		}
		for _, want := range []string{"next: a in 40 s", "a: rate limited for 40 s", "b: auth (its key is refused)", "a Groq key adds"} {
			if !strings.Contains(got.err().Message, want) {
				t.Errorf("the message lacks %q: %s", want, got.err().Message)
			}
		}
		time.Sleep(25500 * time.Millisecond)
		if got := w.chat(plainBody); got.header.Get("Retry-After") != "15" || got.header.Get(headerAttempts) != "0" {
			t.Errorf("later: Retry-After %q after %s attempts", got.header.Get("Retry-After"), got.header.Get(headerAttempts))
		}
	})
	inBubble(t, plan{models: chain("a")}, func(w *world) {
		w.fake().Script("a", fakellm.Raw(429, map[string]string{"retry-after": "3600"}, `{}`).Forever())
		if got := w.chat(plainBody); got.header.Get("X-Should-Retry") != "false" || got.header.Get("Retry-After") != "3600" {
			t.Errorf("an hour: %v", got.header)
		}
	})
	noTools := chain("a")
	noTools[0].Tools = false
	inBubble(t, plan{models: noTools}, func(w *world) {
		if got := w.chat(toolsBody); got.status != 400 || got.err().Code != "unsupported_feature" || w.fake().Hits("a") != 0 {
			t.Errorf("tools: %d %s", got.status, got.body)
		}
	})
	small := chain("a")
	small[0].Context = 100
	inBubble(t, plan{models: small}, func(w *world) {
		long := `{"messages":[{"role":"user","content":"` + strings.Repeat("word ", 4000) + `"}]}`
		if got := w.chat(long); got.status != 400 || got.err().Code != "context_length_exceeded" || w.fake().Hits("a") != 0 {
			t.Errorf("size: %d %s", got.status, got.body)
		}
	})
	off := chain("a")
	off[0].Off, off[0].Why = "no_key", "set OPENROUTER_API_KEY"
	inBubble(t, plan{models: off, settings: Settings{NoKey: "set OPENROUTER_API_KEY"}}, func(w *world) {
		got := w.chat(plainBody)
		if got.status != 503 || got.err().Code != "no_provider_key" || !strings.Contains(got.body, "OPENROUTER_API_KEY") {
			t.Errorf("no key: %d %s", got.status, got.body)
		}
		if w.do("GET", "/healthz", "").status != 200 || w.do("GET", "/readyz", "").status != 503 {
			t.Error("without a key freefall is alive and not ready")
		}
		if current, rows := w.state(); current != "a" || rows["a"].Available || *rows["a"].Reason != "no_key" {
			t.Errorf("state: %q %+v", current, rows)
		}
	})
}

func TestTimeouts(t *testing.T) {
	p := plan{models: chain("a", "b"), settings: Settings{Total: 2 * time.Minute}}
	inBubble(t, p, func(w *world) {
		w.fake().Script("a", fakellm.Hang(fakellm.NoHead), fakellm.Hang(fakellm.Silence), fakellm.Hang(fakellm.CommentsOnly))
		began := time.Now()
		for range 3 {
			got := w.chat(`{"model":"a","stream":true,"messages":[{"role":"user","content":"hi"}]}`)
			if took := time.Since(began).Round(time.Second); took != 20*time.Second || got.trail() != "a=timeout; b=ok" {
				t.Errorf("%v, trail %q %s", took, got.trail(), w.log)
			}
			began = time.Now()
		}
		time.Sleep(time.Hour)
		w.fake().Script("a", fakellm.Hang(fakellm.NoHead))
		began = time.Now()
		got := w.chat(`{"model":"a","messages":[{"role":"user","content":"hi"}]}`)
		if took := time.Since(began).Round(time.Second); took != 90*time.Second || got.trail() != "a=timeout; b=ok" {
			t.Errorf("whole: %v, trail %q", took, got.trail())
		}
	})
	p.settings.Total = 50 * time.Second
	p.models = chain("a", "b", "c", "d")
	inBubble(t, p, func(w *world) {
		for _, m := range []string{"a", "b", "c", "d"} {
			w.fake().Script(m, fakellm.Hang(fakellm.NoHead).Forever())
		}
		began := time.Now()
		got := w.chat(streamBody)
		if took := time.Since(began).Round(time.Second); took != 50*time.Second || got.status != 503 {
			t.Errorf("total: %v, %d, trail %q", took, got.status, got.trail())
		}
		if w.fake().Hits("d") != 0 {
			t.Error("an attempt began after the total time")
		}
		if got.trail() != "a=timeout; b=timeout; c=timeout" {
			t.Errorf("total: the trail is %q", got.trail())
		}
		if said := got.err().Message; !strings.Contains(said, "c: failed just now (timeout), d: not asked") || !strings.Contains(said, "timeouts.total") {
			t.Errorf("total: %s", said)
		}
		if _, rows := w.state(); rows["b"].FailureCount == 0 || rows["c"].FailureCount != 0 {
			t.Errorf("the request's own time counts against who had the last of it: %+v", rows["c"])
		}
	})
}

// A committed stream is not cut by total; silence ends it, comments stretch that to three times.
func TestStreamsAfterTheCommitPoint(t *testing.T) {
	p := plan{models: chain("a", "b"), settings: Settings{Total: 30 * time.Second}}
	inBubble(t, p, func(w *world) {
		w.fake().Script("a", fakellm.Slow(0, 0, 10*time.Second))
		if got := w.chat(streamBody); got.err().Code != "" || !strings.Contains(got.body, "[DONE]") {
			t.Errorf("a slow stream: %s", got.body)
		}
		w.fake().Script("a", fakellm.Cut(3, fakellm.Stall))
		began := time.Now()
		got := w.chat(streamBody)
		if took := time.Since(began).Round(time.Second); took != 30*time.Second {
			t.Errorf("silence was borne for %v", took)
		}
		if got.err().Message == "" || strings.Contains(got.body, "[DONE]") {
			t.Errorf("a stalled stream ended cleanly: %s", got.body)
		}
		if _, rows := w.state(); rows["a"].FailureCount != 1 {
			t.Errorf("the stall was not counted: %+v", rows["a"])
		}
	})
}

func TestStateHasTheSixFieldsFirst(t *testing.T) {
	inBubble(t, plan{models: chain("a", "b")}, func(w *world) {
		got := w.do("GET", "/api/chat/models", "")
		var doc struct {
			Current *string           `json:"current_model"`
			Models  []json.RawMessage `json:"models"`
		}
		if err := json.Unmarshal([]byte(got.body), &doc); err != nil || doc.Current == nil || *doc.Current != "a" || len(doc.Models) != 2 {
			t.Fatalf("%v %s", err, got.body)
		}
		d := json.NewDecoder(strings.NewReader(string(doc.Models[0])))
		var keys []string
		for depth := 0; ; {
			tok, err := d.Token()
			if err != nil {
				break
			}
			switch v := tok.(type) {
			case json.Delim:
				depth += map[json.Delim]int{'{': 1, '[': 1, '}': -1, ']': -1}[v]
			case string:
				if depth == 1 {
					keys = append(keys, v)
					var skip json.RawMessage
					_ = d.Decode(&skip)
				}
			}
		}
		want := "id name supports_tools is_current failure_count is_available provider reason available_at last_error success_rate ttft_ms quota"
		if !strings.HasPrefix(strings.Join(keys, " ")+" ", want+" ") {
			t.Errorf("keys %v", keys)
		}
	})
}

// The name of a chain promises what its own models can do.
func TestModelsListKnowsChains(t *testing.T) {
	models := append(chain("a", "b"), fallback.Model{Provider: "p", ID: "e", Kind: fallback.Embedding})
	models[1].Tools = false
	p := plan{models: models, pool: fallback.Config{Chains: []fallback.Chain{
		{Name: "able", Models: []string{"a"}}, {Name: "plain", Models: []string{"b"}}, {Name: "none", Models: []string{"z/*"}}}}}
	inBubble(t, p, func(w *world) {
		promised := func(when string, want map[string]string) {
			for name, want := range want {
				if got := w.do("GET", "/v1/models/freefall/"+name, ""); !strings.Contains(got.body, want) {
					t.Errorf("%s: %s: %s, want %s", when, name, got.body, want)
				}
			}
		}
		promised("at first", map[string]string{"auto": `"supports_tools":true,"available":true`, "able": `"supports_tools":true,"available":true`,
			"plain": `"supports_tools":false,"available":true`, "none": `"supports_tools":false,"available":false`})
		w.pool.Pause("p", "a")
		promised("without a", map[string]string{"auto": `"available":true`, "able": `"available":false`, "plain": `"available":true`})
		w.pool.Pause("p", "b")
		promised("with embeddings alone", map[string]string{"auto": `"available":false`})
	})
}

func TestModelsList(t *testing.T) {
	models := append(chain("x/a:free", "b"), fallback.Model{Provider: "q", ID: "b"})
	models[0].Context = 8192
	p := plan{models: models, pool: fallback.Config{Chains: []fallback.Chain{{Name: "code", Models: []string{"*"}}}}}
	inBubble(t, p, func(w *world) {
		for _, path := range []string{"/v1/models", "/v1/models/", "/models", "/api/v1/models"} {
			var list struct {
				Object string
				Data   []listedModel
			}
			got := w.do("GET", path, "")
			if err := json.Unmarshal([]byte(got.body), &list); err != nil || list.Object != "list" {
				t.Fatalf("%s: %v %s", path, err, got.body)
			}
			var ids []string
			for _, m := range list.Data {
				ids = append(ids, m.ID)
			}
			if strings.Join(ids, " ") != "freefall/auto freefall/code x/a:free b" {
				t.Errorf("%s: %v", path, ids)
			}
		}
		if got := w.do("GET", "/v1/models/x/a:free", ""); got.status != 200 || !strings.Contains(got.body, `"context_length":8192`) {
			t.Errorf("one: %d %s", got.status, got.body)
		}
		if got := w.do("GET", "/v1/models/x%2Fa:free", ""); got.status != http.StatusOK {
			t.Errorf("escaped: %d %s", got.status, got.body)
		}
		if got := w.do("GET", "/v1/models/q/b", ""); got.status != 200 || !strings.Contains(got.body, `"id":"q/b"`) || !strings.Contains(got.body, `"owned_by":"q"`) {
			t.Errorf("of that provider: %d %s", got.status, got.body)
		}
		if got := w.do("GET", "/v1/models/nope", ""); got.status != 404 || got.err().Code != "model_not_found" {
			t.Errorf("none: %d %s", got.status, got.body)
		}
	})
}
