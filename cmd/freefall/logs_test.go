package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
)

// The file is put aside when it has grown large; five old ones are kept, with all that was written to them.
func TestLogFileIsTurned(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "logs", "app.log")
	file, err := openLogFile(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	log := gather(file)
	const lines, length = 8 << 10, 1 << 10 // eight times what a file holds
	for n := range lines {
		fmt.Fprintf(log, "%0*d\n", length-1, n)
	}
	log.flush()
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "logs", "*"))
	if err != nil || len(files) != 1+logBackups {
		t.Fatalf("%d files, want the one in use and %d old ones: %v", len(files), logBackups, err)
	}
	slices.SortFunc(files, func(a, b string) int { // by what they hold
		return bytes.Compare(head(t, a, length), head(t, b, length))
	})
	if files[len(files)-1] != path {
		t.Errorf("the newest lines are in %s", files[len(files)-1])
	}
	next := -1
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil || len(text) > 1<<20 {
			t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
		for line := range strings.Lines(string(text)) {
			var n int
			if _, err := fmt.Sscanf(line, "%d", &n); err != nil || len(line) != length || next >= 0 && n != next {
				t.Fatalf("%s: %.30q where line %d was due", name, line, next)
			}
			next = n + 1
		}
		if info, err := os.Stat(name); err != nil || info.Mode().Perm()&0o007 != 0 {
			t.Errorf("%s can be read by all: %v, %v", name, info.Mode(), err)
		}
	}
	if next != lines {
		t.Errorf("the last line is %d of %d", next, lines)
	}
	page, err := os.ReadFile("../../docs/operating.md")
	if want := fmt.Sprintf("turned at %d MB, five old ones", logMegabytes); err != nil || logBackups != 5 || !strings.Contains(string(page), want) {
		t.Errorf("docs/operating.md does not say %q: %v", want, err)
	}
}

// What logrotate does: the file gets another name, and then a SIGHUP.
func TestLogFileIsOpenedAnew(t *testing.T) {
	f := start(t, "providers: {p: {base_url: \"http://127.0.0.1:9/v1\"}}\nmodels: [{id: a}]\n")
	path, aside := filepath.Join(f.dir, "logs", "app.log"), filepath.Join(f.dir, "logs", "app.log.1")
	holds := func(name, text string) func() bool {
		return func() bool {
			b, err := os.ReadFile(name)
			return err == nil && strings.Contains(string(b), text)
		}
	}
	f.until(callBound, "the first line", holds(path, "freefall serves"))
	if err := os.Rename(path, aside); err != nil {
		t.Fatal(err)
	}
	f.signal(syscall.SIGHUP)
	f.until(callBound, "a new file", func() bool { _, err := os.Stat(path); return err == nil })
	f.signal(syscall.SIGHUP)
	f.until(callBound, "a line in it", holds(path, "Configuration reloaded"))
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	f.signal(syscall.SIGHUP)
	f.until(callBound, "its folder, and a line", holds(path, "Configuration reloaded"))
	elsewhere := filepath.Join(f.dir, "elsewhere")
	if err := os.Rename(filepath.Dir(path), elsewhere); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Dir(path), "a file where the folder was")
	f.signal(syscall.SIGHUP)
	const told = "cannot be opened anew"
	f.until(callBound, "a word that it cannot be", func() bool { return strings.Contains(f.stderr.String(), told) })
	f.until(callBound, "that word where lines went before", holds(filepath.Join(elsewhere, "app.log"), told))
}

func head(t *testing.T, path string, n int) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil || len(text) < n {
		t.Fatalf("%s: %d bytes, %v", path, len(text), err)
	}
	return text[:n]
}

// The log of the program sums up storms, and its end tells the last sum.
func TestLogSumsUpStorms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out output
		log, end := newLog(&out)
		for range 500 {
			log.Warn().Msg("Rate limit on a. Switching from a to b")
		}
		end()
		if n := strings.Count(out.String(), `"message":"Rate limit on a. Switching from a to b"`); n != stormLines || !strings.Contains(out.String(), "(and 490 more times") {
			t.Errorf("%d lines, and at the end:\n%s", n, out.String()[max(0, len(out.String())-200):])
		}
	})
}

// The admin's word brings lines that were not written before, and takes them away again.
func TestDebugAtRunTime(t *testing.T) {
	t.Parallel()
	_, url := simulated(t, models("a"))
	f := start(t, fmt.Sprintf(`
providers: {p: {base_url: %q, keys: [%q]}}
models: [{id: a, limits: {windows: [{requests: 1, per: 1s}]}}]
`, url, providerKey))
	for _, level := range []string{"info", "debug", "info"} {
		if got := f.do("POST", "/api/log/level", `{"level":"`+level+`"}`); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
		for range 2 { // one of two within a second waits for the window
			f.want(f.chat(plainBody), 200, "a=ok")
		}
	}
	f.stop()
	told := map[string]int{}
	level := ""
	for line := range strings.Lines(f.log()) {
		if _, now, said := strings.Cut(line, "The log level is now "); said {
			level = now[:strings.IndexByte(now, '"')]
			told[level] += 0
		}
		if strings.Contains(line, "Waits for a limit to end") {
			told[level]++
		}
	}
	if len(told) != 2 || told["debug"] == 0 || told["info"] != 0 {
		t.Errorf("waits are told so often: %v\n%s", told, f.log())
	}
}
