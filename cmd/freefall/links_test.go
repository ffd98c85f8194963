package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	fences    = regexp.MustCompile("(?ms)^```.*?^```$")
	headings  = regexp.MustCompile(`(?m)^#+ (.+)$`)
	links     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	unlinking = regexp.MustCompile(`[^\p{L}\p{N} _-]`) // what GitHub leaves out of an anchor
)

// prose is a page without its samples.
func prose(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return fences.ReplaceAllString(string(text), "")
}

// anchors are what can be linked to in a page.
func anchors(t *testing.T, page string) (all []string) {
	t.Helper()
	for _, h := range headings.FindAllStringSubmatch(prose(t, page), -1) {
		all = append(all, strings.ReplaceAll(unlinking.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-"))
	}
	return all
}

// Each link within the repository leads to a file, and to one heading of it.
func TestLinksOfThePages(t *testing.T) {
	pages, _ := filepath.Glob("../../*.md")
	docs, _ := filepath.Glob("../../docs/*.md")
	if pages = append(pages, docs...); len(pages) < 10 {
		t.Fatalf("only %v", pages)
	}
	for _, page := range pages {
		for _, link := range links.FindAllStringSubmatch(prose(t, page), -1) {
			path, anchor, has := strings.Cut(link[1], "#")
			if strings.Contains(path, "://") {
				continue
			}
			target := page
			if path != "" {
				target = filepath.Join(filepath.Dir(page), path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %v", page, err)
			} else if has && !slices.Contains(anchors(t, target), anchor) {
				t.Errorf("%s: %s has no heading for #%s", page, target, anchor)
			}
		}
		if filepath.Base(page) == "CHANGELOG.md" { // where each version has an Added and a Fixed
			continue
		}
		seen := map[string]bool{}
		for _, anchor := range anchors(t, page) {
			if seen[anchor] {
				t.Errorf("%s has two headings for #%s", page, anchor)
			}
			seen[anchor] = true
		}
	}
}
