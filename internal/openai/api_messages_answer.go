package openai

import (
	"crypto/rand"
	"slices"
	"strconv"

	"github.com/tidwall/gjson"
)

// messagesTranslator puts one answer into a message, whole or as its events.
type messagesTranslator struct {
	thinks bool            // the client takes thoughts
	stops  []string        // the texts that end the answer
	known  map[string]bool // ids of calls in the conversation
	input  int             // tokens of the request, as they are estimated

	messagesStream
}

func (t *messagesTranslator) Whole(completion []byte) []byte {
	c := gjson.ParseBytes(completion)
	choice := c.Get("choices.0")
	said := choice.Get("message")
	w := writer{}
	w.open('{')
	t.head(&w, c.Get("model").Str)
	w.key("content")
	w.open('[')
	blocks := 0
	if thoughts := thoughtsOf(said).Str; thoughts != "" && t.thinks {
		writeBlock(&w, "thinking", "thinking", thoughts)
		blocks++
	}
	if text := textIn(said); text != "" {
		writeBlock(&w, "text", "text", text)
		blocks++
	}
	called := false
	for _, call := range elements(said.Get("tool_calls")) {
		name := call.Get("function.name").Str
		if name == "" {
			continue
		}
		called = true
		w.open('{')
		w.say("type", "tool_use")
		w.say("id", t.callID(call.Get("id").Str))
		w.say("name", name)
		w.set("input", inputOf(call.Get("function.arguments").Str))
		w.close('}')
		blocks++
	}
	if blocks == 0 { // clients read the first block without looking
		writeBlock(&w, "text", "text", "")
	}
	w.close(']')
	t.writeStop(&w, &choice, called, said.Get("refusal").Str != "")
	writeUsage(&w, messagesUsageOf(c.Get("usage")))
	w.close('}')
	return w.out
}

// head writes what a message begins with. Its id is new: those of some providers are all the same, and clients know messages by it.
func (t *messagesTranslator) head(w *writer, model string) {
	w.say("id", "msg_"+rand.Text())
	w.say("type", "message")
	w.say("role", "assistant")
	w.say("model", model)
}

// writeBlock writes a block that holds text. Thoughts are unsigned: they come back, and are dropped.
func writeBlock(w *writer, kind, member, text string) {
	w.open('{')
	w.say("type", kind)
	w.say(member, text)
	if kind == "thinking" {
		w.say("signature", "")
	}
	w.close('}')
}

// callID is the id of a call as the client knows it: one that it can tell from all others of the conversation.
func (t *messagesTranslator) callID(id string) string {
	if id == "" || t.known[id] {
		id = "toolu_" + rand.Text()
	}
	t.known[id] = true
	return id
}

// inputOf gives the arguments of a call as the object that clients take for granted.
func inputOf(arguments string) string {
	if !validShallow([]byte(arguments)) || !gjson.Parse(arguments).IsObject() {
		return "{}"
	}
	return arguments
}

// textIn gives the words of a message or delta. A refusal is words, too.
func textIn(said gjson.Result) string { return said.Get("content").Str + said.Get("refusal").Str }

// writeStop says why the answer ended.
func (t *messagesTranslator) writeStop(w *writer, choice *gjson.Result, called, refused bool) {
	reason, stop := "end_turn", ""
	if s := choice.Get("stop_reason"); s.Type == gjson.String && slices.Contains(t.stops, s.Str) { // vLLM and its like say which
		reason, stop = "stop_sequence", s.Str
	}
	switch finish := choice.Get("finish_reason").Str; {
	case finish == "length":
		reason = "max_tokens"
	case finish == "content_filter", refused:
		reason = "refusal"
	case called:
		reason = "tool_use"
	}
	w.say("stop_reason", reason)
	if reason == "stop_sequence" {
		w.say("stop_sequence", stop)
	} else {
		w.set("stop_sequence", "null")
	}
}

// messagesUsage are the tokens of an answer. Their input leaves out what was read from a cache.
type messagesUsage struct{ input, cached, output int }

func messagesUsageOf(u gjson.Result) messagesUsage {
	cached := tokensIn(u.Get("prompt_tokens_details"), "cached_tokens")
	input := tokensIn(u, "prompt_tokens", "input_tokens")
	cached = min(cached, input)
	return messagesUsage{input - cached, cached, tokensIn(u, "completion_tokens", "output_tokens")}
}

func writeUsage(w *writer, u messagesUsage) {
	w.key("usage")
	w.open('{')
	w.set("input_tokens", strconv.Itoa(u.input))
	w.set("cache_creation_input_tokens", "0")
	w.set("cache_read_input_tokens", strconv.Itoa(u.cached))
	w.set("output_tokens", strconv.Itoa(u.output))
	w.close('}')
}
