package proxy

import (
	"time"

	"github.com/valyala/fasthttp"

	"freefall/fallback"
)

// breaksForm says whether a good whole answer is to be put aside because it breaks the form that was asked for. One is for each
// request: what the second model gives is the answer, as with empty ones. A model that cannot keep to a form is not ill, so this
// is a mismatch with the request and counts for nothing. An answer that cost money parks its model all the same.
func (r *reply) breaksForm(o *fallback.Outcome, body []byte) bool {
	x := r.exchange
	if !x.settings.Validate || o.Class != fallback.OK || x.misfits.Load() > 0 {
		return false
	}
	how := x.req.Breaks(body)
	if how == "" || x.misfits.Add(1) > 1 {
		return false
	}
	r.misfit, r.outcome = true, *o
	r.outcome.Class, r.outcome.Scope, r.outcome.Action = fallback.UnsupportedFeature, fallback.ScopeRequest, fallback.NextModelNoPenalty
	r.outcome.Message = how
	r.checkCost()
	return true
}

// settle gives the client the answer that was put aside, because nobody has a better one. Its attempt has ended long ago.
func (x *exchange) settle(ctx *fasthttp.RequestCtx) {
	x.logSwitch(nil)
	r := x.misfit
	x.model, x.commit = r.attempt.Model, time.Now()
	h := &ctx.Response.Header
	x.describe(h)
	ctx.SetStatusCode(fasthttp.StatusOK)
	h.SetContentType("application/json")
	if x.req.Stream {
		h.SetContentType("text/event-stream; charset=utf-8")
		h.Set("Cache-Control", "no-cache")
	}
	ctx.Response.SetBodyRaw(x.worded(r.head))
	x.proxy.logSettled(x)
	x.end(x.commit, fasthttp.StatusOK, &fallback.Outcome{Class: fallback.OK, Status: fasthttp.StatusOK,
		InputTokens: r.outcome.InputTokens, OutputTokens: r.outcome.OutputTokens})
}
