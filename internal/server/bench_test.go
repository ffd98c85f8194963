package server

import (
	"bufio"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// What it costs to look at the head that an SDK sends, beside what the codec makes of it.
func BenchmarkHead(b *testing.B) {
	text := "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost:8000\r\nAccept: application/json\r\nContent-Type: application/json\r\n" +
		"User-Agent: OpenAI/Python 1.99.1\r\nX-Stainless-Lang: python\r\nX-Stainless-Package-Version: 1.99.1\r\nX-Stainless-OS: Linux\r\n" +
		"X-Stainless-Arch: x64\r\nX-Stainless-Runtime: CPython\r\nAuthorization: Bearer sk-0123456789abcdef\r\nX-Stainless-Async: false\r\n" +
		"x-stainless-retry-count: 0\r\nx-stainless-read-timeout: 600\r\nAccept-Encoding: gzip, deflate\r\nContent-Length: 1024\r\n\r\n"
	from := strings.NewReader("")
	br := bufio.NewReaderSize(from, 16<<10)
	var h fasthttp.RequestHeader
	for name, read := range map[string]func() error{
		"look":  func() error { _, err := awaitHead(br); return err },
		"codec": func() error { return h.Read(br) },
		"both": func() error {
			f, err := awaitHead(br)
			if err == nil {
				err = h.Read(br)
			}
			if err == nil {
				err = check(&h, f)
			}
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				from.Reset(text)
				br.Reset(from)
				if err := read(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
