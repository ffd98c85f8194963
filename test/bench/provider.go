//go:build linux

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"time"
)

const (
	leastEvent = 150 // bytes
	origins    = 20  // ports of the provider, since freefall opens only so many connections to one origin
	numEvents  = 100
	dripGap    = 100 * time.Millisecond
)

// What the prompt of a request asks the provider for.
const (
	wantDrip  = "one event after the other, slowly"
	wantQuiet = "one event, then silence"
)

// provide is the simulated provider: as little work as possible for each answer. It prints its ports, the first of which
// refuses everything with a 429.
func provide(token string) error {
	p := newProvider(token)
	var ports []string
	for i := range origins + 1 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		ports = append(ports, port)
		go p.accept(ln, i == 0)
	}
	fmt.Println(strings.Join(ports, " "))
	var b [1]byte
	_, err := stdin.Read(b[:]) // ends with whoever started it
	_ = err
	return nil
}

// provider holds its answers ready.
type provider struct{ whole, stream, first, event, limited []byte }

func newProvider(token string) *provider {
	p := &provider{}
	answer := fmt.Sprintf(`{"id":"chatcmpl-%s","object":"chat.completion","created":1764000000,"model":"fast","choices":[{"index":0,"message":`+
		`{"role":"assistant","content":"%s"},"finish_reason":"stop"}],"usage":{"prompt_tokens":250,"completion_tokens":190,"total_tokens":440}}`,
		token, strings.Repeat("a word or two ", 56))
	p.whole = fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer)
	refusal := `{"error":{"message":"Rate limit exceeded","type":"rate_limit_error","code":"rate_limit_exceeded"}}`
	p.limited = fmt.Appendf(nil, "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(refusal), refusal)
	head := "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	p.event = chunk(event(token, `{"content":" another word"}`, "null"))
	p.first = append([]byte(head), chunk(event(token, `{"role":"assistant","content":"`+firstWord+`"}`, "null"))...)
	p.stream = chunk(event(token, `{}`, `"stop"`) + "data: [DONE]\n\n")
	p.stream = append(p.stream, "0\r\n\r\n"...)
	return p
}

// firstWord is the content that a client waits for.
const firstWord = "Once"

func event(token, delta, finish string) string {
	return fmt.Sprintf(`data: {"id":"chatcmpl-%s","object":"chat.completion.chunk","created":1764000000,"model":"fast","choices":[{"index":0,"delta":%s,"finish_reason":%s}]}`+
		"\n\n", token, delta, finish)
}

func chunk(data string) []byte { return fmt.Appendf(nil, "%x\r\n%s\r\n", len(data), data) }

func (p *provider) accept(ln net.Listener, limited bool) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go p.serve(c, limited)
	}
}

func (p *provider) serve(c net.Conn, limited bool) {
	defer c.Close()
	buf := make([]byte, 0, 4<<10)
	for {
		body, rest, ok := readRequest(c, &buf)
		if !ok {
			return
		}
		var err error
		switch {
		case limited:
			_, err = c.Write(p.limited)
		case !bytes.Contains(body, []byte(`"stream":true`)):
			_, err = c.Write(p.whole)
		case bytes.Contains(body, []byte(wantDrip)):
			err = p.drip(c)
		case bytes.Contains(body, []byte(wantQuiet)):
			_, err = c.Write(p.first)
		default:
			err = p.flow(c)
		}
		if err != nil {
			return
		}
		buf = append(buf[:0], rest...)
	}
}

// readRequest reads up to the end of a request's body into buf and shows the body and what stands behind it.
func readRequest(c net.Conn, buf *[]byte) (body, rest []byte, ok bool) {
	for end := -1; ; {
		b := *buf
		if end < 0 {
			if i := bytes.Index(b, []byte("\r\n\r\n")); i >= 0 {
				n, known := lengthOf(b[:i+2])
				if !known {
					return nil, nil, false
				}
				end = i + 4 + n
			}
		}
		if end >= 0 && len(b) >= end {
			return b[:end], b[end:], true
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := c.Read(b[len(b):cap(b)])
		if err != nil {
			return nil, nil, false
		}
		*buf = b[:len(b)+n]
	}
}

// lengthOf is the Content-Length of a head.
func lengthOf(head []byte) (int, bool) {
	for line := range bytes.Lines(head) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("content-length")) {
			n, err := strconv.Atoi(string(bytes.TrimSpace(value)))
			return n, err == nil
		}
	}
	return 0, bytes.HasPrefix(head, []byte("GET "))
}

// flow streams as a fast provider does: each event is a write of its own.
func (p *provider) flow(c net.Conn) error {
	if _, err := c.Write(p.first); err != nil {
		return err
	}
	for range numEvents - 2 {
		if _, err := c.Write(p.event); err != nil {
			return err
		}
	}
	_, err := c.Write(p.stream)
	return err
}

// drip streams until the other side leaves.
func (p *provider) drip(c net.Conn) error {
	if _, err := c.Write(p.first); err != nil {
		return err
	}
	time.Sleep(rand.N(dripGap)) // streams of a thousand clients do not beat together
	tick := time.NewTicker(dripGap)
	defer tick.Stop()
	for range tick.C {
		if _, err := c.Write(p.event); err != nil {
			return err
		}
	}
	return nil
}
