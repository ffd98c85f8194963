package proxy

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"freefall/fallback"
	"freefall/internal/openai"
	"freefall/internal/upstream"
)

// A request of 1 KB from the client's first byte to the last of its answer, and one whose first model refuses it; client and provider allocate
// nothing, but take their part of the time.
func BenchmarkRequest(b *testing.B) {
	answer := fmt.Sprintf(`{"id":"c","object":"chat.completion","created":1764000000,"model":"b","choices":[{"index":0,"message":{"role":"assistant","content":"%s"},`+
		`"finish_reason":"stop"}],"usage":{"prompt_tokens":250,"completion_tokens":190,"total_tokens":440}}`, strings.Repeat("a word or two ", 56))
	refusal := `{"error":{"message":"Rate limit exceeded","type":"rate_limit_error","code":"rate_limit_exceeded"}}`
	good := benchPeer(b, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer))
	bad := benchPeer(b, fmt.Sprintf("HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(refusal), refusal))
	models := chain("a", "b")
	for i, addr := range []string{bad, good} {
		m := &models[i]
		m.Provider, m.Proof, m.Keys = m.ID, fallback.ProvenLocal, []fallback.Key{{Account: m.ID}}
		m.Via = &Route{FirstToken: patience, Answer: patience, Idle: patience, Provider: &Provider{Name: m.ID, ChatURL: "http://" + addr + "/v1/chat/completions",
			Dialect: openai.DialectOf("openai"), Local: true}}
	}
	pool := fallback.New(fallback.Config{Models: models, Breaker: fallback.Breaker{Failures: 1000, Cooldown: time.Nanosecond, MaxCooldown: time.Nanosecond}})
	transport := upstream.New(upstream.Config{})
	p := New(Config{Pool: pool, Transport: transport, Log: zerolog.New(io.Discard)})
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	watched, err := upstream.Watch(front)
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = p.Serve(watched) }()
	defer transport.Close()
	defer p.Shutdown(time.Second)

	for model, attempts := range map[string]string{"b": "1", "a": "2"} {
		body := fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"%s"}]}`, model, strings.Repeat("a word or two ", 64))
		request := fmt.Appendf(nil, "POST /v1/chat/completions HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", front.Addr(), len(body), body)
		b.Run("attempts "+attempts, func(b *testing.B) {
			c, err := net.Dial("tcp", front.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			want, end, buf := []byte("X-Freefall-Attempts: "+attempts), []byte(answer[len(answer)-20:]), make([]byte, 16<<10)
			b.ReportAllocs()
			for b.Loop() {
				_, _ = c.Write(request)
				if got := readTo(c, buf, end); !bytes.Contains(got, want) {
					b.Fatalf("%s", got)
				}
			}
		})
	}
}

// benchPeer answers each request that ends as those of the benchmark do.
func benchPeer(b *testing.B, answer string) (addr string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				out, buf := []byte(answer), make([]byte, 16<<10)
				for len(readTo(c, buf, []byte(`"}]}`))) > 0 {
					_, _ = c.Write(out)
				}
			}()
		}
	}()
	return ln.Addr().String()
}

// readTo reads until what has come ends so, nothing when that does not come.
func readTo(c net.Conn, buf, end []byte) []byte {
	for n := 0; ; {
		k, err := c.Read(buf[n:])
		if n += k; err != nil {
			return nil
		}
		if bytes.HasSuffix(buf[:n], end) {
			return buf[:n]
		}
	}
}
