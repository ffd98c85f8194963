package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"freefall/internal/config"
	"freefall/internal/fakellm"
)

// While the last answers finish, whoever comes is told to come again, on new connections and on kept ones.
func TestStopLeavesTheDoorOpen(t *testing.T) {
	t.Parallel()
	fake, url := simulated(t, models("a"))
	told := tale(30, 50*time.Millisecond)
	fake.Script("a", fakellm.OK(), told.Forever())
	f := start(t, chain(url, "", "a"))

	kept := f.leaver(plainBody)
	defer kept.Close()
	from := bufio.NewReader(kept)
	next := func() *http.Response {
		resp, err := http.ReadResponse(from, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp
	}
	if resp := next(); resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() {
		if got := f.chat(streamBody); got.status != 200 || got.err != nil || got.text() != told.Text || !got.clean() {
			t.Errorf("the running stream: %d, %v: %s", got.status, got.err, got.body)
		}
	})
	f.until(callBound, "the stream to run", func() bool { return fake.Active() == 1 })
	f.signal(syscall.SIGTERM)
	f.until(callBound, "the stop to begin", func() bool { return strings.Contains(f.stderr.String(), "Stopping") })

	f.until(callBound, "readyz to be 503", func() bool { return f.get("/readyz").status == 503 })
	for path, status := range map[string]int{"/readyz": 503, "/healthz": 200, "/api/chat/models": 200} {
		got := f.get(path)
		if got.status != status || status == 503 && got.header.Get("Retry-After") != "1" {
			t.Errorf("%s: %d %v", path, got.status, got.header)
		}
	}
	for _, body := range []string{plainBody, streamBody} {
		if got := f.chat(body); got.status != 503 || got.problem().Code != "stopping" || got.header.Get("Retry-After") != "1" || got.header.Get("X-Should-Retry") != "true" {
			t.Errorf("a new request: %d %v %s", got.status, got.header, got.body)
		}
	}
	fmt.Fprintf(kept, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", len(plainBody), plainBody)
	if resp := next(); resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "1" || !resp.Close {
		t.Errorf("on the kept connection: %s %v", resp.Status, resp.Header)
	}
	if n := fake.Hits("a"); n != 2 {
		t.Errorf("%d calls upstream, wanted the two from before the stop", n)
	}
	if code := f.wait(); code != 0 {
		t.Errorf("ended with %d", code)
	}
}

// A stream that is longer than drain gets one error event and no end; a client that reads nothing cannot hold the stop up.
func TestStopCutsAfterDrain(t *testing.T) {
	t.Parallel()
	fake, url := simulated(t, models("long", "deaf"))
	fake.Script("long", tale(1000, 50*time.Millisecond))
	endless := tale(1000, 0)
	endless.Text = strings.Repeat(strings.Repeat("word", 5000)+" ", endless.Chunks)
	fake.Script("deaf", endless)
	f := start(t, chain(url, "drain: 300ms\n", "long", "deaf"))
	deaf := f.leaver(strings.Replace(streamBody, "auto", "deaf", 1))
	defer deaf.Close()
	_ = deaf.(*net.TCPConn).SetReadBuffer(4096)
	var running sync.WaitGroup
	before := f.heads.Load()
	running.Go(func() {
		got := f.chat(streamBody)
		events := got.events()
		if got.err != nil || len(events) < 2 || strings.Count(got.body, `"error"`) != 1 || !strings.HasPrefix(events[len(events)-1], `{"error":`) || !strings.Contains(got.problem().Message, "stopping") {
			t.Errorf("%v: %s", got.err, got.body)
		}
	})
	f.until(callBound, "the long answer to begin", func() bool { return f.heads.Load() > before })
	if _, err := io.ReadFull(deaf, make([]byte, 12)); err != nil { // its answer has begun, too
		t.Fatal(err)
	}
	began := time.Now()
	if code := f.stop(); code != 0 {
		t.Errorf("ended with %d", code)
	}
	running.Wait()
	if took := time.Since(began); took < 300*time.Millisecond || took > 20*time.Second { // the long answer alone would take 50 s
		t.Errorf("took %v", took)
	}
	if !strings.Contains(f.log(), "the last answers were cut") {
		t.Error("the log does not say that answers were cut")
	}
}

// The unit that is shipped gives a stop the time it takes, starts a program with flags that there are, and keeps its files where the docs say.
func TestUnitFitsTheProgram(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join("..", "..", "examples", "freefall.service"))
	if err != nil {
		t.Fatal(err)
	}
	unit := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			unit[name] = value
		}
	}
	c, err := config.Load(config.Options{Dir: t.TempDir(), Known: known()})
	if err != nil {
		t.Fatal(err)
	}
	if bound, err := time.ParseDuration(unit["TimeoutStopSec"] + "s"); err != nil || bound < c.Drain+5*time.Second {
		t.Errorf("TimeoutStopSec=%s, and drain is %v", unit["TimeoutStopSec"], c.Drain)
	}
	if unit["KillSignal"] != "SIGTERM" || unit["ExecReload"] != "/bin/kill -HUP $MAINPID" {
		t.Errorf("%q %q", unit["KillSignal"], unit["ExecReload"])
	}
	words := strings.Fields(unit["ExecStart"])
	cmd, flags, err := rootCommand().Find(words[1:])
	if err != nil || cmd.Name() != "serve" {
		t.Fatalf("%v: %v", words, err)
	}
	if err := cmd.ParseFlags(flags); err != nil {
		t.Error(err)
	}
	_, said, _ := strings.Cut(prose(t, filepath.Join("..", "..", "docs", "operating.md")), "\n## systemd\n")
	said, _, _ = strings.Cut(said, "\n## ")
	for _, place := range []string{strings.TrimPrefix(unit["EnvironmentFile"], "-"), "/var/lib/" + unit["StateDirectory"], "/var/log/" + unit["LogsDirectory"]} {
		if !strings.Contains(said, place) {
			t.Errorf("docs/operating.md does not name %s:\n%s", place, said)
		}
	}
}
