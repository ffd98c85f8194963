package openai

import (
	"strconv"
	"time"

	"github.com/tidwall/gjson"
)

// responsesTranslator makes a response of a chat answer. It takes a whole answer as a stream of one chunk, so both come to the same;
// of a whole one nobody hears the events.
type responsesTranslator struct {
	id    string // without what it begins with: each kind of item has its own
	echo  string
	tools map[string]responsesTool

	out      []byte
	silent   bool
	sequence int
	size     int // of what is kept, in bytes

	begun, over   bool
	model, finish string // model is raw JSON
	created       int64
	usage         string        // raw JSON; empty = not told
	items         []*answerItem // by output_index
	told          int           // of them, which are the first ones
	open          *answerItem   // the one that is being said: thoughts or a message
	calls         map[int]*answerItem
	callIDs       map[string]bool // theirs, raw
}

// answerItem is an item of the output. Texts are raw JSON without its quotes, as they came: nothing is lost by reading and writing, not
// even half a surrogate pair at the end of a delta.
type answerItem struct {
	kind      itemKind
	index     int // output_index
	id        string
	status    string
	parts     []*answerPart // of thoughts and messages
	call      responsesTool
	callID    string // raw JSON
	arguments []byte
	announced bool
}

type itemKind uint8

const (
	thoughts itemKind = iota
	message
	functionCall
	customCall
)

// Clients that send items back are told by OpenAI which is which by the beginning of its id.
const reasoningPrefix = "rs_"

var itemPrefixes = [...]string{thoughts: reasoningPrefix, message: "msg_", functionCall: "fc_", customCall: "ctc_"}

// answerPart is a part of a message, or the one of thoughts.
type answerPart struct {
	kind string // output_text, refusal or summary_text
	text []byte
}

func (t *responsesTranslator) Whole(completion []byte) []byte {
	t.silent = true
	t.hear(gjson.ParseBytes(completion), "message")
	return []byte(t.end())
}

// hear takes a chunk, or a whole completion, whose first choice has what it says at that key.
func (t *responsesTranslator) hear(doc gjson.Result, key string) {
	t.begin(doc)
	if u := doc.Get("usage"); u.IsObject() {
		t.usage = usageOf(u)
	}
	choice := doc.Get("choices.0")
	if reason := choice.Get("finish_reason").Str; reason != "" {
		t.finish = reason
	}
	said := choice.Get(key)
	if v := thoughtsOf(said); v.Exists() {
		t.say(thoughts, "summary_text", inner(v))
	}
	if v := said.Get("content"); v.Type == gjson.String {
		t.say(message, "output_text", inner(v))
	}
	if v := said.Get("refusal"); v.Type == gjson.String {
		t.say(message, "refusal", inner(v))
	}
	if v := said.Get("function_call"); v.IsObject() { // what tool calls were once
		t.hearCall(soleCall, gjson.Result{}, v)
	}
	for i, call := range elements(said.Get("tool_calls")) {
		if v := call.Get("index"); v.Type == gjson.Number {
			i = int(v.Int())
		}
		t.hearCall(i, call.Get("id"), call.Get("function"))
	}
}

// inner is a JSON string without its quotes.
func inner(v gjson.Result) string { return v.Raw[1 : len(v.Raw)-1] }

// end closes all items and gives the response, raw.
func (t *responsesTranslator) end() string {
	status := "completed"
	if t.incomplete() != "" {
		status = "incomplete"
	}
	if len(t.items) == 0 {
		t.announce(t.item(message)) // clients look at the first one
	}
	for _, it := range t.items {
		t.close(it, status)
	}
	return t.response(status, "null")
}

// incomplete is why the answer is not all that there was to say.
func (t *responsesTranslator) incomplete() string {
	switch t.finish {
	case "length":
		return "max_output_tokens"
	case "content_filter":
		return "content_filter"
	}
	return ""
}

func (t *responsesTranslator) response(status, failure string) string {
	w := writer{}
	w.open('{')
	w.say("id", "resp_"+t.id)
	w.say("object", "response")
	w.set("created_at", strconv.FormatInt(t.created, 10))
	w.say("status", status)
	w.set("error", failure)
	if why := t.incomplete(); status == "incomplete" && why != "" {
		w.set("incomplete_details", object("reason", quoted(why)))
	} else {
		w.set("incomplete_details", "null")
	}
	w.set("model", t.model)
	w.key("output")
	w.open('[')
	for _, it := range t.items {
		w.raw(it.json())
	}
	w.close(']')
	usage := t.usage
	if usage == "" {
		usage = "null"
	}
	w.set("usage", usage)
	w.out = append(w.out, t.echo...)
	w.close('}')
	return string(w.out)
}

// json is the item as it stands now.
func (it *answerItem) json() string {
	w := writer{}
	w.open('{')
	w.say("id", it.id)
	switch it.kind {
	case thoughts:
		w.say("type", "reasoning")
		it.listParts(&w, "summary")
	case message:
		w.say("type", "message")
		w.say("role", "assistant")
		it.listParts(&w, "content")
	case functionCall:
		w.say("type", "function_call")
		it.describe(&w)
		w.set("arguments", `"`+string(it.arguments)+`"`)
	case customCall:
		w.say("type", "custom_tool_call")
		it.describe(&w)
		w.set("input", it.input())
	}
	w.say("status", it.status)
	w.close('}')
	return string(w.out)
}

func (it *answerItem) listParts(w *writer, name string) {
	w.key(name)
	w.open('[')
	for _, p := range it.parts {
		w.raw(p.json())
	}
	w.close(']')
}

func (it *answerItem) describe(w *writer) {
	w.set("call_id", it.callID)
	w.say("name", it.call.name)
	if it.call.namespace != "" {
		w.say("namespace", it.call.namespace)
	}
}

// input is what a tool of free text is given, raw. Models call it as a function with one text; some forget its name, or that it
// is one.
func (it *answerItem) input() string {
	if it.status == "in_progress" {
		return `""`
	}
	arguments := gjson.Parse(`"` + string(it.arguments) + `"`).Str
	doc := gjson.Parse(arguments)
	if !doc.IsObject() || !validShallow([]byte(arguments)) {
		return quoted(arguments)
	}
	if v := doc.Get("input"); v.Type == gjson.String {
		return v.Raw
	}
	only, n := gjson.Result{}, 0
	doc.ForEach(func(_, v gjson.Result) bool {
		only, n = v, n+1
		return n < 2
	})
	if n == 1 && only.Type == gjson.String {
		return only.Raw
	}
	return quoted(arguments)
}

func (p *answerPart) json() string {
	text := `"` + string(p.text) + `"`
	switch p.kind {
	case "output_text":
		return object("type", `"output_text"`, "text", text, "annotations", "[]", "logprobs", "[]")
	case "refusal":
		return object("type", `"refusal"`, "refusal", text)
	}
	return object("type", quoted(p.kind), "text", text)
}

// usageOf puts the token counts of a chat answer into the words of a response.
func usageOf(u gjson.Result) string {
	input, output := tokensIn(u, "prompt_tokens", "input_tokens"), tokensIn(u, "completion_tokens", "output_tokens")
	of := func(details, name string) string { return strconv.Itoa(tokensIn(u.Get(details), name)) }
	return object(
		"input_tokens", strconv.Itoa(input),
		"input_tokens_details", object("cached_tokens", of("prompt_tokens_details", "cached_tokens"), "cache_write_tokens", of("prompt_tokens_details", "cache_write_tokens")),
		"output_tokens", strconv.Itoa(output),
		"output_tokens_details", object("reasoning_tokens", of("completion_tokens_details", "reasoning_tokens")),
		"total_tokens", strconv.Itoa(max(input+output, tokensIn(u, "total_tokens"))))
}

// learn takes what the answer says of itself. Its id is our own: some servers give few ids, or always the same, and clients tell items of
// a conversation by theirs.
func (t *responsesTranslator) learn(doc gjson.Result) {
	if t.created = int64(tokensIn(doc, "created")); t.created == 0 {
		t.created = time.Now().Unix()
	}
	t.model = `""`
	if v := doc.Get("model"); v.Type == gjson.String {
		t.model = v.Raw
	}
}
