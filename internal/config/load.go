package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Options say where a config comes from.
type Options struct {
	// Path is the --config flag. Empty = FREEFALL_CONFIG, else models.yaml in Dir, else the built-in one.
	Path string
	// Listen is the --listen flag.
	Listen string
	// Env is the process environment, as from os.Environ.
	Env []string
	// Dir is the working directory. Empty = the real one.
	Dir string
	// Known are the providers that need no base_url. The first is the one that a file without providers means.
	Known []Known
	// Local finds the model servers of this machine, as known ones with their own URL. It is asked only when there is no file;
	// nil = nobody looks.
	Local func() []Known
}

// Known is a provider that freefall knows by name.
type Known struct {
	Name string
	// BaseURL may hold ${VAR}.
	BaseURL string
	// KeyVars are the variables that people keep its key in; the first that is set is taken. None = it needs no key.
	KeyVars []string
	// FirstToken is its timeouts.first_token where nobody writes one; 0 = as everywhere.
	FirstToken time.Duration
}

const (
	fileName = "models.yaml"
	// BuiltIn is what messages call the models.yaml within the program.
	BuiltIn = "built-in models.yaml"
	maxFile = 1 << 20
)

// Load reads the config. Its error is a Mistakes when somebody has to correct something.
func Load(o Options) (*Config, error) {
	env := newEnvironment(o.Env)
	if err := env.readFile(filepath.Join(o.Dir, ".env")); err != nil {
		return nil, Mistakes{asMistake(err)}
	}
	path, err := o.find(env)
	if err != nil {
		return nil, err
	}
	b := shipped
	if path != "" {
		if b, err = readBounded(path, maxFile); err != nil {
			return nil, Mistakes{{mark{source: path}, reason(err)}}
		}
		if dir := filepath.Dir(path); dir != filepath.Clean(o.Dir) {
			if err := env.readFile(filepath.Join(dir, ".env")); err != nil {
				return nil, Mistakes{asMistake(err)}
			}
		}
	}
	return parse(path, b, env, o)
}

// Shipped reads the built-in models.yaml with this environment, as from os.Environ, and looks at no file.
func Shipped(env []string, known []Known) (*Config, error) {
	return parse("", shipped, newEnvironment(env), Options{Known: known})
}

// find gives the path of the file, or "" for the built-in one.
func (o Options) find(env *environment) (string, error) {
	if o.Path != "" {
		return o.Path, nil
	}
	if path, _ := env.lookup("FREEFALL_CONFIG"); path != "" {
		return path, nil
	}
	path := filepath.Join(o.Dir, fileName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return path, nil
}

// parse turns bytes into a Config, or into all that is wrong with them.
func parse(path string, b []byte, env *environment, o Options) (*Config, error) {
	source := path
	if path == "" {
		source = BuiltIn
	}
	d := &decoder{source: source, env: env, marks: map[string]mark{}, unset: map[string][]string{}, vars: map[string][]string{}}
	c := defaults()
	c.File, c.marks = path, d.marks
	root, err := tree(source, b)
	if err != nil {
		return nil, Mistakes{asMistake(err)}
	}
	if root != nil {
		d.value(place{}, root, reflect.ValueOf(&c).Elem())
	}
	if d.visited > maxVisited || d.expanded > maxExpanded {
		return nil, Mistakes{{mark{source: source}, "holds too much: its aliases or variables grow without end"}}
	}
	d.overrides(&c, o.Listen)
	r := resolver{decoder: d, c: &c, options: o}
	r.resolve()
	if len(d.mistakes) > 0 {
		return nil, d.mistakes.sorted()
	}
	return &c, nil
}

// tree parses YAML. A file without a value has no root.
func tree(source string, b []byte) (*yaml.Node, error) {
	var doc yaml.Node
	err := yaml.Load(b, &doc)
	var at *yaml.LoadError
	switch {
	case err == nil:
	case errors.As(err, &at) && at.Stage != yaml.ConstructorStage:
		return nil, syntaxMistake(source, b, at)
	case strings.Contains(err.Error(), "no documents"):
		return nil, nil
	default:
		return nil, Mistake{mark{source: source, line: secondDocument(b), column: 1}, "a second document begins here: remove it"}
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode && root.ShortTag() != "!!null" {
		return nil, Mistake{mark{source, root.Line, root.Column, ""}, "wants keys such as models: at the top, not " + nodeShape(root)}
	}
	return root, nil
}

// secondDocument is the line in which it begins: the first marker behind something that is neither blank, comment nor directive.
func secondDocument(b []byte) int {
	begun := false
	for n, line := range strings.Split(string(b), "\n") {
		if strings.HasPrefix(line, "---") && begun {
			return n + 1
		}
		line = strings.TrimSpace(line)
		begun = begun || line != "" && line[0] != '#' && line[0] != '%'
	}
	return 1
}

// syntaxMistake words what the YAML parser found. Its position is where it gave up, which may be a line late.
func syntaxMistake(source string, b []byte, err *yaml.LoadError) Mistake {
	m := mark{source: source, line: err.Mark.Line, column: err.Mark.Column}
	if err.Stage == yaml.ReaderStage {
		before := b[:min(err.Mark.Index, len(b))]
		begin := bytes.LastIndexByte(before, '\n') + 1
		m.line, m.column = bytes.Count(before, []byte{'\n'})+1, utf8.RuneCount(before[begin:])+1
		return Mistake{m, "is no text in UTF-8: " + err.Message}
	}
	text := "is no YAML: " + err.Message
	if err.ContextMark.Line > 0 && err.ContextMark.Line != m.line {
		text += fmt.Sprintf(" (%s that began in line %d)", strings.TrimPrefix(err.ContextMsg, "while "), err.ContextMark.Line)
	}
	return Mistake{m, text + syntaxHint(lineOf(b, m.line))}
}

// syntaxHint knows the two slips that the parser words badly.
func syntaxHint(line string) string {
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	switch {
	case strings.Contains(indent, "\t"):
		return "; indent with spaces, not with a tab"
	case strings.Contains(line, "[${") || strings.Contains(line, ", ${"):
		return `; within [ ] a variable wants quotes: ["${NAME}"]`
	}
	return ""
}

func lineOf(b []byte, n int) string {
	lines := strings.Split(string(b), "\n")
	if n < 1 || n > len(lines) {
		return ""
	}
	return lines[n-1]
}

var errTooLarge = errors.New("too large")

func readAtMost(r io.Reader, most int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(b)) > most {
		return nil, errTooLarge
	}
	return b, err
}

// reason words why a file cannot be read, with what to do.
func reason(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "no such file: check --config and FREEFALL_CONFIG, or leave both away to use the built-in models.yaml"
	case errors.Is(err, fs.ErrPermission):
		return "cannot be read: check its owner and mode"
	case errors.Is(err, errTooLarge):
		return "is too large to be a config: at most 1 MiB, and 64 KiB for .env"
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return "cannot be read: " + path.Err.Error()
	}
	return "cannot be read: " + err.Error()
}

func asMistake(err error) Mistake {
	var m Mistake
	errors.As(err, &m)
	return m
}
