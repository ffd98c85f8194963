package config

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// AddModels writes models behind those of a models.yaml. Every byte that was there stays as it was: comments, order, ends of
// lines. What it cannot do so is an error that says what to do by hand.
func AddModels(file []byte, add []Model) ([]byte, error) {
	root, err := tree(fileName, file)
	if err != nil {
		return nil, err
	}
	if root == nil || root.Kind != yaml.MappingNode {
		return nil, errors.New("the file holds no models: add them by hand")
	}
	at := -1
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == "models" {
			at = i + 1
		}
	}
	if at < 0 || root.Content[at].Kind != yaml.SequenceNode || len(root.Content[at].Content) == 0 {
		return nil, errors.New("the file has no list of models to add to: add them by hand")
	}
	list := root.Content[at]
	newline := "\n"
	if bytes.Contains(file, []byte("\r\n")) {
		newline = "\r\n"
	}
	var out []byte
	if list.Style&yaml.FlowStyle != 0 {
		out, err = addWithin(file, list, add)
	} else {
		out, err = addBelow(file, list, add, newline)
	}
	if err != nil {
		return nil, err
	}
	if !onlyAdded(file, out, add) {
		return nil, errByHand
	}
	return out, nil
}

// addBelow writes one item a line behind the last one and its comments.
func addBelow(file []byte, list *yaml.Node, add []Model, newline string) ([]byte, error) {
	lines := bytes.SplitAfter(file, []byte("\n"))
	dash := strings.Repeat(" ", list.Column-1)
	last := lastLine(list) // from 1: the index of the line behind it
	for i := last; i < len(lines); i++ {
		text := strings.TrimRight(string(lines[i]), " \t\r\n")
		if text != "" && len(text)-len(strings.TrimLeft(text, " ")) <= len(dash) {
			break
		}
		if text != "" {
			last = i + 1
		}
	}
	if last > len(lines) {
		return nil, errByHand
	}
	var b bytes.Buffer
	for _, line := range lines[:last] {
		b.Write(line)
	}
	if !bytes.HasSuffix(b.Bytes(), []byte("\n")) {
		b.WriteString(newline)
	}
	for i := range add {
		for k, field := range fields(&add[i]) {
			b.WriteString(dash + []string{"- ", "  "}[min(k, 1)] + field + newline)
		}
	}
	for _, line := range lines[last:] {
		b.Write(line)
	}
	return b.Bytes(), nil
}

// lastLine is the last line in which something of a node begins.
func lastLine(n *yaml.Node) int {
	line := n.Line
	for _, child := range n.Content {
		line = max(line, lastLine(child))
	}
	return line
}

// addWithin writes the items before the bracket that ends the list.
func addWithin(file []byte, list *yaml.Node, add []Model) ([]byte, error) {
	lines := bytes.SplitAfter(file, []byte("\n"))
	if list.Line > len(lines) {
		return nil, errByHand
	}
	from := len(bytes.Join(lines[:list.Line-1], nil)) + len(string([]rune(string(lines[list.Line-1]))[:list.Column-1]))
	end, content := closing(file, from)
	if end < 0 {
		return nil, errByHand
	}
	var items []string
	for i := range add {
		items = append(items, "{"+strings.Join(fields(&add[i]), ", ")+"}")
	}
	text := strings.Join(items, ", ")
	if file[content-1] != ',' {
		text = ", " + text
	} else {
		text = " " + text
	}
	return slices.Concat(file[:content], []byte(text), file[content:]), nil
}

// closing finds the bracket that ends the flow list which begins at from, and the end of what stands before it. -1 = it has none.
func closing(file []byte, from int) (end, content int) {
	depth, quote := 0, byte(0)
	for i := from; i < len(file); i++ {
		c := file[i]
		blank := c == ' ' || c == '\t' || c == '\r' || c == '\n'
		switch {
		case quote == '"' && c == '\\', quote == '\'' && c == quote && i+1 < len(file) && file[i+1] == quote:
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '#' && (i == 0 || strings.IndexByte(" \t\n", file[i-1]) >= 0):
			for i+1 < len(file) && file[i+1] != '\n' {
				i++
			}
			continue
		case (c == '"' || c == '\'') && strings.IndexByte(" \t\n,[{:", file[i-1]) >= 0:
			quote = c
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			if depth--; depth == 0 {
				return i, content
			}
		}
		if !blank {
			content = i + 1
		}
	}
	return -1, 0
}

var errByHand = errors.New("its list of models is written in a way that cannot be added to: add them by hand")

// fields are the keys of a model as they are written, those that say something.
func fields(m *Model) []string {
	out := []string{"id: " + scalar(m.ID)}
	if m.Name != "" && m.Name != m.ID {
		out = append(out, "name: "+scalar(m.Name))
	}
	out = append(out, "provider: "+scalar(m.Provider))
	for _, can := range []struct {
		key string
		is  *bool
	}{{"supports_tools", m.SupportsTools}, {"supports_vision", m.SupportsVision}, {"supports_json_schema", m.SupportsJSONSchema}} {
		if can.is != nil {
			out = append(out, fmt.Sprintf("%s: %v", can.key, *can.is))
		}
	}
	if m.ContextLength > 0 {
		out = append(out, fmt.Sprintf("context_length: %d", m.ContextLength))
	}
	return out
}

var (
	plainText = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./+-]*([ :]?[A-Za-z0-9_./()+-]+)*$`)
	word      = regexp.MustCompile(`(?i)^(true|false|null|yes|no|on|off|y|n|nan|inf)$`)
)

// scalar is a text as it stands in YAML, and as it is read back: nothing in it is a variable.
func scalar(text string) string {
	text = strings.ReplaceAll(text, "${", "{")
	if plainText.MatchString(text) && !word.MatchString(text) {
		return text
	}
	return strconv.Quote(text)
}

// onlyAdded holds what was written against what was meant: the same file, with these models at the end of the list.
func onlyAdded(before, after []byte, add []Model) bool {
	var old, now struct {
		Models []map[string]any
		Rest   map[string]any `yaml:",inline"`
	}
	if yaml.Unmarshal(before, &old) != nil || yaml.Unmarshal(after, &now) != nil || len(now.Models) != len(old.Models)+len(add) {
		return false
	}
	for i, m := range now.Models[len(old.Models):] {
		if m["id"] != add[i].ID || m["provider"] != add[i].Provider {
			return false
		}
	}
	return reflect.DeepEqual(old.Models, now.Models[:len(old.Models)]) && reflect.DeepEqual(old.Rest, now.Rest)
}
