package openai

import "testing"

func TestCharacters(t *testing.T) {
	for data, want := range map[string]int{
		`{"choices":[{"delta":{"content":"한국어"}}]}`:                                                                                     3,
		`{"choices":[{"delta":{"role":"assistant","content":""}}]}`:                                                                     0,
		`{"choices":[{"delta":{"content":null,"reasoning":"hm"}}]}`:                                                                     2,
		`{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"}}]}`:                                                             2,
		`{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}}]}`:                                           3,
		`{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"a"}]}}]}`: 3,
		`{"choices":[{"message":{"content":"ab"}}]}`:                                                                                    2,
		`{"choices":[{"text":"ab"}]}`:                                                                                                   2,
		`{"choices":[]}`:                                                                                                                0,
		`[DONE]`:                                                                                                                        0,
		`{"choices":"x"}`:                                                                                                               0,
		`{"choices":[{"delta":7}]}`:                                                                                                     0,
	} {
		if got := Characters([]byte(data)); got != want {
			t.Errorf("%s: %d, want %d", data, got, want)
		}
	}
}
