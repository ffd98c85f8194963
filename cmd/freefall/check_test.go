package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"freefall/internal/config"
)

var updateCheck = flag.Bool("update-check", false, "write the golden files of check anew")

// checked gives what check prints about a config at 19:48 UTC.
func checked(t *testing.T, o config.Options) string {
	t.Helper()
	o.Known = known()
	c, err := config.Load(o)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := check(&out, c, time.Date(2026, 11, 22, 19, 48, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestCheckPrints(t *testing.T) {
	several := checked(t, config.Options{Path: "testdata/check/several.yaml", Listen: "127.0.0.1:9000", Env: []string{
		"OPENROUTER_API_KEY=sk-or-v1-0123456789abcdef", "DEFAULT_MODEL=qwen3:8b", "LOG_LEVEL=debug", "FREEFALL_ADMIN_KEY=admin-0123456789"}})
	goldenCheck(t, "testdata/check/several.txt", several)
	if strings.Contains(several, "0123456789") || strings.Contains(several, "abcdefgh") {
		t.Error("shows a key")
	}
}

func TestCheckWithoutAFile(t *testing.T) {
	want, err := os.ReadFile("testdata/check/built-in.txt")
	if err != nil && !*updateCheck {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	got := checked(t, config.Options{Env: []string{"GROQ_API_KEY=gsk-0123456789abcdef"}})
	t.Chdir(here)
	if *updateCheck {
		goldenCheck(t, "testdata/check/built-in.txt", got)
		return
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

func goldenCheck(t *testing.T, file, got string) {
	t.Helper()
	if *updateCheck {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestCheckEndsWithTwoOnMistakes(t *testing.T) {
	_, err := load(config.Options{Path: "testdata/check/mistakes.yaml"})
	var exit exitError
	if !errors.As(err, &exit) || exit.code != 2 {
		t.Fatalf("got %v", err)
	}
	var mistakes config.Mistakes
	if !errors.As(err, &mistakes) || len(mistakes) != 2 {
		t.Errorf("mistakes: %v", err)
	}
}

// A file that wants privacy shows whom that excludes, and why.
func TestCheckShowsWhoMayTrain(t *testing.T) {
	file := t.TempDir() + "/models.yaml"
	write(t, file, `
privacy: no_train
providers: {openrouter: {keys: [k]}, groq: {keys: [k], free: plan}, nvidia: {keys: [k], free: plan}}
models: [{id: a/b:free, provider: openrouter}, {id: llama, provider: groq}, {id: m, provider: nvidia}]`)
	text := strings.Join(strings.Fields(checked(t, config.Options{Path: file})), " ")
	for _, want := range []string{
		"The chain, in order 1 llama groq plain plan, your word Skipped",
		"a/b:free at openrouter: may_train, privacy is no_train, and openrouter may train on what it gets",
		"m at nvidia: may_train, privacy is no_train, and nobody says whether nvidia trains on what it gets",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("check does not say %q:\n%s", want, text)
		}
	}
}

func TestBudget(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"two providers", `
providers: {openrouter: {keys: [k]}, groq: {keys: [k], free: plan}}
models:
  - {id: a/b:free, provider: openrouter, supports_tools: true}
  - {id: a/c:free, provider: openrouter}
  - {id: llama-3.3-70b-versatile, provider: groq, supports_tools: true}`,
			"today 50 + 1,000 = 1,050 requests, 1,050 with tools; openrouter resets in 4 h 12 m; groq fills again all day"},
		{"rolling", `
providers: {groq: {keys: [k], free: plan, model_limits: {rpd: 7, day_resets: rolling}}}
models: [{id: llama}]`,
			"today 7 requests, 0 with tools; groq counts the last 24 h"},
		{"what may train is not asked", `
privacy: no_train
providers: {openrouter: {keys: [k]}, cerebras: {keys: [k], free: plan}, nvidia: {keys: [k], free: plan, model_limits: {rpd: 9}}}
models: [{id: a/b:free, provider: openrouter}, {id: gpt-oss-120b, provider: cerebras}, {id: m, provider: nvidia}]`,
			"today 14,400 requests, 0 with tools; cerebras fills again all day"},
		{"accounts count, not keys", `
providers: {openrouter: {keys: [{key: k1, account: a}, {key: k2, account: a}, k3]}}
models: [{id: a/b:free}]`,
			"today 100 requests, 0 with tools; openrouter resets in 4 h 12 m"},
		{"an account in two entries counts once", `
providers: {openrouter: {keys: [k1]}, again: {base_url: "https://openrouter.ai/api/v1", keys: [k1]}}
models: [{id: a/b:free, provider: openrouter}, {id: a/b:free, provider: again}]`,
			"today 50 requests, 0 with tools; openrouter resets in 4 h 12 m"},
		{"the file's limits", `
providers: {openrouter: {keys: [k], limits: {rpd: 1000, day_resets: "19:50 UTC"}, model_limits: {rpd: 30}}}
models: [{id: a/b:free, supports_tools: true}, {id: a/c:free, limits: {rpd: 5}}]`,
			"today 35 requests, 30 with tools; openrouter resets in 2 m"},
		{"none is unknown", `
providers: {openrouter: {keys: [k], limits: none}}
models: [{id: a/b:free}]`,
			"openrouter states no day limit"},
		{"local", `
providers: {home: {base_url: "http://127.0.0.1:8080/v1"}}
models: [{id: qwen, supports_tools: true}]`,
			"home has no limit"},
		{"nothing callable", `
providers: {groq: {keys: [k]}}
models: [{id: qwen}]`,
			"today 0 requests"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := t.TempDir() + "/models.yaml"
			if err := os.WriteFile(file, []byte(tt.file), 0o600); err != nil {
				t.Fatal(err)
			}
			_, budget, _ := strings.Cut(checked(t, config.Options{Path: file}), "\nBudget: ")
			if got := strings.Join(strings.Fields(budget), " "); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// What comes from a variable may hold anything; a terminal gets none of it.
func TestCheckSteersNoTerminal(t *testing.T) {
	file := t.TempDir() + "/models.yaml"
	if err := os.WriteFile(file, []byte("models: [{id: a/b:free}]\ndata_dir: \"\\e[2J\\u202ex\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := checked(t, config.Options{Path: file, Env: []string{"LOG_FILE=\x1b]0;owned\a"}})
	if strings.ContainsAny(out, "\x1b\a\u202e") {
		t.Errorf("%q", out)
	}
}

func TestSchemaCommandPrintsTheSchema(t *testing.T) {
	cmd := schemaCommand()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetArgs([]string{})
	if err := cmd.Execute(); err != nil || !bytes.Equal(out.Bytes(), config.Schema) {
		t.Errorf("%v, %d bytes", err, out.Len())
	}
}
