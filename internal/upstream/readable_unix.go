//go:build unix

package upstream

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// readable tells, without waiting, whether a read would return: bytes, an end or an error.
func readable(sys syscall.RawConn) (is bool) {
	err := sys.Control(func(fd uintptr) { is = polled(fd) })
	return is || err != nil
}

// awaitReadable blocks until a read would return, and holds no buffer meanwhile.
func awaitReadable(sys syscall.RawConn) error { return sys.Read(polled) }

func polled(fd uintptr) bool {
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds[:], 0)
	return n != 0 || err != nil
}
