package openai

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// plainParameters gives what becomes of the parameters of a tool; the rest of the body must stay as it is.
func plainParameters(t *testing.T, schema string) string {
	t.Helper()
	const before, after = `{"model":"M","messages":[],"tools":[{"type":"function","function":{"name":"f","parameters":`, `,"strict":true}},{"type":"custom"}],"seed":1}`
	got := outgoing(t, parseChat(t, before+schema+after), "M", Edits{PlainSchemas: true})
	if !gjson.Get(got, "tools.0.function.parameters").Exists() {
		if got != strings.TrimSuffix(before, `,"parameters":`)+after {
			t.Errorf("%s became %s", schema, got)
		}
		return ""
	}
	middle, ok := strings.CutPrefix(got, before)
	if middle, ok2 := strings.CutSuffix(middle, after); ok && ok2 {
		return middle
	}
	t.Errorf("%s became %s", schema, got)
	return got
}

// Parameters are written in the words that Google's models know.
func TestPlainSchemas(t *testing.T) {
	for name, c := range map[string]struct{ schema, plain string }{
		"plain already": {`{"type": "object", "properties": {"a": {"type":"string","enum":["x"],"description":"d"},"b":{"type":"array","items":{"type":"integer","minimum":0}}}, "required":["a"]}`,
			`{"type": "object", "properties": {"a": {"type":"string","enum":["x"],"description":"d"},"b":{"type":"array","items":{"type":"integer","minimum":0}}}, "required":["a"]}`},
		"strict": {`{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"a":{"type":"string","minLength":1,"default":"x"}},"required":["a","b"],"additionalProperties":false}`,
			`{"type":"object","properties":{"a":{"type":"string","minLength":1}},"required":["a"]}`},
		"a member called like a word": {`{"type":"object","properties":{"additionalProperties":{"type":"object","properties":{"const":{"const":"x"}},"additionalProperties":true}}}`,
			`{"type":"object","properties":{"additionalProperties":{"type":"object","properties":{"const":{"type":"string","enum":["x"]}}}}}`},
		"or nothing": {`{"type":"object","properties":{"a":{"anyOf":[{"type":"string"},{"type":"null"}],"default":null,"title":"A"},"b":{"type":["integer","null"]}}}`,
			`{"type":"object","properties":{"a":{"type":"string","title":"A","nullable":true},"b":{"type":"integer","nullable":true}}}`},
		"one of several": {`{"type":"object","properties":{"a":{"oneOf":[{"type":"string","format":"uri"},{"type":"integer","format":"int32"}],"description":"d"}}}`,
			`{"type":"object","properties":{"a":{"description":"d","anyOf":[{"type":"string"},{"type":"integer","format":"int32"}]}}}`},
		"numbers to choose from": {`{"type":"object","properties":{"a":{"type":"integer","enum":[1,2]},"b":{"const":1}}}`, `{"type":"object","properties":{"a":{"type":"integer"},"b":{}}}`},
		"references": {`{"type":"object","properties":{"a":{"$ref":"#/$defs/A"},"b":{"allOf":[{"$ref":"#/definitions/B"}],"description":"mine"},"c":{"$ref":"elsewhere"}},"$defs":{"A":{"type":"object","properties":{"x":{"type":"number"}}}},"definitions":{"B":{"type":"string","description":"theirs"}}}`,
			`{"type":"object","properties":{"a":{"type":"object","properties":{"x":{"type":"number"}}},"b":{"type":"string","description":"theirs"},"c":{}}}`},
		"lists of anything":     {`{"type":"object","properties":{"a":{"type":"array"},"b":{"items":true}}}`, `{"type":"object","properties":{"a":{"type":"array","items":{"type":"string"}},"b":{"type":"array","items":{"type":"string"}}}}`},
		"a map":                 {`{"type":"object","properties":{"a":{"type":"object","propertyNames":{"type":"string"},"additionalProperties":{"type":"string"}}}}`, `{"type":"object","properties":{"a":{"type":"object"}}}`},
		"a word twice":          {`{"type":"object","type":"string","properties":{"a":{"type":"string","x":1},"a":{"type":"integer"}}}`, `{"type":"object","properties":{"a":{"type":"string"}}}`},
		"no parameters":         {`{"type":"object","properties":{},"additionalProperties":false}`, ""},
		"none at all":           {`{}`, ""},
		"members without names": {`{"x":"","properties":["a"],"required":"a","items":1,"enum":{"a":"b"},"anyOf":{"type":"null"},"allOf":"a","$ref":7,"type":{}}`, `{"type":"array","items":{"type":"string"}}`},
		"not even an object":    {`true`, `true`},
	} {
		if got := plainParameters(t, c.schema); got != c.plain {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, c.plain)
		}
	}
	body := `{"model":"M","messages":[],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"const":"x"}}}}}]}`
	if got := outgoing(t, parseChat(t, body), "M", Edits{}); got != body {
		t.Errorf("not asked for: %s", got)
	}
}

// References that lead in circles, and those that grow, come to an end; words that are known and nothing else are left.
func TestPlainSchemasEnd(t *testing.T) {
	many := strings.Repeat(`{"$ref":"#/$defs/A"},`, 50) + `{}`
	grows := `{"type":"object","properties":{"a":{"$ref":"#/$defs/d0"}},"$defs":{`
	for i := range 30 {
		next := string(rune('0'+(i+1)/10)) + string(rune('0'+(i+1)%10))
		name := string(rune('0'+i/10)) + string(rune('0'+i%10))
		if i == 0 {
			name = "0"
		}
		grows += `"d` + name + `":{"type":"object","properties":{"l":{"$ref":"#/$defs/d` + next + `"},"r":{"$ref":"#/$defs/d` + next + `"}}},`
	}
	for name, schema := range map[string]string{
		"itself":       `{"type":"object","properties":{"child":{"$ref":"#"}}}`,
		"a circle":     `{"type":"object","properties":{"a":{"$ref":"#/$defs/A"}},"$defs":{"A":{"$ref":"#/$defs/B"},"B":{"allOf":[{"$ref":"#/$defs/A"},{"$ref":"#/$defs/A"}]}}}`,
		"many circles": `{"type":"object","properties":{"a":{"$ref":"#/$defs/A"}},"$defs":{"A":{"allOf":[` + many + `]}}}`,
		"a wide tree":  `{"type":"object","properties":{"a":{"$ref":"#"},"b":{"$ref":"#"},"c":{"anyOf":[{"$ref":"#"},{"$ref":"#"}]}}}`,
		"growth":       strings.TrimSuffix(grows, ",") + `}}`,
		"depth":        strings.Repeat(`{"type":"object","x":1,"properties":{"a":`, 50) + `{}` + strings.Repeat(`}}`, 50),
	} {
		got := plainParameters(t, schema)
		if !json.Valid([]byte(got)) || strings.Contains(got, "$") || len(got) > 4*maxReferred {
			t.Errorf("%s: %d bytes, %.200s", name, len(got), got)
		}
	}
}

// Many members, and many tools that refer to much, take no more than they are.
func TestPlainSchemasOfMuch(t *testing.T) {
	var members strings.Builder
	for i := range 5_000 {
		fmt.Fprintf(&members, `"m%d":{"type":"string","x":1},`, i)
	}
	got := plainParameters(t, `{"type":"object","properties":{`+members.String()+`"z":{}},"required":["z"]}`)
	if !json.Valid([]byte(got)) || strings.Contains(got, `"x"`) {
		t.Errorf("%.200s", got)
	}
	large := `{"type":"object","properties":{` + members.String() + members.String() + `"z":{"description":"` + strings.Repeat("z", maxPlain/2) + `"}}}`
	if got := plainParameters(t, large); got != large {
		t.Errorf("a schema of %d bytes became one of %d", len(large), len(got))
	}
	tool := `{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"$ref":"#"},"b":{"$ref":"#"},"c":{"$ref":"#"}}}}},`
	body := `{"model":"M","messages":[],"tools":[` + strings.Repeat(tool, 1000) + `{"type":"custom"}]}`
	if got := outgoing(t, parseChat(t, body), "M", Edits{PlainSchemas: true}); !json.Valid([]byte(got)) || len(got) > 4*maxReferred {
		t.Errorf("%d bytes", len(got))
	}
}

func FuzzPlainSchemas(f *testing.F) {
	f.Add(`{"type":"object","properties":{"a":{"anyOf":[{"type":"string"},{"$ref":"#/$defs/A"}],"enum":["x",1]}},"$defs":{"A":{"type":["null","array"]}},"required":["a"]}`)
	f.Fuzz(func(t *testing.T, schema string) {
		body := `{"messages":[],"tools":[{"function":{"parameters":` + schema + `}}]}`
		r, e := ParseChat([]byte(body))
		if e != nil {
			return
		}
		if _, err := r.Outgoing("m", Edits{PlainSchemas: true}); err != nil {
			t.Fatalf("%v for %s", err, schema)
		}
	})
}
