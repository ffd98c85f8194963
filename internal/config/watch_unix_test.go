//go:build unix

package config

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A pipe, as in --config <(...), can be read once: the watch must leave it to Load, and must not wait for a writer.
func TestWatchLeavesPipesAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "pipe")
	for _, name := range []string{path, filepath.Join(dir, ".env")} {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0) // a writer that never blocks
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	w := Options{Dir: dir, Path: path}.Watch()
	if w.Changed() || w.Changed() {
		t.Error("a pipe has changed")
	}
	var b [2]byte
	if n, err := f.Read(b[:]); n != 1 || err != nil {
		t.Errorf("of one byte %d were left: %v", n, err)
	}
}
