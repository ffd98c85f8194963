package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	lingerTime  = 2 * time.Second
	lingerBytes = 64 << 20
)

// watched is a connection that tells when its peer has left. internal/upstream makes such connections.
type watched interface {
	Attach(gone func())
	Detach()
}

// listener gives connections that can linger.
type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	w, _ := c.(watched)
	return &conn{Conn: c, watched: w}, nil
}

// conn is a client's connection.
type conn struct {
	net.Conn
	watched
	lingering atomic.Bool
}

// linger answers before the request was read, then lets the client finish sending: a connection that is closed over unread
// bytes is reset, and the client would never see the answer.
func linger(ctx *fasthttp.RequestCtx) {
	ctx.SetConnectionClose()
	if c, ok := ctx.Conn().(*conn); ok {
		c.lingering.Store(true)
	}
}

func (c *conn) Close() error {
	if c.lingering.Swap(false) {
		if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
			_ = c.SetReadDeadline(time.Now().Add(lingerTime))
			_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes)
		}
	}
	return c.Conn.Close()
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

func isTooLargeHead(err error) bool {
	var small *fasthttp.ErrSmallBuffer
	return errors.As(err, &small)
}
