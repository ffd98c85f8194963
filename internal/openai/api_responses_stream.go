package openai

import (
	"slices"
	"strconv"

	"github.com/tidwall/gjson"
)

// partSize is what an item or a part takes beside its text, roughly, in bytes.
const partSize = 200

func (t *responsesTranslator) Event(dst, data []byte) []byte {
	if t.over {
		return dst
	}
	t.out = dst
	doc := gjson.ParseBytes(data)
	switch {
	case isDone(data):
		t.begin(gjson.Result{})
		response, name := t.end(), "response.completed"
		if t.incomplete() != "" {
			name = "response.incomplete"
		}
		t.tell(name, "response", response)
		t.over = true
	case sent(doc.Get("error")):
		t.begin(gjson.Result{})
		t.fail(doc.Get("error"))
	case doc.IsObject():
		if t.hear(doc, "delta"); t.size > maxEvent { // its last event repeats all of it
			t.fail(gjson.Parse(`{"message":"the answer broke off: it is too long to be told as a response","type":"server_error","param":null,"code":"upstream_fault"}`))
		}
	}
	dst, t.out = t.out, nil
	return dst
}

// tell writes an event. Its members are names and raw JSON.
func (t *responsesTranslator) tell(event string, members ...string) {
	if t.silent {
		return
	}
	t.out = append(append(append(t.out, "event: "...), event...), '\n')
	w := writer{}
	w.open('{')
	w.say("type", event)
	w.set("sequence_number", strconv.Itoa(t.sequence))
	for i := 0; i < len(members); i += 2 {
		w.set(members[i], members[i+1])
	}
	w.close('}')
	t.out = appendFrame(t.out, w.out)
	t.sequence++
}

// tellOf writes an event about an item.
func (t *responsesTranslator) tellOf(it *answerItem, event string, members ...string) {
	t.tell(event, append([]string{"item_id", quoted(it.id), "output_index", strconv.Itoa(it.index)}, members...)...)
}

func (t *responsesTranslator) begin(doc gjson.Result) {
	if t.begun {
		return
	}
	t.begun = true
	t.learn(doc)
	if t.silent {
		return
	}
	response := t.response("in_progress", "null")
	t.tell("response.created", "response", response)
	t.tell("response.in_progress", "response", response)
}

// fail ends the stream with an error. It stands twice in the event: in the response, where those look who know the API, and as
// "error", on which OpenAI's SDKs raise; they would take a response.failed alone for a good end.
func (t *responsesTranslator) fail(e gjson.Result) {
	code := "server_error"
	if e.Get("type").Str == "rate_limit_error" {
		code = "rate_limit_exceeded"
	}
	said := quoted(e.Get("message").String())
	for _, it := range t.items {
		if it.status == "in_progress" {
			it.status = "incomplete"
		}
	}
	t.tell("response.failed", "response", t.response("failed", object("code", quoted(code), "message", said)), "error", e.Raw)
	t.over = true
}

// item begins an item of the output.
func (t *responsesTranslator) item(kind itemKind) *answerItem {
	it := &answerItem{index: len(t.items), status: "in_progress"}
	t.identify(it, kind)
	t.items = append(t.items, it)
	t.size += partSize
	return it
}

func (t *responsesTranslator) identify(it *answerItem, kind itemKind) {
	it.kind = kind
	it.id = itemPrefixes[kind] + t.id + "_" + strconv.Itoa(it.index)
}

// announce tells of an item. They are told in the order of their numbers: one that nobody can be told of yet makes way.
func (t *responsesTranslator) announce(it *answerItem) {
	if it.index != t.told {
		t.items = slices.Insert(slices.Delete(t.items, it.index, it.index+1), t.told, it)
		for i, late := range t.items[t.told:] {
			late.index = t.told + i
			t.identify(late, late.kind)
		}
	}
	t.told++
	it.announced = true
	t.tell("response.output_item.added", "output_index", strconv.Itoa(it.index), "item", it.json())
}

// say adds text to the thoughts or the message that is being said, and begins what is not there yet.
func (t *responsesTranslator) say(kind itemKind, part, text string) {
	if text == "" {
		return
	}
	if t.open == nil || t.open.kind != kind {
		t.hush()
		t.open = t.item(kind)
		t.announce(t.open)
	}
	it := t.open
	if n := len(it.parts); n == 0 || it.parts[n-1].kind != part {
		t.endPart(it)
		it.parts = append(it.parts, &answerPart{kind: part})
		t.size += partSize
		t.tellPart(it, "added")
	}
	p := it.parts[len(it.parts)-1]
	p.text = append(p.text, text...)
	t.size += len(text)
	t.tellText(it, ".delta", "delta", `"`+text+`"`)
}

// hush ends what is being said.
func (t *responsesTranslator) hush() {
	if t.open != nil {
		t.close(t.open, "completed")
		t.open = nil
	}
}

func (t *responsesTranslator) endPart(it *answerItem) {
	if len(it.parts) == 0 {
		return
	}
	p := it.parts[len(it.parts)-1]
	name := "text"
	if p.kind == "refusal" {
		name = "refusal"
	}
	t.tellText(it, ".done", name, `"`+string(p.text)+`"`)
	t.tellPart(it, "done")
}

// tellPart writes that the last part of an item begins or ends.
func (t *responsesTranslator) tellPart(it *answerItem, what string) {
	if t.silent {
		return
	}
	n := len(it.parts) - 1
	if it.kind == thoughts {
		t.tellOf(it, "response.reasoning_summary_part."+what, "summary_index", strconv.Itoa(n), "part", it.parts[n].json())
		return
	}
	t.tellOf(it, "response.content_part."+what, "content_index", strconv.Itoa(n), "part", it.parts[n].json())
}

// tellText writes what is said in the last part of an item.
func (t *responsesTranslator) tellText(it *answerItem, what, name, text string) {
	n := strconv.Itoa(len(it.parts) - 1)
	switch it.parts[len(it.parts)-1].kind {
	case "summary_text":
		t.tellOf(it, "response.reasoning_summary_text"+what, "summary_index", n, name, text)
	case "refusal":
		t.tellOf(it, "response.refusal"+what, "content_index", n, name, text)
	default:
		t.tellOf(it, "response.output_text"+what, "content_index", n, name, text, "logprobs", "[]")
	}
}

// hearCall takes a fragment of a tool call. Who is called must be known before it is told of.
func (t *responsesTranslator) hearCall(n int, id, function gjson.Result) {
	it := t.calls[n]
	if it == nil {
		t.hush()
		it = t.item(functionCall)
		if t.calls == nil {
			t.calls, t.callIDs = map[int]*answerItem{}, map[string]bool{}
		}
		it.callID, t.calls[n] = t.callID(it, id), it
	}
	var more string
	switch arguments := function.Get("arguments"); {
	case arguments.Type == gjson.String:
		more = inner(arguments)
	case arguments.IsObject():
		more = inner(gjson.Parse(quoted(arguments.Raw)))
	}
	if name := function.Get("name"); !it.announced && isText(name) {
		t.announceCall(it, name.Str)
	}
	t.addArguments(it, more)
}

// callID is the id of a call, raw: the model's own, unless it has none or another call of the answer has it.
func (t *responsesTranslator) callID(it *answerItem, id gjson.Result) string {
	raw := quoted("call_" + t.id + "_" + strconv.Itoa(it.index))
	if isText(id) && !t.callIDs[id.Raw] {
		raw = id.Raw
	}
	t.callIDs[raw] = true
	return raw
}

// announceCall tells of a call, by the name that chat models know.
func (t *responsesTranslator) announceCall(it *answerItem, name string) {
	if it.call = toolCalled(t.tools, name); it.call.custom {
		t.identify(it, customCall)
	}
	early := string(it.arguments)
	it.arguments = nil
	t.announce(it)
	t.addArguments(it, early)
}

func (t *responsesTranslator) addArguments(it *answerItem, more string) {
	it.arguments = append(it.arguments, more...)
	t.size += len(more)
	if more != "" && it.announced && it.kind == functionCall {
		t.tellOf(it, "response.function_call_arguments.delta", "delta", `"`+more+`"`)
	}
}

// close ends an item.
func (t *responsesTranslator) close(it *answerItem, status string) {
	if it.status != "in_progress" {
		return
	}
	switch {
	case it.kind == thoughts || it.kind == message:
		t.endPart(it)
	case !it.announced:
		t.announceCall(it, "")
	}
	if it.kind == functionCall && len(it.arguments) == 0 {
		t.addArguments(it, "{}") // readers parse them
	}
	it.status = status
	switch it.kind {
	case functionCall:
		t.tellOf(it, "response.function_call_arguments.done", "name", quoted(it.call.name), "arguments", `"`+string(it.arguments)+`"`)
	case customCall:
		input := it.input()
		t.tellOf(it, "response.custom_tool_call_input.delta", "delta", input)
		t.tellOf(it, "response.custom_tool_call_input.done", "input", input)
	}
	t.tell("response.output_item.done", "output_index", strconv.Itoa(it.index), "item", it.json())
}
