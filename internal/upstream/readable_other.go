//go:build !unix

package upstream

import (
	"sync"
	"syscall"
)

// readable cannot look without reading here: a dead kept connection is found when it is used, and redialled.
func readable(syscall.RawConn) bool { return false }

// patient says whether a read can wait without a buffer.
const patient = false

type awaiter struct{}

func (*awaiter) read(syscall.RawConn, *sync.Pool, int64) (*[]byte, int, error) {
	panic("BUG: a wait without a buffer")
}
