package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"freefall/fallback"
	"freefall/internal/openai"
	"freefall/internal/upstream"
)

var errPrelude = errors.New("a stream went on for a megabyte without content")

// open reads a streamed answer up to its commit point: the first event that bears content. What came before it is held
// back, so that a failure can still be hidden.
func (r *reply) open() (answered bool, o fallback.Outcome) {
	first, buf, err := r.sniff()
	if err != nil {
		r.up.Close()
		return false, r.transport(err)
	}
	if notEvents(first) {
		return r.unstreamed(first)
	}
	r.stream = r.newStream()
	r.feed(first)
	if buf != nil {
		readBufs.Put(buf)
	}
	for r.state == openai.Hold {
		err := r.more()
		if err == io.EOF && r.state == openai.Hold {
			r.over(false)
		}
		if err != nil && r.state == openai.Hold {
			r.up.Close()
			return false, r.transport(err)
		}
		if r.held-r.scanner.Pending() > maxPrelude && r.state == openai.Hold {
			r.up.Close()
			return false, r.transport(errPrelude)
		}
	}
	if r.state == openai.Content && r.route.MinRate > 0 {
		if o, ok := r.brisk(); !ok {
			r.up.Close()
			return false, o
		}
	}
	return r.committed()
}

// rateTime is for how long a stream whose content has begun is held back at most, to see how fast it is.
const rateTime = time.Second

// brisk reads on until the stream has said as much as it has to say in a second, or has ended well. What fails until then has not been
// seen by the client either.
func (r *reply) brisk() (o fallback.Outcome, ok bool) {
	until := time.Now().Add(rateTime)
	if r.exchange.deadline.Before(until) {
		until = r.exchange.deadline
	}
	r.flow.SetDeadline(until)
	for r.state == openai.Content && r.said < r.route.MinRate && r.held <= maxPrelude {
		err := r.more()
		switch {
		case err == nil || r.state != openai.Content:
		case err == io.EOF:
			r.over(false)
		case errors.Is(err, upstream.ErrTimeout) && time.Now().Before(r.exchange.deadline):
			return fault(fallback.Timeout, fmt.Sprintf("the stream began with %d characters a second, and min_rate is %d", r.said, r.route.MinRate)), false
		default:
			return r.transport(err), false
		}
	}
	return r.outcome, r.state != openai.Failed
}

// committed gives the reply if its stream has come to content, else the verdict.
func (r *reply) committed() (answered bool, o fallback.Outcome) {
	r.commit = time.Now()
	if r.state == openai.Failed && !r.content {
		r.up.Close()
		if r.before == nil && r.exchange.secondEmpty(&r.outcome) {
			r.head = r.stream.Held(nil)
			return true, r.outcome
		}
		return false, r.outcome
	}
	r.attempt.Committed(r.commit)
	return true, r.outcome
}

// more reads once, and takes what came through the stream machine.
func (r *reply) more() error {
	buf, n, err := r.up.ReadPooled(&readBufs)
	if n > 0 {
		r.feed((*buf)[:n])
		readBufs.Put(buf)
	}
	return err
}

// feed takes the next bytes of the upstream through the stream machine; what the client is to be sent gathers in r.head.
func (r *reply) feed(p []byte) {
	r.makeRoom()
	r.held += len(p)
	now := time.Now()
	r.scanner.Feed(p)
	for r.state == openai.Hold || r.state == openai.Content {
		ev, ok := r.scanner.Next()
		if !ok {
			break
		}
		if !ev.Comment {
			r.spoke = now
		}
		r.take(ev, now)
	}
	if err := r.scanner.Err(); err != nil {
		r.abort(fault(fallback.UpstreamFault, err.Error()))
	}
	if len(r.head) == 0 {
		r.letRoomGo()
	}
}

// abort ends the stream for a reason that it does not tell itself.
func (r *reply) abort(o fallback.Outcome) {
	var v openai.Verdict
	r.head, v = r.stream.Abort(r.head, o, time.Now())
	r.judge(v)
}

func (r *reply) take(ev openai.Event, now time.Time) {
	var v openai.Verdict
	r.head, v = r.stream.Event(r.head, ev, now)
	if ev.Stray != nil { // which says nothing, or is what ended the stream
		ev.Data = ev.Stray
	} else if r.keeps {
		r.keep(ev.Data)
	}
	if r.route.MinRate > 0 && r.commit.IsZero() {
		r.said += openai.Characters(ev.Data)
	}
	r.judge(v)
	r.listen(&r.outcome, ev.Data)
}

// over tells the stream machine that the upstream has ended, cut or by itself.
func (r *reply) over(cut bool) {
	now := time.Now()
	if ev, ok := r.scanner.End(); ok {
		r.take(ev, now)
	}
	if r.state == openai.Hold || r.state == openai.Content {
		var v openai.Verdict
		r.head, v = r.stream.End(r.head, cut, now)
		r.judge(v)
	}
}

func (r *reply) judge(v openai.Verdict) {
	r.state, r.outcome = v.State, v.Outcome
	r.content = r.content || v.State == openai.Content
	r.quoted = r.content && v.Quotes
}

// sniff reads up to the first byte that is not blank: a provider's Content-Type is no proof of what follows. If the bytes stand in a
// buffer of readBufs, it is given too.
func (r *reply) sniff() (first []byte, buf *[]byte, err error) {
	for len(first) <= maxPrelude {
		buf, n, err := r.up.ReadPooled(&readBufs)
		switch {
		case err == io.EOF:
			return first, nil, nil
		case err != nil:
			return nil, nil, err
		case len(first) == 0 && len(unblank((*buf)[:n])) > 0:
			return (*buf)[:n], buf, nil
		}
		begun := len(unblank((*buf)[:n])) > 0
		first = append(first, (*buf)[:n]...)
		readBufs.Put(buf)
		if begun {
			return first, nil, nil
		}
	}
	return nil, nil, errPrelude
}

// unblank is what stands behind white space and a byte order mark.
func unblank(p []byte) []byte { return bytes.TrimLeft(p, "\ufeff \t\r\n") }

// notEvents says whether the first bytes are JSON or HTML, which no event stream begins with.
func notEvents(first []byte) bool {
	first = unblank(first)
	return len(first) > 0 && (first[0] == '{' || first[0] == '[' || first[0] == '<')
}

// unstreamed judges a whole answer where a stream was asked for, and makes a proper stream of a good one.
func (r *reply) unstreamed(first []byte) (answered bool, o fallback.Outcome) {
	defer r.up.Close()
	rest, err := r.readAll(maxAnswer)
	whole := append(bytes.Clone(first), rest...)
	r.letRoomGo()
	if err != nil {
		return false, r.transport(err)
	}
	now := time.Now()
	body, o := openai.Complete(r.route.Provider.Dialect, r.up.Status, r.header(now), whole, r.attempt.Model.ID, now)
	if o.Class != fallback.OK && !r.exchange.secondEmpty(&o) {
		r.listen(&o, body)
		return false, o
	}
	r.head, err = openai.AppendChunks(nil, body, r.exchange.req.IncludeUsage)
	if err != nil {
		return false, r.transport(err)
	}
	if r.breaksForm(&o, body) {
		return false, r.outcome
	}
	if r.before != nil {
		chunks := r.head
		r.head, r.stream = nil, r.newStream()
		r.feed(chunks)
		return r.committed()
	}
	r.state, r.commit = openai.Done, time.Now()
	r.attempt.Committed(r.commit)
	return true, o
}
