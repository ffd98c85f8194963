package openai

import (
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// Characters is how many characters a chunk of a chat stream brings a client: text, thoughts, refusals, and arguments of tools.
func Characters(data []byte) (n int) {
	gjson.GetBytes(data, "choices").ForEach(func(_, choice gjson.Result) bool {
		delta := choice.Get("delta")
		if !delta.IsObject() {
			_, delta = saidElsewhere(choice, deltaPlace)
		}
		for _, key := range [...]string{"content", "reasoning", "reasoning_content", "reasoning_text", "thinking", "refusal"} {
			switch said := delta.Get(key); said.Type {
			case gjson.String:
				n += utf8.RuneCountInString(said.Str)
			case gjson.JSON:
				text, thoughts := partsOf(said)
				n += utf8.RuneCountInString(text) + utf8.RuneCountInString(thoughts)
			}
		}
		delta.Get("tool_calls").ForEach(func(_, call gjson.Result) bool {
			n += utf8.RuneCountInString(call.Get("function.name").Str) + utf8.RuneCountInString(call.Get("function.arguments").Str)
			return true
		})
		return true
	})
	return n
}
