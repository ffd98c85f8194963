package proxy

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const traps = 30

var (
	trapRow  = regexp.MustCompile(`(?m)^\| (\d+) \|.*\| ([a-z, ]*) \|$`)
	testName = regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")
	testFunc = regexp.MustCompile(`(?ms)^func ((?:Test|Fuzz)\w+)\(.*?^}$`)
)

// The table of traps in docs/design.md lists each once, with tests that exist, and where the first of them is run.
func TestTrapsAreHeld(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "docs", "design.md"))
	if err != nil {
		t.Fatal(err)
	}
	known := allTests(t)
	_, section, _ := strings.Cut(string(doc), "\n## Traps\n")
	section, _, _ = strings.Cut(section, "\n## ")
	seen := map[int]bool{}
	for _, row := range trapRow.FindAllStringSubmatch(section, -1) {
		n, _ := strconv.Atoi(row[1])
		if seen[n] {
			t.Errorf("trap %d is listed twice", n)
		}
		seen[n] = true
		names := testName.FindAllStringSubmatch(row[0], -1)
		if len(names) == 0 {
			t.Errorf("trap %d is held by no test", n)
		}
		for _, name := range names {
			if known[name[1]] == "" {
				t.Errorf("trap %d: there is no %s", n, name[1])
			}
		}
		if len(names) > 0 && row[2] != worlds(known[names[0][1]]) {
			t.Errorf("trap %d: %s is run in %q, not in %q", n, names[0][1], worlds(known[names[0][1]]), row[2])
		}
	}
	for n := 1; n <= traps; n++ {
		if !seen[n] {
			t.Errorf("trap %d is not listed", n)
		}
	}
	if len(seen) != traps {
		t.Errorf("%d traps are listed", len(seen))
	}
}

// worlds says where a test is run, by the helpers that its source calls.
func worlds(source string) string {
	switch {
	case strings.Contains(source, "eachWorld(t, "):
		return "memory, sockets"
	case strings.Contains(source, "inMemory(t, "), strings.Contains(source, "inBubble(t, "), strings.Contains(source, "synctest.Test(t, "):
		return "memory"
	case strings.Contains(source, "overSockets(t, "), strings.Contains(source, "onSockets(t, "):
		return "sockets"
	}
	return ""
}

// allTests are the sources of all tests of the module, by their names.
func allTests(t *testing.T) map[string]string {
	t.Helper()
	sources := map[string]string{}
	for _, room := range []string{"proxy", "internal", "fallback", "cmd"} {
		err := filepath.WalkDir(filepath.Join("..", room), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			src, err := os.ReadFile(path)
			for _, m := range testFunc.FindAllSubmatch(src, -1) {
				sources[string(m[1])] = string(m[0])
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return sources
}
