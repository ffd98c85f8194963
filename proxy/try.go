package proxy

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"freefall/fallback"
	"freefall/internal/openai"
	"freefall/internal/upstream"
)

const (
	maxRefusal = 256 << 10 // bytes of an error answer that are read
	maxAnswer  = 64 << 20  // bytes of a whole answer
	maxPrelude = 1 << 20   // bytes held back before the commit point
)

// try makes one attempt, up to the commit point: the reply is open, or says why there is none. It never tries twice.
func (x *exchange) try(a *fallback.Attempt, flow *upstream.Flow) *reply {
	r := x.newReply(a, flow)
	r.answered, r.outcome = r.ask()
	return r
}

func (x *exchange) newReply(a *fallback.Attempt, flow *upstream.Flow) *reply {
	return &reply{exchange: x, attempt: a, flow: flow, begun: a.Begun()}
}

func (r *reply) ask() (answered bool, o fallback.Outcome) {
	x := r.exchange
	r.route = r.attempt.Model.Via.(*Route)
	limit := r.route.Answer
	if x.req.Stream {
		limit = r.route.FirstToken
	}
	until := r.begun.Add(limit)
	if x.deadline.Before(until) {
		until = x.deadline
	}
	r.flow.SetDeadline(until)

	up, err := r.call()
	if err != nil {
		return false, r.transport(err)
	}
	r.up, r.came = up, time.Now()
	r.observe()
	if up.Status/100 != 2 {
		return false, r.refused()
	}
	if x.req.Stream {
		return r.open()
	}
	return r.whole()
}

// call is the only way to a provider. What goes out carries the id of a row that is proven free, and nothing that could widen
// the choice or spend.
func (r *reply) call() (*upstream.Reply, error) {
	x, m, provider := r.exchange, r.attempt.Model, r.route.Provider
	if m.Proof == fallback.Unproven {
		panic("BUG: an unproven model was picked: " + m.ID)
	}
	body, err := x.req.Outgoing(m.ID, r.edits())
	if err != nil {
		return nil, err
	}
	t := x.proxy.transport
	return t.Do(r.flow, &upstream.Request{
		Template: provider.template(t, r.attempt.Key, x.req.Need.Kind, x.req.Stream),
		Body:     body,
		Connect:  r.route.Connect,
	})
}

// edits are those of the dialect, and those that the model's own refusals have taught.
func (r *reply) edits() openai.Edits {
	x, e := r.exchange, r.route.Provider.Edits
	known := x.proxy.quirks.of(r.attempt.Model, r.begun)
	for _, key := range known.names {
		if x.req.Carries(key, e) {
			r.without = append(r.without, key)
		}
	}
	e.Refused = known.names
	if given := x.givenUp(); given != nil {
		e.Refused = append(given, known.names...)
	}
	r.spared = e.Refused
	if x.req.Need.MaxOutput > openai.ShortestAnswer {
		e.MaxAnswer = known.most(&x.req.Need)
		r.most = e.MaxAnswer
	}
	return e
}

// learn notes a key that the model does not know and the request can go without, and the lengths that it grants. This request goes on to
// another one.
func (r *reply) learn(o *fallback.Outcome, body []byte) {
	x := r.exchange
	r.measure(o, body)
	r.recast(o, body)
	if o.Class != fallback.UnsupportedFeature || o.Action != fallback.NextModelNoPenalty {
		return
	}
	knob := openai.RefusedKnob(r.route.Provider.Dialect, r.up.Status, r.up.Header, body)
	if knob == "" || slices.Contains(r.without, knob) || !x.req.Carries(knob, r.route.Provider.Edits) {
		return // a key that was not sent is no reason to leave it out
	}
	x.proxy.quirks.learn(r.attempt.Model, knob, time.Now())
	r.learned = openai.Without(knob)
}

// recast notes a habit of the client that the model does not take, which is never the client's fault: others do, and there is another way to
// say it. The rest of the walk goes that way.
func (r *reply) recast(o *fallback.Outcome, body []byte) {
	x, d := r.exchange, r.route.Provider.Dialect
	if o.Class != fallback.UnsupportedFeature && o.Class != fallback.InvalidRequest {
		return
	}
	name := openai.RefusedHabit(d, r.up.Status, r.up.Header, body, x.req, r.spared)
	if name == "" {
		return
	}
	o.Class, o.Action = fallback.UnsupportedFeature, fallback.NextModelNoPenalty
	if name == "idle keys" {
		o.Feature = fallback.FeatureNone // what says nothing asks for none
	}
	x.proxy.quirks.learn(r.attempt.Model, name, time.Now())
	r.learned = openai.Without(name)
	given := append(x.givenUp(), name)
	x.habits.Store(&given)
}

// givenUp are the habits that models of this walk did not take, in a slice of its own.
func (x *exchange) givenUp() []string {
	if names := x.habits.Load(); names != nil {
		return slices.Clone(*names)
	}
	return nil
}

// measure notes what a refusal says of lengths. That an answer may be too long is never the client's fault: others grant more.
func (r *reply) measure(o *fallback.Outcome, body []byte) {
	asked := r.exchange.req.Need.MaxOutput
	if asked <= openai.ShortestAnswer {
		return
	}
	switch o.Class {
	case fallback.UnsupportedFeature, fallback.InvalidRequest, fallback.ContextLength:
	default:
		return
	}
	if r.most > 0 {
		asked = r.most // what it was asked for: the refusal may repeat that
	}
	g := openai.GrantedBy(r.route.Provider.Dialect, r.up.Status, r.up.Header, body, asked)
	if o.Class == fallback.ContextLength {
		g.Answer = 0 // its numbers are of the request, or of both together
	}
	if g == (openai.Granted{}) {
		return
	}
	r.exchange.proxy.quirks.grants(r.attempt.Model, g, time.Now())
	if g.Answer > 0 {
		r.learned = fmt.Sprintf("for at most %d tokens", g.Answer)
		if o.Action == fallback.OnceThenReturn {
			o.Class, o.Action = fallback.UnsupportedFeature, fallback.NextModelNoPenalty
		}
	}
}

// observe tells the pool what the head says of the provider's windows. Most heads say nothing, and one look at their names
// finds that out.
func (r *reply) observe() {
	if r.up.Mentions("Ratelimit") {
		r.attempt.Observe(r.came, openai.Readings(r.route.Provider.Dialect, r.up.Status, r.up.Sole, r.came))
	}
}

// header is the head for who reads the whole answer.
func (r *reply) header(now time.Time) func(name string) string {
	return openai.Aged(r.up.Header, now.Sub(r.came))
}

// transport is the verdict on an exchange that broke before it was complete. What was never sent was drawn from no window.
func (r *reply) transport(err error) fallback.Outcome {
	o := r.exchange.broken(err)
	if e, ok := errors.AsType[*upstream.Error](err); ok {
		o.Unsent, o.Unreached = !e.Sent, e.Unreached()
	}
	return o
}

// outOfTime is why an attempt was given up that the request's own time did not suffice for.
const outOfTime = "the request's total time was over"

func (x *exchange) broken(err error) fallback.Outcome {
	switch {
	case x.left.Load():
		return fallback.Outcome{Class: fallback.ClientLeft}
	case x.stopped.Load():
		return fallback.Outcome{Class: fallback.Stopped}
	case errors.Is(err, upstream.ErrCancelled):
		return fallback.Outcome{Class: fallback.HedgeLost} // nobody else cancels
	case errors.Is(err, upstream.ErrTimeout) && !time.Now().Before(x.deadline):
		// The request's own time is over: earlier models took it, or this one did; the model's limit was not reached.
		return fallback.Outcome{Class: fallback.Stopped, Message: outOfTime}
	case errors.Is(err, upstream.ErrBusy), errors.Is(err, errFull):
		return fallback.Outcome{Class: fallback.Stopped, Action: fallback.NextModel, Message: err.Error()}
	}
	if errors.Is(err, upstream.ErrTimeout) {
		return fault(fallback.Timeout, err.Error())
	}
	return fault(fallback.UpstreamFault, err.Error())
}

// fault is a failure of the model that no answer spoke of.
func fault(class fallback.Class, message string) fallback.Outcome {
	return fallback.Outcome{Class: class, Scope: fallback.ScopeModel, Action: fallback.NextModel,
		Target: fallback.TargetModel, Until: fallback.UntilBackoff, Message: openai.Clean(message, 300)}
}

// refused reads an answer whose status is no success, and classifies it.
func (r *reply) refused() fallback.Outcome {
	defer r.up.Close()
	defer r.letRoomGo()
	body, err := r.readAll(maxRefusal)
	if err != nil && r.flow.Cancelled() {
		return r.transport(err)
	}
	now := time.Now()
	o, learned := r.exchange.proxy.verdicts.ClassifyAll(r.route.Provider.Dialect, r.up.Status, r.header(now), body, now)
	if err == nil {
		r.attempt.Observe(now, learned)
	}
	if err != nil && (o.Action == fallback.ReturnToClient || o.Action == fallback.OnceThenReturn) {
		return r.transport(err) // nobody is told that the fault is his own by half a sentence
	}
	if err == nil {
		r.learn(&o, body)
	}
	r.listen(&o, body)
	return o
}

// listen keeps the upstream's own words where the client may have to read them.
func (r *reply) listen(o *fallback.Outcome, body []byte) {
	if o.Action == fallback.ReturnToClient || o.Action == fallback.OnceThenReturn {
		e := openai.ClientError(r.up.Status, body)
		e.Message, e.Type, e.Param, e.Code = r.unsaid(e.Message), r.unsaid(e.Type), r.unsaid(e.Param), r.unsaid(e.Code)
		r.refusal = e
	}
}

// whole reads and judges an answer that is not streamed. Its commit point is the end of its body.
func (r *reply) whole() (answered bool, o fallback.Outcome) {
	defer r.up.Close()
	body, err := r.readAll(maxAnswer)
	if err != nil {
		r.letRoomGo()
		return false, r.transport(err)
	}
	now := time.Now()
	body, o = r.exchange.door.judge(r.route.Provider.Dialect, r.up.Status, r.header(now), body, r.attempt.Model.ID, now)
	if o.Class != fallback.OK && !r.exchange.secondEmpty(&o) {
		r.listen(&o, body)
		r.letRoomGo()
		return false, o
	}
	if r.breaksForm(&o, body) {
		r.head = body
		return false, r.outcome
	}
	r.commit = now
	if o.Class == fallback.OK {
		r.attempt.Committed(r.commit)
	}
	r.head, r.state = body, openai.Done
	return true, o
}

// secondEmpty says whether an answer without content is the answer: one other model had the same to say.
func (x *exchange) secondEmpty(o *fallback.Outcome) bool {
	if !openai.IsEmpty(o) {
		return false
	}
	return x.empties.Add(1) > 1
}

// readAll reads the body up to max bytes; one that is larger is an error. A usual one is in r.room, until that is let go.
func (r *reply) readAll(max int) ([]byte, error) {
	out := r.takeRoom()
	for {
		n, err := r.up.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		switch {
		case err == io.EOF:
			return out, nil
		case err != nil:
			return out, err
		case len(out) > max:
			return out, errAnswerTooLarge
		}
		if len(out) == cap(out) {
			out = append(out, 0)[:len(out)]
			r.letRoomGo()
			if !r.keepWhole(cap(out)) {
				return nil, errFull
			}
		}
	}
}

// keepWhole takes room for an answer that has grown to n bytes: many large ones at once are more than there is memory.
func (r *reply) keepWhole(n int) bool {
	if !r.exchange.proxy.answers.take(n - r.kept) {
		return false
	}
	r.exchange.kept.Add(int64(n - r.kept))
	r.kept = n
	return true
}

// forgo gives back room for so many bytes of answers.
func (x *exchange) forgo(n int) {
	x.kept.Add(-int64(n))
	x.proxy.answers.give(n)
}

var errAnswerTooLarge = errors.New("the answer is larger than freefall takes")
