package openai

import (
	"encoding/json"
	"errors"
	"regexp"
	"regexp/syntax"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/tidwall/gjson"
)

// What is judged of an answer's form is bounded: both the schema and the answer come from outside. What would cost more is not
// judged, and passes.
const (
	maxSchema   = 256 << 10 // bytes
	maxParts    = 8000      // values in it: reading it takes the square of them
	maxJudged   = 1 << 20   // bytes of one text
	maxJudging  = 250 * time.Millisecond
	maxFrames   = 20_000    // objects of the schema times the depth of the answer: they are on the stack together
	maxPairs    = 1_000_000 // elements of the schema's arrays times values of the answer: each enum is held against each value
	maxMatched  = 16 << 10  // bytes of a string that a pattern is held against
	maxPattern  = 2000      // instructions that a pattern is compiled to, roughly
	schemaPlace = "urn:schema"
)

// How an answer may break what was asked for. Nothing of the answer is told.
const (
	noObject    = "the answer is not the JSON object that was asked for"
	noJSON      = "the answer is not the JSON that was asked for"
	offSchema   = "the answer breaks the JSON schema that was asked for"
	noArguments = "the arguments of a tool call are not JSON"
)

// Breaks says how a good whole answer breaks the form that the request asked for: its response_format, and arguments of tool
// calls that are no JSON. It is empty when the answer does not, or when that cannot be told within bounds.
func (r *Request) Breaks(answer []byte) (how string) {
	gjson.GetBytes(answer, "choices").ForEach(func(_, choice gjson.Result) bool {
		message := choice.Get("message")
		calls := message.Get("tool_calls").Array()
		for _, call := range calls {
			if !isArguments(call.Get("function.arguments")) {
				how = noArguments
			}
		}
		content := message.Get("content")
		if how == "" && len(calls) == 0 && !message.Get("function_call").IsObject() && message.Get("refusal").String() == "" && !content.IsArray() {
			how = r.asked().breaks(content.String())
		}
		return how == ""
	})
	return how
}

// isArguments says whether arguments are a JSON object, as text or as they are, or nothing at all: a call without any.
func isArguments(v gjson.Result) bool {
	if v.Type != gjson.String {
		return v.Type == gjson.Null || v.IsObject()
	}
	text := strings.TrimSpace(v.Str)
	return text == "" || text[0] == '{' && validShallow([]byte(text))
}

// asked is the form of the answer that the request asks for, read once.
func (r *Request) asked() *form {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.form == nil {
		r.form = newForm(gjson.GetBytes(r.Body, "response_format"))
	}
	return r.form
}

// form is what response_format asks of a text.
type form struct {
	object bool               // a JSON object
	json   bool               // JSON
	schema *jsonschema.Schema // that satisfies this; nil = any, or it cannot be judged
	size   extent             // of the schema
	until  time.Time          // when the judging under way is given up
}

func newForm(format gjson.Result) *form {
	switch kind := format.Get("type").Str; {
	case kind == "json_object":
		return &form{object: true, json: true}
	case kind == "json_schema":
		f := &form{json: true}
		if schema := format.Get("json_schema.schema"); schema.Exists() && len(schema.Raw) <= maxSchema {
			f.compile(schema.Raw)
		}
		return f
	}
	return &form{}
}

func (f *form) breaks(text string) string {
	if !f.json || len(text) > maxJudged {
		return ""
	}
	text = strings.TrimSpace(text)
	switch {
	case !validShallow([]byte(text)) || text == "":
		if f.object {
			return noObject
		}
		return noJSON
	case f.object && text[0] != '{':
		return noObject
	case f.schema != nil && f.offSchema(text):
		return offSchema
	}
	return ""
}

// compile reads the schema. One that cannot be read, points elsewhere, or is too much is none.
func (f *form) compile(raw string) {
	defer func() {
		if recover() != nil {
			f.schema = nil
		}
	}()
	doc, ok := decode(raw)
	if !ok {
		return
	}
	if f.size = measure(doc); f.size.values > maxParts {
		return
	}
	f.until = time.Now().Add(maxJudging)
	c := jsonschema.NewCompiler()
	c.UseLoader(nowhere{})
	c.UseRegexpEngine(f.pattern)
	c.RegisterVocabulary(&jsonschema.Vocabulary{URL: "urn:bounds", Compile: func(*jsonschema.CompilerContext, map[string]any) (jsonschema.SchemaExt, error) {
		f.check()
		return bounds{f}, nil
	}})
	c.AssertVocabs()
	if c.AddResource(schemaPlace, doc) != nil {
		return
	}
	f.schema, _ = c.Compile(schemaPlace)
}

// offSchema holds a JSON text against the schema.
func (f *form) offSchema(text string) (off bool) {
	defer func() {
		if recover() != nil {
			off = false // not to be told: it took too long, or the library met what it does not expect
		}
	}()
	doc, ok := decode(text)
	if !ok {
		return false
	}
	if size := measure(doc); f.size.objects*size.depth > maxFrames || f.size.elements*size.values > maxPairs {
		return false
	}
	f.until = time.Now().Add(maxJudging)
	return f.schema.Validate(doc) != nil
}

var errTooLong = errors.New("the judging takes too long")

// check gives up the judging when its time is over.
func (f *form) check() {
	if time.Now().After(f.until) {
		panic(errTooLong)
	}
}

// bounds stands in each part of a schema and is called for each value that the part is held against.
type bounds struct{ f *form }

func (b bounds) Validate(*jsonschema.ValidatorContext, any) { b.f.check() }

// nowhere keeps a schema from reading files and asking servers.
type nowhere struct{}

func (nowhere) Load(string) (any, error) { return nil, errors.New("a schema may not point elsewhere") }

// pattern compiles a regular expression that cannot cost much; another one matches anything.
func (f *form) pattern(s string) (jsonschema.Regexp, error) {
	tree, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		return nil, err
	}
	p := pattern{f: f, text: s}
	if instructions(tree) <= maxPattern {
		p.re, err = regexp.Compile(s)
	}
	return p, err
}

type pattern struct {
	f    *form
	text string
	re   *regexp.Regexp // nil = too dear
}

func (p pattern) String() string { return p.text }

func (p pattern) MatchString(s string) bool {
	p.f.check()
	return p.re == nil || len(s) > maxMatched || p.re.MatchString(s)
}

// instructions is about how many a regular expression is compiled to: what is repeated n times is written n times.
func instructions(re *syntax.Regexp) int {
	n := 1 + len(re.Rune)
	for _, sub := range re.Sub {
		n += instructions(sub)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(1, re.Min, re.Max)
	}
	return min(n, maxPattern+1)
}

// decode reads JSON with numbers as floats. Those that are none, like 1e999999, would cost memory as what they are.
func decode(text string) (doc any, ok bool) {
	err := json.Unmarshal([]byte(text), &doc)
	return doc, err == nil
}

// extent is how large a document is.
type extent struct {
	values, objects, elements, depth int // elements: of arrays
}

func measure(doc any) (e extent) {
	within := func(v any) {
		inner := measure(v)
		e.values += inner.values
		e.objects += inner.objects
		e.elements += inner.elements
		e.depth = max(e.depth, inner.depth)
	}
	switch v := doc.(type) {
	case map[string]any:
		e.objects++
		for _, member := range v {
			within(member)
		}
	case []any:
		e.elements += len(v)
		for _, element := range v {
			within(element)
		}
	}
	e.values++
	e.depth++
	return e
}
