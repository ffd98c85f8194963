//go:build linux

package main

import (
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Whoever renames what keeps the books tells the bench.
func TestMute(t *testing.T) {
	root := filepath.Join("..", "..")
	files, err := mute(root, books)
	if err != nil {
		t.Fatal(err)
	}
	returns := 0
	for path, text := range files {
		if _, err := parser.ParseFile(token.NewFileSet(), path, text, 0); err != nil {
			t.Error(err)
		}
		returns += strings.Count(text, "{ records.Put(r); return; ") + strings.Count(text, "{  return; ")
	}
	if returns != len(books) {
		t.Errorf("%d functions return at once in %v", returns, slices.Collect(maps.Keys(files)))
	}
	for _, f := range []function{{"proxy", "journal", "none", ""}, {"proxy", "none", "add", ""}, {"proxy", "journal", "newest", ""}} {
		if _, err := mute(root, []function{f}); err == nil || !strings.Contains(err.Error(), f.name) {
			t.Errorf("%v: %v", f, err)
		}
	}
}
