package openai

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// Each form of a request, and the chat request that it becomes.
func TestResponsesRequest(t *testing.T) {
	const (
		hi    = `"messages":[{"role":"user","content":"Hi"}]`
		clock = `{"type":"function","function":{"name":"clock","description":"the time","parameters":{"type":"object"},"strict":true}}`
		flat  = `{"type":"function","name":"clock","description":"the time","parameters":{"type":"object"},"strict":true}`
		patch = `{"type":"custom","name":"patch","description":"Edits.","format":{"type":"grammar","syntax":"lark","definition":"start: A"}}`
		text  = `{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}`
		crew  = `{"type":"namespace","name":"crew","description":"agents","tools":[{"type":"function","name":"spawn"},{"type":"web_search"}]}`
	)
	patched := `{"type":"function","function":{"name":"patch","description":"Edits.\n\nThe input is plain text, not JSON. It follows this lark grammar:\nstart: A","parameters":` + text + `}}`
	spawn := `{"type":"function","function":{"name":"crew__spawn"}}`
	for _, c := range []struct{ name, in, chat string }{
		{"a string", `{"model":"auto","input":"Hi"}`, `{"model":"auto",` + hi + `}`},
		{"escapes as they came", `{"input":"\ud83d\ude00\u0041"}`, `{"messages":[{"role":"user","content":"\ud83d\ude00\u0041"}]}`},
		{"nulls", `{"input":"Hi","instructions":null,"tools":null,"tool_choice":null,"text":null,"reasoning":null,"stream":null,"previous_response_id":null,"conversation":null,"prompt":null,"background":false,"temperature":null}`, `{` + hi + `}`},
		{"knobs", `{"input":"Hi","temperature":0.50,"top_p":1,"max_output_tokens":9007199254740993,"models":["a"],"stream":true}`,
			`{"models":["a"],"temperature":0.50,"top_p":1,"stream":true,"max_tokens":9007199254740993,"stream_options":{"include_usage":true},` + hi + `}`},
		{"what is nobody's business, or could spend", `{"input":"Hi","metadata":{"a":"b"},"user":"u","safety_identifier":"s","prompt_cache_key":"k","store":true,"include":["x"],"truncation":"auto",
			"service_tier":"priority","top_logprobs":2,"route":"r","provider":{},"plugins":[],"client_metadata":{},"max_tool_calls":1}`, `{` + hi + `}`},
		{"effort", `{"input":"Hi","reasoning":{"effort":"minimal","summary":"auto"}}`, `{` + hi + `,"reasoning_effort":"low"}`},
		{"much effort", `{"input":"Hi","reasoning":{"effort":"xhigh"}}`, `{` + hi + `,"reasoning_effort":"high"}`},
		{"no effort", `{"input":"Hi","reasoning":{"effort":"none"}}`, `{` + hi + `}`},
		{"verbosity", `{"input":"Hi","text":{"verbosity":"low","format":{"type":"text"}}}`, `{` + hi + `,"verbosity":"low"}`},
		{"the usual verbosity", `{"input":"Hi","text":{"verbosity":"medium"}}`, `{` + hi + `}`},
		{"a schema", `{"input":"Hi","text":{"format":{"type":"json_schema","name":"n","strict":true,"schema":{"type":"object"}}}}`,
			`{` + hi + `,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"},"strict":true}}}`},
		{"a schema without a name", `{"input":"Hi","text":{"format":{"type":"json_schema","schema":{}}}}`,
			`{` + hi + `,"response_format":{"type":"json_schema","json_schema":{"name":"answer","schema":{}}}}`},
		{"JSON", `{"input":"Hi","text":{"format":{"type":"json_object"}}}`, `{` + hi + `,"response_format":{"type":"json_object"}}`},
		{"one system message", `{"instructions":"A","input":[{"role":"developer","content":"B"},{"type":"message","role":"system","content":[{"type":"input_text","text":"C"},{"type":"input_text","text":"D"}]},
			{"role":"user","content":"Hi"},{"role":"developer","content":"E"}]}`,
			`{"messages":[{"role":"system","content":"A\n\nB\n\nC\nD"},{"role":"user","content":"Hi"},{"role":"system","content":"E"}]}`},
		{"instructions alone", `{"instructions":"A","input":[]}`, `{"messages":[{"role":"system","content":"A"}]}`},
		{"parts", `{"input":[{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","image_url":"data:x","detail":"low"},{"type":"input_image","image_url":"http://x","detail":"auto"},
			{"type":"input_file","filename":"f.pdf","file_data":"data:y"},{"type":"input_audio","input_audio":{"data":"z"}}]}]}`,
			`{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:x","detail":"low"}},{"type":"image_url","image_url":{"url":"http://x"}},` +
				`{"type":"file","file":{"file_data":"data:y","filename":"f.pdf"}},{"type":"input_audio","input_audio":{"data":"z"}}]}]}`},
		{"texts are one", `{"input":[{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"text","text":"b"}]}]}`, `{"messages":[{"role":"user","content":"a\nb"}]}`},
		{"an answer of before", `{"input":[{"role":"user","content":"Hi"},{"type":"reasoning","id":"rs_1","summary":[]},{"type":"message","id":"msg_1","role":"assistant","status":"completed",
			"content":[{"type":"output_text","text":"a","annotations":[],"logprobs":[]},{"type":"refusal","refusal":"b"}]},{"type":"item_reference","id":"rs_2"},{"type":"web_search_call"},{"role":"user","content":"And?"}]}`,
			`{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"a\nb"},{"role":"user","content":"And?"}]}`},
		{"calls are one turn", `{"input":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Let me see"},{"type":"reasoning","summary":[]},
			{"type":"function_call","call_id":"1","name":"clock","arguments":"{\"a\":1}"},{"type":"function_call","id":"fc_2","call_id":"2","name":"clock","arguments":{"b":2}},
			{"type":"function_call_output","call_id":"2","output":"two"},{"type":"function_call_output","call_id":"1","output":[{"type":"input_text","text":"one"}]},
			{"type":"function_call","call_id":"3","name":"clock"},{"type":"function_call_output","call_id":"3","output":null}]}`,
			`{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Let me see","tool_calls":[{"id":"1","type":"function","function":{"name":"clock","arguments":"{\"a\":1}"}},` +
				`{"id":"2","type":"function","function":{"name":"clock","arguments":"{\"b\":2}"}}]},{"role":"tool","tool_call_id":"2","content":"two"},{"role":"tool","tool_call_id":"1","content":"one"},` +
				`{"role":"assistant","content":null,"tool_calls":[{"id":"3","type":"function","function":{"name":"clock","arguments":"{}"}}]},{"role":"tool","tool_call_id":"3","content":""}]}`},
		{"text behind calls is another turn", `{"input":[{"type":"function_call","call_id":"1","name":"f","arguments":"{}"},{"role":"assistant","content":"x"}]}`,
			`{"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"assistant","content":"x"}]}`},
		{"images that tools gave", `{"input":[{"type":"function_call_output","call_id":"1","output":[{"type":"input_image","image_url":"data:x"}]},{"type":"function_call_output","call_id":"2","output":"b"},{"role":"user","content":"Hi"}]}`,
			`{"messages":[{"role":"tool","tool_call_id":"1","content":""},{"role":"tool","tool_call_id":"2","content":"b"},` +
				`{"role":"user","content":[{"type":"text","text":"What the tool gave:"},{"type":"image_url","image_url":{"url":"data:x"}}]},{"role":"user","content":"Hi"}]}`},
		{"an image, and the next call", `{"input":[{"type":"function_call_output","call_id":"1","output":[{"type":"input_image","image_url":"data:x"}]},{"type":"function_call","call_id":"2","name":"f","arguments":"{}"}]}`,
			`{"messages":[{"role":"tool","tool_call_id":"1","content":""},{"role":"user","content":[{"type":"text","text":"What the tool gave:"},{"type":"image_url","image_url":{"url":"data:x"}}]},` +
				`{"role":"assistant","content":null,"tool_calls":[{"id":"2","type":"function","function":{"name":"f","arguments":"{}"}}]}]}`},
		{"a namespace that would make a name too long", `{"input":"Hi","tools":[{"type":"namespace","name":"` + strings.Repeat("n", 60) + `","tools":[{"type":"function","name":"spawn"}]}]}`,
			`{` + hi + `,"tools":[{"type":"function","function":{"name":"spawn"}}]}`},
		{"tools", `{"input":"Hi","tools":[` + flat + `,{"type":"web_search"},{"type":"mcp","server_label":"x"},` + patch + `,` + crew + `],"parallel_tool_calls":false,"tool_choice":"required"}`,
			`{` + hi + `,"tools":[` + clock + `,` + patched + `,` + spawn + `],"tool_choice":"required","parallel_tool_calls":false}`},
		{"tools as a chat request has them", `{"input":"Hi","tools":[` + clock + `],"tool_choice":{"type":"function","function":{"name":"clock"}}}`,
			`{` + hi + `,"tools":[` + clock + `],"tool_choice":{"type":"function","function":{"name":"clock"}}}`},
		{"tools that an item brings along", `{"input":[{"type":"additional_tools","role":"developer","tools":[` + crew + `]},{"role":"user","content":"Hi"}],"tools":[` + flat + `]}`,
			`{` + hi + `,"tools":[` + clock + `,` + spawn + `]}`},
		{"the usual namespace", `{"input":"Hi","tools":[{"type":"namespace","name":"functions","tools":[{"type":"function","name":"spawn"}]},` + flat + `,{"type":"namespace","name":"functions","tools":[{"type":"function","name":"clock"}]}]}`,
			`{` + hi + `,"tools":[{"type":"function","function":{"name":"spawn"}},` + clock + `,{"type":"function","function":{"name":"functions__clock"}}]}`},
		{"nobody's tools", `{"input":"Hi","tools":[{"type":"web_search"},{"type":"local_shell"}],"tool_choice":"auto","parallel_tool_calls":false}`, `{` + hi + `}`},
		{"a chosen function", `{"input":"Hi","tools":[` + flat + `],"tool_choice":{"type":"function","name":"clock"},"parallel_tool_calls":true}`,
			`{` + hi + `,"tools":[` + clock + `],"tool_choice":{"type":"function","function":{"name":"clock"}}}`},
		{"a chosen custom tool", `{"input":"Hi","tools":[` + patch + `],"tool_choice":{"type":"custom","name":"patch"}}`,
			`{` + hi + `,"tools":[` + patched + `],"tool_choice":{"type":"function","function":{"name":"patch"}}}`},
		{"none", `{"input":"Hi","tools":[` + flat + `],"tool_choice":"none"}`, `{` + hi + `,"tools":[` + clock + `],"tool_choice":"none"}`},
		{"allowed tools", `{"input":"Hi","tools":[` + flat + `,` + patch + `],"tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"custom","name":"patch"},{"type":"web_search"}]}}`,
			`{` + hi + `,"tools":[` + patched + `],"tool_choice":"required"}`},
		{"nothing is allowed", `{"input":"Hi","tools":[` + flat + `],"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[]}}`, `{` + hi + `}`},
		{"calls by other names", `{"tools":[` + patch + `,` + crew + `],"input":[{"type":"custom_tool_call","call_id":"1","name":"patch","input":"*** \"a\""},{"type":"custom_tool_call_output","call_id":"1","output":"done"},
			{"type":"function_call","call_id":"2","namespace":"crew","name":"spawn","arguments":"{}"}]}`,
			`{"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"patch","arguments":"{\"input\":\"*** \\\"a\\\"\"}"}}]},` +
				`{"role":"tool","tool_call_id":"1","content":"done"},{"role":"assistant","content":null,"tool_calls":[{"id":"2","type":"function","function":{"name":"crew__spawn","arguments":"{}"}}]}],` +
				`"tools":[` + patched + `,` + spawn + `]}`},
	} {
		chat, _, e := Responses.Translate([]byte(c.in))
		if e != nil {
			t.Errorf("%s: %v", c.name, e)
			continue
		}
		if string(chat) != c.chat {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, chat, c.chat)
		}
		if _, e := ParseChat(chat); e != nil {
			t.Errorf("%s: the walk refuses what it became: %v", c.name, e)
		}
	}
}

// What cannot be done is refused in words that say what to do instead.
func TestResponsesRefuses(t *testing.T) {
	for in, want := range map[string]struct{ param, says string }{
		`{"input":"a","previous_response_id":"resp_1"}`:            {"previous_response_id", "send the whole conversation"},
		`{"input":"a","conversation":{"id":"c"}}`:                  {"conversation", "send the whole conversation"},
		`{"input":"a","background":true}`:                          {"background", "wait for the answer"},
		`{"prompt":{"id":"p"}}`:                                    {"prompt", `"instructions"`},
		`{"model":"m"}`:                                            {"input", "missing"},
		`{"input":null}`:                                           {"input", "missing"},
		`{"input":1}`:                                              {"input", "array"},
		`{"input":["a"]}`:                                          {"input[0]", "object"},
		`{"input":"a","instructions":[]}`:                          {"instructions", "string"},
		`{"input":"a","text":"b"}`:                                 {"text", "object"},
		`{"input":"a","input":"b"}`:                                {"input", "once"},
		`{"input":"a","Tools":[]}`:                                 {"tools", "could be read"},
		`{"input":"a"} x`:                                          {"", "follows"},
		`[]`:                                                       {"", "object"},
		`{"input":[{"type":"item_reference","id":"msg_1"}]}`:       {"input[0]", "store: false"},
		`{"input":[{"id":"msg_1"}]}`:                               {"input[0]", "store: false"},
		`{"input":[{"type":"computer_call"}]}`:                     {"input[0]", "computer_call"},
		`{"input":[{}]}`:                                           {"input[0]", "leave it out"},
		`{"input":[{"role":"tool","content":"a"}]}`:                {"input[0].role", "must be"},
		`{"input":[{"role":"user","content":1}]}`:                  {"input[0].content", "array of parts"},
		`{"input":[{"role":"user","content":[{"type":"video"}]}]}`: {"input[0].content[0]", "video"},
		`{"input":[{"role":"user","content":[{"type":"input_image","file_id":"f"}]}]}`:                           {"input[0].content[0]", "image_url"},
		`{"input":[{"role":"user","content":[{"type":"input_file","file_id":"f"}]}]}`:                            {"input[0].content[0]", "file_data"},
		`{"input":[{"type":"function_call","name":"f"}]}`:                                                        {"input[0]", "call_id"},
		`{"input":[{"type":"function_call_output","output":"f"}]}`:                                               {"input[0]", "call_id"},
		`{"input":"a","tools":{}}`:                                                                               {"tools", "array"},
		`{"input":"a","tools":[1]}`:                                                                              {"tools", "type"},
		`{"input":"a","tools":[{"type":"function"}]}`:                                                            {"tools[0].name", "name"},
		`{"input":[{"type":"additional_tools","tools":[{"type":"function"}]}]}`:                                  {"input[0].tools[0].name", "name"},
		`{"input":"a","tool_choice":1}`:                                                                          {"tool_choice", "string"},
		`{"input":"a","tool_choice":"maybe"}`:                                                                    {"tool_choice", "required"},
		`{"input":"a","tool_choice":"required","tools":[{"type":"web_search"}]}`:                                 {"tool_choice", "free model"},
		`{"input":"a","tool_choice":{"type":"web_search"},"tools":[{"type":"web_search"}]}`:                      {"tool_choice", "run by the provider"},
		`{"input":"a","tool_choice":{"type":"function","name":"f"}}`:                                             {"tool_choice", `"f"`},
		`{"input":"a","tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"web_search"}]}}`: {"tool_choice", "free model"},
	} {
		_, _, e := Responses.Translate([]byte(in))
		if e == nil || e.Status != 400 || e.Param != want.param || !strings.Contains(e.Message, want.says) {
			t.Errorf("%s: %+v, want %q in the words, of %q", in, e, want.says, want.param)
		}
	}
}

// A list of millions costs no more than it takes to read it.
func TestResponsesListsHoldNoMemory(t *testing.T) {
	many := strings.Repeat("1,", 2<<20) + "1"
	for _, body := range []string{`{"input":[` + many + `]}`, `{"input":"Hi","tools":[` + many + `]}`, `{"input":[{"role":"user","content":[` + many + `]}]}`,
		`{"input":"Hi","tools":[` + strings.Repeat(`{"type":"function","name":"a"},`, 100_000) + `{}]}`} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, e := Responses.Translate([]byte(body))
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; e == nil || took > 5*uint64(len(body)) {
			t.Errorf("%.60s: %d bytes for %d, %v", body, took, len(body), e)
		}
	}
}

// Nobody's bytes end in what goes up: it is JSON that the walk takes or refuses, whatever came.
func FuzzResponsesTranslate(f *testing.F) {
	for _, seed := range []string{
		`{"input":"Hi"}`, `{"input":[{"role":"user","content":[{"type":"input_image","image_url":"x"}]},{"type":"function_call","call_id":"1","name":"f","arguments":{}}]}`,
		`{"input":[],"tools":[{"type":"namespace","name":"n","tools":[{"type":"custom","name":"c"}]}],"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{}]}}`,
		`{"input":"","text":{"format":{"type":"json_schema"}},"reasoning":{"effort":"x"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		chat, to, e := Responses.Translate(body)
		if e != nil {
			return
		}
		if !json.Valid(chat) {
			t.Fatalf("%q became %q", body, chat)
		}
		if r, e := ParseChat(chat); e == nil {
			want := gjson.GetBytes(body, "model")
			if want.Type == gjson.String && r.Model != want.Str {
				t.Fatalf("model %q of %q", r.Model, body)
			}
		}
		if whole := to.Whole([]byte(`{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}`)); !json.Valid(whole) {
			t.Fatalf("%q is answered by %q", body, whole)
		}
	})
}
