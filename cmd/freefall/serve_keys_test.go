package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// locksmith is a provider whose keys have their own fates.
type locksmith struct {
	mu    sync.Mutex
	fates map[string]string // by key: "STATUS: MESSAGE"; none = a good answer
	calls map[string]int
}

func (l *locksmith) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	if !strings.HasSuffix(r.URL.Path, "/chat/completions") {
		http.NotFound(w, r)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	l.calls[key]++
	w.Header().Set("Content-Type", "application/json")
	fate, ok := l.fates[key]
	if !ok {
		_, _ = io.WriteString(w, `{"id":"1","object":"chat.completion","created":1,"model":"a","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}`)
		return
	}
	var status int
	_, _ = fmt.Sscan(fate, &status)
	if status == 429 {
		w.Header().Set("Retry-After", "3600")
	}
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":{"message":%q,"code":%d}}`, fate[4:], status)
}

// called are the calls with each of the keys, since the last look.
func (l *locksmith) called(keys ...string) (out []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range keys {
		out = append(out, l.calls[k])
		l.calls[k] = 0
	}
	return out
}

func newLocksmith(t *testing.T, fates map[string]string) (l *locksmith, url string) {
	l = &locksmith{fates: fates, calls: map[string]int{}}
	srv := httptest.NewServer(l)
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	return l, srv.URL + "/v1"
}

// keyStates are the keys as the state tells them: "1 aaaa available; 2 bbbb auth parked".
func (f *program) keyStates() string {
	f.t.Helper()
	var s struct{ Keys []statusKey }
	if err := json.Unmarshal([]byte(f.get("/api/chat/models").body), &s); err != nil {
		f.t.Fatal(err)
	}
	var out []string
	for _, k := range s.Keys {
		out = append(out, strings.Join(strings.Fields(fmt.Sprintln(k.N, k.Last4, k.Reason, k.State)), " "))
	}
	return strings.Join(out, "; ")
}

const (
	goodKey    = "key-good-0000-aaaa"
	revokedKey = "key-revoked-00-bbbb"
	brokeKey   = "key-broke-000-cccc"
	bannedKey  = "key-banned-00-dddd"
)

// Each key of a comma list stands for itself: what is refused rests alone, until the configuration changes.
func TestServeRestsOneKeyAndNotItsSisters(t *testing.T) {
	t.Parallel()
	smith, url := newLocksmith(t, map[string]string{revokedKey: "401 no such key", brokeKey: "402 pay first", bannedKey: "403 key is disabled"})
	f := start(t, fmt.Sprintf("providers: {p: {base_url: %q, keys: [\"${POOL}\"]}}\nmodels: [{id: a, provider: p}]\n", url),
		"POOL="+strings.Join([]string{revokedKey, goodKey, brokeKey, bannedKey}, " ,  "))
	if got, want := f.keyStates(), "1 bbbb available; 2 aaaa available; 3 cccc available; 4 dddd available"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for range 20 {
		if got := f.chat(plainBody); got.status != 200 || strings.Contains(got.body, "key-") {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	if got := fmt.Sprint(smith.called(goodKey, revokedKey, brokeKey, bannedKey)); got != "[20 1 1 1]" {
		t.Errorf("calls by key: %s", got)
	}
	const parked = "1 bbbb auth parked; 2 aaaa available; 3 cccc payment_required parked; 4 dddd auth parked"
	if got := f.keyStates(); got != parked {
		t.Errorf("%s, want %s", got, parked)
	}
	out, err := command(f.dir, []string{"POOL=" + goodKey}, "status", "--url", f.url).CombinedOutput()
	if text := string(out); err != nil || !strings.Contains(text, "p 1  bbbb     p/#1     auth              parked until the configuration changes") {
		t.Errorf("%v:\n%s", err, out)
	}
	f.signal(syscall.SIGHUP)
	f.until(callBound, "the reload", func() bool { return strings.Contains(f.log(), "Configuration reloaded") })
	if got := f.keyStates(); strings.Contains(got, "parked") {
		t.Errorf("after a change: %s", got)
	}
	for _, text := range []string{f.log(), f.get("/metrics").body, f.get("/api/chat/models").body} {
		for _, key := range []string{goodKey, revokedKey, brokeKey, bannedKey} {
			if strings.Contains(text, key) {
				t.Errorf("%s is told in %s", key, text)
			}
		}
	}
}

// A key that takes the place of a spent one begins anew, by a reload and by a restart; the spent one rests wherever it stands.
func TestServeKnowsAKeyThatIsReplaced(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(f *program) *program{
		"reload": func(f *program) *program {
			f.signal(syscall.SIGHUP)
			f.until(callBound, "the reload", func() bool { return strings.Contains(f.log(), "Configuration reloaded") })
			return f
		},
		"restart": func(f *program) *program {
			f.stop()
			return startIn(f.t, f.dir)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const spent, fresh, second = "key-spent-000-eeee", "key-fresh-000-ffff", "key-second-00-gggg"
			smith, url := newLocksmith(t, map[string]string{spent: "429 Rate limit exceeded"})
			yaml := func(keys string) string {
				return fmt.Sprintf("routing: {max_wait: 0s}\nproviders: {p: {base_url: %q, limits: {rpd: 5}, keys: [%s]}}\nmodels: [{id: a, provider: p}]\n", url, keys)
			}
			f := start(t, yaml(spent+", "+second))
			for range 6 {
				f.chat(plainBody) // the second has its day's five, the first refuses
			}
			if got := fmt.Sprint(smith.called(spent, second)); got != "[1 5]" {
				t.Fatalf("calls by key: %s", got)
			}
			write(t, filepath.Join(f.dir, "models.yaml"), yaml(fresh+", "+spent+", "+second))
			f = change(f)
			for range 7 {
				f.chat(plainBody)
			}
			if got := fmt.Sprint(smith.called(fresh, spent, second)); got != "[5 0 0]" {
				t.Errorf("calls by key: %s, and the keys are %s", got, f.keyStates())
			}
		})
	}
}
