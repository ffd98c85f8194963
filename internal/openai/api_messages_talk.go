package openai

import (
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
)

// billingLine begins a block of the system that Claude Code puts first: it differs in each request, says nothing to a model, and would make
// a new conversation of each.
const billingLine = "x-anthropic-billing-header:"

// between is what stands between two texts that were blocks of their own.
const between = "\n\n"

// writeMessagesTalk writes the messages of a chat. It gives the ids of the tool calls in it.
func writeMessagesTalk(w *writer, system, messages gjson.Result) (ids map[string]bool, e *Error) {
	if !messages.IsArray() {
		return nil, refuse("missing_required_parameter", "messages", `"messages" is missing; send an array of messages`)
	}
	c := messagesTalk{w: w, ids: map[string]bool{}}
	w.key("messages")
	w.open('[')
	if e := c.system(system); e != nil {
		return nil, e
	}
	for i, m := range messages.Array() {
		c.at = fmt.Sprintf("messages.%d", i)
		if e := c.message(m); e != nil {
			return nil, e
		}
	}
	w.close(']')
	return c.ids, nil
}

// messagesTalk writes messages one by one.
type messagesTalk struct {
	w   *writer
	at  string // the place that is read
	ids map[string]bool
}

func (c *messagesTalk) wrong(code, format string, args ...any) *Error {
	return refuse(code, c.at, c.at+": "+fmt.Sprintf(format, args...))
}

// system writes what stands outside their messages.
func (c *messagesTalk) system(v gjson.Result) *Error {
	if !sent(v) {
		return nil
	}
	c.at = "system"
	said, e := c.read(v)
	if e != nil {
		return e
	}
	if len(said) > 0 && strings.HasPrefix(said[0].text, billingLine) {
		said = said[1:]
	}
	return c.write("system", said)
}

// read gives the parts of content that holds no calls and results.
func (c *messagesTalk) read(content gjson.Result) (said messageParts, e *Error) {
	if content.Type == gjson.String {
		return messageParts{{text: content.Str}}, nil
	}
	if !content.IsArray() {
		return nil, c.wrong("invalid_type", `content must be a string or an array of blocks`)
	}
	for _, block := range content.Array() {
		if said, e = c.add(said, block); e != nil {
			return nil, e
		}
	}
	return said, nil
}

// message writes what one of their messages comes to: results of tools as messages of their own, which come first, then the rest.
func (c *messagesTalk) message(m gjson.Result) *Error {
	role := m.Get("role").Str
	switch role {
	case "assistant":
		return c.assistant(m.Get("content"))
	case "user":
		return c.user(m.Get("content"))
	case "system":
		said, e := c.read(m.Get("content"))
		if e != nil {
			return e
		}
		return c.write(role, said)
	}
	return c.wrong("unsupported_value", `"role" must be "user", "assistant" or "system"`)
}

func (c *messagesTalk) user(content gjson.Result) (e *Error) {
	if !content.IsArray() {
		return c.plain("user", content)
	}
	var said, shown messageParts
	for _, block := range content.Array() {
		if block.Get("type").Str == "tool_result" {
			shown, e = c.result(shown, block)
		} else {
			said, e = c.add(said, block)
		}
		if e != nil {
			return e
		}
	}
	return c.write("user", append(shown, said...))
}

// result writes the result of a tool. A chat takes text alone there, so what else it holds is shown by the user.
func (c *messagesTalk) result(shown messageParts, block gjson.Result) (messageParts, *Error) {
	id := block.Get("tool_use_id")
	if id.Type != gjson.String || id.Str == "" {
		return nil, c.wrong("missing_required_parameter", `a tool_result needs the "tool_use_id" of its tool_use`)
	}
	var said, pictures messageParts
	if content := block.Get("content"); sent(content) {
		all, e := c.read(content)
		if e != nil {
			return nil, e
		}
		for _, p := range all {
			if p.kind == textPart {
				said = append(said, p)
			} else {
				pictures = append(pictures, p)
			}
		}
	}
	text := said.text(between)
	if len(pictures) > 0 {
		if text == "" {
			text = "The result is in the message of the user that follows."
		}
		shown = append(append(shown, messagePart{text: "The result of " + id.Str + ":"}), pictures...)
	}
	if block.Get("is_error").Bool() {
		text = "Error: " + text
	}
	c.w.open('{')
	c.w.say("role", "tool")
	c.w.say("tool_call_id", id.Str)
	c.w.say("content", text)
	c.w.close('}')
	return shown, nil
}

func (c *messagesTalk) assistant(content gjson.Result) (e *Error) {
	if !content.IsArray() {
		return c.plain("assistant", content)
	}
	var said messageParts
	var calls []gjson.Result
	for _, block := range content.Array() {
		if block.Get("type").Str == "tool_use" {
			calls = append(calls, block)
		} else if said, e = c.add(said, block); e != nil {
			return e
		}
	}
	if len(calls) == 0 {
		return c.write("assistant", said)
	}
	if said.pictured() {
		return c.pictured()
	}
	c.w.open('{')
	c.w.say("role", "assistant")
	if text := said.text(""); text != "" {
		c.w.say("content", text)
	} else {
		c.w.set("content", "null")
	}
	c.w.key("tool_calls")
	c.w.open('[')
	for _, call := range calls {
		if e := c.call(call); e != nil {
			return e
		}
	}
	c.w.close(']')
	c.w.close('}')
	return nil
}

func (c *messagesTalk) call(block gjson.Result) *Error {
	id, name, input := block.Get("id"), block.Get("name"), block.Get("input")
	if id.Type != gjson.String || name.Type != gjson.String || id.Str == "" || name.Str == "" {
		return c.wrong("missing_required_parameter", `a tool_use needs an "id" and a "name"`)
	}
	arguments := "{}"
	if input.IsObject() {
		arguments = input.Raw
	} else if sent(input) {
		return c.wrong("invalid_type", `the "input" of a tool_use must be an object`)
	}
	c.ids[id.Str] = true
	c.w.open('{')
	c.w.say("id", id.Str)
	c.w.say("type", "function")
	c.w.key("function")
	c.w.open('{')
	c.w.say("name", name.Str)
	c.w.say("arguments", arguments)
	c.w.close('}')
	c.w.close('}')
	return nil
}

// plain writes a message whose content is no list.
func (c *messagesTalk) plain(role string, content gjson.Result) *Error {
	said, e := c.read(content)
	if e != nil {
		return e
	}
	return c.write(role, said)
}

// write writes a message, if it says anything: as a string where it can be one, since not every model takes lists.
func (c *messagesTalk) write(role string, said messageParts) *Error {
	if len(said) == 0 {
		return nil
	}
	c.w.open('{')
	c.w.say("role", role)
	switch {
	case !said.pictured() && role == "assistant": // blocks of one answer, which may be cut anywhere
		c.w.say("content", said.text(""))
	case !said.pictured():
		c.w.say("content", said.text(between))
	case role != "user":
		return c.pictured()
	default:
		c.w.key("content")
		said.write(c.w)
	}
	c.w.close('}')
	return nil
}

func (c *messagesTalk) pictured() *Error {
	return c.wrong("unsupported_content", "images and documents belong into messages of the user")
}
