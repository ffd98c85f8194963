package proxy

import (
	"strings"
	"testing"
)

func TestWhoMayEnter(t *testing.T) {
	open := Settings{AllowedHosts: []string{"llm.example.org"}, AllowedOrigins: []string{"https://app.example.org"}}
	closed := Settings{Clients: []Client{{Name: "ana", Key: "k-ana"}, {Name: "ben", Key: "k-ben"}}, AdminKey: "k-admin"}
	for _, c := range []struct {
		name     string
		settings Settings
		method   string
		path     string
		headers  []string
		want     int
		code     string
	}{
		{"no clients: open", open, "GET", "/v1/models", nil, 200, ""},
		{"a dummy key is fine while open", open, "GET", "/v1/models", []string{"Authorization", "Bearer any"}, 200, ""},
		{"localhost page", open, "GET", "/v1/models", []string{"Origin", "http://localhost:3000"}, 200, ""},
		{"loopback page", open, "GET", "/v1/models", []string{"Origin", "http://[::1]:3000"}, 200, ""},
		{"listed page", open, "GET", "/v1/models", []string{"Origin", "https://app.example.org"}, 200, ""},
		{"foreign page", open, "POST", "/v1/chat/completions", []string{"Origin", "https://evil.example"}, 403, "origin_not_allowed"},
		{"page that looks local", open, "GET", "/v1/models", []string{"Origin", "http://localhost.evil.example"}, 403, "origin_not_allowed"},
		{"null origin", open, "GET", "/v1/models", []string{"Origin", "null"}, 403, "origin_not_allowed"},
		{"preflight of a foreign page", open, "OPTIONS", "/v1/models", []string{"Origin", "https://evil.example"}, 403, "origin_not_allowed"},
		{"foreign host", open, "GET", "/v1/models", []string{"Host", "evil.example"}, 403, "host_not_allowed"},
		{"foreign host with port", open, "GET", "/healthz", []string{"Host", "evil.example:8000"}, 403, "host_not_allowed"},
		{"listed host", open, "GET", "/v1/models", []string{"Host", "LLM.example.org:8000"}, 200, ""},
		{"compose service", open, "GET", "/v1/models", []string{"Host", "freefall:8000"}, 200, ""},
		{"address", open, "GET", "/v1/models", []string{"Host", "192.168.1.9:8000"}, 200, ""},
		{"address 6", open, "GET", "/v1/models", []string{"Host", "[fd00::1]:8000"}, 200, ""},
		{"clients: no key", closed, "GET", "/v1/models", nil, 401, "invalid_api_key"},
		{"clients: wrong key", closed, "GET", "/api/chat/models", []string{"Authorization", "Bearer k-anna"}, 401, "invalid_api_key"},
		{"clients: first", closed, "GET", "/v1/models", []string{"Authorization", "Bearer k-ana"}, 200, ""},
		{"clients: second, lower case", closed, "GET", "/v1/models", []string{"Authorization", "bearer k-ben"}, 200, ""},
		{"clients: x-api-key", closed, "GET", "/v1/models", []string{"X-Api-Key", "k-ben"}, 200, ""},
		{"clients: admin", closed, "GET", "/api/chat/models", []string{"Authorization", "Bearer k-admin"}, 200, ""},
		{"clients: any host", closed, "GET", "/v1/models", []string{"Host", "evil.example", "Authorization", "Bearer k-ana"}, 200, ""},
		{"clients: health is open", closed, "GET", "/healthz", nil, 200, ""},
		{"clients: ready is open", closed, "GET", "/readyz", nil, 200, ""},
		{"clients: preflight needs no key", closed, "OPTIONS", "/v1/chat/completions", []string{"Origin", "http://localhost"}, 204, ""},
		{"unknown route", open, "GET", "/v2/models", nil, 404, "unknown_route"},
		{"wrong method", open, "GET", "/v1/chat/completions", nil, 405, "method_not_allowed"},
		{"wrong method", open, "DELETE", "/v1/models", nil, 405, "method_not_allowed"},
	} {
		inBubble(t, plan{models: chain("a"), settings: c.settings}, func(w *world) {
			got := w.do(c.method, c.path, "", c.headers...)
			if got.status != c.want || got.err().Code != c.code {
				t.Errorf("%s: %d %q, want %d %q", c.name, got.status, got.err().Code, c.want, c.code)
			}
			if c.want == 405 && got.header.Get("Allow") == "" {
				t.Errorf("%s: no Allow", c.name)
			}
			if len(w.fake().Requests()) != 0 {
				t.Errorf("%s: a provider was asked", c.name)
			}
		})
	}
}

func TestPagesMayReadTheAnswer(t *testing.T) {
	inBubble(t, plan{models: chain("a")}, func(w *world) {
		got := w.chat(plainBody, "Origin", "http://localhost:3000")
		if got.header.Get("Access-Control-Allow-Origin") != "http://localhost:3000" {
			t.Errorf("%v", got.header)
		}
		for _, name := range []string{headerTrail, "Retry-After", "X-Should-Retry"} { // SDKs in a page decide by them, too
			if !strings.Contains(got.header.Get("Access-Control-Expose-Headers"), name) {
				t.Errorf("%s is hidden from pages", name)
			}
		}
		pre := w.do("OPTIONS", "/v1/chat/completions", "", "Origin", "http://localhost:3000", "Access-Control-Request-Headers", "authorization,x-stainless-lang")
		if pre.status != 204 || pre.header.Get("Access-Control-Allow-Headers") != "authorization,x-stainless-lang" {
			t.Errorf("%d %v", pre.status, pre.header)
		}
	})
}

func TestNoKeyIsToldToAnybody(t *testing.T) {
	s := Settings{Clients: []Client{{Name: "ana", Key: "client-secret"}}, AdminKey: "admin-secret"}
	inBubble(t, plan{models: chain("a"), settings: s}, func(w *world) {
		got := w.chat(plainBody, "Authorization", "Bearer client-secret")
		if got.status != 200 {
			t.Fatal(got.body)
		}
		w.chat(plainBody, "Authorization", "Bearer client-secretx")
		up := w.fake().Requests()[0]
		if auth := up.Header.Get("Authorization"); auth != "Bearer sk-p-0" {
			t.Errorf("the provider was sent %q", auth)
		}
		for _, secret := range []string{"client-secret", "admin-secret", "sk-p-0"} {
			if strings.Contains(w.log.String(), secret) || strings.Contains(got.body, secret) {
				t.Errorf("%q is in the log or the answer", secret)
			}
		}
	})
}
