package openai

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// messagesStream is how far a message has been told. Its blocks follow each other, each with a start and a stop, while a chat may go
// on with what it began before: so a call is told when the one before it is whole, and words behind calls come last.
type messagesStream struct {
	begun, over bool
	open        string // the type of the block that is open; empty = none
	blocks      int    // that have begun
	calls       []heldCall
	turn        int // the call that may be told
	called      bool
	late        strings.Builder // words that came behind calls
	refused     bool
	end         gjson.Result // the choice with its finish_reason
	usage       messagesUsage
	counted     bool // usage was told
}

// heldCall is a tool call, and what of its arguments was not told yet.
type heldCall struct {
	index    int64
	id, name string
	begun    bool
	held     []byte
	args     jsonEnd
	some     bool // of its arguments have come
	odd      bool // they are no object
}

// maxLate bounds what is kept of an answer until its turn comes.
const maxLate = 4 << 20

func (t *messagesTranslator) Event(dst, data []byte) []byte {
	if t.over {
		return dst
	}
	if isDone(data) {
		return t.finish(dst)
	}
	c := gjson.ParseBytes(data)
	if !c.Get("choices").Exists() {
		t.over = true
		return appendMessagesError(dst, c.Get("error"))
	}
	from := len(dst)
	dst = t.begin(dst, c.Get("model").Str)
	if u := c.Get("usage"); u.IsObject() {
		t.usage, t.counted = messagesUsageOf(u), true
	}
	choice := c.Get("choices.0")
	if dst = t.delta(dst, choice.Get("delta")); t.over {
		return dst
	}
	if choice.Get("finish_reason").Str != "" {
		t.end = choice
	}
	if len(dst) == from { // the client hears that there is life in it
		dst = endEvent(beginEvent(dst, "ping"))
	}
	return dst
}

// begin tells the message's head, once.
func (t *messagesTranslator) begin(dst []byte, model string) []byte {
	if t.begun {
		return dst
	}
	t.begun = true
	w := beginEvent(dst, "message_start")
	w.key("message")
	w.open('{')
	t.head(&w, model)
	w.set("content", "[]")
	w.set("stop_reason", "null")
	w.set("stop_sequence", "null")
	writeUsage(&w, messagesUsage{input: t.input})
	w.close('}')
	return endEvent(beginEvent(endEvent(w), "ping"))
}

// delta tells what a chunk adds to the message.
func (t *messagesTranslator) delta(dst []byte, said gjson.Result) []byte {
	if thoughts := thoughtsOf(said).Str; thoughts != "" && t.thinks && len(t.calls) == 0 {
		dst = t.add(t.enter(dst, "thinking"), "thinking_delta", "thinking", thoughts)
	}
	t.refused = t.refused || said.Get("refusal").Str != ""
	switch text := textIn(said); {
	case text == "":
	case len(t.calls) == 0:
		dst = t.add(t.enter(dst, "text"), "text_delta", "text", text)
	default:
		t.late.WriteString(text)
	}
	said.Get("tool_calls").ForEach(func(_, fragment gjson.Result) bool {
		t.take(fragment)
		dst = t.tell(dst, false)
		return true
	})
	if t.kept() > maxLate {
		t.over = true
		return appendMessagesError(dst, gjson.Parse(`{"message":"the answer broke off: its tool calls do not come one after the other","type":"server_error"}`))
	}
	return dst
}

// take takes a fragment of a call.
func (t *messagesStream) take(fragment gjson.Result) {
	index := fragment.Get("index").Int()
	at := -1
	for i := range t.calls {
		if t.calls[i].index == index {
			at = i
		}
	}
	if at < 0 {
		at = len(t.calls)
		t.calls = append(t.calls, heldCall{index: index})
	}
	c := &t.calls[at]
	if c.id == "" {
		c.id = fragment.Get("id").Str
	}
	if c.name == "" {
		c.name = fragment.Get("function.name").Str
	}
	c.take(fragment.Get("function.arguments").Str)
}

// take takes more of the arguments. Those that are no object are passed over: the input of a call is one.
func (c *heldCall) take(piece string) {
	if !c.some {
		piece = strings.TrimLeft(piece, " \t\r\n")
		c.some = piece != ""
		c.odd = c.some && piece[0] != '{'
	}
	if !c.odd {
		c.args.add(piece)
		c.held = append(c.held, piece...)
	}
}

// tell tells as much of the calls as can be told in order; last says that no more of them comes. Nobody can answer one without a name.
func (t *messagesTranslator) tell(dst []byte, last bool) []byte {
	for ; t.turn < len(t.calls); t.turn++ {
		c := &t.calls[t.turn]
		switch {
		case c.name == "" && !last:
			return dst
		case c.name == "":
			continue
		case !c.begun:
			dst = t.call(dst, c)
		}
		if len(c.held) > 0 {
			dst = t.add(dst, "input_json_delta", "partial_json", string(c.held))
			c.held = c.held[:0]
		}
		if whole := c.args.over && t.turn+1 < len(t.calls); !whole && !last {
			return dst
		}
	}
	return dst
}

// call begins the block of a call.
func (t *messagesTranslator) call(dst []byte, c *heldCall) []byte {
	c.begun, t.called = true, true
	w := t.start(t.leave(dst), "tool_use")
	w.say("id", t.callID(c.id))
	w.say("name", c.name)
	w.set("input", "{}")
	w.close('}')
	return endEvent(w)
}

// kept is how much waits for its turn, in bytes.
func (t *messagesStream) kept() int {
	n := t.late.Len()
	for i := range t.calls {
		n += len(t.calls[i].held)
	}
	return n
}

// enter opens a block of words of that type, unless it is open.
func (t *messagesStream) enter(dst []byte, kind string) []byte {
	if t.open == kind {
		return dst
	}
	w := t.start(t.leave(dst), kind)
	w.say(kind, "")
	if kind == "thinking" {
		w.say("signature", "")
	}
	w.close('}')
	return endEvent(w)
}

// start begins a block; the caller says what else it holds, and closes it.
func (t *messagesStream) start(dst []byte, kind string) writer {
	w := beginEvent(dst, "content_block_start")
	w.set("index", strconv.Itoa(t.blocks))
	w.key("content_block")
	w.open('{')
	w.say("type", kind)
	t.open = kind
	t.blocks++
	return w
}

// add adds to the block that is open.
func (t *messagesStream) add(dst []byte, kind, member, text string) []byte {
	w := beginEvent(dst, "content_block_delta")
	w.set("index", strconv.Itoa(t.blocks-1))
	w.key("delta")
	w.open('{')
	w.say("type", kind)
	w.say(member, text)
	w.close('}')
	return endEvent(w)
}

// leave closes the block that is open, if one is.
func (t *messagesStream) leave(dst []byte) []byte {
	if t.open == "" {
		return dst
	}
	t.open = ""
	w := beginEvent(dst, "content_block_stop")
	w.set("index", strconv.Itoa(t.blocks-1))
	return endEvent(w)
}

// finish tells what was kept, and the end of the message.
func (t *messagesTranslator) finish(dst []byte) []byte {
	t.over = true
	dst = t.tell(t.begin(dst, ""), true)
	if t.late.Len() > 0 || t.blocks == 0 {
		dst = t.enter(dst, "text")
	}
	if t.late.Len() > 0 {
		dst = t.add(dst, "text_delta", "text", t.late.String())
	}
	w := beginEvent(t.leave(dst), "message_delta")
	w.key("delta")
	w.open('{')
	t.writeStop(&w, &t.end, t.called, t.refused)
	w.close('}')
	if !t.counted {
		t.usage.input = t.input
	}
	writeUsage(&w, t.usage)
	return endEvent(beginEvent(endEvent(w), "message_stop"))
}

// appendMessagesError tells that no more comes, on which SDKs raise.
func appendMessagesError(dst []byte, e gjson.Result) []byte {
	kind := e.Get("type").Str
	if kind == "server_error" || kind == "" {
		kind = "api_error"
	}
	w := beginEvent(dst, "error")
	w.key("error")
	w.open('{')
	w.say("type", kind)
	w.say("message", e.Get("message").Str)
	w.say("code", e.Get("code").Str)
	w.close('}')
	return endEvent(w)
}

// beginEvent begins an event, endEvent ends it. What is within is written anew, so it holds no line end.
func beginEvent(dst []byte, name string) writer {
	dst = append(append(dst, "event: "...), name...)
	w := writer{out: append(dst, "\ndata: "...)}
	w.open('{')
	w.say("type", name)
	return w
}

func endEvent(w writer) []byte {
	w.close('}')
	return append(w.out, '\n', '\n')
}
