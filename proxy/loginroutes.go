package proxy

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"freefall/internal/openai"
)

// maxSmall bounds the body of what is no chat.
const maxSmall = 4 << 10

// adminVariable is the variable that sets the admin key.
const adminVariable = "FREEFALL_ADMIN_KEY"

// sessionState is what a page has to know of who looks at it.
type sessionState struct {
	Admin     bool    `json:"admin"`      // may change what freefall does
	Login     bool    `json:"login"`      // POST /login takes the admin key
	Variable  string  `json:"variable"`   // that sets the admin key
	SignedIn  bool    `json:"signed_in"`  // by the cookie of a login
	Client    *string `json:"client"`     // whose key was shown
	ClientKey bool    `json:"client_key"` // /v1 asks for a client's key
}

// session answers GET /api/chat/session.
func (p *Proxy) session(ctx *fasthttp.RequestCtx, s *Settings, who caller) {
	_, keyed := bearer(&ctx.Request.Header)
	writeJSON(ctx, fasthttp.StatusOK, sessionState{Admin: s.mayChange(ctx, who) == nil, Login: s.AdminKey != "", Variable: adminVariable,
		SignedIn: who.admin && !(keyed && s.identify(&ctx.Request.Header).admin), Client: text(who.client()), ClientKey: len(s.Clients) > 0})
}

// login answers POST /login: the admin key in the body, as JSON {"key": ...} or as the field key of a form, for a cookie.
func (p *Proxy) login(ctx *fasthttp.RequestCtx, s *Settings, _ caller) {
	h := &ctx.Request.Header
	want, ok := s.adminDigest()
	if !ok {
		lingerIfLarge(ctx)
		refuse(ctx, &openai.Error{Status: 403, Type: "permission_error", Code: "admin_key_required",
			Message: "no admin key is set, so nobody can log in: set " + adminVariable + " or admin_key"})
		return
	}
	if own, _ := ownPage(h); !own {
		lingerIfLarge(ctx)
		refuse(ctx, &openai.Error{Status: 403, Type: "permission_error", Code: "cross_site_request", Message: "log in on a page of freefall's own"})
		return
	}
	now := time.Now()
	if wait := p.sessions.try(now, host(ctx.RemoteAddr())); wait > 0 {
		lingerIfLarge(ctx)
		ctx.Response.Header.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		refuse(ctx, &openai.Error{Status: 429, Type: "rate_limit_error", Code: "too_many_logins",
			Message: "too many tries to log in; the next one is possible in " + span(wait)})
		return
	}
	key, e := p.loginKey(ctx, s)
	if e != nil {
		refuse(ctx, e)
		return
	}
	got := sha256.Sum256(key)
	good := subtle.ConstantTimeCompare(got[:], want[:]) == 1
	p.logLogin(ctx, good)
	if !good {
		refuse(ctx, &openai.Error{Status: 401, Type: "authentication_error", Code: "invalid_api_key", Message: "this is not the admin key"})
		return
	}
	setSession(ctx, p.sessions.begin(now, want), int(sessionTime/time.Second))
	if !isType(h, "application/json") {
		seeOther(ctx)
		return
	}
	writeJSON(ctx, fasthttp.StatusOK, sessionState{Admin: true, Login: true, Variable: adminVariable, SignedIn: true, ClientKey: len(s.Clients) > 0})
}

// loginKey reads the key of a login.
func (p *Proxy) loginKey(ctx *fasthttp.RequestCtx, s *Settings) ([]byte, *openai.Error) {
	body, e := p.smallBody(ctx, s)
	if e != nil {
		return nil, e
	}
	if !isType(&ctx.Request.Header, "application/json") {
		var form fasthttp.Args
		form.ParseBytes(body)
		return form.Peek("key"), nil
	}
	var doc struct {
		Key string `json:"key"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, &openai.Error{Status: 400, Type: "invalid_request_error", Code: "invalid_json", Message: `send {"key": "the admin key"}`}
	}
	return []byte(doc.Key), nil
}

// smallBody reads the body of a request that is no chat. It is a copy: the buffer that it came into is somebody else's by then.
func (p *Proxy) smallBody(ctx *fasthttp.RequestCtx, s *Settings) ([]byte, *openai.Error) {
	small := *s
	small.MaxBody = maxSmall
	x := p.begin(ctx, &small, caller{})
	defer p.leave(x)
	defer x.release()
	body, e := x.readBody(ctx)
	return bytes.Clone(body), e
}

// logout answers POST /logout. Event streams of the session end with it.
func (p *Proxy) logout(ctx *fasthttp.RequestCtx, _ *Settings, _ caller) {
	lingerIfLarge(ctx)
	h := &ctx.Request.Header
	if own, _ := ownPage(h); !own {
		refuse(ctx, &openai.Error{Status: 403, Type: "permission_error", Code: "cross_site_request", Message: "log out on a page of freefall's own"})
		return
	}
	if d, ok := sessionOf(h); ok {
		p.sessions.end(d)
		p.events.touch()
	}
	setSession(ctx, "", -1)
	if isType(h, "application/x-www-form-urlencoded") {
		seeOther(ctx)
		return
	}
	writeJSON(ctx, fasthttp.StatusOK, map[string]bool{"signed_in": false})
}

// setSession sets the cookie, or takes it away.
func setSession(ctx *fasthttp.RequestCtx, id string, seconds int) {
	var c fasthttp.Cookie
	c.SetKey(sessionCookie)
	c.SetValue(id)
	c.SetPath("/")
	c.SetHTTPOnly(true)
	c.SetSameSite(fasthttp.CookieSameSiteStrictMode)
	c.SetSecure(string(ctx.Request.Header.Peek("X-Forwarded-Proto")) == "https")
	if seconds < 0 {
		c.SetExpire(fasthttp.CookieExpireDelete)
	} else {
		c.SetMaxAge(seconds)
	}
	ctx.Response.Header.SetCookie(&c)
	ctx.Response.Header.Set("Cache-Control", "no-store")
}

// seeOther leads the form of a page without scripts back to it.
func seeOther(ctx *fasthttp.RequestCtx) {
	ctx.Response.Header.Set("Location", "/")
	ctx.SetStatusCode(fasthttp.StatusSeeOther)
}
