package fakellm

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Kind names what a step answers. Its values are the words of /control.
type Kind string

// The kinds of steps.
const (
	KindOK       Kind = "ok"       // a good answer, whole or streamed as asked
	KindSlow     Kind = "slow"     // the same, paced by head, first and gap
	KindTools    Kind = "tools"    // tool calls, asked for or not
	KindJSON     Kind = "json"     // JSON text by the schema of the request, asked for or not
	KindGzip     Kind = "gzip"     // a good answer compressed without being asked
	KindHuge     Kind = "huge"     // a good answer with one event of so many bytes
	KindInterim  Kind = "interim"  // a good answer after so many 1xx heads
	KindEmpty    Kind = "empty"    // a well-formed completion without a word
	KindSample   Kind = "sample"   // a recorded answer, byte for byte
	KindRaw      Kind = "raw"      // status, headers and body as given, cut into packets
	KindWire     Kind = "wire"     // body straight on the socket, then the connection closes
	KindLimit    Kind = "limit"    // good answers up to a limit, 429 beyond
	KindFault    Kind = "fault"    // a status of failure
	KindError200 Kind = "error200" // an error object under status 200
	KindCut      Kind = "cut"      // a good answer that breaks after some events
	KindHang     Kind = "hang"     // nothing comes, or nothing more
	KindRedirect Kind = "redirect" // 307 to another place
)

var kinds = []Kind{KindOK, KindSlow, KindTools, KindJSON, KindGzip, KindHuge, KindInterim, KindEmpty, KindSample, KindRaw,
	KindWire, KindLimit, KindFault, KindError200, KindCut, KindHang, KindRedirect}

// How names the way in which an answer breaks (KindCut) or stays away (KindHang).
type How string

// The ways to break and to hang.
const (
	Close        How = "close"         // the connection closes within the body
	Reset        How = "reset"         // the connection is reset
	Stall        How = "stall"         // silence, the connection stays open
	Garble       How = "garble"        // half an event, then a clean end
	BrokenLine   How = "broken_line"   // one event of broken JSON, then all goes on
	End          How = "end"           // a clean end without finish_reason and [DONE]
	ErrorEvent   How = "error"         // an event with a top-level error beside its choices
	ErrorBare    How = "error_bare"    // an event that is an error and nothing else
	ErrorEmpty   How = "error_empty"   // an error beside empty choices
	ErrorChoice  How = "error_choice"  // an error within choices[0]
	ErrorNamed   How = "error_named"   // Anthropic's "event: error"
	NoHead       How = "head"          // no status line ever
	Silence      How = "silence"       // a head, then nothing
	CommentsOnly How = "comments_only" // a head, then comments for ever
)

var (
	cuts  = []How{Close, Reset, Stall, Garble, BrokenLine, End, ErrorEvent, ErrorBare, ErrorEmpty, ErrorChoice, ErrorNamed}
	hangs = []How{NoHead, Silence, CommentsOnly}
)

// Duration is a time.Duration that JSON writes as "1.5s".
type Duration time.Duration

// MarshalText writes the form of time.Duration.String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads the form of time.ParseDuration.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// Call is one tool call of an answer.
type Call struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"` // a JSON text, or whatever a model might write instead
}

// Step is one line of a script: an answer, and how often it is given. It is data, so that /control can set it too. Fields
// that its kind does not read are ignored.
type Step struct {
	Kind Kind `json:"kind"`

	// The step is played once, Times times, for a while from its first use, or always.
	Times  int      `json:"times,omitempty"`
	For    Duration `json:"for,omitzero"`
	Always bool     `json:"always,omitempty"`

	Head     Duration `json:"head,omitzero"`      // wait before the status line
	First    Duration `json:"first,omitzero"`     // wait between the status line and the first token
	Gap      Duration `json:"gap,omitzero"`       // wait between tokens, packets or comments
	Comments int      `json:"comments,omitempty"` // ": OPENROUTER PROCESSING" lines spread over First

	Text      string  `json:"text,omitempty"`      // the answer instead of the echo
	Reasoning string  `json:"reasoning,omitempty"` // thoughts before it
	Chunks    int     `json:"chunks,omitempty"`    // the text comes in exactly so many content events
	Calls     []Call  `json:"calls,omitempty"`     // of tools: these instead of generated ones
	Cost      float64 `json:"cost,omitempty"`      // usage.cost in USD
	Bytes     int     `json:"bytes,omitempty"`     // of huge
	Count     int     `json:"count,omitempty"`     // of interim

	Sample     string            `json:"sample,omitempty"`      // id in errors.json
	Status     int               `json:"status,omitempty"`      // of raw, fault, redirect, interim
	Headers    map[string]string `json:"headers,omitempty"`     // of raw, and added to fault
	Body       string            `json:"body,omitempty"`        // of raw and wire
	BodyBase64 []byte            `json:"body_base64,omitempty"` // the same for bytes that are no UTF-8
	Packets    []int             `json:"packets,omitempty"`     // offsets at which the body is cut into writes; -1 alone = byte by byte
	Location   string            `json:"location,omitempty"`    // of redirect

	Limit *Limit `json:"limit,omitempty"`

	How   How `json:"how,omitempty"`
	After int `json:"after,omitempty"` // of cut: so many data events come whole before
}

// OK is a good answer.
func OK() Step { return Step{Kind: KindOK} }

// Say is a good answer with this text.
func Say(text string) Step { return Step{Kind: KindOK, Text: text} }

// Slow is a good answer that takes its time before the head, before the first token and between tokens.
func Slow(head, first, gap time.Duration) Step {
	return Step{Kind: KindSlow, Head: Duration(head), First: Duration(first), Gap: Duration(gap)}
}

// Tools is an answer that makes these calls, or calls each tool of the request when none are given.
func Tools(calls ...Call) Step { return Step{Kind: KindTools, Calls: calls} }

// JSON is an answer whose text satisfies the schema of the request.
func JSON() Step { return Step{Kind: KindJSON} }

// Gzip is a good answer in gzip although nobody asked for it.
func Gzip() Step { return Step{Kind: KindGzip} }

// Huge is a good answer with one content event of so many bytes.
func Huge(bytes int) Step { return Step{Kind: KindHuge, Bytes: bytes} }

// Interim is a good answer after count heads of a 1xx status.
func Interim(status, count int) Step { return Step{Kind: KindInterim, Status: status, Count: count} }

// Empty is a completion without content, tool calls and reasoning.
func Empty() Step { return Step{Kind: KindEmpty} }

// FromSample is the recorded answer with this id, byte for byte.
func FromSample(id string) Step { return Step{Kind: KindSample, Sample: id} }

// HTML is an error page with status 200.
func HTML() Step { return FromSample("edge-200-html") }

// Raw is an answer given in full.
func Raw(status int, headers map[string]string, body string) Step {
	return Step{Kind: KindRaw, Status: status, Headers: headers, Body: body}
}

// RawStream is an event stream given in full, written in packets cut at these offsets with a gap between them.
func RawStream(body string, gap time.Duration, packets ...int) Step {
	s := Raw(http.StatusOK, map[string]string{"content-type": "text/event-stream"}, body)
	s.Gap, s.Packets = Duration(gap), packets
	return s
}

// Wire is a body that goes to the socket as it is, head included; then the connection closes.
func Wire(body string, packets ...int) Step {
	return Step{Kind: KindWire, Body: body, Packets: packets}
}

// Limited is good answers up to a limit and 429 beyond it, always.
func Limited(l Limit) Step { return Step{Kind: KindLimit, Limit: &l} }

// Fault is a failure with this status.
func Fault(status int) Step { return Step{Kind: KindFault, Status: status} }

// Error200 is an error object under status 200, also when a stream was asked for.
func Error200() Step { return Step{Kind: KindError200} }

// ErrorAt is a stream whose n-th data event is an error; n begins at 1.
func ErrorAt(n int) Step { return Cut(n-1, ErrorEvent) }

// Cut is a good answer that breaks after so many data events. One that is not streamed breaks in the middle.
func Cut(after int, how How) Step { return Step{Kind: KindCut, After: after, How: how} }

// Hang is an answer that does not come, until the client leaves or ten minutes have passed.
func Hang(how How) Step { return Step{Kind: KindHang, How: how} }

// Redirect is a 307 to this place.
func Redirect(location string) Step {
	return Step{Kind: KindRedirect, Status: http.StatusTemporaryRedirect, Location: location}
}

// Repeat is the same step played n times.
func (s Step) Repeat(n int) Step { s.Times = n; return s }

// Lasting is the same step played for d from its first use.
func (s Step) Lasting(d time.Duration) Step { s.For = Duration(d); return s }

// Forever is the same step played always.
func (s Step) Forever() Step { s.Always = true; return s }

// body is the bytes of raw and wire.
func (s Step) body() []byte {
	if len(s.BodyBase64) > 0 {
		return s.BodyBase64
	}
	return []byte(s.Body)
}

// check finds the mistakes of a script that came as JSON.
func (s Step) check() error {
	switch {
	case !slices.Contains(kinds, s.Kind):
		return fmt.Errorf("unknown kind %q; it is one of %v", s.Kind, kinds)
	case s.Kind == KindCut && !slices.Contains(cuts, s.How):
		return fmt.Errorf("cut: unknown how %q; it is one of %v", s.How, cuts)
	case s.Kind == KindHang && !slices.Contains(hangs, s.How):
		return fmt.Errorf("hang: unknown how %q; it is one of %v", s.How, hangs)
	case s.Kind == KindSample:
		if _, ok := SampleByID(s.Sample); !ok {
			return fmt.Errorf("unknown sample %q", s.Sample)
		}
	case s.Kind == KindLimit && s.Limit == nil:
		return fmt.Errorf("limit: the field limit is missing")
	case s.Kind == KindLimit:
		return s.Limit.check()
	case slices.Contains([]Kind{KindRaw, KindFault, KindRedirect}, s.Kind) && (s.Status < 200 || s.Status > 999):
		return fmt.Errorf("%s: status %d is none", s.Kind, s.Status)
	case s.Kind == KindInterim && (s.Status < 100 || s.Status > 199 || s.Status == http.StatusSwitchingProtocols):
		return fmt.Errorf("interim: status %d is not an interim one", s.Status)
	}
	return nil
}
