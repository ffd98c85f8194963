package proxy

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"freefall/fallback"
	"freefall/internal/fakellm"
)

// class is a plan of a teacher's class: ana has 5 requests a minute, ben is not bounded, cho has 300 tokens a day.
func class() plan {
	return plan{
		models:   chain("a"),
		settings: Settings{AdminKey: "k-admin", Clients: []Client{{"ana", "k-ana"}, {"ben", "k-ben"}, {"cho", "k-cho"}, {"", "k-last"}}},
		pool: fallback.Config{Shares: []fallback.Share{
			{Client: "ana", Windows: []fallback.Window{{Per: time.Minute, Limit: 5}}},
			{Client: "cho", Windows: []fallback.Window{{Unit: fallback.Tokens, Cycle: fallback.Daily, Per: 24 * time.Hour, Limit: 300}}},
			{Client: "client-4", Windows: []fallback.Window{{Cycle: fallback.Daily, Per: 24 * time.Hour, Limit: 1}}},
		}},
	}
}

func (w *world) as(name, body string) answer {
	w.Helper()
	return w.chat(body, "Authorization", "Bearer k-"+name)
}

// A share of nothing is not free again in a minute.
func TestAShareOfNothing(t *testing.T) {
	none := class()
	none.pool.Shares[0].Windows[0].Limit = 0
	inBubble(t, none, func(w *world) {
		a := w.as("ana", plainBody)
		if a.status != 429 || a.err().Message != "your share is 0 requests a minute (ana), and never has room" {
			t.Errorf("%d %s", a.status, a.body)
		}
		if a.header.Get("Retry-After") != "" || a.header.Get("X-Should-Retry") != "false" {
			t.Errorf("%v", a.header)
		}
	})
}

// A share that is spent is the client's own limit: no provider is asked, nobody else notices, and the answer says so.
func TestASpentShare(t *testing.T) {
	inBubble(t, class(), func(w *world) {
		for range 5 {
			if a := w.as("ana", plainBody); a.status != 200 {
				t.Fatalf("%d %s", a.status, a.body)
			}
			time.Sleep(time.Second)
		}
		time.Sleep(43 * time.Second)
		a := w.as("ana", plainBody)
		e := a.err()
		if a.status != 429 || e.Type != "rate_limit_error" || e.Code != "client_limit_exceeded" ||
			e.Message != "your share is spent: 5 requests a minute (ana); free again in 13 s" {
			t.Errorf("%d %s", a.status, a.body)
		}
		if a.header.Get("Retry-After") != "13" || a.header.Get("X-Should-Retry") != "true" || a.header.Get(headerAttempts) != "0" {
			t.Errorf("%v", a.header)
		}
		if n := w.fake().Hits("a"); n != 5 {
			t.Errorf("%d calls", n)
		}
		if a := w.as("ben", plainBody); a.status != 200 {
			t.Errorf("ben: %d %s", a.status, a.body)
		}
		time.Sleep(13 * time.Second)
		if a := w.as("ana", plainBody); a.status != 200 {
			t.Errorf("later: %d %s", a.status, a.body)
		}

		w.as("last", plainBody)
		if a := w.as("last", plainBody); a.status != 429 || a.header.Get("X-Should-Retry") != "false" ||
			!strings.HasPrefix(a.err().Message, "your share is spent: 1 request a day (client-4); free again in 23 h 5") {
			t.Errorf("without a name: %d %v %s", a.status, a.header, a.body)
		}

		page := w.do("GET", "/metrics", "", "Authorization", "Bearer k-admin").body
		for _, want := range []string{
			`freefall_client_requests_total{client="ana",outcome="answered"} 6`,
			`freefall_client_requests_total{client="ana",outcome="share_spent"} 1`,
			`freefall_client_requests_total{client="ben",outcome="answered"} 1`,
			`freefall_client_requests_total{client="cho",outcome="answered"} 0`,
			`freefall_client_share_used{client="client-4",window="rpd"} 1`,
			`freefall_client_share_limit{client="ana",window="rpm"} 5`,
		} {
			if !strings.Contains(page, "\n"+want+"\n") {
				t.Errorf("the metrics lack %s", want)
			}
		}
		if strings.Contains(page, "freefall_client_requests_total{client=\"admin\"") || strings.Contains(w.log.String()+page, "k-") {
			t.Error("the admin is no client, and keys are shown nowhere")
		}
	})
}

// What a share is charged with: answers and what a client spoils itself, not what freefall or a provider fails at.
func TestWhatAShareCounts(t *testing.T) {
	for name, tt := range map[string]struct {
		script fakellm.Step
		body   string
		counts int64
	}{
		"an answer":                   {fakellm.OK(), plainBody, 1},
		"a stream":                    {fakellm.OK(), streamBody, 1},
		"a stream that is cut":        {fakellm.Cut(2, fakellm.Close), streamBody, 1},
		"a fault":                     {fakellm.Fault(500), plainBody, 0},
		"a limit":                     {fakellm.FromSample("or-429-free-minute"), plainBody, 0},
		"the client's own fault":      {fakellm.FromSample("invalid-400-role"), plainBody, 1},
		"no JSON":                     {fakellm.OK(), `{"model"`, 0},
		"what nobody can serve":       {fakellm.OK(), strings.Replace(plainBody, `"Hello"`, `[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]`, 1), 0},
		"a chain that does not exist": {fakellm.OK(), strings.Replace(plainBody, "auto", "freefall/none", 1), 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, class(), func(w *world) {
				w.fake().Script("a", tt.script.Forever())
				a := w.as("ana", tt.body)
				if q := w.pool.Clients(time.Now()); q[0].Account != "ana" || q[0].Used != tt.counts {
					t.Errorf("%d %s: %+v", a.status, a.body, q)
				}
			})
		})
	}
}

// Who leaves has spent a provider's quota, and his own.
func TestWhoLeavesHasSpent(t *testing.T) {
	inBubble(t, class(), func(w *world) {
		w.fake().Script("a", fakellm.Hang(fakellm.NoHead).Forever())
		w.client.Timeout = time.Second
		if _, err := w.client.Do(request(t, plainBody, "k-ana")); err == nil {
			t.Fatal("an answer came")
		}
		time.Sleep(time.Second)
		if q := w.pool.Clients(time.Now()); q[0].Used != 1 {
			t.Errorf("%+v", q)
		}
		w.client.Timeout = 0
		if page := w.do("GET", "/metrics", "", "Authorization", "Bearer k-admin").body; !strings.Contains(page, `freefall_client_requests_total{client="ana",outcome="left"} 1`) {
			t.Error("the metrics do not tell of it")
		}
	})
}

// A share of tokens is charged with those that the provider reports.
func TestAShareOfTokens(t *testing.T) {
	inBubble(t, class(), func(w *world) {
		var used int64
		for _, body := range []string{plainBody, strings.Replace(streamBody, `"stream":true`, `"stream":true,"stream_options":{"include_usage":true}`, 1)} {
			w.as("cho", body)
			time.Sleep(time.Millisecond) // the end of a stream is booked after its last byte
			reported := tokensOf(t, w.log.String())
			used += reported
			if q := w.pool.Clients(time.Now()); q[1].Account != "cho" || q[1].Used != used || reported == 0 {
				t.Errorf("%+v, want %d", q, used)
			}
		}
		for range 100 {
			if a := w.as("cho", plainBody); a.status == 429 {
				if !strings.HasPrefix(a.err().Message, "your share is spent: 300 tokens a day (cho); free again in ") {
					t.Errorf("%s", a.body)
				}
				return
			}
		}
		t.Error("the share never ends")
	})
}

// Everybody sees his own share, the admin all.
func TestWhoSeesShares(t *testing.T) {
	inBubble(t, class(), func(w *world) {
		w.as("ana", plainBody)
		see := func(key string) (out struct {
			Clients  []clientState
			Accounts []accountState
			Models   []modelState
		}) {
			a := w.do("GET", "/api/chat/models", "", "Authorization", "Bearer "+key)
			if err := json.Unmarshal([]byte(a.body), &out); err != nil || a.status != 200 {
				t.Fatalf("%v %d %s", err, a.status, a.body)
			}
			return out
		}
		all := see("k-admin")
		if len(all.Clients) != 4 || all.Clients[0].Name != "ana" || all.Clients[0].Quota[0].Used != 1 || len(all.Clients[1].Quota) != 0 || len(all.Accounts) != 1 {
			t.Errorf("the admin sees %+v", all)
		}
		own := see("k-ana")
		if len(own.Clients) != 1 || own.Clients[0].Name != "ana" || own.Accounts != nil {
			t.Errorf("ana sees %+v", own)
		}
	})
}

func request(t *testing.T, body, key string) *http.Request {
	t.Helper()
	r, err := http.NewRequest("POST", "http://localhost/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	return r
}

// tokensOf are the tokens that the last request line of the log tells of.
func tokensOf(t *testing.T, log string) int64 {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(log), "\n")
	var line struct {
		Input  int64 `json:"input_tokens"`
		Output int64 `json:"output_tokens"`
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &line); err != nil {
		t.Fatal(err)
	}
	return line.Input + line.Output
}

// The admin key has no share, even if a client is called admin.
func TestTheAdminHasNoShare(t *testing.T) {
	p := class()
	p.settings.Clients[0].Name, p.pool.Shares[0].Client = "admin", "admin"
	inBubble(t, p, func(w *world) {
		for range 6 {
			if a := w.as("admin", plainBody); a.status != 200 {
				t.Errorf("%d %s", a.status, a.body)
			}
		}
		if q := w.pool.Clients(time.Now()); q[0].Account != "admin" || q[0].Used != 0 {
			t.Errorf("%+v", q)
		}
	})
}
