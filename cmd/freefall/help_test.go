package main

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/rs/zerolog"

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

// Who has no key at all is told which to set, and who has one that nobody may use how to say that it is free.
func TestNoKeyAdvice(t *testing.T) {
	const openrouter = "set OPENROUTER_API_KEY in .env, or in the environment and start again"
	for _, tt := range []struct {
		name, want, log string
		env             []string
	}{
		{"nothing", openrouter, "requests get 503: " + openrouter, nil},
		{"a usable key", "", "", []string{"OPENROUTER_API_KEY=k"}},
		{"an unproven key", openrouter + "; or set FREEFALL_FREE_PLAN=groq if the key of groq has no billing",
			"groq is not asked: not proven free: set `free: plan` (or FREEFALL_FREE_PLAN=groq) if this key has no billing" +
				"; no provider has a usable key, requests get 503: " + openrouter + "; or set FREEFALL_FREE_PLAN=groq if the key of groq has no billing",
			[]string{"GROQ_API_KEY=k"}},
		{"two of them", openrouter + "; or set FREEFALL_FREE_PLAN=google,groq if the key of google and groq has no billing", "if the key of google and groq has no billing",
			[]string{"GROQ_API_KEY=k", "GEMINI_API_KEY=k"}},
		{"a word", openrouter, "", []string{"GROQ_API_KEY=k", "FREEFALL_FREE_PLAN=groq"}},
		{"a usable and an unproven one", "set FREEFALL_FREE_PLAN=groq if the key of groq has no billing",
			"groq is not asked: not proven free: set `free: plan` (or FREEFALL_FREE_PLAN=groq) if this key has no billing",
			[]string{"OPENROUTER_API_KEY=k", "GROQ_API_KEY=k"}},
	} {
		c, err := config.Shipped(tt.env, known())
		if err != nil {
			t.Fatal(err)
		}
		if got := build(c).settings.NoKey; got != tt.want {
			t.Errorf("%s:\ngot  %q\nwant %q", tt.name, got, tt.want)
		}
		var lines []string
		warn(zerolog.New(io.Discard).Hook(zerolog.HookFunc(func(_ *zerolog.Event, _ zerolog.Level, text string) { lines = append(lines, text) })), c)
		if got := strings.Join(lines, "; "); tt.log != "" && !strings.HasSuffix(got, tt.log) || tt.log == "" && strings.Contains(got, "503") {
			t.Errorf("%s: logged %q", tt.name, got)
		}
	}
}
