//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// function is one of the product, by its receiver, and what it does where it is muted.
type function struct{ dir, receiver, name, does string }

// books are where the path of a request enters itself into the journal, the metrics and the history. No option of freefall leaves
// these out, so what they cost is told by a freefall in which they return at once.
var books = []function{
	{"proxy", "journal", "add", "records.Put(r);"},
	{"proxy", "record", "attempt", ""},
	{"proxy", "record", "close", ""},
	{"proxy", "metrics", "request", ""},
	{"proxy", "metrics", "client", ""},
	{"proxy", "metrics", "first", ""},
	{"proxy", "metrics", "attempt", ""},
	{"proxy", "spenders", "add", ""},
	{"internal/store", "Store", "Count", ""},
}

// mute gives the sources below root in which these functions return at once, by their paths.
func mute(root string, functions []function) (map[string]string, error) {
	files := map[string]string{}
	for _, f := range functions {
		if err := f.mute(root, files); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// mute changes the text of the file that the function is in.
func (f function) mute(root string, files map[string]string) error {
	paths, err := filepath.Glob(filepath.Join(root, f.dir, "*.go"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		text, known := files[path]
		if !known {
			read, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text = string(read)
		}
		at, err := f.body(path, text)
		if err != nil {
			return err
		}
		if at > 0 {
			files[path] = text[:at] + " " + f.does + " return; " + text[at:]
			return nil
		}
	}
	return fmt.Errorf("%s has no %s.%s without results: it cannot be left out", f.dir, f.receiver, f.name)
}

// body is where the function's body begins, 0 if it is not in this file.
func (f function) body(path, text string) (int, error) {
	if strings.HasSuffix(path, "_test.go") {
		return 0, nil
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, text, parser.SkipObjectResolution)
	if err != nil {
		return 0, err
	}
	at := slices.IndexFunc(file.Decls, func(d ast.Decl) bool {
		fn, ok := d.(*ast.FuncDecl)
		return ok && fn.Name.Name == f.name && fn.Recv != nil && fn.Type.Results == nil && strings.TrimPrefix(text[files.Position(fn.Recv.List[0].Type.Pos()).Offset:files.Position(fn.Recv.List[0].Type.End()).Offset], "*") == f.receiver
	})
	if at < 0 {
		return 0, nil
	}
	return files.Position(file.Decls[at].(*ast.FuncDecl).Body.Lbrace).Offset + 1, nil
}

// muted builds a freefall of the tree in the working folder that keeps no books. It must be the tree that the other one is of.
func (b *bench) muted() (string, error) {
	root, err := os.Getwd()
	if err != nil {
		return "", err
	}
	files, err := mute(root, books)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(b.dir, "muted-")
	if err != nil {
		return "", err
	}
	var overlay struct{ Replace map[string]string }
	overlay.Replace = map[string]string{}
	for path, text := range files {
		if overlay.Replace[path], err = written(dir, strings.ReplaceAll(strings.TrimPrefix(path, root+"/"), "/", "-"), text); err != nil {
			return "", err
		}
	}
	list, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	at, err := written(dir, "overlay.json", string(list))
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(b.ctx, b.within)
	defer cancel()
	binary := filepath.Join(dir, "freefall")
	if out, err := exec.CommandContext(ctx, "go", "build", "-trimpath", "-overlay", at, "-o", binary, "./cmd/freefall").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building a freefall without books: %w\n%s", err, out)
	}
	if firstLine(binary, "version") != firstLine(b.binary, "version") {
		return "", errors.New(b.binary + " is not of this tree; make build makes one")
	}
	return binary, nil
}
