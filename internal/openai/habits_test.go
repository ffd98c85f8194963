package openai

import (
	"strings"
	"testing"
)

// The words of providers and gateways, as they were told.
func TestRefusedRole(t *testing.T) {
	r, e := ParseChat([]byte(`{"messages":[{"role":"developer","content":"a"}]}`))
	if e != nil {
		t.Fatal(e)
	}
	say := func(message string) string {
		return `{"error":{"message":` + quoted(message) + `,"type":"invalid_request_error"}}`
	}
	for body, want := range map[string]bool{
		say("developer is not one of ['system', 'assistant', 'user', 'tool', 'function'] - 'messages.['0].role'"):                      true,
		say("messages[0].role: unknown variant `developer`, expected one of `system`, `user`, `assistant`, `tool`"):                    true,
		say("Input tag 'developer' found using 'role' does not match any of the expected tags: 'system', 'user', 'assistant', 'tool'"): true,
		say("Error from provider (Console Go): Upstream request failed: [1214] Incorrect role information"):                            true,
		say("'messages.0' : discriminator property 'role' has invalid value"):                                                          true,
		say("Unsupported value: 'messages[0].role' does not support 'developer' with this model."):                                     true,
		say("Unexpected message role."): true,
		`{"object":"error","message":{"detail":[{"type":"literal_error","loc":["body","messages",0,"role"],"msg":"Input should be 'system', 'user', 'assistant' or 'tool'","input":"developer"}]}}`: true,
		say("Conversation roles must alternate user/assistant/user/assistant"): false,
		say("messages must not be empty"):                                      false,
		say("max_tokens must be less than 8192"):                               false,
		say("Your account has no role that may call this model"):               false,
		`[]`: false,
		``:   false,
	} {
		if got := RefusedHabit(DialectOf("openai"), 400, noHeader, []byte(body), r, nil) == "developer"; got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
	if RefusedHabit(DialectOf("openai"), 429, noHeader, []byte(say("Unexpected message role.")), r, nil) != "" {
		t.Error("a limit is no refusal of a role")
	}
}

func TestDeveloperAsSystem(t *testing.T) {
	for body, want := range map[string]string{
		`{"messages":[{"role":"developer","content":"a"},{"role":"user","content":"developer"}]}`:                 `{"messages":[{"role":"system","content":"a"},{"role":"user","content":"developer"}]}`,
		`{"messages":[{"content":"a", "role" : "developer" },{"role":"developer","content":[]}],"user":"u"}`:      `{"messages":[{"content":"a", "role" : "system" },{"role":"system","content":[]}],"user":"u"}`,
		`{"messages":[{"r\u006fle":"dev\u0065loper","content":"a"}]}`:                                             `{"messages":[{"r\u006fle":"system","content":"a"}]}`,
		`{"messages":[{"role":"user","content":[{"role":"developer"}]}],"metadata":{"role":"developer"}}`:         "",
		`{"tools":[{"role":"developer","type":"function"}],"messages":[{"role":"system","content":"a"}]}`:         "",
		`{"messages":[{"role":"assistant","tool_calls":[{"role":"developer","function":{"name":"developer"}}]}]}`: "",
	} {
		r, e := ParseChat([]byte(body))
		if e != nil {
			t.Fatal(body, e)
		}
		if got := r.Carries("developer", Edits{}); got != (want != "") {
			t.Errorf("%s: carries %v", body, got)
		}
		parts, err := r.Outgoing("m", Edits{Refused: []string{"developer"}})
		if err != nil {
			t.Fatal(body, err)
		}
		if want == "" {
			want = body
		}
		if got := string(parts[0]) + string(parts[1]) + string(parts[2]); got != strings.Replace(want, "{", `{"model":"m",`, 1) {
			t.Errorf("%s went up as %s", body, got)
		}
	}
}

func TestRefusedHabits(t *testing.T) {
	const parts, plain, idle = `{"messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]}`, `{"messages":[{"role":"user","content":"a"}]}`,
		`{"tools":[],"tool_choice":"auto","response_format":{"type":"text"},"temperature":null,"messages":[{"role":"user","content":"a"}]}`
	say := func(message string) string {
		return `{"error":{"message":` + quoted(message) + `,"type":"invalid_request_error"}}`
	}
	for _, tt := range []struct{ request, refusal, want string }{
		{parts, say("messages.1.content: Input should be a valid string"), "text parts"},
		{parts, say("'messages.1' : for 'role:user' the following must be satisfied[('messages.1.content' : value must be a string)]"), "text parts"},
		{parts, `{"object":"error","message":{"detail":[{"type":"string_type","loc":["body","messages",1,"user","content"],"msg":"Input should be a valid string"}]}}`, "text parts"},
		{parts, say("Bad input: Error: oneOf at '/' not met, 0 matches: Type mismatch of '/messages/2/content', 'array' not in 'string'"), "text parts"},
		{parts, say("Unable to tokenize message: Invalid 'content' type. Expected one of: ['str'], got list."), "text parts"},
		{plain, say("messages.1.content: Input should be a valid string"), ""},
		{parts, say("model must be a string"), ""},
		{idle, say("'tools' : minimum number of items is 1"), "idle keys"},
		{idle, `{"error":{"message":"Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.","param":"tools","code":"empty_array"}}`, "idle keys"},
		{idle, say("'tool_choice' is only allowed when 'tools' are specified."), "idle keys"},
		{idle, say("temperature: Input should be a valid number"), "idle keys"},
		{idle, say("response_format is not understood"), "idle keys"},
		{idle, say("top_p must be at most 1"), ""},
		{plain, say("'tools' : minimum number of items is 1"), ""},
	} {
		r, e := ParseChat([]byte(tt.request))
		if e != nil {
			t.Fatal(tt.request, e)
		}
		if got := RefusedHabit(DialectOf("openai"), 400, noHeader, []byte(tt.refusal), r, nil); got != tt.want {
			t.Errorf("%s for %s: %q, want %q", tt.refusal, tt.request, got, tt.want)
		}
		if got := RefusedHabit(DialectOf("openai"), 400, noHeader, []byte(tt.refusal), r, []string{"text parts", "idle keys"}); got != "" {
			t.Errorf("%s: %q, which was given up", tt.refusal, got)
		}
	}
}

func TestHabitsGivenUp(t *testing.T) {
	for name, bodies := range map[string]map[string]string{
		"text parts": {
			`{"messages":[{"role":"user","content":[{"type":"text","text":"a\"b"},{"text":"c","type":"text","cache_control":{}}]},{"role":"user","content":"d"}],"user":"u"}`: `{"messages":[{"role":"user","content":"a\"b\nc"},{"role":"user","content":"d"}],"user":"u"}`,
			`{"messages":[{"content" : [ {"type":"text","text":""} ] ,"role":"user"},{"role":"system","content":[{"type":"text","text":"하나"}]}]}`:                             `{"messages":[{"content" : "" ,"role":"user"},{"role":"system","content":"하나"}]}`,
			`{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"x"}}]}]}`:                                              "",
			`{"messages":[{"role":"user","content":[]},{"role":"user","content":[{"type":"text","text":1}]},{"role":"user","content":[["a"]]}]}`:                              "",
			`{"messages":[{"role":"user","content":{"content":[{"type":"text","text":"a"}]}}],"metadata":[{"content":[{"type":"text","text":"a"}]}]}`:                         "",
		},
		"idle keys": {
			`{"tools":[],"tool_choice":"auto","messages":[{"role":"user","content":"a"}],"parallel_tool_calls":true}`: `{"messages":[{"role":"user","content":"a"}]}`,
			`{"temperature":null,"response_format":{"type":"text"},"top_p":0,"messages":[],"stop":null,"user":""}`:    `{"top_p":0,"messages":[],"stop":null,"user":""}`,
			`{"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"none","messages":[{"tools":[]}]}`:  "",
			`{"messages":[{"role":"assistant","content":null}],"metadata":{"temperature":null}}`:                      "",
		},
	} {
		for body, want := range bodies {
			r, e := ParseChat([]byte(body))
			if e != nil {
				t.Fatal(body, e)
			}
			if got := r.Carries(name, Edits{}); got != (want != "") {
				t.Errorf("%s: carries %v", body, got)
			}
			parts, err := r.Outgoing("m", Edits{Refused: []string{name}})
			if err != nil {
				t.Fatal(body, err)
			}
			if want == "" {
				want = body
			}
			if got := string(parts[0]) + string(parts[1]) + string(parts[2]); got != strings.Replace(want, "{", `{"model":"m",`, 1) {
				t.Errorf("%s went up as %s", body, got)
			}
		}
	}
	if Without("text parts") != "with plain text in the place of its parts" || !IsQuirk("idle keys") || IsQuirk("messages") {
		t.Error("the words for it")
	}
}
