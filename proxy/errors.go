package proxy

import (
	"errors"

	"github.com/valyala/fasthttp"

	"freefall/internal/openai"
	"freefall/internal/server"
)

// refuse answers with OpenAI's error object.
func refuse(ctx *fasthttp.RequestCtx, e *openai.Error) {
	ctx.SetStatusCode(e.Status)
	ctx.Response.Header.SetContentType("application/json")
	if e.Status == 401 {
		ctx.Response.Header.Set("WWW-Authenticate", "Bearer")
	}
	ctx.Response.SetBodyRaw(e.Append(nil))
}

func tooSlow() *openai.Error {
	return &openai.Error{Status: 408, Type: "invalid_request_error", Code: "request_timeout", Message: "the request came too slowly"}
}

func wrongMethod(ctx *fasthttp.RequestCtx, allow string) {
	ctx.Response.Header.Set("Allow", allow)
	refuse(ctx, &openai.Error{Status: 405, Type: "invalid_request_error", Code: "method_not_allowed",
		Message: "this path takes " + allow})
}

// unreadable answers what is no request.
func (p *Proxy) unreadable(ctx *fasthttp.RequestCtx, err error) {
	if errors.Is(err, server.ErrFull) { // others wait at the door: this one's request is not waited for
		p.logFull()
		refuse(ctx, &openai.Error{Status: 503, Type: "server_error", Code: "busy", Message: "too many connections at once; try again in a moment"})
		return
	}
	if errors.Is(err, server.ErrTLS) {
		p.logTLS(ctx.RemoteAddr())
	}
	linger(ctx)
	refuse(ctx, mistake(err))
}

// mistake says what is wrong with what is no request.
func mistake(err error) *openai.Error {
	e := &openai.Error{Status: 400, Type: "invalid_request_error", Code: "bad_request", Message: "the request is no valid HTTP/1.1"}
	switch {
	case errors.Is(err, server.ErrTLS):
		e.Message = "this port speaks plain HTTP: begin the address with http://, or put a server that speaks TLS before it"
	case errors.Is(err, server.ErrVersion):
		e.Status, e.Code, e.Message = 505, "http_version_not_supported", "freefall speaks HTTP/1.1 and HTTP/1.0"
	case errors.Is(err, server.ErrTargetSize):
		e.Status, e.Code, e.Message = 414, "target_too_long", "the address is longer than 16 KiB"
	case errors.Is(err, server.ErrHeadSize):
		e.Status, e.Code, e.Message = 431, "headers_too_large", "the request's headers are larger than 16 KiB"
	case errors.Is(err, server.ErrCompressed):
		e.Code, e.Message = "compressed_body", "send the body plain: freefall reads none that is compressed (Content-Encoding)"
	case errors.Is(err, server.ErrAmbiguous):
		e.Message = "end each line of the head in CR LF, begin none with a blank, name one host and nothing else before the path, and send the body with either Content-Length or chunks"
	case isTimeout(err):
		return tooSlow()
	}
	return e
}
