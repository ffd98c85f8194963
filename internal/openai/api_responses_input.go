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

	begun  bool     // a message is written, so what the system says does not come first any more
	system []string // what it said until then: one message, since many models take no second one
	said   *string  // the assistant's text, and the calls that belong to it; nil = none
	calls  []string
	images []string // that tools gave; a tool's message holds text alone
}

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
		c.message("user", input.Raw)
		input = gjson.Result{}
	case !input.IsArray():
		return wrongType("input", "a string or an array of items")
	}
	for i, it := range elements(input) {
		if e := c.item(nth("input", i), it); e != nil {
			return e
		}
	}
	c.settle()
	c.begin()
	w.close(']')
	return nil
}

// passedOver are items that say nothing to another model than the one that made them, or that its answer repeats.
var passedOver = map[string]bool{"reasoning": true, "web_search_call": true, "file_search_call": true, "mcp_list_tools": true}

func (c *conversation) item(at string, it gjson.Result) *Error {
	kind := it.Get("type").Str
	switch {
	case !it.IsObject():
		return wrongType(at, "an object")
	case kind == "message" || kind == "" && sent(it.Get("role")):
		return c.spoken(at, it)
	case kind == "function_call" || kind == "custom_tool_call":
		return c.call(at, it, kind == "custom_tool_call")
	case kind == "function_call_output" || kind == "custom_tool_call_output":
		return c.result(at, it)
	case passedOver[kind], kind == "item_reference" && strings.HasPrefix(it.Get("id").Str, reasoningPrefix):
		return nil
	case kind == "item_reference", kind == "" && sent(it.Get("id")):
		return refuse("unsupported_value", at, "freefall stores nothing, so an item_reference refers to nothing: send the item itself "+
			"(AI SDK: providerOptions: {openai: {store: false}}, or openai.chat(...))")
	}
	return refuse("unsupported_value", at, fmt.Sprintf(
		"freefall asks chat models, which know no items of type %+.60q: leave it out, or say in a message what it says", kind))
}

// spoken takes a message.
func (c *conversation) spoken(at string, it gjson.Result) *Error {
	said, e := readContent(at+".content", it.Get("content"))
	if e != nil {
		return e
	}
	switch role := it.Get("role").Str; role {
	case "system", "developer":
		c.settle()
		if !c.begun {
			c.system = append(c.system, said.plain())
			return nil
		}
		c.message("system", said.json())
	case "user":
		c.settle()
		c.message("user", said.json())
	case "assistant":
		c.settle()
		text := said.plain()
		c.said = &text
	default:
		return refuse("invalid_value", at+".role", `"role" must be "user", "assistant", "system" or "developer"`)
	}
	return nil
}

// call takes a call of a tool. Calls that follow each other, and the text before them, are one turn of the assistant.
func (c *conversation) call(at string, it gjson.Result, custom bool) *Error {
	id, name := it.Get("call_id"), it.Get("name")
	if id.Type != gjson.String || name.Type != gjson.String {
		return refuse("missing_required_parameter", at, `a call of a tool needs a "call_id" and a "name"`)
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
	c.calls = append(c.calls, object("id", id.Raw, "type", `"function"`, "function", object("name", quoted(called), "arguments", raw)))
	return nil
}

// result takes what a tool gave.
func (c *conversation) result(at string, it gjson.Result) *Error {
	id := it.Get("call_id")
	if id.Type != gjson.String {
		return refuse("missing_required_parameter", at, `the output of a tool needs a "call_id"`)
	}
	given, e := readContent(at+".output", it.Get("output"))
	if e != nil {
		return e
	}
	c.speak()
	c.begin()
	c.w.raw(object("role", `"tool"`, "tool_call_id", id.Raw, "content", quoted(given.plain())))
	c.images = append(c.images, given.others...)
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
	text := "null"
	if c.said != nil {
		text = quoted(*c.said)
	}
	turn := []string{"role", `"assistant"`, "content", text}
	if c.calls != nil {
		turn = append(turn, "tool_calls", "["+strings.Join(c.calls, ",")+"]")
	}
	c.said, c.calls = nil, nil
	c.begin()
	c.w.raw(object(turn...))
}

// give shows the images that tools gave, behind all that they gave.
func (c *conversation) give() {
	if c.images == nil {
		return
	}
	parts := append([]string{`{"type":"text","text":"What the tool gave:"}`}, c.images...)
	c.images = nil
	c.message("user", "["+strings.Join(parts, ",")+"]")
}

// begin writes what the system said, before all others.
func (c *conversation) begin() {
	if !c.begun && len(c.system) > 0 {
		c.w.raw(object("role", `"system"`, "content", quoted(strings.Join(c.system, "\n\n"))))
	}
	c.begun = true
}

func (c *conversation) message(role, content string) {
	c.begin()
	c.w.raw(object("role", quoted(role), "content", content))
}
