//go:build unix

// Package test holds what the tests of the other packages are run by.
package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A package is tested once more only when the race detector itself has failed in it, and nothing else anywhere.
func TestOnceMore(t *testing.T) {
	const (
		good = "ok  \tfreefall/a\t1s\n"
		died = "-test.shuffle 3\nThreadSanitizer: CHECK failed: tsan_rtl.cpp:346 \"x\"\nFAIL\tfreefall/b\t2s\n"
		all  = "test -race ./a ./b\n"
	)
	for _, tt := range []struct{ name, first, second, asked string }{
		{"all is well", good, "", all},
		{"the detector fails", good + died + "FAIL\n", good, all + "test -race freefall/b\n"},
		{"it fails twice", died + "FAIL\n", died, all + "test -race freefall/b\n"},
		{"a test has failed before", "--- FAIL: TestX (0.1s)\n" + died + "FAIL\n", good, all},
		{"so has one within a test", "--- FAIL: TestX (0.1s)\n    --- FAIL: TestX/y (0.1s)\n" + died + "FAIL\n", good, all},
		{"there was a race", "WARNING: DATA RACE\n" + died + "FAIL\n", good, all},
		{"a test has failed elsewhere", died + "--- FAIL: TestX (0.1s)\nFAIL\nFAIL\tfreefall/c\t1s\nFAIL\n", good, all},
		{"a test panics", "panic: x\nFAIL\tfreefall/b\t1s\nFAIL\n", good, all},
		{"nothing builds", "FAIL\tfreefall/b [build failed]\nFAIL\n", good, all},
		{"no word why", "FAIL\n", good, all},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			write := func(name, text string, mode os.FileMode) string {
				file := filepath.Join(dir, name)
				if err := os.WriteFile(file, []byte(text), mode); err != nil {
					t.Fatal(err)
				}
				return file
			}
			write("1", tt.first, 0o600)
			write("2", tt.second, 0o600)
			// The n-th call prints the n-th text, and fails if that says so.
			program := write("go", `#!/bin/sh
cd "$(dirname "$0")" && echo "$*" >> asked && cat "$(wc -l < asked | tr -d ' ')" && ! grep -q ^FAIL "$(wc -l < asked | tr -d ' ')"
`, 0o700)
			out, err := exec.Command("./go.sh", program, "test", "-race", "./a", "./b").CombinedOutput()
			asked, _ := os.ReadFile(filepath.Join(dir, "asked"))
			if string(asked) != tt.asked {
				t.Errorf("asked for\n%swant\n%s%s", asked, tt.asked, out)
			}
			last := tt.first
			if strings.Count(tt.asked, "\n") > 1 {
				last = tt.second
			}
			if failed := err != nil; failed != strings.Contains(last, "FAIL") {
				t.Errorf("%v after\n%s", err, out)
			}
		})
	}
}
