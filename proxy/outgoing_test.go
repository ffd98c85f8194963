package proxy

import (
	"bytes"
	"io"
	"net"
	"net/http/httputil"
	"strings"
	"testing"

	"freefall/internal/openai"
	"freefall/internal/upstream"
)

// However large the data, and wherever it begins, the chunk is what a reader of chunks takes for it.
func TestAsChunk(t *testing.T) {
	for _, size := range []int{1, 9, 15, 16, 255, 256, 4096, 1<<20 + 1} {
		for _, sent := range []int{0, 1, size / 2} {
			data := strings.Repeat("x", size-1) + "."
			if size-sent <= 0 {
				continue
			}
			b := append(make([]byte, chunkRoom), data...)
			chunk := append(bytes.Clone(asChunk(b, chunkRoom+sent)), "0\r\n\r\n"...)
			got, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(chunk)))
			if err != nil || string(got) != data[sent:] {
				t.Errorf("%d bytes behind %d: %v, %d bytes came", size, sent, err, len(got))
			}
		}
	}
}

// A reply has room before its head, from whatever buffer that is.
func TestRoomy(t *testing.T) {
	for _, size := range []int{1, readSize, 10 * readSize} {
		var r reply
		r.makeRoom()
		r.head = append(r.head, strings.Repeat("y", size)...)
		if b := r.roomy(); len(b) != chunkRoom+size || string(b[chunkRoom:]) != string(r.head) {
			t.Errorf("%d bytes: %d", size, len(b))
		}
		if r.letRoomGo(); r.head != nil || r.room != nil {
			t.Error("a buffer stayed")
		}
	}
	r := reply{head: []byte("not from a pool")}
	if b := r.roomy(); string(b[chunkRoom:]) != "not from a pool" {
		t.Errorf("%q", b)
	}
}

// sink is a client that takes all.
type sink struct{ net.Conn }

func (sink) Write(p []byte) (int, error) { return len(p), nil }

// What one event of a stream costs between the read that brings it and the write that takes it on.
func BenchmarkRelayEvent(b *testing.B) {
	event := func(delta string) []byte {
		return []byte(`data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":` + delta + `,"finish_reason":null}]}` + "\n\n")
	}
	r := &reply{exchange: &exchange{}, route: &Route{Provider: &Provider{}}, up: &upstream.Reply{}, conn: sink{},
		stream: openai.NewChatStream(nil, openai.ChatOptions{})}
	relay := func(p []byte) {
		r.feed(p)
		if _, err := r.write(nil, false); err != nil {
			b.Fatal(err)
		}
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
