package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"freefall/internal/fakellm"
)

// What nobody may find anywhere but where it was sent: keys, and what was said.
const (
	canaryAdmin  = "adm-canary-7f3a9c1e5b"
	canaryClient = "cli-canary-2d8e4f6a0c"
	canaryKey    = "sk-or-v1-0ddba11c0ffee0ddba11c0ffee0ddba1"
	canaryPrompt = "the canary sings of grandmother's diagnosis at midnight"
	canaryHangul = "카나리아는 한밤중에 할머니의 비밀을 노래합니다"
	canaryPlain  = "letmein-to-the-vault" // a key that looks like words
	canaryAnswer = "the model confides that the heirloom lies under the stairs"
)

// A key and a prompt in every place where they do not belong: bodies, headers, queries, and what providers say. No page, metric, event, log,
// journal and no file has them afterwards.
func TestCanary(t *testing.T) {
	t.Parallel()
	fake, url := simulated(t, models("a", "b", "c"))
	gossip := httptest.NewServer(http.HandlerFunc(gossips))
	t.Cleanup(gossip.Close)
	f := start(t, fmt.Sprintf(`
clients: [{name: ana, key: %s}]
admin_key: %s
log: {level: debug, file: app.log}
routing: {order: priority, validate: json, broken_stream: continue, hedge_after: 1s, hedge_share: 1}
breaker: {failures: 50}
providers:
  p: {base_url: %q, keys: [%q]}
  gossip: {base_url: %q, dialect: openrouter, free: plan, keys: [%q], headers: {X-Team: %q}}
models: [{id: a, provider: p, supports_tools: true, supports_json_schema: true}, {id: b, provider: p, supports_tools: true}, {id: c, provider: p}, {id: g, provider: gossip}]
`, canaryClient, canaryAdmin, url, canaryKey, gossip.URL, "${GOSSIP_KEY}", canaryPlain), "GOSSIP_KEY="+canaryPlain)
	ana, admin := []string{"Authorization", "Bearer " + canaryClient}, []string{"Authorization", "Bearer " + canaryAdmin}
	events := overhear(t, f, admin)

	var answers strings.Builder // what the client got; its own words may be in them
	ask := func(body string, headers ...string) answer {
		t.Helper()
		got := f.chat(body, headers...)
		fmt.Fprintln(&answers, got.header)
		if got.status != 200 {
			answers.WriteString(got.body)
		}
		return got
	}
	said := canaryPrompt + " " + canaryHangul
	body := func(more string) string {
		if !strings.Contains(more, `"model"`) {
			more += `,"model":"a"`
		}
		return `{"messages":[{"role":"user","content":"` + said + `"}]` + more + `}`
	}
	quote := func(status int) fakellm.Step {
		return fakellm.Raw(status, map[string]string{"Content-Type": "application/json", "X-Echo": canaryKey},
			fmt.Sprintf(`{"error":{"message":"refused '%s' and %s with key %s, Authorization: Bearer %s","type":"%s","code":%d}}`, said, said, canaryKey, canaryKey, canaryPrompt, status))
	}
	for _, status := range []int{500, 429, 400, 404, 413, 422, 503} {
		fake.Script("a", quote(status))
		ask(body(``), ana...)
		f.do("POST", "/api/chat/models/a/reset", "", admin...)
		fake.Script("a", quote(status))
		ask(body(`,"stream":true`), ana...)
		f.do("POST", "/api/chat/models/a/reset", "", admin...)
	}
	chunk := `data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"a","choices":[{"index":0,"delta":{"content":"so far"},"finish_reason":null}]}` + "\n\n"
	fake.Script("a", fakellm.RawStream(chunk+`data: {"error":{"message":"refused `+said+` with `+canaryKey+`","code":500}}`+"\n\n", 0))
	if got := ask(body(`,"stream":true`), ana...); !strings.Contains(got.body, "so far") {
		t.Errorf("an error within a stream: %s", got.body)
	}
	f.do("POST", "/api/chat/models/a/reset", "", admin...)
	fake.Script("a", fakellm.HTML(), fakellm.Raw(200, nil, `{"error":{"message":"`+said+`"}}`), fakellm.Raw(200, nil, said))
	for range 3 {
		ask(body(``), ana...)
	}
	heard := []string{"500", "400", "200", "stream", "late", "redirect", "401", "402", "429"}
	for n, how := range heard {
		ask(body(`,"model":"g","stream":true,"user":"`+how+`"`), ana...)
		ask(body(`,"model":"g","user":"`+how+`"`), append(ana, "X-Freefall-Fallback", "off")...)
		f.do("POST", "/api/chat/models/g/reset", "", admin...)
		f.signal(syscall.SIGHUP) // a refused key may be asked again
		f.until(callBound, "a reload", func() bool { return strings.Count(f.stderr.String(), "Configuration reloaded") == n+1 })
	}
	fake.Script("a", fakellm.Say(canaryAnswer), fakellm.Raw(200, nil, `{"id":"x","object":"chat.completion","created":1,"model":"a","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"`+canaryAnswer+`"}}]},"finish_reason":"tool_calls"}]}`))
	for range 2 {
		ask(body(`,"response_format":{"type":"json_object"}`), ana...)
	}
	fake.Script("a", fakellm.Say(canaryAnswer), fakellm.RawStream(strings.Replace(chunk, "so far", canaryAnswer, 1), 0))
	ask(body(``), ana...)
	ask(body(`,"stream":true`), ana...)
	for _, header := range []string{"X-Request-Id", "X-Freefall-Session", "X-Freefall-Task", "X-Freefall-Privacy", "X-Freefall-Max-Wait", "X-Session-Id", "User-Agent", "Referer", "Cookie"} {
		for _, value := range []string{canaryKey, canaryPrompt} {
			ask(body(``), append([]string{header, value}, ana...)...)
		}
	}
	for _, more := range []string{`,"model":"` + canaryKey + `"`, `,"models":["` + canaryKey + `"]`, `,"` + canaryKey + `":1`, `,"user":"` + said + `"`,
		`,"model":"freefall/` + canaryKey + `"`, `,"tools":"` + said + `"`, `,` + said} {
		ask(body(more), ana...)
	}
	ask(body(``), "Authorization", "Bearer "+canaryKey)
	f.do("POST", "/login", `{"key":"`+canaryKey+`"}`, "Content-Type", "application/json")
	f.do("POST", "/api/log/level", `{"level":"`+canaryKey+`"}`, admin...)
	places := map[string]string{"explain": f.do("POST", "/api/chat/explain", body(`,"tools":[{"type":"function","function":{"name":"f","description":"`+said+`"}}]`), ana...).body}
	for _, path := range []string{"/api/chat/requests?model=" + canaryKey, "/api/chat/requests?client=" + canaryKey, "/api/chat/requests/" + canaryKey, "/v1/models/" + canaryKey, "/" + canaryKey,
		"/api/chat/models/" + canaryKey + "/pause"} {
		places["GET "+path] = f.get(path, admin...).body
		places["POST "+path] = f.do("POST", path, "", admin...).body
	}
	login := f.do("POST", "/login", `{"key":"`+canaryAdmin+`"}`, "Content-Type", "application/json")
	if login.status != 200 {
		t.Fatalf("login: %d %s", login.status, login.body)
	}
	f.do("POST", "/api/chat/models/a/reset", "", admin...)
	f.want(ask(body(``), ana...), 200, "a=ok")
	for _, status := range []int{402, 403, 401} { // they rest the key
		fake.Script("a", quote(status))
		ask(body(``), ana...)
	}
	f.until(callBound, "the last event", func() bool { // of a burst some are left out
		ask(`{`, append(ana, "X-Request-Id", "the-last")...)
		return strings.Contains(events.String(), "the-last")
	})

	places["events"] = events.String()
	for _, path := range []string{"/", "/assets/app.js", "/metrics", "/openapi.json", "/api/chat/models", "/api/chat/requests?limit=1000", "/api/chat/requests?failed=1&limit=1000", "/api/chat/requests/the-last",
		"/api/chat/history", "/api/chat/session", "/v1/models", "/healthz", "/readyz"} {
		for who, headers := range map[string][]string{"admin": admin, "ana": ana, "nobody": nil} {
			got := f.get(path, headers...)
			places[path+" for "+who] = got.body + fmt.Sprint(got.header)
		}
	}
	for _, class := range []string{"upstream_fault", "invalid_request", "auth", "payment_required", "rate_limited", "ok"} {
		if !strings.Contains(places["/api/chat/requests?limit=1000 for admin"], "g="+class) {
			t.Errorf("the provider that says all it has heard was never %s", class)
		}
	}
	if !strings.Contains(places["/api/chat/requests?limit=1000 for admin"], "upstream_fault") || !strings.Contains(places["/metrics for admin"], "freefall_attempts_total") {
		t.Error("nothing was told at all")
	}
	for _, args := range []string{"log --limit 1000", "log --failed", "log --model a", "status", "check", "models", "models --json"} {
		cmd := command(f.dir, []string{"FREEFALL_ADMIN_KEY=" + canaryAdmin, "GOSSIP_KEY=" + canaryPlain}, strings.Fields(args)...)
		if strings.HasPrefix(args, "log") || args == "status" {
			cmd.Args = append(cmd.Args, "--url", f.url)
		}
		out, err := cmd.CombinedOutput()
		if err != nil && !strings.HasPrefix(args, "models") || len(out) < 100 {
			t.Errorf("freefall %s: %v: %s", args, err, out)
		}
		places["freefall "+args] = string(out)
	}
	places["models.yaml refused"] = refuses(f, canaryPlain)
	keep := func(when string) (files int) {
		t.Helper()
		err := filepath.WalkDir(f.dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Base(path) == "models.yaml" {
				return err
			}
			b, err := os.ReadFile(path)
			places[path+when] = string(b)
			files++
			return err
		})
		if err != nil {
			t.Error(err)
		}
		return files
	}
	keep(" while it runs")
	f.stop()
	places["standard error"] = f.stderr.String()
	files := keep("")
	for name, key := range map[string]string{"the admin's key": canaryAdmin, "the client's key": canaryClient, "the provider's key": canaryKey, "the plain key": canaryPlain} {
		if at := strings.Index(answers.String(), key); at >= 0 {
			t.Errorf("%s is in an answer: %q", name, answers.String()[max(0, at-150):min(answers.Len(), at+100)])
		}
	}
	for place, text := range places {
		for name, canary := range map[string]string{"the admin's key": canaryAdmin, "the client's key": canaryClient, "the provider's key": canaryKey, "the plain key": canaryPlain, "the answer": canaryAnswer[:40], "the prompt": canaryPrompt[:30],
			"a part of the prompt": "diagnosis at midnight", "the prompt in another script": "할머니의 비밀"} {
			if at := strings.Index(text, canary); at >= 0 {
				t.Errorf("%s is in %s: %q", name, place, text[max(0, at-150):min(len(text), at+100)])
			}
		}
	}
	if files < 2 {
		t.Errorf("%d files, want the log and the state", files)
	}
}

// gossips is a provider that says all it has heard, in every place.
func gossips(w http.ResponseWriter, r *http.Request) {
	asked, _ := io.ReadAll(r.Body)
	heard := fmt.Sprintf("key %s team %s of %v said %s", strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), r.Header.Get("X-Team"), r.Header, asked)
	word, _ := json.Marshal(heard)
	for _, header := range []string{"Retry-After", "X-Ratelimit-Reset", "X-Ratelimit-Limit-Requests", "X-Request-Id", "Set-Cookie", "Server", "Www-Authenticate"} {
		w.Header().Set(header, string(word))
	}
	how := "500"
	for _, h := range []string{"400", "401", "429", "402", "200", "stream", "late", "redirect"} {
		if strings.Contains(string(asked), `"user":"`+h+`"`) {
			how = h
		}
	}
	event := func(text string) { fmt.Fprintf(w, "data: %s\n\n", text) }
	problem := fmt.Sprintf(`{"error":{"message":%s,"type":%s,"code":%s,"param":%s,"metadata":{"raw":%s,"provider_name":%s}}}`, word, word, word, word, word, word)
	switch how {
	case "200":
		fmt.Fprintf(w, `{"id":%s,"object":"chat.completion","created":1,"model":%s,"provider":%s,"system_fingerprint":%s,"choices":[{"index":0,"message":{"role":"assistant","content":%s},"finish_reason":"stop","native_finish_reason":%s}]}`, word, word, word, word, word, word)
	case "stream":
		event(problem)
	case "late":
		event(fmt.Sprintf(`{"id":"x","object":"chat.completion.chunk","created":1,"model":%s,"choices":[{"index":0,"delta":{"content":%s},"finish_reason":null}]}`, word, word))
		event(problem)
	case "redirect":
		w.Header().Set("Location", "http://"+canaryPlain+"/")
		w.WriteHeader(http.StatusFound)
	default:
		status, _ := strconv.Atoi(how)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprint(w, problem)
	}
}

// refuses gives what is said of a broken edit that holds a secret.
func refuses(f *program, secret string) string {
	f.t.Helper()
	f.reloaded("models.yaml", "admin_key: ["+secret+"]\nmodels: {"+secret+": "+secret+"}\n", "Configuration not taken")
	return f.get("/api/chat/models", "Authorization", "Bearer "+canaryAdmin).body
}

// overhear reads the events until the program ends.
func overhear(t *testing.T, f *program, headers []string) *output {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 2*callBound)
	req, err := http.NewRequestWithContext(ctx, "GET", f.url+"/api/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := (&http.Client{Transport: f.client.Transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	out, done := &output{}, make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(out, bufio.NewReader(resp.Body))
	}()
	t.Cleanup(func() {
		stop()
		resp.Body.Close()
		<-done
	})
	f.until(callBound, "the first event", func() bool { return strings.Contains(out.String(), "event: models") })
	return out
}
