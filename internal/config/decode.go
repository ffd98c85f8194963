package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
)

// decoder walks a YAML tree and a Go value side by side. It does by hand what yaml.WithKnownFields does, since a person
// needs more: the column, the nearest right key, variables, and the place of every value for the checks that follow.
type decoder struct {
	source   string // how the file is called in messages
	env      *environment
	marks    map[string]mark     // by path: "providers.openrouter.base_url", "models[2].id"
	unset    map[string][]string // by path: variables that were asked for and are empty
	vars     map[string][]string // by path: all variables that were asked for
	mistakes Mistakes
	visited  int // values seen, aliases followed anew each time
	expanded int // bytes that variables have grown to
}

const (
	maxVisited = 50_000 // bounds what aliases of aliases can grow to
	maxEntries = 1000   // of one list or mapping
)

// place is where in the config a value goes.
type place struct {
	path string
	tag  reflect.StructTag
}

func (p place) key(name string) place   { return place{path: join(p.path, name), tag: p.tag} }
func (p place) element(i int) place     { return place{path: fmt.Sprintf("%s[%d]", p.path, i), tag: p.tag} }
func (p place) name() string            { return p.path[strings.LastIndexByte(p.path, '.')+1:] }
func (p place) allowed(tag string) bool { return p.tag.Get(tag) == "ok" }

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// mistake notes what is wrong with a value.
func (d *decoder) mistake(m mark, format string, args ...any) {
	d.mistakes = append(d.mistakes, Mistake{m, fmt.Sprintf(format, args...)})
}

func (d *decoder) at(n *yaml.Node) mark {
	return mark{source: d.source, line: n.Line, column: n.Column}
}

// value decodes one node. An empty value is as if its key were not written.
func (d *decoder) value(p place, n *yaml.Node, v reflect.Value) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if d.visited++; d.visited > maxVisited || n.ShortTag() == "!!null" {
		return
	}
	if p.path != "" {
		d.marks[p.path] = d.at(n)
	}
	if v.Kind() == reflect.Pointer {
		target := reflect.New(v.Type().Elem())
		d.value(p, n, target.Elem())
		v.Set(target)
		return
	}
	_, short := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr())
	switch kind := v.Kind(); {
	case n.Kind == yaml.ScalarNode && (short || isScalar(v)):
		d.scalar(p, n, v)
	case n.Kind == yaml.MappingNode && kind == reflect.Struct && !isScalar(v):
		d.mapping(p, n, v)
	case n.Kind == yaml.MappingNode && kind == reflect.Slice && keyField(v.Type().Elem()) >= 0:
		d.named(p, n, v)
	case n.Kind == yaml.MappingNode && kind == reflect.Map:
		d.table(p, n, v)
	case n.Kind == yaml.SequenceNode && kind == reflect.Slice && keyField(v.Type().Elem()) < 0:
		d.list(p, n, v)
	default:
		d.mistake(d.at(n), "%s wants %s, not %s", p.name(), shape(v), nodeShape(n))
	}
}

// isScalar says whether a value of this type is written as one word or number.
func isScalar(v reflect.Value) bool {
	switch v.Interface().(type) {
	case Secret, Hedge, DayReset:
		return true
	}
	return v.Kind() != reflect.Struct && v.Kind() != reflect.Slice && v.Kind() != reflect.Map
}

// shape says how a value of this type is written.
func shape(v reflect.Value) string {
	switch {
	case isScalar(v):
		return "a single value"
	case v.Kind() == reflect.Slice && keyField(v.Type().Elem()) < 0:
		return "a list"
	}
	return "a mapping (key: value)"
}

func nodeShape(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a mapping"
	}
	return "a single value"
}

// keyField is the field of a struct that takes its key in the file, or -1.
func keyField(t reflect.Type) int {
	if t.Kind() != reflect.Struct {
		return -1
	}
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("yaml") == ",key" {
			return i
		}
	}
	return -1
}

// keysOf lists the keys of a struct in the file, with their fields.
func keysOf(t reflect.Type) (keys []string, fields map[string]reflect.StructField) {
	fields = map[string]reflect.StructField{}
	for field := range t.Fields() {
		tag := field.Tag.Get("yaml")
		if tag != "" && tag != "-" && tag != ",key" {
			keys = append(keys, tag)
			fields[tag] = field
		}
	}
	return keys, fields
}

// pairs calls do for each key of a mapping, once.
func (d *decoder) pairs(n *yaml.Node, do func(key, value *yaml.Node)) {
	if d.tooMany(n, 2*maxEntries) {
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		switch first, twice := seen[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			d.mistake(d.at(key), "a key must be a single word, not %s", nodeShape(key))
		case key.ShortTag() == "!!merge":
			d.mistake(d.at(key), "merging with << is not supported: write the keys out")
		case twice:
			d.mistake(d.at(key), "key %s stands here a second time (first in line %d): remove one of the two", quote(key.Value), first)
		default:
			seen[key.Value] = key.Line
			do(key, value)
		}
	}
}

// tooMany refuses what no person would write, before anything walks it twice.
func (d *decoder) tooMany(n *yaml.Node, most int) bool {
	if len(n.Content) > most {
		d.mistake(d.at(n), "more than %d entries are too many", maxEntries)
	}
	return len(n.Content) > most
}

// mapping decodes into a struct.
func (d *decoder) mapping(p place, n *yaml.Node, v reflect.Value) {
	keys, fields := keysOf(v.Type())
	d.pairs(n, func(key, value *yaml.Node) {
		field, known := fields[key.Value]
		if !known {
			d.mistake(d.at(key), "unknown key %s%s", quote(key.Value), keyHint(key.Value, keys))
			return
		}
		d.value(place{join(p.path, key.Value), field.Tag}, value, v.FieldByIndex(field.Index))
	})
}

// keyHint names the nearest key, or all of a few.
func keyHint(word string, keys []string) string {
	if near := didYouMean(word, keys); near != "" {
		return near
	}
	if len(keys) > 6 {
		return ": remove it (freefall schema lists all keys)"
	}
	return ": remove it; there are " + strings.Join(keys, ", ")
}

// named decodes a mapping whose keys are names, in the order of the file.
func (d *decoder) named(p place, n *yaml.Node, v reflect.Value) {
	v.SetZero()
	d.pairs(n, func(key, value *yaml.Node) {
		if !isName(key.Value) {
			d.mistake(d.at(key), "%s wants names of letters, digits, - and _ (at most 64), not %s", p.name(), quote(key.Value))
			return
		}
		element := reflect.New(v.Type().Elem()).Elem()
		element.Field(keyField(element.Type())).SetString(key.Value)
		at := p.key(key.Value)
		d.marks[at.path] = d.at(key)
		d.value(at, value, element)
		v.Set(reflect.Append(v, element))
	})
}

// isName says whether a provider, chain, client or account may be called so.
func isName(s string) bool {
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// table decodes free keys, as in headers.
func (d *decoder) table(p place, n *yaml.Node, v reflect.Value) {
	v.Set(reflect.MakeMap(v.Type()))
	d.pairs(n, func(key, value *yaml.Node) {
		element := reflect.New(v.Type().Elem()).Elem()
		d.value(p.key(key.Value), value, element)
		v.SetMapIndex(reflect.ValueOf(key.Value), element)
	})
}

// list decodes a sequence. A variable in it may hold several elements, separated by commas, or none.
func (d *decoder) list(p place, n *yaml.Node, v reflect.Value) {
	if d.tooMany(n, maxEntries) {
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, len(n.Content)))
	for _, item := range n.Content {
		if item.Kind == yaml.AliasNode {
			item = item.Alias
		}
		at := p.element(v.Len())
		element := reflect.New(v.Type().Elem()).Elem()
		if item.Kind == yaml.ScalarNode && strings.Contains(item.Value, "${") {
			d.split(p, item, v)
			continue
		}
		d.value(at, item, element)
		v.Set(reflect.Append(v, element))
	}
}

// split appends what a variable in a list holds.
func (d *decoder) split(p place, n *yaml.Node, v reflect.Value) {
	text, from, ok := d.expand(p, d.at(n), n.Value)
	if strings.Count(text, ",") > maxEntries {
		d.mistake(d.at(n), "more than %d entries are too many", maxEntries)
		return
	}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" || !ok {
			continue
		}
		at := p.element(v.Len())
		d.marks[at.path] = mark{d.source, n.Line, n.Column, from}
		element := reflect.New(v.Type().Elem()).Elem()
		d.text(at, d.marks[at.path], part, element)
		v.Set(reflect.Append(v, element))
	}
}
