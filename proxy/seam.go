package proxy

import (
	"time"

	"freefall/fallback"
	"freefall/internal/openai"
)

// maxText bounds what is kept of an answer for another model to go on from, in bytes. A longer one is not continued.
const maxText = 256 << 10

// newStream reads a provider's stream: from its beginning, or where another one broke off.
func (r *reply) newStream() *openai.ChatStream {
	x, d := r.exchange, r.route.Provider.Dialect
	if r.before != nil {
		return r.before.Continue(d)
	}
	r.keeps = x.settings.Continue && x.req.PlainText()
	r.plain = r.keeps
	return openai.NewChatStream(d, openai.ChatOptions{IncludeUsage: x.req.IncludeUsage, Quiet: r.keeps, Model: r.attempt.Model.ID})
}

// keep takes what an event says, as long as it is text alone.
func (r *reply) keep(data []byte) {
	if !r.plain {
		return
	}
	text, plain := openai.Says(data)
	if r.plain = plain && len(r.text)+len(text) <= maxText; r.plain {
		r.text = append(r.text, text...)
	} else {
		r.text = nil
	}
}

// goOn is called once, when a stream has broken off behind its commit point: it becomes another model's, or ends with an error event.
func (r *reply) goOn() {
	r.keeps = false
	if r.outcome.Class == fallback.ClientLeft {
		return
	}
	if r.plain && len(r.text) > 0 && (r.outcome.Fault() || r.outcome.Limit()) {
		if next := r.exchange.resume(r); next != nil {
			*r = *next
			return
		}
	}
	r.head = openai.AppendErrorEvent(r.head, &r.outcome)
}

// resume looks for a model that goes on from what was said, in a search of its own; nil when nobody does.
func (x *exchange) resume(r *reply) *reply {
	req, err := x.req.Resume(string(r.text))
	if err != nil || x.proxy.draining.Load() || !x.proxy.bodies.take(len(req.Body)) {
		return nil
	}
	x.held += len(req.Body)
	r.drop()
	r.told = true
	x.fail(r)
	x.req, x.walk.Need.Tokens = req, req.Need.Tokens
	x.deadline = time.Now().Add(x.settings.Total)
	x.maxWait, x.walk.Ask.MaxWait = 0, 0
	next := x.rest(r)
	x.logSwitch(nil)
	if next == nil {
		x.proxy.metrics.seams[0].Inc()
		return nil
	}
	x.proxy.metrics.seams[1].Inc()
	x.proxy.logSeam(x, r.attempt.Model, next.attempt.Model, len(r.text))
	x.release()
	return next
}

// rest is the walk on from a seam.
func (x *exchange) rest(r *reply) *reply {
	began := x.commit
	for {
		attempt, _ := x.pick()
		if attempt == nil {
			return nil
		}
		x.attempt = attempt
		next := x.newReply(attempt, r.flow)
		next.before = r.stream
		next.answered, next.outcome = next.ask()
		x.step(attempt.Model.ID, inTrail(&next.outcome).String())
		if next.answered {
			x.won(next)
			x.commit = began
			return next
		}
		x.attempt = nil
		x.fail(next)
		if x.final(next) != nil {
			return nil
		}
	}
}
