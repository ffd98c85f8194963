package openai

import (
	"strings"

	"github.com/tidwall/gjson"
)

// gaveUp stands for every finish_reason that says that the answer was given up.
const gaveUp = "error"

// finishWords are the words of providers for why an answer ended, in lower case, and what OpenAI's clients call it. Those that are
// OpenAI's own pass as they are.
var finishWords = map[string]string{
	"stop": `"stop"`, "eos": `"stop"`, "eos_token": `"stop"`, "end_turn": `"stop"`, "stop_sequence": `"stop"`, "stop_token": `"stop"`,
	"complete": `"stop"`, "completed": `"stop"`,

	"length": `"length"`, "max_tokens": `"length"`, "max_length": `"length"`, "model_length": `"length"`, "max_output_tokens": `"length"`,
	"model_context_window_exceeded": `"length"`, "error_limit": `"length"`,

	"tool_calls": `"tool_calls"`, "tool_call": `"tool_calls"`, "tool_use": `"tool_calls"`, "function_call": `"function_call"`,

	"content_filter": `"content_filter"`, "content_filtered": `"content_filter"`, "guardrail_intervened": `"content_filter"`,
	"sensitive": `"content_filter"`, "safety": `"content_filter"`, "recitation": `"content_filter"`, "blocklist": `"content_filter"`,
	"prohibited_content": `"content_filter"`, "spii": `"content_filter"`, "image_safety": `"content_filter"`, "language": `"content_filter"`,
	"error_toxic": `"content_filter"`, "refusal": `"content_filter"`,

	"": "null", "null": "null", "none": "null", "finish_reason_unspecified": "null",

	"abort": gaveUp, "aborted": gaveUp, "cancelled": gaveUp, "canceled": gaveUp, "network_error": gaveUp, "network-error": gaveUp,
	"insufficient_system_resource": gaveUp, "engine_overloaded": gaveUp, "server_error": gaveUp, "internal_error": gaveUp, "timeout": gaveUp,
	"malformed_function_call": gaveUp, "unexpected_tool_call": gaveUp, "error_finish": gaveUp, "failed": gaveUp,
}

// finishReason gives a finish_reason as it is written for clients: one of OpenAI's words or null, gaveUp with the word that says so, or
// what it was if nobody knows that word. Some put their own word behind a class and a colon.
func finishReason(v gjson.Result) (written, word string) {
	if v.Type != gjson.String {
		return "null", ""
	}
	word = lowerASCII(strings.TrimSpace(v.Str))
	if class, inner, ok := strings.Cut(word, ":"); ok {
		word = class
		if _, known := finishWords[class]; !known {
			word = strings.TrimSpace(inner)
		}
	}
	if word == gaveUp && v.Str != gaveUp {
		return gaveUp, word
	}
	if known, ok := finishWords[word]; ok {
		return known, strings.Clone(word)
	}
	if word != gaveUp && strings.HasSuffix(word, gaveUp) { // "upstream_error"
		return gaveUp, strings.Clone(word)
	}
	return v.Raw, ""
}

// isFinish says whether a finish_reason is one of OpenAI's own words, or the "error" that is judged elsewhere.
func isFinish(word []byte) bool {
	switch string(word) {
	case "stop", "length", "tool_calls", "content_filter", "function_call", "error":
		return true
	}
	return false
}
