package proxy

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"freefall/internal/openai"
)

const (
	sessionCookie = "freefall_session"
	sessionTime   = 12 * time.Hour
	maxSessions   = 100
	loginsPerPeer = 5 // tries in a minute
	loginsInAll   = 20
)

// digest stands for a secret wherever it is kept.
type digest = [sha256.Size]byte

// sessions are the browsers that have shown the admin key. What a browser holds instead is random, ends after sessionTime, and
// serves no longer than the admin key that was shown is the one in use.
type sessions struct {
	mu    sync.Mutex         // guards all below
	open  map[digest]session // by the hash of what the cookie holds
	tries []loginTry         // of the last minute
}

type session struct {
	until time.Time
	key   digest // the admin key that was shown
}

type loginTry struct {
	at   time.Time
	peer netip.Prefix
}

// begin opens a session and gives what the cookie holds. Of too many the one that ends first gives way.
func (s *sessions) begin(now time.Time, key digest) string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	id := base64.RawURLEncoding.EncodeToString(b[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[digest]session{}
	}
	var first digest
	for d, other := range s.open {
		if !now.Before(other.until) {
			delete(s.open, d)
			continue
		}
		if at, ok := s.open[first]; !ok || other.until.Before(at.until) {
			first = d
		}
	}
	if len(s.open) >= maxSessions {
		delete(s.open, first)
	}
	s.open[sha256.Sum256([]byte(id))] = session{now.Round(0).Add(sessionTime), key} // by the wall clock: a laptop sleeps
	return id
}

func (s *sessions) end(d digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, d)
}

// valid says whether a session is open under that admin key.
func (s *sessions) valid(now time.Time, d, key digest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.open[d]
	return ok && now.Before(at.until) && subtle.ConstantTimeCompare(at.key[:], key[:]) == 1
}

// try says whether a peer may try to log in now, and else how long it has to wait. A network of IPv6 is one peer.
func (s *sessions) try(now time.Time, peer netip.Addr) (wait time.Duration) {
	bits := peer.BitLen()
	if bits == 128 {
		bits = 64
	}
	from, _ := peer.Prefix(bits) // what has no address is one peer
	s.mu.Lock()
	defer s.mu.Unlock()
	old := 0
	for old < len(s.tries) && now.Sub(s.tries[old].at) >= time.Minute {
		old++
	}
	s.tries = append(s.tries[:0], s.tries[old:]...)
	if len(s.tries) >= loginsInAll {
		wait = s.tries[0].at.Add(time.Minute).Sub(now)
	}
	var own []time.Time
	for _, t := range s.tries {
		if t.peer == from {
			own = append(own, t.at)
		}
	}
	if len(own) >= loginsPerPeer {
		wait = max(wait, own[0].Add(time.Minute).Sub(now))
	}
	if wait == 0 {
		s.tries = append(s.tries, loginTry{now, from})
	}
	return wait
}

// adminDigest is the hash of the admin key, ok if there is one.
func (s *Settings) adminDigest() (d digest, ok bool) {
	for i := range s.keys {
		if s.keys[i].admin {
			return s.keys[i].hash, true
		}
	}
	return d, false
}

// sessionOf is what the request's cookie holds, hashed.
func sessionOf(h *fasthttp.RequestHeader) (d digest, ok bool) {
	cookie := h.Cookie(sessionCookie)
	if len(cookie) == 0 {
		return d, false
	}
	return sha256.Sum256(cookie), true
}

// signedIn is the admin if the request comes from a page of freefall's own with the cookie of an open session. A browser sends
// cookies by itself, so that a change must prove that the page meant it.
func (p *Proxy) signedIn(h *fasthttp.RequestHeader, s *Settings) (caller, *openai.Error) {
	d, ok := sessionOf(h)
	key, has := s.adminDigest()
	if !ok || !has || !p.sessions.valid(time.Now(), d, key) {
		return caller{}, nil
	}
	own, told := ownPage(h)
	switch {
	case !own:
		return caller{}, nil // a page of another place has no session here
	case h.IsPost() && !(told && deliberate(h)):
		return caller{}, &openai.Error{Status: 403, Type: "permission_error", Code: "cross_site_request",
			Message: "a change by a signed-in page needs Origin or Sec-Fetch-Site: same-origin, and Content-Type: application/json or an X-Requested-With header"}
	}
	return caller{name: "admin", known: true, admin: true}, nil
}

// ownPage says whether a request comes from freefall's own pages, or from no page at all; told, that the browser said so.
func ownPage(h *fasthttp.RequestHeader) (own, told bool) {
	switch site := string(h.Peek("Sec-Fetch-Site")); site {
	case "":
	case "same-origin":
		return true, true
	case "none": // typed in by a person
		return true, false
	default:
		return false, false
	}
	switch origins := h.PeekAll("Origin"); len(origins) {
	case 0:
		return true, false
	case 1:
		same := sameOrigin(string(origins[0]), string(h.Host()))
		return same, same
	}
	return false, false
}

// sameOrigin says whether a page of that origin was loaded from that host.
func sameOrigin(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && strings.EqualFold(u.Host, host)
}

// deliberate says whether a POST is one that no form and no plain link can make.
func deliberate(h *fasthttp.RequestHeader) bool {
	return isType(h, "application/json") || len(h.Peek("X-Requested-With")) > 0
}

func isType(h *fasthttp.RequestHeader, want string) bool {
	mediaType, _, _ := strings.Cut(string(h.ContentType()), ";")
	return strings.EqualFold(strings.TrimSpace(mediaType), want)
}

// again identifies a caller anew by the credential it showed at the start of a stream: keys change, sessions end.
func (p *Proxy) again(s *Settings, c credential) caller {
	if c.keyed {
		if who := s.known(c.key); who.known {
			return who
		}
	}
	if key, ok := s.adminDigest(); ok && c.cookie && p.sessions.valid(time.Now(), c.session, key) {
		return caller{name: "admin", known: true, admin: true}
	}
	return caller{}
}

// credential is what a caller has shown, hashed.
type credential struct {
	key, session  digest
	keyed, cookie bool
}

func shown(h *fasthttp.RequestHeader) (c credential) {
	if key, ok := bearer(h); ok {
		c.key, c.keyed = sha256.Sum256(key), true
	}
	if own, _ := ownPage(h); own {
		c.session, c.cookie = sessionOf(h)
	}
	return c
}
