package config

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"

	"github.com/joho/godotenv"
)

// ownNames are the variables that stand for a key of the file. FREEFALL_CONFIG, FREEFALL_FREE_PLAN and DEFAULT_MODEL are
// read where they matter.
var ownNames = []struct{ variable, path string }{
	{"FREEFALL_LISTEN", "listen"},
	{"FREEFALL_CLIENT_KEYS", "client_keys"},
	{"FREEFALL_ADMIN_KEY", "admin_key"},
	{"REDIS_URL", "redis"},
	{"LOG_LEVEL", "log.level"},
	{"LOG_FORMAT", "log.format"},
	{"LOG_FILE", "log.file"},
}

// environment is the process environment with the .env files behind it. The first that has a name wins, even with an
// empty value: that is how a variable is switched off for one run. What protects is not switched off like that, see guard.
type environment struct {
	layers []layer
}

type layer struct {
	origin string // "environment", ".env"
	values map[string]string
}

func newEnvironment(pairs []string) *environment {
	values := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	return &environment{[]layer{{"environment", values}}}
}

// lookup gives a value and, for people, where it came from.
func (e *environment) lookup(name string) (value, origin string) {
	for _, l := range e.layers {
		if value, ok := l.values[name]; ok {
			return strings.TrimSpace(value), l.origin + " " + name
		}
	}
	return "", ""
}

// guard looks up who may enter: a container that passes an empty variable on must not open the door that .env shuts.
func (e *environment) guard(name string) (value, origin string) {
	for _, l := range e.layers {
		if value := strings.TrimSpace(l.values[name]); value != "" {
			return value, l.origin + " " + name
		}
	}
	return "", ""
}

const maxEnvFile = 64 << 10

// readFile puts a .env file in front of the ones read before it, behind the process environment. A missing one is none.
func (e *environment) readFile(path string) error {
	b, err := readBounded(path, maxEnvFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return Mistake{mark{source: path}, reason(err)}
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	values, err := godotenv.UnmarshalBytes(b)
	if err != nil {
		// The parser's own message quotes the line, which may hold a key.
		return Mistake{mark{source: path, line: oddLine(b), column: 1}, "wants lines of the form NAME=value, or # for a comment; a value in quotes wants its closing quote"}
	}
	e.layers = append(e.layers[:1], append([]layer{{filepath.Base(path), values}}, e.layers[1:]...)...)
	return nil
}

var plainEnvLine = regexp.MustCompile(`^\s*(#.*|(export\s+)?[A-Za-z_][A-Za-z0-9_.]*\s*[=:]\s*([^'"\s].*|"[^"]*".*|'[^']*'.*)?)?$`)

// oddLine finds the first line that is no plain assignment.
func oddLine(b []byte) int {
	for i, line := range strings.Split(string(b), "\n") {
		if !plainEnvLine.MatchString(strings.TrimSuffix(line, "\r")) {
			return i + 1
		}
	}
	return 1
}

// readBounded reads a file of at most so many bytes.
func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAtMost(f, most)
}

// overrides lays the environment and the flags over what the file says.
func (d *decoder) overrides(c *Config, listen string) {
	for _, own := range ownNames {
		look := d.env.lookup
		if own.path == "client_keys" || own.path == "admin_key" {
			look = d.env.guard
		}
		if value, origin := look(own.variable); value != "" {
			if own.path == "log.level" || own.path == "log.format" {
				value = strings.ToLower(value)
			}
			d.override(c, own.path, value, mark{source: own.variable, from: origin})
		}
	}
	if listen != "" {
		d.override(c, "listen", listen, mark{source: "--listen", from: "flag --listen"})
	}
}

// override sets one value of the config by its path.
func (d *decoder) override(c *Config, path, text string, m mark) {
	p, v := find(reflect.ValueOf(c).Elem(), path)
	d.marks[path] = m
	if v.Kind() != reflect.Slice {
		d.text(p, m, text, v)
		return
	}
	v.SetZero()
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		element := reflect.New(v.Type().Elem()).Elem()
		d.marks[p.element(v.Len()).path] = m
		d.text(p.element(v.Len()), m, part, element)
		v.Set(reflect.Append(v, element))
	}
	if v.Len() == 0 {
		d.mistake(m, "%s holds no value between its commas", m.source)
	}
}

// find walks to the field at a path of plain keys.
func find(v reflect.Value, path string) (place, reflect.Value) {
	p := place{path: path}
	for name := range strings.SplitSeq(path, ".") {
		_, fields := keysOf(v.Type())
		p.tag = fields[name].Tag
		v = v.FieldByIndex(fields[name].Index)
	}
	return p, v
}
