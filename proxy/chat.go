package proxy

import (
	"time"

	"github.com/valyala/fasthttp"

	"freefall/fallback"
	"freefall/internal/openai"
)

// answer answers a request that came in by that door.
func (p *Proxy) answer(ctx *fasthttp.RequestCtx, s *Settings, who caller, d *door) {
	x := p.begin(ctx, s, who)
	x.door = d
	defer x.recovered(ctx)
	if p.draining.Load() {
		linger(ctx)
		x.refuse(ctx, stopping())
		return
	}
	if e := x.read(ctx); e != nil {
		x.refuse(ctx, e)
		return
	}
	if e := x.admit(); e != nil {
		x.refuse(ctx, e)
		return
	}
	x.attend(ctx)
	switch reply, e := x.search(); {
	case reply != nil:
		x.send(ctx, reply) // the commit point: from here the client sees this model's answer
	case x.misfit != nil && x.over() == nil:
		x.settle(ctx)
	default:
		x.refuse(ctx, e)
	}
}

// read takes the body and what it asks for.
func (x *exchange) read(ctx *fasthttp.RequestCtx) *openai.Error {
	body, e := x.readBody(ctx)
	if e != nil {
		return e
	}
	if e := x.parse(body); e != nil {
		return e
	}
	if !x.proxy.pool.Known(x.req.Model) {
		return &openai.Error{Status: 404, Type: "invalid_request_error", Param: "model", Code: "model_not_found",
			Message: "there is no chain " + openai.Clean(x.req.Model, 100) + "; GET /v1/models lists the names"}
	}
	return x.wish(&ctx.Request.Header)
}

// search is the walk: pick, try, and pick again until an answer has begun or nobody is left. It is the only one.
func (x *exchange) search() (*reply, *openai.Error) {
	for {
		attempt, e := x.pick()
		if attempt == nil {
			return nil, e
		}
		reply, e := x.ask(attempt)
		if reply != nil || e != nil {
			return reply, e
		}
	}
}

// ask makes one try. Neither a reply nor an error means that the walk goes on.
func (x *exchange) ask(a *fallback.Attempt) (*reply, *openai.Error) {
	if after, ok := x.hedgeAfter(a); ok {
		return x.hedged(a, after)
	}
	x.attempt = a
	r := x.try(a, &x.flows[0])
	if r.answered {
		x.step(a.Model.ID, fallback.OK.String())
		return x.won(r), nil
	}
	x.attempt = nil
	x.step(a.Model.ID, inTrail(&r.outcome).String())
	x.fail(r)
	return nil, x.final(r)
}

// won makes a reply the one that the client gets.
func (x *exchange) won(r *reply) *reply {
	x.attempt, x.model, x.commit = r.attempt, r.attempt.Model, r.commit
	return r
}

// pick is the next attempt, be it after a wait, or why there is none.
func (x *exchange) pick() (*fallback.Attempt, *openai.Error) {
	var attempt *fallback.Attempt
	for ok := false; !ok; {
		now := time.Now()
		if !now.Before(x.deadline) {
			return nil, x.exhausted(now)
		}
		var some bool
		if attempt, some = x.proxy.pool.Pick(now, x.walk); !some {
			attempt, some = x.wait(now)
		}
		ok = !some || x.granted(attempt)
	}
	x.logSwitch(attempt)
	if attempt != nil {
		return attempt, nil
	}
	if e := x.over(); e != nil {
		return nil, e
	}
	return nil, x.exhausted(time.Now())
}

// over is the answer if nobody waits for another one any more.
func (x *exchange) over() *openai.Error {
	switch {
	case x.left.Load():
		return &openai.Error{Status: 499, Type: "invalid_request_error", Code: "client_left", Message: "the client closed the connection"}
	case x.stopped.Load():
		return stopping()
	}
	return nil
}

// final is the answer if the outcome ends the walk: nobody waits for it, or no other model can cure it.
func (x *exchange) final(r *reply) *openai.Error {
	m, o := r.attempt.Model, &r.outcome
	if e := x.over(); e != nil {
		return e
	}
	switch {
	case o.Action == fallback.ReturnToClient:
		x.model, x.refusal = m, r.refusal
		return x.refusal
	case o.Action == fallback.OnceThenReturn && x.ambiguous != nil:
		return x.unsure()
	case o.Action == fallback.OnceThenReturn:
		x.ambiguous, x.doubter = r.refusal, m
		x.walk.Avoid(m.Provider)
	}
	return nil
}

// unsure is the first ambiguous refusal, with the model that gave it.
func (x *exchange) unsure() *openai.Error {
	x.model = x.doubter
	return x.ambiguous
}

func stopping() *openai.Error {
	return &openai.Error{Status: 503, Type: "server_error", Code: "stopping", Message: "freefall is stopping; try again in a second"}
}

// fail ends an attempt that gave nothing and remembers it for the log.
func (x *exchange) fail(r *reply) {
	x.forgo(r.kept)
	a, o := r.attempt, r.outcome
	if x.first == nil && o.Class != fallback.HedgeLost {
		x.first = a.Model
	}
	o.Message = r.unsaid(o.Message)
	if x.req != nil {
		o.Message = discreet(o.Message, x.req.Body)
	}
	if r.misfit {
		x.misfit = r
	}
	x.taught = x.taught || r.learned != ""
	now := time.Now()
	effect := x.proxy.ended(now, a, o)
	x.proxy.metrics.attempt(a.Model, &o)
	x.proxy.history.Count(now, a.Model, &o, 0, false)
	x.record.attempt(x, now, a, &o, &effect, 0)
	x.proxy.events.touch()
	x.pending = failure{model: a.Model, outcome: o, effect: effect, learned: r.learned}
	if o.Limit() && effect.Rested == fallback.TargetAccount && x.proxy.doubt != nil {
		x.proxy.doubt(a.Model.Provider, a.Model.Keys[a.Key].Account)
	}
}

// refuse ends the exchange with an error.
func (x *exchange) refuse(ctx *fasthttp.RequestCtx, e *openai.Error) {
	x.logSwitch(nil)
	if e != x.refusal && e != x.ambiguous {
		x.record.code = e.Code // a provider's own could say anything
	}
	x.describe(&ctx.Response.Header)
	refuse(ctx, e)
	if x.door.api != nil {
		ctx.Response.SetBodyRaw(x.door.api.AppendError(nil, e))
	}
	x.advise(&ctx.Response.Header, e)
	x.end(time.Now(), e.Status, nil)
}

// recovered answers for a panic: the process goes on, the request is told.
func (x *exchange) recovered(ctx *fasthttp.RequestCtx) {
	if cause := recover(); cause != nil {
		x.panicked.Store(true)
		x.proxy.logPanic(x.id, cause)
		if x.attempt != nil {
			o := fallback.Outcome{Class: fallback.Stopped, Message: "freefall failed"}
			x.step(x.attempt.Model.ID, o.Class.String())
			x.fail(&reply{attempt: x.attempt, outcome: o})
		}
		x.refuse(ctx, &openai.Error{Status: 500, Type: "server_error", Code: "internal_error",
			Message: "freefall failed on this request; its log has request id " + x.id})
	}
}
