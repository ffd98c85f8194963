package config

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func validate(t *testing.T, schema *jsonschema.Schema, b []byte) error {
	t.Helper()
	var value any
	if err := yaml.Load(bytes.TrimPrefix(b, []byte("\ufeff")), &value); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(doc)
}

func TestGoodFilesFitTheSchema(t *testing.T) {
	schema := compiledSchema(t)
	files, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, file := range append(files, "../../models.yaml") {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, schema, b); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// The editor marks what the program refuses, as far as a schema can tell.
func TestMistakesDoNotFitTheSchema(t *testing.T) {
	schema := compiledSchema(t)
	for _, name := range []string{"unknown-key", "unknown-key-of-a-model", "wrong-types", "wrong-words", "bad-bounds", "not-free-only",
		"limits", "ids-and-names", "keys", "clients", "chains", "no-models"} {
		b, err := os.ReadFile("testdata/mistakes/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if validate(t, schema, b) == nil {
			t.Errorf("%s fits the schema", name)
		}
	}
}

// The built-in file is the repository's own, and begins with the line that tells editors of the schema.
func TestShippedFileIsTheRepositorys(t *testing.T) {
	b, err := os.ReadFile("../../models.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, shipped) {
		t.Error("models.yaml and internal/config/models.yaml differ: copy the first over the second")
	}
	line, _, _ := strings.Cut(string(b), "\n")
	path, found := strings.CutPrefix(line, "# yaml-language-server: $schema=")
	if schema, err := os.ReadFile(filepath.Join("../..", path)); !found || err != nil || !bytes.Equal(schema, Schema) {
		t.Errorf("the first line %q leads to no schema: %v", line, err)
	}
}

// The shipped file is the reference: uncommented, each key stands there, and what stands there is the default.
func TestShippedFileShowsEachKey(t *testing.T) {
	text := string(shipped)
	for _, key := range allKeys(reflect.TypeFor[Config]()) {
		if !regexp.MustCompile(`\b` + key + `\b`).MatchString(text) {
			t.Errorf("models.yaml does not show %s", key)
		}
	}
	c := mustRead(t, withoutComments(text, "limits:", "model_limits:", "redis:", "base_url:", "file:"))
	want, got := defaults(), *c
	if got.Listen != want.Listen || got.MaxBody != want.MaxBody || got.Drain != want.Drain || got.Timeouts != want.Timeouts ||
		got.Routing != want.Routing || got.Breaker != want.Breaker || got.Log.Level != want.Log.Level || got.Log.Format != want.Log.Format || got.DataDir != want.DataDir {
		t.Errorf("the comments of models.yaml do not show the defaults: %+v", got)
	}
}

func allKeys(t reflect.Type) (all []string) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return allKeys(t.Elem())
	case reflect.Struct:
		keys, fields := keysOf(t)
		for _, key := range keys {
			all = append(all, key)
			all = append(all, allKeys(fields[key].Type)...)
		}
	}
	return all
}

// withoutComments takes the # from the settings at the foot of the file.
func withoutComments(text string, except ...string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		bare, commented := strings.CutPrefix(line, "# ")
		key := strings.Fields(bare + " x")[0]
		if commented && strings.HasSuffix(key, ":") && !slices.Contains(except, key) && key != "yaml-language-server:" {
			line = bare
		}
		b.WriteString(line)
	}
	return b.String()
}

// Schema and types say the same keys, and the same defaults.
func TestSchemaHasTheKeysOfTheTypes(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(Schema, &schema); err != nil {
		t.Fatal(err)
	}
	s := schemaWalk{t: t, root: schema}
	s.compare("", schema, reflect.ValueOf(defaults()))
}

type schemaWalk struct {
	t    *testing.T
	root map[string]any
}

// object finds the part of a schema that lists properties, through $ref and anyOf.
func (s schemaWalk) object(schema map[string]any) map[string]any {
	if ref, ok := schema["$ref"].(string); ok {
		defs := s.root["$defs"].(map[string]any)
		return s.object(defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any))
	}
	if choices, ok := schema["anyOf"].([]any); ok {
		for _, choice := range choices {
			if found := s.object(choice.(map[string]any)); found["properties"] != nil {
				return found
			}
		}
	}
	return schema
}

func (s schemaWalk) compare(path string, schema map[string]any, v reflect.Value) {
	switch {
	case v.Kind() == reflect.Pointer:
		s.compare(path, schema, reflect.Zero(v.Type().Elem()))
		return
	case isScalar(v):
		s.scalar(path, schema, v)
		return
	case v.Kind() == reflect.Map:
		return
	case v.Kind() == reflect.Slice && keyField(v.Type().Elem()) >= 0:
		s.compare(path+".*", s.object(schema)["additionalProperties"].(map[string]any), reflect.Zero(v.Type().Elem()))
		return
	case v.Kind() == reflect.Slice:
		s.compare(path+"[]", s.object(schema)["items"].(map[string]any), reflect.Zero(v.Type().Elem()))
		return
	}
	object := s.object(schema)
	properties, _ := object["properties"].(map[string]any)
	keys, fields := keysOf(v.Type())
	slices.Sort(keys)
	if got := slices.Sorted(maps.Keys(properties)); !slices.Equal(got, keys) {
		s.t.Errorf("%s: the schema has %v, the types have %v", path, got, keys)
		return
	}
	if object["additionalProperties"] != false {
		s.t.Errorf("%s: the schema lets other keys through", path)
	}
	for _, key := range keys {
		property := properties[key].(map[string]any)
		s.enum(join(path, key), property, fields[key].Tag.Get("enum"))
		s.compare(join(path, key), property, v.FieldByIndex(fields[key].Index))
	}
}

func (s schemaWalk) enum(path string, schema map[string]any, enum string) {
	var words []string
	if list, ok := schema["enum"].([]any); ok {
		for _, word := range list {
			words = append(words, word.(string))
		}
	}
	if got := strings.Join(words, ","); got != enum {
		s.t.Errorf("%s: the schema allows %q, the types %q", path, got, enum)
	}
}

// scalar compares defaults, where the program has one.
func (s schemaWalk) scalar(path string, schema map[string]any, v reflect.Value) {
	if v.IsZero() || strings.ContainsAny(path, "*[") {
		return
	}
	want := schema["default"]
	if text, ok := want.(string); ok && v.Type() == reflect.TypeFor[time.Duration]() {
		if d, err := time.ParseDuration(text); err == nil && d == v.Interface() {
			return
		}
	}
	got, _ := json.Marshal(v.Interface())
	shown, _ := json.Marshal(want)
	if size, ok := reflect.TypeAssert[Size](v); ok {
		got, _ = json.Marshal(size.String())
	}
	if !bytes.Equal(got, shown) {
		s.t.Errorf("%s: the schema's default is %s, the program's %s", path, shown, got)
	}
}
