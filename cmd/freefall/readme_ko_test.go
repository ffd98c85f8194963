package main

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// The README in Korean shows what the one in English shows: the same commands and transcripts, headers, pages and pictures, in as
// many parts.
func TestReadmeInKorean(t *testing.T) {
	b, err := os.ReadFile("../../README.ko.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, pattern := range map[string]string{
		"blocks":   "(?ms)^```\\w+\n.*?^```$",
		"pictures": `(?:src|srcset)="([^"]+)"`,
		"parts":    `(?m)^(##) `,
		"promises": `(?m)^(- \*\*)`,
		"pages":    `\]\((docs/[^)]+|models\.yaml)\)`,
		"headers":  "(?m)^\\| (`[^|]+) \\|",
	} {
		want, got := found(pattern, readme(t)), found(pattern, string(b))
		if len(want) == 0 || !slices.Equal(want, got) {
			t.Errorf("%s: in English\n%q\nin Korean\n%q", name, want, got)
		}
	}
}

// found is each place of a pattern: its group, or all of it.
func found(pattern, text string) (all []string) {
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		all = append(all, m[len(m)-1])
	}
	return all
}
