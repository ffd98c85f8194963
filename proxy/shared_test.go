package proxy

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"freefall/fallback"
	"freefall/internal/fakellm"
)

// elsewhere is a shared counter: what other replicas have drawn of a window, by a word in its name, and what this one has.
type elsewhere struct {
	mu      sync.Mutex // guards what follows
	full    map[string]fallback.Count
	away    bool
	asked   []string
	late    bool // it seems to be there and does not answer
	alone   int  // draws without asking
	settled []fallback.Draw
}

func (e *elsewhere) Up() bool { return !e.away }

func (e *elsewhere) Reserve(draws []fallback.Draw) []fallback.Count {
	e.mu.Lock()
	defer e.mu.Unlock()
	counts := make([]fallback.Count, len(draws))
	for i, d := range draws {
		e.asked = append(e.asked, d.Name)
		counts[i] = fallback.Count{Used: 1, Opens: time.Minute}
		for word, count := range e.full {
			if strings.Contains(d.Name, word) {
				counts[i] = count
			}
		}
	}
	if e.away || e.late {
		return nil
	}
	return counts
}

func (e *elsewhere) Remember(draws []fallback.Draw) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.alone += len(draws)
}

func (e *elsewhere) Settle(draws []fallback.Draw) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settled = append(e.settled, draws...)
}

// full says that others have filled the window with that word in its name, for so long; "" = no window.
func (e *elsewhere) fill(word string, opens time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.full = map[string]fallback.Count{}
	if word != "" {
		e.full[word] = fallback.Count{Used: 5, Full: true, Opens: opens}
	}
}

func fives(ids ...string) []fallback.Model {
	models := chain(ids...)
	for i := range models {
		models[i].Limits = []fallback.Window{{Per: time.Minute, Limit: 5}}
	}
	return models
}

// A model whose window others have filled is passed over as one whose window we have filled: no call, no failure, no trace of it.
func TestOthersHaveFilledAWindow(t *testing.T) {
	others := &elsewhere{}
	inBubble(t, plan{models: fives("a", "b"), shared: others, pool: fallback.Config{Order: fallback.Priority}}, func(w *world) {
		others.fill(`"a"`, 10*time.Second)
		a := w.chat(plainBody)
		if a.status != 200 || a.trail() != "b=ok" || a.header.Get(headerAttempts) != "1" || w.fake().Hits("a") != 0 {
			t.Errorf("%d %s %s: %s", a.status, a.header.Get(headerAttempts), a.trail(), a.body)
		}
		if log := w.log.String(); strings.Contains(log, "Switching") || strings.Contains(log, "Rate limit") {
			t.Errorf("the log tells of a failure: %s", log)
		}
		if _, rows := w.state(); rows["a"].FailureCount != 0 || rows["a"].Available || rows["a"].Quota[0].Used != 5 {
			t.Errorf("%+v", rows["a"])
		}
		if len(others.settled) != 1 || others.settled[0].Kept != 1 || !strings.Contains(others.settled[0].Name, `"b"`) {
			t.Errorf("settled is %+v", others.settled)
		}
		n := len(others.asked)
		w.chat(plainBody)
		if slices.ContainsFunc(others.asked[n:], func(name string) bool { return strings.Contains(name, `"a"`) }) {
			t.Error("a window that is known to be full is asked for again")
		}
		others.fill("", 0)
		time.Sleep(11 * time.Second)
		if a := w.chat(plainBody); a.trail() != "a=ok" {
			t.Errorf("afterwards: %s", a.trail())
		}
	})
}

// With nobody else to ask a request waits for the window, or is told when it opens.
func TestWaitingForWhatOthersHaveFilled(t *testing.T) {
	others := &elsewhere{}
	inBubble(t, plan{models: fives("a"), shared: others, settings: Settings{MaxWait: 15 * time.Second}, pool: fallback.Config{MaxWaiting: 9}}, func(w *world) {
		others.fill(`"a"`, 10*time.Second)
		a := w.chat(plainBody, "X-Freefall-Max-Wait", "0s")
		if e := a.err(); a.status != 429 || e.Code != "all_models_exhausted" || a.header.Get("Retry-After") != "10" || a.header.Get(headerAttempts) != "0" {
			t.Errorf("%d %v %s", a.status, a.header, a.body)
		}
		time.AfterFunc(5*time.Second, func() { others.fill("", 0) })
		began := time.Now()
		if a := w.chat(plainBody); a.status != 200 || time.Since(began) < 9*time.Second || time.Since(began) > 11*time.Second {
			t.Errorf("%d after %v: %s", a.status, time.Since(began), a.body)
		}
		others.fill(`"a"`, 4*time.Second) // again and again
		began = time.Now()
		if a := w.chat(plainBody); a.status != 429 || time.Since(began) > 16*time.Second {
			t.Errorf("%d after %v: %s", a.status, time.Since(began), a.body)
		}
		if n := w.fake().Hits("a"); n != 1 {
			t.Errorf("%d calls", n)
		}
	})
}

// Nobody answers: this replica goes by its own counts.
func TestNobodyToShareWith(t *testing.T) {
	inBubble(t, plan{models: fives("a"), shared: &elsewhere{away: true}}, func(w *world) {
		for range 5 {
			if a := w.chat(plainBody); a.status != 200 {
				t.Errorf("%d %s", a.status, a.body)
			}
		}
		if a := w.chat(plainBody); a.status != 429 || w.fake().Hits("a") != 5 {
			t.Errorf("%d after %d calls", a.status, w.fake().Hits("a"))
		}
		if a := w.do("GET", "/api/chat/models", ""); !strings.Contains(a.body, `"redis_up":false`) {
			t.Errorf("the state does not tell: %s", a.body)
		}
		if a := w.do("GET", "/readyz", ""); a.status != 200 {
			t.Errorf("readyz: %d", a.status)
		}
	})
}

// A second attempt beside a slow one is made only if there is room for it elsewhere, too.
func TestAHedgeIsSharedToo(t *testing.T) {
	others := &elsewhere{}
	models := fives("a", "b")
	for i := range models {
		models[i].Keys = []fallback.Key{{Account: models[i].ID}}
	}
	slow := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Second)
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write([]byte(wholeText))
	})
	inBubble(t, plan{models: models, shared: others, provider: slow, settings: Settings{Hedge: Hedge{On: true}},
		pool: fallback.Config{Order: fallback.Priority, HedgeShare: 1}}, func(w *world) {
		others.fill(`"b"`, 10*time.Second)
		if a := w.chat(plainBody); a.status != 200 || a.trail() != "a=ok" || a.header.Get(headerAttempts) != "1" {
			t.Errorf("%d %s %s", a.status, a.trail(), a.body)
		}
		if !slices.ContainsFunc(others.asked, func(name string) bool { return strings.Contains(name, `"b"`) }) {
			t.Error("nobody was asked for the second attempt")
		}
	})
}

const wholeText = `{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}`

// A client's share is spent by what it had of other replicas.
func TestAShareSpentElsewhere(t *testing.T) {
	others := &elsewhere{}
	p := class()
	p.shared = others
	inBubble(t, p, func(w *world) {
		others.fill(`client "ana"`, 13*time.Second)
		a := w.as("ana", plainBody)
		if e := a.err(); a.status != 429 || e.Code != codeShare || a.header.Get("Retry-After") != "13" || w.fake().Hits("a") != 0 || len(others.settled) > 0 {
			t.Errorf("%d %v %s, settled %v", a.status, a.header, a.body, others.settled)
		}
		if a := w.as("ben", plainBody); a.status != 200 {
			t.Errorf("who is not bounded: %d %s", a.status, a.body)
		}
		others.fill("", 0)
		time.Sleep(14 * time.Second)
		if a := w.as("ana", plainBody); a.status != 200 || len(others.settled) != 1 || others.settled[0].Kept != 1 {
			t.Errorf("afterwards: %d %s, settled %+v", a.status, a.body, others.settled)
		}
	})
}

// A request waits for a counter that does not answer once, however many models it goes along.
func TestASilentCounterIsAskedOnce(t *testing.T) {
	others := &elsewhere{late: true}
	inBubble(t, plan{models: fives("a", "b", "c"), shared: others, pool: fallback.Config{Order: fallback.Priority}}, func(w *world) {
		for _, id := range []string{"a", "b"} {
			w.fake().Script(id, fakellm.Raw(500, nil, `{"error":{"message":"boom"}}`))
		}
		if a := w.chat(plainBody); a.status != 200 || !strings.HasSuffix(a.trail(), "c=ok") {
			t.Errorf("%d %s", a.status, a.trail())
		}
		if len(others.asked) != 1 || others.alone != 2 || len(others.settled) != 3 {
			t.Errorf("it was asked for %v, %d were drawn alone, %d are settled", others.asked, others.alone, len(others.settled))
		}
		w.chat(plainBody)
		if len(others.asked) < 2 {
			t.Error("the next request does not ask")
		}
	})
}
