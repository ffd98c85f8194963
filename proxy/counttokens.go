package proxy

import (
	"github.com/valyala/fasthttp"

	"freefall/internal/openai"
)

// countTokens says how much a message would be to read, by freefall's own estimate: no model is asked, and nothing is drawn from anybody's share.
func (p *Proxy) countTokens(ctx *fasthttp.RequestCtx, s *Settings, who caller) {
	x := p.begin(ctx, s, who)
	x.door = &messagesDoor
	defer x.release()
	defer p.leave(x)
	if e := x.read(ctx); e != nil {
		refuse(ctx, e)
		ctx.Response.SetBodyRaw(openai.Messages.AppendError(nil, e))
		return
	}
	writeJSON(ctx, fasthttp.StatusOK, map[string]int{"input_tokens": max(x.req.Need.Tokens, 1)})
}
