package openai

import "testing"

// What models and hosts demand of a request, in other words than the samples have, and what a client has to mend itself.
func TestDemandsOfModels(t *testing.T) {
	const (
		context  = "context_length request free none none -"
		mismatch = "unsupported_feature request free none none -"
		gone     = "model_gone model next model "
		once     = "invalid_request request once none none -"
		returned = "invalid_request request return none none -"
	)
	for _, tt := range []struct{ body, want string }{
		{msg("Total tokens of the conversation exceed max message tokens 32768"), context},
		{msg("max_tokens must be at least 1, got -17"), context},
		{msg("The conversation is too long. Start a new one."), context},
		{msg("99 input tokens and requested 4000 output tokens are more than 4096"), context},
		{msg("max_tokens must be at least 1, got 0"), once},

		{msg("The model only support streaming output"), mismatch},
		{msg("enable_thinking should be false for non-streaming requests"), mismatch},
		{`{"error":{"message":"` + "`reasoning_effort`" + ` must be one of none, low","param":"reasoning_effort"}}`, mismatch + " reasoning_effort"},
		{`{"error":{"message":"Invalid 'max_completion_tokens': integer above maximum value.","param":"max_completion_tokens"}}`, mismatch + " max_completion_tokens"},
		{msg("Image URLs are not currently supported"), mismatch},
		{`{"error":{"message":"Invalid 'n': integer above maximum value.","param":"n"}}`, once},
		{`{"error":{"message":"temperature must be one of 0 to 2","param":"temperature"}}`, once},

		{msg("`function calling` is not supported with this model"), "unsupported_feature model free none none - tools"},
		{msg(`"structured outputs" are not supported by this model`), "unsupported_feature model free none none - json_schema"},
		{msg("'my tool calls of yesterday' is not supported"), mismatch},
		{msg("foo-9 is not a VLM: it takes no vision input"), "unsupported_feature model free none none - vision"},

		{msg("This model is only supported in v1/responses and not in v1/chat/completions."), gone + "24h -"},
		{msg("The requested model is not available. Please use foo-9."), gone + "forever -"},
		{msg("Incorrect model ID: foo"), gone + "forever -"},
		{msg("The model has crashed. Exit code 11"), "upstream_fault model next model backoff -"},

		{`{"error":{"message":"Invalid value: 'only support'","param":"messages[0].content"}}`, returned},
		{`{"error":{"message":"Expected an object: conversation is too short","param":"messages[0]","code":"invalid_type"}}`, returned},
	} {
		if got := brief(Classify(nil, 400, nil, []byte(tt.body), noon)); got != tt.want {
			t.Errorf("%s\n\tgot  %s\n\twant %s", tt.body, got, tt.want)
		}
	}
}
