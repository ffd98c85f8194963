package main

import (
	gobuild "go/build"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "freefall/"

// rooms says which of our own packages each package may import. All arrows point to fallback.
var rooms = map[string][]string{
	"fallback":           {},
	"internal/openai":    {"fallback"},
	"internal/config":    {"fallback"},
	"internal/roster":    {"fallback", "internal/openai", "internal/upstream"},
	"internal/upstream":  {},
	"internal/fakellm":   {},
	"internal/shared":    {"fallback"},
	"internal/store":     {"fallback"},
	"internal/dashboard": {},
	"internal/server":    {},
	"proxy":              {"fallback", "internal/dashboard", "internal/openai", "internal/server", "internal/upstream"},
}

func TestRooms(t *testing.T) {
	impure := []string{"net", "net/http", "os", "io", "log", "log/slog", "context", "math/rand", "math/rand/v2"}
	for room, allowed := range rooms {
		pkg, err := gobuild.ImportDir(filepath.Join("..", "..", filepath.FromSlash(room)), 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, imp := range pkg.Imports {
			if own, isOwn := strings.CutPrefix(imp, module); isOwn && !slices.Contains(allowed, own) {
				t.Errorf("%s must not import %s", room, own)
			}
			if room == "fallback" && (strings.Contains(imp, ".") || slices.Contains(impure, imp)) {
				t.Errorf("fallback is pure: it must not import %s", imp)
			}
		}
	}
}

// Every folder with code is a room with arrows of its own, or the program that ties them together.
func TestEveryRoomIsKnown(t *testing.T) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel == "test" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && rel != "." {
				return filepath.SkipDir
			}
			return nil
		}
		room := filepath.ToSlash(filepath.Dir(rel))
		if strings.HasSuffix(rel, ".go") && !strings.HasSuffix(rel, "_test.go") && rooms[room] == nil && room != "cmd/freefall" {
			t.Errorf("%s lies in no room of the plan", rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
