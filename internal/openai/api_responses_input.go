package openai

import (
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
)

// conversation writes the items of a request as the messages of a chat.
type conversation struct {
	w     *writer
	tools *responsesTools

	begun  bool          // a message is written, so what the system says does not come first any more
	system []string      // what it said until then: one message, since many models take no second one
	said   *contentParts // the assistant's text, and the calls that belong to it; nil = none
	calls  []calledTool
	images []contentPart // that tools gave; a tool's message holds text alone
}

// calledTool is a call of the assistant. Its id and its arguments are raw JSON strings.
type calledTool struct{ id, name, arguments string }

func writeConversation(w *writer, tools *responsesTools, instructions, input gjson.Result) *Error {
	c := conversation{w: w, tools: tools}
	w.open('[')
	switch {
	case instructions.Type == gjson.String:
		c.system = append(c.system, instructions.Str)
	case sent(instructions):
		return wrongType("instructions", "a string or null")
	}
	switch {
	case !sent(input):
		return refuse("missing_required_parameter", "input", `"input" is missing; send a string or an array of items`)
	case input.Type == gjson.String:
		c.message("user", func() { w.raw(input.Raw) })
	case !input.IsArray():
		return wrongType("input", "a string or an array of items")
	}
	for i, it := range elements(input) {
		if e := c.item(it); e != nil {
			return e.at("input" + nth(i))
		}
	}
	c.settle()
	c.begin()
	w.close(']')
	return nil
}

// passedOver are items that say nothing to another model than the one that made them, that its answer repeats, or that are read elsewhere.
var passedOver = map[string]bool{"reasoning": true, "web_search_call": true, "file_search_call": true, "mcp_list_tools": true, "additional_tools": true}

func (c *conversation) item(it gjson.Result) *Error {
	kind := it.Get("type").Str
	switch {
	case !it.IsObject():
		return refuse("invalid_type", "", "an item must be an object")
	case kind == "message" || kind == "" && sent(it.Get("role")):
		return c.spoken(it)
	case kind == "function_call" || kind == "custom_tool_call":
		return c.call(it, kind == "custom_tool_call")
	case kind == "function_call_output" || kind == "custom_tool_call_output":
		return c.result(it)
	case passedOver[kind], kind == "item_reference" && strings.HasPrefix(it.Get("id").Str, reasoningPrefix):
		return nil
	case kind == "item_reference", kind == "" && sent(it.Get("id")):
		return refuse("unsupported_value", "", "freefall stores nothing, so an item_reference refers to nothing: send the item itself "+
			"(AI SDK: providerOptions: {openai: {store: false}}, or openai.chat(...))")
	}
	return refuse("unsupported_value", "", fmt.Sprintf(
		"freefall asks chat models, which know no items of type %+.60q: leave it out, or say in a message what it says", kind))
}

// spoken takes a message.
func (c *conversation) spoken(it gjson.Result) *Error {
	said, e := readContent(it.Get("content"))
	if e != nil {
		return e.at(".content")
	}
	c.settle()
	switch role := it.Get("role").Str; {
	case role == "assistant":
		c.said = &said
	case role == "user":
		c.message(role, func() { said.write(c.w) })
	case role != "system" && role != "developer":
		return refuse("invalid_value", ".role", `"role" must be "user", "assistant", "system" or "developer"`)
	case c.begun:
		c.message("system", func() { said.write(c.w) })
	default:
		c.system = append(c.system, said.plain())
	}
	return nil
}

// call takes a call of a tool. Calls that follow each other, and the text before them, are one turn of the assistant.
func (c *conversation) call(it gjson.Result, custom bool) *Error {
	id, name := it.Get("call_id"), it.Get("name")
	if id.Type != gjson.String || name.Type != gjson.String {
		return refuse("missing_required_parameter", "", `a call of a tool needs a "call_id" and a "name"`)
	}
	c.give()
	called, ok := c.tools.called(it)
	if !ok {
		called = name.Str
	}
	arguments := it.Get("arguments")
	raw := arguments.Raw
	switch {
	case custom:
		raw = quoted(object("input", quoted(it.Get("input").String())))
	case arguments.IsObject():
		raw = quoted(arguments.Raw)
	case arguments.Type != gjson.String:
		raw = `"{}"`
	}
	c.calls = append(c.calls, calledTool{id.Raw, called, raw})
	return nil
}

// result takes what a tool gave.
func (c *conversation) result(it gjson.Result) *Error {
	id := it.Get("call_id")
	if id.Type != gjson.String {
		return refuse("missing_required_parameter", "", `the output of a tool needs a "call_id"`)
	}
	given, e := readContent(it.Get("output"))
	if e != nil {
		return e.at(".output")
	}
	c.speak()
	c.message("tool", func() { c.w.text(given.plain()) }, "tool_call_id", id.Raw)
	for _, part := range given.parts {
		if part.what != nil {
			c.images = append(c.images, part)
		}
	}
	return nil
}

// settle writes what the turn before the next one is made of.
func (c *conversation) settle() {
	c.speak()
	c.give()
}

// speak writes the turn of the assistant.
func (c *conversation) speak() {
	if c.said == nil && c.calls == nil {
		return
	}
	said, calls := c.said, c.calls
	c.said, c.calls = nil, nil
	c.message("assistant", func() {
		if said == nil {
			c.w.raw("null")
		} else {
			c.w.text(said.plain())
		}
		if calls == nil {
			return
		}
		c.w.key("tool_calls")
		c.w.open('[')
		for _, call := range calls {
			c.w.raw(object("id", call.id, "type", `"function"`, "function", object("name", quoted(call.name), "arguments", call.arguments)))
		}
		c.w.close(']')
	})
}

// give shows the images that tools gave, behind all that they gave.
func (c *conversation) give() {
	if c.images == nil {
		return
	}
	given := contentParts{parts: append([]contentPart{{text: "What the tool gave:"}}, c.images...), shown: true}
	c.images = nil
	c.message("user", func() { given.write(c.w) })
}

// begin writes what the system said, before all others.
func (c *conversation) begin() {
	if c.begun {
		return
	}
	c.begun = true
	if len(c.system) > 0 {
		c.message("system", func() { c.w.text(strings.Join(c.system, "\n\n")) })
	}
}

// message writes a message of the chat. Members are names and raw JSON.
func (c *conversation) message(role string, content func(), members ...string) {
	c.begin()
	c.w.open('{')
	c.w.say("role", role)
	for i := 0; i < len(members); i += 2 {
		c.w.set(members[i], members[i+1])
	}
	c.w.key("content")
	content()
	c.w.close('}')
}
