package proxy

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"freefall/internal/openai"
)

const (
	usualRequests = 100
	mostRequests  = 1000
)

// mayRead says whether the caller may read what requests came to, and whether those of everybody: a client sees its own.
func (s *Settings) mayRead(who caller) (all bool, e *openai.Error) {
	if who.known && !who.admin {
		return false, nil
	}
	if e := s.mayWatch(who); e != nil {
		return false, e
	}
	return true, s.mayChat(who)
}

// requests answers GET /api/chat/requests: the last requests, newest first.
func (p *Proxy) requests(ctx *fasthttp.RequestCtx, s *Settings, who caller) {
	w, e := p.wished(ctx.QueryArgs(), s, who)
	if e != nil {
		refuse(ctx, e)
		return
	}
	found, more := p.journal.find(w)
	out := struct {
		Requests []requestState `json:"requests"`
		Next     *string        `json:"next"` // what ?before= takes for those that are older; null = there are none
	}{Requests: make([]requestState, len(found))}
	for i, r := range found {
		out.Requests[i] = r.show(s.sees(who))
	}
	if more {
		last := found[len(found)-1]
		out.Next = text(last.id + "~" + strconv.FormatUint(last.number, 10))
	}
	writeJSON(ctx, fasthttp.StatusOK, out)
}

// request answers GET /api/chat/requests/{request id}.
func (p *Proxy) request(ctx *fasthttp.RequestCtx, s *Settings, who caller) {
	all, e := s.mayRead(who)
	if e != nil {
		refuse(ctx, e)
		return
	}
	id, _ := ctx.UserValue(restKey).(string)
	r := p.journal.byID(id, all, who.client())
	if r == nil {
		refuse(ctx, unknownRequest(""))
		return
	}
	writeJSON(ctx, fasthttp.StatusOK, r.show(s.sees(who)))
}

// wished reads which requests are meant.
func (p *Proxy) wished(args *fasthttp.Args, s *Settings, who caller) (w wish, e *openai.Error) {
	if w.all, e = s.mayRead(who); e != nil {
		return w, e
	}
	w.limit, w.model, w.owner = usualRequests, string(args.Peek("model")), string(args.Peek("client"))
	switch own := who.client(); {
	case w.all:
	case w.owner == "" || w.owner == own:
		w.owner = own
	default:
		w.owner = "" // somebody else's: there are none to see
	}
	if args.Has("limit") {
		n, err := strconv.Atoi(string(args.Peek("limit")))
		if err != nil || n < 1 || n > mostRequests {
			return w, &openai.Error{Status: 400, Type: "invalid_request_error", Param: "limit", Code: "bad_request",
				Message: fmt.Sprintf("limit is a number from 1 to %d", mostRequests)}
		}
		w.limit = n
	}
	if args.Has("failed") {
		yes, err := strconv.ParseBool(string(args.Peek("failed")))
		if err != nil {
			return w, &openai.Error{Status: 400, Type: "invalid_request_error", Param: "failed", Code: "bad_request", Message: "failed is 1 or 0"}
		}
		w.failed = yes
	}
	if before := string(args.Peek("before")); before != "" {
		if w.before = p.numbered(before, w.all, who.client()); w.before == 0 {
			return w, unknownRequest("before")
		}
	}
	return w, nil
}

// numbered is the number of a request by its id, or by what an answer gave as next; 0 = nobody knows it.
func (p *Proxy) numbered(before string, all bool, client string) uint64 {
	if _, number, ok := strings.Cut(before, "~"); ok {
		n, _ := strconv.ParseUint(number, 10, 64)
		return n
	}
	if r := p.journal.byID(before, all, client); r != nil {
		return r.number
	}
	return 0
}

func unknownRequest(param string) *openai.Error {
	return &openai.Error{Status: 404, Type: "invalid_request_error", Param: param, Code: "request_not_found",
		Message: "there is no such request; GET /api/chat/requests lists the last ones"}
}
