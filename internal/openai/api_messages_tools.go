package openai

import (
	"strings"

	"github.com/tidwall/gjson"
)

// writeMessagesTools writes the tools, and which of them must be called. Tools that Anthropic itself would run are left out, as if
// nobody had offered them, unless the request cannot do without.
func writeMessagesTools(w *writer, tools, choice gjson.Result) *Error {
	if sent(tools) && !tools.IsArray() {
		return wrongType("tools", "an array or null")
	}
	before, left := *w, 0
	w.key("tools")
	w.open('[')
	for _, v := range elements(tools) {
		tool := readMessagesTool(v)
		kind := tool.kind
		switch b := builtinOf(kind); {
		case kind == "" || kind == "custom":
		case b != nil:
			tool.description, tool.schema = quoted(b.description), b.schema
		case strings.HasPrefix(kind, "computer_") || strings.HasPrefix(kind, "browser_"):
			return refuse("unsupported_tool", "tools", "freefall asks chat models, which were not taught to use "+Clean(kind, 60))
		case undated(kind) == "" && kind != "mcp_toolset":
			return refuse("unsupported_tool", "tools", "there are no tools of type "+Clean(kind, 60)+`; tools of your own have no type, or "custom"`)
		case forces(choice, tool.name):
			return providersTool(tool.name)
		default:
			continue
		}
		if tool.name == "" {
			return refuse("missing_required_parameter", "tools", `each tool needs a "name"`)
		}
		tool.write(w)
		left++
	}
	w.close(']')
	if left == 0 {
		*w = before
	}
	return writeToolChoice(w, choice, left)
}

// messagesTool is a tool as it is declared; description and schema are raw.
type messagesTool struct {
	kind, name, description, schema string
	strict                          bool
}

// readMessagesTool reads a declaration once: some programs send dozens of long ones with each request.
func readMessagesTool(v gjson.Result) (t messagesTool) {
	t.schema = `{"type":"object","properties":{}}`
	v.ForEach(func(key, v gjson.Result) bool {
		switch {
		case key.Str == "type":
			t.kind = v.String()
		case key.Str == "name":
			t.name = v.Str
		case key.Str == "description" && v.Type == gjson.String:
			t.description = v.Raw
		case key.Str == "input_schema" && sent(v):
			t.schema = v.Raw
		case key.Str == "strict":
			t.strict = v.Bool()
		}
		return true
	})
	return t
}

func (t *messagesTool) write(w *writer) {
	w.open('{')
	w.say("type", "function")
	w.key("function")
	w.open('{')
	w.say("name", t.name)
	if t.description != "" {
		w.set("description", t.description)
	}
	if t.strict {
		w.set("strict", "true")
	}
	w.set("parameters", t.schema)
	w.close('}')
	w.close('}')
}

// writeToolChoice says which of so many tools must be called. Where the model may choose, nothing is said: that is the custom.
func writeToolChoice(w *writer, choice gjson.Result, tools int) *Error {
	if !sent(choice) {
		return nil
	}
	kind, name := choice.Get("type").Str, choice.Get("name").Str
	switch {
	case kind == "any" && tools == 0, kind == "tool" && tools == 0:
		return providersTool(name)
	case tools == 0:
		return nil
	}
	switch kind {
	case "auto":
	case "none":
		w.say("tool_choice", "none")
	case "any":
		w.say("tool_choice", "required")
	case "tool":
		w.key("tool_choice")
		w.open('{')
		w.say("type", "function")
		w.key("function")
		w.open('{')
		w.say("name", name)
		w.close('}')
		w.close('}')
	default:
		return refuse("unsupported_value", "tool_choice", `the "type" of tool_choice must be "auto", "any", "tool" or "none"`)
	}
	if choice.Get("disable_parallel_tool_use").Bool() && kind != "none" {
		w.set("parallel_tool_calls", "false")
	}
	return nil
}

// forces says whether the tool must be called.
func forces(choice gjson.Result, name string) bool {
	return choice.Get("type").Str == "tool" && choice.Get("name").Str == name
}

func providersTool(name string) *Error {
	message := "tool_choice asks for a call, and there is no tool that a chat model can call"
	if name != "" {
		message = "tool_choice asks for " + Clean(name, 60) + ", which no chat model can call: it is not among the tools, or Anthropic itself runs it"
	}
	return refuse("unsupported_tool", "tool_choice", message)
}

// builtin is a tool that the client runs and that Anthropic's models know without being told.
type builtin struct{ kind, description, schema string }

const (
	editCommands = `{"type":"object","required":["command","path"],"properties":{` +
		`"command":{"type":"string","enum":["view","create","str_replace","insert"]},` + editMembers + `}}`
	editMembers = `"path":{"type":"string","description":"Absolute path of the file or directory"},` +
		`"view_range":{"type":"array","items":{"type":"integer"},"description":"For view: first and last line, from 1; -1 is the end"},` +
		`"file_text":{"type":"string","description":"For create: the content of the new file"},` +
		`"old_str":{"type":"string","description":"For str_replace: the text to replace, which must occur exactly once"},` +
		`"new_str":{"type":"string","description":"For str_replace: the text in its place"},` +
		`"insert_line":{"type":"integer","description":"For insert: the line after which the text goes; 0 is the beginning"},` +
		`"insert_text":{"type":"string","description":"For insert: the text"}`
)

// builtins are these tools as they are documented.
var builtins = []builtin{
	{"bash", "Run a command in a bash shell that keeps its state between calls.",
		`{"type":"object","properties":{"command":{"type":"string","description":"The command to run"},` +
			`"restart":{"type":"boolean","description":"true restarts the shell, without a command"}}}`},
	{"text_editor", "View, create and edit text files.", editCommands},
	{"memory", "View, create, edit, delete and rename files of a memory that lasts over conversations, below /memories. Look there before a task.",
		`{"type":"object","required":["command"],"properties":{` +
			`"command":{"type":"string","enum":["view","create","str_replace","insert","delete","rename"]},` + editMembers +
			`,"old_path":{"type":"string","description":"For rename: the path as it is"},"new_path":{"type":"string","description":"For rename: the new path"}}}`},
}

// builtinOf gives the tool that a type names, if it is one of them.
func builtinOf(kind string) *builtin {
	for i := range builtins {
		if builtins[i].kind == undated(kind) {
			return &builtins[i]
		}
	}
	return nil
}

// undated is the type of a tool of Anthropic's without its date, which all of them end with; empty without one.
func undated(kind string) string {
	name := strings.TrimRight(kind, "0123456789")
	if len(kind)-len(name) != len("20250124") {
		return ""
	}
	return strings.TrimSuffix(name, "_")
}
