package proxy

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/valyala/fasthttp"

	"freefall/fallback"
	"freefall/internal/openai"
	"freefall/internal/server"
	"freefall/internal/upstream"
)

// reply is one attempt, and past the commit point its answer: what was held back, and for a stream the rest to come. That ends the
// attempt and the exchange in Close, which the server calls once on every path.
type reply struct {
	exchange *exchange
	attempt  *fallback.Attempt
	flow     *upstream.Flow
	begun    time.Time // when it was sent
	route    *Route
	up       *upstream.Reply
	came     time.Time // its head
	answered bool
	commit   time.Time
	refusal  *openai.Error // a client's fault in the upstream's own words
	without  []string      // keys that it does without, because the model has refused them
	spared   []string      // likewise, and what other models of the same walk have refused
	most     int           // tokens of the answer, where the client allows more than the model grants
	learned  string        // how the model is asked from now on, if it has just said so
	misfit   bool          // it breaks the form that was asked for

	stream  *openai.ChatStream // nil for a whole answer
	scanner openai.Scanner
	state   openai.State
	outcome fallback.Outcome
	content bool    // the commit point was reached
	head    []byte  // what the client is to be sent next
	room    *[]byte // behind head, if it is from outBufs
	held    int     // bytes read before the commit point
	kept    int     // bytes of the budget of answers
	said    int     // characters of content before it, where there is a MinRate
	quoted  bool    // what ended the stream are words of the provider
	ended   bool
	spoke   time.Time // when an event other than a comment last came

	keeps  bool               // what was said is kept, for another model to go on from if this one breaks off
	plain  bool               // that is text alone
	text   []byte             // what was said
	before *openai.ChatStream // what this one goes on from
	told   bool               // its attempt has ended
}

// send hands the reply to the server.
func (x *exchange) send(ctx *fasthttp.RequestCtx, r *reply) {
	h := &ctx.Response.Header
	x.describe(h)
	ctx.SetStatusCode(fasthttp.StatusOK)
	if !x.req.Stream {
		h.SetContentType("application/json")
		if answer := x.worded(r.head); r.room == nil {
			ctx.Response.SetBodyRaw(answer)
		} else {
			ctx.Response.SetBody(answer) // a copy: others need the room
			r.letRoomGo()
		}
		_ = r.Close()
		return
	}
	if !r.keeps {
		x.release() // the body will not be sent again
	}
	h.SetContentType("text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no")
	r.up.LetHeadGo()
	server.Stream(ctx, x.streamed(r))
}

// WriteTo relays the stream to its end.
func (r *reply) WriteTo(w io.Writer) (n int64, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			r.exchange.proxy.logPanic(r.exchange.id, cause)
			r.exchange.panicked.Store(true)
			r.outcome, err = fallback.Outcome{Class: fallback.Stopped}, io.ErrUnexpectedEOF
		}
	}()
	r.spoke = time.Now()
	for {
		if len(r.head) > 0 {
			m, err := w.Write(r.head)
			r.letRoomGo()
			n += int64(m)
			if err != nil {
				r.state, r.outcome = openai.Failed, fallback.Outcome{Class: fallback.ClientLeft}
				return n, err
			}
		}
		if r.state == openai.Failed && r.keeps {
			r.goOn()
			r.spoke = time.Now()
			continue
		}
		if r.state != openai.Content {
			return n, nil
		}
		r.next()
	}
}

// next reads once. Silence is bounded by the route's idle time; comments alone stretch it to three times.
func (r *reply) next() {
	until := time.Now().Add(r.route.Idle)
	if last := r.spoke.Add(3 * r.route.Idle); last.Before(until) {
		until = last
	}
	r.flow.SetDeadline(until)
	err := r.more()
	if err == nil || r.state != openai.Content {
		return
	}
	if r.exchange.left.Load() {
		r.state, r.outcome = openai.Failed, fallback.Outcome{Class: fallback.ClientLeft}
		return
	}
	if err == io.EOF || !r.exchange.stopped.Load() && !errors.Is(err, upstream.ErrTimeout) {
		r.over(err != io.EOF)
		return
	}
	o := fault(fallback.Timeout, "the stream went silent")
	if r.exchange.stopped.Load() {
		o = fallback.Outcome{Class: fallback.Stopped, Message: "freefall is stopping"}
	}
	r.abort(o)
}

// Close ends the attempt and the exchange.
func (r *reply) Close() error {
	if r.ended {
		return nil
	}
	r.ended = true
	x := r.exchange
	if r.state == openai.Content || r.state == openai.Hold {
		r.outcome = fallback.Outcome{Class: fallback.ClientLeft} // the server stopped before the end of the stream
	}
	if r.stream != nil && r.state == openai.Done {
		r.drain()
	}
	_ = r.up.Close()
	x.attempt = nil
	now := time.Now()
	if r.told {
		x.end(now, fasthttp.StatusOK, &r.outcome)
		return nil
	}
	switch {
	case x.req != nil:
		r.outcome.Message = discreet(r.unsaid(r.outcome.Message), x.req.Body)
	case r.quoted: // and the request is not there any more to compare them with
		r.outcome.Message = "an error within the stream"
	}
	r.checkCost()
	effect := x.proxy.ended(now, r.attempt, r.outcome)
	x.proxy.metrics.attempt(r.attempt.Model, &r.outcome)
	var ttft time.Duration
	if r.outcome.Class == fallback.OK {
		ttft = r.commit.Sub(r.begun)
		x.proxy.metrics.first(r.attempt.Model, ttft)
	}
	x.proxy.history.Count(now, r.attempt.Model, &r.outcome, ttft, x.fellOver())
	x.record.attempt(x, now, r.attempt, &r.outcome, &effect, ttft)
	x.proxy.logAnswer(r, effect)
	x.end(now, fasthttp.StatusOK, &r.outcome)
	return nil
}

// drop closes the connection of an answer that nobody gets.
func (r *reply) drop() {
	if r.up != nil {
		_ = r.up.Close()
	}
}

// checkCost parks a model whose answer cost money although it was proven free: the proof was wrong, whoever gave it.
func (r *reply) checkCost() {
	m, cost := r.attempt.Model, r.outcome.CostUSD
	if cost <= 0 || m.Proof == fallback.AllowedPaid {
		return
	}
	r.exchange.proxy.logSpend(r.exchange.id, m, cost)
	r.outcome = fallback.Outcome{Class: fallback.NotFree, Scope: fallback.ScopeModel, Action: fallback.PassThrough, Target: fallback.TargetModel,
		Until: fallback.UntilForever, CostUSD: cost, InputTokens: r.outcome.InputTokens, OutputTokens: r.outcome.OutputTokens,
		Message: fmt.Sprintf("an answer cost %g USD", cost)}
}

// drain reads the end of a complete stream, so that its connection can be used again. What lets wait or has more to say is
// not worth it.
func (r *reply) drain() {
	r.flow.SetDeadline(time.Now().Add(20 * time.Millisecond))
	var rest [512]byte
	for range 4 {
		if _, err := r.up.Read(rest[:]); err != nil {
			return
		}
	}
}
