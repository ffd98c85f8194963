package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
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
)

// A key and a prompt in every place where they do not belong: bodies, headers, queries, and what providers say. No page, metric, event, log,
// journal and no file has them afterwards.
func TestCanary(t *testing.T) {
	t.Parallel()
	fake, url := simulated(t, models("a", "b", "c"))
	yaml := strings.Replace(chain(url, fmt.Sprintf("clients: [{name: ana, key: %s}]\nadmin_key: %s\nlog: {level: debug, file: app.log}\n", canaryClient, canaryAdmin), "a", "b", "c"), providerKey, canaryKey, 1)
	f := start(t, yaml)
	ana, admin := []string{"Authorization", "Bearer " + canaryClient}, []string{"Authorization", "Bearer " + canaryAdmin}
	events := overhear(t, f, admin)

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
		f.chat(body(``), ana...)
		f.do("POST", "/api/chat/models/a/reset", "", admin...)
		fake.Script("a", quote(status))
		f.chat(body(`,"stream":true`), ana...)
		f.do("POST", "/api/chat/models/a/reset", "", admin...)
	}
	chunk := `data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"a","choices":[{"index":0,"delta":{"content":"so far"},"finish_reason":null}]}` + "\n\n"
	fake.Script("a", fakellm.RawStream(chunk+`data: {"error":{"message":"refused `+said+` with `+canaryKey+`","code":500}}`+"\n\n", 0))
	if got := f.chat(body(`,"stream":true`), ana...); !strings.Contains(got.body, "so far") || got.problem().Message == "" {
		t.Errorf("an error within a stream: %s", got.body)
	}
	f.do("POST", "/api/chat/models/a/reset", "", admin...)
	fake.Script("a", fakellm.HTML(), fakellm.Raw(200, nil, `{"error":{"message":"`+said+`"}}`), fakellm.Raw(200, nil, said))
	for range 3 {
		f.chat(body(``), ana...)
	}
	for _, header := range []string{"X-Request-Id", "X-Freefall-Session", "X-Freefall-Task", "X-Freefall-Privacy", "X-Freefall-Max-Wait", "X-Session-Id", "User-Agent", "Referer", "Cookie"} {
		for _, value := range []string{canaryKey, canaryPrompt} {
			f.chat(body(``), append([]string{header, value}, ana...)...)
		}
	}
	for _, more := range []string{`,"model":"` + canaryKey + `"`, `,"models":["` + canaryKey + `"]`, `,"` + canaryKey + `":1`, `,"user":"` + said + `"`,
		`,"model":"freefall/` + canaryKey + `"`, `,"tools":"` + said + `"`, `,` + said} {
		f.chat(body(more), ana...)
	}
	f.chat(body(``), "Authorization", "Bearer "+canaryKey)
	f.do("POST", "/login", `{"key":"`+canaryKey+`"}`, "Content-Type", "application/json")
	f.do("POST", "/api/log/level", `{"level":"`+canaryKey+`"}`, admin...)
	f.do("POST", "/api/chat/explain", body(``), ana...)
	for _, path := range []string{"/api/chat/requests?model=" + canaryKey, "/api/chat/requests?client=" + canaryKey, "/api/chat/requests/" + canaryKey, "/v1/models/" + canaryKey, "/" + canaryKey,
		"/api/chat/models/" + canaryKey + "/pause"} {
		f.get(path, admin...)
		f.do("POST", path, "", admin...)
	}
	login := f.do("POST", "/login", `{"key":"`+canaryAdmin+`"}`, "Content-Type", "application/json")
	if login.status != 200 {
		t.Fatalf("login: %d %s", login.status, login.body)
	}
	f.do("POST", "/api/chat/models/a/reset", "", admin...)
	f.want(f.chat(body(``), ana...), 200, "a=ok")
	for _, status := range []int{402, 403, 401} { // they rest the key
		fake.Script("a", quote(status))
		f.chat(body(``), ana...)
	}
	f.chat(`{`, append(ana, "X-Request-Id", "the-last")...)
	f.until(callBound, "the last event", func() bool { return strings.Contains(events.String(), "the-last") })

	places := map[string]string{"events": events.String()}
	for _, path := range []string{"/", "/metrics", "/openapi.json", "/api/chat/models", "/api/chat/requests?limit=1000", "/api/chat/requests?failed=1&limit=1000", "/api/chat/requests/the-last",
		"/api/chat/history", "/api/chat/session", "/v1/models", "/healthz", "/readyz"} {
		for who, headers := range map[string][]string{"admin": admin, "ana": ana, "nobody": nil} {
			got := f.get(path, headers...)
			places[path+" for "+who] = got.body + fmt.Sprint(got.header)
		}
	}
	if !strings.Contains(places["/api/chat/requests?limit=1000 for admin"], "upstream_fault") || !strings.Contains(places["/metrics for admin"], "freefall_attempts_total") {
		t.Error("nothing was told at all")
	}
	f.stop()
	places["standard error"] = f.stderr.String()
	err := filepath.WalkDir(f.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Base(path) == "models.yaml" {
			return err
		}
		b, err := os.ReadFile(path)
		places[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for place, text := range places {
		if strings.HasPrefix(place, f.dir) {
			files++
		}
		for name, canary := range map[string]string{"the admin's key": canaryAdmin, "the client's key": canaryClient, "the provider's key": canaryKey, "the prompt": canaryPrompt[:30],
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
