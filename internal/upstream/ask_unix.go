//go:build unix

package upstream

import (
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// question is what is said before an answer is waited for.
type question struct {
	p     []byte
	begun bool
	said  int  // how much of p was written
	early bool // there was something to read before
	err   syscall.Errno
}

var questions = sync.Pool{New: func() any { return new(question) }}

// Ask writes p and waits for the first bytes of the answer, for which it takes a buffer of the pool as ReadPooled does. Who writes and then
// reads always reads once too early, to be sure not to miss what comes in between; here the wait begins before anything is written.
//
// When there is something to read already nothing is written: early. When less than p is written, because the kernel takes no more or for the
// reason in wrong, no answer was waited for.
func (s *socket) Ask(p []byte, pool *sync.Pool, most int64) (a answer, said int, early bool, wrong error) {
	q := questions.Get().(*question)
	defer questions.Put(q)
	*q = question{p: p}
	s.asks = q
	a.buf, a.n, a.err = s.ReadPooled(pool, most)
	s.asks, q.p = nil, nil
	switch {
	case q.err != 0:
		wrong = &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", q.err)}
	case !q.begun:
		wrong = a.err // the time was over before
	}
	return a, q.said, q.early, wrong
}

// ask is the first look: it writes. True ends the wait before it has begun.
func (q *question) ask(fd uintptr) bool {
	q.begun = true
	if q.early = waiting(fd); q.early {
		return true
	}
	n, err := writeNow(fd, q.p)
	if q.said = max(n, 0); err != 0 && err != unix.EAGAIN {
		q.err = err
	}
	return q.said < len(q.p)
}
