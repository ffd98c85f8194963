package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"freefall/internal/fakellm"
	"freefall/test/child"
)

const adminKey = "k-admin-0123456"

// watched is a freefall before a simulated provider, to which all happens that a panel shows.
type watched struct {
	program *child.Program
	front   *httptest.Server
	fake    *fakellm.Server
	client  *http.Client
}

// config has a day that ends in half a day whenever this runs, so that what is left never lasts until then.
func config(provider string, now time.Time) string {
	return fmt.Sprintf(`
clients: [{name: ana, key: k-ana-0123456, rpd: 100000}, {name: ben, key: k-ben-0123456, rpm: 30}]
admin_key: %s
log: {file: ""}
routing: {order: priority, max_wait: 2s, hedge_after: 100ms, hedge_share: 1}
breaker: {cooldown: 1s, max_cooldown: 2s}
providers:
  p:
    base_url: %s/v1
    keys: [{key: key-good-0123, account: x}, {key: key-dead-0123, account: z}]
    limits: {rpd: 2000, day_resets: "%02d:00 UTC"}
    discover: {every: 1h}
models:
  - {id: spent}
  - {id: a, limits: {windows: [{requests: 2, per: 1s}]}}
  - {id: b, limits: {windows: [{requests: 10, per: 1s}]}}
`, adminKey, provider, (now.UTC().Hour()+12)%24)
}

func startWatched(binary, dir string) (*watched, error) {
	f := &watched{client: &http.Client{Timeout: bound}}
	f.fake = fakellm.New(fakellm.Options{OpenAI: true, Keys: map[string]string{"key-good-0123": "x"},
		Models: []fakellm.Model{{ID: "spent"}, {ID: "a"}, {ID: "b"}}})
	f.fake.Script("spent", fakellm.Raw(429, map[string]string{"Retry-After": "600"}, `{"error":{"message":"Rate limit exceeded"}}`).Forever())
	f.front = httptest.NewServer(f.fake)
	err := os.WriteFile(filepath.Join(dir, "models.yaml"), []byte(config(f.front.URL, time.Now())), 0o600)
	if err == nil {
		f.program, err = child.Start(binary, dir)
	}
	if err != nil {
		f.fake.Close()
		f.front.Close()
		return nil, err
	}
	return f, nil
}

func (f *watched) stop() {
	if err := f.program.Stop(syscall.SIGTERM); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	f.fake.Close()
	f.front.CloseClientConnections()
	f.front.Close()
}

// use asks for so long, while models fail, rest, and are slow. Now and then so much is asked at once that some have to wait.
func (f *watched) use(d time.Duration) error {
	ctx, stop := context.WithTimeout(context.Background(), d)
	defer stop()
	var all sync.WaitGroup
	defer all.Wait()
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	bodies := [...]string{`{"model":"auto","messages":[{"role":"user","content":"Hello"}]}`, `{"model":"auto","stream":true,"messages":[{"role":"user","content":"Hello"}]}`}
	troubles := [...]fakellm.Step{fakellm.Fault(500), fakellm.Slow(300*time.Millisecond, 0, 0), fakellm.Fault(429), fakellm.HTML()}
	for n := 0; ; n++ {
		select {
		case <-f.program.Ended:
			return fmt.Errorf("freefall has ended: %s", f.program.Words())
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if n%3 == 0 {
			f.fake.Script("a", troubles[n/3%len(troubles)])
		}
		who, times := [...]string{"k-ana-0123456", "k-ben-0123456"}[n%2], 1
		if n%20 == 10 {
			who, times = "k-ana-0123456", 40
		}
		for range times {
			all.Go(func() { f.chat(bodies[n%len(bodies)], who) })
		}
	}
}

// chat asks; whatever comes is what metrics are for.
func (f *watched) chat(body, key string) {
	req, err := http.NewRequest("POST", "http://"+f.program.Addr+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("Authorization", "Bearer "+key)
	if resp, err := f.client.Do(req); err == nil {
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

func (f *watched) metrics() (string, error) {
	req, err := http.NewRequest("GET", "http://"+f.program.Addr+"/metrics", nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+adminKey)
	resp, err := f.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET /metrics: %s", resp.Status)
	}
	return string(page), err
}
