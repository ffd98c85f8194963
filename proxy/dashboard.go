package proxy

import (
	"bytes"
	"strings"

	"github.com/valyala/fasthttp"

	"freefall/internal/dashboard"
)

// dashboard serves the page and its files. They say nothing of anybody; what the page shows it asks for like everybody else.
func (p *Proxy) dashboard(ctx *fasthttp.RequestCtx, _ *Settings, _ caller) {
	f := dashboard.Find(string(ctx.Path()))
	if f == nil {
		refuse(ctx, unknownRoute(string(ctx.Path())))
		return
	}
	h := &ctx.Response.Header
	h.Set("Content-Security-Policy", dashboard.Policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache") // kept, and asked for again: after an update no old half of the page meets a new one
	h.Add("Vary", "Accept-Encoding")   // beside what cors says
	h.Set("ETag", f.ETag)
	if known(ctx.Request.Header.Peek("If-None-Match"), f.ETag) {
		ctx.SetStatusCode(fasthttp.StatusNotModified)
		h.SetNoDefaultContentType(true)
		return
	}
	h.SetContentType(f.Type)
	body := f.Body
	if len(f.Gzip) < len(f.Body) && ctx.Request.Header.HasAcceptEncoding("gzip") {
		h.Set("Content-Encoding", "gzip")
		body = f.Gzip
	}
	ctx.Response.SetBodyRaw(body)
}

// known says whether one of the tags in If-None-Match is that one, or any will do.
func known(tags []byte, tag string) bool {
	for one := range bytes.SplitSeq(tags, []byte(",")) {
		if one := strings.TrimPrefix(string(bytes.TrimSpace(one)), "W/"); one == tag || one == "*" {
			return true
		}
	}
	return false
}
