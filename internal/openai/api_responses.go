package openai

import (
	"crypto/rand"
	"fmt"

	"github.com/tidwall/gjson"
)

// Responses is OpenAI's newer API, POST /v1/responses. Nothing is stored: each request carries its whole conversation.
var Responses API = responsesAPI{}

type responsesAPI struct{}

var responsesKeys = newKeySet("model", "models", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "max_output_tokens",
	"temperature", "top_p", "text", "reasoning", "stream", "metadata", "user", "safety_identifier", "prompt_cache_key", "service_tier",
	"store", "truncation", "previous_response_id", "conversation", "background", "prompt")

// unstored are members that only somebody who keeps responses could honour, and the value of each that asks for nothing.
var unstored = []struct{ name, idle, advice string }{
	{"previous_response_id", "null", `send the whole conversation in "input" each time`},
	{"conversation", "null", `send the whole conversation in "input" each time`},
	{"background", "false", `leave it out and wait for the answer, with "stream": true if that takes long`},
	{"prompt", "null", `send the text of the template in "instructions" and "input"`},
}

func (responsesAPI) Translate(body []byte) ([]byte, Translator, *Error) {
	m, e := readMembers(body, responsesKeys)
	if e != nil {
		return nil, nil, e
	}
	for _, u := range unstored {
		if v := m[u.name]; sent(v) && v.Raw != u.idle {
			return nil, nil, refuse("unsupported_parameter", u.name, fmt.Sprintf("freefall stores nothing, so it knows no %q: %s", u.name, u.advice))
		}
	}
	if v := m["text"]; sent(v) && !v.IsObject() {
		return nil, nil, wrongType("text", "an object")
	}
	tools, e := readResponsesTools(m["tools"], m["tool_choice"], m["input"])
	if e != nil {
		return nil, nil, e
	}
	w := writer{out: make([]byte, 0, len(body)+512)}
	w.open('{')
	w.carry(m, "model", "models", "temperature", "top_p", "stream")
	w.carryAs("max_tokens", m["max_output_tokens"]) // the older name, which nearly all providers know
	if m["stream"].Bool() {
		w.set("stream_options", `{"include_usage":true}`)
	}
	w.key("messages")
	if e := writeConversation(&w, &tools, m["instructions"], m["input"]); e != nil {
		return nil, nil, e
	}
	if tools.write(&w); len(tools.declared) > 0 && m["parallel_tool_calls"].Raw == "false" {
		w.set("parallel_tool_calls", "false") // true is what all do anyway, and not all know the key
	}
	writeResponseFormat(&w, m["text"].Get("format"))
	if v := m["text"].Get("verbosity"); v.Str == "low" || v.Str == "high" {
		w.say("verbosity", v.Str)
	}
	if effort := effortOf(m["reasoning"].Get("effort").Str); effort != "" {
		w.say("reasoning_effort", effort)
	}
	w.close('}')
	return w.out, &responsesTranslator{id: rand.Text(), echo: echoOf(m), tools: tools.named}, nil
}

func (responsesAPI) AppendError(dst []byte, e *Error) []byte { return e.Append(dst) }

// effortOf is the effort in the three words that all who know efforts know; empty = nothing is asked for.
func effortOf(effort string) string {
	switch effort {
	case "minimal":
		return "low"
	case "xhigh", "max":
		return "high"
	case "none":
		return ""
	}
	return effort
}

// writeResponseFormat writes the form that the answer is to have. A schema stands one level deeper in a chat request.
func writeResponseFormat(w *writer, format gjson.Result) {
	switch format.Get("type").Str {
	case "json_schema":
		w.key("response_format")
		w.open('{')
		w.say("type", "json_schema")
		w.key("json_schema")
		w.open('{')
		if !sent(format.Get("name")) {
			w.say("name", "answer")
		}
		for _, name := range []string{"name", "description", "schema", "strict"} {
			w.carryAs(name, format.Get(name))
		}
		w.close('}')
		w.close('}')
	case "", "text":
	default:
		w.set("response_format", format.Raw)
	}
}

// echoed are the members that a response repeats, and what stands there when nothing was asked for.
var echoed = []struct{ name, absent string }{
	{"instructions", "null"}, {"max_output_tokens", "null"}, {"metadata", "{}"}, {"parallel_tool_calls", "true"}, {"prompt_cache_key", "null"},
	{"reasoning", `{"effort":null,"summary":null}`}, {"safety_identifier", "null"}, {"temperature", "null"}, {"text", `{"format":{"type":"text"}}`},
	{"tool_choice", `"auto"`}, {"tools", "[]"}, {"top_p", "null"}, {"user", "null"},
}

// echoOf gives the members of a response that do not depend on the answer, as they stand in an object behind others.
func echoOf(m map[string]gjson.Result) string {
	w := writer{more: true}
	for _, x := range echoed {
		if v := m[x.name]; sent(v) {
			w.set(x.name, v.Raw)
		} else {
			w.set(x.name, x.absent)
		}
	}
	for _, name := range []string{"previous_response_id", "conversation", "service_tier"} {
		w.set(name, "null")
	}
	w.set("background", "false")
	w.set("store", "false")
	w.say("truncation", "disabled")
	return string(w.out)
}

// object is a JSON object of such members, each a name and raw JSON.
func object(members ...string) string {
	w := writer{}
	w.open('{')
	for i := 0; i < len(members); i += 2 {
		w.set(members[i], members[i+1])
	}
	w.close('}')
	return string(w.out)
}

func quoted(s string) string { return string(gjson.AppendJSONString(nil, s)) }
