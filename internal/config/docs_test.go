package config

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"freefall/internal/roster"
)

const docs = "../../docs/configuration.md"

func readDocs(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// described is what the schema says of a key that is worth a row of the tables.
type described struct {
	required bool
	value    any // its default; nil = it has none of its own
}

// describe collects all keys of a schema. Limits and timeouts stand in several places and are told once, under their own name.
func describe(root, schema map[string]any, path string, all map[string]described) {
	if ref, ok := schema["$ref"].(string); ok {
		name := strings.TrimPrefix(ref, "#/$defs/")
		if name == "limits" || name == "timeouts" {
			path = name
		}
		describe(root, root["$defs"].(map[string]any)[name].(map[string]any), path, all)
	}
	if choices, ok := schema["anyOf"].([]any); ok {
		for _, choice := range choices {
			describe(root, choice.(map[string]any), path, all)
		}
	}
	if items, ok := schema["items"].(map[string]any); ok {
		describe(root, items, path+"[]", all)
	}
	if entry, ok := schema["additionalProperties"].(map[string]any); ok {
		describe(root, entry, path+".NAME", all)
	}
	required, _ := schema["required"].([]any)
	properties, _ := schema["properties"].(map[string]any)
	for key, value := range properties {
		property := value.(map[string]any)
		at := join(path, key)
		all[at] = described{slices.Contains(required, any(key)), property["default"]}
		describe(root, property, at, all)
	}
}

var (
	docsRow     = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.+) \\| (.+) \\| (.+) \\|$")
	docsHeading = regexp.MustCompile("(?m)^## `([^`]+)`$")
	docsYAML    = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	docsListed  = regexp.MustCompile("(?m)^- `([^`]+)`$")
)

// Each key of the schema has a row, or a chapter of that name, which tells its default; and no row tells of another key.
func TestDocsTellEachKey(t *testing.T) {
	text := readDocs(t)
	var schema map[string]any
	if err := json.Unmarshal(Schema, &schema); err != nil {
		t.Fatal(err)
	}
	want := map[string]described{}
	describe(schema, schema, "", want)
	if len(want) < 60 {
		t.Fatalf("only %d keys in the schema: %v", len(want), slices.Sorted(maps.Keys(want)))
	}
	got := map[string]string{}
	for _, row := range docsRow.FindAllStringSubmatch(text, -1) {
		if _, twice := got[row[1]]; twice {
			t.Errorf("%s has two rows", row[1])
		}
		got[row[1]] = row[3]
	}
	for _, heading := range docsHeading.FindAllStringSubmatch(text, -1) {
		got[heading[1]] = ""
	}
	for key := range got {
		if _, known := want[key]; !known && key != "limits" {
			t.Errorf("the docs tell of %s, which is no key", key)
		}
	}
	for key, d := range want {
		cell, told := got[key]
		switch {
		case !told:
			t.Errorf("the docs do not tell of %s", key)
		case cell != "" && d.required != (cell == "required"):
			t.Errorf("%s is required: %v, but the docs say %q", key, d.required, cell)
		case d.value != nil && cell != "`"+shownDefault(t, d.value)+"`":
			t.Errorf("the default of %s is %s, but the docs say %s", key, shownDefault(t, d.value), cell)
		}
	}
}

// shownDefault is a default as a person writes it.
func shownDefault(t *testing.T, value any) string {
	if s, ok := value.(string); ok && s != "" {
		return s
	}
	b, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The examples are files that the program takes, and together they show each key.
func TestDocsExamples(t *testing.T) {
	var known []Known
	for _, d := range roster.Dialects() {
		known = append(known, Known{Name: d.Name, BaseURL: d.BaseURL, KeyVars: d.KeyVars})
	}
	shown := map[string]bool{}
	blocks := docsYAML.FindAllStringSubmatch(readDocs(t), -1)
	for _, block := range blocks {
		env := []string{"ANA_KEY=a", "BEN_KEY=b", "OLD_KEY=c", "ADMIN_KEY=d", "OPENROUTER_API_KEY=e", "SECOND_KEY=f", "GROQ_API_KEY=g"}
		if _, err := parse("models.yaml", []byte(block[1]), newEnvironment(env), Options{Known: known}); err != nil {
			t.Errorf("an example is wrong: %v\n%s", err, block[1])
		}
		var tree any
		if err := yaml.Load([]byte(block[1]), &tree); err != nil {
			t.Fatal(err)
		}
		collectKeys(tree, shown)
	}
	for _, key := range allKeys(reflect.TypeFor[Config]()) {
		if !shown[key] {
			t.Errorf("none of the %d examples shows %s", len(blocks), key)
		}
	}
}

func collectKeys(tree any, into map[string]bool) {
	switch v := tree.(type) {
	case map[string]any:
		for key, value := range v {
			into[key] = true
			collectKeys(value, into)
		}
	case []any:
		for _, value := range v {
			collectKeys(value, into)
		}
	}
}

// The variables that the program reads are the ones that the docs name.
func TestDocsNameTheVariables(t *testing.T) {
	text := readDocs(t)
	rows := regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| ").FindAllStringSubmatch(text, -1)
	var got []string
	for _, row := range rows {
		got = append(got, row[1])
	}
	want := []string{"FREEFALL_CONFIG", "FREEFALL_FREE_PLAN", "DEFAULT_MODEL"}
	for _, own := range ownNames {
		want = append(want, own.variable)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the docs name the variables %v, the program reads %v", got, want)
	}
	for _, d := range roster.Dialects() {
		keys := "none"
		if len(d.KeyVars) > 0 {
			keys = "`" + strings.Join(d.KeyVars, "`, `") + "`"
		}
		if !strings.Contains(text, "| `"+d.Name+"` | "+keys+" | ") {
			t.Errorf("the docs do not name the provider %s with its key in %s", d.Name, keys)
		}
	}
}

// What has no effect yet is listed at the end, and what has is not.
func TestDocsListWhatIsNotServed(t *testing.T) {
	_, end, found := strings.Cut(readDocs(t), "\n## Read, and not acted on yet\n")
	if !found && len(unserved) > 0 {
		t.Fatal("the docs do not say what is not acted on yet")
	}
	var got, want []string
	for _, row := range docsListed.FindAllStringSubmatch(end, -1) {
		got = append(got, row[1])
	}
	for _, key := range unserved {
		want = append(want, key.path)
	}
	if !slices.Equal(got, want) {
		t.Errorf("docs/configuration.md ends with the keys %v;\nwithout effect are %v", got, want)
	}
}
