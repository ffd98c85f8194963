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
		"only the second is":  {`{"model":"M","messages":[{"tool_calls":[{`, `"id":"1"},{"id":"2",` + signed + `}]}]}`},
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

// A result says which function gave it, if a call tells and it does not say so itself.
func TestResultsAreNamed(t *testing.T) {
	const calls = `{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f\u0065"}},{"function":{"arguments":"{}","name":"g"},"id":"2"},{"id":"3"}]}`
	for name, parts := range map[string][]string{ // a result's braces, with the name between them where one belongs
		"by its call":         {`{"model":"M","messages":[` + calls + `,{`, `"name":"f\u0065",`, `"role":"tool","tool_call_id":"1","content":"a"},{`, `"name":"g",`, `"tool_call_id":"2","role":"tool"}]}`},
		"another spelling":    {`{"model":"M","messages":[` + calls + `,{`, `"name":"g",`, `"tool_call_id":"\u0032"}]}`},
		"it has one":          {`{"model":"M","messages":[` + calls + `,{"tool_call_id":"1","name":"f"},{"name":"","tool_call_id":"2"}]}`},
		"nobody called":       {`{"model":"M","messages":[{"tool_call_id":"1"},` + calls + `,{"tool_call_id":"3"},{"tool_call_id":"9"},{"tool_call_id":1},{"tool_call_id":""},"1",["tool_call_id"]]}`},
		"no results":          {`{"model":"M","messages":[` + calls + `,{"role":"user","content":[{"tool_call_id":"1"}]}],"tool_call_id":"1"}`},
		"calls are elsewhere": {`{"model":"M","messages":[{"content":[{"id":"1","function":{"name":"f"}}]},{"tool_call_id":"1"}],"tools":[{"type":"function","id":"1"}]}`},
		"a call's own id":     {`{"model":"M","messages":[{"tool_calls":[{"id":"1","extra":{"id":"2"},"function":{"parameters":{"name":"x"},"name":"f","more":{"name":"q"}},"name":"y"}]},{`, `"name":"f",`, `"tool_call_id":"1"},{"tool_call_id":"2"}]}`},
	} {
		body, want := "", strings.Join(parts, "")
		for i, p := range parts {
			if i%2 == 0 {
				body += p
			}
		}
		if got := outgoing(t, parseChat(t, body), "M", Edits{NameResults: true}); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
	}
}

// What a hostile conversation holds too much of goes up as it came.
func TestTooManyMembers(t *testing.T) {
	body := `{"model":"gemini-3","messages":[` + strings.Repeat(`{"tool_calls":[{"id":"1"}]},`, maxIDs+1) + `{}]}`
	if got := outgoing(t, parseChat(t, body), "gemini-3", Edits{SignCalls: true}); got != body {
		t.Errorf("%d bytes became %d", len(body), len(got))
	}
}
