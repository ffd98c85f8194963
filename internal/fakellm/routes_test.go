package fakellm

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// listed is what a discovery reads of the list.
type listed struct {
	ID         string
	Context    *int `json:"context_length"`
	Pricing    map[string]string
	Parameters []string `json:"supported_parameters"`
}

type listing struct {
	Data  []listed
	Total int `json:"total_count"`
	Links struct{ Next *string }
}

func list(t *testing.T, b *bench, path string) (l listing, ids []string) {
	t.Helper()
	g := b.do("GET", path, "", "Authorization", "")
	if err := json.Unmarshal([]byte(g.body), &l); err != nil || g.status != 200 {
		t.Fatalf("%d %v %s", g.status, err, g.body)
	}
	for _, m := range l.Data {
		ids = append(ids, m.ID)
	}
	return l, ids
}

func TestList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, Options{Models: []Model{{ID: "a:free", Context: 4096, Tools: true}, {ID: "b", Price: 0.0000006}, {ID: "c:free", JSONSchema: true}}})
		l, ids := list(t, b, "/api/v1/models")
		equal(t, "ids", ids, []string{"a:free", "b", "c:free"})
		equal(t, "price of a", l.Data[0].Pricing["prompt"], "0")
		equal(t, "price of b", l.Data[1].Pricing["completion"], "0.0000006")
		equal(t, "context", []any{*l.Data[0].Context, l.Data[1].Context == nil}, []any{4096, true})
		equal(t, "abilities", []bool{slices.Contains(l.Data[0].Parameters, "tools"), slices.Contains(l.Data[1].Parameters, "tools"),
			slices.Contains(l.Data[2].Parameters, "structured_outputs")}, []bool{true, false, true})
		equal(t, "no page", []any{l.Total, l.Links.Next == nil}, []any{3, true})
		_, ids = list(t, b, "/models?supported_parameters=tools")
		equal(t, "with tools", ids, []string{"a:free"})
		b.SetModels(Model{ID: "new"})
		_, ids = list(t, b, "/v1/models/")
		equal(t, "another list", ids, []string{"new"})
		b.Script("/models", Fault(500))
		equal(t, "scripted", b.do("GET", "/v1/models", "").status, 500)
	})
}

func TestListInPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, Options{})
		var all []string
		for path := "/api/v1/models?limit=4"; ; {
			l, ids := list(t, b, path)
			all = append(all, ids...)
			if l.Links.Next == nil || len(ids) != 4 {
				break
			}
			path = *l.Links.Next
		}
		_, want := list(t, b, "/api/v1/models")
		equal(t, "pages", all, want)
		for _, odd := range []string{"limit=0", "limit=-1", "offset=99999999999", "offset=x&limit=y"} {
			list(t, b, "/models?"+odd)
		}
	})
}

func TestKeyTellsTheDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, Options{Models: plain.Models, Limits: []Limit{{Scope: Account, Requests: 50, Per: Duration(24 * time.Hour), Fixed: true},
			{Scope: Account, Requests: 20, Per: Duration(time.Minute)}}})
		counters := func() (daily map[string]int) {
			var body struct {
				Data struct {
					Daily map[string]int `json:"free_model_daily_requests"`
				}
			}
			if err := json.Unmarshal([]byte(b.do("GET", "/api/v1/key", "").body), &body); err != nil {
				t.Fatal(err)
			}
			return body.Data.Daily
		}
		for range 3 {
			b.chat(hi("m", false))
		}
		equal(t, "used", counters(), map[string]int{"limit": 50, "used": 3, "remaining": 47})
		time.Sleep(24 * time.Hour)
		equal(t, "the next day", counters(), map[string]int{"limit": 50, "used": 0, "remaining": 50})
		b.SetLimits()
		equal(t, "without limits", counters(), nil)
		equal(t, "without a key", b.do("GET", "/api/v1/key", "", "Authorization", "").status, 401)
	})
}

func TestKeysAreChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, Options{Models: plain.Models, Keys: map[string]string{"good": "ana", "other": "ana"},
			Limits: []Limit{{Scope: Account, Requests: 1, Per: Duration(time.Hour)}}})
		for _, tt := range []struct {
			header, body string
			status       int
		}{{"", mustSample("or-401-no-auth").Body, 401}, {"Bearer bad", mustSample("or-401-user-not-found").Body, 401},
			{"Bearer good", "", 200}, {"Bearer other", "", 429}} {
			g := b.chat(hi("m", false), "Authorization", tt.header)
			if g.status != tt.status || tt.body != "" && g.body != tt.body {
				t.Errorf("%q: %d %s", tt.header, g.status, g.body)
			}
		}
		keyless := serve(t, Options{Models: plain.Models, Keyless: true})
		equal(t, "keyless", keyless.chat(hi("m", false), "Authorization", "").status, 200)
	})
}

func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, Options{Models: []Model{{ID: "m", Context: 100}}, MaxBody: 1 << 16})
		long := string(encode(map[string]any{"model": "m", "messages": []any{map[string]any{"role": "user", "content": string(make([]rune, 4000))}}}))
		for _, tt := range []struct {
			name, body string
			status     int
			says       string
		}{
			{"an unknown model", hi(`x"y`, false), 400, `x\"y is not a valid model ID`},
			{"no model", `{"messages":[{"role":"user","content":"hi"}]}`, 400, ` is not a valid model ID`},
			{"tools without support", `{"model":"m","messages":[{"role":"user","content":"hi"}],` + twoTools + `}`, 404, "No endpoints found that support tool use"},
			{"too long", long, 400, "maximum context length is 100 tokens"},
			{"bad JSON", `{`, 400, "Invalid JSON"},
			{"no messages", `{"model":"m"}`, 400, "messages is required"},
		} {
			g := b.chat(tt.body)
			var e struct{ Error struct{ Message string } }
			if err := json.Unmarshal([]byte(g.body), &e); err != nil || g.status != tt.status || !strings.Contains(e.Error.Message+g.body, tt.says) {
				t.Errorf("%s: %d %v %.200s", tt.name, g.status, err, g.body)
			}
		}
		equal(t, "another route", b.do("POST", "/v1/nonsense", "{}").status, 404)
		equal(t, "another method", b.do("GET", "/v1/chat/completions", "").status, 405)
		equal(t, "too large", b.chat(string(make([]byte, 1<<16+1))).status, 413)
		time.Sleep(time.Second) // net/http lingers on a body that it did not read
	})
}

func TestRequestsAreRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := plain
		o.Keep = 2
		b := serve(t, o)
		b.chat(hi("n", false))
		time.Sleep(time.Second)
		at := time.Now()
		b.chat(hi("m", true), "X-Odd", "yes")
		b.Script("m", Fault(503))
		b.chat(hi("m", false))
		list := b.Requests()
		equal(t, "kept", len(list), 2)
		r := list[0]
		equal(t, "bytes", string(r.Body), hi("m", true))
		equal(t, "headers", []string{r.Header.Get("Authorization"), r.Header.Get("X-Odd")}, []string{"Bearer sk-one", "yes"})
		r.Header, r.Body, r.Remote = nil, nil, ""
		equal(t, "record", r, Request{At: at, Method: http.MethodPost, Path: "/api/v1/chat/completions", Account: "account-1", Model: "m", Stream: true,
			Step: KindOK, Status: 200, Done: true, Good: true})
		equal(t, "the fault", []any{list[1].Step, list[1].Status, list[1].Good}, []any{KindFault, 503, false})
		equal(t, "tally", b.State().Models["m"].Tally, Tally{Requests: 2, Good: 1, ByStatus: map[int]int{200: 1, 503: 1}})
	})
}

func TestWhoLeavesWithAllOfItHasNotLeft(t *testing.T) {
	s := New(plain)
	for _, done := range []bool{true, false} {
		rec := &Request{Done: done}
		ctx, leave := context.WithCancel(t.Context())
		end := s.watch(ctx, rec)
		leave()
		end()
		s.note(rec, func(r *Request) { equal(t, "left", r.Cancelled, !done) })
	}
}

// TestWhatSpendsIsCounted tries every way by which a body could cost money.
func TestWhatSpendsIsCounted(t *testing.T) {
	const messages = `"messages":[{"role":"user","content":"hi"}]`
	for _, tt := range []struct {
		body string
		paid int
	}{
		{`{"model":"m:free",` + messages + `}`, 0},
		{`{"model":"m:free","models":["m:free"],"plugins":[],"web_search_options":null,` + messages + `}`, 0},
		{`{"model":"dear",` + messages + `}`, 1},
		{`{"model":"m:free","model":"dear",` + messages + `}`, 1},
		{`{"model":"m:free","MODEL":"dear",` + messages + `}`, 1},
		{`{"model":"m:free","mod\u0065l":"dear",` + messages + `}`, 1},
		{`{"model":"m:free","models":["dear"],` + messages + `}`, 1},
		{`{"model":"m:free","plugins":[{"id":"web"}],` + messages + `}`, 1},
		{`{"model":"m:free","web_search_options":{"x":1},` + messages + `}`, 1},
		{`{"model":"m:online",` + messages + `}`, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := serve(t, Options{Models: []Model{{ID: "m:free"}, {ID: "m:online"}, {ID: "dear", Price: 0.001}}})
			c := whole(t, b.chat(tt.body))
			if b.Paid() != tt.paid || b.State().Paid != tt.paid || (*c.Usage.Cost > 0) != (tt.paid > 0) {
				t.Errorf("%s: paid %d, cost %v", tt.body, b.Paid(), *c.Usage.Cost)
			}
		})
	}
}
