package proxy

import (
	"bytes"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"freefall/fallback"
	"freefall/internal/openai"
)

// What a person does to a model: POST /api/chat/models/{id}/{reset,pause,resume}.

func (p *Proxy) pause(ctx *fasthttp.RequestCtx, s *Settings, who caller) {
	p.operate(ctx, s, who, "paused", p.pool.Pause)
}

func (p *Proxy) resume(ctx *fasthttp.RequestCtx, s *Settings, who caller) {
	p.operate(ctx, s, who, "resumed", func(provider, id string) bool { return p.pool.Resume(time.Now(), provider, id) })
}

func (p *Proxy) reset(ctx *fasthttp.RequestCtx, s *Settings, who caller) {
	p.operate(ctx, s, who, "reset", func(provider, id string) bool {
		p.quirks.forget(provider, id)
		return p.pool.ResetModel(time.Now(), provider, id)
	})
}

// operate does it to the row that is meant, and answers with the row's new state.
func (p *Proxy) operate(ctx *fasthttp.RequestCtx, s *Settings, who caller, done string, do func(provider, id string) bool) {
	lingerIfLarge(ctx) // a body says nothing here
	if e := s.mayChange(ctx, who); e != nil {
		refuse(ctx, e)
		return
	}
	id, _ := ctx.UserValue(restKey).(string)
	provider, e := meant(p.pool.Providers(id), id, string(ctx.QueryArgs().Peek("provider")))
	if e != nil {
		refuse(ctx, e)
		return
	}
	if !do(provider, id) {
		refuse(ctx, unknownModel(id)) // a reload took it away just now
		return
	}
	p.logOperation(ctx, who, provider, id, done)
	p.events.touch()
	rows := p.pool.Snapshot(time.Now())
	i := slices.IndexFunc(rows, func(r fallback.Status) bool { return r.Model.Provider == provider && r.Model.ID == id })
	if i < 0 {
		refuse(ctx, unknownModel(id))
		return
	}
	writeJSON(ctx, fasthttp.StatusOK, show(&rows[i], true))
}

// meant is the provider of the row that an id, and perhaps a provider, name.
func meant(providers []string, id, provider string) (string, *openai.Error) {
	switch {
	case provider == "" && len(providers) == 1:
		return providers[0], nil
	case provider != "" && slices.Contains(providers, provider):
		return provider, nil
	case len(providers) == 0:
		return "", unknownModel(id)
	case provider != "":
		return "", &openai.Error{Status: 404, Type: "invalid_request_error", Param: "provider", Code: "model_not_found",
			Message: openai.Clean(provider, 100) + " has no model " + id + "; it stands at " + strings.Join(providers, ", ")}
	}
	return "", &openai.Error{Status: 409, Type: "invalid_request_error", Param: "provider", Code: "ambiguous_model",
		Message: "several providers have " + id + ": add ?provider= with one of " + strings.Join(providers, ", ")}
}

func unknownModel(id string) *openai.Error {
	return &openai.Error{Status: 404, Type: "invalid_request_error", Param: "model", Code: "model_not_found",
		Message: "there is no model " + openai.Clean(id, 200) + "; GET /api/chat/models lists them"}
}

// mayChange says whether the caller may change what freefall does: with the admin key, or, where there is none, from this
// machine, and neither through a proxy nor by a page of another place.
func (s *Settings) mayChange(ctx *fasthttp.RequestCtx, who caller) *openai.Error {
	h := &ctx.Request.Header
	switch {
	case who.admin:
		return nil
	case s.AdminKey != "":
		return &openai.Error{Status: 401, Type: "authentication_error", Code: "invalid_api_key", Message: "this takes the admin key"}
	case host(ctx.RemoteAddr()).IsLoopback() && isLocalHost(string(h.Host())) && !forwarded(h) && !foreign(h):
		return nil
	}
	return &openai.Error{Status: 403, Type: "permission_error", Code: "admin_key_required",
		Message: "without an admin_key (FREEFALL_ADMIN_KEY) this is allowed on the machine of freefall alone, as http://localhost and not through a proxy"}
}

// isLocalHost says whether a Host header names this machine as seen from itself.
func isLocalHost(value string) bool {
	if name, _, err := net.SplitHostPort(value); err == nil {
		value = name
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(value, "["), "]"))
	return strings.EqualFold(value, "localhost") || err == nil && addr.Unmap().IsLoopback()
}

// forwarded says whether the request came through a proxy that says so, or speaks as only they still do: nginx without a word of
// configuration asks in HTTP/1.0, names the address that it dials, and says nothing of the one who asked.
func forwarded(h *fasthttp.RequestHeader) bool {
	if !h.IsHTTP11() {
		return true
	}
	for line := range bytes.Lines(h.RawHeaders()) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		switch field := strings.ToLower(string(bytes.TrimSpace(name))); {
		case field == "forwarded", field == "via", field == "x-real-ip", strings.HasPrefix(field, "x-forwarded-"):
			return true
		}
	}
	return false
}

// foreign says whether a page of another machine sends this, even one that may chat.
func foreign(h *fasthttp.RequestHeader) bool {
	for _, origin := range h.PeekAll("Origin") {
		u, err := url.Parse(string(origin))
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || !isLocalHost(u.Host) {
			return true
		}
	}
	return false
}
