package openai

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"freefall/fallback"
)

// msgs is the least that a chat body holds beside what a case is about.
const msgs = `"messages":[{"role":"user","content":"hi"}]`

func TestParseChatRefuses(t *testing.T) {
	tests := []struct {
		name, body, code, param, says string
	}{
		{"empty", "", "invalid_json", "", "ends where a JSON object"},
		{"blank", " \n\t ", "invalid_json", "", "line 2"},
		{"array", `[]`, "invalid_json", "", "JSON object"},
		{"null", `null`, "invalid_json", "", "JSON object"},
		{"text", `hello`, "invalid_json", "", `"h"`},
		{"byte order mark", "\xef\xbb\xbf{" + msgs + "}", "invalid_json", "", "byte order mark"},
		{"NUL after", "{" + msgs + "}\x00", "invalid_json", "", "follows"},
		{"NUL between", "{\x00" + msgs + "}", "invalid_json", "", `"\x00"`},
		{"NUL in a string", "{\"a\":\"\x00\"," + msgs + "}", "invalid_json", "", "control character"},
		{"trailing object", "{" + msgs + "}{}", "invalid_json", "", "follows"},
		{"trailing comma", "{" + msgs + ",}", "invalid_json", "", "a key in double quotes"},
		{"comma first", "{," + msgs + "}", "invalid_json", "", "a key in double quotes"},
		{"comma in array", `{"a":[1,],` + msgs + "}", "invalid_json", "", `"]" where a value`},
		{"no comma", `{"a":1 "b":2}`, "invalid_json", "", "a comma or the end"},
		{"semicolon", `{"a":1;"b":2}`, "invalid_json", "", `";" where a comma`},
		{"form feed", "{\f\"a\":1}", "invalid_json", "", "a key in double quotes"},
		{"no colon", `{"a" 1}`, "invalid_json", "", "a colon"},
		{"wrong closer", `{"a":[1}`, "invalid_json", "", `"}" where a comma`},
		{"single quotes", `{'a':1}`, "invalid_json", "", "double quotes"},
		{"leading zero", `{"a":01}`, "invalid_json", "", `"1" where a comma`},
		{"bare minus", `{"a":-}`, "invalid_json", "", "a value"},
		{"bare point", `{"a":1.}`, "invalid_json", "", "decimal point"},
		{"bare exponent", `{"a":1e+}`, "invalid_json", "", "exponent"},
		{"plus", `{"a":+1}`, "invalid_json", "", "a value"},
		{"NaN", `{"a":NaN}`, "invalid_json", "", "a value"},
		{"half a word", `{"a":tru}`, "invalid_json", "", "a value"},
		{"bad escape", `{"a":"\x41"}`, "invalid_json", "", "escape"},
		{"short escape", `{"a":"\u12"}`, "invalid_json", "", "escape"},
		{"escape at the end", `{"a":"\`, "invalid_json", "", "escape"},
		{"raw newline", "{\"a\":\"x\ny\"}", "invalid_json", "", "control character"},
		{"cut in a string", `{"a":"x`, "invalid_json", "", "inside a string"},
		{"cut after a key", `{"a"`, "invalid_json", "", "ends where a colon"},
		{"cut in an object", `{"a":1`, "invalid_json", "", "ends where a comma"},
		{"UTF-8 cut", "{\"a\":\"\xed\x95\"}", "invalid_json", "", "UTF-8"},
		{"UTF-8 overlong", "{\"a\":\"\xc0\xaf\"}", "invalid_json", "", "UTF-8"},
		{"UTF-8 overlong by three", "{\"a\":\"\xe0\x80\x80\"}", "invalid_json", "", "UTF-8"},
		{"UTF-8 surrogate", "{\"a\":\"\xed\xa0\x80\"}", "invalid_json", "", "UTF-8"},
		{"UTF-8 in a key", "{\"\xff\":1}", "invalid_json", "", "UTF-8"},
		{"position", "{\n  \"a\": 1,\n  \"b\": x\n}", "invalid_json", "", "line 3, column 8 (byte 19)"},
		{"too deep", `{"a":` + strings.Repeat("[", 128) + strings.Repeat("]", 128) + "," + msgs + "}", "invalid_json", "", "128 deep"},

		{"two models", `{"model":"a","model":"b",` + msgs + "}", "duplicate_key", "model", "more than once"},
		{"two models, one escaped", `{"model":"a","m\u006fdel":"b",` + msgs + "}", "duplicate_key", "model", "more than once"},
		{"two models, one folded", `{"model":"a","MODEL":"b",` + msgs + "}", "misspelled_key", "model", `write "model"`},
		{"folded", `{"Model":"a",` + msgs + "}", "misspelled_key", "model", `the key "Model" could be read as "model"`},
		{"folded and escaped", `{"\u004dodel":"a",` + msgs + "}", "misspelled_key", "model", `"Model"`},
		{"long s", `{"modelſ":["a"],` + msgs + "}", "misspelled_key", "models", `"model\u017f"`},
		{"long s, escaped", `{"\u017feed":1,` + msgs + "}", "misspelled_key", "seed", "seed"},
		{"Kelvin", "{\"max_to\u212Aens\":1," + msgs + "}", "misspelled_key", "max_tokens", "max_tokens"},
		{"two providers", `{"provider":{},"prov\u0069der":{},` + msgs + "}", "duplicate_key", "provider", "more than once"},
		{"two of a dialect", `{"top_logprobs":1,"top_logprobs":2,` + msgs + "}", "duplicate_key", "top_logprobs", ""},
		{"two messages", "{" + msgs + "," + msgs + "}", "duplicate_key", "messages", ""},
		{"two streams", `{"stream":true,"stream":false,` + msgs + "}", "duplicate_key", "stream", ""},
		{"two include_usage", `{"stream_options":{"include_usage":true,"include_usage":false},` + msgs + "}", "duplicate_key", "stream_options.include_usage", ""},
		{"folded include_usage", `{"stream_options":{"Include_Usage":true},` + msgs + "}", "misspelled_key", "stream_options.include_usage", ""},

		{"model null", `{"model":null,` + msgs + "}", "invalid_type", "model", "a string"},
		{"model number", `{"model":1,` + msgs + "}", "invalid_type", "model", "a string"},
		{"model array", `{"model":["a"],` + msgs + "}", "invalid_type", "model", "a string"},
		{"models string", `{"models":"a",` + msgs + "}", "invalid_type", "models", "array"},
		{"models null", `{"models":null,` + msgs + "}", "invalid_type", "models", "array"},
		{"models of numbers", `{"models":["a",1],` + msgs + "}", "invalid_type", "models", "strings"},
		{"models nested", `{"models":[["a"]],` + msgs + "}", "invalid_type", "models", "strings"},
		{"models many", `{"models":["a"` + strings.Repeat(`,"a"`, 100) + `],` + msgs + "}", "too_many_models", "models", "100"},
		{"stream text", `{"stream":"true",` + msgs + "}", "invalid_type", "stream", "true, false or null"},
		{"stream number", `{"stream":1,` + msgs + "}", "invalid_type", "stream", ""},
		{"stream_options array", `{"stream_options":[],` + msgs + "}", "invalid_type", "stream_options", ""},
		{"include_usage text", `{"stream_options":{"include_usage":"yes"},` + msgs + "}", "invalid_type", "stream_options.include_usage", ""},
		{"no messages", `{"model":"a"}`, "missing_required_parameter", "messages", ""},
		{"empty object", `{}`, "missing_required_parameter", "messages", ""},
		{"messages null", `{"messages":null}`, "invalid_type", "messages", "an array"},
		{"messages object", `{"messages":{}}`, "invalid_type", "messages", "an array"},
		{"tools object", `{"tools":{},` + msgs + "}", "invalid_type", "tools", ""},

		{"tool of OpenRouter", `{"tools":[{"type":"openrouter:web_search"}],` + msgs + "}", "unsupported_tool", "tools", `"openrouter:web_search"`},
		{"second tool searches", `{"tools":[{"type":"function"},{"type":"web_search_preview"}],` + msgs + "}", "unsupported_tool", "tools", "web_search_preview"},
		{"tool escaped", `{"tools":[{"t\u0079pe":"web\u005ffetch"}],` + msgs + "}", "unsupported_tool", "tools", "web_fetch"},
		{"tool key folded", `{"tools":[{"type":"function","Type":"web_search"}],` + msgs + "}", "unsupported_tool", "tools", "web_search"},
		{"tool type twice", `{"tools":[{"type":"web_search","type":"function"}],` + msgs + "}", "unsupported_tool", "tools", "web_search"},
		{"tool type list", `{"tools":[{"type":["web_search"]}],` + msgs + "}", "invalid_type", "tools", ""},
		{"tool type endless", `{"tools":[{"type":"` + strings.Repeat("x", 1000) + `"}],` + msgs + "}", "unsupported_tool", "tools", strings.Repeat("x", 60) + `" are`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseChat([]byte(tt.body))
			if err == nil {
				t.Fatalf("accepted %.200q", tt.body)
			}
			if err.Status != 400 || err.Type != "invalid_request_error" || err.Code != tt.code || err.Param != tt.param {
				t.Errorf("got %+v, want code %q, param %q", *err, tt.code, tt.param)
			}
			if !strings.Contains(err.Message, tt.says) {
				t.Errorf("message %q does not say %q", err.Message, tt.says)
			}
		})
	}
}

func TestParseChatAccepts(t *testing.T) {
	type view struct {
		Model                string
		Models               []string
		Stream, IncludeUsage bool
		Need                 fallback.Need
	}
	need := func(n fallback.Need) view { return view{Need: n} }
	tests := []struct {
		name, body string
		want       view
	}{
		{"plain", `{"model":"a/b:free",` + msgs + "}", view{Model: "a/b:free"}},
		{"white space", "\r\n\t { \"model\" : \"a\" , \"messages\" : [ ] } \n", view{Model: "a"}},
		{"no model", "{" + msgs + "}", view{}},
		{"empty model", `{"model":"",` + msgs + "}", view{}},
		{"escaped model", `{"m\u006fdel":"\u0061\/\ud83d\ude00\n",` + msgs + "}", view{Model: "a/😀\n"}},
		{"lone surrogates", `{"model":"\ud83dx\ude00\ud83d\u0041",` + msgs + "}", view{Model: "\uFFFDx\uFFFD\uFFFDA"}},
		{"models", `{"models":["a","\u0062",""],` + msgs + "}", view{Models: []string{"a", "b", ""}}},
		{"no models", `{"models":[],` + msgs + "}", view{}},
		{"stream", `{"stream":true,` + msgs + "}", view{Stream: true, Need: fallback.Need{Stream: true}}},
		{"stream null", `{"stream":null,"stream_options":null,` + msgs + "}", view{}},
		{"usage", `{"stream":true,"stream_options":{"x":{"include_usage":false},"include_usage":true},` + msgs + "}", view{Stream: true, IncludeUsage: true, Need: fallback.Need{Stream: true}}},
		{"usage elsewhere", `{"stream":true,"stream_options":{"x":{"include_usage":true}},` + msgs + "}", view{Stream: true, Need: fallback.Need{Stream: true}}},
		{"free keys twice", `{"label":1,"label":2,"n":1,"N":2,"":0,"":0,` + msgs + "}", view{}},
		{"guarded names deeper", `{"metadata":{"model":"x","Model":"y","model":"z"},` + msgs + "}", view{}},
		{"numbers", `{"a":[0,-0,1.5,-1e9,1E-2,9007199254740993,0.0e+0],` + msgs + "}", view{}},
		{"words", `{"a":[true,false,null,{},[],"",{"b":[{}]}],` + msgs + "}", view{}},
		{"as deep as allowed", `{"a":` + strings.Repeat("[", 127) + strings.Repeat("]", 127) + "," + msgs + "}", view{}},
		{"long key", `{"` + strings.Repeat("model", 50) + `":1,` + msgs + "}", view{}},
		{"NUL escaped", `{"a":"\u0000",` + msgs + "}", view{}},

		{"tools", `{"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],` + msgs + "}", need(fallback.Need{Tools: true})},
		{"custom tool", `{"tools":[{"type":"custom"}],` + msgs + "}", need(fallback.Need{Tools: true})},
		{"tools empty", `{"tools":[ ],"functions":[],` + msgs + "}", view{}},
		{"tools null", `{"tools":null,"functions":null,"tool_choice":null,` + msgs + "}", view{}},
		{"functions", `{"functions":[{"name":"f"}],` + msgs + "}", need(fallback.Need{Tools: true})},
		{"tool answer in history", `{"messages":[{"role":"t\u006fol","content":"1"}]}`, need(fallback.Need{Tools: true})},
		{"function answer in history", `{"messages":[{"role":"function","content":"1"}]}`, need(fallback.Need{Tools: true})},
		{"calls in history", `{"messages":[{"role":"assistant","tool_calls":[{"id":"1"}]}]}`, need(fallback.Need{Tools: true})},
		{"no calls in history", `{"messages":[{"role":"assistant","tool_calls":[],"function_call":null}]}`, view{}},
		{"function call in history", `{"messages":[{"role":"assistant","function_call":{"name":"f"}}]}`, need(fallback.Need{Tools: true})},
		{"role in a part", `{"messages":[{"role":"user","content":[{"role":"tool"}]}]}`, view{}},
		{"tool choice auto", `{"tool_choice":"auto",` + msgs + "}", view{}},
		{"tool choice none", `{"tool_choice":"n\u006fne",` + msgs + "}", view{}},
		{"tool choice required", `{"tool_choice":"required",` + msgs + "}", need(fallback.Need{ToolChoice: true})},
		{"tool choice by name", `{"tool_choice":{"type":"function","function":{"name":"auto"}},` + msgs + "}", need(fallback.Need{ToolChoice: true})},
		{"image", `{"messages":[{"content":[{"type":"text"},{"type":"image_url","image_url":{"url":"data:image/png;base64,` + strings.Repeat("A", 999) + `"}}]}]}`, need(fallback.Need{Vision: true, Images: 1})},
		{"images in two messages", `{"messages":[{"content":[{"type":"image_url"},{"type":"image"}]},{"content":[{"type":"text"}]},{"content":[{"type":"im\u0061ge_url"}]}]}`, need(fallback.Need{Vision: true, Images: 3})},
		{"input image", `{"messages":[{"content":[{"type":"input_image"}]}]}`, need(fallback.Need{Vision: true, Images: 1})},
		{"image words", `{"messages":[{"content":"image_url"},{"type":"image"}]}`, view{}},
		{"json schema", `{"response_format":{"type":"json_schema","json_schema":{}},` + msgs + "}", need(fallback.Need{JSONSchema: true})},
		{"json object", `{"response_format":{"type":"json_object","x":{"type":"json_schema"}},` + msgs + "}", view{}},
		{"max_tokens", `{"max_tokens":1000,` + msgs + "}", need(fallback.Need{MaxOutput: 1000})},
		{"max_completion_tokens before max_tokens", `{"max_completion_tokens":1e3,"max_tokens":7,` + msgs + "}", need(fallback.Need{MaxOutput: 1000})},
		{"max_completion_tokens after max_tokens", `{"max_tokens":7,"max_completion_tokens":1000.0,` + msgs + "}", need(fallback.Need{MaxOutput: 1000})},
		{"max_completion_tokens null", `{"max_tokens":7,"max_completion_tokens":null,` + msgs + "}", need(fallback.Need{MaxOutput: 7})},
		{"max_tokens that are none", `{"max_tokens":"7","max_completion_tokens":-1,` + msgs + "}", view{}},
		{"max_tokens in halves", `{"max_tokens":7.5,"max_completion_tokens":0,` + msgs + "}", view{}},
		{"max_tokens without end", `{"max_tokens":1e999,"max_completion_tokens":2147483648,` + msgs + "}", view{}},
		{"max_tokens deeper", `{"x":{"max_tokens":7},` + msgs + "}", view{}},
		{"format null", `{"response_format":null,` + msgs + "}", view{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := ParseChat([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if !json.Valid(r.Body) {
				t.Fatal("the case itself is not JSON")
			}
			r.Need.Tokens = 0 // has its own test
			got := view{r.Model, r.Models, r.Stream, r.IncludeUsage, r.Need}
			if got.Model != tt.want.Model || !slices.Equal(got.Models, tt.want.Models) || got.Stream != tt.want.Stream ||
				got.IncludeUsage != tt.want.IncludeUsage || got.Need != tt.want.Need {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// Millions of opening brackets must be refused before anything could recurse on them, and before they are all read.
func TestParseChatEndlessNesting(t *testing.T) {
	open := strings.Repeat("[", 8_000_000)
	for _, body := range []string{open, `{"a":` + open, strings.Repeat(`{"a":`, 2_000_000)} {
		raw := []byte(body)
		if allocs := testing.AllocsPerRun(1, func() {
			if _, err := ParseChat(raw); err == nil || err.Status != 400 {
				t.Errorf("%.10s...: got %v", body, err)
			}
		}); allocs > 20 {
			t.Errorf("%.10s...: %v allocations", body, allocs)
		}
	}
}

func TestParseChatLeavesTheBodyAlone(t *testing.T) {
	body := `{"m\u006fdel":"a","models":["b"],"plugins":[1],"seed":9007199254740993,` + msgs + "}"
	r, err := ParseChat([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Outgoing("c", Edits{Rename: [][2]string{{"seed", "random_seed"}}}); err != nil {
		t.Fatal(err)
	}
	if string(r.Body) != body {
		t.Errorf("the body became %s", r.Body)
	}
}
