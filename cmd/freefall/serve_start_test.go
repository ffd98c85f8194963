package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"freefall/internal/fakellm"
)

// Section 2: what a client's model name means.
func TestServeNames(t *testing.T) {
	t.Parallel()
	fake, url := simulated(t, models("a", "b", "x/c:free"))
	other, otherURL := simulated(t, models("a"))
	f := start(t, fmt.Sprintf(`
routing: {order: priority}
providers: {p: {base_url: %q}, q: {base_url: %q}}
models: [{id: a, provider: p}, {id: b, provider: p}, {id: "x/c:free", provider: p}, {id: a, provider: q}]
chains: {code: {models: ["x/*", b]}}
`, url, otherURL))
	const rest = `"messages":[{"role":"user","content":"Hello"}]}`
	for _, tt := range []struct{ names, trail, provider string }{
		{`"model":"b",`, "b=ok", "p"},
		{`"model":"q/a",`, "a=ok", "q"},
		{`"model":"x/c:free",`, "x/c:free=ok", "p"},
		{`"model":"p/x/c:free",`, "x/c:free=ok", "p"},
		{`"model":"gpt-4o",`, "a=ok", "p"},
		{`"model":"claude-sonnet-4",`, "a=ok", "p"},
		{`"model":"",`, "a=ok", "p"},
		{``, "a=ok", "p"},
		{`"model":"auto",`, "a=ok", "p"},
		{`"model":"freefall/auto",`, "a=ok", "p"},
		{`"model":"freefall/code",`, "x/c:free=ok", "p"},
		{`"model":"a","models":["nowhere","b","a"],`, "b=ok", "p"},
		{`"model":"b","models":["nowhere"],`, "b=ok", "p"},
	} {
		got := f.chat("{" + tt.names + rest)
		f.want(got, 200, tt.trail)
		if p := got.header.Get("X-Freefall-Provider"); p != tt.provider {
			t.Errorf("%s was answered by %s", tt.names, p)
		}
	}
	if got := f.chat(`{"model":"freefall/nowhere",` + rest); got.status != 404 || got.problem().Code != "model_not_found" {
		t.Errorf("an unknown chain: %d %s", got.status, got.body)
	}
	fake.Script("b", fakellm.Fault(500).Repeat(2))
	f.want(f.chat(ask("b")), 200, "b=upstream_fault; a=ok")
	f.want(f.chat(ask("b"), "X-Freefall-Fallback", "off"), 503, "b=upstream_fault")
	fake.Script("b", limited)
	f.want(f.chat(ask("b"), "X-Freefall-Fallback", "off"), 429, "b=rate_limited")
	f.want(f.chat(ask("b"), "X-Freefall-Fallback", "off"), 429, "") // it rests, and still nobody else is asked
	for _, r := range append(chats(fake), chats(other)...) {
		if !slices.Contains([]string{"a", "b", "x/c:free"}, r.Model) {
			t.Errorf("a provider was asked for %q", r.Model)
		}
	}
}

// DEFAULT_MODEL is first; one that is not in the chain is taken as if it were, with a warning that names the nearest.
func TestServeDefaultModel(t *testing.T) {
	t.Parallel()
	_, url := simulated(t, models("deepseek/chat", "google/flash", "google/flahs"))
	yaml := chain(url, "", "deepseek/chat", "google/flash")

	f := start(t, yaml, "DEFAULT_MODEL=google/flash")
	f.want(f.chat(plainBody), 200, "google/flash=ok")
	if current, rows := f.state(); current != "google/flash" || len(rows) != 2 || rows[0].ID != current || strings.Contains(f.stderr.String(), `"warn"`) {
		t.Errorf("%s %+v %s", current, rows, f.stderr)
	}

	f = start(t, yaml, "DEFAULT_MODEL=google/flahs")
	f.want(f.chat(plainBody), 200, "google/flahs=ok")
	f.want(f.chat(toolsBody), 200, "deepseek/chat=ok")
	if _, rows := f.state(); len(rows) != 3 || rows[0].ID != "google/flahs" {
		t.Errorf("%+v", rows)
	}
	if log := f.log(); !strings.Contains(log, "DEFAULT_MODEL google/flahs is not among the models (the nearest is google/flash)") {
		t.Errorf("no warning: %s", log)
	}
}

// shippedIDs is the mission's chain.
var shippedIDs = []string{"google/gemini-2.0-flash-exp:free", "deepseek/deepseek-chat-v3-0324:free", "google/gemini-1.5-flash:free",
	"google/gemini-1.5-flash-8b:free", "meta-llama/llama-3.2-3b-instruct:free"}

// Without a key, and without any file, freefall starts, shows the chain, and says what to set.
func TestServeWithoutAKey(t *testing.T) {
	t.Parallel()
	shipped, err := os.ReadFile(filepath.Join("..", "..", "models.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]*program{
		"no file":      start(t, ""),
		"shipped file": start(t, string(shipped)),
		"empty key":    start(t, "", "OPENROUTER_API_KEY="),
	} {
		if got := f.get("/healthz"); got.status != 200 {
			t.Errorf("%s: healthz %d", name, got.status)
		}
		if got := f.get("/readyz"); got.status != 503 || !strings.Contains(got.body, "OPENROUTER_API_KEY") {
			t.Errorf("%s: readyz %d %s", name, got.status, got.body)
		}
		for _, body := range []string{plainBody, streamBody, toolsBody} {
			got := f.chat(body)
			if p := got.problem(); got.status != 503 || p.Code != "no_provider_key" || !strings.Contains(p.Message, "OPENROUTER_API_KEY") || got.attempts() != "0" {
				t.Errorf("%s: chat %d %s", name, got.status, got.body)
			}
		}
		shippedState(t, name, f.get("/api/chat/models").body)
	}
}

// shippedState holds the state API to the mission's six fields, in order, of the five shipped models.
func shippedState(t *testing.T, name, body string) {
	t.Helper()
	var doc struct {
		Current string            `json:"current_model"`
		Models  []json.RawMessage `json:"models"`
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil || !strings.HasPrefix(body, `{"current_model":`) || len(doc.Models) != len(shippedIDs) {
		t.Fatalf("%s: %v in %s", name, err, body)
	}
	if doc.Current != shippedIDs[0] {
		t.Errorf("%s: current_model %q", name, doc.Current)
	}
	for i, raw := range doc.Models {
		six := []string{"id", "name", "supports_tools", "is_current", "failure_count", "is_available"}
		if got := firstKeys(t, raw, len(six)); !slices.Equal(got, six) {
			t.Errorf("%s: the fields begin %v", name, got)
		}
		var r row
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
		if r.ID != shippedIDs[i] || r.Name == "" || r.Tools != (i < 4) || r.Current != (i == 0) || r.FailureCount != 0 || r.Available || r.Reason != "no_key" {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// firstKeys are the first n keys of an object, in the order in which they stand there.
func firstKeys(t *testing.T, object []byte, n int) (keys []string) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(object))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for len(keys) < n && d.More() {
		key, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key.(string))
	}
	return keys
}

// Without a file, the providers whose keys stand in the environment join.
func TestServeWithoutAFile(t *testing.T) {
	t.Parallel()
	nobody := "HTTPS_PROXY=http://127.0.0.1:1" // a test calls nobody
	f := start(t, "", "OPENROUTER_API_KEY="+providerKey, "GROQ_API_KEY=gsk-0123456789abcdef", nobody)
	if got := f.get("/readyz"); got.status != 200 {
		t.Errorf("readyz %d %s", got.status, got.body)
	}
	_, rows := f.state()
	for i, id := range shippedIDs {
		if i >= len(rows) || rows[i].ID != id || !rows[i].Available {
			t.Fatalf("%+v", rows)
		}
	}
	for _, secret := range []string{providerKey, "gsk-0123456789abcdef"} {
		if strings.Contains(f.stderr.String()+f.log(), secret) {
			t.Error("a key was logged")
		}
	}
}

// .env stands behind the environment and before the file's defaults.
func TestServeReadsDotEnv(t *testing.T) {
	t.Parallel()
	fake, url := simulated(t, models("a", "b"))
	dir := t.TempDir()
	write(t, filepath.Join(dir, "models.yaml"), fmt.Sprintf(
		"providers: {p: {base_url: %q, keys: [\"${P_KEY}\"]}}\nmodels: [{id: a}, {id: b}]\n", url))
	write(t, filepath.Join(dir, ".env"), "# comment\nP_KEY=from-dot-env\nexport DEFAULT_MODEL=\"b\"\nFREEFALL_CLIENT_KEYS='ana-key'\n")
	f := startIn(t, dir)
	f.want(f.chat(plainBody), 401, "")
	f.want(f.chat(plainBody, "Authorization", "Bearer ana-key"), 200, "b=ok")
	f = startIn(t, dir, "P_KEY=from-the-environment", "DEFAULT_MODEL=a", "FREEFALL_CLIENT_KEYS=ben-key")
	f.want(f.chat(plainBody, "Authorization", "Bearer ana-key"), 401, "")
	f.want(f.chat(plainBody, "Authorization", "Bearer ben-key"), 200, "a=ok")
	var keys []string
	for _, r := range chats(fake) {
		keys = append(keys, r.Header.Get("Authorization"))
	}
	if !slices.Equal(keys, []string{"Bearer from-dot-env", "Bearer from-the-environment"}) {
		t.Errorf("sent %v", keys)
	}
}

// A client key opens /v1 and the state, and never leaves the house; the provider's key goes nowhere else.
func TestServeAsksClientsForTheirKey(t *testing.T) {
	t.Parallel()
	fake, url := simulated(t, models("a"))
	f := start(t, chain(url, "clients: [{name: ana, key: ana-key}]\n", "a"), "FREEFALL_CLIENT_KEYS=ben-key, cas-key", "FREEFALL_ADMIN_KEY=admin-key")
	for _, key := range []string{"", "Bearer ", "Bearer wrong", "Bearer " + providerKey, "Basic ben-key", "Bearer ben-ke"} {
		got := f.chat(plainBody, "Authorization", key)
		if got.status != 401 || got.problem().Code != "invalid_api_key" {
			t.Errorf("%q: %d %s", key, got.status, got.body)
		}
		if got := f.get("/api/chat/models", "Authorization", key); got.status != 401 {
			t.Errorf("%q: state %d", key, got.status)
		}
	}
	if len(chats(fake)) != 0 {
		t.Error("a stranger's request went up")
	}
	for _, path := range []string{"/healthz", "/readyz", "/health/liveliness", "/health/readiness"} {
		if got := f.get(path); got.status != 200 {
			t.Errorf("%s: %d without a key", path, got.status)
		}
	}
	for _, key := range []string{"ben-key", "cas-key", "admin-key"} {
		f.want(f.chat(plainBody, "Authorization", "Bearer "+key), 200, "a=ok")
		if got := f.get("/v1/models", "X-Api-Key", key); got.status != 200 {
			t.Errorf("%s: %d", key, got.status)
		}
	}
	for _, r := range fake.Requests() {
		if h := fmt.Sprint(r.Header); r.Header.Get("Authorization") != "Bearer "+providerKey || strings.Contains(h, "ben-key") || strings.Contains(h, "admin-key") {
			t.Errorf("sent %s", h)
		}
	}
}

// 4.15: the three phrases stand in logs/app.log after a plain start, found by the operator's own pipeline; no colours, no
// key, no prompt.
func TestServeLogs(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"auto", "console", "json"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			fake, url := simulated(t, models("a", "b", "c"))
			fake.Script("a", limited)
			echo := `{"error":{"message":"Incorrect API key provided: ` + providerKey + ` \u001b[31m\nModel z failed"}}`
			fake.Script("b", fakellm.Raw(500, nil, echo), fakellm.Cut(3, fakellm.Close))
			f := start(t, chain(url, "routing: {order: priority}\n", "a", "b", "c"), "LOG_FORMAT="+format, "CLICOLOR_FORCE=1")
			f.want(f.chat(plainBody), 200, "a=rate_limited; b=upstream_fault; c=ok")
			f.chat(streamBody)
			f.want(f.chat(ask("c")), 200, "c=ok")
			if code := f.stop(); code != 0 {
				t.Errorf("ended with %d", code)
			}

			grep := exec.Command("bash", "-c", `grep -E "(Switching from|Rate limit|Model .* failed)" logs/app.log`)
			grep.Dir = f.dir
			found, err := grep.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, found)
			}
			for _, want := range []string{"Rate limit on a: Rate limit exceeded. Switching from a to b", "Model b failed: ", ". Switching from b to c"} {
				if !strings.Contains(string(found), want) {
					t.Errorf("not found: %s in\n%s", want, found)
				}
			}
			if n := strings.Count(string(found), "\n"); n != 3 {
				t.Errorf("%d lines, want one for each of three failed attempts:\n%s", n, found)
			}
			log := f.log()
			for _, never := range []string{"\x1b", providerKey, providerKey[6:], prompt, "night train"} {
				if strings.Contains(log, never) {
					t.Errorf("the file holds %q", never)
				}
				if never != "\x1b" && strings.Contains(f.stderr.String(), never) {
					t.Errorf("the screen shows %q", never)
				}
			}
			for line := range strings.Lines(log) {
				if !json.Valid([]byte(line)) {
					t.Errorf("no JSON: %s", line)
				}
			}
		})
	}
}

// A log that cannot be written is a warning; requests are served all the same.
func TestServeWithoutALog(t *testing.T) {
	t.Parallel()
	_, url := simulated(t, models("a"))
	dir := t.TempDir()
	write(t, filepath.Join(dir, "models.yaml"), chain(url, "", "a"))
	write(t, filepath.Join(dir, "logs"), "a file where the folder should be")
	f := startIn(t, dir)
	f.want(f.chat(plainBody), 200, "a=ok")
	if !strings.Contains(f.stderr.String(), "log.file") {
		t.Errorf("no warning: %s", f.stderr)
	}
}
