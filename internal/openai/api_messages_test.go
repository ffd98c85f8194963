package openai

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const anyUser = `"messages":[{"role":"user","content":"hi"}]`

// What a message asks for is asked of a chat, in its words.
func TestMessagesAsChat(t *testing.T) {
	for name, c := range map[string]struct{ body, chat string }{
		"the least": {`{"model":"claude-sonnet-4-5","max_tokens":9,` + anyUser + `}`,
			`{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`},
		"no bound": {`{` + anyUser + `}`, `{` + anyUser + `}`},
		"how it is sampled, and where it ends": {`{"temperature":0.5,"top_p":1,"top_k":5,"stop_sequences":["a","b"],` + anyUser + `}`,
			`{"temperature":0.5,"top_p":1,"stop":["a","b"],` + anyUser + `}`},
		"no stop":   {`{"stop_sequences":[],` + anyUser + `}`, `{` + anyUser + `}`},
		"a stream":  {`{"stream":true,` + anyUser + `}`, `{"stream":true,"stream_options":{"include_usage":true},` + anyUser + `}`},
		"no stream": {`{"stream":false,` + anyUser + `}`, `{"stream":false,` + anyUser + `}`},
		"what is not ours": {`{"thinking":{"type":"enabled","budget_tokens":1024},"service_tier":"auto","container":"c","mcp_servers":[],"context_management":{"edits":[]},` +
			`"cache_control":{"type":"ephemeral"},"betas":["b"],"inference_geo":"us","speed":"fast","output_config":{"effort":"high"},` + anyUser + `}`, `{` + anyUser + `}`},
		"a short name of a user": {`{"metadata":{"user_id":"ana"},` + anyUser + `}`, `{"user":"ana",` + anyUser + `}`},
		"a record of a user":     {`{"metadata":{"user_id":"` + strings.Repeat("u", 65) + `"},` + anyUser + `}`, `{` + anyUser + `}`},
		"a form": {`{"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}},` + anyUser + `}`,
			`{"response_format":{"type":"json_schema","json_schema":{"name":"answer","strict":true,"schema":{"type":"object"}}},` + anyUser + `}`},
		"a form as it was called": {`{"output_format":{"type":"json_schema","schema":{"a":1}},` + anyUser + `}`,
			`{"response_format":{"type":"json_schema","json_schema":{"name":"answer","strict":true,"schema":{"a":1}}},` + anyUser + `}`},
		"a system in words": {`{"system":"Be \"brief\".",` + anyUser + `}`, `{"messages":[{"role":"system","content":"Be \"brief\"."},{"role":"user","content":"hi"}]}`},
		"a system in blocks": {`{"system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}},{"type":"text","text":"b"}],` + anyUser + `}`,
			`{"messages":[{"role":"system","content":"a\n\nb"},{"role":"user","content":"hi"}]}`},
		"a line of billing": {`{"system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=2; cch=1f;"},{"type":"text","text":"b"}],` + anyUser + `}`,
			`{"messages":[{"role":"system","content":"b"},{"role":"user","content":"hi"}]}`},
		"a line of billing alone":   {`{"system":"x-anthropic-billing-header: a",` + anyUser + `}`, `{` + anyUser + `}`},
		"no system":                 {`{"system":null,` + anyUser + `}`, `{` + anyUser + `}`},
		"a system on the way":       {`{"messages":[{"role":"user","content":"a"},{"role":"system","content":[{"type":"text","text":"b"}]}]}`, `{"messages":[{"role":"user","content":"a\n\n\u003csystem-reminder\u003e\nb\n\u003c/system-reminder\u003e"}]}`},
		"a system at the beginning": {`{"system":"a","messages":[{"role":"system","content":"b"},{"role":"user","content":"c"}]}`, `{"messages":[{"role":"system","content":"a\n\nb"},{"role":"user","content":"c"}]}`},
		"a reminder behind results": {`{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f"}]},{"role":"system","content":"r"},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"b"}]},{"role":"assistant","content":"c"},{"role":"assistant","content":"d"}]}`,
			`{"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"t","content":"b"},{"role":"user","content":"\u003csystem-reminder\u003e\nr\n\u003c/system-reminder\u003e"},{"role":"assistant","content":"cd"}]}`},
		"blocks of text": {`{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},{"role":"assistant","content":[{"type":"text","text":"c"},{"type":"text","text":"d"}]}]}`,
			`{"messages":[{"role":"user","content":"a\n\nb"},{"role":"assistant","content":"cd"}]}`},
		"a beginning of the answer": {`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"{"}]}`, `{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"{"}]}`},
		"images": {`{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"aGk="}},{"type":"image","source":{"type":"url","url":"https://a.b/c"}},{"type":"text","text":"What?"}]}]}`,
			`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}},{"type":"image_url","image_url":{"url":"https://a.b/c"}},{"type":"text","text":"What?"}]}]}`},
		"documents": {`{"messages":[{"role":"user","content":[{"type":"document","title":"T","source":{"type":"text","media_type":"text/plain","data":"D"}},` +
			`{"type":"document","source":{"type":"content","content":[{"type":"text","text":"E"}]}},{"type":"search_result","title":"S","source":"https://s","content":[{"type":"text","text":"F"}]}]}]}`,
			`{"messages":[{"role":"user","content":"T\nD\n\nE\n\nS\nhttps://s\nF"}]}`},
		"a file": {`{"messages":[{"role":"user","content":[{"type":"document","title":"a.pdf","source":{"type":"base64","media_type":"application/pdf","data":"aGk="}}]}]}`,
			`{"messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,aGk="}}]}]}`},
		"calls and results": {`{"messages":[{"role":"user","content":"a"},` +
			`{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"b"},{"type":"tool_use","id":"t1","name":"f","input":{"x": 1}},{"type":"tool_use","id":"t2","name":"g","input":{}}]},` +
			`{"role":"user","content":[{"type":"text","text":"and?"},{"type":"tool_result","tool_use_id":"t1","content":"one"},{"type":"tool_result","tool_use_id":"t2","is_error":true,"content":[{"type":"text","text":"two"},{"type":"text","text":"three"}]}]}]}`,
			`{"messages":[{"role":"user","content":"a"},` +
				`{"role":"assistant","content":"b","tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{\"x\": 1}"}},{"id":"t2","type":"function","function":{"name":"g","arguments":"{}"}}]},` +
				`{"role":"tool","tool_call_id":"t1","content":"one"},{"role":"tool","tool_call_id":"t2","content":"Error: two\n\nthree"},{"role":"user","content":"and?"}]}`},
		"a result without words": {`{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f"}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]}]}`,
			`{"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"t","content":""}]}`},
		"a result with a picture": {`{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"aGk="}}]},{"type":"text","text":"Well?"}]}]}`,
			`{"messages":[{"role":"tool","tool_call_id":"t","content":"The result is in the message of the user that follows."},` +
				`{"role":"user","content":[{"type":"text","text":"The result of t:"},{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}},{"type":"text","text":"Well?"}]}]}`},
		"found tools": {`{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"tool_reference","tool_name":"f"}]}]}]}`,
			`{"messages":[{"role":"tool","tool_call_id":"t","content":"f"}]}`},
		"notes for their provider": {`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"redacted_thinking","data":"x"},{"type":"server_tool_use","id":"s","name":"web_search","input":{}},` +
			`{"type":"web_search_tool_result","tool_use_id":"s","content":[]}]},{"role":"assistant","content":[]},{"role":"user","content":"b"}]}`,
			`{"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}]}`},
		"one role, twice":             {`{"messages":[{"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"b"}]}]}`, `{"messages":[{"role":"user","content":"a\n\nb"}]}`},
		"an unknown block with words": {`{"messages":[{"role":"user","content":[{"type":"poem","text":"a"}]}]}`, `{"messages":[{"role":"user","content":"a"}]}`},
		"tools": {`{"tools":[{"name":"f","description":"d","input_schema":{"type":"object"},"strict":true,"cache_control":{"type":"ephemeral"}},{"type":"custom","name":"g"}],"tool_choice":{"type":"auto"},` + anyUser + `}`,
			`{"tools":[{"type":"function","function":{"name":"f","description":"d","strict":true,"parameters":{"type":"object"}}},{"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{}}}}],` + anyUser + `}`},
		"any tool": {`{"tools":[{"name":"g"}],"tool_choice":{"type":"any","disable_parallel_tool_use":true},` + anyUser + `}`,
			`{"tools":[{"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{}}}}],"tool_choice":"required","parallel_tool_calls":false,` + anyUser + `}`},
		"one tool": {`{"tools":[{"name":"g"}],"tool_choice":{"type":"tool","name":"g"},` + anyUser + `}`,
			`{"tools":[{"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{}}}}],"tool_choice":{"type":"function","function":{"name":"g"}},` + anyUser + `}`},
		"no tool now": {`{"tools":[{"name":"g"}],"tool_choice":{"type":"none"},` + anyUser + `}`,
			`{"tools":[{"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{}}}}],"tool_choice":"none",` + anyUser + `}`},
		"their own tools": {`{"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":5},{"type":"mcp_toolset","mcp_server_name":"m"}],"tool_choice":{"type":"auto"},` + anyUser + `}`, `{` + anyUser + `}`},
	} {
		chat, tr, e := Messages.Translate([]byte(c.body))
		if e != nil {
			t.Errorf("%s: %v", name, e)
			continue
		}
		if diff := cmp.Diff(c.chat, string(chat)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if _, e := ParseChat(chat); e != nil || tr == nil {
			t.Errorf("%s: what it comes to is no chat: %v", name, e)
		}
	}
}

// Tools that the client runs and Anthropic's models know by heart are told to others.
func TestMessagesBuiltinTools(t *testing.T) {
	chat, _, e := Messages.Translate([]byte(`{"tools":[{"type":"bash_20250124","name":"bash"},{"type":"text_editor_20250728","name":"str_replace_based_edit_tool"},{"type":"memory_20250818","name":"memory"}],` + anyUser + `}`))
	if e != nil {
		t.Fatal(e)
	}
	var doc struct {
		Tools []struct {
			Function struct {
				Name, Description string
				Parameters        struct {
					Type       string
					Required   []string
					Properties map[string]struct{ Type string }
				}
			}
		}
	}
	if err := json.Unmarshal(chat, &doc); err != nil || len(doc.Tools) != 3 {
		t.Fatalf("%v %s", err, chat)
	}
	for i, want := range []struct{ name, member string }{{"bash", "command"}, {"str_replace_based_edit_tool", "insert_text"}, {"memory", "new_path"}} {
		f := doc.Tools[i].Function
		if f.Name != want.name || f.Description == "" || f.Parameters.Type != "object" || f.Parameters.Properties[want.member].Type != "string" {
			t.Errorf("%+v", f)
		}
		for _, name := range f.Parameters.Required {
			if f.Parameters.Properties[name].Type == "" {
				t.Errorf("%s needs %q, which it has not", f.Name, name)
			}
		}
	}
}

// What an answer would be wrong without, and what could be read in two ways, is refused at its place.
func TestMessagesRefused(t *testing.T) {
	message := func(m string) string {
		return `{"messages":[` + m + `,{"role":"user","content":"b"},{"role":"assistant","content":"c"}]}`
	}
	blocks := func(role, b string) string { return message(`{"role":"` + role + `","content":[` + b + `]}`) }
	for name, c := range map[string]struct{ body, code, param string }{
		"no messages":            {`{}`, "missing_required_parameter", "messages"},
		"messages of words":      {`{"messages":"hi"}`, "missing_required_parameter", "messages"},
		"no object":              {`[]`, "invalid_json", ""},
		"a key twice":            {`{"messages":[],"system":"a","system":"b"}`, "duplicate_key", "system"},
		"a key in another case":  {`{"Messages":[]}`, "misspelled_key", "messages"},
		"a role of its own":      {message(`{"role":"tool","content":"a"}`), "unsupported_value", "messages.0"},
		"a message of words":     {message(`"hi"`), "unsupported_value", "messages.0"},
		"no content":             {message(`{"role":"user"}`), "invalid_type", "messages.0"},
		"text that is none":      {blocks("user", `{"type":"text","text":1}`), "invalid_type", "messages.0"},
		"a block of its own":     {blocks("user", `{"type":"container_upload","file_id":"f"}`), "unsupported_content", "messages.0"},
		"a block of words":       {blocks("user", `"a"`), "unsupported_content", "messages.0"},
		"half an image":          {blocks("user", `{"type":"image","source":{"type":"base64","data":"a"}}`), "unsupported_content", "messages.0"},
		"an image in a store":    {blocks("user", `{"type":"image","source":{"type":"file","file_id":"f"}}`), "unsupported_content", "messages.0"},
		"a document elsewhere":   {blocks("user", `{"type":"document","source":{"type":"url","url":"https://a"}}`), "unsupported_content", "messages.0"},
		"an image in an answer":  {blocks("assistant", `{"type":"image","source":{"type":"url","url":"https://a"}}`), "unsupported_content", "messages.0"},
		"an image beside a call": {blocks("assistant", `{"type":"image","source":{"type":"url","url":"https://a"}},{"type":"tool_use","id":"t","name":"f"}`), "unsupported_content", "messages.0"},
		"an image in the system": {`{"system":[{"type":"image","source":{"type":"url","url":"https://a"}}],"messages":[]}`, "unsupported_content", "system"},
		"an image on the way":    {`{"messages":[{"role":"user","content":"a"},{"role":"system","content":[{"type":"image","source":{"type":"url","url":"https://a"}}]}]}`, "unsupported_content", "messages.1"},
		"a system of numbers":    {`{"system":1,"messages":[]}`, "invalid_type", "system"},
		"a result of nothing":    {blocks("user", `{"type":"tool_result","content":"a"}`), "missing_required_parameter", "messages.0"},
		"a result in an answer":  {blocks("assistant", `{"type":"tool_result","tool_use_id":"t","text":"a"}`), "unsupported_content", "messages.0"},
		"a call of a user":       {blocks("user", `{"type":"tool_use","id":"t","name":"f","text":"a"}`), "unsupported_content", "messages.0"},
		"a call without a name":  {blocks("assistant", `{"type":"tool_use","id":"t"}`), "missing_required_parameter", "messages.0"},
		"a call with words":      {blocks("assistant", `{"type":"tool_use","id":"t","name":"f","input":"a"}`), "invalid_type", "messages.0"},
		"tools of words":         {`{"tools":"f",` + anyUser + `}`, "invalid_type", "tools"},
		"a tool without a name":  {`{"tools":[{}],` + anyUser + `}`, "missing_required_parameter", "tools"},
		"a tool of a chat":       {`{"tools":[{"type":"function","function":{"name":"f"}}],` + anyUser + `}`, "unsupported_tool", "tools"},
		"a computer":             {`{"tools":[{"type":"computer_20250124","name":"computer"}],` + anyUser + `}`, "unsupported_tool", "tools"},
		"their tool, forced":     {`{"tools":[{"name":"f"},{"type":"web_search_20250305","name":"s"}],"tool_choice":{"type":"tool","name":"s"},` + anyUser + `}`, "unsupported_tool", "tool_choice"},
		"their tools, forced":    {`{"tools":[{"type":"web_search_20250305","name":"s"}],"tool_choice":{"type":"any"},` + anyUser + `}`, "unsupported_tool", "tool_choice"},
		"a choice of its own":    {`{"tools":[{"name":"f"}],"tool_choice":{"type":"some"},` + anyUser + `}`, "unsupported_value", "tool_choice"},
		"a stop of words":        {`{"stop_sequences":"a",` + anyUser + `}`, "invalid_type", "stop_sequences"},
		"stops of numbers":       {`{"stop_sequences":[1],` + anyUser + `}`, "invalid_type", "stop_sequences"},
		"another form":           {`{"output_config":{"format":{"type":"grammar"}},` + anyUser + `}`, "unsupported_value", "output_config.format"},
	} {
		_, _, e := Messages.Translate([]byte(c.body))
		if e == nil || e.Status != 400 || e.Code != c.code || e.Param != c.param || e.Message == "" {
			t.Errorf("%s: %+v", name, e)
		}
	}
	for body, param := range map[string]string{`{"model":1,` + anyUser + `}`: "model", `{"stream":"yes",` + anyUser + `}`: "stream"} {
		chat, _, e := Messages.Translate([]byte(body))
		if e == nil {
			_, e = ParseChat(chat)
		}
		if e == nil || e.Param != param {
			t.Errorf("%s: %v", body, e)
		}
	}
}

// Nothing of what is made of a body is part of it: its buffer is used again.
func TestMessagesKeepNothingOfTheBody(t *testing.T) {
	body := []byte(`{"stop_sequences":["end"],"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{}}]},{"role":"user","content":"hi"}]}`)
	chat, tr, e := Messages.Translate(body)
	if e != nil {
		t.Fatal(e)
	}
	before := bytes.Clone(chat)
	for i := range body {
		body[i] = 'x'
	}
	m := tr.(*messagesTranslator)
	if !bytes.Equal(chat, before) || m.stops[0] != "end" || !m.known["t1"] {
		t.Errorf("%s %v", chat, m)
	}
}

// Errors have the type that tells Anthropic's clients what to do, and all that OpenAI's object has.
func TestMessagesErrorWords(t *testing.T) {
	for _, c := range []struct {
		e    Error
		want string
	}{
		{Error{Status: 400, Type: "invalid_request_error", Message: "m", Param: "p", Code: "c"}, `{"type":"error","error":{"message":"m","type":"invalid_request_error","param":"p","code":"c"}}`},
		{Error{Status: 401, Type: "authentication_error"}, `{"type":"error","error":{"message":"","type":"authentication_error","param":null,"code":null}}`},
		{Error{Status: 402}, `{"type":"error","error":{"message":"","type":"billing_error","param":null,"code":null}}`},
		{Error{Status: 403}, `{"type":"error","error":{"message":"","type":"permission_error","param":null,"code":null}}`},
		{Error{Status: 404, Type: "invalid_request_error"}, `{"type":"error","error":{"message":"","type":"not_found_error","param":null,"code":null}}`},
		{Error{Status: 408}, `{"type":"error","error":{"message":"","type":"timeout_error","param":null,"code":null}}`},
		{Error{Status: 413}, `{"type":"error","error":{"message":"","type":"request_too_large","param":null,"code":null}}`},
		{Error{Status: 422, Type: "their_own"}, `{"type":"error","error":{"message":"","type":"invalid_request_error","param":null,"code":null}}`},
		{Error{Status: 429}, `{"type":"error","error":{"message":"","type":"rate_limit_error","param":null,"code":null}}`},
		{Error{Status: 500, Type: "server_error"}, `{"type":"error","error":{"message":"","type":"api_error","param":null,"code":null}}`},
		{Error{Status: 503, Type: "server_error", Code: "no_provider_key"}, `{"type":"error","error":{"message":"","type":"api_error","param":null,"code":"no_provider_key"}}`},
		{Error{Status: 503, Type: "server_error", Code: "all_models_exhausted"}, `{"type":"error","error":{"message":"","type":"overloaded_error","param":null,"code":"all_models_exhausted"}}`},
	} {
		if got := string(Messages.AppendError(nil, &c.e)); got != c.want {
			t.Errorf("%d %s: %s", c.e.Status, c.e.Code, got)
		}
	}
}

func FuzzMessagesRequest(f *testing.F) {
	f.Add(`{` + anyUser + `}`)
	f.Add(`{"stream":true,"system":[{"type":"text","text":"a"}],"tools":[{"name":"f","input_schema":{}},{"type":"bash_20250124","name":"bash"}],"tool_choice":{"type":"any"},"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"x":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"image","source":{"type":"base64","media_type":"a","data":"b"}}]},{"type":"document","title":"a","source":{"type":"content","content":"c"}}]}]}`)
	f.Add(`{"thinking":{"type":"adaptive"},"stop_sequences":["a"],"output_config":{"format":{"type":"json_schema","schema":{}}},"messages":[{"role":"user","content":"\ud800"}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		chat, tr, e := Messages.Translate([]byte(body))
		if (e == nil) != (tr != nil) {
			t.Fatalf("%v and %v", e, tr)
		}
		if e != nil {
			return
		}
		if !json.Valid(chat) {
			t.Fatalf("%q became %q", body, chat)
		}
		_, _ = ParseChat(chat)
	})
}
