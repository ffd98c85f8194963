package openai

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// responseTo translates a request, whose answer is translated by what it gives.
func responseTo(t testing.TB, request string) Translator {
	t.Helper()
	_, to, e := Responses.Translate([]byte(request))
	if e != nil {
		t.Fatal(e)
	}
	to.(*responsesTranslator).id = "1"
	return to
}

// namedEvents reads the events of a response strictly: a name and one line of data that repeats it, numbered without a gap, about items
// that have begun and not ended, whose deltas come to what their end says.
func namedEvents(t testing.TB, stream string) (events []gjson.Result) {
	t.Helper()
	items := map[int64]string{} // by output_index: the id, empty when the item has ended
	said := map[string]string{}
	for frame := range strings.SplitSeq(strings.TrimSuffix(stream, "\n\n"), "\n\n") {
		if frame == strings.TrimSpace(keepAlive) {
			continue
		}
		name, data, ok := strings.Cut(strings.TrimPrefix(frame, "event: "), "\ndata: ")
		ev := gjson.Parse(data)
		if !ok || !json.Valid([]byte(data)) || ev.Get("type").Str != name || ev.Get("sequence_number").Int() != int64(len(events)) {
			t.Fatalf("event %d: %s", len(events), frame)
		}
		events = append(events, ev)
		index, place := ev.Get("output_index").Int(), ev.Get("item_id").Str+ev.Get("content_index").Raw+ev.Get("summary_index").Raw
		switch kind := name[strings.LastIndexByte(name, '.')+1:]; {
		case name == "response.output_item.added":
			if _, known := items[index]; known || index != int64(len(items)) {
				t.Fatalf("an item at the place of another: %s", frame)
			}
			items[index] = ev.Get("item.id").Str
		case name == "response.output_item.done":
			if items[index] != ev.Get("item.id").Str {
				t.Fatalf("another item ends: %s", frame)
			}
			items[index] = ""
		case ev.Get("item_id").Exists() && (items[index] == "" || items[index] != ev.Get("item_id").Str):
			t.Fatalf("of an item that is not there: %s", frame)
		case kind == "delta":
			said[place] += inner(ev.Get("delta")) // half a character may stand in it
		case kind == "done" && !ev.Get("part").Exists():
			whole := ev.Get("text").Str + ev.Get("refusal").Str + ev.Get("arguments").Str + ev.Get("input").Str
			if all := gjson.Parse(`"` + said[place] + `"`).Str; whole != all {
				t.Fatalf("%q was said, and is said to be %q", all, whole)
			}
		}
	}
	return events
}

// eventTypes are the events' names without what they all begin with; deltas that follow each other are one.
func eventTypes(events []gjson.Result) string {
	var names []string
	for _, ev := range events {
		name := strings.TrimPrefix(ev.Get("type").Str, "response.")
		if len(names) == 0 || names[len(names)-1] != name || !strings.HasSuffix(name, "delta") {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// streamedResponse is what a chat stream becomes, event by event.
func streamedResponse(t testing.TB, to Translator, chat string) []gjson.Result {
	t.Helper()
	return namedEvents(t, string(NewTranslation(to).Stream([]byte(chat))))
}

const (
	firstChunk   = `data: {"id":"chatcmpl-1","created":7,"model":"m","choices":[{"index":0,"delta":`
	thinkChunks  = firstChunk + `{"role":"assistant","content":"","reasoning":"Hm"}}]}` + "\n\n" + firstChunk + `{"reasoning":"m."}}]}` + "\n\n"
	textChunks   = firstChunk + `{"content":"A\ud83d"}}]}` + "\n\n" + firstChunk + `{"content":"\ude00"}}]}` + "\n\n"
	refusalChunk = firstChunk + `{"refusal":"No"}}]}` + "\n\n"
	callChunks   = firstChunk + `{"tool_calls":[{"index":0,"id":"c1","function":{"name":"clock","arguments":"{\"a"}}]}}]}` + "\n\n" +
		firstChunk + `{"tool_calls":[{"index":1,"id":"c2","function":{"name":"patch","arguments":"{\"input\""}}]}}]}` + "\n\n" +
		firstChunk + `{"tool_calls":[{"index":0,"function":{"arguments":"\":1}"}},{"index":1,"function":{"arguments":":\"x\\ny\"}"}}]}}]}` + "\n\n" +
		firstChunk + `{"tool_calls":[{"index":2,"id":"c3","function":{"name":"crew__spawn"}}]}}]}` + "\n\n"
	usageChunk = `data: {"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7,"completion_tokens_details":{"reasoning_tokens":2}}}` + "\n\n"
)

func endChunk(reason string) string {
	return firstChunk + `{},"finish_reason":"` + reason + `"}]}` + "\n\n"
}

const threeTools = `{"input":"Hi","tools":[{"type":"function","name":"clock"},{"type":"custom","name":"patch"},{"type":"namespace","name":"crew","tools":[{"type":"function","name":"spawn"}]}]}`

// Each form of an answer: the events in their order, and the output in the end.
func TestResponsesStream(t *testing.T) {
	const (
		began    = "created in_progress "
		thought  = "output_item.added reasoning_summary_part.added reasoning_summary_text.delta reasoning_summary_text.done reasoning_summary_part.done output_item.done "
		spoke    = "output_item.added content_part.added output_text.delta output_text.done content_part.done output_item.done "
		hmm      = `{"id":"rs_1_0","type":"reasoning","summary":[{"type":"summary_text","text":"Hmm."}],"status":"completed"}`
		smile    = `{"type":"output_text","text":"A😀","annotations":[],"logprobs":[]}`
		no       = `{"type":"refusal","refusal":"No"}`
		clock    = `{"id":"fc_1_0","type":"function_call","call_id":"c1","name":"clock","arguments":"{\"a\":1}","status":"completed"}`
		patch    = `{"id":"ctc_1_1","type":"custom_tool_call","call_id":"c2","name":"patch","input":"x\ny","status":"completed"}`
		spawn    = `{"id":"fc_1_2","type":"function_call","call_id":"c3","name":"spawn","namespace":"crew","arguments":"{}","status":"completed"}`
		itemHead = `{"id":"msg_1_0","type":"message","role":"assistant","content":[`
	)
	for name, c := range map[string]struct{ chat, events, output, rest string }{
		"text": {textChunks + endChunk("stop") + usageChunk, began + spoke + "completed", itemHead + smile + `],"status":"completed"}`,
			`"status":"completed","incomplete_details":null,"usage":{"input_tokens":3,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},"output_tokens":4,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":7}`},
		"thoughts first": {thinkChunks + textChunks + endChunk("stop"), began + thought + spoke + "completed",
			hmm + `,{"id":"msg_1_1","type":"message","role":"assistant","content":[` + smile + `],"status":"completed"}`, `"usage":null`},
		"a refusal": {refusalChunk + endChunk("stop"), began + "output_item.added content_part.added refusal.delta refusal.done content_part.done output_item.done completed",
			itemHead + no + `],"status":"completed"}`, `"error":null`},
		"text, then a refusal": {textChunks + refusalChunk + endChunk("stop"),
			began + "output_item.added content_part.added output_text.delta output_text.done content_part.done content_part.added refusal.delta refusal.done content_part.done output_item.done completed",
			itemHead + smile + "," + no + `],"status":"completed"}`, `"error":null`},
		"calls": {callChunks + endChunk("tool_calls"), began + "output_item.added function_call_arguments.delta output_item.added function_call_arguments.delta output_item.added " +
			"function_call_arguments.done output_item.done custom_tool_call_input.delta custom_tool_call_input.done output_item.done " +
			"function_call_arguments.delta function_call_arguments.done output_item.done completed", clock + "," + patch + "," + spawn, `"status":"completed"`},
		"too long": {textChunks + endChunk("length"), began + spoke + "incomplete", itemHead + smile + `],"status":"incomplete"}`,
			`"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}`},
		"filtered":       {textChunks + endChunk("content_filter"), began + spoke + "incomplete", itemHead + smile + `],"status":"incomplete"}`, `"incomplete_details":{"reason":"content_filter"}`},
		"not a word":     {endChunk("stop"), began + "output_item.added output_item.done completed", itemHead + `],"status":"completed"}`, `"status":"completed"`},
		"nothing at all": {"", began + "output_item.added output_item.done completed", `{"id":"msg_1_0","type":"message","role":"assistant","content":[],"status":"completed"}`, `"model":""`},
		"a call without an id": {firstChunk + `{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}}]}` + "\n\n" + firstChunk + `{"tool_calls":[{"index":0,"id":"late","function":{"name":"f","arguments":"}"}}]}}]}` + "\n\n" + endChunk("tool_calls"),
			began + "output_item.added function_call_arguments.delta function_call_arguments.done output_item.done completed",
			`{"id":"fc_1_0","type":"function_call","call_id":"call_1_0","name":"f","arguments":"{}","status":"completed"}`, `"status":"completed"`},
		"calls with one id": {firstChunk + `{"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{}"}},{"index":1,"id":"c1","function":{"name":"f","arguments":"{}"}}]}}]}` + "\n\n" + endChunk("tool_calls"),
			began + "output_item.added function_call_arguments.delta output_item.added function_call_arguments.delta function_call_arguments.done output_item.done function_call_arguments.done output_item.done completed",
			`{"id":"fc_1_0","type":"function_call","call_id":"c1","name":"f","arguments":"{}","status":"completed"},{"id":"fc_1_1","type":"function_call","call_id":"call_1_1","name":"f","arguments":"{}","status":"completed"}`, `"status":"completed"`},
		"what tool calls were once": {firstChunk + `{"function_call":{"name":"f","arguments":"{"}}}]}` + "\n\n" + firstChunk + `{"function_call":{"arguments":"}"}}}]}` + "\n\n" + endChunk("function_call"),
			began + "output_item.added function_call_arguments.delta function_call_arguments.done output_item.done completed",
			`{"id":"fc_1_0","type":"function_call","call_id":"call_1_0","name":"f","arguments":"{}","status":"completed"}`, `"status":"completed"`},
		"thoughts by another name": {firstChunk + `{"thinking":"Hmm."}}]}` + "\n\n" + textChunks + endChunk("stop"),
			began + thought + spoke + "completed", hmm + `,{"id":"msg_1_1","type":"message","role":"assistant","content":[` + smile + `],"status":"completed"}`, `"status":"completed"`},
	} {
		events := streamedResponse(t, responseTo(t, threeTools), c.chat+doneEvent+doneEvent)
		if got := eventTypes(events); got != c.events {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, c.events)
		}
		response := events[len(events)-1].Get("response")
		if !sameJSON(response.Get("output").Raw, "["+c.output+"]") {
			t.Errorf("%s:\ngot  %s\nwant %s", name, response.Get("output"), c.output)
		}
		gjson.Parse("{" + c.rest + "}").ForEach(func(key, want gjson.Result) bool {
			if got := response.Get(key.Str); !sameJSON(got.Raw, want.Raw) {
				t.Errorf("%s: %s is %s, want %s", name, key, got, want)
			}
			return true
		})
	}
}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// A response repeats what was asked for, from its first event on.
func TestResponsesEcho(t *testing.T) {
	const asked = `"instructions":"Be brief","temperature":0.5,"tools":[{"type":"web_search"}],"tool_choice":"auto","metadata":{"a":"b"},"text":{"verbosity":"low"},"max_output_tokens":9`
	events := streamedResponse(t, responseTo(t, `{"input":"Hi",`+asked+`,"store":true,"truncation":"auto"}`), textChunks+endChunk("stop")+doneEvent)
	for _, ev := range []gjson.Result{events[0], events[1], events[len(events)-1]} {
		response := ev.Get("response")
		gjson.Parse(`{` + asked + `,"top_p":null,"parallel_tool_calls":true,"store":false,"truncation":"disabled","background":false,"error":null,
			"id":"resp_1","object":"response","created_at":7,"model":"m","previous_response_id":null}`).ForEach(func(key, want gjson.Result) bool {
			if got := response.Get(key.Str); got.Raw != want.Raw {
				t.Errorf("%s: %s is %s, want %s", ev.Get("type"), key, got.Raw, want.Raw)
			}
			return true
		})
	}
	if first := events[0].Get("response"); first.Get("status").Str != "in_progress" || first.Get("output").Raw != "[]" || first.Get("usage").Raw != "null" {
		t.Errorf("%s", first)
	}
}

// Items of two answers have ids of their own, whatever ids the model's server gives.
func TestResponsesIDs(t *testing.T) {
	const chat = `{"id":"chatcmpl-123","choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}`
	seen := map[string]bool{}
	for range 2 {
		_, to, _ := Responses.Translate([]byte(`{"input":"Hi"}`))
		whole := to.Whole([]byte(chat))
		seen[gjson.GetBytes(whole, "id").Str], seen[gjson.GetBytes(whole, "output.0.id").Str] = true, true
	}
	if len(seen) != 4 {
		t.Error(seen)
	}
}

// An error ends the stream in a way that no client takes for a good end, and nothing follows.
func TestResponsesFail(t *testing.T) {
	for kind, code := range map[string]string{"server_error": "server_error", "rate_limit_error": "rate_limit_exceeded"} {
		broken := `data: {"error":{"message":"it \"broke\"","type":"` + kind + `","param":null,"code":"upstream_fault"}}` + "\n\n"
		events := streamedResponse(t, responseTo(t, threeTools), textChunks+callChunks+broken+textChunks+doneEvent)
		last := events[len(events)-1]
		response := last.Get("response")
		if last.Get("type").Str != "response.failed" || response.Get("status").Str != "failed" || response.Get("error.code").Str != code ||
			response.Get("error.message").Str != `it "broke"` || last.Get("error.message").Str != `it "broke"` || last.Get("error.code").Str != "upstream_fault" {
			t.Errorf("%s", last)
		}
		if got := response.Get("output.#.status").Raw; got != `["completed","incomplete","incomplete","incomplete"]` {
			t.Errorf("its items are %s", got)
		}
		if types := eventTypes(events); strings.Contains(types, "response.completed") || strings.Count(types, "failed") != 1 {
			t.Error(types)
		}
	}
}

// An answer without end is not kept.
func TestResponsesEndless(t *testing.T) {
	for name, chunk := range map[string]string{
		"text":      firstChunk + `{"content":"` + strings.Repeat("x", 1<<20) + `"}}]}` + "\n\n",
		"arguments": firstChunk + `{"tool_calls":[{"index":0,"id":"c1","function":{"name":"clock","arguments":"` + strings.Repeat("x", 1<<20) + `"}}]}}]}` + "\n\n",
		"parts":     strings.Repeat(firstChunk+`{"content":"x","refusal":"y","reasoning":"z"}}]}`+"\n\n", 5000),
	} {
		to := NewTranslation(responseTo(t, threeTools))
		out, n := "", 0
		for ; n < 20 && !strings.Contains(out, "event: response.failed\n"); n++ {
			out = string(to.Stream([]byte(chunk)))
		}
		if n < 2 || n == 20 || len(to.Stream([]byte(chunk+doneEvent))) > 0 {
			t.Errorf("%s: %d megabytes", name, n)
		}
	}
}

// Models that leave the namespace out are understood if there is one tool that they can mean.
func TestResponsesBareNames(t *testing.T) {
	const tools = `{"input":"Hi","tools":[{"type":"namespace","name":"a","tools":[{"type":"custom","name":"edit"},{"type":"function","name":"open"},{"type":"function","name":"close"}]},` +
		`{"type":"namespace","name":"b","tools":[{"type":"function","name":"open"}]},{"type":"function","name":"close"}]}`
	for name, want := range map[string]string{
		"edit": `"custom_tool_call" "edit" "a"`, "a__edit": `"custom_tool_call" "edit" "a"`, "open": `"function_call" "open" `, "b__open": `"function_call" "open" "b"`,
		"close": `"function_call" "close" `, "a__close": `"function_call" "close" "a"`, "other": `"function_call" "other" `,
	} {
		whole := responseTo(t, tools).Whole([]byte(`{"choices":[{"message":{"tool_calls":[{"id":"1","function":{"name":"` + name + `","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`))
		call := gjson.GetBytes(whole, "output.0")
		if got := call.Get("type").Raw + " " + call.Get("name").Raw + " " + call.Get("namespace").Raw; got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// What models make of a tool of free text, and what it is given.
func TestResponsesFreeText(t *testing.T) {
	for arguments, want := range map[string]string{
		`{"input":"a\nb"}`: "a\nb", `{"patch":"a"}`: "a", `{"input":"a","why":"b"}`: "a", `*** Begin`: "*** Begin", `"a"`: `"a"`, ``: "",
		`{"a":1}`: `{"a":1}`, `{"a":"b","c":"d"}`: `{"a":"b","c":"d"}`, `{"input":"a`: `{"input":"a`, `{"input":"a","b":`: `{"input":"a","b":`, `{"patch":"a"`: `{"patch":"a"`,
	} {
		whole := responseTo(t, threeTools).Whole([]byte(`{"choices":[{"message":{"tool_calls":[{"id":"1","function":{"name":"patch","arguments":` + quoted(arguments) + `}}]},"finish_reason":"tool_calls"}]}`))
		if got := gjson.GetBytes(whole, "output.0.input"); !json.Valid(whole) || got.Str != want {
			t.Errorf("%q: %s", arguments, whole)
		}
	}
}
