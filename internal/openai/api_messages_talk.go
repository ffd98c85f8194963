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
	c := messagesTalk{w: w, ids: map[string]bool{}, role: "system", at: "system"}
	w.key("messages")
	w.open('[')
	if sent(system) {
		if c.said, e = c.words(system); e != nil {
			return nil, e
		}
	}
	if len(c.said) > 0 && strings.HasPrefix(c.said[0].text, billingLine) {
		c.said = c.said[1:]
	}
	for i, m := range elements(messages) {
		c.at = fmt.Sprintf("messages.%d", i)
		if e := c.message(m); e != nil {
			return nil, e
		}
	}
	c.turn("")
	w.close(']')
	return c.ids, nil
}

// messagesTalk writes a conversation turn by turn. What one role says in several messages is one turn: so Anthropic reads it, and many
// models know no other order than one after the other.
type messagesTalk struct {
	w     *writer
	at    string // the place that is read
	ids   map[string]bool
	role  string // whose turn it is
	said  messageParts
	calls []gjson.Result
}

func (c *messagesTalk) wrong(code, format string, args ...any) *Error {
	return refuse(code, c.at, c.at+": "+fmt.Sprintf(format, args...))
}

// message takes one of their messages.
func (c *messagesTalk) message(m gjson.Result) *Error {
	content := m.Get("content")
	switch role := m.Get("role").Str; {
	case role == "assistant", role == "user":
		c.turn(role)
		return c.hear(content)
	case role == "system" && c.role == "system":
		return c.hear(content)
	case role == "system":
		return c.remind(content)
	}
	return c.wrong("unsupported_value", `"role" must be "user", "assistant" or "system"`)
}

// remind takes what the system says on the way. Many models let it speak at the beginning alone, so the user passes it on.
func (c *messagesTalk) remind(content gjson.Result) *Error {
	said, e := c.words(content)
	if e != nil || len(said) == 0 {
		return e
	}
	c.turn("user")
	c.said = append(c.said, messagePart{text: "<system-reminder>\n" + said.text(between) + "\n</system-reminder>"})
	return nil
}

// hear takes what is said in a turn, and what is called. Results are written at once: they belong right behind their calls.
func (c *messagesTalk) hear(content gjson.Result) (e *Error) {
	if content.Type == gjson.String {
		c.said = append(c.said, messagePart{text: content.Str})
		return nil
	}
	if !content.IsArray() {
		return c.wrong("invalid_type", `content must be a string or an array of blocks`)
	}
	var shown, said messageParts
	for _, block := range elements(content) {
		switch kind := block.Get("type").Str; {
		case kind == "tool_use" && c.role == "assistant":
			c.calls = append(c.calls, block)
			e = c.callable(block)
		case kind == "tool_result" && c.role == "user":
			shown, e = c.result(shown, block)
		default:
			said, e = c.add(said, block)
		}
		if e != nil {
			return e
		}
	}
	if c.role != "user" && said.pictured() {
		return c.pictured()
	}
	c.said = append(append(c.said, shown...), said...)
	return nil
}

// words gives the parts of content that may hold text alone.
func (c *messagesTalk) words(content gjson.Result) (messageParts, *Error) {
	said, e := c.read(content)
	if e == nil && said.pictured() {
		e = c.pictured()
	}
	return said, e
}

func (c *messagesTalk) pictured() *Error {
	return c.wrong("unsupported_content", "images and documents belong into messages of the user")
}

// callable says what is wrong with a call, if anything is.
func (c *messagesTalk) callable(block gjson.Result) *Error {
	id, name, input := block.Get("id"), block.Get("name"), block.Get("input")
	switch {
	case id.Type != gjson.String || name.Type != gjson.String || id.Str == "" || name.Str == "":
		return c.wrong("missing_required_parameter", `a tool_use needs an "id" and a "name"`)
	case sent(input) && !input.IsObject():
		return c.wrong("invalid_type", `the "input" of a tool_use must be an object`)
	}
	return nil
}

// read gives the parts of content that holds no calls and results.
func (c *messagesTalk) read(content gjson.Result) (said messageParts, e *Error) {
	if content.Type == gjson.String {
		return messageParts{{text: content.Str}}, nil
	}
	if !content.IsArray() {
		return nil, c.wrong("invalid_type", `content must be a string or an array of blocks`)
	}
	for _, block := range elements(content) {
		if said, e = c.add(said, block); e != nil {
			return nil, e
		}
	}
	return said, nil
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

// turn writes what was said and called since it was last somebody else's turn, if it is. Words are a string where they can be one, since
// not every model takes lists.
func (c *messagesTalk) turn(next string) {
	if c.role == next {
		return
	}
	role, said, calls := c.role, c.said, c.calls
	c.role, c.said, c.calls = next, nil, nil
	if len(said)+len(calls) == 0 {
		return
	}
	apart := between
	if role == "assistant" {
		apart = "" // one answer may be cut into blocks anywhere
	}
	c.w.open('{')
	c.w.say("role", role)
	switch text := said.text(apart); {
	case said.pictured():
		c.w.key("content")
		said.write(c.w)
	case text == "" && len(calls) > 0:
		c.w.set("content", "null")
	default:
		c.w.say("content", text)
	}
	if len(calls) > 0 {
		c.w.key("tool_calls")
		c.w.open('[')
		for _, call := range calls {
			c.call(call)
		}
		c.w.close(']')
	}
	c.w.close('}')
}

func (c *messagesTalk) call(block gjson.Result) {
	id := block.Get("id").Str
	c.ids[id] = true
	arguments := "{}"
	if input := block.Get("input"); input.IsObject() {
		arguments = input.Raw
	}
	c.w.open('{')
	c.w.say("id", id)
	c.w.say("type", "function")
	c.w.key("function")
	c.w.open('{')
	c.w.say("name", block.Get("name").Str)
	c.w.say("arguments", arguments)
	c.w.close('}')
	c.w.close('}')
}
