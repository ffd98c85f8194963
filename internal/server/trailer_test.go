package server

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/valyala/fasthttp"
)

// The end of a body that nobody reads comes when the request has been answered, and then belongs to nobody: neither to a request
// that others make meanwhile, nor to the next one.
func TestALateTrailerMeetsNobody(t *testing.T) {
	for name, handle := range map[string]func(*fasthttp.RequestCtx){
		"whole":    echoUnread,
		"streamed": func(ctx *fasthttp.RequestCtx) { Stream(ctx, &tale{parts: []string{"once"}}) },
	} {
		t.Run(name, func(t *testing.T) {
			var look chan struct{}
			inHouse(t, func(s *Server) {
				look = make(chan struct{})
				s.Handle = func(ctx *fasthttp.RequestCtx) {
					if string(ctx.Path()) == "/a" {
						handle(ctx)
						return
					}
					<-look
					if len(ctx.Request.Header.Peek("X-Late")) > 0 {
						t.Errorf("%s has got somebody's trailer: %s", ctx.Path(), &ctx.Request.Header)
					}
					echoUnread(ctx)
				}
			}, func(h *house) {
				late := h.visit()
				defer late.Close()
				_, _ = io.WriteString(late, "GET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: X-Late\r\n\r\n")
				answers := bufio.NewReader(late)
				resp, err := http.ReadResponse(answers, nil)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				synctest.Wait()
				var all [8]net.Conn
				for i := range all {
					all[i] = h.visit()
					defer all[i].Close()
					_, _ = io.WriteString(all[i], "GET /b HTTP/1.1\r\nHost: x\r\n\r\n")
				}
				synctest.Wait()
				_, _ = io.WriteString(late, "0\r\nX-Late: evil\r\n\r\nGET /c HTTP/1.1\r\nHost: x\r\n\r\n")
				synctest.Wait()
				close(look)
				for _, c := range all {
					if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || resp.StatusCode != 200 {
						t.Errorf("another: %v", err)
					}
				}
				if resp, err := http.ReadResponse(answers, nil); err != nil || resp.StatusCode != 200 {
					t.Errorf("the next one: %v", err)
				}
			})
		})
	}
}

func echoUnread(ctx *fasthttp.RequestCtx) { _, _ = ctx.Write(ctx.Path()) }
