package server

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"
)

// When it is full, those that have said nothing for long make room, and nobody else does.
func TestRoom(t *testing.T) {
	inHouse(t, func(s *Server) {
		s.MaxConns = 3
		s.Handle = func(ctx *fasthttp.RequestCtx) {
			if string(ctx.Path()) == "/slow" {
				time.Sleep(5 * time.Second)
			}
			echo(ctx)
		}
	}, func(h *house) {
		var first, second, busy net.Conn
		for _, c := range []*net.Conn{&first, &second, &busy} {
			*c = h.visit()
			defer (*c).Close()
		}
		_, _ = io.WriteString(busy, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
		synctest.Wait()
		if got := brief(h.said("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")); got != "400 close END" {
			t.Errorf("while all are fresh: %q", got)
		}
		time.Sleep(restful)
		_, _ = io.WriteString(second, "GET /b HTTP/1.1\r\nHost: x\r\n\r\n")
		synctest.Wait()
		if got := brief(h.said("GET /c HTTP/1.1\r\nHost: x\r\n\r\n")); got != "200 [GET /c 0 ]" {
			t.Errorf("later: %q", got)
		}
		if _, err := first.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the first is still there: %v", err)
		}
		for name, c := range map[string]net.Conn{"/b": second, "/slow": busy} {
			if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || resp.StatusCode != 200 {
				t.Errorf("who asked for %s: %v", name, err)
			}
		}
	})
}
