package proxy

import (
	"encoding/json"
	"strings"
	"testing"

	"freefall/fallback"
	"freefall/internal/fakellm"
)

// operateOn asks for a change with the admin key.
func (w *world) operateOn(path string) (answer, modelState) {
	w.Helper()
	a := w.do("POST", "/api/chat/models/"+path, "", "Authorization", "Bearer k-admin")
	var row modelState
	if a.status == 200 {
		if err := json.Unmarshal([]byte(a.body), &row); err != nil {
			w.Fatalf("%v in %s", err, a.body)
		}
	}
	return a, row
}

// A person pauses a model, resumes it, and forgets what speaks against it.
func TestPauseResumeReset(t *testing.T) {
	const id = "google/gemini-2.0-flash-exp:free"
	inBubble(t, plan{models: chain(id, "b"), settings: Settings{AdminKey: "k-admin"}}, func(w *world) {
		if a, row := w.operateOn(id + "/pause"); row.ID != id || row.Available || row.Reason == nil || *row.Reason != "paused" || row.Current {
			t.Errorf("paused: %d %s", a.status, a.body)
		}
		if a := w.chat(plainBody); a.trail() != "b=ok" {
			t.Errorf("while it is paused: %s", a.trail())
		}
		if a, row := w.operateOn(id + "/resume/"); !row.Available || row.Reason != nil {
			t.Errorf("resumed: %d %s", a.status, a.body)
		}
		w.fake().Script(id, fakellm.Fault(500).Repeat(3))
		for range 3 {
			w.chat(strings.Replace(plainBody, "auto", id, 1))
		}
		if _, rows := w.state(); rows[id].Available || rows[id].FailureCount != 3 {
			t.Fatalf("%+v", rows[id])
		}
		if a, row := w.operateOn(id + "/reset"); !row.Available || row.FailureCount != 0 || row.LastError != nil {
			t.Errorf("reset: %d %s", a.status, a.body)
		}
		if a := w.chat(strings.Replace(plainBody, "auto", id, 1)); a.trail() != id+"=ok" {
			t.Errorf("afterwards: %s", a.trail())
		}
		for _, line := range []string{" paused by the admin key", " resumed by the admin key", " reset by the admin key"} {
			if !strings.Contains(w.log.String(), "Model "+id+line) {
				t.Errorf("the log lacks %q", line)
			}
		}
	})
}

// The row must be meant: an id may stand at several providers.
func TestWhichRowIsMeant(t *testing.T) {
	models := chain("a", "twice", "a/reset")
	models = append(models, fallback.Model{Provider: "q", ID: "twice"})
	inBubble(t, plan{models: models, settings: Settings{AdminKey: "k-admin"}}, func(w *world) {
		for _, want := range []struct {
			path   string
			status int
			says   string
		}{
			{"a/pause", 200, `"id":"a",`},
			{"a/pause?provider=p", 200, `"provider":"p"`},
			{"a/pause?provider=q", 404, `q has no model a; it stands at p`},
			{"a/reset/pause", 200, `"id":"a/reset"`},
			{"twice/pause", 409, `add ?provider= with one of p, q`},
			{"twice/pause?provider=q", 200, `"provider":"q"`},
			{"twice/pause?provider=r", 404, `it stands at p, q`},
			{"nobody/pause", 404, `there is no model nobody`},
			{"nobody/pause?provider=p", 404, `there is no model nobody`},
			{"a/stop", 404, `unknown_route`},
			{"pause", 404, `unknown_route`},
			{"/pause", 404, `unknown_route`},
			{"%3Cscript%3E/pause", 404, `there is no model`},
			{"a%2Freset/resume", 200, `"id":"a/reset"`},
			{"%1b%5b31m%E2%80%AE/reset", 404, `there is no model`},
		} {
			a, _ := w.operateOn(want.path)
			if a.status != want.status || !strings.Contains(a.body, want.says) || strings.Contains(a.body, "\x1b") {
				t.Errorf("%s: %d %s, want %d %s", want.path, a.status, a.body, want.status, want.says)
			}
		}
		if a := w.do("GET", "/api/chat/models/a/pause", ""); a.status != 405 || a.header.Get("Allow") != "POST" {
			t.Errorf("GET: %d %v", a.status, a.header)
		}
		rows := map[string]bool{}
		for _, s := range w.pool.Snapshot(w.proxy.born) {
			rows[s.Model.Provider+" "+s.Model.ID] = s.Reason == "paused"
		}
		if !rows["p a"] || rows["p twice"] || !rows["q twice"] || rows["p a/reset"] {
			t.Errorf("paused: %v", rows)
		}
	})
}

// With an admin key nothing else opens the door, from wherever it comes.
func TestChangesTakeTheAdminKey(t *testing.T) {
	s := onSockets(t, socketPlan{settings: Settings{AdminKey: "k-admin", Clients: []Client{{"ana", "k-ana"}}}})
	for key, want := range map[string]int{"k-admin": 200, "k-ana": 401, "k-none": 401} {
		a := s.raw(head("POST /api/chat/models/a/pause HTTP/1.1", "Authorization: Bearer "+key, "Content-Length: 0"))
		if a.status != want {
			t.Errorf("%s: %d %s", key, a.status, a.body)
		}
	}
	s.wants("no key", s.raw(head("POST /api/chat/models/a/pause HTTP/1.1", "Content-Length: 0")), 401, "invalid_api_key")
}

// Without an admin key changes are taken on this machine alone, not through a proxy and from no page of another place.
func TestChangesWithoutAnAdminKey(t *testing.T) {
	page := "Content-Type: application/json"
	for name, tt := range map[string]struct {
		settings Settings
		headers  []string
		status   int
	}{
		"localhost":           {Settings{}, []string{"Host: localhost:8000"}, 200},
		"without a port":      {Settings{}, []string{"Host: LOCALHOST"}, 200},
		"IPv4":                {Settings{}, []string{"Host: 127.0.0.1:8000"}, 200},
		"another loopback":    {Settings{}, []string{"Host: 127.8.9.10"}, 200},
		"IPv6":                {Settings{}, []string{"Host: [::1]:8000"}, 200},
		"IPv4 within IPv6":    {Settings{}, []string{"Host: [::ffff:127.0.0.1]:8000"}, 200},
		"clients, none asked": {Settings{Clients: []Client{{"ana", "k-ana"}}}, []string{"Host: localhost"}, 200},
		"an own page":         {Settings{}, []string{"Host: localhost:8000", "Origin: http://localhost:3000", page}, 200},

		"a service's name":     {Settings{}, []string{"Host: freefall:8000"}, 403},
		"another address":      {Settings{}, []string{"Host: 192.168.1.7:8000"}, 403},
		"a name of ours":       {Settings{AllowedHosts: []string{"*"}}, []string{"Host: localhost.example.org"}, 403},
		"no Host":              {Settings{}, []string{"Host:"}, 400},
		"Forwarded":            {Settings{}, []string{"Host: localhost", "Forwarded: for=10.0.0.1"}, 403},
		"X-Forwarded-For":      {Settings{}, []string{"Host: localhost", "x-forwarded-for: 127.0.0.1"}, 403},
		"X-Forwarded-Whatever": {Settings{}, []string{"Host: localhost", "X-FORWARDED-Whatever: x"}, 403},
		"X-Real-IP":            {Settings{}, []string{"Host: localhost", "X-Real-IP: 127.0.0.1"}, 403},
		"nginx as it comes":    {Settings{}, []string{"Host: 127.0.0.1:8000", "Connection: close"}, 403},
		"Via":                  {Settings{}, []string{"Host: localhost", "via: 1.1 somebody"}, 403},
		"a foreign page":       {Settings{}, []string{"Host: localhost", "Origin: https://evil.example", page}, 403},
		"any page":             {Settings{AllowedOrigins: []string{"*"}}, []string{"Host: localhost", "Origin: https://evil.example", page}, 403},
		"a page that may chat": {Settings{AllowedOrigins: []string{"https://chat.example"}}, []string{"Host: localhost", "Origin: https://chat.example", page}, 403},
		"a page of nowhere":    {Settings{AllowedOrigins: []string{"*"}}, []string{"Host: localhost", "Origin: null", page}, 403},
		"a page in disguise":   {Settings{AllowedOrigins: []string{"*"}}, []string{"Host: localhost", "Origin: http://localhost.evil.example", page}, 403},
		"unasked":              {Settings{}, []string{"Host: localhost", "Origin: http://localhost:3000", "Content-Type: text/plain"}, 415},
	} {
		t.Run(name, func(t *testing.T) {
			s := onSockets(t, socketPlan{settings: tt.settings})
			version := "1.1"
			if strings.HasPrefix(name, "nginx") {
				version = "1.0"
			}
			request := "POST /api/chat/models/a/pause HTTP/" + version + "\r\n" + strings.Join(append(tt.headers, "Content-Length: 0", "\r\n"), "\r\n")
			if a := s.raw(request); a.status != tt.status {
				t.Errorf("%d %s", a.status, a.body)
			}
			paused := s.pool.Snapshot(s.proxy.born)[0].Reason == "paused"
			if paused != (tt.status == 200) {
				t.Errorf("paused is %v", paused)
			}
		})
	}
	inBubble(t, plan{models: chain("a")}, func(w *world) { // whose peer is no address at all
		if a := w.do("POST", "/api/chat/models/a/pause", ""); a.status != 403 || a.err().Code != "admin_key_required" {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}
