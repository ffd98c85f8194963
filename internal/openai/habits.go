package openai

import (
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// habit is something that programs write and that some models do not take, though it can be said in another way that all take. It is learned from
// a refusal and kept like a refused knob.
type habit struct {
	name    string
	instead string // how a model is asked then
	refused func(*evidence, *Request) bool
	in      func(*Request) bool
	undo    func(*editor)
}

// habits are OpenAI's newer name for the system's role, text in parts where it could be plain, and keys that say nothing.
var habits = []habit{
	{"developer", "with system in the place of developer", (*evidence).aboutRoles, hasDeveloper, (*editor).asSystem},
	{"text parts", "with plain text in the place of its parts", (*evidence).aboutParts, hasTextParts, (*editor).joinText},
	{"idle keys", "without keys that say nothing", (*evidence).aboutIdleKeys, hasIdleKeys, (*editor).dropIdle},
}

func habitOf(name string) *habit {
	if i := slices.IndexFunc(habits, func(h habit) bool { return h.name == name }); i >= 0 {
		return &habits[i]
	}
	return nil
}

// RefusedHabit is the habit of its client for which a request was refused, other than those that were given up for this model already; "" = it
// was refused for something else.
func RefusedHabit(d *Dialect, status int, header func(name string) string, body []byte, r *Request, givenUp []string) string {
	v := refusalOf(d, status, header, body)
	if v == nil {
		return ""
	}
	for i := range habits {
		if h := &habits[i]; !slices.Contains(givenUp, h.name) && h.refused(v, r) && h.in(r) {
			return h.name
		}
	}
	return ""
}

// says says whether one of the voices has a word of each list.
func (v *evidence) says(lists ...[]string) bool {
	for _, w := range [...]*voice{&v.own, &v.upstream} {
		if !slices.ContainsFunc(lists, func(words []string) bool { return !containsAny(w.lower, words) }) {
			return true
		}
	}
	return false
}

var (
	rolesNamed   = []string{"role", "developer"}
	roleWords    = []string{"developer", "invalid", "incorrect", "unexpected", "unknown", "unsupported", "not support", "not one of", "expected one of", "must be", "should be", "does not match"}
	alternate    = []string{"alternat", "your role", "role that may", "tool_call"}
	contentNamed = []string{"content", "[\"messages\"", "messages"}
	stringWanted = []string{"must be a string", "should be a string", "valid string", "expected a string", "expected string", "must be string", "type string", "not a string",
		"not in 'string'", "of: ['str']"}
)

// aboutRoles is told in dozens of words, of which not all name the role. That roles should alternate is another matter.
func (v *evidence) aboutRoles(*Request) bool {
	return (strings.HasSuffix(v.param, "role") || v.says(rolesNamed, roleWords)) && !v.says(alternate)
}

func (v *evidence) aboutParts(*Request) bool {
	return v.says(stringWanted) && (strings.HasSuffix(v.param, "content") || v.says(contentNamed))
}

func (v *evidence) aboutIdleKeys(r *Request) bool {
	for name := range idleKeys(r.Body) {
		named := func(w *voice) bool { return namesKey(w.lower, name) }
		if v.param == name || named(&v.own) || named(&v.upstream) {
			return true
		}
	}
	return false
}

// namesKey says whether a text names a key: in quotes, by a name that is no other word, or before a colon.
func namesKey(text, name string) bool {
	for {
		i := indexWord(text, name)
		if i < 0 {
			return false
		}
		behind := text[i+len(name):]
		if strings.Contains(name, "_") || i > 0 && strings.IndexByte("\"'`", text[i-1]) >= 0 || strings.HasPrefix(behind, ": ") {
			return true
		}
		text = behind
	}
}

func hasDeveloper(r *Request) bool { return some(developers(r.Body)) }

func hasTextParts(r *Request) bool { return some(textParts(r.Body)) }

func hasIdleKeys(r *Request) bool {
	for range idleKeys(r.Body) {
		return true
	}
	return false
}

func some(places func(func(spot) bool)) bool {
	for range places {
		return true
	}
	return false
}

// spot is a value in a body, and what it is to be instead.
type spot struct {
	from, to int
	instead  string
}

// replace puts all places right, from front to back.
func (ed *editor) replace(places func(func(spot) bool)) {
	if ed.err != nil {
		return
	}
	var out []byte
	kept := 0
	for p := range places {
		out = append(append(out, ed.body[kept:p.from]...), p.instead...)
		kept = p.to
	}
	if kept > 0 {
		ed.body, ed.changed = append(out, ed.body[kept:]...), true
	}
}

func (ed *editor) asSystem() { ed.replace(developers(ed.body)) }

func (ed *editor) joinText() { ed.replace(textParts(ed.body)) }

func (ed *editor) dropIdle() {
	for _, name := range slices.Collect(idleKeys(ed.body)) {
		ed.remove(name)
	}
}

// developers are the roles of messages that are the developer's.
func developers(body []byte) func(func(spot) bool) {
	return func(yield func(spot) bool) {
		s := scanner{body: body}
		inMessages := false
		for s.next() {
			if s.depth == 1 {
				inMessages = s.key.is("messages")
			}
			if inMessages && s.depth == 3 && s.kind == '"' && s.key.is("role") && s.str.is("developer") && !yield(spot{s.from, s.to, `"system"`}) {
				return
			}
		}
	}
}

// textParts are the contents of messages that are lists of nothing but text.
func textParts(body []byte) func(func(spot) bool) {
	return func(yield func(spot) bool) {
		for _, message := range elements(gjson.GetBytes(body, "messages")) {
			content := message.Get("content")
			if text, ok := plainText(content); ok && !yield(spot{content.Index, content.Index + len(content.Raw), quoted(text)}) {
				return
			}
		}
	}
}

// plainText is the text of a list of parts, a line each; ok is false when there is anything else in it.
func plainText(parts gjson.Result) (text string, ok bool) {
	var lines []string
	for _, part := range elements(parts) {
		t := part.Get("text")
		if part.Get("type").Str != "text" || t.Type != gjson.String {
			return "", false
		}
		lines = append(lines, t.Str)
	}
	return strings.Join(lines, "\n"), len(lines) > 0
}

// idleKeys are the guarded keys of a body that say nothing: null, empty lists of tools, the choice among none, the format of plain text.
func idleKeys(body []byte) func(func(string) bool) {
	return func(yield func(string) bool) {
		held := map[string]gjson.Result{} // what goes up of the guarded keys
		gjson.ParseBytes(body).ForEach(func(key, v gjson.Result) bool {
			if _, ok := chatKeys[key.Str]; ok && !slices.Contains(removedKeys, key.Str) {
				held[key.Str] = v
			}
			return true
		})
		none := func(list gjson.Result) bool { return !list.IsArray() || len(list.Array()) == 0 }
		for name, v := range held {
			idle := v.Type == gjson.Null
			switch name {
			case "tools", "functions":
				idle = idle || v.IsArray() && none(v)
			case "tool_choice", "parallel_tool_calls":
				idle = idle || none(held["tools"])
			case "response_format":
				idle = idle || v.Get("type").Str == "text"
			case "model", "messages", "stream":
				idle = false
			}
			if idle && !yield(name) {
				return
			}
		}
	}
}
