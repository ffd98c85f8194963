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
func unreadable(ctx *fasthttp.RequestCtx, err error) {
	if errors.Is(err, server.ErrFull) { // others wait at the door: this one's request is not waited for
		refuse(ctx, &openai.Error{Status: 503, Type: "server_error", Code: "busy", Message: "too many connections at once; try again in a moment"})
		return
	}
	linger(ctx)
	e := &openai.Error{Status: 400, Type: "invalid_request_error", Code: "bad_request", Message: "the request is no valid HTTP"}
	switch {
	case isTooLargeHead(err):
		e.Status, e.Code, e.Message = 431, "headers_too_large", "the request's headers are larger than 16 KiB"
	case isTimeout(err):
		e = tooSlow()
	}
	refuse(ctx, e)
}
