package proxy

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strconv"

	"github.com/valyala/fasthttp"

	"freefall/fallback"
	"freefall/internal/openai"
)

// What freefall says of a request's way. Of the upstream's own headers nothing is passed on: its rate limits are one
// key's and in formats that clients misread.
const (
	headerModel     = "X-Freefall-Model"
	headerProvider  = "X-Freefall-Provider"
	headerAttempts  = "X-Freefall-Attempts"
	headerTrail     = "X-Freefall-Trail"
	headerRequestID = "X-Freefall-Request-Id"
	exposed         = "X-Freefall-Model, X-Freefall-Provider, X-Freefall-Attempts, X-Freefall-Trail, X-Freefall-Request-Id, X-Request-Id, Retry-After, X-Should-Retry"
)

var (
	nameModel     = []byte(headerModel)
	nameProvider  = []byte(headerProvider)
	nameAttempts  = []byte(headerAttempts)
	nameTrail     = []byte(headerTrail)
	nameRequestID = []byte(headerRequestID)
	nameOwnID     = []byte("X-Request-Id")
)

// maxTrail bounds the trail header: many clients refuse heads of more than 8 KB.
const maxTrail = 2048

// requestID is the client's own id if it is harmless in a log and a header, and no key in the wrong place, else 128 random bits.
func requestID(h *fasthttp.RequestHeader) string {
	if id := h.Peek("X-Request-Id"); harmless(id) && !openai.LikeKey(string(id)) {
		return string(id)
	}
	var b [16]byte // from the generator of the runtime, as good as random: an id opens no door, and the kernel's take longer than all else here
	binary.NativeEndian.PutUint64(b[:8], rand.Uint64())
	binary.NativeEndian.PutUint64(b[8:], rand.Uint64())
	var id [2 * len(b)]byte
	hex.Encode(id[:], b[:])
	return string(id[:])
}

func harmless(id []byte) bool {
	if len(id) == 0 || len(id) > 64 {
		return false
	}
	for _, c := range id {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// describe writes the way of the request so far. The names are spelled as they are to be: the codec need not look at them.
func (x *exchange) describe(h *fasthttp.ResponseHeader) {
	var room [256]byte
	id := append(room[:0], x.id...)
	h.SetCanonical(nameRequestID, id)
	h.SetCanonical(nameOwnID, id)
	if x.door == &messagesDoor {
		h.Set("Request-Id", x.id) // where Anthropic's SDKs look for it
	}
	h.SetCanonical(nameAttempts, strconv.AppendInt(room[:0], int64(x.walk.Attempts()), 10))
	if len(x.trail) > 0 {
		h.SetCanonical(nameTrail, x.trail)
	}
	if x.model != nil {
		h.SetCanonical(nameModel, append(room[:0], x.model.ID...))
		h.SetCanonical(nameProvider, append(room[:0], x.model.Provider...))
	}
}

// inTrail is the class by which the trail knows an outcome. A model that the request gave too little time is shown as a timeout, although
// that does not count against it.
func inTrail(o *fallback.Outcome) fallback.Class {
	if o.Class == fallback.Stopped && o.Message == outOfTime {
		return fallback.Timeout
	}
	return o.Class
}

// step adds one attempt to the trail: "ID=CLASS".
func (x *exchange) step(id, class string) {
	if len(x.trail)+len(id)+len(class)+6 > maxTrail {
		if n := len(x.trail); n > 0 && x.trail[n-1] != '.' {
			x.trail = append(x.trail, "; ..."...)
		}
		return
	}
	if len(x.trail) > 0 {
		x.trail = append(x.trail, "; "...)
	} else {
		x.trail = x.firstStep[:0]
	}
	x.trail = append(x.trail, id...)
	x.trail = append(x.trail, '=')
	x.trail = append(x.trail, class...)
}
