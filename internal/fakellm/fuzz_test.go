package fakellm

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzChat sends any body to a server: each gets an answer in a known form, and only a free model's is free.
func FuzzChat(f *testing.F) {
	for _, body := range []string{hi("m", false), hi("m", true), hi("dear", true), `{"model":"m","messages":"hi"}`, `{"model":["m"],"messages":[]}`,
		`{"model":"m","messages":[{"content":null},{"content":[{"type":"image_url"}]},{"content":[]}],"tools":[null,{}],"tool_choice":{"function":1}}`,
		`{"model":"m","messages":[{"content":"call the tool"}],"tools":[{"function":{"name":"","parameters":[]}}],"stream":true}`,
		`{"model":"m","messages":[{}],"max_tokens":-1,"response_format":{"type":"json_schema","json_schema":null}}`,
		`{"model":"m","messages":[{}],"max_tokens":9223372036854775807}`, "{\"model\":\"m\xff\",\"messages\":[{}]}", "\xef\xbb\xbf{}", strings.Repeat("[", 20000)} {
		f.Add(body)
	}
	s := New(Options{Models: []Model{{ID: "m", Tools: true, Vision: true, Context: 1 << 20}, {ID: "dear", Price: 1}}, Keyless: true, Keep: 1})
	f.Fuzz(func(t *testing.T, body string) {
		before := s.Paid()
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("POST", "/v1/chat/completions", strings.NewReader(body)))
		answer := w.Body.Bytes()
		if w.Header().Get("Content-Type") == "text/event-stream" {
			for _, event := range data(t, w.Body.String()) {
				if event != "[DONE]" && !json.Valid([]byte(event)) {
					t.Errorf("event %q", event)
				}
			}
		} else if !json.Valid(answer) {
			t.Errorf("status %d, body %q", w.Code, answer)
		}
		if w.Code == 200 && bytes.Contains(answer, []byte(`"model":"dear"`)) && s.Paid() == before {
			t.Error("a paid answer was not counted")
		}
	})
}
