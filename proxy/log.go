package proxy

import (
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"freefall/fallback"
	"freefall/internal/openai"
)

// Every line that the proxy writes. The three phrases `Switching from A to B`, `Rate limit ...` and `Model A failed ...` stand
// in the text itself: people grep for them.

// failure is a failed attempt that waits to be logged together with where the walk went next.
type failure struct {
	model   *fallback.Model
	outcome fallback.Outcome
	effect  fallback.Effect
	learned string // how it is asked from now on
}

// logSwitch writes the line of the last failed attempt, if there is one, with the model that is asked next.
func (x *exchange) logSwitch(next *fallback.Attempt) {
	f := x.pending
	if f.model == nil {
		return
	}
	x.pending = failure{}
	text := f.text()
	if next != nil && next.Model != f.model {
		text += ". Switching from " + f.model.ID + " to " + next.Model.ID
		x.proxy.events.switched(x, &f, next.Model, text)
	}
	e := x.proxy.log.Warn()
	switch f.outcome.Class {
	case fallback.ClientLeft, fallback.Stopped, fallback.HedgeLost:
		e = x.proxy.log.Info()
	}
	e = e.Str("request", x.id).Str("model", f.model.ID).Str("provider", f.model.Provider).
		Str("outcome", f.outcome.Class.String()).Int("status", f.outcome.Status).Int("failure_count", f.effect.FailureCount)
	if f.effect.Rested != fallback.TargetNone {
		e = e.Str("rests", f.effect.Rested.String())
		if !f.effect.Until.IsZero() {
			e = e.Time("until", f.effect.Until.UTC())
		}
	}
	e.Msg(text)
}

// logWait says at debug what a request begins to wait for: each is one line more for a request, and there may be many.
func (x *exchange) logWait(now, until time.Time) {
	e := x.proxy.log.Debug()
	if !e.Enabled() {
		return
	}
	left := x.proxy.pool.Exhausted(now, x.walk)
	e.Str("request", x.id).Time("until", until.UTC()).Msg("Waits for a limit to end; next: " + next(&left, now))
}

func (f *failure) text() string {
	detail := f.outcome.Message
	if detail == "" {
		detail = f.outcome.Class.String()
	}
	switch {
	case f.outcome.Class == fallback.ClientLeft:
		return "Client left while " + f.model.ID + " was asked"
	case f.outcome.Class == fallback.HedgeLost:
		return "Attempt at " + f.model.ID + " given up: another one has answered"
	case f.outcome.Class == fallback.Stopped:
		return "Attempt at " + f.model.ID + " given up: " + detail
	case f.outcome.Limit():
		return "Rate limit on " + f.model.ID + ": " + detail
	}
	if f.learned != "" {
		detail += "; from now on it is asked " + f.learned
	}
	return "Model " + f.model.ID + " failed: " + detail
}

// logAnswer writes the line of the attempt that the client was given.
func (p *Proxy) logAnswer(r *reply, effect fallback.Effect) {
	x, m, o := r.exchange, r.attempt.Model, &r.outcome
	if o.Class != fallback.OK {
		x.pending = failure{model: m, outcome: *o, effect: effect}
		x.logSwitch(nil)
		return
	}
	e := p.log.Info().Str("request", x.id).Str("model", m.ID).Str("provider", m.Provider).Str("outcome", "ok")
	e = lasted(e, "ttft", x.commit.Sub(x.started)).Int("failure_count", effect.FailureCount)
	if effect.Available {
		e = e.Bool("available_again", true)
	}
	text := "Model " + m.ID + " answered"
	if len(r.without) > 0 {
		text += "; it was asked " + openai.Without(r.without[0]) + ", which it refuses"
		e = e.Strs("refused", r.without)
	}
	if r.most > 0 {
		text += fmt.Sprintf("; it was asked for at most %d tokens, since it grants no more", r.most)
	}
	e.Msg(text)
}

// logSeam says where an answer has a seam: its first part is of one model, the rest of another.
func (p *Proxy) logSeam(x *exchange, from, to *fallback.Model, bytes int) {
	p.log.Warn().Str("request", x.id).Str("model", to.ID).Str("provider", to.Provider).Str("from", from.ID).Int("said_bytes", bytes).
		Msg("The answer of " + from.ID + " broke off and goes on from " + to.ID)
}

// logRequest writes the line of a request. o is nil when no answer was begun.
func (p *Proxy) logRequest(x *exchange, status int, o *fallback.Outcome, took time.Duration) {
	e := p.log.Info().Str("request", x.id).Int("status", status).Int("attempts", x.walk.Attempts()).Bytes("trail", x.trail)
	e = lasted(e, "took", took)
	if x.waited > 0 {
		e = lasted(e, "waited", x.waited)
	}
	if x.who.name != "" {
		e = e.Str("client", x.who.name)
	}
	if o != nil && o.InputTokens+o.OutputTokens > 0 {
		e = e.Int("input_tokens", o.InputTokens).Int("output_tokens", o.OutputTokens)
	}
	if o != nil && o.Class != fallback.OK {
		e = e.Str("outcome", o.Class.String())
	}
	e.Msg("Request")
}

// logSettled says that an answer was given although it broke the form that was asked for.
func (p *Proxy) logSettled(x *exchange) {
	p.log.Warn().Str("request", x.id).Str("model", x.model.ID).Str("provider", x.model.Provider).
		Msg("The answer of " + x.model.ID + " is given all the same (" + x.misfit.outcome.Message + "): nobody has a better one")
}

// logOperation is the line of what a person did to a model, and from where.
func (p *Proxy) logOperation(ctx *fasthttp.RequestCtx, who caller, provider, id, done string) {
	by := "this machine"
	if who.admin {
		by = "the admin key"
	}
	p.log.Info().Str("model", id).Str("provider", provider).Str("by", by).Str("remote", ctx.RemoteAddr().String()).
		Msg("Model " + id + " " + done + " by " + by)
}

// logLogin is the line of a try to log in, and from where.
func (p *Proxy) logLogin(ctx *fasthttp.RequestCtx, good bool) {
	if good {
		p.log.Info().Str("remote", ctx.RemoteAddr().String()).Msg("The admin key was shown: a session begins")
		return
	}
	p.log.Warn().Str("remote", ctx.RemoteAddr().String()).Msg("A login with a key that is not the admin key")
}

// logSpend is the alarm: freefall promises to cost nothing.
func (p *Proxy) logSpend(id string, m *fallback.Model, usd float64) {
	p.log.Error().Str("request", id).Str("model", m.ID).Str("provider", m.Provider).Float64("cost_usd", usd).
		Msg("SPEND ALARM: " + m.ID + " cost money although it was proven free (" + m.Proof.String() + "); it is parked as not_free")
}

func (p *Proxy) logPanic(id string, cause any) {
	p.log.Error().Str("request", id).Str("cause", fmt.Sprint(cause)).Stack().Msg("Request failed inside freefall")
}

// seldom keeps what comes about again and again from being said each time.
type seldom struct{ said atomic.Pointer[time.Time] }

// may says whether it may be said now: once a minute.
func (s *seldom) may() bool {
	now, said := time.Now(), s.said.Load()
	return (said == nil || now.Sub(*said) >= time.Minute) && s.said.CompareAndSwap(said, &now)
}

// logTLS says that somebody speaks TLS to the plain port, which its user cannot see: TLS has no words for it.
func (p *Proxy) logTLS(client net.Addr) {
	if p.saidTLS.may() {
		p.log.Warn().Stringer("client", client).Msg("A client speaks TLS, but this port speaks plain HTTP: its address must begin with http://")
	}
}

// logFull says that clients are turned away.
func (p *Proxy) logFull() {
	if p.saidFull.may() {
		p.log.Warn().Int("connections", p.server.Open()).Msg("Too many connections: newcomers are turned away with 503")
	}
}
