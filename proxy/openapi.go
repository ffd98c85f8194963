package proxy

import (
	_ "embed"

	"github.com/valyala/fasthttp"
)

//go:embed openapi.json
var openapiJSON []byte

// openapi answers GET /openapi.json: what there is to ask, for programs.
func (p *Proxy) openapi(ctx *fasthttp.RequestCtx, _ *Settings, _ caller) {
	ctx.Response.Header.SetContentType("application/json")
	ctx.Response.SetBodyRaw(openapiJSON)
}
