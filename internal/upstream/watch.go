package upstream

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// writeTimeout bounds each write to a client that does not read.
const writeTimeout = 30 * time.Second

// Watch wraps a listener so that each connection it accepts is a *Conn. Half a close counts as gone, as it does for nginx.
// Connections go on being watched after the listener was closed.
func Watch(ln net.Listener) (net.Listener, error) {
	w, err := newWatcher()
	if err != nil {
		return nil, err
	}
	return &listener{Listener: ln, w: w}, nil
}

type listener struct {
	net.Listener
	w    *watcher
	once sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &Conn{Conn: raw, sock: newSocket(raw), WriteTimeout: writeTimeout}
	if s, ok := raw.(syscall.Conn); ok {
		if sys, err := s.SyscallConn(); err == nil {
			c.unwatch = l.w.add(sys, c.peerGone)
		}
	}
	return c, nil
}

func (l *listener) Close() error {
	l.once.Do(l.w.release)
	return l.Listener.Close()
}

// Conn is the connection of a client that can tell when its peer has left.
type Conn struct {
	net.Conn
	WriteTimeout time.Duration // of each write, up to a thirtieth less; 0 = the deadline that was set

	sock    *socket // nil: it has no descriptor
	unwatch func()  // nil: nobody tells, so Attach listens by itself
	ear     ear

	mu     sync.Mutex
	onGone func()    // not nil while attached and the peer is there
	gone   bool      // the peer has left
	lost   bool      // and somebody was told: nothing more is written
	until  time.Time // the deadline of writes
}

// Attach has onGone called once when the peer closes or resets before Detach. It runs in another goroutine, or in Attach
// itself when the peer has left already; it must not block, and not call Detach. Nothing may be read while attached.
func (c *Conn) Attach(onGone func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onGone = onGone
	switch {
	case c.gone:
		c.tell()
	case c.unwatch == nil:
		c.ear.listen(c.Conn, c.peerGone)
	}
}

// Detach ends that. When it has returned, onGone is not running and is not called any more.
func (c *Conn) Detach() {
	c.ear.stop(c.Conn)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onGone = nil
}

func (c *Conn) peerGone() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = true
	c.tell()
}

// tell calls onGone under the lock, so that a late event cannot meet the next request, and wakes a write in progress.
func (c *Conn) tell() {
	if c.onGone == nil {
		return
	}
	c.lost = true
	_ = c.Conn.SetWriteDeadline(past)
	c.onGone()
	c.onGone = nil
}

// Read reads from the peer.
func (c *Conn) Read(p []byte) (int, error) {
	if n := c.ear.heard(p); n > 0 {
		return n, nil
	}
	if c.sock != nil {
		return c.sock.Read(p)
	}
	return c.Conn.Read(p)
}

// ReadPooled reads at most so many bytes into a buffer of the pool that it takes when there is something to read, and not before.
// Without a buffer the error says why the wait has ended.
func (c *Conn) ReadPooled(pool *sync.Pool, most int64) (buf *[]byte, n int, err error) {
	if c.sock != nil && !c.ear.heardIt {
		return c.sock.ReadPooled(pool, most)
	}
	buf = pool.Get().(*[]byte)
	if n, err = c.Read((*buf)[:min(most, int64(len(*buf)))]); n == 0 {
		pool.Put(buf)
		return nil, 0, err
	}
	return buf, n, nil
}

var errPeerGone = errors.New("the peer has left")

// Write writes within WriteTimeout, and not at all when the peer has left.
func (c *Conn) Write(p []byte) (int, error) {
	if err := c.allowWrite(); err != nil {
		return 0, err
	}
	if c.sock != nil {
		return c.sock.Write(p)
	}
	return c.Conn.Write(p)
}

func (c *Conn) allowWrite() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost {
		return errPeerGone
	}
	if c.WriteTimeout <= 0 {
		return nil
	}
	until := time.Now().Add(c.WriteTimeout)
	if until.Sub(c.until) < c.WriteTimeout/30 {
		return nil // to set it anew for each event costs as much as to read one
	}
	c.until = until
	return c.Conn.SetWriteDeadline(until)
}

// SetReadDeadline bounds reads, up to a thirtieth less; it rests while attached.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.ear.setReadDeadline(c.Conn, t) }

// SetDeadline bounds reads and writes.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// CloseWrite tells the peer that nothing more will be written; reading goes on.
func (c *Conn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// Close closes the connection. Events that are still under way find nobody.
func (c *Conn) Close() error {
	if c.unwatch != nil {
		c.unwatch()
	}
	return c.Conn.Close()
}
