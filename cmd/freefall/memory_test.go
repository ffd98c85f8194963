package main

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"
)

func TestGroupMemory(t *testing.T) {
	for name, c := range map[string]struct {
		groups string
		files  map[string]string
		want   int64
	}{
		"version 2":         {"0::/a/b\n", map[string]string{"a/b/memory.max": "536870912\n"}, 512 << 20},
		"the group around":  {"0::/a/b\n", map[string]string{"a/b/memory.max": "max\n", "a/memory.max": "1000000\n"}, 1000000},
		"the smaller":       {"0::/a\n", map[string]string{"memory.max": "3000\n", "a/memory.max": "2000\n"}, 2000},
		"a container":       {"0::/\n", map[string]string{"memory.max": "4096\n"}, 4096},
		"version 1":         {"5:cpu:/x\n4:memory:/d\n", map[string]string{"memory/d/memory.limit_in_bytes": "7000\n", "memory.max": "1\n"}, 7000},
		"version 1, none":   {"4:memory:/\n", map[string]string{"memory/memory.limit_in_bytes": "9223372036854771712\n"}, math.MaxInt64},
		"none":              {"0::/a\n", map[string]string{"a/memory.max": "max\n"}, math.MaxInt64},
		"no file":           {"0::/a\n", nil, math.MaxInt64},
		"out of the groups": {"0::/../../a\n", map[string]string{"memory.max": "5000\n"}, 5000},
		"nonsense":          {"memory\n0::/a", map[string]string{"a/memory.max": "-5"}, math.MaxInt64},
	} {
		root := t.TempDir()
		for path, text := range c.files {
			path = filepath.Join(root, path)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := groupMemory(root, c.groups); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// Who sets GOMEMLIMIT has decided.
func TestBoundMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "memory.max"), []byte("8589934592\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for env, want := range map[string]int64{"off": before, "": 8589934592 / 10 * 9} {
		debug.SetMemoryLimit(before)
		t.Setenv("GOMEMLIMIT", env)
		boundMemoryTo(root, "0::/\n")
		if now := debug.SetMemoryLimit(-1); now != want {
			t.Errorf("GOMEMLIMIT=%s: %d, want %d", env, now, want)
		}
	}
}

// Collections are rarer than every few megabytes, and who sets GOGC has decided.
func TestSeldomCollect(t *testing.T) {
	defer func() { ballast = nil; runtime.GC() }()
	for env, want := range map[string]bool{"100": false, "": true} {
		ballast = nil
		t.Setenv("GOGC", env)
		seldomCollect()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if got := m.NextGC >= 2*ballastSize; got != want {
			t.Errorf("GOGC=%s: the next collection is at %d bytes", env, m.NextGC)
		}
	}
}
