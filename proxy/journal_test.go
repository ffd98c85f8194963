package proxy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"freefall/internal/fakellm"
)

// journalPage is GET /api/chat/requests.
type journalPage struct {
	Requests []requestState
	Next     *string
}

func (w *world) journal(query string, headers ...string) (page journalPage) {
	w.Helper()
	got := w.do("GET", "/api/chat/requests"+query, "", headers...)
	if err := json.Unmarshal([]byte(got.body), &page); err != nil || got.status != 200 {
		w.Fatalf("journal%s: %d %v in %s", query, got.status, err, got.body)
	}
	return page
}

func (p journalPage) ids() (ids []string) {
	for _, r := range p.Requests {
		ids = append(ids, r.ID)
	}
	return ids
}

// A request is told with each of its attempts, and nothing of what was said.
func TestJournalTellsOfEachAttempt(t *testing.T) {
	inBubble(t, plan{models: chain("a", "b")}, func(w *world) {
		w.fake().Script("a", fakellm.Limited(fakellm.Limit{Scope: fakellm.OneModel, Says: fakellm.SaysPlain, Requests: 1, Per: fakellm.Duration(time.Hour)}))
		w.chat(plainBody, "X-Request-Id", "first")
		w.chat(streamBody, "X-Request-Id", "second")
		var got requestState
		answer := w.do("GET", "/api/chat/requests/second", "")
		if err := json.Unmarshal([]byte(answer.body), &got); err != nil {
			t.Fatal(err)
		}
		if at, err := time.Parse(time.RFC3339, got.Time); err != nil || at.After(time.Now()) {
			t.Errorf("time: %q %v", got.Time, err)
		}
		if len(got.Attempts) != 2 || got.Attempts[0].Detail == nil || got.Attempts[0].Until == nil {
			t.Fatalf("attempts: %s", answer.body)
		}
		got.Time, got.Attempts[0].Detail, got.Attempts[0].Until = "", nil, nil
		want := requestState{ID: "second", Asked: text("auto"), Model: text("b"), Provider: text("p"), Status: 200, Outcome: "ok", Stream: true, Calls: 2,
			Need:        map[string]any{"tools": false, "tool_choice": false, "vision": false, "json_schema": false, "no_train": false, "tokens": got.Need["tokens"]},
			Attempts:    []triedState{{Model: "a", Provider: "p", Account: "p", Outcome: "rate_limited", Status: 429, Rested: text("key+model")}, {Model: "b", Provider: "p", Account: "p", Outcome: "ok", Status: got.Attempts[1].Status}},
			InputTokens: got.InputTokens, OutputTokens: got.OutputTokens, Trail: "a=rate_limited; b=ok"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if strings.Contains(answer.body, "Hello") {
			t.Errorf("the prompt is told: %s", answer.body)
		}
	})
}

func TestJournalTimes(t *testing.T) {
	inBubble(t, plan{models: chain("a", "b"), route: Route{FirstToken: 3 * time.Second}}, func(w *world) {
		w.fake().Script("a", fakellm.Hang(fakellm.NoHead))
		w.fake().Script("b", fakellm.Slow(time.Second, 0, 0))
		w.chat(streamBody)
		r := w.journal("").Requests[0]
		if len(r.Attempts) != 2 || r.Attempts[0].Outcome != "timeout" || r.Attempts[0].Took != 3000 || r.Attempts[0].TTFT != nil {
			t.Errorf("the first attempt: %+v", r.Attempts)
		}
		if b := r.Attempts[1]; b.Started != 3000 || b.TTFT == nil || *b.TTFT < 1000 || r.TTFT == nil || *r.TTFT != *b.TTFT+3000 || r.Took < *r.TTFT {
			t.Errorf("the second: %+v of %+v", b, r)
		}
	})
}

// What is asked for in the query is what comes, newest first, and page by page.
func TestJournalQueries(t *testing.T) {
	inBubble(t, plan{models: chain("a", "b")}, func(w *world) {
		for i := range 5 {
			w.chat(plainBody, "X-Request-Id", fmt.Sprint("r", i))
		}
		w.chat(`{`, "X-Request-Id", "bad")
		w.chat(strings.Replace(plainBody, "auto", "b", 1), "X-Request-Id", "named")
		w.chat(strings.Replace(plainBody, "auto", "gpt-4o", 1), "X-Request-Id", "same")
		w.chat(strings.Replace(plainBody, "auto", "gpt-4o", 1), "X-Request-Id", "same")
		for query, want := range map[string]string{
			"":                      "same same named bad r4 r3 r2 r1 r0",
			"?limit=2":              "same same",
			"?failed=1":             "bad",
			"?failed=true&limit=1":  "bad",
			"?failed=0&limit=1":     "same",
			"?model=b":              "named",
			"?model=gpt-4o":         "same same",
			"?before=r2":            "r1 r0",
			"?before=r0":            "",
			"?client=nobody":        "",
			"?model=a&before=named": "r4 r3 r2 r1 r0",
		} {
			if got := strings.Join(w.journal(query).ids(), " "); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		var all []string
		for next, n := "", 0; n < 20; n++ { // two of one id do not make it go round in circles
			page := w.journal("?limit=2" + next)
			all = append(all, page.ids()...)
			if page.Next == nil {
				break
			}
			next = "&before=" + *page.Next
		}
		if strings.Join(all, " ") != "same same named bad r4 r3 r2 r1 r0" {
			t.Errorf("page by page: %q", all)
		}
		for query, code := range map[string]string{"?limit=0": "bad_request", "?limit=1001": "bad_request", "?limit=x": "bad_request", "?failed=maybe": "bad_request",
			"?before=unknown": "request_not_found", "/unknown": "request_not_found"} {
			if got := w.do("GET", "/api/chat/requests"+query, ""); got.err().Code != code {
				t.Errorf("%s: %d %s", query, got.status, got.body)
			}
		}
		if r := w.journal("?failed=1").Requests[0]; r.Status != 400 || r.Error == nil || *r.Error != "invalid_json" || r.Asked != nil || r.Outcome != "failed" {
			t.Errorf("a bad body: %+v", r)
		}
	})
}

// A client sees what it asked itself; all of it is the admin's, where there is one.
func TestJournalIsNobodyElses(t *testing.T) {
	s := Settings{Clients: []Client{{Name: "ana", Key: "k-ana"}, {Name: "admin", Key: "k-imp"}}, AdminKey: "k-admin"}
	as := func(key string) []string { return []string{"Authorization", "Bearer " + key} }
	inBubble(t, plan{models: chain("a"), settings: s}, func(w *world) {
		for id, key := range map[string]string{"of-ana": "k-ana", "of-imp": "k-imp", "of-admin": "k-admin"} {
			w.chat(plainBody, append(as(key), "X-Request-Id", id)...)
		}
		for key, want := range map[string]string{"k-ana": "of-ana", "k-imp": "of-imp", "k-admin": "of-admin of-ana of-imp"} {
			ids := w.journal("", as(key)...).ids()
			slices.Sort(ids)
			if got := strings.Join(ids, " "); got != want {
				t.Errorf("%s sees %s, want %s", key, got, want)
			}
		}
		if got := w.journal("?client=admin", as("k-ana")...).ids(); len(got) > 0 {
			t.Errorf("ana sees %s", got)
		}
		if got := w.journal("?client=ana", as("k-admin")...).ids(); !slices.Equal(got, []string{"of-ana"}) {
			t.Errorf("the admin sees of ana %s", got)
		}
		if r := w.journal("", as("k-ana")...).Requests[0]; r.Client == nil || *r.Client != "ana" || r.Attempts[0].Account != "" {
			t.Errorf("%+v", r)
		}
		for path, key := range map[string]string{"/of-admin": "k-imp", "/of-imp": "k-ana", "?before=of-imp": "k-ana"} {
			if got := w.do("GET", "/api/chat/requests"+path, "", as(key)...); got.status != 404 {
				t.Errorf("%s of %s: %d %s", path, key, got.status, got.body)
			}
		}
		if got := w.do("GET", "/api/chat/requests", ""); got.status != 401 {
			t.Errorf("without a key: %d", got.status)
		}
	})
	inBubble(t, plan{models: chain("a"), settings: Settings{AdminKey: "k-admin"}}, func(w *world) {
		w.chat(plainBody)
		for _, path := range []string{"/api/chat/requests", "/api/chat/requests/x", "/api/events"} {
			if got := w.do("GET", path, ""); got.status != 401 {
				t.Errorf("%s without the admin key: %d", path, got.status)
			}
		}
		if n := len(w.journal("", as("k-admin")...).ids()); n != 1 {
			t.Errorf("the admin sees %d", n)
		}
	})
}

// It has a bound; failed requests stay longer than others, in their order.
func TestJournalIsBounded(t *testing.T) {
	var j journal
	add := func(n, status int) {
		r := newRecord()
		if len(r.tries) > 0 || len(r.trail) > 0 || r.number > 0 {
			t.Fatalf("a used record: %+v", r)
		}
		r.id, r.status = fmt.Sprint(n), status
		r.tries = append(r.tries, tried{model: "a"})
		j.add(r)
	}
	for n := 1; n <= 10000; n++ {
		status := http.StatusOK
		if n%10 == 0 {
			status = 503
		}
		add(n, status)
	}
	all, _ := j.find(wish{all: true, limit: 1 << 20})
	if len(all) != journalSize+failedSize || all[0].id != "10000" || all[journalSize].id != "8000" || all[len(all)-1].id != "3010" {
		t.Errorf("%d: %s ... %s, %s ... %s", len(all), all[0].id, all[journalSize-1].id, all[journalSize].id, all[len(all)-1].id)
	}
	if !slices.IsSortedFunc(all, func(a, b *record) int { return int(b.number) - int(a.number) }) {
		t.Error("they are not in order")
	}
	news, skipped, last := j.since(9000, 300)
	if len(news) != 300 || skipped != 700 || last != 10000 || news[0].id != "9701" || news[299].id != "10000" {
		t.Errorf("since: %d %d %d", len(news), skipped, last)
	}
	if news, skipped, _ := j.since(10000, 300); len(news)+skipped != 0 {
		t.Error("there is nothing new")
	}
	held := all[1] // one that went well
	for n := range 10000 {
		add(n, 200)
	}
	if held.id != "9999" || len(held.tries) != 1 {
		t.Error("a record that is being read was used again")
	}
}

// A record of a request that made many calls stays small, and keeps the last one.
func TestJournalKeepsTheLastAttempt(t *testing.T) {
	ids := make([]string, 40)
	for i := range ids {
		ids[i] = fmt.Sprintf("m%02d", i)
	}
	inBubble(t, plan{models: chain(ids...)}, func(w *world) {
		for _, id := range ids[:39] {
			w.fake().Script(id, fakellm.Fault(500).Forever())
		}
		w.chat(plainBody)
		r := w.journal("").Requests[0]
		if r.Calls != 40 || len(r.Attempts) != maxTries || r.Attempts[maxTries-1].Model != "m39" || r.Attempts[0].Model != "m00" {
			t.Errorf("%d calls, %d told, the last is %s", r.Calls, len(r.Attempts), r.Attempts[len(r.Attempts)-1].Model)
		}
	})
}

// Writing it costs no memory once its rings are full.
func BenchmarkJournal(b *testing.B) {
	var j journal
	b.ReportAllocs()
	for b.Loop() {
		r := newRecord()
		r.status = 200
		r.tries = append(r.tries, tried{model: "a"})
		r.trail = append(r.trail, "a=ok"...)
		j.add(r)
	}
}
