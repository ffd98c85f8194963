package upstream

import (
	"bytes"
	"io"
	"net"
	"testing"
)

// What one exchange of 1 KB up and 1 KB down costs, the provider included.
func BenchmarkExchange(b *testing.B) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	answer := []byte(length(string(make([]byte, 1024))))
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		buf := make([]byte, 64<<10)
		for n := 0; ; {
			k, err := c.Read(buf[n:])
			if err != nil {
				return
			}
			if n += k; bytes.HasSuffix(buf[:n], []byte("}}")) {
				n = 0
				_, _ = c.Write(answer)
			}
		}
	}()
	t := New(Config{})
	defer t.Close()
	r := &Request{Method: "POST", URL: "http://" + ln.Addr().String() + "/v1/chat/completions", Local: true,
		Body: [3][]byte{make([]byte, 500), make([]byte, 20), append(make([]byte, 500), "}}"...)}}
	buf := make([]byte, 4096)
	var f Flow
	b.ReportAllocs()
	for b.Loop() {
		f.Reset()
		reply, err := t.Do(&f, r)
		if err != nil {
			b.Fatal(err)
		}
		for err == nil {
			_, err = reply.Read(buf)
		}
		if err != io.EOF {
			b.Fatal(err)
		}
		reply.Close()
	}
}

func BenchmarkChunks(b *testing.B) {
	event := bytes.Repeat([]byte("118\r\n"+string(make([]byte, 0x118))+"\r\n"), 25)
	buf := make([]byte, len(event))
	b.SetBytes(int64(len(event)))
	var d chunks
	for b.Loop() {
		copy(buf, event)
		if _, _, err := d.decode(buf); err != nil {
			b.Fatal(err)
		}
	}
}
