package openai

import (
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
)

// responsesTools are the tools of a request as chat models get them: functions alone. What a provider would run is left out, since
// clients offer it always and nobody here could run it; a tool of free text becomes a function with one text, which more models
// can call; a namespace becomes a part of its tools' names.
type responsesTools struct {
	declared []string                 // functions, as a chat request declares them
	names    []string                 // of declared
	choice   string                   // raw JSON; empty = the model's own
	named    map[string]responsesTool // by what chat models call them
	chat     map[[2]string]string     // namespace and name -> what a chat model calls it
}

// responsesTool is a tool as the client knows it.
type responsesTool struct {
	namespace, name string
	custom          bool
}

// usualNamespace says nothing of its tools.
const usualNamespace = "functions"

const (
	maxToolName = 64   // how long providers let the name of a function be, in bytes
	maxTools    = 1000 // more than any of them takes
)

// readResponsesTools takes the tools of a request, and those that its items bring along.
func readResponsesTools(tools, choice, input gjson.Result) (t responsesTools, e *Error) {
	t.named, t.chat = map[string]responsesTool{}, map[[2]string]string{}
	if sent(tools) && !tools.IsArray() {
		return t, wrongType("tools", "an array or null")
	}
	for i, tool := range elements(tools) {
		if tool.Get("type").Type != gjson.String {
			return t, wrongType("tools", `an array of tools whose "type" is a string`)
		}
		if e := t.add("", tool); e != nil {
			return t, e.at("tools" + nth(i))
		}
	}
	for i, it := range elements(input) {
		if it.Get("type").Str == "additional_tools" {
			for j, tool := range elements(it.Get("tools")) {
				if e := t.add("", tool); e != nil {
					return t, e.at("input" + nth(i) + ".tools" + nth(j))
				}
			}
		}
	}
	return t, t.choose(choice)
}

func (t *responsesTools) add(namespace string, tool gjson.Result) *Error {
	kind := tool.Get("type").Str
	switch kind {
	case "namespace":
		for i, inner := range elements(tool.Get("tools")) {
			if e := t.add(tool.Get("name").String(), inner); e != nil {
				return e.at(".tools" + nth(i))
			}
		}
		return nil
	case "function", "custom":
	default:
		return nil
	}
	if len(t.names) == maxTools {
		return refuse("too_many_tools", "", fmt.Sprintf(`"tools" holds more than %d of them`, maxTools))
	}
	source := tool
	if v := tool.Get(kind); v.IsObject() && !sent(tool.Get("name")) {
		source = v // as a chat request declares it
	}
	name := source.Get("name").Str
	if name == "" {
		return refuse("missing_required_parameter", ".name", `a tool has no "name"`)
	}
	called := name
	_, taken := t.named[name]
	if long := namespace + "__" + name; namespace != "" && (namespace != usualNamespace || taken) && len(long) <= maxToolName {
		called = long
	}
	t.named[called] = responsesTool{namespace, name, kind == "custom"}
	t.chat[[2]string{namespace, name}] = called
	t.names = append(t.names, called)
	t.declared = append(t.declared, `{"type":"function","function":`+declaration(called, kind == "custom", source)+`}`)
	return nil
}

// declaration is a function as a chat request declares it.
func declaration(name string, custom bool, tool gjson.Result) string {
	w := writer{}
	w.open('{')
	w.say("name", name)
	if custom {
		w.say("description", freeText(tool))
		w.set("parameters", `{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}`)
	} else {
		for _, member := range []string{"description", "parameters", "strict"} {
			w.carryAs(member, tool.Get(member))
		}
	}
	w.close('}')
	return string(w.out)
}

// freeText describes a tool of free text to a model that knows functions alone.
func freeText(tool gjson.Result) string {
	var s strings.Builder
	s.WriteString(tool.Get("description").String())
	s.WriteString("\n\nThe input is plain text, not JSON.")
	if f := tool.Get("format"); f.Get("type").Str == "grammar" {
		fmt.Fprintf(&s, " It follows this %s grammar:\n%s", f.Get("syntax").String(), f.Get("definition").String())
	}
	return strings.TrimSpace(s.String())
}

// choose takes what the request says of which tools are to be called.
func (t *responsesTools) choose(choice gjson.Result) *Error {
	kind := choice.Get("type").Str
	switch {
	case !sent(choice):
		return nil
	case choice.Type == gjson.String:
		return t.mode(choice.Str)
	case !choice.IsObject():
		return wrongType("tool_choice", "a string or an object")
	case kind == "function" || kind == "custom":
		called, ok := t.called(choice)
		if !ok {
			return refuse("invalid_value", "tool_choice", fmt.Sprintf("\"tool_choice\" names %+.60q, which is not in \"tools\"", nameIn(choice)))
		}
		t.choice = `{"type":"function","function":{"name":` + quoted(called) + `}}`
		return nil
	case kind == "allowed_tools":
		t.allow(choice.Get("tools"))
		return t.mode(choice.Get("mode").Str)
	}
	return refuse("unsupported_tool", "tool_choice", fmt.Sprintf(
		"tools of type %+.60q are run by the provider, and free models have none; let \"tool_choice\" be \"auto\", or name a function", kind))
}

func (t *responsesTools) mode(mode string) *Error {
	switch {
	case mode == "auto":
		return nil
	case mode != "none" && mode != "required":
		return refuse("invalid_value", "tool_choice", `"tool_choice" must be "auto", "none", "required" or an object`)
	case mode == "required" && len(t.declared) == 0:
		return refuse("unsupported_tool", "tool_choice",
			`"tool_choice" is "required", but there is no tool that a free model could call: send one of type "function" or "custom"`)
	}
	t.choice = quoted(mode)
	return nil
}

// allow leaves out all tools but those.
func (t *responsesTools) allow(allowed gjson.Result) {
	keep := map[string]bool{}
	for _, a := range elements(allowed) {
		if called, ok := t.called(a); ok {
			keep[called] = true
		}
	}
	var names, declared []string
	for i, name := range t.names {
		if keep[name] {
			names, declared = append(names, name), append(declared, t.declared[i])
		}
	}
	t.names, t.declared = names, declared
}

// called is what chat models call the tool that a choice or a call names.
func (t *responsesTools) called(it gjson.Result) (string, bool) {
	called, ok := t.chat[[2]string{it.Get("namespace").String(), nameIn(it)}]
	return called, ok
}

func nameIn(it gjson.Result) string {
	if v := it.Get("name"); sent(v) {
		return v.String()
	}
	return it.Get("function.name").String() // as a chat request has it
}

func (t *responsesTools) write(w *writer) {
	if len(t.declared) == 0 {
		return
	}
	w.key("tools")
	w.open('[')
	for _, tool := range t.declared {
		w.raw(tool)
	}
	w.close(']')
	if t.choice != "" {
		w.set("tool_choice", t.choice)
	}
}

// toolCalled is the tool that a chat model calls so. Some leave the namespace out.
func toolCalled(tools map[string]responsesTool, name string) responsesTool {
	if tool, ok := tools[name]; ok {
		return tool
	}
	found, n := responsesTool{name: name}, 0
	for _, tool := range tools {
		if tool.name == name {
			found, n = tool, n+1
		}
	}
	if n > 1 {
		return responsesTool{name: name}
	}
	return found
}
