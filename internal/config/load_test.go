package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// providersOfTests are a few of the real ones: with a key, with a variable in the URL, without a key.
var providersOfTests = []Known{
	{"openrouter", "https://openrouter.ai/api/v1", []string{"OPENROUTER_API_KEY"}, 0},
	{"groq", "https://api.groq.com/openai/v1", []string{"GROQ_API_KEY"}, 0},
	{"google", "https://generativelanguage.googleapis.com/v1beta/openai", []string{"GEMINI_API_KEY", "GOOGLE_API_KEY"}, 0},
	{"cloudflare", "https://api.cloudflare.com/client/v4/accounts/${CLOUDFLARE_ACCOUNT_ID}/ai/v1", []string{"CLOUDFLARE_API_TOKEN"}, 0},
	{"zai", "https://api.z.ai/api/paas/v4", []string{"ZAI_API_KEY"}, time.Minute},
	{"ollama", "http://localhost:11434/v1", nil, 0},
	{"openai", "https://api.openai.com/v1", nil, 0},
}

func read(b []byte, env ...string) (*Config, error) {
	return parse("models.yaml", b, newEnvironment(env), Options{Known: providersOfTests})
}

func mustRead(t *testing.T, text string, env ...string) *Config {
	t.Helper()
	c, err := read([]byte(text), env...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Each file holds one kind of mistake; beside it stands what a person gets to read.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/mistakes/*.yaml")
	if err != nil || len(files) < 30 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = read(b, "SECRET=hunter2", "OPENROUTER_API_KEY=sk-hunter2")
			if _, ok := errors.AsType[Mistakes](err); !ok {
				t.Fatalf("no mistakes but %v", err)
			}
			if strings.Contains(err.Error(), "hunter") {
				t.Errorf("tells a secret:\n%v", err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", err.Error()+"\n")
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
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

func TestWholeFile(t *testing.T) {
	b, err := os.ReadFile("testdata/good/whole.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := read(b, "OPENROUTER_API_KEY=sk-one, sk-two")
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%d clients, %d keys, %s/%s, hedge %v, body %v, wait %v", len(c.Clients), len(c.Providers[0].Keys),
		c.Providers[0].Keys[1].Account, c.Providers[0].Keys[2].Account, c.Routing.HedgeAfter, c.MaxBody, c.Routing.MaxWait)
	if want := "2 clients, 3 keys, openrouter/#2/openrouter/ana, hedge auto, body 32MiB, wait 0s"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	groq, model := c.Providers[1], c.Models[0]
	if !groq.Limits.None || !groq.ModelLimits.DayResets.Rolling || groq.ModelLimits.Windows[1].Per != 7*24*time.Hour || !groq.Discover.Off {
		t.Errorf("groq: %+v", groq)
	}
	if model.Timeouts != (Timeouts{3 * time.Second, 40 * time.Second, 5 * time.Minute, 30 * time.Second, 0, 2 * time.Minute}) || !model.Never {
		t.Errorf("model: %+v", model)
	}
	if home := c.Providers[2]; !home.Keyless || home.Off != "" {
		t.Errorf("home: %+v", home)
	}
	if c.AllowedOrigins[0] != "https://chat.example.org" || c.AllowedHosts[0] != "llm.example.org" {
		t.Errorf("origins %v, hosts %v", c.AllowedOrigins, c.AllowedHosts)
	}
}

func TestLeastFile(t *testing.T) {
	c := mustRead(t, "models: [{id: a/b:free}]")
	want := defaults()
	if c.Listen != want.Listen || c.Timeouts != want.Timeouts || c.Routing != want.Routing || !c.FreeOnly || c.MaxBody != 32<<20 {
		t.Errorf("not the defaults: %+v", c)
	}
	p := c.Providers[0]
	if p.Name != "openrouter" || p.BaseURL != "https://openrouter.ai/api/v1" || p.Off != "no_key" || !strings.Contains(p.Why, "OPENROUTER_API_KEY") {
		t.Errorf("provider: %+v", p)
	}
	if m := c.Models[0]; m.Provider != "openrouter" || m.Name != "a/b:free" || m.Kind != "chat" || m.Timeouts != want.Timeouts {
		t.Errorf("model: %+v", m)
	}
}

func TestVariables(t *testing.T) {
	b, err := os.ReadFile("testdata/good/variables.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := read(b, "PORT=9100", "CLIENTS=c1-0123456789,c2-0123456789", "KEYS=k1, k2,", "KEYS2=k3,k4", "EMPTY=")
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, k := range c.Providers[0].Keys {
		keys = append(keys, k.Key.Reveal()+"="+k.Account)
	}
	got := []any{c.Listen, c.Drain, c.MaxBody, c.Breaker.Failures, len(c.Clients), c.Log.File, keys, *c.Models[0].SupportsTools, *c.Models[0].Limits.RPM}
	want := []any{"127.0.0.1:9100", 7 * time.Second, Size(1 << 20), int64(5), 3, "${LITERAL}",
		[]string{"k1=openrouter/#1", "k2=openrouter/#2", "k3=openrouter/team", "k4=openrouter/team"}, true, int64(9)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
}

func TestUnsetVariableIsTold(t *testing.T) {
	c := mustRead(t, "models: [{id: a/b:free, name: \"${NICE_NAME}\"}]\n")
	if want := []string{"models.yaml:1:31: NICE_NAME is not set and counts as empty"}; !cmp.Equal(c.Warnings, want) {
		t.Errorf("got %q, want %q", c.Warnings, want)
	}
}

func TestNamesLoseWhatTricks(t *testing.T) {
	b, err := os.ReadFile("testdata/good/windows.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := read(b)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Models[0].Name, "Cafe \U0001F600"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What grows without end, or is no config at all, is refused soon.
func TestHostileFiles(t *testing.T) {
	bomb := "listen: &a [x,x,x,x,x,x,x,x,x,x]\nmodels:\n- strengths: &b [" + strings.Repeat("*a,", 2000) + "x]\n" + strings.Repeat("- strengths: *b\n", 2000)
	files := map[string]string{
		"deep flow":      strings.Repeat("[", 900_000),
		"deep block":     strings.Repeat("- ", 400_000),
		"deep mapping":   strings.Repeat("{a: ", 200_000),
		"alias bomb":     bomb,
		"alias product":  "models:\n- strengths: &b [" + strings.Repeat("x,", 900) + "x]\n  id: a\n" + lines(900, "- {id: m%d, strengths: *b}\n"),
		"alias of self":  "models: &a [*a]\n",
		"many keys":      strings.Repeat("a: b\n", 200_000),
		"variable bomb":  "models: [{id: a}]\nallowed_hosts: [\"" + strings.Repeat("${BIG}", 100_000) + "\"]\n",
		"long key":       strings.Repeat("k", 900_000) + ": 1\n",
		"long id":        "models: [{id: " + strings.Repeat("a", 900_000) + "}]\n",
		"many documents": strings.Repeat("---\n", 200_000),
		"many clients":   "models: [{id: a}]\nclient_keys: [" + strings.Repeat("a,", 90_000) + "]\n",
		"many providers": "models: [{id: a}]\nproviders:\n" + lines(30_000, "  p%d: {}\n"),
		"many models":    "models:\n" + lines(30_000, "- id: m%d\n- id: m%[1]d\n"),
	}
	for name, text := range files {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := read([]byte(text), "BIG="+strings.Repeat("x", 100_000))
			if err == nil || len(err.Error()) > 30_000 {
				t.Errorf("got %d bytes: %.300v", len(fmt.Sprint(err)), err)
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func lines(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := read(b, "SECRET=hunter2", "OPENROUTER_API_KEY=sk-hunter2")
		if err != nil {
			if strings.Contains(err.Error(), "sk-hunter2") && !strings.Contains(string(b), "hunter2") {
				t.Errorf("tells a secret: %v", err)
			}
			return
		}
		c.Settings()
		c.Unserved()
		for _, m := range c.Models {
			if !IsID(m.ID) || m.Provider == "" {
				t.Errorf("let through %+v", m)
			}
		}
	})
}
