package proxy

import (
	"errors"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"freefall/internal/openai"
)

const (
	smallBody   = 4 << 10   // bodies that are declared so small begin with a buffer of this size
	firstBody   = 64 << 10  // others with this; it doubles with what has come
	bodyBudget  = 512 << 20 // bytes of request bodies in the whole process, and as many of answers
	smallBudget = 64 << 20  // and as many more for those that begin: a few large ones that are never ended leave room for all small ones
	slowestBody = 64 << 10  // bytes a second; a body that comes faster may take longer than readTime
)

// smallBodies and firstBodies hold the buffers that bodies begin with.
var (
	smallBodies = sync.Pool{New: func() any { b := make([]byte, smallBody); return &b }}
	firstBodies = sync.Pool{New: func() any { b := make([]byte, firstBody); return &b }}
)

// budget bounds the bytes that all request bodies hold together, or all answers.
type budget struct{ used atomic.Int64 }

// take takes n bytes, begin those that a body begins with.
func (b *budget) take(n int) bool  { return b.within(n, bodyBudget) }
func (b *budget) begin(n int) bool { return b.within(n, bodyBudget+smallBudget) }

func (b *budget) within(n int, most int64) bool {
	if b.used.Add(int64(n)) > most {
		b.used.Add(-int64(n))
		return false
	}
	return true
}

func (b *budget) give(n int) { b.used.Add(-int64(n)) }

var (
	errTooLarge = errors.New("too large")
	errFull     = errors.New("no room for bodies")
)

// readBody reads the request's body as it arrives: what a client declares costs nothing until it has sent it. The bytes taken
// from the budget are x.held; release gives them back.
func (x *exchange) readBody(ctx *fasthttp.RequestCtx) ([]byte, *openai.Error) {
	max := x.settings.MaxBody
	declared := ctx.Request.Header.ContentLength()
	if declared > max {
		linger(ctx)
		return nil, tooLarge(max)
	}
	body, err := x.grow(ctx, declared, max)
	if err == nil {
		return body, nil
	}
	linger(ctx)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, tooLarge(max)
	case errors.Is(err, errFull):
		return nil, noRoom()
	case isTimeout(err):
		return nil, tooSlow()
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, &openai.Error{Status: 400, Type: "invalid_request_error", Code: "incomplete_body",
			Message: "the request body ended before its declared length"}
	}
	return nil, &openai.Error{Status: 400, Type: "invalid_request_error", Code: "bad_request",
		Message: "the chunks of the request body are no valid HTTP"}
}

func (x *exchange) grow(ctx *fasthttp.RequestCtx, declared, max int) ([]byte, error) {
	r := ctx.RequestBodyStream()
	if r == nil {
		return nil, nil
	}
	most := max + 1 // one more than can come, so that the end is seen without growing
	if declared >= 0 {
		most = declared + 1
	}
	size := min(firstBody, most)
	if !x.proxy.bodies.begin(size) {
		return nil, errFull
	}
	x.held = size
	buf := x.borrow(size)
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case len(buf) > max:
			return nil, errTooLarge
		case err == io.EOF && (declared < 0 || len(buf) == declared):
			return buf, nil
		case err == io.EOF:
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		}
		x.allow(ctx, len(buf))
		if len(buf) == cap(buf) {
			size = min(2*cap(buf), most)
			if !x.proxy.bodies.take(size - cap(buf)) {
				return nil, errFull
			}
			x.held += size - cap(buf)
			buf = append(make([]byte, 0, size), buf...)
			x.giveBack()
		}
	}
}

// borrow gives an empty buffer of at most firstBody bytes.
func (x *exchange) borrow(size int) []byte {
	from := &firstBodies
	if size <= smallBody {
		from = &smallBodies
	}
	x.lent = from.Get().(*[]byte)
	return (*x.lent)[:0:size]
}

// giveBack lets others use the buffer that was borrowed.
func (x *exchange) giveBack() {
	switch {
	case x.lent == nil:
		return
	case len(*x.lent) == smallBody:
		smallBodies.Put(x.lent)
	default:
		firstBodies.Put(x.lent)
	}
	x.lent = nil
}

// allow gives a body longer to arrive as long as it comes at a bearable pace: what it has sent buys time, what it declares
// does not. No pause may be longer than a request without a body may take.
func (x *exchange) allow(ctx *fasthttp.RequestCtx, got int) {
	bought := time.Duration(float64(got) / slowestBody * float64(time.Second))
	pause := time.Since(x.started)
	_ = ctx.Conn().SetReadDeadline(x.started.Add(x.proxy.server.HeadTime + min(bought, pause)))
}

// release lets go of the request's body: nothing will be sent again, and nobody looks at it any more.
func (x *exchange) release() {
	x.proxy.bodies.give(x.held)
	x.held, x.req = 0, nil
	x.giveBack()
}

func noRoom() *openai.Error {
	return &openai.Error{Status: 503, Type: "server_error", Code: "busy", Message: "too many large requests at once; try again in a moment"}
}

func tooLarge(max int) *openai.Error {
	return &openai.Error{Status: 413, Type: "invalid_request_error", Code: "request_too_large",
		Message: "the request body is larger than " + strconv.Itoa(max) + " bytes (max_body in models.yaml)"}
}
