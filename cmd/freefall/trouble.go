package main

import (
	"fmt"
	"net/http"
	"time"

	"freefall/internal/fakellm"
)

// trouble is one kind of failure, and what a good proxy makes of it.
type trouble struct {
	kind      string
	forms     []form
	steps     []fakellm.Step
	everybody bool   // not the first model alone
	class     string // what the trail calls it; "" = the model may as well have answered
	want      ending
}

// ending is what the client should get.
type ending uint8

const (
	answered ending = iota // a whole answer
	waited                 // a whole answer, or a 429 whose Retry-After is true
	toldLate               // the beginning of an answer, then an error: it broke when the client had seen some of it
	toldOnce               // the provider's 400, after one attempt: the fault is the client's own
)

var (
	unstreamed = []form{plainForm, toolsForm}
	streamed   = []form{streamForm}
)

// shortest is the wait that scripted limits state: what they rest is back soon.
const shortest = time.Second

// limited refuses with a wait that it states.
func limitedFor(scope fakellm.Scope, says fakellm.Wording) fakellm.Step {
	return fakellm.Limited(fakellm.Limit{Scope: scope, Per: fakellm.Duration(shortest), Says: says, Hint: true})
}

// always is a step for as long as the failure is forced.
func always(s fakellm.Step) []fakellm.Step { return []fakellm.Step{s.Forever()} }

func body200(body string) fakellm.Step {
	return fakellm.Raw(http.StatusOK, map[string]string{"content-type": "application/json"}, body)
}

func faultIn(status int, wait string) fakellm.Step {
	s := fakellm.Fault(status)
	s.Headers = map[string]string{"retry-after": wait}
	return s
}

const (
	errorBody  = `{"error":{"message":"Provider returned error","code":502}}`
	brokenBody = `{"id":"gen-1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Hel`
	elsewhere  = "http://127.0.0.1:9/v1/chat/completions"
)

// troubles are all that a drill forces. None of them rests anything for long.
var troubles = []trouble{
	{kind: "no failure", forms: forms, steps: always(fakellm.OK()), class: "ok"},
	{kind: "429 of the model's host", forms: forms, steps: always(limitedFor(fakellm.Upstream, fakellm.SaysUpstream)), class: "rate_limited"},
	{kind: "429 with Retry-After", forms: forms, steps: always(limitedFor(fakellm.OneModel, fakellm.SaysPlain)), class: "rate_limited"},
	{kind: "429 of the account", forms: forms, steps: []fakellm.Step{limitedFor(fakellm.Account, fakellm.SaysPlatform).Repeat(1), fakellm.OK().Forever()},
		class: "rate_limited", want: waited},
	{kind: "429 of every model", forms: forms, steps: []fakellm.Step{limitedFor(fakellm.Upstream, fakellm.SaysUpstream).Lasting(shortest / 2), fakellm.OK().Forever()},
		everybody: true, class: "rate_limited", want: waited},
	{kind: "500", forms: forms, steps: always(fakellm.Fault(500)), class: "upstream_fault"},
	{kind: "502", forms: forms, steps: always(fakellm.Fault(502)), class: "upstream_fault"},
	{kind: "503", forms: forms, steps: always(fakellm.Fault(503)), class: "overloaded"},
	{kind: "503 with Retry-After", forms: forms, steps: always(faultIn(503, "1")), class: "overloaded"},
	{kind: "524, their timeout", forms: forms, steps: always(fakellm.Fault(524)), class: "timeout"},
	{kind: "529, overloaded", forms: forms, steps: always(fakellm.Fault(529)), class: "overloaded"},
	{kind: "403, moderation", forms: forms, steps: always(fakellm.FromSample("or-403-moderation")), class: "content_policy"},
	{kind: "redirect", forms: forms, steps: always(fakellm.Redirect(elsewhere)), class: "upstream_fault"},
	{kind: "error in a 200", forms: forms, steps: always(body200(errorBody)), class: "upstream_fault"},
	{kind: "HTML in a 200", forms: forms, steps: always(fakellm.HTML()), class: "upstream_fault"},
	{kind: "broken JSON", forms: forms, steps: always(body200(brokenBody)), class: "upstream_fault"},
	{kind: "empty completion", forms: forms, steps: always(fakellm.Empty()), class: "upstream_fault"},
	{kind: "gzip that nobody asked for", forms: forms, steps: always(fakellm.Gzip())},
	{kind: "cut before content", forms: forms, steps: always(fakellm.Cut(0, fakellm.Close)), class: "upstream_fault"},
	{kind: "reset before content", forms: forms, steps: always(fakellm.Cut(0, fakellm.Reset)), class: "upstream_fault"},
	{kind: "end without a word", forms: streamed, steps: always(fakellm.Cut(1, fakellm.End)), class: "upstream_fault"},
	{kind: "half an event", forms: streamed, steps: always(fakellm.Cut(0, fakellm.Garble)), class: "upstream_fault"},
	{kind: "error as the first event", forms: streamed, steps: always(fakellm.ErrorAt(1)), class: "upstream_fault"},
	{kind: "error as the second event", forms: streamed, steps: always(fakellm.Cut(1, fakellm.ErrorChoice)), class: "upstream_fault"},
	{kind: "5 s of silence", forms: streamed, steps: always(fakellm.Slow(0, 5*time.Second, 0))},
	{kind: "cut within the answer", forms: streamed, steps: always(fakellm.Cut(4, fakellm.Close)), want: toldLate},
	{kind: "stop within the answer", forms: streamed, steps: always(fakellm.Cut(4, fakellm.End)), want: toldLate},
	{kind: "400, the client's fault", forms: unstreamed, steps: always(fakellm.FromSample("invalid-400-role")), class: "invalid_request", want: toldOnce},
}

// met says whether the request came upon what was set up for it: its first call went to the model that was told to fail.
func (t *trouble) met(h *heard, first string) bool {
	if len(h.hops) == 0 || h.hops[0].model != first {
		return false
	}
	return t.class == "" || h.hops[0].class == t.class
}

// judge says what is wrong with an answer, "" if nothing is.
func (t *trouble) judge(h *heard, met bool) string {
	switch t.want {
	case toldLate:
		if h.broken == nil && h.status == 200 && h.refusal == "" {
			return "a broken answer ended as if it were whole"
		}
		return broken(h)
	case toldOnce:
		if h.broken == nil && (h.status != 400 || h.calls != 1) {
			return fmt.Sprintf("a mistake of the client got status %d after %d attempts, not 400 after one", h.status, h.calls)
		}
		return broken(h)
	case waited:
		if h.broken == nil && h.status == 429 && h.code == "all_models_exhausted" && h.retry > 0 {
			return ""
		}
	case answered:
	}
	if wrong := h.wrong(); wrong != "" {
		return wrong
	}
	if !met {
		return "the failure was not met, or is called by another name: drill when nobody else asks"
	}
	return ""
}

func broken(h *heard) string {
	if h.broken == nil {
		return ""
	}
	return h.broken.Error()
}
