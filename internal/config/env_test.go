package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// files makes a folder with these files.
func files(t *testing.T, texts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range texts {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// setting finds one value and its origin.
func setting(c *Config, path string) Setting {
	for _, s := range c.Settings() {
		if s.Path == path {
			return s
		}
	}
	return Setting{}
}

// flag > environment > .env > file > default, each step shown by taking the one above away.
func TestPrecedence(t *testing.T) {
	dir := files(t, map[string]string{
		"models.yaml": "listen: 127.0.0.1:8001\nmodels: [{id: a/b:free}]\n",
		"none.yaml":   "models: [{id: a/b:free}]\n",
		".env":        "FREEFALL_LISTEN=127.0.0.1:8002\n",
	})
	bare := files(t, map[string]string{"models.yaml": "listen: 127.0.0.1:8001\nmodels: [{id: a/b:free}]\n"})
	env := []string{"FREEFALL_LISTEN=127.0.0.1:8003"}
	tests := []struct {
		options      Options
		want, origin string
	}{
		{Options{Dir: dir, Env: env, Listen: "127.0.0.1:8004"}, "127.0.0.1:8004", "flag --listen"},
		{Options{Dir: dir, Env: env}, "127.0.0.1:8003", "environment FREEFALL_LISTEN"},
		{Options{Dir: dir}, "127.0.0.1:8002", ".env FREEFALL_LISTEN"},
		{Options{Dir: bare}, "127.0.0.1:8001", filepath.Join(bare, "models.yaml") + ":1"},
		{Options{Dir: bare, Env: []string{"FREEFALL_LISTEN="}}, "127.0.0.1:8001", filepath.Join(bare, "models.yaml") + ":1"},
		{Options{Dir: t.TempDir()}, "127.0.0.1:8000", "default"},
	}
	for _, tt := range tests {
		tt.options.Known = providersOfTests
		c, err := Load(tt.options)
		if err != nil {
			t.Fatal(err)
		}
		if got := setting(c, "listen"); got.Value != tt.want || got.Origin != tt.origin || c.Listen != tt.want {
			t.Errorf("got %+v, want %s from %s", got, tt.want, tt.origin)
		}
	}
}

// An empty variable in the environment switches the one in .env off.
func TestRealEnvironmentWinsOverDotEnv(t *testing.T) {
	dir := files(t, map[string]string{
		"models.yaml": "providers: {openrouter: {keys: [\"${OPENROUTER_API_KEY}\"]}}\nmodels: [{id: a/b:free}]\n",
		".env":        "OPENROUTER_API_KEY=sk-from-dotenv\n",
	})
	for env, want := range map[string]string{"OPENROUTER_API_KEY=sk-real": "sk-real", "OPENROUTER_API_KEY=": "", "OTHER=1": "sk-from-dotenv"} {
		c, err := Load(Options{Dir: dir, Env: []string{env}, Known: providersOfTests})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, k := range c.Providers[0].Keys {
			got += k.Key.Reveal()
		}
		if got != want {
			t.Errorf("with %s the key is %q, want %q", env, got, want)
		}
	}
}

// The .env beside the file stands before the one where the program was started.
func TestDotEnvBesideTheFile(t *testing.T) {
	dir := files(t, map[string]string{
		".env":             "LOG_LEVEL=warn\nFREEFALL_CONFIG=" + "etc/models.yaml\nREDIS_URL=redis://here:6379\n",
		"etc/models.yaml":  "models: [{id: a/b:free}]\n",
		"etc/.env":         "\ufeffLOG_LEVEL=DEBUG # loud\r\nexport LOG_FORMAT='json'\r\n",
		"etc/other/.env":   "LOG_LEVEL=error\n",
		"etc/unrelated.md": "",
	})
	t.Chdir(dir)
	c, err := Load(Options{Known: providersOfTests})
	if err != nil {
		t.Fatal(err)
	}
	if c.Log.Level != "debug" || c.Log.Format != "json" || c.Redis.Reveal() != "redis://here:6379" || c.File != "etc/models.yaml" {
		t.Errorf("%+v from %s", c.Log, c.File)
	}
	if want := filepath.Join("etc", "logs/app.log"); c.Log.File != want || c.DataDir != filepath.Join("etc", "data") {
		t.Errorf("log %s, data %s", c.Log.File, c.DataDir)
	}
}

func TestOwnNames(t *testing.T) {
	c := mustRead(t, "client_keys: [of-the-file]\nmodels: [{id: a/b:free}]\nlog: {level: error}\n",
		"FREEFALL_CLIENT_KEYS= one-0123456789 ,two-0123456789,", "FREEFALL_ADMIN_KEY=admin-0123456789", "LOG_LEVEL=INFO",
		"LOG_FILE=/var/log/app.log", "REDIS_URL=redis://r:6379", "FREEFALL_FREE_PLAN=openrouter, grok", "FREEFALL_LISTN=x")
	var keys []string
	for _, client := range c.Clients {
		keys = append(keys, client.Name+"="+client.Key.Reveal())
	}
	if want := []string{"client-1=one-0123456789", "client-2=two-0123456789"}; !slices.Equal(keys, want) {
		t.Errorf("clients %v, want %v", keys, want)
	}
	if c.Log.Level != "info" || c.Log.File != "/var/log/app.log" || c.AdminKey.Reveal() != "admin-0123456789" || c.Providers[0].Free != "plan" {
		t.Errorf("%+v", c)
	}
	want := []string{
		`FREEFALL_FREE_PLAN names "grok", which is no provider here`,
		`FREEFALL_LISTN is no variable of freefall (did you mean "FREEFALL_LISTEN"?)`,
	}
	if diff := cmp.Diff(want, c.Warnings); diff != "" {
		t.Error(diff)
	}
	if got := setting(c, "client_keys"); got.Value != "****6789, ****6789" || got.Origin != "environment FREEFALL_CLIENT_KEYS" {
		t.Errorf("shown as %+v", got)
	}
}

// An empty variable hides the one in .env, but not when that keeps people out.
func TestEmptyVariablesOpenNothing(t *testing.T) {
	dir := files(t, map[string]string{".env": "FREEFALL_CLIENT_KEYS=client-of-the-file\nFREEFALL_ADMIN_KEY=admin-of-the-file\nLOG_LEVEL=debug\n",
		"models.yaml": "models: [{id: a/b:free}]\n"})
	c, err := Load(Options{Dir: dir, Env: []string{"FREEFALL_CLIENT_KEYS=", "FREEFALL_ADMIN_KEY= ", "LOG_LEVEL="}, Known: providersOfTests})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Clients) != 1 || c.AdminKey.Reveal() != "admin-of-the-file" || c.Log.Level != "info" {
		t.Errorf("clients %v, admin %q, level %s", c.Clients, c.AdminKey.Reveal(), c.Log.Level)
	}
}

// What was typed in a flag is quoted.
func TestMistakeInAFlag(t *testing.T) {
	_, err := Load(Options{Dir: t.TempDir(), Listen: "nonsense", Known: providersOfTests})
	if want := `--listen: listen wants HOST:PORT such as 127.0.0.1:8000, not "nonsense"`; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestMistakesInVariables(t *testing.T) {
	_, err := read([]byte("models: [{id: a/b:free}]"), "FREEFALL_LISTEN=hunter2", "LOG_LEVEL=hunter2", "DEFAULT_MODEL=no good",
		"FREEFALL_CLIENT_KEYS=,", "FREEFALL_ADMIN_KEY=hunter2 x", "REDIS_URL=hunter2")
	want := `DEFAULT_MODEL: "no good" is no id of a model: it wants ` + idRule + `
FREEFALL_ADMIN_KEY: admin_key has a blank, a line break or a letter outside ASCII within: copy it again
FREEFALL_CLIENT_KEYS: FREEFALL_CLIENT_KEYS holds no value between its commas
FREEFALL_LISTEN: listen wants HOST:PORT such as 127.0.0.1:8000, not what stands in environment FREEFALL_LISTEN
LOG_LEVEL: level wants debug, info, warn or error, not what stands in environment LOG_LEVEL
REDIS_URL: redis wants a URL such as redis://HOST:6379/0, or rediss:// with TLS`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestBadDotEnvTellsTheLineAndNoSecret(t *testing.T) {
	for text, line := range map[string]string{
		"A=1\nsk-or-hunter2 is my key\n":     ":2:1: ",
		"A=1\n\n# fine\nKEY='hunter2\n":      ":4:1: ",
		"KEY=\"hunter2\nB=2\n":               ":1:1: ",
		"A=1\n{\"json\": \"hunter2\"}\n":     ":2:1: ",
		strings.Repeat("KEY=hunter2\n", 9e3): "too large",
	} {
		dir := files(t, map[string]string{".env": text})
		_, err := Load(Options{Dir: dir})
		if err == nil || !strings.Contains(err.Error(), line) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

func TestUnreadableFiles(t *testing.T) {
	dir := files(t, map[string]string{"large.yaml": strings.Repeat("# filler\n", 1_200_000), "folder/x": ""})
	for name, want := range map[string]string{"missing.yaml": "no such file: check --config", "large.yaml": "too large to be a config", "folder": "cannot be read: "} {
		_, err := Load(Options{Path: filepath.Join(dir, name)})
		if err == nil || !strings.HasPrefix(err.Error(), filepath.Join(dir, name)+": ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Without a file each known provider whose key is there joins; one whose URL lacks a variable does not.
func TestStartWithoutAFile(t *testing.T) {
	c, err := Load(Options{Dir: t.TempDir(), Known: providersOfTests,
		Env: []string{"GROQ_API_KEY=gsk-1", "GOOGLE_API_KEY=g-1", "CLOUDFLARE_API_TOKEN=c-1", "OPENAI_API_KEY=o-1"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range c.Providers {
		got = append(got, p.Name+" "+p.Off)
	}
	if want := []string{"openrouter no_key", "groq ", "google "}; !slices.Equal(got, want) {
		t.Errorf("providers %q, want %q", got, want)
	}
	if len(c.Models) != 5 || c.File != "" || c.Providers[1].Keys[0].Key.Reveal() != "gsk-1" || c.Origin("providers.groq") != "environment GROQ_API_KEY" {
		t.Errorf("%d models, groq from %s", len(c.Models), c.Origin("providers.groq"))
	}
	var ids []string
	for _, m := range c.Models {
		ids = append(ids, m.ID)
	}
	want := []string{"google/gemini-2.0-flash-exp:free", "deepseek/deepseek-chat-v3-0324:free", "google/gemini-1.5-flash:free",
		"google/gemini-1.5-flash-8b:free", "meta-llama/llama-3.2-3b-instruct:free"}
	if !slices.Equal(ids, want) {
		t.Errorf("the chain is %v", ids)
	}
	if want := []string{"CLOUDFLARE_API_TOKEN is set, but CLOUDFLARE_ACCOUNT_ID is not: cloudflare stays out"}; !slices.Equal(c.Warnings, want) {
		t.Errorf("warnings %q", c.Warnings)
	}
}

// A key that cannot be one keeps its provider out, and nobody else. One that the file asks for is a mistake.
func TestBadKeysInTheEnvironment(t *testing.T) {
	for value, want := range map[string]string{
		"sk hunter2":                    "has a blank, a line break",
		"sk-1\nhunter2":                 "has a blank, a line break",
		"sk-hunter2\u200b":              "has a blank, a line break",
		`"sk-hunter2"`:                  "stands in quotes",
		"'sk-hunter2'":                  "stands in quotes",
		strings.Repeat("hunter2", 1000): "is longer than",
	} {
		c, err := Load(Options{Dir: t.TempDir(), Known: providersOfTests, Env: []string{"OPENROUTER_API_KEY=sk-fine", "GROQ_API_KEY=" + value}})
		if err != nil {
			t.Fatal(err)
		}
		warnings := strings.Join(c.Warnings, "\n")
		if len(c.Providers) != 1 || !strings.HasPrefix(warnings, "GROQ_API_KEY "+want) || !strings.HasSuffix(warnings, "; groq stays out") || strings.Contains(warnings, "hunter") {
			t.Errorf("%.20q: %d providers, %q", value, len(c.Providers), warnings)
		}
		_, err = read([]byte("models: [{id: a/b:free}]"), "OPENROUTER_API_KEY="+value)
		if err == nil || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%.20q in the file's own variable: %v", value, err)
		}
	}
	c := mustRead(t, "models: [{id: a/b:free}]", "OPENROUTER_API_KEY=  sk-1 ,\tsk-2\r\n,,")
	if keys := c.Providers[0].Keys; len(keys) != 2 || keys[1].Key.Reveal() != "sk-2" {
		t.Errorf("blanks around keys, or gaps between them, count: %+v", keys)
	}
}

// Servers of this machine join without a key, behind those with one, when there is no file; a file says what it means.
func TestServersOfThisMachineJoin(t *testing.T) {
	asked := 0
	options := Options{Dir: t.TempDir(), Known: providersOfTests, Env: []string{"GROQ_API_KEY=gsk-1"}, Local: func() []Known {
		asked++
		return []Known{{Name: "ollama", BaseURL: "http://127.0.0.1:11434/v1"}, {Name: "groq", BaseURL: "http://127.0.0.1:1/v1"}}
	}}
	c, err := Load(options)
	if err != nil {
		t.Fatal(err)
	}
	last := c.Providers[len(c.Providers)-1]
	if asked != 1 || len(c.Providers) != 3 || last.Name != "ollama" || last.Dialect != "ollama" || last.BaseURL != "http://127.0.0.1:11434/v1" || !last.Keyless ||
		c.Origin("providers.ollama") != "this machine" || c.Providers[1].BaseURL != "https://api.groq.com/openai/v1" {
		t.Errorf("asked %d times: %+v", asked, c.Providers)
	}
	options.Dir = files(t, map[string]string{"models.yaml": "models: [{id: a/b:free}]\n"})
	if c, err := Load(options); err != nil || asked != 1 || len(c.Providers) != 1 {
		t.Errorf("with a file: asked %d times, %v", asked, err)
	}
}

func FuzzDotEnv(f *testing.F) {
	f.Add([]byte("A=1\nexport B='2' # x\nC: \"${A}\\n\"\n"))
	f.Add([]byte("A"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), ".env")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		e := newEnvironment([]string{"A=real"})
		if err := e.readFile(path); err == nil {
			if value, _ := e.lookup("A"); value != "real" {
				t.Errorf("A is %q", value)
			}
		}
	})
}
