package openai

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/tidwall/gjson"
)

// Text is the older API, POST /v1/completions: a prompt that is gone on from. Here a chat model answers the prompt.
var Text API = textAPI{}

type textAPI struct{}

var textKeys = newKeySet("model", "models", "prompt", "suffix", "echo", "best_of", "logprobs", "n", "stream", "stream_options",
	"max_tokens", "temperature", "top_p", "stop", "presence_penalty", "frequency_penalty", "logit_bias", "seed", "user")

// unknownToChat are members that a chat request has no place for, and the value of each that asks for nothing.
var unknownToChat = []struct{ name, idle string }{{"suffix", `""`}, {"echo", "false"}, {"best_of", "1"}, {"logprobs", "0"}}

func (textAPI) Translate(body []byte) ([]byte, Translator, *Error) {
	m, e := readMembers(body, textKeys)
	if e != nil {
		return nil, nil, e
	}
	prompt := m["prompt"]
	for i, only := range elements(m["prompt"]) { // some clients always send a list
		if prompt = only; i > 0 {
			prompt = m["prompt"]
			break
		}
	}
	switch {
	case !sent(prompt):
		return nil, nil, refuse("missing_required_parameter", "prompt", `"prompt" is missing; send a string`)
	case prompt.Type != gjson.String:
		return nil, nil, refuse("unsupported_value", "prompt",
			`"prompt" must be one string: freefall asks chat models, which take no tokens and one prompt a request`)
	}
	for _, k := range unknownToChat {
		if v := m[k.name]; sent(v) && v.Raw != k.idle {
			return nil, nil, refuse("unsupported_parameter", k.name, fmt.Sprintf("freefall asks chat models, which know no %q; leave it out", k.name))
		}
	}
	w := writer{}
	w.open('{')
	w.carry(m, "model", "models", "n", "max_tokens", "temperature", "top_p", "stop", "presence_penalty", "frequency_penalty",
		"logit_bias", "seed", "user", "stream", "stream_options")
	w.set("messages", `[{"role":"user","content":`+prompt.Raw+`}]`)
	w.close('}')
	return w.out, textTranslator{}, nil
}

func (textAPI) AppendError(dst []byte, e *Error) []byte { return e.Append(dst) }

// textTranslator keeps all of a chat completion but its form.
type textTranslator struct{}

func (t textTranslator) Whole(completion []byte) []byte { return t.translate(completion, "message") }

func (t textTranslator) Event(dst, data []byte) []byte {
	if isDone(data) || gjson.GetBytes(data, "error").Exists() {
		return appendFrame(dst, data)
	}
	return appendFrame(dst, t.translate(data, "delta"))
}

// inBoth are the members that both forms have.
var inBoth = []string{"id", "created", "model", "system_fingerprint", "usage"}

func (textTranslator) translate(data []byte, said string) []byte {
	w := writer{}
	w.open('{')
	all := gjson.GetManyBytes(data, inBoth...)
	for i, name := range inBoth {
		w.carryAs(name, all[i])
	}
	w.say("object", "text_completion")
	w.key("choices")
	w.open('[')
	for i, choice := range gjson.GetBytes(data, "choices").Array() {
		w.open('{')
		w.set("index", cmp.Or(choice.Get("index").Raw, strconv.Itoa(i)))
		w.say("text", choice.Get(said+".content").String())
		w.set("logprobs", "null")
		w.set("finish_reason", cmp.Or(choice.Get("finish_reason").Raw, "null"))
		w.close('}')
	}
	w.close(']')
	w.close('}')
	return w.out
}
