package proxy

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/valyala/fasthttp"

	"freefall/internal/openai"
)

// caller is the sender of a request, as its key tells.
type caller struct {
	name  string
	known bool // a client's or the admin's key
	admin bool
	meter *clientMeter // of a client with a key, else nil
}

// client is the name that shares and turns go by. The admin has none, whatever a client is called.
func (c caller) client() string {
	if c.admin {
		return ""
	}
	return c.name
}

// identify compares the key of the request with all that are configured, in a time that tells nothing.
func (s *Settings) identify(h *fasthttp.RequestHeader) caller {
	key, ok := bearer(h)
	if !ok || len(s.keys) == 0 {
		return caller{}
	}
	return s.known(sha256.Sum256(key))
}

// known finds the caller whose key has that hash.
func (s *Settings) known(hash digest) (who caller) {
	for i := range s.keys {
		if subtle.ConstantTimeCompare(hash[:], s.keys[i].hash[:]) == 1 {
			who = caller{name: s.keys[i].name, known: true, admin: s.keys[i].admin, meter: s.keys[i].meter}
		}
	}
	return who
}

// bearer is the key a client sends: Authorization: Bearer KEY, or x-api-key.
func bearer(h *fasthttp.RequestHeader) ([]byte, bool) {
	if auth := h.Peek("Authorization"); len(auth) > 7 && strings.EqualFold(string(auth[:7]), "bearer ") {
		return auth[7:], true
	}
	key := h.Peek("X-Api-Key")
	return key, len(key) > 0
}

// mayChat says whether the caller may use /v1 and the state API.
func (s *Settings) mayChat(who caller) *openai.Error {
	if len(s.Clients) == 0 || who.known {
		return nil
	}
	return &openai.Error{Status: 401, Type: "authentication_error", Code: "invalid_api_key",
		Message: "this freefall asks for one of its own client keys as the API key; it is no provider's key"}
}

// mayWatch says whether the caller may see what all clients do together: with an admin key that one only.
func (s *Settings) mayWatch(who caller) *openai.Error {
	if s.AdminKey == "" || who.admin {
		return nil
	}
	return &openai.Error{Status: 401, Type: "authentication_error", Code: "invalid_api_key", Message: "this takes the admin key"}
}

// mayEnter refuses browsers of foreign pages, and foreign Host names while no client key protects the door (DNS rebinding).
func (s *Settings) mayEnter(h *fasthttp.RequestHeader) *openai.Error {
	origins := h.PeekAll("Origin")
	if len(origins) > 1 || len(origins) == 1 && !s.originAllowed(string(origins[0])) && !s.ownOrigin(string(origins[0]), string(h.Host())) {
		return &openai.Error{Status: 403, Type: "permission_error", Code: "origin_not_allowed", Param: "Origin",
			Message: "pages of this origin may not call freefall; the operator can add it to allowed_origins in models.yaml"}
	}
	if len(s.Clients) == 0 && !s.hostAllowed(string(h.Host())) {
		return &openai.Error{Status: 403, Type: "permission_error", Code: "host_not_allowed", Param: "Host",
			Message: "this Host name is not known here; use an IP address or localhost, or add the name to allowed_hosts in models.yaml, or configure clients with keys"}
	}
	return nil
}

// unasked refuses what a page may send without a preflight, even from an origin that is allowed: with another Content-Type than
// JSON no browser asks first.
func unasked(h *fasthttp.RequestHeader) *openai.Error {
	if !h.IsPost() || len(h.Peek("Origin")) == 0 {
		return nil
	}
	if isType(h, "application/json") {
		return nil
	}
	return &openai.Error{Status: 415, Type: "invalid_request_error", Code: "unsupported_content_type", Param: "Content-Type",
		Message: "a page must send Content-Type: application/json"}
}

// ownOrigin says whether the page was loaded from here, under a name that is known: the dashboard.
func (s *Settings) ownOrigin(origin, host string) bool {
	return sameOrigin(origin, host) && s.hostAllowed(host)
}

func (s *Settings) originAllowed(origin string) bool {
	for _, allowed := range s.AllowedOrigins {
		if allowed == "*" || strings.EqualFold(allowed, origin) {
			return true
		}
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	switch u.Hostname() {
	case "localhost", "127.0.0.1", "::1":
		return true
	}
	return false
}

func (s *Settings) hostAllowed(host string) bool {
	if strings.Contains(host, ":") {
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if !strings.Contains(host, ".") {
		return true // localhost and the names of compose services are single labels
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	for _, allowed := range s.AllowedHosts {
		if allowed == "*" || strings.EqualFold(allowed, host) {
			return true
		}
	}
	return false
}

// cors lets pages of allowed origins read the answer and what the headers say of its way.
func cors(h *fasthttp.RequestHeader, out *fasthttp.ResponseHeader) {
	origin := h.Peek("Origin")
	if len(origin) == 0 {
		return
	}
	out.SetBytesV("Access-Control-Allow-Origin", origin)
	out.Add("Vary", "Origin")
	out.Set("Access-Control-Expose-Headers", exposed)
}

// areNames says whether a text is a list of header names, and no longer than a list that somebody means.
func areNames(list []byte) bool {
	for _, c := range list {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == ',', c == ' ':
		default:
			return false
		}
	}
	return len(list) > 0 && len(list) <= 4096
}

// preflight answers OPTIONS, before any key is asked for: a preflight never carries one.
func preflight(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
	if want := ctx.Request.Header.Peek("Access-Control-Request-Headers"); areNames(want) {
		h.SetBytesV("Access-Control-Allow-Headers", want)
	} else {
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	}
	h.Set("Access-Control-Max-Age", "600")
	ctx.SetStatusCode(fasthttp.StatusNoContent)
}
