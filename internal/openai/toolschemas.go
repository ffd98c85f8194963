package openai

import (
	"slices"

	"github.com/tidwall/gjson"
)

// Bounds of schemas that are written anew: beyond them an object is left open. References may lead in circles.
const (
	maxPlain      = 256 << 10 // bytes of one schema; a larger one stays as it is
	maxPlainDepth = 16
	maxReferred   = 1 << 20 // bytes of what references stand for, in one request
)

// plainSchemas writes the parameters of tools in those words of JSON Schema that Google's models know (ai.google.dev, Schema), since a tool
// with any other is refused: additionalProperties, which strict tools of OpenAI's always have, $schema, const, references. What is
// left out would only have narrowed what a model may write. A schema that is plain already stays as it came.
func (ed *editor) plainSchemas() {
	if ed.err != nil || !ed.keys.has(chatKeys["tools"]) {
		return
	}
	w, changed, left := writer{}, false, maxReferred
	w.open('[')
	for _, tool := range elements(gjson.GetBytes(ed.body, "tools")) {
		raw := []byte(tool.Raw)
		if given := tool.Get("function.parameters"); given.IsObject() && len(given.Raw) <= maxPlain {
			p := plainer{root: given, left: &left}
			switch plain := p.schema(given, 0); {
			case plain == "":
				raw, changed = without(raw, "function.parameters"), true
			case p.odd:
				raw, changed = with(raw, "function.parameters", plain), true
			}
		}
		w.raw(string(raw))
	}
	w.close(']')
	if changed {
		ed.set("tools", "", string(w.out))
	}
}

// plainer writes one tool's schema.
type plainer struct {
	root        gjson.Result
	left        *int                    // of maxReferred
	definitions map[string]gjson.Result // by reference; nil = not read yet
	odd         bool                    // there was something to change
}

// plainSchema is what a schema says in plain words. What it says twice counts once, the first time.
type plainSchema struct {
	kind       string
	nullable   bool
	enum       []string // raw, like all below
	names      []string
	has        map[string]bool // by name
	properties []gjson.Result
	required   []string
	items      gjson.Result
	anyOf      []gjson.Result
	rest       map[string]string
}

// kept are the words that are passed on as they are, in this order.
var kept = []string{"title", "description", "format", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"}

// formats are those that Google knows.
var formats = []string{"enum", "date-time", "int32", "int64", "float", "double"}

// schema writes a schema; at the top, nothing for one without properties, which Google does not take.
func (p *plainer) schema(given gjson.Result, depth int) string {
	f := plainSchema{has: map[string]bool{}, rest: map[string]string{}}
	if depth > maxPlainDepth {
		p.odd = true
		return `{"type":"object"}`
	}
	p.read(given, &f, depth)
	if len(f.anyOf) == 1 {
		p.read(f.anyOf[0], &f, depth)
	}
	w := writer{}
	w.open('{')
	if kind := f.typed(); kind != "" {
		w.say("type", kind)
	}
	for _, name := range kept {
		if raw, is := f.rest[name]; is {
			w.set(name, raw)
		}
	}
	if f.nullable {
		w.set("nullable", "true")
	}
	switch kind := f.typed(); {
	case depth == 0 && len(f.names) == 0 && (kind == "object" || kind == "" && len(f.anyOf) < 2):
		return ""
	case kind == "object" && len(f.names) > 0:
		w.key("properties")
		w.open('{')
		for i, name := range f.names {
			w.comma()
			w.out, w.more = append(append(w.out, name...), ':'), false
			w.raw(p.schema(f.properties[i], depth+1))
		}
		w.close('}')
		w.list("required", slices.DeleteFunc(f.required, func(name string) bool { return !f.has[name] }))
	case kind == "array" && f.items.IsObject():
		w.set("items", p.schema(f.items, depth+1))
	case kind == "array":
		p.odd = true
		w.set("items", `{"type":"string"}`) // it wants to know
	case kind == "string":
		w.list("enum", f.enum)
	case kind == "" && len(f.anyOf) > 1:
		w.key("anyOf")
		w.open('[')
		for _, one := range f.anyOf {
			w.raw(p.schema(one, depth+1))
		}
		w.close(']')
	}
	w.close('}')
	return string(w.out)
}

// list writes a list of raw values, if there are any.
func (w *writer) list(name string, values []string) {
	if len(values) == 0 {
		return
	}
	w.key(name)
	w.open('[')
	for _, v := range values {
		w.raw(v)
	}
	w.close(']')
}

// typed is the type that is meant, if one is.
func (f *plainSchema) typed() string {
	switch {
	case f.kind != "":
		return f.kind
	case len(f.names) > 0:
		return "object"
	case f.items.Exists():
		return "array"
	case len(f.enum) > 0:
		return "string"
	}
	return ""
}

// read takes what a schema says, and what those say that it is made of.
func (p *plainer) read(s gjson.Result, f *plainSchema, depth int) {
	if depth > maxPlainDepth {
		p.odd = true
		return
	}
	s.ForEach(func(key, v gjson.Result) bool {
		switch word := key.Str; word {
		case "type":
			p.readType(v, f)
		case "nullable":
			f.nullable = f.nullable || v.Bool()
		case "enum", "const":
			p.odd = p.odd || word == "const"
			for _, one := range elements(v) {
				if one.Type != gjson.String {
					p.odd = true // Google's are texts
				} else {
					f.enum = append(f.enum, one.Raw)
				}
			}
			if v.Type == gjson.String {
				f.enum = append(f.enum, v.Raw)
			}
		case "properties":
			v.ForEach(func(name, v gjson.Result) bool {
				if name.Raw != "" && !f.has[name.Raw] { // none where it is no object
					f.has[name.Raw] = true
					f.names, f.properties = append(f.names, name.Raw), append(f.properties, v)
				}
				return true
			})
		case "required":
			for _, name := range elements(v) {
				f.required = append(f.required, name.Raw)
			}
		case "items":
			f.items = v
		case "anyOf", "oneOf":
			p.odd = p.odd || word == "oneOf"
			for _, one := range elements(v) {
				if one.Get("type").Str == "null" {
					f.nullable, p.odd = true, true
				} else {
					f.anyOf = append(f.anyOf, one)
				}
			}
		case "allOf":
			p.odd = true
			for _, one := range elements(v) {
				p.read(one, f, depth+1)
			}
		case "$ref":
			p.odd = true
			p.read(p.referred(v.Str), f, depth+1)
		default:
			if _, had := f.rest[word]; slices.Contains(kept, word) && !had && (word != "format" || slices.Contains(formats, v.Str)) {
				f.rest[word] = v.Raw
			} else {
				p.odd = true
			}
		}
		return true
	})
}

// readType takes a type, or the first of several; null among them is no type of its own.
func (p *plainer) readType(v gjson.Result, f *plainSchema) {
	p.odd = p.odd || v.Type != gjson.String
	take := func(name gjson.Result) {
		switch {
		case name.Str == "null":
			f.nullable, p.odd = true, true
		case f.kind == "" && name.Type == gjson.String:
			f.kind = name.Str
		}
	}
	take(v)
	for _, name := range elements(v) {
		take(name)
	}
}

// referred is what a reference stands for: the whole schema, or one of its definitions. There is none behind the bound.
func (p *plainer) referred(ref string) gjson.Result {
	if p.definitions == nil {
		p.definitions = map[string]gjson.Result{"#": p.root}
		p.root.ForEach(func(place, v gjson.Result) bool {
			if place.Str == "$defs" || place.Str == "definitions" {
				v.ForEach(func(name, v gjson.Result) bool {
					p.definitions["#/"+place.Str+"/"+name.Str] = v
					return true
				})
			}
			return true
		})
	}
	found := p.definitions[ref]
	if *p.left -= len(found.Raw); *p.left < 0 {
		return gjson.Result{}
	}
	return found
}
