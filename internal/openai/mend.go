package openai

import (
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

const (
	deltaPlace   = "delta"   // where a choice of a stream speaks
	messagePlace = "message" // where one of a whole answer does
)

// mender makes of a provider's choices what OpenAI's schema says of them, on which SDKs rely: an index, a delta or message, a role where
// somebody begins to speak, content that is text, a finish_reason that they know. What is as it should be stays as it came.
type mender struct {
	place  string // deltaPlace or messagePlace
	spoken uint64 // choices whose role is known, one bit each
	bore   uint64 // those that have said something: a message that comes later is all of it once more
	now    time.Time

	broke  string // the finish_reason of a choice that was given up
	n      int    // how many choices there are
	called int    // how many tool calls there are, in whole answers
}

// choices gives the document with its choices mended. The list is written once, however many of them are odd.
func (m *mender) choices(doc []byte) []byte {
	list, odd := []byte{'['}, false
	gjson.GetBytes(doc, "choices").ForEach(func(_, choice gjson.Result) bool {
		if m.n > 0 {
			list = append(list, ',')
		}
		mended := m.choice(choice, m.n)
		odd = odd || mended != choice.Raw
		list = append(list, mended...)
		m.n++
		return m.n <= maxChoices
	})
	if !odd || m.n > maxChoices {
		return doc
	}
	return with(doc, "choices", string(append(list, ']')))
}

func (m *mender) choice(choice gjson.Result, position int) string {
	raw := []byte(choice.Raw)
	n, ok := smallInt([]byte(choice.Get("index").Raw))
	if !ok {
		n = position
		raw = with(raw, "index", strconv.Itoa(n))
	}
	bit := uint64(1) << min(n, 63)
	said := choice.Get(m.place)
	if !said.IsObject() {
		key, found := saidElsewhere(choice, m.place)
		if key == messagePlace && m.bore&bit != 0 {
			key, found = "", gjson.Parse("{}")
		}
		if said = found; key != "" {
			raw = without(raw, key)
		}
	}
	first := m.spoken&bit == 0
	if mended := m.message(said, first); mended != said.Raw || !choice.Get(m.place).IsObject() {
		raw = with(raw, m.place, mended)
	}
	end := choice.Get("finish_reason")
	switch reason, word := finishReason(end); {
	case reason == gaveUp:
		m.broke = word
	case m.place == messagePlace && (reason == "null" || reason == `"stop"`): // the document is whole, so the answer is
		reason = `"stop"`
		if said.Get("tool_calls.0").Exists() {
			reason = `"tool_calls"`
		}
		if reason != end.Raw {
			raw = with(raw, "finish_reason", reason)
		}
	case reason != end.Raw && (end.Exists() || reason != "null"):
		raw = with(raw, "finish_reason", reason)
	}
	return string(raw)
}

// saidElsewhere finds what a choice says that does not say it in its place, and the key of that: gateways that stream nothing send a
// message, completions a text.
func saidElsewhere(choice gjson.Result, place string) (key string, said gjson.Result) {
	if text := choice.Get("text"); text.Type == gjson.String {
		return "text", gjson.Parse(`{"content":` + text.Raw + `}`)
	}
	for _, key := range [...]string{messagePlace, deltaPlace} {
		if said := choice.Get(key); key != place && said.IsObject() {
			return key, said
		}
	}
	return "", gjson.Parse("{}")
}

// message mends what one choice says. first says that it has not spoken before.
func (m *mender) message(said gjson.Result, first bool) string {
	raw := []byte(said.Raw)
	switch role := said.Get("role"); {
	case role.Str == "assistant":
	case first || role.Exists() && role.Type != gjson.Null:
		raw = with(raw, "role", `"assistant"`)
	}
	switch content := said.Get("content"); content.Type {
	case gjson.JSON:
		text, thoughts := partsOf(content)
		raw = with(raw, "content", jsonText(text))
		if thoughts != "" && said.Get("reasoning_content").Type != gjson.String {
			raw = with(raw, "reasoning_content", jsonText(thoughts))
		}
	case gjson.Number, gjson.True, gjson.False:
		raw = with(raw, "content", jsonText(content.String()))
	}
	if calls := said.Get("tool_calls"); m.place == messagePlace && calls.IsArray() {
		if mended := m.calls(calls); mended != calls.Raw {
			raw = with(raw, "tool_calls", mended)
		}
	}
	return string(raw)
}

// calls mends whole tool calls.
func (m *mender) calls(calls gjson.Result) string {
	list, n := []byte{'['}, 0
	odd := false
	calls.ForEach(func(_, call gjson.Result) bool {
		if n > 0 {
			list = append(list, ',')
		}
		mended := argumentsAsText(beginCall([]byte(call.Raw), call, m.now, n), call)
		if v := call.Get("function.arguments"); v.Type == gjson.Null && !call.Get("custom").Exists() || nothingSaid(v) {
			mended = with(mended, "function.arguments", `"{}"`)
		}
		odd = odd || string(mended) != call.Raw
		list = append(list, mended...)
		n++
		m.called++
		return m.called <= maxCalls
	})
	if !odd || m.called > maxCalls {
		return calls.Raw
	}
	return string(append(list, ']'))
}

// beginCall gives the begin of a tool call what clients need to answer it by: an id and a type.
func beginCall(raw []byte, call gjson.Result, now time.Time, n int) []byte {
	if id := call.Get("id"); id.Type != gjson.String || id.Str == "" {
		raw = with(raw, "id", `"call_`+strconv.FormatInt(now.UnixNano(), 36)+strconv.Itoa(n)+`"`)
	}
	if kind := call.Get("type"); kind.Type != gjson.String || kind.Str == "" {
		raw = with(raw, "type", `"function"`)
	}
	return raw
}

// argumentsAsText writes arguments that came as an object as the text that they should be.
func argumentsAsText(raw []byte, call gjson.Result) []byte {
	if v := call.Get("function.arguments"); v.IsObject() {
		return with(raw, "function.arguments", jsonText(v.Raw))
	}
	return raw
}

// nothingSaid says whether arguments are a text that is no JSON since nothing stands there.
func nothingSaid(v gjson.Result) bool {
	return v.Type == gjson.String && strings.TrimSpace(v.Str) == ""
}

// partsOf reads content that is a part, or a list of parts: its text, and the thoughts in it.
func partsOf(content gjson.Result) (text, thoughts string) {
	var said, thought strings.Builder
	parts := content.ForEach
	if content.IsObject() {
		parts = func(visit func(_, part gjson.Result) bool) { visit(gjson.Result{}, content) }
	}
	parts(func(_, part gjson.Result) bool {
		switch v := part.Get("thinking"); {
		case part.Type == gjson.String:
			said.WriteString(part.Str)
		case v.Type == gjson.String:
			thought.WriteString(v.Str)
		case v.IsArray():
			v.ForEach(func(_, inner gjson.Result) bool {
				thought.WriteString(inner.Get("text").Str)
				return true
			})
		default:
			said.WriteString(part.Get("text").Str)
		}
		return true
	})
	return said.String(), thought.String()
}

func jsonText(s string) string { return string(gjson.AppendJSONString(nil, s)) }
