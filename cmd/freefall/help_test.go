package main

import (
	"os"
	"testing"

	"freefall/internal/config"
)

// What would help is a key that is missing, of the provider that adds most; never one that could add nothing.
func TestHelp(t *testing.T) {
	const openrouter = "providers: {openrouter: {keys: [k]}, "
	const models = "\nmodels: [{id: a/b:free, provider: openrouter}, "
	for name, tt := range map[string]struct{ file, want string }{
		"none is missing": {"providers: {openrouter: {keys: [k]}}\nmodels: [{id: a/b:free}]", ""},
		"one": {openrouter + `groq: {keys: ["${GROQ_API_KEY}"], free: plan}}` + models + "{id: llama-3.3-70b-versatile, provider: groq}]",
			"a key of groq (GROQ_API_KEY) adds 1,000 a day"},
		"the better": {openrouter + `two: {base_url: "https://two.example/v1", keys: ["${TWO}"], free: plan, limits: {rpd: 7}}, ten: {base_url: "https://ten.example/v1", keys: ["${TEN}"], free: plan, limits: {rpd: 10}}}` +
			models + "{id: x, provider: two}, {id: x, provider: ten}]",
			"a key of ten (TEN) adds 10 a day"},
		"not proven free": {openrouter + `groq: {keys: ["${GROQ_API_KEY}"]}}` + models + "{id: llama-3.3-70b-versatile, provider: groq}]", ""},
		"no model of it":  {openrouter + `groq: {keys: ["${GROQ_API_KEY}"], free: plan}}` + "\nmodels: [{id: a/b:free, provider: openrouter}]", ""},
		"nobody knows":    {openrouter + `x: {base_url: "https://x.example/v1", keys: ["${X}"], free: plan}}` + models + "{id: x, provider: x}]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := t.TempDir() + "/models.yaml"
			if err := os.WriteFile(file, []byte(tt.file), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := load(config.Options{Path: file})
			if err != nil {
				t.Fatal(err)
			}
			if got := build(c).settings.Help; got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}
