package proxy

import (
	"testing"

	"freefall/internal/openai"
	"freefall/internal/upstream"
)

// What one event of a stream costs between the read that brings it and the write that takes it on, but for both.
func BenchmarkRelayEvent(b *testing.B) {
	event := func(delta string) []byte {
		return []byte(`data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":` + delta + `,"finish_reason":null}]}` + "\n\n")
	}
	r := &reply{exchange: &exchange{}, route: &Route{Provider: &Provider{}}, up: &upstream.Reply{},
		stream: openai.NewChatStream(nil, openai.ChatOptions{})}
	relay := func(p []byte) {
		r.feed(p)
		r.letRoomGo()
	}
	relay(event(`{"role":"assistant","content":"Once"}`))
	next := event(`{"content":" upon a time"}`)
	b.ReportAllocs()
	for b.Loop() {
		relay(next)
	}
	if r.state != openai.Content {
		b.Errorf("%s: %s", r.state, r.outcome.Message)
	}
}
