package openai

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"freefall/fallback"
)

var errNoCompletion = errors.New("the answer is not a chat completion")

// Complete gives the verdict on a whole answer to a chat request, and a good one as the client is to see it: byte for
// byte, but that what SDKs rely on and the provider left out is put in, and that an answer which called a tool ends with
// finish_reason tool_calls. Half a tool call is a fault. model is the id that was asked for.
func Complete(d *Dialect, status int, header func(name string) string, body []byte, model string, now time.Time) ([]byte, fallback.Outcome) {
	body = unmarked(body)
	if o, ok := plainAnswer(status, body); ok {
		return body, o
	}
	return search(d, status, header, body, model, now)
}

// unmarked is an answer without the byte order mark that some servers begin with: not every client's JSON reader takes one.
func unmarked(body []byte) []byte { return bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")) }

// search reads an answer for everything that it may be.
func search(d *Dialect, status int, header func(name string) string, body []byte, model string, now time.Time) ([]byte, fallback.Outcome) {
	came := body
	m := mender{place: messagePlace, now: now}
	if doc := bytes.TrimSpace(body); validShallow(doc) && gjson.GetBytes(doc, "choices.0").IsObject() {
		body = m.choices(body)
	}
	o := Classify(d, status, header, body, now)
	if m.n > maxChoices {
		return body, streamFault("the answer has more choices than anybody asks for")
	}
	if m.called > maxCalls {
		return body, streamFault(callFlood)
	}
	if m.broke != "" && (o.Class == fallback.OK || IsEmpty(&o)) {
		return body, givenUp(m.broke)
	}
	if o.Class != fallback.OK {
		return body, o
	}
	if !gjson.GetBytes(body, "choices").IsArray() { // an answer of another API
		return came, streamFault("an answer without choices")
	}
	for _, choice := range gjson.GetBytes(body, "choices").Array() {
		if choice.Get("finish_reason").Str == "tool_calls" && !wholeArguments(choice.Get("message.tool_calls").Array()) {
			return came, streamFault("a tool call broke off before its arguments were whole")
		}
	}
	return identified(body, model, now), o
}

// identified gives a completion with the identity that its provider left out.
func identified(body []byte, model string, now time.Time) []byte {
	doc := gjson.ParseBytes(body)
	var t identity
	t.settle(now, model)
	for _, part := range [...]struct {
		key   string
		value []byte
		good  bool
	}{
		{"id", t.id, isText(doc.Get("id"))},
		{"object", []byte(`"chat.completion"`), doc.Get("object").Str == "chat.completion"},
		{"created", t.created, isWhole([]byte(doc.Get("created").Raw))},
		{"model", t.model, t.model == nil || isText(doc.Get("model"))},
	} {
		if !part.good {
			body = with(body, part.key, string(part.value))
		}
	}
	return body
}

func isText(v gjson.Result) bool { return v.Type == gjson.String && v.Str != "" }

func wholeArguments(calls []gjson.Result) bool {
	for _, call := range calls {
		var end jsonEnd
		end.add(call.Get("function.arguments").Str)
		if !end.whole() {
			return false
		}
	}
	return true
}

// maxBeside bounds what each chunk repeats of a whole completion, in bytes: one may hold megabytes beside its choices.
const maxBeside = 4 << 10

// AppendChunks appends a whole completion as a stream: for each choice a chunk with its message and one with its
// finish_reason, the token counts if asked for, and [DONE]. What the completion says beside its choices stands in each of
// them, or, if that is long, in the first.
func AppendChunks(dst, body []byte, includeUsage bool) ([]byte, error) {
	c, ok := readChunk(body)
	if !ok || c.choices <= 0 {
		return dst, errNoCompletion
	}
	if c.noError { // some take whatever has the member for an error
		body = without(body, "error")
	}
	frame := with(without(with(body, "object", `"chat.completion.chunk"`), "usage"), "choices", "[]")
	if c.id == nil { // chunks whose ids differ are lost, and one so long is not repeated
		frame = without(frame, "id")
	}
	bare := frame
	if len(frame) > maxBeside {
		var t identity
		t.learn(&c)
		bare = t.stamp([]byte(`{"object":"chat.completion.chunk","choices":[]}`), &chunk{model: c.model})
	}
	position := -1
	gjson.GetBytes(body, "choices").ForEach(func(_, choice gjson.Result) bool {
		position++
		dst = appendChoice(dst, frame, bare, position, choice)
		frame = bare
		return true
	})
	if usage := gjson.GetBytes(body, "usage"); includeUsage && usage.IsObject() {
		dst = appendFrame(dst, with(frame, "usage", usage.Raw))
	}
	return append(dst, doneEvent...), nil
}

func appendChoice(dst, frame, bare []byte, position int, choice gjson.Result) []byte {
	index := strconv.Itoa(position)
	if v := choice.Get("index"); v.Type == gjson.Number {
		index = v.Raw
	}
	message := choice.Get("message")
	reason := choice.Get("finish_reason").Raw
	if choice.Get("finish_reason").Str == "" { // the document is whole, so the answer is
		reason = `"stop"`
		if message.Get("tool_calls.0").Exists() {
			reason = `"tool_calls"`
		}
	}
	head := `[{"index":` + index + `,"delta":`
	first := head + delta(message)
	if logprobs := choice.Get("logprobs"); logprobs.IsObject() {
		first += `,"logprobs":` + logprobs.Raw
	}
	dst = appendFrame(dst, with(frame, "choices", first+`,"finish_reason":null}]`))
	return appendFrame(dst, with(bare, "choices", head+`{},"finish_reason":`+reason+`}]`))
}

// delta gives a message as the one delta of a stream: its tool calls are numbered. The list is written once, however long it is.
func delta(message gjson.Result) string {
	if !message.IsObject() {
		return "{}"
	}
	calls := message.Get("tool_calls").Array()
	if len(calls) == 0 {
		return message.Raw
	}
	list := []byte{'['}
	for i, call := range calls {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(list, with([]byte(call.Raw), "index", strconv.Itoa(i))...)
	}
	return string(with([]byte(message.Raw), "tool_calls", string(append(list, ']'))))
}
