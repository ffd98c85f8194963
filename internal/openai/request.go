package openai

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"freefall/fallback"
)

// Request is a view on the body of a chat request. Body is kept, never changed, and must stay as it is while the request
// is in use. Methods may be called from several goroutines.
type Request struct {
	Body         []byte
	Model        string   // what the client asked for; empty when absent or empty
	Models       []string // likewise from "models", the client's own order
	Stream       bool
	IncludeUsage bool // the client asked for usage in the stream
	Need         fallback.Need
	Talk         uint64 // the conversation, by how it begins; 0 = nobody has said anything
	GoesOn       bool   // an answer stands in it already

	seen seenKeys
	asIs splice
	left leftOut // what may not go up, where it stands

	mu     sync.Mutex
	edits  Edits // the last ones asked for
	edited splice
	ready  bool // edited is what came of edits

	form *form // of the answer; nil = not read yet
}

// removedKeys could spend money upstream, or let the provider choose another model. They never go up.
var removedKeys = []string{"models", "route", "provider", "plugins", "preset", "web_search_options"}

// chatKeys are the guarded keys of a chat body: those above, those that freefall reads, and those that Edits may name.
var chatKeys = newKeySet(slices.Concat(removedKeys, []string{
	"model", "stream", "messages", "tools", "tool_choice", "functions", "function_call", "response_format",
}, knobs)...)

// removedSet are the first of them.
var removedSet = seenKeys(1)<<len(removedKeys) - 1

var (
	streamOptionKeys = newKeySet("include_usage")
	toolKeys         = newKeySet("type")
)

// maxModels bounds the list in "models".
const maxModels = 100

// ParseChat reads the body of a chat request. It refuses what is no JSON object, what could be read in two ways, what
// freefall would have to guess about, and tools that the provider runs at a price. All else is for the upstream to judge.
func ParseChat(body []byte) (*Request, *Error) { return readChat(body, &known) }

func readChat(body []byte, known *knownTools) (*Request, *Error) {
	p := chatParser{req: &Request{Body: body}, s: scanner{body: body}, known: known}
	for p.s.next() {
		if err := p.value(); err != nil {
			return nil, err
		}
	}
	if p.s.err != nil {
		return nil, p.s.err
	}
	p.end()
	r := p.req
	if !r.seen.has(chatKeys["messages"]) {
		return nil, refuse("missing_required_parameter", "messages", `"messages" is missing; send an array of messages`)
	}
	if !r.seen.has(chatKeys["model"]) {
		r.asIs = spliceFirst(body, p.s.start)
	}
	r.Need.Tokens = p.text.tokens()
	r.Need.Stream = r.Stream
	r.Talk, r.GoesOn = p.talk.end()
	r.Need.MaxOutput = cmp.Or(p.maxCompletion, p.maxTokens)
	return r, nil
}

// chatParser is what ParseChat knows half-way.
type chatParser struct {
	s           scanner
	req         *Request
	member      string // the guarded top-level key that the scan is in; empty in any other
	optionsSeen seenKeys
	text        textSize
	talk        talk

	known   *knownTools // nil = everything is read
	toolsAt int         // where a list of tools begins that is being read; 0 = none is
	before  textSize    // text, there

	maxTokens, maxCompletion int // the old and the new name of the bound of an answer; 0 = none
}

// value takes up the value that the scanner has found.
func (p *chatParser) value() (err *Error) {
	if p.s.depth == 1 {
		p.leave(p.s.began)
		before := p.req.seen
		if p.member, err = chatKeys.admit(&p.s.key, &p.req.seen); err != nil {
			return err
		}
		p.s.looks = looksInto(p.member)
		if (p.req.seen^before)&removedSet != 0 {
			p.req.left.open(p.s.body, p.s.began)
		} else {
			p.req.left.close(p.s.body, p.s.start, p.s.began)
		}
		return p.topLevel()
	}
	switch p.member {
	case "messages":
		p.message()
	case "tools":
		return p.tool()
	case "models":
		return p.listedModel()
	case "stream_options":
		return p.streamOption()
	case "response_format":
		if p.s.depth == 2 && p.s.key.is("type") && p.isText("json_schema") {
			p.req.Need.JSONSchema = true
		}
	}
	return nil
}

// leave ends the member under way, at where the next one begins: of what it holds for a model to read, the scanner has weighed what nobody
// looks at.
func (p *chatParser) leave(at int) {
	switch p.member {
	case "messages", "tools", "functions":
		p.text.add(p.s.unseen)
	}
	p.s.unseen = textSize{}
	if p.toolsAt > 0 {
		p.remember(at)
	}
}

// end ends the last member, and with it the body.
func (p *chatParser) end() {
	at := bytes.LastIndexByte(p.s.body, '}')
	p.leave(at)
	p.req.left.close(p.s.body, p.s.start, at)
}

// looksInto is how many containers deep the values lie that are looked at in a top-level member.
func looksInto(member string) int {
	switch member {
	case "messages":
		return 6
	case "tools":
		return 3
	case "models", "stream_options", "response_format":
		return 2
	}
	return 1
}

// topLevel takes up a member of the body itself.
func (p *chatParser) topLevel() *Error {
	s, r := &p.s, p.req
	switch p.member {
	case "model":
		if s.kind != '"' {
			return wrongType(p.member, "a string")
		}
		r.Model = s.str.String()
		r.asIs = spliceAt(r.Body, s.from, s.to)
	case "models":
		if s.kind != '[' {
			return wrongType(p.member, "an array of strings")
		}
	case "stream":
		if !p.isOneOf("tfn") {
			return wrongType(p.member, "true, false or null")
		}
		r.Stream = s.kind == 't'
	case "stream_options":
		if !p.isOneOf("{n") {
			return wrongType(p.member, "an object or null")
		}
	case "messages":
		if s.kind != '[' {
			return wrongType(p.member, "an array")
		}
	case "tools", "functions":
		if !p.isOneOf("[n") {
			return wrongType(p.member, "an array or null")
		}
		r.Need.Tools = r.Need.Tools || p.isFilledArray()
		if p.member == "tools" && s.kind == '[' && p.known != nil {
			p.recognize()
		}
	case "max_tokens":
		p.maxTokens = p.tokens()
	case "max_completion_tokens":
		p.maxCompletion = p.tokens()
	case "tool_choice":
		r.Need.ToolChoice = s.kind != 'n' && !p.isText("auto") && !p.isText("none")
	}
	return nil
}

// message takes up a value inside "messages": a member of a message at depth 3, of a part of its content at depth 5.
func (p *chatParser) message() {
	s, need := &p.s, &p.req.Need
	p.talk.value(s)
	switch {
	case s.depth == 3 && s.key.is("role"):
		need.Tools = need.Tools || p.isText("tool") || p.isText("function")
	case s.depth == 3 && s.key.is("tool_calls"):
		need.Tools = need.Tools || p.isFilledArray()
	case s.depth == 3 && s.key.is("function_call"):
		need.Tools = need.Tools || s.kind == '{'
	case s.depth == 5 && s.key.is("type"):
		if p.isText("image_url") || p.isText("input_image") || p.isText("image") {
			need.Vision = true
			need.Images++
		}
	}
	p.count()
}

// tool takes up a value inside "tools". A tool of type function or custom is run by the client; any other by the
// provider, and some of those cost money beside a free model.
func (p *chatParser) tool() *Error {
	p.count()
	s := &p.s
	switch {
	case s.depth != 3, s.key.is("function"):
		return nil
	case s.key.is("type"):
	default:
		if key, _ := toolKeys.find(&s.key); key.bit == 0 {
			return nil
		}
	}
	if s.kind != '"' {
		return wrongType("tools", `an array of tools whose "type" is a string`)
	}
	if s.str.is("function") || s.str.is("custom") {
		return nil
	}
	return refuse("unsupported_tool", "tools", fmt.Sprintf(
		`tools of type %+.60q are run by the provider and may cost money; freefall passes on "function" and "custom" tools only`, s.str.String()))
}

func (p *chatParser) listedModel() *Error {
	if p.s.kind != '"' {
		return wrongType("models", "an array of strings")
	}
	if len(p.req.Models) == maxModels {
		return refuse("too_many_models", "models", fmt.Sprintf(`"models" holds more than %d ids`, maxModels))
	}
	p.req.Models = append(p.req.Models, p.s.str.String())
	return nil
}

func (p *chatParser) streamOption() *Error {
	if p.s.depth != 2 {
		return nil
	}
	name, err := streamOptionKeys.admit(&p.s.key, &p.optionsSeen)
	switch {
	case err != nil:
		err.Param = "stream_options." + err.Param
		return err
	case name == "":
		return nil
	case !p.isOneOf("tfn"):
		return wrongType("stream_options."+name, "true, false or null")
	}
	p.req.IncludeUsage = p.s.kind == 't'
	return nil
}

// count adds a string to the text that a model reads, unless it is an image or a file.
func (p *chatParser) count() {
	if s := &p.s; s.kind == '"' && !s.str.isFile() && !s.key.namesFile() {
		p.text.add(s.size)
	}
}

// tokens reads a positive whole number; anything else is 0, for the upstream to judge.
func (p *chatParser) tokens() int {
	if p.s.kind != '0' {
		return 0
	}
	n, err := strconv.ParseFloat(string(p.s.body[p.s.from:p.s.to]), 64)
	if err != nil || n < 1 || n > math.MaxInt32 || n != math.Trunc(n) {
		return 0
	}
	return int(n)
}

func (p *chatParser) isText(word string) bool { return p.s.kind == '"' && p.s.str.is(word) }

// isOneOf says whether the value begins with one of those bytes.
func (p *chatParser) isOneOf(kinds string) bool { return strings.IndexByte(kinds, p.s.kind) >= 0 }

func (p *chatParser) isFilledArray() bool { return p.s.kind == '[' && !p.s.empty() }

func wrongType(param, want string) *Error {
	return refuse("invalid_type", param, fmt.Sprintf("%q must be %s", param, want))
}
