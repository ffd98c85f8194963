package openai

import (
	"hash/maphash"
	"strconv"
	"time"

	"github.com/tidwall/gjson"
)

const (
	// maxCalls bounds the tool calls of one answer.
	maxCalls  = 512
	callFlood = "too many tool calls in one answer"
	// unplaced is the index of a fragment that names none.
	unplaced = -1
	// soleCall is the index of a function_call, the predecessor of tool calls: one for each choice, and unnumbered.
	soleCall = -2
)

var idSeed = maphash.MakeSeed()

// toolCalls follows the tool calls of one stream: where each fragment belongs, and whether its arguments are whole. It
// holds no arguments.
type toolCalls struct{ calls []toolCall }

type toolCall struct {
	choice int
	given  int // the index that the provider wrote
	index  int // the one that the client sees
	id     uint64
	name   uint64
	custom bool // it takes a text, which may be empty
	args   jsonEnd
}

// follow reads the tool calls and the finish_reasons of a chunk. It gives the chunk as the client is to see it: calls
// are numbered in order of arrival, each has an id and a type, and only its begin has a name; an answer that called a tool ends
// with finish_reason tool_calls, and a call without arguments with "{}" for them. A reason comes back instead when a call is over before its arguments are.
func (t *toolCalls) follow(data []byte, now time.Time) (out []byte, why string) {
	out = data
	position := -1
	gjson.GetBytes(data, "choices").ForEach(func(_, choice gjson.Result) bool {
		position++
		path := "choices." + strconv.Itoa(position)
		n := position
		if v := choice.Get("index"); v.Exists() {
			n = int(v.Int())
		}
		fragments := choice.Get("delta.tool_calls")
		var placed string
		if placed, why = t.place(n, fragments, now); placed != fragments.Raw {
			out = with(out, path+".delta.tool_calls", placed)
		}
		if legacy := choice.Get("delta.function_call"); why == "" && legacy.IsObject() {
			_, why = t.add(n, soleCall, legacy, legacy)
		}
		if why == "" {
			out, why = t.finish(out, path, n, choice.Get("finish_reason").Str)
		}
		return why == ""
	})
	return out, why
}

// place gives the fragments of a choice as clients are to see them. The list is written once, however many of them are odd.
func (t *toolCalls) place(choice int, fragments gjson.Result, now time.Time) (placed, why string) {
	if !fragments.IsArray() {
		return fragments.Raw, ""
	}
	list, odd := []byte{'['}, false
	fragments.ForEach(func(_, fragment gjson.Result) bool {
		given := unplaced
		if v := fragment.Get("index"); v.Type == gjson.Number && v.Num >= 0 && v.Num < maxCalls {
			given = int(v.Num)
		}
		var begins bool
		if begins, why = t.add(choice, given, fragment, fragment.Get("function")); why != "" {
			return false
		}
		call := t.last(choice, given)
		raw := argumentsAsText([]byte(fragment.Raw), fragment)
		if call.index != given {
			raw = with(raw, "index", strconv.Itoa(call.index))
		}
		if !fragment.Get("function").Exists() && !fragment.Get("custom").Exists() {
			raw = with(raw, "function", "{}")
		}
		if begins {
			raw = beginCall(raw, fragment, now, call.index)
		} else {
			raw = call.unrepeated(raw, fragment)
		}
		if len(list) > 1 {
			list = append(list, ',')
		}
		odd = odd || string(raw) != fragment.Raw
		list = append(list, raw...)
		return true
	})
	if !odd || why != "" {
		return fragments.Raw, why
	}
	return string(append(list, ']')), ""
}

// unrepeated gives a fragment without the id and the name of its call, since accumulators of SDKs add them up, and without a type that
// would take the place of its call's.
func (c *toolCall) unrepeated(raw []byte, fragment gjson.Result) []byte {
	if hashID(fragment) != 0 {
		raw = without(raw, "id")
	}
	if name := hashText(fragment.Get("function.name").Str); name != 0 && name == c.name {
		raw = without(raw, "function.name")
	}
	if kind := fragment.Get("type"); kind.Exists() && kind.Str == "" {
		raw = without(raw, "type")
	}
	return raw
}

// add takes a fragment: the begin of a call, or more of its arguments.
func (t *toolCalls) add(choice, given int, fragment, function gjson.Result) (begins bool, why string) {
	call := t.last(choice, given)
	if call == nil || call.precedes(given, fragment, function) {
		if len(t.calls) == maxCalls {
			return false, callFlood
		}
		begins = true
		t.calls = append(t.calls, toolCall{choice: choice, given: given, index: t.count(choice), id: hashID(fragment),
			name: hashText(function.Get("name").Str), custom: fragment.Get("custom").Exists()})
		call = &t.calls[len(t.calls)-1]
	}
	arguments := function.Get("arguments")
	if arguments.IsObject() {
		call.args.add(arguments.Raw)
	}
	call.args.add(arguments.Str)
	return begins, ""
}

// last gives the call that a fragment with that index continues. One without an index continues the last call.
func (t *toolCalls) last(choice, given int) *toolCall {
	for i := len(t.calls) - 1; i >= 0; i-- {
		if call := &t.calls[i]; call.choice == choice && (call.given == given || given == unplaced && call.given != soleCall) {
			return call
		}
	}
	return nil
}

// precedes says whether a fragment at the place of this call begins another one: it has a name and an id that differs, or
// neither an id nor an index to tell it by.
func (c *toolCall) precedes(given int, fragment, function gjson.Result) bool {
	if given == soleCall || function.Get("name").Str == "" {
		return false
	}
	id := hashID(fragment)
	if id != 0 && c.id != 0 {
		return id != c.id
	}
	return given == unplaced
}

// count is how many calls a choice has, which is the index of the next one: accumulators of SDKs know no gaps.
func (t *toolCalls) count(choice int) (n int) {
	for i := range t.calls {
		if call := &t.calls[i]; call.choice == choice && call.given != soleCall {
			n++
		}
	}
	return n
}

// finish holds a finish_reason against the calls of its choice.
func (t *toolCalls) finish(data []byte, path string, choice int, reason string) (out []byte, why string) {
	switch reason {
	case "stop", "tool_calls", "function_call":
	default:
		return data, ""
	}
	called := false
	for i := range t.calls {
		if call := &t.calls[i]; call.choice == choice {
			if !call.args.whole() {
				return data, "a tool call broke off before its arguments were whole"
			}
			called = called || call.given != soleCall
		}
	}
	if t.bare(choice, -1) != nil {
		place := path + ".delta.tool_calls"
		data = with(data, place, t.fill(choice, gjson.GetBytes(data, place)))
	}
	if called && reason == "stop" {
		data = with(data, path+".finish_reason", `"tool_calls"`)
	}
	return data, ""
}

// bare finds a call of a choice for which no arguments have come: that with the index, any for -1. A text for a custom tool may be empty.
func (t *toolCalls) bare(choice, index int) *toolCall {
	for i := range t.calls {
		if c := &t.calls[i]; c.choice == choice && !c.args.begun && !c.custom && c.given != soleCall && (index < 0 || index == c.index) {
			return c
		}
	}
	return nil
}

// fill gives the fragments of a choice that ends with arguments for the calls that came without: clients read them as JSON, and no
// text is none.
func (t *toolCalls) fill(choice int, fragments gjson.Result) string {
	list := []byte{'['}
	for _, fragment := range fragments.Array() {
		raw := []byte(fragment.Raw)
		if call := t.bare(choice, int(fragment.Get("index").Uint())); call != nil {
			call.args.begun = true
			raw = with(raw, "function.arguments", `"{}"`)
		}
		list = append(append(list, raw...), ',')
	}
	for call := t.bare(choice, -1); call != nil; call = t.bare(choice, -1) {
		call.args.begun = true
		list = append(list, `{"index":`+strconv.Itoa(call.index)+`,"function":{"arguments":"{}"}},`...)
	}
	list[len(list)-1] = ']'
	return string(list)
}

func (t *toolCalls) reset() { t.calls = t.calls[:0] }

// hashID gives 0 for a fragment without an id.
func hashID(fragment gjson.Result) uint64 { return hashText(fragment.Get("id").Str) }

// hashText gives 0 for no text.
func hashText(s string) uint64 {
	if s == "" {
		return 0
	}
	return maphash.String(idSeed, s) | 1
}

// jsonEnd tells whether pieces of text make one whole JSON object, without holding them. No text at all is whole too: a
// call without arguments. That the text is JSON in all else is not checked.
type jsonEnd struct {
	depth                               int
	begun, inString, escaped, over, odd bool
}

func (e *jsonEnd) add(piece string) {
	for i := range len(piece) {
		e.next(piece[i])
	}
}

func (e *jsonEnd) next(c byte) {
	switch {
	case e.escaped:
		e.escaped = false
		return
	case e.inString:
		e.escaped = c == '\\'
		e.inString = c != '"'
		return
	case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		return
	}
	e.odd = e.odd || e.over
	e.begun = true
	switch c {
	case '"':
		e.inString = true
	case '{', '[':
		e.depth++
	case '}', ']':
		e.depth--
		e.over = e.depth <= 0
	}
}

func (e *jsonEnd) whole() bool {
	return !e.begun || e.depth == 0 && !e.inString && !e.odd
}
