package proxy

import (
	"hash/maphash"
	"strings"

	"github.com/valyala/fasthttp"

	"freefall/fallback"
	"freefall/internal/openai"
)

// What a client may wish for beside the body, in headers.
const (
	headerFallback  = "X-Freefall-Fallback" // "off": the named model only
	headerMaxWait   = "X-Freefall-Max-Wait" // how long it may wait for a limit, not more than is configured
	headerTask      = "X-Freefall-Task"     // what the request is for: a strength, or the task of a chain
	headerPrivacy   = "X-Freefall-Privacy"  // "no_train": nobody may be asked who may train on prompts
	headerSession   = "X-Freefall-Session"  // the conversation, in the client's own words
	headerSessionID = "X-Session-Id"        // likewise: many clients send it anyway
)

// wish takes up what the body and the headers ask for.
func (x *exchange) wish(h *fasthttp.RequestHeader) *openai.Error {
	discreet, e := privacy(h)
	if e != nil {
		return e
	}
	x.walk.Need = x.req.Need
	x.walk.Need.NoTrain = discreet
	x.maxWait = min(maxWait(x.settings.MaxWait, string(h.Peek(headerMaxWait))), x.settings.Total)
	x.walk.Ask = fallback.Ask{Model: x.req.Model, Models: x.req.Models, Client: x.who.client(), Only: strings.EqualFold(string(h.Peek(headerFallback)), "off"),
		Task: task(h), MaxWait: x.maxWait}
	x.converse(h)
	return nil
}

// task is the client's word for what it asks; what is no word is none.
func task(h *fasthttp.RequestHeader) string {
	word := h.Peek(headerTask)
	if len(word) > 32 {
		return ""
	}
	for _, c := range word {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '_', c == '-':
		default:
			return ""
		}
	}
	return string(word)
}

// privacy says whether prompts must not be trained on. A wish that is not understood is refused: it was made for a reason.
func privacy(h *fasthttp.RequestHeader) (noTrain bool, e *openai.Error) {
	for _, value := range h.PeekAll(headerPrivacy) {
		if !strings.EqualFold(strings.TrimSpace(string(value)), "no_train") {
			return false, &openai.Error{Status: 400, Type: "invalid_request_error", Param: headerPrivacy, Code: "unknown_privacy",
				Message: headerPrivacy + " takes no_train, which asks nobody who may train on prompts; without the header the configuration decides"}
		}
		noTrain = true
	}
	return noTrain, nil
}

var talkSeed = maphash.MakeSeed()

// converse notes the conversation that the request belongs to: the one that its client names, else the one that begins like it. Clients
// do not share any.
func (x *exchange) converse(h *fasthttp.RequestHeader) {
	ask := &x.walk.Ask
	name := h.Peek(headerSession)
	if len(name) == 0 {
		name = h.Peek(headerSessionID)
	}
	talk := x.req.Talk
	switch {
	case len(name) > 0:
		ask.NamedTalk = true
		talk = maphash.Bytes(talkSeed, name)
	case talk == 0:
		return
	}
	ask.TalkGoesOn = x.req.GoesOn
	ask.Talk = (talk + maphash.String(talkSeed, ask.Client)) | 1
}
