package openai

import (
	"hash/maphash"
	"strconv"

	"github.com/tidwall/gjson"
)

const (
	// maxCalls bounds the tool calls of one answer.
	maxCalls = 512
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
	args   jsonEnd
}

// follow reads the tool calls and the finish_reasons of a chunk. It gives the chunk as the client is to see it: calls
// without an index get one in order of arrival, as do calls that share theirs, and an answer that called a tool ends with
// finish_reason tool_calls. A reason comes back instead when a call is over before its arguments are.
func (t *toolCalls) follow(data []byte) (out []byte, why string) {
	out = data
	position := -1
	gjson.GetBytes(data, "choices").ForEach(func(_, choice gjson.Result) bool {
		position++
		path := "choices." + strconv.Itoa(position)
		n := position
		if v := choice.Get("index"); v.Exists() {
			n = int(v.Int())
		}
		out, why = t.place(out, path+".delta.tool_calls.", n, choice.Get("delta.tool_calls"))
		if legacy := choice.Get("delta.function_call"); why == "" && legacy.IsObject() {
			why = t.add(n, soleCall, legacy, legacy)
		}
		if why == "" {
			out, why = t.finish(out, path, n, choice.Get("finish_reason").Str)
		}
		return why == ""
	})
	return out, why
}

// place gives each fragment of a choice its index.
func (t *toolCalls) place(data []byte, path string, choice int, fragments gjson.Result) (out []byte, why string) {
	out = data
	i := -1
	fragments.ForEach(func(_, fragment gjson.Result) bool {
		i++
		given := unplaced
		if v := fragment.Get("index"); v.Type == gjson.Number && v.Num >= 0 && v.Num < maxCalls {
			given = int(v.Num)
		}
		if why = t.add(choice, given, fragment, fragment.Get("function")); why != "" {
			return false
		}
		if index := t.last(choice, given).index; index != given {
			out = with(out, path+strconv.Itoa(i)+".index", strconv.Itoa(index))
		}
		return true
	})
	return out, why
}

// add takes a fragment: the begin of a call, or more of its arguments.
func (t *toolCalls) add(choice, given int, fragment, function gjson.Result) (why string) {
	call := t.last(choice, given)
	if call == nil || call.precedes(given, fragment, function) {
		if len(t.calls) == maxCalls {
			return "too many tool calls in one answer"
		}
		t.calls = append(t.calls, toolCall{choice: choice, given: given, index: t.free(choice, given), id: hashID(fragment)})
		call = &t.calls[len(t.calls)-1]
	}
	call.args.add(function.Get("arguments").Str)
	return ""
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

// free gives the index of a new call: the provider's, unless another call has it.
func (t *toolCalls) free(choice, given int) int {
	next := 0
	taken := given < 0
	for i := range t.calls {
		if call := &t.calls[i]; call.choice == choice && call.given != soleCall {
			next = max(next, call.index+1)
			taken = taken || call.index == given
		}
	}
	if taken {
		return next
	}
	return given
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
	if called && reason == "stop" {
		data = with(data, path+".finish_reason", `"tool_calls"`)
	}
	return data, ""
}

func (t *toolCalls) reset() { t.calls = t.calls[:0] }

// hashID gives 0 for a fragment without an id.
func hashID(fragment gjson.Result) uint64 {
	id := fragment.Get("id").Str
	if id == "" {
		return 0
	}
	return maphash.String(idSeed, id) | 1
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
