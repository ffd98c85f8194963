package openai

import (
	"bytes"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"freefall/fallback"
)

// State is how far a stream has come.
type State uint8

const (
	Hold    State = iota // nothing yet that the client waits for: what there is stays back
	Content              // the commit point is reached: what comes is passed on
	Done                 // the answer is complete, [DONE] is written
	Failed               // the Outcome says why; nothing more comes
)

var stateNames = [...]string{"hold", "content", "done", "failed"}

func (s State) String() string { return stateNames[s] }

// Verdict is what a stream has come to.
type Verdict struct {
	State State
	// Outcome is set at the end. When Done, its class is OK and it tells the tokens used. IsEmpty of it means that the answer
	// is complete but says nothing.
	Outcome fallback.Outcome
	Quotes  bool // its Message is in the provider's words, which may be the client's
}

// ChatOptions is what the client asked for.
type ChatOptions struct {
	IncludeUsage bool // stream_options.include_usage
	// Quiet says that a failure behind the commit point writes nothing: the caller goes on with another answer, or tells of it with
	// AppendErrorEvent.
	Quiet bool
	Model string // the id that was asked for, which stands where a provider names none
}

const (
	// maxHeld bounds what is held back of an attempt before its first content, in bytes.
	maxHeld = 1 << 20
	// keepAlive stands for the provider's comments, whose text is of no use to the client.
	keepAlive = ": keep-alive\n\n"
	doneEvent = "data: [DONE]\n\n"
)

// ChatStream reads one chat stream of a provider and writes it as clients want it: `data: {...}` events alone, one id and
// created, token counts once and last and only if asked for, one [DONE]. It says when the first content has come (the
// commit point) and what the stream came to. It does no I/O.
//
// Up to the commit point nothing is written: what came before the content is held back and written with it. A failure
// behind the commit point writes one error event, on which SDKs raise, and nothing follows it. Data that is already as it
// should be passes byte for byte.
type ChatStream struct {
	dialect *Dialect
	opt     ChatOptions

	state   State
	outcome fallback.Outcome
	quotes  bool // it is in the provider's words

	held     []byte // frames, before the commit point
	forgiven bool   // one broken line may be
	seen     uint64 // choices that have spoken, one bit each
	bore     uint64 // those that have said something
	finished uint64 // those that have given their finish_reason
	length   bool   // one of them has run out of tokens

	ids   identity
	usage []byte // the chunk that tells the token counts; it goes last
	calls toolCalls
	last  template

	goesOn bool // it follows one that broke off: the client has begun to read
}

// NewChatStream makes a stream of that provider.
func NewChatStream(d *Dialect, opt ChatOptions) *ChatStream {
	return &ChatStream{dialect: d, opt: opt}
}

// Reset makes the stream ready for another answer. It keeps its memory, but for what is large.
func (s *ChatStream) Reset(d *Dialect, opt ChatOptions) {
	s.calls.reset()
	s.last.forget()
	*s = ChatStream{dialect: d, opt: opt, held: emptied(s.held), usage: emptied(s.usage), calls: s.calls, last: s.last}
}

// Continue makes a stream for another provider's answer that goes on where this one broke off. It has the same identity; what comes
// before its content is dropped, and so is its role.
func (s *ChatStream) Continue(d *Dialect) *ChatStream {
	return &ChatStream{dialect: d, opt: ChatOptions{IncludeUsage: s.opt.IncludeUsage}, ids: s.ids, goesOn: true}
}

// Event takes one event and appends to dst what the client is to be sent for it.
func (s *ChatStream) Event(dst []byte, ev Event, now time.Time) ([]byte, Verdict) {
	switch {
	case s.over() || len(ev.Data) == 0 && !ev.Comment:
	case ev.Stray != nil:
		dst = s.stray(dst, ev.Stray, now)
	case ev.Comment:
		if s.state == Content {
			dst = append(dst, keepAlive...)
		}
	case s.state == Content && s.last.fits(ev.Data):
		dst = appendFrame(dst, ev.Data)
	case isDone(ev.Data):
		dst = s.close(dst, "the stream says that it is done, without a finish_reason", now)
	default:
		dst = s.read(dst, ev, now)
	}
	return dst, s.verdict()
}

// End says that the body has ended; cut, that it broke off.
func (s *ChatStream) End(dst []byte, cut bool, now time.Time) ([]byte, Verdict) {
	why := "the stream ended without a finish_reason"
	if cut {
		why = "the stream broke off"
	}
	if !s.over() {
		dst = s.close(dst, why, now)
	}
	return dst, s.verdict()
}

// Abort ends the stream for a reason that it does not tell itself: a stall, a shutdown. An answer that is complete but for
// its [DONE] is good all the same.
func (s *ChatStream) Abort(dst []byte, o fallback.Outcome, now time.Time) ([]byte, Verdict) {
	switch {
	case s.over():
	case s.complete():
		dst = s.close(dst, "", now)
	default:
		dst = s.fail(dst, o)
	}
	return dst, s.verdict()
}

func (s *ChatStream) over() bool { return s.state == Done || s.state == Failed }

// complete says whether every choice that has spoken has given its finish_reason.
func (s *ChatStream) complete() bool { return s.finished != 0 && s.seen&^s.finished == 0 }

func (s *ChatStream) verdict() Verdict {
	if !s.over() {
		return Verdict{State: s.state}
	}
	return Verdict{State: s.state, Outcome: s.outcome, Quotes: s.quotes}
}

// read takes an event with data.
func (s *ChatStream) read(dst []byte, ev Event, now time.Time) []byte {
	c, ok := readChunk(ev.Data)
	if !ok && !utf8.Valid(ev.Data) { // a provider that cuts characters in two
		ev.Data = bytes.ToValidUTF8(ev.Data, []byte("\ufffd"))
		c, ok = readChunk(ev.Data)
	}
	named := string(ev.Name) == "error"
	switch {
	case ok:
		s.noteUsage(ev.Data, &c)
	case !named:
		return s.unread(dst, ev, now)
	}
	if named || c.isError || c.choices <= 0 {
		if out, isError := s.failAsTold(dst, ev.Data, now); isError {
			return out
		}
		if named || c.isError {
			return s.fail(dst, streamFault("the provider sent an error that says nothing"))
		}
	}
	if c.choices <= 0 {
		return dst // nothing in it for the client, who may read choices[0] without looking
	}
	if c.odd {
		m := mender{place: deltaPlace, spoken: s.seen, bore: s.bore, now: now}
		if ev.Data = m.choices(ev.Data); m.broke != "" {
			return s.fail(dst, givenUp(m.broke))
		}
		if c, ok = readChunk(ev.Data); !ok {
			return s.malformed(dst)
		}
	}
	return s.pass(dst, ev.Data, &c, now)
}

// pass sends a chunk on, or holds it back.
func (s *ChatStream) pass(dst, data []byte, c *chunk, now time.Time) []byte {
	asCame := data
	if c.calls || c.finished != 0 {
		var why string
		if data, why = s.calls.follow(data, now); why != "" {
			return s.fail(dst, streamFault(why))
		}
		s.length = s.length || endsFor(data, "length")
	}
	if c.usage {
		data = without(data, "usage")
	}
	if c.noError { // some take whatever has the member for an error
		data = without(data, "error")
	}
	if s.goesOn {
		data = withoutRole(data)
	}
	s.ids.learn(c)
	dst = s.introduce(dst, c.seen&^(s.seen|c.roles))
	if s.seen |= c.seen; c.bearing > 0 {
		s.bore |= c.seen
	}
	s.finished |= c.finished
	switch {
	case s.state == Content:
	case c.bearing > 0:
		dst = s.commit(dst, now)
	case c.finished != 0 && endsFor(data, "content_filter"):
		return s.fail(dst, contentFiltered)
	default:
		return s.hold(dst, data)
	}
	data = s.ids.stamp(data, c)
	if c.plain() && &data[0] == &asCame[0] {
		s.last.learn(data, c.text)
	}
	return appendFrame(dst, data)
}

// close ends the stream where the provider ended it. Without a finish_reason it is half an answer, however politely it
// ended.
func (s *ChatStream) close(dst []byte, why string, now time.Time) []byte {
	if !s.complete() {
		return s.fail(dst, streamFault(why))
	}
	s.ids.settle(now, s.opt.Model)
	if s.state == Hold && s.length && s.outcome.OutputTokens > 0 { // thoughts that are not shown took all the tokens
		dst = s.commit(dst, now)
	}
	if s.state == Hold {
		return s.fail(dst, streamFault(EmptyMessage))
	}
	dst = s.writeEnd(dst)
	s.end(Done, fallback.Outcome{Action: fallback.PassThrough, Status: 200})
	return dst
}

// failAsTold ends the stream for the error that a document tells of, if it does.
func (s *ChatStream) failAsTold(dst, doc []byte, now time.Time) (out []byte, isError bool) {
	o, isError := ClassifyError(s.dialect, doc, now)
	if !isError {
		return dst, false
	}
	s.quotes = true
	return s.fail(dst, o), true
}

// fail ends the stream. The client learns of it when it has part of the answer already.
func (s *ChatStream) fail(dst []byte, o fallback.Outcome) []byte {
	if s.state == Content && !s.opt.Quiet {
		dst = AppendErrorEvent(dst, &o)
	}
	s.end(Failed, o)
	return dst
}

// end sets the outcome and keeps the tokens that were noted.
func (s *ChatStream) end(state State, o fallback.Outcome) {
	o.InputTokens, o.OutputTokens, o.CostUSD = s.outcome.InputTokens, s.outcome.OutputTokens, s.outcome.CostUSD
	s.state, s.outcome = state, o
}

// endsFor says whether a choice of the chunk ends for that reason.
func endsFor(data []byte, reason string) bool {
	found := false
	gjson.GetBytes(data, "choices").ForEach(func(_, choice gjson.Result) bool {
		found = choice.Get("finish_reason").Str == reason
		return !found
	})
	return found
}
