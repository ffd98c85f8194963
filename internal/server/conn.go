package server

import (
	"bufio"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// conn serves one connection.
type conn struct {
	net.Conn
	server *Server
	waits  atomic.Int64 // since when, for a request, in nanoseconds of the epoch; 0 = it has one

	ctx   *fasthttp.RequestCtx // nil between requests
	br    *bufio.Reader        // nil when nothing is in it and no head is being read
	first *[]byte              // of firsts: what came first of a request, on its way to br
	got   int                  // how many bytes
	one   [1]byte
	until time.Time // for the present request to come
	bound bool      // and the connection knows of it
	body  body
}

var (
	contexts = sync.Pool{New: func() any { return new(fasthttp.RequestCtx) }}
	firsts   = sync.Pool{New: func() any { b := make([]byte, 4<<10); return &b }}
)

// serve answers one request after the other.
func (c *conn) serve() {
	defer c.server.leave(c)
	defer c.Conn.Close()
	defer func() {
		if cause := recover(); cause != nil {
			c.server.Panicked(cause)
		}
	}()
	defer c.letContextGo()
	defer c.letReaderGo()
	for patience := c.server.HeadTime; c.await(patience) && c.exchange() && !c.server.stopping.Load(); {
		patience = c.server.IdleTime
	}
}

// patient is a connection that can wait for bytes without a buffer for them.
type patient interface {
	ReadPooled(pool *sync.Pool, most int64) (buf *[]byte, n int, err error)
}

// await waits for the first byte of a request, and holds nothing meanwhile.
func (c *conn) await(patience time.Duration) bool {
	if c.br != nil { // a pipeline
		return true
	}
	now := time.Now()
	err := c.Conn.SetReadDeadline(now.Add(patience))
	if err != nil {
		return false
	}
	c.waits.Store(now.UnixNano())
	if p, ok := c.Conn.(patient); ok {
		c.first, c.got, err = p.ReadPooled(&firsts, int64(c.server.HeadLimit))
	} else {
		c.got, err = c.Conn.Read(c.one[:])
	}
	c.waits.Store(0)
	return err == nil && c.got > 0
}

// Read gives what came first, and then what comes, within the time of the request.
func (c *conn) Read(p []byte) (n int, err error) {
	switch {
	case c.first != nil:
		n = copy(p, (*c.first)[:c.got]) // all of it: an empty reader has room for as much
		firsts.Put(c.first)
		c.first, c.got = nil, 0
		return n, nil
	case c.got > 0:
		c.got = 0
		return copy(p, c.one[:]), nil
	}
	if !c.bound {
		c.bound = true
		if err := c.Conn.SetReadDeadline(c.until); err != nil {
			return 0, err
		}
	}
	return c.Conn.Read(p)
}

// exchange serves one request, and says whether another one may follow.
func (c *conn) exchange() (more bool) {
	c.ctx = contexts.Get().(*fasthttp.RequestCtx)
	c.ctx.Init2(c.Conn, quiet{}, true)
	c.until, c.bound = c.ctx.Time().Add(c.server.HeadTime), false
	c.ctx.Response.Header.DisableNormalizing() // handlers write names as they are to be
	if err := c.read(); err != nil {
		if !nobody(err) {
			c.refuse(err)
		}
		return false
	}
	c.server.Handle(c.ctx)
	last := c.last()
	more = c.answer(last) && !last && c.body.skip()
	c.letContextGo()
	return more
}

// read takes the head of a request, and finds out where its body ends.
func (c *conn) read() error {
	if c.br == nil {
		c.br = c.server.head()
		c.br.Reset(c)
	}
	f, err := awaitHead(c.br)
	if err != nil {
		return err
	}
	h := &c.ctx.Request.Header
	if err := h.Read(c.br); err != nil {
		return err
	}
	if err := check(h, f); err != nil {
		return err
	}
	if err := c.ctx.URI().Parse(h.Host(), h.RequestURI()); err != nil {
		return err
	}
	return c.body.begin(c)
}

// nobody says whether there is nobody to be told.
func nobody(err error) bool { return err == io.EOF || errors.Is(err, net.ErrClosed) }

// last says whether the connection ends with this answer: the client wants it so, the handler does, or it cannot be told where the
// next request would begin.
func (c *conn) last() bool {
	return c.ctx.Request.Header.ConnectionClose() || c.ctx.Response.Header.ConnectionClose() || c.server.stopping.Load() || !c.body.skippable()
}

func (c *conn) letReaderGo() {
	if c.first != nil {
		firsts.Put(c.first)
		c.first = nil
	}
	if c.br != nil {
		c.br.Reset(nil)
		c.server.heads.Put(c.br)
		c.br = nil
	}
}

// letContextGo lets others have the context, when nothing more is to come for it: the codec writes the trailers of a body that
// nobody has read into the head of its request.
func (c *conn) letContextGo() {
	if c.ctx == nil {
		return
	}
	c.ctx.Request.Reset()
	c.ctx.Response.Reset()
	c.ctx.ResetUserValues()
	contexts.Put(c.ctx)
	c.ctx = nil
}
