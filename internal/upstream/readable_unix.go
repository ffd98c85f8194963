//go:build unix

package upstream

import (
	"io"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// readable tells, without waiting, whether a read would return: bytes, an end or an error.
func readable(sys syscall.RawConn) (is bool) {
	err := sys.Control(func(fd uintptr) { is = polled(fd) })
	return is || err != nil
}

func polled(fd uintptr) bool {
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds[:], 0)
	return n != 0 || err != nil
}

// patient says whether a read can wait without a buffer.
const patient = true

// awaiter reads into a buffer that it takes when the first byte is there. It belongs to one connection, so that a read allocates
// nothing.
type awaiter struct {
	try  func(fd uintptr) bool
	pool *sync.Pool
	most int64
	buf  *[]byte
	n    int
	err  error
}

// read waits for bytes, at most so many, or the end. Without a buffer the error says why the wait has ended.
func (a *awaiter) read(sys syscall.RawConn, pool *sync.Pool, most int64) (buf *[]byte, n int, err error) {
	if a.try == nil {
		a.try = a.tried
	}
	a.pool, a.most, a.buf, a.n, a.err = pool, most, nil, 0, nil
	if err := sys.Read(a.try); err != nil && a.buf == nil {
		return nil, 0, err
	}
	buf, n, err = a.buf, a.n, a.err
	a.pool, a.buf = nil, nil
	return buf, n, err
}

// tried is one look: true when there was something, be it an end or an error.
func (a *awaiter) tried(fd uintptr) bool {
	buf := a.pool.Get().(*[]byte)
	room := (*buf)[:min(int64(len(*buf)), a.most)]
	n, err := unix.Read(int(fd), room)
	for err == unix.EINTR {
		n, err = unix.Read(int(fd), room)
	}
	if err == unix.EAGAIN {
		a.pool.Put(buf)
		return false
	}
	a.buf, a.n, a.err = buf, max(n, 0), err
	if n == 0 && err == nil {
		a.err = io.EOF
	}
	return true
}
