package proxy

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// What a client that believes OpenAI's schema to the letter takes, and no other: the types of openai-node, the zod schema of Vercel's AI
// SDK, and the accumulators of openai-python and LangChain, which add texts up and know no gaps.

var finishWords = []string{"", "stop", "length", "tool_calls", "content_filter", "function_call"}

// checkStrictStream holds each event of a stream against that.
func checkStrictStream(w *world, body string) {
	w.Helper()
	spoken, model := map[int64]bool{}, ""
	calls := map[int64]int{}
	for frame := range strings.SplitSeq(strings.TrimSuffix(body, "\n\n"), "\n\n") {
		data, ok := strings.CutPrefix(frame, "data: ")
		if !ok || data == "[DONE]" || gjson.Get(data, "error.message").Exists() {
			continue
		}
		if gjson.Get(data, "error").Exists() {
			w.Errorf("an error that says nothing: %s", data)
		}
		wrong := func(what string) { w.Errorf("%s: %s", what, data) }
		c := gjson.Parse(data)
		checkIdentity(c, "chat.completion.chunk", wrong)
		if model == "" || !c.Get("model").Exists() {
			model = c.Get("model").Str
		} else if c.Get("model").Str != model {
			wrong("another model")
		}
		for _, choice := range c.Get("choices").Array() {
			delta, index := choice.Get("delta"), choice.Get("index")
			if index.Type != gjson.Number || !delta.IsObject() {
				wrong("a choice without index or delta")
			}
			checkMessage(choice, delta, wrong)
			if role := delta.Get("role").Str; role == "assistant" {
				spoken[index.Int()] = true
			}
			if !spoken[index.Int()] {
				wrong("nobody speaks")
			}
			for _, call := range delta.Get("tool_calls").Array() {
				n := int(call.Get("index").Int())
				begins := n == calls[index.Int()]
				if begins {
					calls[index.Int()]++
				}
				id, name := call.Get("id").Str, call.Get("function.name").Str
				switch {
				case call.Get("index").Type != gjson.Number || n >= calls[index.Int()]:
					wrong("a gap in the tool calls")
				case !call.Get("function").IsObject() || !isTextOrNull(call.Get("function.arguments")):
					wrong("arguments that are no text")
				case begins && (id == "" || name == "" || call.Get("type").Str != "function"):
					wrong("a tool call without id, name or type")
				case !begins && (id != "" || name != ""):
					wrong("the name of a tool call, again")
				case !begins && call.Get("type").Exists() && call.Get("type").Str != "function":
					wrong("a tool call that is none")
				}
			}
		}
	}
}

func checkIdentity(c gjson.Result, object string, wrong func(string)) {
	switch {
	case c.Get("id").Type != gjson.String || c.Get("id").Str == "":
		wrong("no id")
	case c.Get("object").Exists() && c.Get("object").Str != object:
		wrong("another object")
	case c.Get("created").Type != gjson.Number || strings.ContainsAny(c.Get("created").Raw, ".eE-"):
		wrong("no created")
	case c.Get("model").Exists() && (c.Get("model").Type != gjson.String || c.Get("model").Str == ""):
		wrong("a model without a name")
	case !c.Get("choices").IsArray():
		wrong("no choices")
	}
}

func checkMessage(choice, said gjson.Result, wrong func(string)) {
	if finish := choice.Get("finish_reason"); !isTextOrNull(finish) || !slices.Contains(finishWords, finish.Str) {
		wrong("a finish_reason that nobody knows")
	}
	if role := said.Get("role"); role.Type != gjson.Null && role.Str != "assistant" {
		wrong("a role that nobody knows")
	}
	for _, key := range []string{"content", "refusal", "reasoning_content"} {
		if !isTextOrNull(said.Get(key)) {
			wrong(key + " that is no text")
		}
	}
}

func isTextOrNull(v gjson.Result) bool { return v.Type == gjson.String || v.Type == gjson.Null }

// strictAnswer is a whole answer.
type strictAnswer struct {
	Choices []struct {
		Message struct {
			Content          string
			ReasoningContent string `json:"reasoning_content"`
			ToolCalls        []struct {
				ID, Type string
				Function struct{ Name, Arguments string }
			} `json:"tool_calls"`
		}
		Finish string `json:"finish_reason"`
	}
	Usage struct {
		Total int `json:"total_tokens"`
	}
}

// checkStrictAnswer reads one, and holds it against the schema.
func checkStrictAnswer(w *world, body string) (a strictAnswer) {
	w.Helper()
	wrong := func(what string) { w.Errorf("%s: %s", what, body) }
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		w.Fatalf("%v: %s", err, body)
	}
	c := gjson.Parse(body)
	checkIdentity(c, "chat.completion", wrong)
	for _, choice := range c.Get("choices").Array() {
		if choice.Get("index").Type != gjson.Number || choice.Get("message.role").Str != "assistant" {
			wrong("a choice without index or role")
		}
		if choice.Get("finish_reason").Str == "" {
			wrong("no finish_reason")
		}
		checkMessage(choice, choice.Get("message"), wrong)
		for _, call := range choice.Get("message.tool_calls").Array() {
			if call.Get("id").Str == "" || call.Get("type").Str != "function" || call.Get("function.arguments").Type != gjson.String {
				wrong("a tool call without id, type or arguments")
			}
		}
	}
	return a
}
