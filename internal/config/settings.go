package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Setting is one value outside of providers, models and chains, for people.
type Setting struct {
	Path   string // "routing.stick"
	Value  string // secrets masked
	Origin string // "default", "models.yaml:12", "environment LOG_LEVEL", "flag --listen"
}

// Settings lists all single values with where each came from, in the order of the reference.
func (c *Config) Settings() []Setting {
	return c.settings("", reflect.ValueOf(c).Elem())
}

func (c *Config) settings(path string, v reflect.Value) (all []Setting) {
	keys, fields := keysOf(v.Type())
	for _, key := range keys {
		field, at := v.FieldByIndex(fields[key].Index), join(path, key)
		switch {
		case isScalar(field):
			all = append(all, Setting{at, show(field.Interface()), c.Origin(at)})
		case field.Kind() == reflect.Struct:
			all = append(all, c.settings(at, field)...)
		case field.Kind() == reflect.Slice && isScalar(reflect.Zero(field.Type().Elem())):
			all = append(all, Setting{at, showList(field), c.Origin(at)})
		}
	}
	return all
}

// Origin says where the value at a path came from, as people read it.
func (c *Config) Origin(path string) string {
	m, ok := c.marks[path]
	if list, first := c.marks[path+"[0]"]; first && (!ok || m.from == "" && list.from != "") {
		m, ok = list, true // a list is from where its first element is
	}
	switch {
	case !ok:
		return "default"
	case m.line == 0:
		return m.from
	case m.from != "":
		return fmt.Sprintf("%s:%d from %s", m.source, m.line, m.from)
	}
	return fmt.Sprintf("%s:%d", m.source, m.line)
}

func show(value any) string {
	switch v := value.(type) {
	case Secret:
		return v.Masked()
	case time.Duration:
		return duration(v)
	}
	return fmt.Sprint(value)
}

// duration leaves out the zeros that time.Duration ends with: 10m, not 10m0s.
func duration(d time.Duration) string {
	text := d.String()
	if d%time.Minute == 0 && d != 0 {
		text = strings.TrimSuffix(text, "0s")
	}
	if d%time.Hour == 0 && d != 0 {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func showList(v reflect.Value) string {
	var parts []string
	for i := range v.Len() {
		parts = append(parts, show(v.Index(i).Interface()))
	}
	return strings.Join(parts, ", ")
}
