package openai

import (
	"strings"
	"testing"
)

// The first call of a turn is signed for models that look for it, and nothing else of the body changes.
func TestCallsAreSigned(t *testing.T) {
	const sign, signed = unsigned + ",", `"extra_content":{"google":{"thought_signature":"c2ln"}}`
	edits := Edits{SignCalls: true}
	for name, parts := range map[string][]string{ // what stands between the places of a signature
		"one":                 {`{"model":"M","messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{`, `"id":"1"}]}]}`},
		"the first of two":    {`{"model":"M","messages":[{"tool_calls":[{`, `"id":"1","function":{"name":"f"}},{"id":"2"}],"role":"assistant"},{"role":"tool","tool_call_id":"1"}]}`},
		"two turns":           {`{"model":"M","messages":[{"tool_calls":[ {`, ` "id":"1"}]},{"tool_calls":[{`, `"id":"2"}],"content":null}],"tools":[{"type":"function"}]}`},
		"it is":               {`{"model":"M","messages":[{"tool_calls":[{"id":"1",` + signed + `},{"id":"2"}]}]}`},
		"it is, and another":  {`{"model":"M","messages":[{"tool_calls":[{` + signed + `,"id":"1"}]},{"tool_calls":[{`, `"id":"2"}]}]}`},
		"deeper":              {`{"model":"M","messages":[{"tool_calls":[{`, `"function":{"extra_content":1}}]}]}`},
		"in another spelling": {`{"model":"M","messages":[{"tool_\u0063alls":[{"id":"1","extra_conten\u0074":{}}]}]}`},
		"no calls":            {`{"model":"M","messages":[{"role":"tool","tool_calls":[],"content":[{"id":"1"}]},{"tool_calls":[{}]},{"tool_calls":[1,{"id":"2"}]},{"tool_calls":{"a":{"id":"1"}}}]}`},
		"elsewhere":           {`{"model":"M","messages":[{"role":"tool"}],"tools":[{"type":"function","tool_calls":[{"id":"1"}]}]}`},
	} {
		body, with := strings.Join(parts, ""), strings.Join(parts, sign)
		for model, wants := range map[string]bool{"gemini-3-flash-preview": true, "models/gemini-3.5-flash": true, "gemini-flash-latest": true,
			"gemini-2.5-flash": false, "models/gemini-1.5-flash-8b": false, "gemma-3-27b-it": false} {
			want := strings.Replace(with, `"M"`, `"`+model+`"`, 1)
			if !wants {
				want = strings.Replace(body, `"M"`, `"`+model+`"`, 1)
			}
			if got := outgoing(t, parseChat(t, body), model, edits); got != want {
				t.Errorf("%s, %s:\ngot  %s\nwant %s", name, model, got, want)
			}
		}
		if got := outgoing(t, parseChat(t, body), "gemini-3-flash", Edits{}); strings.Contains(got, "skip_") {
			t.Errorf("%s, not asked for: %s", name, got)
		}
	}
}

// One request goes to a model that looks for signatures, then to one that does not, and back.
func TestCallsAreSignedForWhoLooks(t *testing.T) {
	r := parseChat(t, `{"model":"M","messages":[{"tool_calls":[{"id":"1"}]}]}`)
	for _, model := range []string{"gemini-3-flash", "gemini-2.5-flash", "gemini-3-flash"} {
		if got := outgoing(t, r, model, Edits{SignCalls: true}); strings.Contains(got, unsigned) != wantsSigns(model) {
			t.Errorf("%s: %s", model, got)
		}
	}
}
