package openai

import (
	"strings"
	"testing"
)

// The words of providers and gateways, as they were told.
func TestRefusesRole(t *testing.T) {
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
		if got := RefusesRole(DialectOf("openai"), 400, noHeader, []byte(body)); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
	if RefusesRole(DialectOf("openai"), 429, noHeader, []byte(say("Unexpected message role."))) {
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
		if got := r.Carries(DeveloperRole, Edits{}); got != (want != "") {
			t.Errorf("%s: carries %v", body, got)
		}
		parts, err := r.Outgoing("m", Edits{Refused: []string{DeveloperRole}})
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
