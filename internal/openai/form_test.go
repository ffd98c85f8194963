package openai

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// answering is a whole answer with that text.
func answering(text string) string {
	quoted, _ := json.Marshal(text)
	return `{"choices":[{"index":0,"message":{"role":"assistant","content":` + string(quoted) + `},"finish_reason":"stop"}]}`
}

func bySchema(schema string) string {
	return `{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":` + schema + `}}`
}

func asking(t *testing.T, format string) *Request {
	t.Helper()
	return parseChat(t, `{"model":"x",`+msgs+`,"response_\u0066ormat":`+format+`}`)
}

const person = `{"type":"object","properties":{"name":{"type":"string","pattern":"^[A-Z]"},"age":{"type":"integer","minimum":0},"kind":{"enum":["a","b"]},"friends":{"type":"array","items":{"$ref":"#"}}},"required":["name"],"additionalProperties":false}`

func TestBreaks(t *testing.T) {
	object := `{"type":"json_object"}`
	for _, tt := range []struct{ name, format, text, want string }{
		{"nothing asked", `null`, "Hello", ""},
		{"text", `{"type":"text"}`, "Hello", ""},
		{"unknown", `{"type":"grammar"}`, "Hello", ""},
		{"no object", `"json_object"`, "Hello", ""},
		{"object", object, " {\"a\":[1]}\n", ""},
		{"prose", object, "Here you are: {}", noObject},
		{"a fence", object, "```json\n{}\n```", noObject},
		{"half", object, `{"a":`, noObject},
		{"two", object, `{}{}`, noObject},
		{"array", object, `[]`, noObject},
		{"silence", object, ``, noObject},
		{"endless", object, strings.Repeat(`{"a":`, 1<<16), noObject},
		{"too large to be judged", object, strings.Repeat(" ", 1<<20) + "x", ""},

		{"schema", bySchema(person), `{"name":"Ana","age":3,"kind":"a","friends":[{"name":"B"}]}`, ""},
		{"whole float", bySchema(person), `{"name":"Ana","age":3.0}`, ""},
		{"missing", bySchema(person), `{"age":3}`, offSchema},
		{"more", bySchema(person), `{"name":"Ana","x":1}`, offSchema},
		{"type", bySchema(person), `{"name":"Ana","age":"3"}`, offSchema},
		{"bound", bySchema(person), `{"name":"Ana","age":-1}`, offSchema},
		{"enum", bySchema(person), `{"name":"Ana","kind":"c"}`, offSchema},
		{"pattern", bySchema(person), `{"name":"ana"}`, offSchema},
		{"further inside", bySchema(person), `{"name":"Ana","friends":[{"name":"B"},{"name":7}]}`, offSchema},
		{"no JSON", bySchema(person), `Ana`, noJSON},
		{"no object, by the schema", bySchema(person), `[]`, offSchema},
		{"defs", bySchema(`{"$defs":{"n":{"type":"number","multipleOf":0.01}},"type":"array","items":{"$ref":"#/$defs/n"}}`), `[0.07,1e2,3]`, ""},
		{"defs, broken", bySchema(`{"$defs":{"n":{"type":"number","multipleOf":0.01}},"type":"array","items":{"$ref":"#/$defs/n"}}`), `[0.071]`, offSchema},
		{"an older draft", bySchema(`{"$schema":"http://json-schema.org/draft-07/schema#","definitions":{"a":{"const":1}},"properties":{"x":{"$ref":"#/definitions/a"}}}`), `{"x":2}`, offSchema},
		{"true", bySchema(`true`), `7`, ""},
		{"false", bySchema(`false`), `7`, offSchema},

		{"no schema", `{"type":"json_schema"}`, `7`, ""},
		{"no schema, no JSON", `{"type":"json_schema","json_schema":7}`, `x`, noJSON},
		{"a schema that is none", bySchema(`{"type":"integr"}`), `7`, ""},
		{"a pattern that is none", bySchema(`{"pattern":"("}`), `7`, ""},
		{"a number that is none", bySchema(`{"minimum":1e999999999}`), `7`, ""},
		{"an answer of such", bySchema(`{"minimum":1}`), `-1e999999999`, ""},
		{"a schema elsewhere", bySchema(`{"$ref":"http://127.0.0.1:1/schema"}`), `7`, ""},
		{"a dialect elsewhere", bySchema(`{"$schema":"http://127.0.0.1:1/schema","type":"string"}`), `7`, ""},
		{"nowhere", bySchema(`{"$ref":"#/nowhere"}`), `7`, ""},
		{"round and round", bySchema(`{"$ref":"#"}`), `7`, offSchema},
		{"too large a schema", bySchema(`{"type":"string","description":"` + strings.Repeat("x", 256<<10) + `"}`), `7`, ""},
	} {
		r := asking(t, tt.format)
		for i := range 2 { // the schema is read once
			if got := r.Breaks([]byte(answering(tt.text))); got != tt.want {
				t.Errorf("%s, look %d: got %q, want %q", tt.name, i, got, tt.want)
			}
		}
	}
}

// A schema is no way to a file.
func TestSchemasReadNoFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "schema.json")
	if err := os.WriteFile(file, []byte(`{"type":"string"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{`{"$ref":"file://` + file + `"}`, `{"$schema":"file://` + file + `","type":"string"}`, `{"$id":"file://` + filepath.Dir(file) + `/x","$ref":"schema.json"}`} {
		if got := asking(t, bySchema(format)).Breaks([]byte(answering("7"))); got != "" {
			t.Errorf("%s was read: %q", format, got)
		}
	}
}

func TestBreaksOfToolCalls(t *testing.T) {
	call := func(message string) string {
		return `{"choices":[{"index":0,"message":{"content":"x"}},{"index":1,"message":` + message + `,"finish_reason":"tool_calls"}]}`
	}
	args := func(raw string) string {
		return call(`{"content":null,"tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}},{"id":"2","function":{"name":"f","arguments":` + raw + `}}]}`)
	}
	for _, tt := range []struct{ name, format, answer, want string }{
		{"JSON", `null`, args(`" {\"a\":1}\n"`), ""},
		{"none", `null`, args(`""`), ""},
		{"null", `null`, args(`null`), ""},
		{"not as text", `null`, args(`{"a":1}`), ""},
		{"single quotes", `null`, args(`"{'a':1}"`), noArguments},
		{"an array", `null`, args(`"[1]"`), noArguments},
		{"a word", `null`, args(`"true"`), noArguments},
		{"a number", `null`, args(`7`), noArguments},
		{"balanced, and no JSON", `null`, args(`"{\"a\":1,}"`), noArguments},
		{"a tool of the client's own kind", `null`, call(`{"tool_calls":[{"type":"custom","custom":{"input":"x"}}]}`), ""},
		{"a call in the place of the form", `{"type":"json_object"}`, `{"choices":[{"message":{"content":null,"tool_calls":[{"function":{"arguments":"{}"}}]}}]}`, ""},
		{"an old call", `{"type":"json_object"}`, `{"choices":[{"message":{"content":null,"function_call":{"name":"f","arguments":"{}"}}}]}`, ""},
		{"a refusal", `{"type":"json_object"}`, `{"choices":[{"message":{"content":null,"refusal":"I can't."}}]}`, ""},
		{"parts", `{"type":"json_object"}`, `{"choices":[{"message":{"content":[{"type":"text","text":"x"}]}}]}`, ""},
		{"thoughts alone", `{"type":"json_object"}`, `{"choices":[{"message":{"content":null,"reasoning":"Hm"}}]}`, noObject},
		{"the second choice", `{"type":"json_object"}`, `{"choices":[{"message":{"content":"{}"}},{"message":{"content":"x"}}]}`, noObject},
		{"no choices", `{"type":"json_object"}`, `{}`, ""},
	} {
		if got := asking(t, tt.format).Breaks([]byte(tt.answer)); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// What a client and a model could agree on to keep a proxy busy, or to fill its stack, is given up in time.
func TestJudgingIsBounded(t *testing.T) {
	list := func(n int, sep string, each func(i int) string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = each(i)
		}
		return strings.Join(parts, sep)
	}
	const chain = 2600
	for name, c := range map[string]struct{ schema, text string }{
		"twice as much at each step": {`{"$ref":"#/$defs/a0","$defs":{` + list(60, ",", func(i int) string {
			return fmt.Sprintf(`"a%d":{"anyOf":[{"allOf":[{"$ref":"#/$defs/a%[2]d"},false]},{"allOf":[{"$ref":"#/$defs/a%[2]d"},false]}]}`, i, i+1)
		}) + `,"a60":{"minLength":3}}}`, `"x"`},
		"a long chain at each level": {`{"$ref":"#/$defs/a0","$defs":{` + list(chain, ",", func(i int) string {
			return fmt.Sprintf(`"a%d":{"$ref":"#/$defs/a%d"}`, i, i+1)
		}) + fmt.Sprintf(`,"a%d":{"items":{"$ref":"#/$defs/a0"}}}}`, chain), strings.Repeat("[", 120) + strings.Repeat("]", 120)},
		"many enums, many values": {`{"items":{"enum":[` + list(7000, ",", func(i int) string { return fmt.Sprint(i % 10) }) + `]}}`,
			`[` + list(200_000, ",", func(int) string { return "77" }) + `]`},
		"dear patterns": {`{"patternProperties":{` + list(2000, ",", func(i int) string { return fmt.Sprintf(`"(.*x.*y%d){9}$":{"type":"string"}`, i) }) + `}}`,
			`{` + list(2000, ",", func(i int) string { return fmt.Sprintf(`"%s%d":1`, strings.Repeat("xy", 100), i) }) + `}`},
		"large patterns": {`{"allOf":[` + list(9, ",", func(int) string {
			return `{"pattern":"` + list(300, "|", func(i int) string { return fmt.Sprintf("(x%d){900}", i) }) + `"}`
		}) + `]}`, `"x"`},
		"parts of parts": {`{"x":` + strings.Repeat(`{"not":`, 60) + `{}` + strings.Repeat(`}`, 60) + `,"allOf":[` + list(900, ",", func(i int) string {
			return `{"$ref":"#/x` + strings.Repeat("/not", i%60) + `"}`
		}) + `]}`, `1`},
		"many parts": {`{"allOf":[` + list(7990, ",", func(int) string { return `true` }) + `]}`, `1`},
		"more parts": {`{"allOf":[` + list(60_000, ",", func(int) string { return `{}` }) + `]}`, `1`},
		"deep":       {`{"items":{"$ref":"#"}}`, strings.Repeat("[", 127) + strings.Repeat("]", 127)},
	} {
		if len(c.schema) > maxSchema {
			t.Errorf("%s: a schema of %d bytes is not even looked at", name, len(c.schema))
		}
		r := asking(t, bySchema(c.schema))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begun := time.Now()
		r.Breaks([]byte(answering(c.text)))
		took := time.Since(begun)
		runtime.ReadMemStats(&after)
		// Its own time, once for the schema and once for the text, and beside it no more than twenty times what reading costs.
		if most := 2*maxJudging + 20*reading(); took > most {
			t.Errorf("%s: it took %v, more than %v", name, took, most)
		}
		if made := after.TotalAlloc - before.TotalAlloc; made > 300<<20 {
			t.Errorf("%s: it made %d MB", name, made>>20)
		}
		if after.StackInuse > 64<<20 {
			t.Errorf("%s: the stacks hold %d MB", name, after.StackInuse>>20)
		}
	}
}

// reading is how long it takes to read as much JSON as may be judged, now, on this machine and with what else it does.
func reading() time.Duration {
	text := "[" + strings.Repeat("77,", (maxSchema+maxJudged)/3) + "7]"
	begun := time.Now()
	decode(text)
	return time.Since(begun)
}

func BenchmarkBreaks(b *testing.B) {
	body := []byte(`{"model":"x",` + msgs + `,"response_format":` + bySchema(person) + `}`)
	answer := []byte(answering(`{"name":"Ana","age":3,"kind":"a","friends":[{"name":"B"}]}`))
	b.ReportAllocs()
	for b.Loop() {
		r, _ := ParseChat(body)
		if how := r.Breaks(answer); how != "" {
			b.Fatal(how)
		}
	}
}
