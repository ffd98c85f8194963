package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"freefall/internal/fakellm"
)

// told runs a command in a folder and gives what it wrote, and its exit code.
func told(t *testing.T, dir string, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := command(dir, env, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// market is a provider of whose models one is new, one gone, one costs something, and one is no chat model.
func market(t *testing.T) (fake *fakellm.Server, url string) {
	return simulated(t, fakellm.Options{Models: []fakellm.Model{{ID: "mine:free", Tools: true}, {ID: "now/paid", Price: 1},
		{ID: "new:free", Name: "New <b>", Tools: true, Vision: true, Context: 131072, Expires: "2999-01-01"}, {ID: "bare"}, {ID: "x/embed:free"}, {ID: "denied:free"}}})
}

const marketYAML = `# my own file
providers:
  p: {base_url: %q, dialect: openrouter, keys: [k-0123456789], discover: {deny: ["denied*"]}}
  groq: {keys: ["${GROQ_API_KEY}"]}
  shut: {base_url: "http://127.0.0.1:9/v1", discover: off}
models:
  - {id: "mine:free", provider: p}   # the best
  - {id: now/paid, provider: p}
  # the last of mine
  - id: away:free
    provider: p
    # with a remark

# and an end
`

func TestModelsShowsTheDifference(t *testing.T) {
	t.Parallel()
	fake, url := market(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "models.yaml"), fmt.Sprintf(marketYAML, url))
	stdout, stderr, code := told(t, dir, nil, "models")
	want := `p lists 6 models

Free, and not in the config
  new:free  tools images 131,072  until 2999-01-01
  bare      plain

In the config, and gone
  away:free

In the config, and not free
  now/paid

groq was not asked: GROQ_API_KEY is empty: set it in the environment or in
    .env, or remove the provider

shut was not asked: discover: off

` + "`freefall models --write` adds 2 models to models.yaml\n"
	if stdout != want || code != 0 || stderr != "" {
		t.Errorf("%d\n%s%s\nwant\n%s", code, stdout, stderr, want)
	}
	if len(chats(fake)) != 0 {
		t.Error("a model was called")
	}

	stdout, _, code = told(t, dir, nil, "models", "--json")
	var listings []listing
	if err := json.Unmarshal([]byte(stdout), &listings); err != nil || code != 0 || len(listings) != 3 {
		t.Fatalf("%v, %d: %s", err, code, stdout)
	}
	if p := listings[0]; p.Listed != 6 || len(p.New) != 2 || p.New[0].Name != "New b" || !*p.New[0].Vision || p.New[1].ID != "bare" || p.Gone[0] != "away:free" || p.Priced[0] != "now/paid" {
		t.Errorf("%s", stdout)
	}
}

// --write leaves every byte, is in use at once, and adds nothing twice.
func TestModelsWrites(t *testing.T) {
	t.Parallel()
	_, url := market(t)
	dir := t.TempDir()
	real := filepath.Join(dir, "kept.yaml")
	write(t, real, fmt.Sprintf(marketYAML, url))
	if err := os.Symlink("kept.yaml", filepath.Join(dir, "models.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(real, 0o640); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := told(t, dir, nil, "models", "--write")
	if code != 0 || !strings.Contains(stderr, "models.yaml: added 2 models at the end of the list") || strings.Contains(stdout, "--write") {
		t.Fatalf("%d %s%s", code, stdout, stderr)
	}
	after, err := os.ReadFile(real)
	if err != nil {
		t.Fatal(err)
	}
	const added = `  - id: new:free
    name: New b
    provider: p
    supports_tools: true
    supports_vision: true
    supports_json_schema: false
    context_length: 131072
  - id: bare
    provider: p
    supports_tools: false
    supports_vision: false
    supports_json_schema: false
`
	if want := strings.Replace(fmt.Sprintf(marketYAML, url), "with a remark\n", "with a remark\n"+added, 1); string(after) != want {
		t.Errorf("the file is\n%s\nwant\n%s", after, want)
	}
	info, err := os.Lstat(filepath.Join(dir, "models.yaml"))
	if mode, _ := os.Stat(real); err != nil || info.Mode()&os.ModeSymlink == 0 || mode.Mode().Perm() != 0o640 {
		t.Errorf("the link %v, the file %v, %v", info.Mode(), mode.Mode(), err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("the folder holds %v", entries)
	}
	if _, stderr, code = told(t, dir, nil, "models", "--write"); code != 0 || !strings.Contains(stderr, "there is nothing to add") {
		t.Errorf("again: %d %s", code, stderr)
	}
	if again, _ := os.ReadFile(real); !bytes.Equal(again, after) {
		t.Error("the second time it was written anew")
	}
}

func TestModelsThatCannot(t *testing.T) {
	t.Parallel()
	fake, url := market(t)
	fake.Script("/models", fakellm.Fault(500).Forever())
	for name, tt := range map[string]struct {
		yaml, says string
		code       int
		args       []string
	}{
		"a list that fails": {fmt.Sprintf(marketYAML, url), "the list of p could not be read: status 500", 1, nil},
		"nobody to ask":     {"models: [{id: \"a:free\"}]\n", "no provider could be asked for its list", 1, nil},
		"no file to write":  {"", "there is no models.yaml to write to", 2, []string{"--write"}},
		"a broken file":     {"modles: []\n", "did you mean", 2, nil},
	} {
		dir := t.TempDir()
		if tt.yaml != "" {
			write(t, filepath.Join(dir, "models.yaml"), tt.yaml)
		}
		stdout, stderr, code := told(t, dir, nil, append([]string{"models"}, tt.args...)...)
		if code != tt.code || !strings.Contains(stderr, tt.says) || strings.Contains(stdout+stderr, "k-0123456789") {
			t.Errorf("%s: %d\n%s%s", name, code, stdout, stderr)
		}
	}
}
