package proxy

import (
	"strings"

	"freefall/internal/openai"
)

// unserved are the paths that programs try beside those that are served, and what to set in them instead. The first that
// fits speaks; a path that is served never comes here.
var unserved = []struct{ path, advice string }{
	{"/responses/*", "freefall stores no responses: POST /v1/responses with the whole conversation in \"input\" is all that it serves of the Responses API"},
	{"/conversations*", "freefall stores no conversations: send the whole conversation in \"input\" of POST /v1/responses"},
	{"/messages/*", "of Anthropic's API freefall serves POST /v1/messages and /v1/messages/count_tokens: send requests one by one, not in batches"},
	{"/api/chat", notOllama}, {"/api/generate", notOllama}, {"/api/tags", notOllama}, {"/api/show", notOllama}, {"/api/ps", notOllama},
	{"/api/version", notOllama}, {"/api/embed*", notOllama},
	{"/v1beta/*", "freefall does not speak Gemini's own API: set the client's provider to \"OpenAI compatible\", with a base URL that ends in /v1"},
	{"/openai/deployments/*", "freefall does not speak Azure's API: set the client's provider to OpenAI or \"OpenAI compatible\", with a base URL that ends in /v1"},
	{"*/chat/completions", "the client's base URL is wrong: it ends in /v1, without /chat/completions"},
	{"/audio/*", textAlone}, {"/images/*", textAlone}, {"/moderations", textAlone}, {"/realtime*", textAlone}, {"/files*", textAlone},
	{"/batches*", textAlone}, {"/assistants*", textAlone}, {"/threads*", textAlone}, {"/vector_stores*", textAlone}, {"/fine_tuning*", textAlone},
}

const (
	notOllama = "freefall does not speak Ollama's own API: set the client's provider to \"OpenAI compatible\", with a base URL that ends in /v1"
	textAlone = "freefall serves chats, text completions and embeddings alone: set what the client does here to another server, or switch it off"
)

// unknownRoute answers a path that is not there. It names the client's setting that has to change, where that is known.
func unknownRoute(path string) *openai.Error {
	advice := "an OpenAI client's base_url ends in /v1, the state is at /api/chat/models"
	for _, u := range unserved {
		if fits(u.path, openAIPath(path)) || fits(u.path, path) {
			advice = u.advice
			break
		}
	}
	return &openai.Error{Status: 404, Type: "invalid_request_error", Code: "unknown_route",
		Message: "there is no " + openai.Clean(path, 100) + " here; " + advice}
}

// fits says whether path is what the pattern says, whose "*" stands for anything.
func fits(pattern, path string) bool {
	prefix, suffix, star := strings.Cut(pattern, "*")
	if !star {
		return path == pattern
	}
	return len(path) >= len(prefix)+len(suffix) && strings.HasPrefix(path, prefix) && strings.HasSuffix(path, suffix)
}
