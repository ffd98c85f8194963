package config

import (
	"os"
	"path/filepath"
	"testing"
)

// Each change must be seen, once, after the second look that finds it; and nothing else may be.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, name string) { // as the kubelet turns ..data
		t.Helper()
		must(os.Symlink(to, at("..new")))
		must(os.Rename(at("..new"), at(name)))
	}
	w := Options{Dir: dir}.Watch()
	for _, step := range []struct {
		what string
		do   func()
		seen bool
	}{
		{"nothing", func() {}, false},
		{"a file where there was none", func() { put(fileName, "one") }, true},
		{"written in place", func() { put(fileName, "two") }, true},
		{"the same written again", func() { put(fileName, "two") }, false},
		{"an editor's rename", func() { put("models.yaml~", "six"); must(os.Rename(at("models.yaml~"), at(fileName))) }, true},
		{"a .env beside it", func() { put(".env", "A=1") }, true},
		{"another .env", func() { put(".env", "A=2") }, true},
		{"no .env", func() { must(os.Remove(at(".env"))) }, true},
		{"something else", func() { put("notes.txt", "hello") }, false},
		{"the file is gone", func() { must(os.Remove(at(fileName))) }, true},
		{"a mounted folder", func() {
			must(os.Mkdir(at("v1"), 0o700))
			must(os.Mkdir(at("v2"), 0o700))
			put("v1/models.yaml", "one")
			put("v2/models.yaml", "two")
			link("v1", "..data")
			link("..data/models.yaml", fileName)
		}, true},
		{"turned", func() { link("v2", "..data") }, true},
		{"turned to the same content", func() { put("v1/models.yaml", "two"); link("v1", "..data") }, false},
		{"a .env that names another file", func() { put("other.yaml", "two"); put(".env", "FREEFALL_CONFIG="+at("other.yaml")) }, true},
		{"that file", func() { put("other.yaml", "three") }, true},
		{"a .env that names a file elsewhere", func() {
			must(os.Mkdir(at("far"), 0o700))
			put("far/models.yaml", "three")
			put(".env", "FREEFALL_CONFIG="+at("far/models.yaml"))
		}, true},
		{"a .env beside it", func() { put("far/.env", "B=1") }, true},
		{"the file that is not read now", func() { put(fileName, "nine") }, false},
	} {
		step.do()
		if w.Changed() {
			t.Errorf("%s: taken at the first look", step.what)
		}
		if got := w.Changed(); got != step.seen {
			t.Errorf("%s: seen %v", step.what, got)
		}
		if w.Changed() {
			t.Errorf("%s: seen twice", step.what)
		}
	}
}

// What is still being written is left alone, however long it takes; what is put back was no change.
func TestWatchWaitsForTheEnd(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "some.yaml")
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("whole")
	w := Options{Dir: dir, Path: path}.Watch()
	for _, text := range []string{"", "h", "ha", "hal", "half"} {
		put(text)
		if w.Changed() {
			t.Errorf("taken at %q", text)
		}
	}
	put("whole")
	if w.Changed() || w.Changed() {
		t.Error("the old content is no news")
	}
	put("new")
	if w.Changed() {
		t.Error("taken at the first look")
	}
	w.Take() // somebody has read it by another way
	if w.Changed() || w.Changed() {
		t.Error("what was taken is no news")
	}
}
