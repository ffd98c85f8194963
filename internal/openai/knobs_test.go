package openai

import (
	"slices"
	"testing"

	"freefall/fallback"
)

func TestRefusedKnob(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"openai, unknown", 400, `{"error":{"message":"Unknown parameter: 'top_k'.","type":"invalid_request_error","param":"top_k","code":"unknown_parameter"}}`, "top_k"},
		{"openai, unrecognized", 400, msg("Unrecognized request argument supplied: top_k"), "top_k"},
		{"openai, a plain word", 400, msg("Unrecognized request argument supplied: seed"), "seed"},
		{"openai, the other name", 400, `{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","param":"max_tokens","code":"unsupported_parameter"}}`, "max_tokens"},
		{"openai, the other name, untyped", 400, msg("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."), "max_tokens"},
		{"openai, only the default", 400, `{"error":{"message":"Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.","param":"temperature","code":"unsupported_value"}}`, "temperature"},
		{"groq", 400, msg("property 'min_p' is unsupported"), "min_p"},
		{"groq, in backticks", 400, `{"error":{"message":"` + "`reasoning_effort`" + ` is not supported with this model","type":"invalid_request_error","param":"reasoning_effort"}}`, "reasoning_effort"},
		{"mistral", 422, `{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted","input":{"include_usage":true}}]}}`, "stream_options"},
		{"nvidia", 422, `{"detail":[{"type":"extra_forbidden","loc":["body","top_k"],"msg":"Extra inputs are not permitted"}]}`, "top_k"},
		{"google", 400, `[{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name \"min_p\": Cannot find field.","status":"INVALID_ARGUMENT"}}]`, "min_p"},
		{"a python server", 400, msg("Completions.create() got an unexpected keyword argument 'logit_bias'"), "logit_bias"},
		{"a go server", 400, msg(`json: unknown field "repetition_penalty"`), "repetition_penalty"},
		{"named alone", 400, `{"error":{"message":"this field is not allowed here","param":"metadata"}}`, "metadata"},
		{"beside a feature", 400, msg("`logprobs` is not supported with tools on this model"), "logprobs"},
		{"the host behind", 400, `{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"{\"error\":{\"message\":\"Unrecognized request argument supplied: top_k\"}}"}}}`, "top_k"},

		{"a value too large", 400, `{"error":{"message":"` + "`max_tokens`" + ` must be less than or equal to 16384","param":"max_tokens"}}`, ""},
		{"a value of several", 400, `{"error":{"message":"Unsupported value: 'reasoning_effort' does not support 'minimal' with this model. Supported values are: 'low', 'medium', and 'high'.","param":"reasoning_effort","code":"unsupported_value"}}`, ""},
		{"a value out of bounds", 400, `{"error":{"message":"temperature: Input should be less than or equal to 1","param":"temperature"}}`, ""},
		{"a condition", 400, msg("'stream_options' is only supported when 'stream' is true"), ""},
		{"a condition, typed", 400, `{"error":{"message":"Invalid value for 'parallel_tool_calls': it is only allowed when 'tools' are specified.","param":"parallel_tool_calls","code":null}}`, ""},
		{"a key further inside", 400, `[{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name \"seed\" at 'tools[0].function_declarations[5].parameters': Cannot find field."}}]`, ""},
		{"a place in the messages", 422, `{"detail":[{"type":"extra_forbidden","loc":["body","messages",0,"assistant","reasoning"],"msg":"Extra inputs are not permitted"}]}`, ""},
		{"an essential key", 422, `{"detail":[{"type":"extra_forbidden","loc":["body","tools"],"msg":"Extra inputs are not permitted"}]}`, ""},
		{"how many answers", 400, `{"error":{"message":"Unsupported parameter: 'n'","param":"n","code":"unsupported_parameter"}}`, ""},
		{"a word and no key", 400, msg("this user is not supported in your country"), ""},
		{"the client's own words", 400, msg("Unsupported content: 'please tell me why min_p is not supported'"), ""},
		{"another status", 500, msg("property 'min_p' is unsupported"), ""},
		{"nothing", 400, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := RefusedKnob(DialectOf("openai"), tt.status, nil, []byte(tt.body)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			o := Classify(DialectOf("openai"), tt.status, nil, []byte(tt.body), noon)
			if fits := o.Class == fallback.UnsupportedFeature && o.Action == fallback.NextModelNoPenalty && o.Feature == fallback.FeatureNone; tt.want != "" && !fits {
				t.Errorf("its verdict is %s", brief(o))
			}
		})
	}
}

// Every knob is guarded, so that leaving it out leaves no second one behind.
func TestKnobsAreGuarded(t *testing.T) {
	for _, knob := range knobs {
		if _, refusal := ParseChat([]byte(`{"` + knob + `":null,"` + knob + `":null,` + msgs + `}`)); refusal == nil || refusal.Code != "duplicate_key" {
			t.Errorf("%s twice: %v", knob, refusal)
		}
		r := parseChat(t, `{"model":"x","`+knob+`":null,`+msgs+`}`)
		want := `{"model":"M",` + msgs + `}`
		if other := otherName[knob]; other != "" {
			want = `{"model":"M",` + msgs + `,"` + other + `":null}`
		}
		if got := outgoing(t, r, "M", Edits{Refused: []string{knob}}); got != want {
			t.Errorf("without %s: %s", knob, got)
		}
	}
	for _, essential := range []string{"model", "messages", "tools", "tool_choice", "functions", "function_call", "response_format", "stream", "n", "stop", "store"} {
		if IsKnob(essential) {
			t.Errorf("%s may be left out", essential)
		}
	}
}

func TestOutgoingRefused(t *testing.T) {
	refused := func(names ...string) Edits { return Edits{Refused: names} }
	for _, tt := range []struct {
		name, body string
		edits      Edits
		want       string
	}{
		{"renamed over the other", `{"model":"x","max_tokens":5,"max_completion_tokens":6,"messages":[]}`, refused("max_tokens"), `{"model":"M","max_completion_tokens":6,"messages":[]}`},
		{"both names refused", `{"model":"x","max_tokens":5,"messages":[]}`, refused("max_tokens", "max_completion_tokens"), `{"model":"M","max_tokens":5,"messages":[]}`},
		{"escaped", `{"model":"x","min\u005fp":5,"messages":[]}`, refused("min_p"), `{"model":"M","messages":[]}`},
		{"no knobs", `{"model":"x","n":1,"tools":[],"messages":[]}`, refused("tools", "n", "messages.0", "", "model"), `{"model":"M","n":1,"tools":[],"messages":[]}`},
		{"what the dialect adds", `{"model":"x","stream":true,"messages":[]}`, Edits{IncludeUsage: true, Refused: []string{"stream_options"}}, `{"model":"M","stream":true,"messages":[]}`},
		{"what the dialect renames", `{"model":"x","seed":1,"messages":[]}`, Edits{Rename: [][2]string{{"seed", "random_seed"}}, Refused: []string{"random_seed"}}, `{"model":"M","messages":[]}`},
	} {
		if got := outgoing(t, parseChat(t, tt.body), "M", tt.edits); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestCarries(t *testing.T) {
	r := parseChat(t, `{"model":"x","stream":true,"seed":1,"top_k":1,"tools":[{"type":"function"}],"messages":[]}`)
	edits := Edits{Drop: []string{"top_k"}, Rename: [][2]string{{"seed", "random_seed"}}, WithTools: [][2]string{{"parallel_tool_calls", "false"}}, IncludeUsage: true}
	var got []string
	for _, knob := range append(knobs, "n") {
		if r.Carries(knob, edits) {
			got = append(got, knob)
		}
	}
	if want := []string{"random_seed", "parallel_tool_calls", "stream_options"}; !slices.Equal(got, want) {
		t.Errorf("it carries %v, want %v", got, want)
	}
}
