package openai

import (
	"errors"
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"freefall/fallback"
)

var errNoCompletion = errors.New("the answer is not a chat completion")

// Complete gives the verdict on a whole answer to a chat request, and a good one as the client is to see it: byte for
// byte, but that an answer which called a tool ends with finish_reason tool_calls. Half a tool call is a fault.
func Complete(d *Dialect, status int, header func(name string) string, body []byte, now time.Time) ([]byte, fallback.Outcome) {
	if o, ok := plainAnswer(status, body); ok {
		return body, o
	}
	return search(d, status, header, body, now)
}

// search reads an answer for everything that it may be.
func search(d *Dialect, status int, header func(name string) string, body []byte, now time.Time) ([]byte, fallback.Outcome) {
	o := Classify(d, status, header, body, now)
	if o.Class != fallback.OK {
		return body, o
	}
	position := -1
	gjson.GetBytes(body, "choices").ForEach(func(_, choice gjson.Result) bool {
		position++
		calls := choice.Get("message.tool_calls").Array()
		reason := choice.Get("finish_reason").Str
		if len(calls) == 0 || reason != "stop" && reason != "tool_calls" {
			return true
		}
		if !wholeArguments(calls) {
			o = streamFault("a tool call broke off before its arguments were whole")
			return false
		}
		if reason == "stop" {
			body = with(body, "choices."+strconv.Itoa(position)+".finish_reason", `"tool_calls"`)
		}
		return true
	})
	return body, o
}

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

// AppendChunks appends a whole completion as a stream: for each choice a chunk with its message and one with its
// finish_reason, the token counts if asked for, and [DONE].
func AppendChunks(dst, body []byte, includeUsage bool) ([]byte, error) {
	if c, ok := readChunk(body); !ok || c.choices <= 0 {
		return dst, errNoCompletion
	}
	frame := without(with(body, "object", `"chat.completion.chunk"`), "usage")
	position := -1
	gjson.GetBytes(body, "choices").ForEach(func(_, choice gjson.Result) bool {
		position++
		dst = appendChoice(dst, frame, position, choice)
		return true
	})
	if usage := gjson.GetBytes(body, "usage"); includeUsage && usage.IsObject() {
		dst = appendFrame(dst, with(with(frame, "choices", "[]"), "usage", usage.Raw))
	}
	return append(dst, doneEvent...), nil
}

func appendChoice(dst, frame []byte, position int, choice gjson.Result) []byte {
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
	return appendFrame(dst, with(frame, "choices", head+`{},"finish_reason":`+reason+`}]`))
}

// delta gives a message as the one delta of a stream: its tool calls are numbered.
func delta(message gjson.Result) string {
	if !message.IsObject() {
		return "{}"
	}
	data := []byte(message.Raw)
	for i := range message.Get("tool_calls").Array() {
		n := strconv.Itoa(i)
		data = with(data, "tool_calls."+n+".index", n)
	}
	return string(data)
}
