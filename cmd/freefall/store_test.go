package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"freefall/internal/fakellm"
)

// anHour is a limit that ends in an hour, by the provider's word.
var anHour = fakellm.Raw(429, map[string]string{"content-type": "application/json", "retry-after": "3600"},
	`{"error":{"message":"Rate limit exceeded","code":429}}`).Forever()

// value is a line of /metrics, "" if there is none.
func (f *program) value(name string) string {
	f.t.Helper()
	for line := range strings.Lines(f.get("/metrics").body) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// A kill takes a second at most from what freefall knows, a stop nothing.
func TestStateOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(f *program) int{
		"killed": func(f *program) int {
			time.Sleep(1200 * time.Millisecond)
			f.signal(syscall.SIGKILL)
			return f.wait() + 1 // a killed process has code -1
		},
		"stopped": (*program).stop,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, url := simulated(t, models("a", "b"))
			fake.Script("a", anHour)
			f := start(t, chain(url, "", "a", "b"))
			f.want(f.chat(plainBody), 200, "a=rate_limited; b=ok")
			before, past := f.row("a"), f.get("/api/chat/history").body
			if strings.Count(past, `"attempts":1,`) != 4 || // in their hour, and in the sums
				!strings.Contains(past, `"fallovers":1,`) {
				t.Errorf("the history is %s", past)
			}
			if code := end(f); code != 0 {
				t.Fatalf("ended with %d", code)
			}

			f = startIn(t, f.dir)
			if after := f.row("a"); after.Available || after.FailureCount != 1 || after.Reason != before.Reason || after.AvailableAt != before.AvailableAt || after.LastError != before.LastError {
				t.Errorf("before %+v\nafter %+v", before, after)
			}
			if after := f.get("/api/chat/history").body; after != past {
				t.Errorf("the history was %s\nand is %s", past, after)
			}
			f.want(f.chat(plainBody), 200, "b=ok")
			if n := fake.Hits("a"); n != 1 {
				t.Errorf("the resting model was asked %d times", n)
			}
			if v := f.value("freefall_store_writable"); v != "1" {
				t.Errorf("freefall_store_writable %q", v)
			}
			info, err := os.Stat(filepath.Join(f.dir, "data"))
			if err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("the folder: %v, %v", info, err)
			}
		})
	}
}

// Two processes never share a folder: the second says so, and serves all the same.
func TestSecondProcessInOneFolder(t *testing.T) {
	t.Parallel()
	fake, url := simulated(t, models("a", "b"))
	fake.Script("a", anHour)
	first := start(t, chain(url, "", "a", "b"))
	second := startIn(t, first.dir)
	dir, err := filepath.EvalSymlinks(filepath.Join(first.dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	if text := second.stderr.String(); strings.Count(text, "the folder "+dir+" is in use by another freefall") != 1 {
		t.Errorf("the second wrote:\n%s", text)
	}
	second.want(second.chat(plainBody), 200, "a=rate_limited; b=ok")
	if one, two := first.value("freefall_store_writable"), second.value("freefall_store_writable"); one != "1" || two != "0" {
		t.Errorf("freefall_store_writable: %q and %q", one, two)
	}
	first.want(first.chat(plainBody), 200, "a=rate_limited; b=ok")
	first.until(callBound, "the first to write", func() bool { return first.value("freefall_store_writes_total") != "0" })
	if at := first.value("freefall_store_last_write_timestamp_seconds"); !strings.HasPrefix(at, "1.") {
		t.Errorf("last write at %q", at)
	}
}

// A file that is none of freefall's does not keep it from serving, and is not lost.
func TestSpoiltStateIsSetAside(t *testing.T) {
	t.Parallel()
	_, url := simulated(t, models("a"))
	dir := t.TempDir()
	write(t, filepath.Join(dir, "models.yaml"), chain(url, "", "a"))
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "data", "freefall.db"), strings.Repeat("my diary\n", 200))
	f := startIn(t, dir)
	f.want(f.chat(plainBody), 200, "a=ok")
	if !strings.Contains(f.stderr.String(), "The state file is damaged; it was set aside as freefall.db.corrupt-") {
		t.Errorf("it wrote:\n%s", f.stderr)
	}
	aside, err := filepath.Glob(filepath.Join(dir, "data", "freefall.db.corrupt-*Z"))
	if err != nil || len(aside) != 1 {
		t.Fatal(aside, err)
	}
	if b, err := os.ReadFile(aside[0]); err != nil || !strings.HasPrefix(string(b), "my diary") {
		t.Errorf("%.40s, %v", b, err)
	}
}

// Without a folder nothing is written, nobody is warned, and there is no gauge to alarm anybody; a folder that cannot be has
// both.
func TestStateInMemory(t *testing.T) {
	t.Parallel()
	_, url := simulated(t, models("a"))
	for line, gauge := range map[string]string{`data_dir: ""`: "", "data_dir: models.yaml/data": "0"} {
		f := start(t, chain(url, line+"\nlog: {file: \"\"}\n", "a"))
		f.want(f.chat(plainBody), 200, "a=ok")
		if past := f.get("/api/chat/history").body; !strings.Contains(past, `"answers":1,`) {
			t.Errorf("%s: the history is %s", line, past)
		}
		if v := f.value("freefall_store_writable"); v != gauge {
			t.Errorf("%s: freefall_store_writable %q", line, v)
		}
		if warned := strings.Contains(f.stderr.String(), "kept in memory only"); warned != (gauge == "0") {
			t.Errorf("%s: it wrote\n%s", line, f.stderr)
		}
		if entries, _ := os.ReadDir(f.dir); len(entries) != 1 {
			t.Errorf("%s: the folder holds %v", line, entries)
		}
	}
}
