//go:build unix && !linux

package upstream

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

func readNow(fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, err := unix.Read(int(fd), p)
		if err != unix.EINTR {
			return n, number(err)
		}
	}
}

func writeNow(fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, err := unix.Write(int(fd), p)
		if err != unix.EINTR {
			return n, number(err)
		}
	}
}

// writePartsNow writes the first of the parts.
func writePartsNow(fd uintptr, parts [][]byte) (int, syscall.Errno) { return writeNow(fd, parts[0]) }

func number(err error) syscall.Errno {
	e, _ := errors.AsType[syscall.Errno](err)
	return e
}

// waiting says whether there is something to read, be it an end or an error.
func waiting(fd uintptr) bool {
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds[:], 0)
	return n != 0 || err != nil
}
