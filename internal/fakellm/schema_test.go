package fakellm

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

var schemas = []string{
	`{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},"required":["name","age"],"additionalProperties":false}`,
	`{"type":"object","properties":{"list":{"type":"array","items":{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"]},"minItems":3}},"required":["list"]}`,
	`{"type":"array","items":{"enum":["red","green"]},"minItems":2,"maxItems":2}`,
	`{"type":"array","prefixItems":[{"type":"string"},{"type":"number"}],"minItems":2}`,
	`{"type":"string","minLength":40}`, `{"type":"string","maxLength":2}`, `{"type":"string","format":"date-time"}`,
	`{"type":"integer","minimum":18,"maximum":99}`, `{"type":"integer","maximum":-5}`, `{"type":"integer","exclusiveMinimum":7}`,
	`{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":0.5}`, `{"type":"integer","multipleOf":7}`, `{"type":["string","null"]}`, `{"type":["null","integer"]}`,
	`{"type":"null"}`, `{"type":"boolean"}`, `{"const":{"a":[1,2]}}`, `{"anyOf":[{"type":"null"},{"type":"string"}]}`, `{"oneOf":[{"type":"integer"}]}`,
	`{"allOf":[{"properties":{"a":{"type":"string"}},"required":["a"]},{"$ref":"#/$defs/b"}],"type":"object","$defs":{"b":{"properties":{"b":{"type":"integer"}},"required":["b"]}}}`,
	`{"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{"value":{"type":"string"},"next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}},"required":["value","next"],"additionalProperties":false}}}`,
	`{"$ref":"#/$defs/tree","$defs":{"tree":{"type":"object","properties":{"kids":{"type":"array","items":{"$ref":"#/$defs/tree"}}},"required":["kids"]}}}`,
	`{"type":"object","properties":{"self":{"$ref":"#"}}}`,
	`{"type":"object","required":["loose"]}`, `{"type":"object","additionalProperties":{"type":"integer"},"required":["n"]}`, `{}`, `true`,
	`{"$ref":"#/$defs/a~1b","$defs":{"a/b":{"type":"integer"}}}`,
}

func TestExampleSatisfiesItsSchema(t *testing.T) {
	for _, text := range schemas {
		t.Run(text, func(t *testing.T) {
			parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			c := jsonschema.NewCompiler()
			if err := c.AddResource("schema.json", parsed); err != nil {
				t.Fatal(err)
			}
			var schema any
			if err := json.Unmarshal([]byte(text), &schema); err != nil {
				t.Fatal(err)
			}
			made := string(encode(example(schema)))
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(made))
			if err != nil {
				t.Fatal(err)
			}
			if err := c.MustCompile("schema.json").Validate(value); err != nil {
				t.Errorf("%s: %v", made, err)
			}
		})
	}
}

// FuzzExample feeds what clients may send as a schema: it must end, small, and be JSON.
func FuzzExample(f *testing.F) {
	for _, s := range schemas {
		f.Add(s)
	}
	f.Add(`{"$ref":"#"}`)
	f.Add(`{"anyOf":[{"$ref":"#"},{"$ref":"#"}]}`)
	f.Add(`{"type":"object","properties":{"a":{"$ref":"#"},"b":{"$ref":"#"},"c":{"$ref":"#"}},"required":["a","b","c"]}`)
	f.Add(`{"type":"array","items":{"$ref":"#"},"minItems":1e9}`)
	f.Add(`{"type":"array","minItems":-5}`)
	f.Add(`{"type":"string","maxLength":-1,"minLength":1e300}`)
	f.Add(`{"type":"number","multipleOf":1e-300,"minimum":1e300}`)
	f.Fuzz(func(t *testing.T, text string) {
		var schema any
		if json.Unmarshal([]byte(text), &schema) != nil {
			return
		}
		if made := encode(example(schema)); !json.Valid(made) || len(made) > 32*maxSize {
			t.Errorf("%d bytes: %.200s", len(made), made)
		}
	})
}

func TestStructuredOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, plain)
		ask := func(format string) string {
			c := whole(t, b.chat(`{"model":"m","messages":[{"role":"user","content":"hi"}],"response_format":`+format+`}`))
			return *c.Choices[0].Message.Content
		}
		equal(t, "schema", ask(`{"type":"json_schema","json_schema":{"name":"p","strict":true,"schema":`+schemas[0]+`}}`), `{"age":1,"name":"example"}`)
		equal(t, "object", ask(`{"type":"json_object"}`), `{"echo":"hi","model":"m"}`)
		equal(t, "text", ask(`{"type":"text"}`), `This is m. You said: "hi"`)
	})
}
