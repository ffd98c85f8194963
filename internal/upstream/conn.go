package upstream

import (
	"bufio"
	"net"
	"sync"
	"time"
)

const (
	joinSize  = 8 << 10                // up to here head and body go out in one write
	sliceSize = 128 << 10              // between slices of a large body we look for an early answer
	stall     = 100 * time.Millisecond // and when a slice does not move for so long
)

// conn is a place among the connections to one origin: dialled, or the right to dial.
type conn struct {
	host    *host
	raw     net.Conn      // what deadlines and closing act on; nil = not dialled
	rw      net.Conn      // raw, or TLS above it
	sock    *socket       // of raw; nil: there is no descriptor to look at
	br      *bufio.Reader // only from the head until what came with it is read
	kept    bool          // has served before
	half    bool          // a part of a request was sent, and no more of it will be
	silent  bool          // no byte of the present answer has come
	asked   bool          // an answer was waited for: it is in first
	idleAt  time.Time
	first   answer // on its way to br
	vec     net.Buffers
	vecBack [4][]byte // behind vec
}

// answer is what a peer has said first.
type answer struct {
	buf *[]byte // of firsts; nil = nothing
	n   int     // bytes in it
	err error   // why there is none
}

func (c *conn) dialled(raw net.Conn) {
	c.raw, c.rw, c.sock, c.kept, c.half = raw, raw, newSocket(raw), false, false
}

// close leaves the bare right to dial. It closes below TLS: a farewell could block for seconds. Half a request is reset: the
// megabytes of it that wait in the kernel are of no use to a provider, who would see the end only behind them.
func (c *conn) close() {
	c.letReaderGo()
	if tcp, ok := c.raw.(*net.TCPConn); ok && c.half {
		_ = tcp.SetLinger(0)
	}
	if c.raw != nil {
		_ = c.raw.Close()
	}
	c.raw, c.rw, c.sock = nil, nil, nil
}

func (c *conn) secure() bool { return c.rw != c.raw }

// plain is the socket, if nothing stands between it and what is said. nil = there is none.
func (c *conn) plain() *socket {
	if c.secure() {
		return nil
	}
	return c.sock
}

// receive reads from what the peer says.
func (c *conn) receive(p []byte) (int, error) {
	if s := c.plain(); s != nil {
		return s.Read(p)
	}
	return c.rw.Read(p)
}

// stale finds out, before a kept connection is used, that its peer has closed it or has sent bytes nobody asked for.
func (c *conn) stale() bool {
	if c.sock != nil {
		if c.sock.readable() {
			return true
		}
		if !c.secure() {
			return false
		}
	}
	// No descriptor, or TLS, which may hold bytes of its own: a read that cannot wait tells.
	_ = c.raw.SetReadDeadline(past)
	var b [1]byte
	n, err := c.rw.Read(b[:])
	return n > 0 || !timedOut(err)
}

var readers = sync.Pool{New: func() any { return new(bufio.Reader) }}

// reader is where the head is read from. Its buffer is the bound of the head.
func (c *conn) reader(size int) *bufio.Reader {
	if c.br == nil {
		c.br = readers.Get().(*bufio.Reader)
		if c.br.Size() != size {
			c.br = bufio.NewReaderSize(c, size)
		}
		c.br.Reset(c)
	}
	return c.br
}

func (c *conn) letReaderGo() {
	c.letFirstGo()
	if c.br != nil {
		c.br.Reset(nil)
		readers.Put(c.br)
		c.br = nil
	}
}
