package upstream

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls of this file do not tell Go's scheduler that a system call is under way, as it wants it of those that may block: these
// cannot. Told, it takes the processor away from every call that lasts 20 µs, which a write over the loopback often does, and
// its monitor thread never rests. That was a tenth of all processor time. They are calls of sockets: a write that is one of files goes through
// the locks and hooks of files first; only for several parts there is no other that is as cheap.

func readNow(fd uintptr, p []byte) (int, syscall.Errno) {
	return now(unix.SYS_RECVFROM, fd, p, unix.MSG_DONTWAIT)
}

func writeNow(fd uintptr, p []byte) (int, syscall.Errno) {
	return now(unix.SYS_SENDTO, fd, p, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
}

// writePartsNow writes the first few of the parts in one call.
func writePartsNow(fd uintptr, parts [][]byte) (int, syscall.Errno) {
	if len(parts) == 1 {
		return writeNow(fd, parts[0])
	}
	var vec [len(conn{}.vecBack)]unix.Iovec
	n := 0
	for ; n < min(len(parts), len(vec)); n++ {
		vec[n].Base = unsafe.SliceData(parts[n])
		vec[n].SetLen(len(parts[n]))
	}
	for {
		written, _, err := unix.RawSyscall(unix.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&vec)), uintptr(n))
		if err != unix.EINTR {
			return int(written), err
		}
	}
}

func now(call, fd uintptr, p []byte, flags uintptr) (int, syscall.Errno) {
	for {
		n, _, err := unix.RawSyscall6(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
		if err != unix.EINTR {
			return int(n), err
		}
	}
}

// waiting says whether there is something to read, be it an end or an error.
func waiting(fd uintptr) bool {
	var b [1]byte
	_, _, err := unix.RawSyscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&b)), 1, unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
	return err != unix.EAGAIN
}
