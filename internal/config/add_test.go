package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var added = []Model{
	{ID: "x/new:free", Name: "X: New (free)", Provider: "openrouter", SupportsTools: new(true), SupportsVision: new(false), ContextLength: 131072},
	{ID: "y/bare:free", Name: "y/bare:free", Provider: "openrouter"},
}

const addedText = `  - id: x/new:free
    name: "X: New (free)"
    provider: openrouter
    supports_tools: true
    supports_vision: false
    context_length: 131072
  - id: y/bare:free
    provider: openrouter
`

// The shipped file keeps every byte, and gains the models at the end of its list.
func TestAddToTheShippedFile(t *testing.T) {
	after, err := AddModels(shipped, added)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(after), addedText)
	if !ok || before+rest != string(shipped) {
		t.Fatalf("it became\n%s", after)
	}
	if !strings.HasSuffix(before, "context_length: 131072\n") || !strings.HasPrefix(rest, "\nproviders:") {
		t.Errorf("added behind %q, before %q", before[len(before)-40:], rest[:40])
	}
	path := filepath.Join(t.TempDir(), "models.yaml")
	if err := os.WriteFile(path, after, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(Options{Path: path, Known: []Known{{Name: "openrouter", BaseURL: "https://openrouter.ai/api/v1"}}})
	if err != nil {
		t.Fatal(err)
	}
	last := c.Models[len(c.Models)-2]
	if len(c.Models) != 7 || last.Name != "X: New (free)" || !*last.SupportsTools || *last.SupportsVision || last.ContextLength != 131072 {
		t.Errorf("%d models, %+v", len(c.Models), last)
	}
}

// However the list is written, what was there stays, and what is added is what was meant.
func TestAddToAnyFile(t *testing.T) {
	one := []Model{{ID: "n/1:free", Provider: "p"}}
	for name, tt := range map[string]struct{ file, want string }{
		"no indent":          {"models:\n- id: a\n- id: b\nlisten: x\n", "models:\n- id: a\n- id: b\n- id: n/1:free\n  provider: p\nlisten: x\n"},
		"no end of line":     {"models:\n  - id: a", "models:\n  - id: a\n  - id: n/1:free\n    provider: p\n"},
		"windows":            {"models:\r\n  - id: a\r\nlisten: x\r\n", "models:\r\n  - id: a\r\n  - id: n/1:free\r\n    provider: p\r\nlisten: x\r\n"},
		"comments behind it": {"models:\n  - id: a # why\n    # name: A\n\n    # more of a\n\n# of listen\nlisten: x\n", "models:\n  - id: a # why\n    # name: A\n\n    # more of a\n  - id: n/1:free\n    provider: p\n\n# of listen\nlisten: x\n"},
		"a text in lines":    {"models:\n  - id: a\n    name: >-\n      long\n\n      name\nlisten: x\n", "models:\n  - id: a\n    name: >-\n      long\n\n      name\n  - id: n/1:free\n    provider: p\nlisten: x\n"},
		"items in flow":      {"models:\n  - {id: a, name: \"}\"}\n", "models:\n  - {id: a, name: \"}\"}\n  - id: n/1:free\n    provider: p\n"},
		"flow":               {"models: [{id: a}, {id: b}] # all\nlisten: x\n", "models: [{id: a}, {id: b}, {id: n/1:free, provider: p}] # all\nlisten: x\n"},
		"flow in lines":      {"models: [\n  {id: a, name: \"]\"}, # ]\n  {id: b, name: 'it''s ]'},\n]\n", "models: [\n  {id: a, name: \"]\"}, # ]\n  {id: b, name: 'it''s ]'}, {id: n/1:free, provider: p}\n]\n"},
		"flow behind a wide": {"\"models\": [{id: a, name: héé}]\n", "\"models\": [{id: a, name: héé}, {id: n/1:free, provider: p}]\n"},
		"nothing":            {"", ""},
		"no models":          {"listen: x\n", ""},
		"an empty list":      {"models: []\n", ""},
		"an alias":           {"x: &m [{id: a}]\nmodels: *m\n", ""},
		"no yaml":            {"models: [\n", ""},
	} {
		after, err := AddModels([]byte(tt.file), one)
		if string(after) != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, after, tt.want)
		}
	}
}

// Texts from outside mean themselves: no variable, no other type, no second key.
func TestAddedTextsAreRead(t *testing.T) {
	names := []string{"true", "null", "~", "12", "1.5", "a: b", "a #b", "- a", "{a}", "[a", `"q"`, `it's`, `back\slash`, "é", "*x", "&x", "!x", "%x", "@x", "a:", "x, y", "${HOME}", "${", "$HOME", "yes", "0x1f", "="}
	var models []Model
	for i, name := range names {
		models = append(models, Model{ID: "m" + strings.Repeat("x", i), Name: name, Provider: "p"})
	}
	models = append(models, Model{ID: "12", Provider: "p"}, Model{ID: "true", Provider: "p"}, Model{ID: "~a", Provider: "p"}, Model{ID: "ends:", Provider: "p"}, Model{ID: "1e5", Provider: "p"})
	for _, file := range []string{"providers: {p: {base_url: \"http://127.0.0.1:9/v1\"}}\nmodels: [{id: a}]\n", "providers: {p: {base_url: \"http://127.0.0.1:9/v1\"}}\nmodels:\n  - id: a\n"} {
		after, err := AddModels([]byte(file), models)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "models.yaml")
		if err := os.WriteFile(path, after, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(Options{Path: path, Env: []string{"HOME=/secret"}})
		if err != nil {
			t.Fatalf("%v in\n%s", err, after)
		}
		for i, m := range c.Models[1:] {
			want := models[i].Name
			if want == "" {
				want = models[i].ID
			}
			if m.ID != models[i].ID || m.Name != strings.ReplaceAll(want, "${", "{") {
				t.Errorf("%q is read as %q, %q as %q", models[i].ID, m.ID, want, m.Name)
			}
		}
	}
}

func FuzzAddModels(f *testing.F) {
	f.Add(shipped)
	f.Add([]byte("models: [{id: a}]\n"))
	f.Add([]byte("models:\n- id: a\n  name: |\n    x\n\n# c\nlisten: x"))
	f.Fuzz(func(t *testing.T, file []byte) {
		after, err := AddModels(file, added)
		if err != nil {
			return
		}
		// What was there is there, in its order: taking out one run of bytes gives the file, but for an end of line that it lacked.
		head := 0
		for head < len(file) && head < len(after) && file[head] == after[head] {
			head++
		}
		tail := 0
		for tail < len(file)-head && file[len(file)-1-tail] == after[len(after)-1-tail] {
			tail++
		}
		if head+tail != len(file) {
			t.Errorf("%q became %q", file, after)
		}
		if again, err := AddModels(after, added); err == nil && slices.Equal(again, after) {
			t.Error("nothing was added")
		}
	})
}
