package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// liveWithin is how long an edit may take to be in use on a busy machine: two looks at the files, which are a second, and the reading.
const liveWithin = 10 * time.Second

// order are the ids of the state, first to last, and why the newest file is not in use.
func (f *program) order() (ids, configError string) {
	f.t.Helper()
	var s struct {
		Models []row  `json:"models"`
		Error  string `json:"config_error"`
	}
	got := f.get("/api/chat/models")
	if err := json.Unmarshal([]byte(got.body), &s); err != nil {
		f.t.Fatalf("state: %v in %s", err, got.body)
	}
	var list []string
	for _, r := range s.Models {
		list = append(list, r.ID)
	}
	return strings.Join(list, " "), s.Error
}

// ways are how a file gets its new content.
var ways = []func(t *testing.T, path, text string){
	write,
	func(t *testing.T, path, text string) { // an editor
		write(t, path+"~", text)
		rename(t, path+"~", path)
	},
	func(t *testing.T, path, text string) { // the kubelet
		version, err := os.MkdirTemp(filepath.Dir(path), "..version")
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(version, "models.yaml"), text)
		if err := os.Symlink(filepath.Join(version, "models.yaml"), path+".new"); err != nil {
			t.Fatal(err)
		}
		rename(t, path+".new", path)
	},
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// 50 files, every second one broken, in each way a file can change, told by a signal or found by a look, under 20 streams.
func TestReloadUnderStreams(t *testing.T) {
	t.Parallel()
	fake, url := simulated(t, models("a", "b", "c", "d"))
	told := tale(40, 50*time.Millisecond)
	fake.Script("*", told.Forever())
	fake.Script("c", anHour)
	f := start(t, chain(url, "", "c", "a", "b"))
	f.want(f.chat(ask("c")), 200, "c=rate_limited; a=ok")
	resting := f.row("c")

	var over atomic.Bool
	var streams sync.WaitGroup
	defer streams.Wait()
	defer over.Store(true)
	for range 20 {
		streams.Go(func() {
			for !over.Load() {
				if got := f.chat(streamBody); got.status != 200 || got.err != nil || got.text() != told.Text || !got.clean() {
					t.Errorf("a stream broke: %d, %v: %.900s", got.status, got.err, got.body)
					return
				}
			}
		})
	}
	f.until(callBound, "20 streams", func() bool { return fake.Active() == 20 })

	path := filepath.Join(f.dir, "models.yaml")
	orders := [][]string{{"c", "b", "a"}, {"d", "c", "a"}, {"c", "a", "b"}}
	ids := "c a b"
	for i := range 50 {
		broken := i%2 == 1
		text := chain(url, "", orders[i/2%len(orders)]...)
		if broken {
			text = strings.Replace(text, "supports_tools", "suports_tools", 1) + "drian: 3s\n"
		} else {
			ids = strings.Join(orders[i/2%len(orders)], " ")
		}
		began := time.Now()
		ways[i%len(ways)](t, path, text)
		if i%10 < 8 {
			f.signal(syscall.SIGHUP)
		}
		f.until(callBound, fmt.Sprintf("file %d (broken: %v)", i, broken), func() bool {
			now, configError := f.order()
			if now != ids && broken {
				t.Fatalf("file %d is broken, and the order went to %s", i, now)
			}
			return now == ids && broken == (configError != "")
		})
		if took := time.Since(began); took > liveWithin {
			t.Errorf("file %d was in use after %v", i, took)
		}
	}
	if _, configError := f.order(); !strings.Contains(configError, `"suports_tools" (did you mean "supports_tools"?)`) || !strings.Contains(configError, `"drian" (did you mean "drain"?)`) {
		t.Errorf("config_error %q", configError)
	}
	if v := f.value("freefall_config_last_reload_successful"); v != "0" {
		t.Errorf("freefall_config_last_reload_successful %q", v)
	}
	if now := f.row("c"); now.AvailableAt != resting.AvailableAt || now.FailureCount != 1 || now.Available {
		t.Errorf("the resting model: before %+v\nnow %+v", resting, now)
	}
	if n := fake.Hits("c"); n != 1 {
		t.Errorf("the resting model was asked %d times", n)
	}
	log := f.log()
	if n := strings.Count(log, "Configuration reloaded"); n != 25 {
		t.Errorf("%d reloads in the log", n)
	}
	if n := strings.Count(log, "Configuration not taken"); n != 25 {
		t.Errorf("%d refusals in the log", n)
	}
	for _, text := range []string{"added p/d; removed p/b", "added p/b; removed p/d", "the order is now p/c, p/b, p/a"} {
		if !strings.Contains(log, text) {
			t.Errorf("the log never says %q", text)
		}
	}
}

// reloaded writes a file over the config of a running freefall and waits for a line of the log.
func (f *program) reloaded(name, text, line string) {
	f.t.Helper()
	before := strings.Count(f.stderr.String(), line)
	write(f.t, filepath.Join(f.dir, name), text)
	f.until(callBound, line, func() bool { return strings.Count(f.stderr.String(), line) > before })
}

// A key that arrives in .env makes the provider join; a file that arrives is taken, and one that goes leaves its config behind.
func TestReloadFindsWhatComesLater(t *testing.T) {
	t.Parallel()
	fake, url := simulated(t, models("a", "b"))
	f := start(t, fmt.Sprintf("providers: {p: {base_url: %q, keys: [\"${LATE_KEY}\"]}}\nmodels: [{id: a}]\n", url))
	if got := f.chat(plainBody); got.problem().Code != "no_provider_key" {
		t.Fatalf("%d %s", got.status, got.body)
	}
	f.reloaded(".env", "LATE_KEY=sk-first\n", "Configuration reloaded")
	f.want(f.chat(plainBody), 200, "a=ok")

	if err := os.Remove(filepath.Join(f.dir, "models.yaml")); err != nil {
		t.Fatal(err)
	}
	f.until(callBound, "the refusal", func() bool { _, e := f.order(); return strings.Contains(e, "models.yaml is gone") })
	f.want(f.chat(plainBody), 200, "a=ok")
	f.reloaded("models.yaml", chain(url, "", "b"), "added p/b; removed p/a")
	f.want(f.chat(plainBody), 200, "b=ok")
	if _, e := f.order(); e != "" {
		t.Errorf("config_error %q", e)
	}
	if hits := []int{fake.Hits("a"), fake.Hits("b")}; !slices.Equal(hits, []int{2, 1}) {
		t.Errorf("hits %v", hits)
	}

	f = start(t, "") // the built-in file
	f.reloaded("models.yaml", chain(url, "", "a"), "added p/a; removed openrouter/")
	f.want(f.chat(plainBody), 200, "a=ok")
}

// What only a start reads is named when it changes; drain is not among it.
func TestReloadTellsWhatItCannotChange(t *testing.T) {
	t.Parallel()
	fake, url := simulated(t, models("a"))
	fake.Script("a", tale(1000, 50*time.Millisecond))
	f := start(t, chain(url, "", "a"))
	f.reloaded("models.yaml", chain(url, "drain: 100ms\ndata_dir: elsewhere\nlog: {format: console}\n", "a"), "in effect after the next start only: data_dir, log")
	f.reloaded("models.yaml", chain(url, "drain: 100ms\n", "a"), "the models and their order are the same")
	if n := strings.Count(f.stderr.String(), "next start only"); n != 1 {
		t.Errorf("told %d times", n)
	}
	c := f.leaver(streamBody)
	defer c.Close()
	readUntil(t, c, `"content":`)
	began := time.Now()
	if code := f.stop(); code != 0 {
		t.Errorf("ended with %d", code)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("drained for %v", took)
	}
}

// A mistake in a file that holds a key is told without the key.
func TestReloadTellsNoSecret(t *testing.T) {
	t.Parallel()
	_, url := simulated(t, models("a"))
	f := start(t, chain(url, "", "a"))
	f.reloaded("models.yaml", chain(url, "admin_key: \"hunter2 hunter2\"\nclients: [{name: x, key: hunter2}, {name: y, key: hunter2}]\n", "a"), "Configuration not taken")
	_, configError := f.order()
	for where, text := range map[string]string{"config_error": configError, "stderr": f.stderr.String(), "log": f.log()} {
		if strings.Contains(text, "hunter") || strings.Contains(text, providerKey) || !strings.Contains(text, "models.yaml:") {
			t.Errorf("%s: %s", where, text)
		}
	}
}

// How much is logged follows the file, and the admin; what the admin has set stays until an edit names another level.
func TestLogLevelAtRunTime(t *testing.T) {
	t.Parallel()
	_, url := simulated(t, models("a"))
	f := start(t, chain(url, "", "a"))
	chat := func(id string) {
		t.Helper()
		f.want(f.chat(plainBody, "X-Request-Id", id), 200, "a=ok")
	}
	chat("first")
	f.reloaded("models.yaml", chain(url, "log: {level: error}\n", "a"), "Configuration reloaded")
	chat("unlogged")
	if strings.Contains(f.stderr.String(), "after the next start only") {
		t.Error("the level is told to wait for a start")
	}
	if got := f.do("POST", "/api/log/level", `{"level":"info"}`); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
	chat("by-the-admin")
	if got := f.do("POST", "/api/log/level", `{"level":"trace"}`); got.status != 400 {
		t.Errorf("%d %s", got.status, got.body)
	}
	f.reloaded("models.yaml", chain(url, "log: {level: error}\nmax_body: 1MiB\n", "a"), "Configuration reloaded")
	chat("kept")
	f.do("POST", "/api/log/level", `{"level":"error"}`)
	f.reloaded("models.yaml", chain(url, "log: {level: info}\n", "a"), "Configuration reloaded")
	chat("last")
	f.until(callBound, "the last line", func() bool { return strings.Contains(f.stderr.String(), `"request":"last"`) })
	for id, want := range map[string]bool{"first": true, "unlogged": false, "by-the-admin": true, "kept": true} {
		if got := strings.Contains(f.stderr.String(), `"request":"`+id+`"`); got != want {
			t.Errorf("%s is logged: %t", id, got)
		}
	}
}
