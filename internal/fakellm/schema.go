package fakellm

import (
	"maps"
	"math"
	"slices"
	"strings"
)

// maxDepth ends schemas that contain themselves, maxSize those that do so several times over.
const (
	maxDepth = 24
	maxSize  = 1 << 20
)

// example makes a value that satisfies a JSON Schema, as far as plain schemas go: patterns, conditions and negations are
// not understood. The same schema always gives the same value.
func example(schema any) any {
	g := &generator{root: schema, left: maxSize}
	return g.value(schema, 0)
}

type generator struct {
	root any
	left int // bytes, roughly
}

// spent is v, paid for by its size, or nil when nothing is left.
func (g *generator) spent(v any) any {
	if g.left -= len(encode(v)); g.left < 0 {
		return nil
	}
	return v
}

func (g *generator) value(schema any, depth int) any {
	s, ok := schema.(map[string]any)
	if g.left -= 8; !ok || depth > maxDepth || g.left < 0 {
		return nil // true, absent or endless
	}
	if ref, ok := s["$ref"].(string); ok {
		return g.value(g.resolve(ref), depth+1)
	}
	if v, ok := s["const"]; ok {
		return g.spent(v)
	}
	if list, ok := s["enum"].([]any); ok && len(list) > 0 {
		return g.spent(list[0])
	}
	for _, word := range []string{"anyOf", "oneOf"} {
		if list, ok := s[word].([]any); ok && len(list) > 0 {
			return g.value(g.richest(list, depth), depth+1)
		}
	}
	if list, ok := s["allOf"].([]any); ok {
		s = merged(s, list, g)
	}
	return g.typed(s, depth)
}

func (g *generator) typed(s map[string]any, depth int) any {
	switch kind(s) {
	case "object":
		return g.object(s, depth)
	case "array":
		return g.array(s, depth)
	case "string":
		return g.spent(text(s))
	case "integer":
		return math.Trunc(number(s, 1))
	case "number":
		return number(s, 0.1)
	case "boolean":
		return true
	}
	return nil
}

// kind is the type that a schema asks for, the first of several, guessed when it says none.
func kind(s map[string]any) string {
	switch t := s["type"].(type) {
	case string:
		return t
	case []any:
		for _, v := range t {
			if word, _ := v.(string); word != "null" {
				return word
			}
		}
	}
	switch {
	case s["properties"] != nil || s["required"] != nil:
		return "object"
	case s["items"] != nil || s["prefixItems"] != nil:
		return "array"
	}
	return ""
}

// resolve follows a reference within the schema.
func (g *generator) resolve(ref string) any {
	path, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil
	}
	at := g.root
	for name := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if name == "" {
			continue
		}
		m, _ := at.(map[string]any)
		at = m[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]
	}
	return at
}

// richest is the first alternative that is not null; deep down it is null, so that recursive schemas end.
func (g *generator) richest(list []any, depth int) any {
	isNull := func(v any) bool { s, ok := v.(map[string]any); return ok && s["type"] == "null" }
	i := slices.IndexFunc(list, func(v any) bool { return isNull(v) == (depth > maxDepth/3) })
	return list[max(i, 0)]
}

// merged lays the properties and demands of all parts into one schema.
func merged(s map[string]any, parts []any, g *generator) map[string]any {
	out := map[string]any{}
	properties, required := map[string]any{}, []any{}
	for _, part := range append([]any{s}, parts...) {
		m, _ := part.(map[string]any)
		if ref, ok := m["$ref"].(string); ok {
			m, _ = g.resolve(ref).(map[string]any)
		}
		maps.Copy(out, m)
		if p, ok := m["properties"].(map[string]any); ok {
			maps.Copy(properties, p)
		}
		if r, ok := m["required"].([]any); ok {
			required = append(required, r...)
		}
	}
	if len(properties) > 0 {
		out["properties"] = properties
	}
	out["required"] = required
	return out
}

// object has all properties near the top and the required ones below, so that recursive schemas end.
func (g *generator) object(s map[string]any, depth int) any {
	properties, _ := s["properties"].(map[string]any)
	required, _ := s["required"].([]any)
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if depth < maxDepth/4 || slices.Contains(required, any(name)) {
			g.left -= len(name)
			out[name] = g.value(properties[name], depth+1)
		}
	}
	for _, r := range required {
		if name, ok := r.(string); ok && properties[name] == nil {
			g.left -= len(name)
			out[name] = g.value(s["additionalProperties"], depth+1)
		}
	}
	return out
}

// array has as many elements as it must, and one where it may; deep down none.
func (g *generator) array(s map[string]any, depth int) any {
	n := int(min(max(bound(s["minItems"], 0), 0), 1000))
	if n == 0 && depth < maxDepth/4 && bound(s["maxItems"], 1) > 0 {
		n = 1
	}
	prefix, _ := s["prefixItems"].([]any)
	out := make([]any, 0, n)
	for i := range min(max(n, len(prefix)), 1000) {
		item := s["items"]
		if i < len(prefix) {
			item = prefix[i]
		}
		out = append(out, g.value(item, depth+1))
	}
	return out
}

var formats = map[string]string{
	"date-time": "2026-01-02T03:04:05Z", "date": "2026-01-02", "time": "03:04:05Z", "email": "ana@example.com",
	"uri": "https://example.com/", "uuid": "123e4567-e89b-42d3-a456-426614174000", "ipv4": "192.0.2.1", "ipv6": "2001:db8::1",
	"hostname": "example.com", "duration": "PT1S",
}

func text(s map[string]any) string {
	name, _ := s["format"].(string)
	if v, ok := formats[name]; ok {
		return v
	}
	v := "example"
	if least := int(bound(s["minLength"], 0)); len(v) < least {
		v += strings.Repeat("x", min(least, maxSize)-len(v))
	}
	return v[:max(min(len(v), int(bound(s["maxLength"], math.MaxInt32))), 0)]
}

// number is the least one allowed, or 1, or the greatest one allowed when that is less; unit keeps off exclusive bounds.
func number(s map[string]any, unit float64) float64 {
	v := max(1, bound(s["minimum"], math.Inf(-1)), bound(s["exclusiveMinimum"], math.Inf(-1))+unit)
	v = min(v, bound(s["maximum"], math.Inf(1)), bound(s["exclusiveMaximum"], math.Inf(1))-unit)
	if step := bound(s["multipleOf"], 0); step > 0 {
		v = math.Ceil(v/step) * step
	}
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return 0
	}
	return v
}

func bound(v any, absent float64) float64 {
	if f, ok := v.(float64); ok {
		return f
	}
	return absent
}
