package proxy

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

const (
	asJSON = "application/json"
	asForm = "application/x-www-form-urlencoded"
)

// logIn gives the cookie.
func (w *world) logIn(key string) string {
	w.Helper()
	body, _ := json.Marshal(map[string]string{"key": key})
	got := w.do("POST", "/login", string(body), "Content-Type", asJSON, "Origin", "http://localhost", "Sec-Fetch-Site", "same-origin")
	cookie, _, _ := strings.Cut(got.header.Get("Set-Cookie"), ";")
	if got.status != 200 || !strings.HasPrefix(cookie, sessionCookie+"=") {
		w.Fatalf("login: %d %s %v", got.status, got.body, got.header)
	}
	return cookie
}

func TestLogin(t *testing.T) {
	s := Settings{Clients: []Client{{Name: "ana", Key: "k-ana"}}, AdminKey: "k-admin"}
	inBubble(t, plan{models: chain("a"), settings: s}, func(w *world) {
		got := w.do("POST", "/login", "key=k-admin", "Content-Type", asForm, "Origin", "http://localhost")
		if got.status != 200 && got.status != 303 { // the client follows
			t.Errorf("a form: %d %s", got.status, got.body)
		}
		got = w.do("POST", "/login", `{"key":"k-admin"}`, "Content-Type", asJSON, "X-Forwarded-Proto", "https")
		for _, want := range []string{"HttpOnly", "SameSite=Strict", "max-age=43200", "path=/", "secure"} {
			if !strings.Contains(strings.ToLower(got.header.Get("Set-Cookie")), strings.ToLower(want)) {
				t.Errorf("the cookie %q lacks %s", got.header.Get("Set-Cookie"), want)
			}
		}
		if strings.Contains(got.header.Get("Set-Cookie"), "k-admin") || got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%v", got.header)
		}
		for _, c := range []struct {
			name, body string
			headers    []string
			want       int
		}{
			{"a wrong key", `{"key":"k-admim"}`, []string{"Content-Type", asJSON}, 401},
			{"a client's key", `{"key":"k-ana"}`, []string{"Content-Type", asJSON}, 401},
			{"a page of another place", `{"key":"k-admin"}`, []string{"Content-Type", asJSON, "Origin", "http://localhost:3000"}, 403},
			{"another site", `{"key":"k-admin"}`, []string{"Content-Type", asJSON, "Sec-Fetch-Site", "cross-site"}, 403},
		} {
			if got := w.do("POST", "/login", c.body, c.headers...); got.status != c.want || got.header.Get("Set-Cookie") != "" {
				t.Errorf("%s: %d %s", c.name, got.status, got.body)
			}
		}
		if strings.Contains(w.log.String(), "k-adm") || strings.Contains(w.log.String(), "k-ana") {
			t.Error("a key is in the log")
		}
	})
	for name, body := range map[string]string{"nothing": "", "no JSON": "{", "a long one": `{"key":"` + strings.Repeat("x", maxSmall) + `"}`} {
		inBubble(t, plan{models: chain("a"), settings: s}, func(w *world) {
			if got := w.do("POST", "/login", body, "Content-Type", asJSON); got.status < 400 || got.status >= 500 || got.header.Get("Set-Cookie") != "" {
				t.Errorf("%s: %d %s", name, got.status, got.body)
			}
		})
	}
	inBubble(t, plan{models: chain("a")}, func(w *world) {
		got := w.do("POST", "/login", `{"key":""}`, "Content-Type", asJSON)
		if got.status != 403 || !strings.Contains(got.err().Message, adminVariable) {
			t.Errorf("without an admin key: %d %s", got.status, got.body)
		}
	})
}

// The cookie opens what the admin key opens, for freefall's own pages, and nothing under /v1.
func TestCookie(t *testing.T) {
	s := Settings{Clients: []Client{{Name: "ana", Key: "k-ana"}}, AdminKey: "k-admin"}
	inBubble(t, plan{models: chain("a"), settings: s}, func(w *world) {
		cookie := w.logIn("k-admin")
		own := []string{"Origin", "http://localhost", "Content-Type", asJSON}
		for _, c := range []struct {
			name, method, path string
			headers            []string
			want               int
		}{
			{"journal", "GET", "/api/chat/requests", nil, 200},
			{"metrics", "GET", "/metrics", nil, 200},
			{"state", "GET", "/api/chat/models", nil, 200},
			{"history", "GET", "/api/chat/history", []string{"Sec-Fetch-Site", "same-origin"}, 200},
			{"pause", "POST", "/api/chat/models/a/pause", own, 200},
			{"pause, as the browser says", "POST", "/api/chat/models/a/pause", []string{"Sec-Fetch-Site", "same-origin", "X-Requested-With", "freefall"}, 200},
			{"a client's key besides", "POST", "/api/chat/models/a/resume", append([]string{"Authorization", "Bearer k-ana"}, own...), 401},
			{"behind a proxy that changes Host", "POST", "/api/chat/models/a/resume", []string{"Host", "freefall:8000", "Origin", "http://localhost", "Sec-Fetch-Site", "same-origin", "Content-Type", asJSON}, 200},
			{"chats", "POST", "/v1/chat/completions", own, 401},
			{"models", "GET", "/v1/models", nil, 401},
			{"models in the other spelling", "GET", "/api/v1/models", nil, 401},
			{"a GET from another port", "GET", "/api/chat/requests", []string{"Origin", "http://localhost:3000"}, 401},
			{"a GET from the same site", "GET", "/api/chat/requests", []string{"Sec-Fetch-Site", "same-site"}, 401},
			{"a change from another port", "POST", "/api/chat/models/a/pause", []string{"Origin", "http://localhost:3000", "Content-Type", asJSON}, 401},
			{"a change from another site", "POST", "/api/chat/models/a/pause", []string{"Sec-Fetch-Site", "cross-site", "X-Requested-With", "x"}, 401},
			{"a change that nobody vouches for", "POST", "/api/chat/models/a/pause", []string{"Content-Type", asJSON}, 403},
			{"a change that a person typed", "POST", "/api/chat/models/a/pause", []string{"Sec-Fetch-Site", "none", "Content-Type", asJSON}, 403},
			{"a change by a form", "POST", "/api/chat/models/a/pause", []string{"Sec-Fetch-Site", "same-origin", "Content-Type", asForm}, 403},
		} {
			got := w.do(c.method, c.path, "", append([]string{"Cookie", cookie}, c.headers...)...)
			if got.status != c.want {
				t.Errorf("%s: %d %s, want %d", c.name, got.status, got.body, c.want)
			}
			w.do("POST", "/api/chat/models/a/resume", "", "Authorization", "Bearer k-admin")
		}
		for _, other := range []string{sessionCookie + "=", sessionCookie + "=k-admin", cookie + "x", strings.ToUpper(cookie)} {
			if got := w.do("GET", "/metrics", "", "Cookie", other, "Authorization", "Bearer k-ana"); got.status != 401 {
				t.Errorf("the cookie %q: %d", other, got.status)
			}
		}
	})
}

func TestSessionsEnd(t *testing.T) {
	s := Settings{AdminKey: "k-admin"}
	inBubble(t, plan{models: chain("a"), settings: s}, func(w *world) {
		open := func(cookie string) bool { return w.do("GET", "/metrics", "", "Cookie", cookie).status == 200 }
		first, second := w.logIn("k-admin"), w.logIn("k-admin")
		if first == second || !open(first) || !open(second) {
			t.Fatal("two sessions")
		}
		if got := w.do("POST", "/logout", "", "Cookie", first, "Sec-Fetch-Site", "cross-site"); got.status != 403 || !open(first) {
			t.Errorf("logged out by another page: %d", got.status)
		}
		got := w.do("POST", "/logout", "", "Cookie", first, "Content-Type", asJSON)
		if got.status != 200 || !strings.Contains(got.header.Get("Set-Cookie"), sessionCookie+"=;") || open(first) || !open(second) {
			t.Errorf("logout: %d %v %t %t", got.status, got.header, open(first), open(second))
		}
		time.Sleep(sessionTime - time.Second)
		if !open(second) {
			t.Error("it ended early")
		}
		time.Sleep(time.Second)
		if open(second) {
			t.Error("it does not end")
		}
		third := w.logIn("k-admin")
		w.proxy.Reconfigure(Settings{AdminKey: "k-other"})
		if open(third) {
			t.Error("it outlives the admin key")
		}
		w.proxy.Reconfigure(Settings{})
		if got := w.do("GET", "/api/chat/session", "", "Cookie", third); strings.Contains(got.body, `"signed_in":true`) {
			t.Errorf("without an admin key: %s", got.body)
		}
	})
}

func TestSessionsAreBounded(t *testing.T) {
	var s sessions
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	key := sha256.Sum256([]byte("k"))
	var ids []string
	for i := range 3 * maxSessions {
		ids = append(ids, s.begin(now.Add(time.Duration(i)*time.Second), key))
	}
	valid := func(i int) bool { return s.valid(now.Add(time.Hour), sha256.Sum256([]byte(ids[i])), key) }
	if len(s.open) != maxSessions || !valid(len(ids)-1) || !valid(2*maxSessions) || valid(2*maxSessions-1) {
		t.Errorf("%d are open", len(s.open))
	}
}

// Five tries a minute of one peer, twenty of all; the wait that is told is true.
func TestLoginTries(t *testing.T) {
	var s sessions
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	at := func(seconds int, addr string) time.Duration {
		return s.try(now.Add(time.Duration(seconds)*time.Second), netip.MustParseAddr(addr))
	}
	for i := range loginsPerPeer {
		if wait := at(i, "192.0.2.1"); wait != 0 {
			t.Fatalf("try %d waits %v", i, wait)
		}
	}
	for range 100 { // those that are turned away cost nobody anything
		if wait := at(10, "192.0.2.1"); wait != 50*time.Second {
			t.Fatalf("the sixth: %v", wait)
		}
	}
	if at(59, "192.0.2.1") != time.Second || at(60, "192.0.2.1") != 0 || at(60, "192.0.2.1") == 0 {
		t.Error("after a minute one more")
	}
	for i := range loginsPerPeer {
		if wait := at(61, fmt.Sprintf("2001:db8::%d", i)); wait != 0 {
			t.Errorf("%v", wait)
		}
	}
	if at(61, "2001:db8::ffff") == 0 || at(61, "2001:db8:0:1::1") != 0 {
		t.Error("a network is one peer")
	}
	for i := range loginsInAll {
		at(130, fmt.Sprintf("198.51.100.%d", i))
	}
	if wait := at(135, "203.0.113.9"); wait != 55*time.Second || len(s.tries) != loginsInAll {
		t.Errorf("the twenty-first: %v of %d", wait, len(s.tries))
	}
	inBubble(t, plan{models: chain("a"), settings: Settings{AdminKey: "k-admin"}}, func(w *world) {
		for range loginsPerPeer {
			w.do("POST", "/login", `{"key":"guess"}`, "Content-Type", asJSON)
		}
		got := w.do("POST", "/login", `{"key":"k-admin"}`, "Content-Type", asJSON)
		if got.status != 429 || got.header.Get("Retry-After") != "60" || got.err().Code != "too_many_logins" {
			t.Errorf("%d %v", got.status, got.header)
		}
	})
}

// What a page is told of who looks at it.
func TestSessionState(t *testing.T) {
	closed := Settings{Clients: []Client{{Name: "ana", Key: "k-ana"}}, AdminKey: "k-admin"}
	inBubble(t, plan{models: chain("a"), settings: closed}, func(w *world) {
		cookie := w.logIn("k-admin")
		for _, c := range []struct {
			headers []string
			want    string
		}{
			{nil, `{"admin":false,"login":true,"variable":"FREEFALL_ADMIN_KEY","signed_in":false,"client":null,"client_key":true}`},
			{[]string{"Authorization", "Bearer k-ana"}, `{"admin":false,"login":true,"variable":"FREEFALL_ADMIN_KEY","signed_in":false,"client":"ana","client_key":true}`},
			{[]string{"Authorization", "Bearer k-admin"}, `{"admin":true,"login":true,"variable":"FREEFALL_ADMIN_KEY","signed_in":false,"client":null,"client_key":true}`},
			{[]string{"Cookie", cookie}, `{"admin":true,"login":true,"variable":"FREEFALL_ADMIN_KEY","signed_in":true,"client":null,"client_key":true}`},
		} {
			if got := w.do("GET", "/api/chat/session", "", c.headers...); strings.TrimSpace(got.body) != c.want {
				t.Errorf("%v: %s", c.headers, got.body)
			}
		}
	})
	inBubble(t, plan{models: chain("a")}, func(w *world) { // the peer of this world is not this machine
		if got := w.do("GET", "/api/chat/session", ""); strings.TrimSpace(got.body) != `{"admin":false,"login":false,"variable":"FREEFALL_ADMIN_KEY","signed_in":false,"client":null,"client_key":false}` {
			t.Error(got.body)
		}
	})
}

// A page that was loaded from here may ask here, whatever the address; a name that is not known may not (DNS rebinding).
func TestOwnPagesMayEnter(t *testing.T) {
	inBubble(t, plan{models: chain("a"), settings: Settings{AllowedHosts: []string{"llm.example.org"}}}, func(w *world) {
		for _, c := range []struct {
			host, origin string
			want         int
		}{
			{"192.168.1.9:8000", "http://192.168.1.9:8000", 200},
			{"192.168.1.9:8000", "http://192.168.1.9:3000", 403},
			{"llm.example.org", "https://llm.example.org", 200},
			{"evil.example", "http://evil.example", 403},
			{"freefall", "http://freefall", 200},
		} {
			if got := w.do("GET", "/api/chat/models", "", "Host", c.host, "Origin", c.origin); got.status != c.want {
				t.Errorf("%s at %s: %d", c.origin, c.host, got.status)
			}
		}
	})
}

func TestLogLevel(t *testing.T) {
	s := Settings{AdminKey: "k-admin"}
	inBubble(t, plan{models: chain("a"), settings: s}, func(w *world) {
		var level string
		w.proxy.logLevel = func(l string) error {
			if l != "debug" {
				return fmt.Errorf("no")
			}
			level = l
			return nil
		}
		for body, want := range map[string]int{`{"level":"debug"}`: 200, `{"level":"loud"}`: 400, `{`: 400, ``: 400} {
			if got := w.do("POST", "/api/log/level", body, "Authorization", "Bearer k-admin"); got.status != want {
				t.Errorf("%s: %d %s", body, got.status, got.body)
			}
		}
		if got := w.do("POST", "/api/log/level", `{"level":"debug"}`); got.status != 401 || level != "debug" {
			t.Errorf("%d, the level is %q", got.status, level)
		}
	})
}
