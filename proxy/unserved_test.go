package proxy

import (
	"strings"
	"testing"
)

// Who asks for what is not there reads in one sentence what to set.
func TestUnservedPathsSayWhatToSet(t *testing.T) {
	s := onSockets(t, socketPlan{})
	for request, advice := range map[string]string{
		"POST /v1/responses/resp_1/cancel":                 "freefall stores no responses",
		"GET /v1/responses/resp_1":                         "freefall stores no responses",
		"POST /v1/conversations":                           "freefall stores no conversations",
		"POST /v1/messages/batches":                        "send requests one by one",
		"POST /api/chat":                                   "Ollama",
		"GET /api/tags":                                    "Ollama",
		"POST /v1beta/models/gemini-pro:generateContent":   "Gemini",
		"POST /openai/deployments/gpt-4o/chat/completions": "Azure",
		"POST /v2/chat/completions":                        "the client's base URL is wrong",
		"POST /v1/chat/completions/chat/completions":       "the client's base URL is wrong",
		"POST /v1/audio/transcriptions":                    "to another server, or switch it off",
		"GET /v1/realtime?model=auto":                      "to another server, or switch it off",
		"GET /api/chat/tags":                               "base_url ends in /v1",
		"POST /nothing":                                    "base_url ends in /v1",
	} {
		c := s.dial()
		c.send(head(request + " HTTP/1.1"))
		got := c.answer()
		s.wants(request, got, 404, "unknown_route")
		if !strings.Contains(got.body, advice) {
			t.Errorf("%s: no word of %q in %s", request, advice, got.body)
		}
		c.stillOpen()
	}
	s.asked("paths that are not served", 0)
}

// Advice about a path that is served would never be read.
func TestNoAdviceAboutWhatIsServed(t *testing.T) {
	for _, u := range unserved {
		if r, _, ok := find(strings.ReplaceAll(u.path, "*", "/x")); ok {
			t.Errorf("%s is served as %s", u.path, r.path)
		}
	}
}
