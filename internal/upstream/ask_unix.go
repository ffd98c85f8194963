//go:build unix

package upstream

import (
	"net"
	"os"
	"sync"
	"syscall"
)

// question is what is said before an answer is waited for.
type question struct {
	parts *net.Buffers // what is left to say
	begun bool
	early bool // there was something to read before
	err   syscall.Errno
}

var questions = sync.Pool{New: func() any { return new(question) }}

// Ask writes all parts and waits for the first bytes of the answer, for which it takes a buffer of the pool as ReadPooled does. A write
// followed by a read always makes one read too early, so as not to miss what comes in between; here the wait begins before anything is written.
//
// When there is something to read already nothing is written: early. When parts are left, because the kernel takes no more or for the
// reason in wrong, no answer was waited for.
func (s *socket) Ask(parts *net.Buffers, pool *sync.Pool, most int64) (a answer, early bool, wrong error) {
	q := questions.Get().(*question)
	defer questions.Put(q)
	*q = question{parts: parts}
	s.asks = q
	a.buf, a.n, a.err = s.ReadPooled(pool, most)
	s.asks, q.parts = nil, nil
	switch {
	case q.err != 0:
		wrong = &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", q.err)}
	case !q.begun:
		wrong = a.err // the time was over before
	}
	return a, q.early, wrong
}

// ask is the first look: it writes. True ends the wait before it has begun.
func (q *question) ask(fd uintptr) bool {
	q.begun = true
	if q.early = waiting(fd); q.early {
		return true
	}
	q.err = writeParts(fd, q.parts)
	return len(*q.parts) > 0
}
