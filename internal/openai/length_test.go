package openai

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

func TestGrantedBy(t *testing.T) {
	for name, tt := range map[string]struct {
		dialect string
		status  int
		body    string
		want    Granted
	}{
		"groq":         {"groq", 400, "{\"error\":{\"message\":\"`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the `context_window` for this model\",\"type\":\"invalid_request_error\",\"param\":\"max_tokens\"}}", Granted{Answer: 8192}},
		"openai":       {"openai", 400, `{"error":{"message":"max_tokens is too large: 32000. This model supports at most 16384 completion tokens, whereas you provided 32000.","param":"max_tokens","code":"invalid_value"}}`, Granted{Answer: 16384}},
		"mistral":      {"mistral", 422, `{"object":"error","message":{"detail":[{"type":"less_than_equal","loc":["body","max_tokens"],"msg":"Input should be less than or equal to 8192","input":32000}]}}`, Granted{Answer: 8192}},
		"a range":      {"openai", 400, `{"error":{"message":"Invalid max_tokens value, the valid range of max_tokens is [1, 8,192]","code":"invalid_request_error"}}`, Granted{Answer: 8192}},
		"a context":    {"openai", 400, `{"error":{"message":"This model's maximum context length is 32768 tokens. However, you requested 33010 tokens (1010 in the messages, 32000 in the completion).","code":"context_length_exceeded"}}`, Granted{Context: 32768}},
		"vllm":         {"openai", 400, `{"error":{"message":"'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 16384 tokens and your request has 12 input tokens (32000 > 16384 - 12).","param":"max_tokens"}}`, Granted{Context: 16384}},
		"openrouter":   {"openrouter", 400, `{"error":{"message":"This endpoint's maximum context length is 32768 tokens. However, you requested about 33010 tokens (1010 of text input, 32000 in the output).","code":400}}`, Granted{Context: 32768}},
		"too little":   {"openai", 400, `{"error":{"message":"max_tokens must be less than or equal to 512","param":"max_tokens"}}`, Granted{}},
		"no number":    {"openai", 400, `{"error":{"message":"max_tokens is too large","param":"max_tokens"}}`, Granted{}},
		"another key":  {"openai", 400, `{"error":{"message":"logit_bias: token 9000 is unknown","param":"logit_bias"}}`, Granted{}},
		"a window":     {"groq", 413, `{"error":{"message":"Request too large on tokens per minute (TPM): Limit 12000, Requested 32010, please reduce max_tokens","code":"rate_limit_exceeded"}}`, Granted{}},
		"no error":     {"openai", 400, `{"max_tokens":9000}`, Granted{}},
		"absurd":       {"openai", 400, `{"error":{"message":"max_tokens: 99999999999999999999999999 and 0 and 1,,,","param":"max_tokens"}}`, Granted{}},
		"empty":        {"openai", 400, ``, Granted{}},
		"not a number": {"openai", 400, `{"error":{"message":"the context length is , tokens"}}`, Granted{}},
	} {
		if got := GrantedBy(DialectOf(tt.dialect), tt.status, noHeader, []byte(tt.body), 32000); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

// An answer is held to what the model grants under whichever name its client bounds it, and only if it allows more.
func TestShorterAnswers(t *testing.T) {
	for bound, want := range map[string]string{
		`"max_tokens":32000`:                                `"max_tokens":8192`,
		`"max_completion_tokens": 9000`:                     `"max_completion_tokens": 8192`,
		`"max_tokens":32000,"max_completion_tokens":64000`:  `"max_tokens":8192,"max_completion_tokens":8192`,
		`"max_tokens":100,"max_completion_tokens":64000`:    `"max_tokens":100,"max_completion_tokens":8192`,
		`"max_tokens":8192`:                                 `"max_tokens":8192`,
		`"max_\u0074okens":32000`:                           `"max_tokens":8192`,
		`"max_tokens":3.2e4`:                                `"max_tokens":8192`,
		`"stop":["max_tokens"]`:                             `"stop":["max_tokens"]`,
		`"metadata":{"max_tokens":32000},"max_tokens":5000`: `"metadata":{"max_tokens":32000},"max_tokens":5000`,
	} {
		const rest = `"messages":[{"role":"user","content":"max_tokens 32000"}]`
		r, e := ParseChat([]byte(`{` + bound + `,` + rest + `}`))
		if e != nil {
			t.Fatal(bound, e)
		}
		parts, err := r.Outgoing("m", Edits{MaxAnswer: 8192})
		if err != nil {
			t.Fatal(bound, err)
		}
		got := string(parts[0]) + string(parts[1]) + string(parts[2])
		for _, key := range []string{"max_tokens", "max_completion_tokens"} {
			if got, want := gjson.Get(got, key).Int(), gjson.Get("{"+want+"}", key).Int(); got != want {
				t.Errorf("%s: %s %d, want %d", bound, key, got, want)
			}
		}
		if !strings.Contains(got, rest) {
			t.Errorf("%s: %s", bound, got)
		}
	}
}

// Another model of the same request may grant more.
func TestEachModelsOwnLength(t *testing.T) {
	r, e := ParseChat([]byte(`{"max_tokens":32000,"messages":[{"role":"user","content":"Hello"}]}`))
	if e != nil {
		t.Fatal(e)
	}
	for _, most := range []int{8192, 4096, 0, 64000} {
		parts, err := r.Outgoing("m", Edits{MaxAnswer: most})
		if err != nil {
			t.Fatal(err)
		}
		want := int64(32000)
		if most > 0 {
			want = min(want, int64(most))
		}
		if got := gjson.Get(string(parts[0])+string(parts[1])+string(parts[2]), "max_tokens").Int(); got != want {
			t.Errorf("of %d granted: %d, want %d", most, got, want)
		}
	}
}
