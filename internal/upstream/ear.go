package upstream

import (
	"net"
	"sync"
	"time"
)

// ear notices the end of a connection that nobody watches, by reading one byte ahead; the next Read gets that byte. Behind a
// byte it hears nothing.
type ear struct {
	mu       sync.Mutex
	done     chan struct{} // not nil while listening
	heardIt  bool
	byte     [1]byte
	deadline time.Time // of reads, as it was set from outside
}

func (e *ear) listen(c net.Conn, gone func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.heardIt {
		return
	}
	_ = c.SetReadDeadline(time.Time{})
	done := make(chan struct{})
	e.done = done
	go func() {
		defer close(done)
		n, err := c.Read(e.byte[:])
		e.heardIt = n > 0
		if n == 0 && !timedOut(err) {
			gone()
		}
	}()
}

// stop interrupts the listening, waits for its end, and sets the deadline again that holds without it.
func (e *ear) stop(c net.Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.done == nil {
		return
	}
	_ = c.SetReadDeadline(past)
	<-e.done
	e.done = nil
	_ = c.SetReadDeadline(e.deadline)
}

func (e *ear) heard(p []byte) int {
	if !e.heardIt || len(p) == 0 {
		return 0
	}
	e.heardIt = false
	return copy(p, e.byte[:])
}

func (e *ear) setReadDeadline(c net.Conn, t time.Time) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if later := t.Sub(e.deadline); !e.deadline.IsZero() && later >= 0 && later < time.Until(t)/30 {
		return nil // each request brings one that is a little later
	}
	e.deadline = t
	if e.done != nil {
		return nil
	}
	return c.SetReadDeadline(t)
}
