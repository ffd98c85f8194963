//go:build unix

package upstream

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// socket reads and writes at a connection's descriptor, which never blocks. It allocates nothing. One goroutine may read and one
// may write at a time; deadlines and closing are the connection's own.
type socket struct {
	sys syscall.RawConn

	receive func(fd uintptr) bool // behind it and look: in
	look    func(fd uintptr)
	asks    *question // nil unless Ask is under way
	in      struct {
		pool *sync.Pool // nil: buf is given
		most int64
		buf  *[]byte // of pool; nil until there is something to read
		p    []byte
		n    int
		is   bool
		err  error
	}

	send func(fd uintptr) bool // behind it: out
	out  struct {
		p     []byte
		n     int
		parts *net.Buffers // nil: p is written
		err   error
	}
}

// newSocket is nil for a connection that has no descriptor.
func newSocket(c net.Conn) *socket {
	has, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	sys, err := has.SyscallConn()
	if err != nil {
		return nil
	}
	s := &socket{sys: sys}
	s.receive, s.look, s.send = s.received, s.looked, s.sent
	return s
}

// readable tells, without waiting, whether a read would return: bytes, an end or an error.
func (s *socket) readable() bool {
	err := s.sys.Control(s.look)
	return err != nil || s.in.is
}

func (s *socket) looked(fd uintptr) { s.in.is = waiting(fd) }

// Read reads what there is, or waits for it.
func (s *socket) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.in.p = p
	err := s.read()
	s.in.p = nil
	return s.in.n, err
}

// ReadPooled reads at most so many bytes into a buffer of the pool that it takes when there is something to read. Without a buffer
// the error says why the wait has ended.
func (s *socket) ReadPooled(pool *sync.Pool, most int64) (buf *[]byte, n int, err error) {
	s.in.pool, s.in.most = pool, most
	err = s.read()
	buf = s.in.buf
	s.in.pool, s.in.buf, s.in.p = nil, nil, nil
	return buf, s.in.n, err
}

func (s *socket) read() error {
	s.in.n, s.in.err = 0, nil
	err := s.sys.Read(s.receive)
	switch {
	case s.in.n > 0:
		return nil
	case s.in.err == io.EOF:
		return io.EOF
	case s.in.err != nil:
		return &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", s.in.err)}
	}
	return err
}

// received is one look: true when there was something, be it an end or an error.
func (s *socket) received(fd uintptr) bool {
	if s.asks != nil && !s.asks.begun {
		return s.asks.ask(fd)
	}
	if s.in.pool != nil {
		s.in.buf = s.in.pool.Get().(*[]byte)
		s.in.p = (*s.in.buf)[:min(int64(len(*s.in.buf)), s.in.most)]
	}
	n, err := readNow(fd, s.in.p)
	switch {
	case err == unix.EAGAIN:
		if s.in.pool != nil {
			s.in.pool.Put(s.in.buf)
			s.in.buf = nil
		}
		return false
	case err != 0:
		s.in.err = err
	case n == 0:
		s.in.err = io.EOF
	}
	s.in.n = max(n, 0)
	return true
}

// Write writes all of p.
func (s *socket) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.out.p, s.out.n, s.out.err = p, 0, nil
	err := s.write()
	s.out.p = nil
	return s.out.n, err
}

// WriteParts writes all parts, and takes out of them what was written.
func (s *socket) WriteParts(parts *net.Buffers) error {
	s.out.parts, s.out.err = parts, nil
	err := s.write()
	s.out.parts = nil
	return err
}

func (s *socket) write() error {
	err := s.sys.Write(s.send)
	if s.out.err != nil {
		err = &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", s.out.err)}
	}
	return err
}

// sent writes what the kernel takes now: true when that was the rest, or failed.
func (s *socket) sent(fd uintptr) bool {
	if s.out.parts != nil {
		return s.sentParts(fd)
	}
	for s.out.n < len(s.out.p) {
		n, err := writeNow(fd, s.out.p[s.out.n:])
		switch {
		case err == unix.EAGAIN:
			return false
		case err != 0:
			s.out.err = err
			return true
		}
		s.out.n += n
	}
	return true
}

func (s *socket) sentParts(fd uintptr) bool {
	if err := writeParts(fd, s.out.parts); err != 0 {
		s.out.err = err
		return true
	}
	return len(*s.out.parts) == 0
}

// writeParts writes of the parts what the kernel takes now, and takes it out of them.
func writeParts(fd uintptr, parts *net.Buffers) syscall.Errno {
	for len(*parts) > 0 {
		n, err := writePartsNow(fd, *parts)
		switch {
		case err == unix.EAGAIN:
			return 0
		case err != 0:
			return err
		}
		for len(*parts) > 0 && n >= len((*parts)[0]) {
			n -= len((*parts)[0])
			*parts = (*parts)[1:]
		}
		if n > 0 {
			(*parts)[0] = (*parts)[0][n:]
		}
	}
	return 0
}
