package proxy

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	lingerTime    = 30 * time.Second // for a client to finish sending what nobody reads
	lingerSilence = 2 * time.Second  // and how long it may pause
)

// watched is a connection that tells when its peer has left. internal/upstream makes such connections.
type watched interface {
	Attach(gone func())
	Detach()
}

// listener gives connections that can linger, and no more to one address than its share.
type listener struct {
	net.Listener
	crowd *crowd
}

func newListener(ln net.Listener, perAddress int) listener {
	return listener{ln, &crowd{most: perAddress, here: map[netip.Addr]int{}}}
}

func (l listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if leave, ok := l.crowd.enter(c.RemoteAddr()); ok {
			w, _ := c.(watched)
			return &conn{Conn: c, watched: w, leave: leave}, nil
		}
		_ = c.Close()
	}
}

// conn is a client's connection.
type conn struct {
	net.Conn
	watched
	lingering atomic.Bool
	leave     func() // gives back the place of its address
}

// linger answers before the request was read, then lets the client finish sending: a connection that is closed over unread
// bytes is reset, and the client would never see the answer.
func linger(ctx *fasthttp.RequestCtx) {
	ctx.SetConnectionClose()
	if c, ok := ctx.Conn().(*conn); ok {
		c.lingering.Store(true)
	}
}

// lingerIfLarge does so when more of the body is to come than fasthttp reads by itself to keep the connection.
func lingerIfLarge(ctx *fasthttp.RequestCtx) {
	if n := ctx.Request.Header.ContentLength(); n == -1 || n > 128<<10 {
		linger(ctx)
	}
}

// ReadPooled waits for bytes without a buffer, if the connection below can: a client that says nothing holds none.
func (c *conn) ReadPooled(pool *sync.Pool, most int64) (buf *[]byte, n int, err error) {
	if p, ok := c.Conn.(interface {
		ReadPooled(*sync.Pool, int64) (*[]byte, int, error)
	}); ok {
		return p.ReadPooled(pool, most)
	}
	buf = pool.Get().(*[]byte)
	if n, err = c.Conn.Read((*buf)[:min(most, int64(len(*buf)))]); n == 0 {
		pool.Put(buf)
		return nil, 0, err
	}
	return buf, n, nil
}

func (c *conn) Close() error {
	defer c.leave()
	if c.lingering.Swap(false) {
		if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
			c.discard()
		}
	}
	return c.Conn.Close()
}

// discard reads until the client has closed, pauses for too long, or has had its time.
func (c *conn) discard() {
	buf := readBufs.Get().(*[]byte)
	defer readBufs.Put(buf)
	for end := time.Now().Add(lingerTime); time.Now().Before(end); {
		_ = c.Conn.SetReadDeadline(time.Now().Add(lingerSilence))
		if _, err := c.Conn.Read(*buf); err != nil {
			return
		}
	}
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
