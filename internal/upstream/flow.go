package upstream

import (
	"cmp"
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// past is a deadline that wakes whoever is blocked.
var past = time.Unix(1, 0)

// Flow is one exchange that can be cancelled in every phase. The zero value is ready; one exchange at a time.
type Flow struct {
	mu        sync.Mutex
	cancelled bool
	deadline  time.Time
	conn      net.Conn           // what the owner may be blocked on
	armed     time.Time          // the deadline that conn has, if it is known; never later than deadline
	stop      context.CancelFunc // ends a wait for a connection or a dial
}

// SetDeadline moves the absolute end of the wait, dial, handshake, write, head and body reads from now on; zero is none. It
// is for the goroutine that calls Do and Read.
//
// The connection's deadline is only ever moved to an earlier time. To move it to a later one, at each event of a stream, would cost as much as
// reading the event: a read that ends too soon is made again instead (postponed).
func (f *Flow) SetDeadline(t time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deadline = t
	if !f.armed.IsZero() && (t.IsZero() || !t.Before(f.armed)) {
		return
	}
	f.arm()
}

func (f *Flow) arm() {
	if f.conn != nil && !f.cancelled {
		_ = f.conn.SetDeadline(f.deadline)
		f.armed = f.deadline
	}
}

// postponed says whether a read has ended at a deadline that was moved since: then it may be made again. The kernel's ETIMEDOUT is no
// deadline but the end of the connection, told once: the next read would see a plain close.
func (f *Flow) postponed(err error) bool {
	if _, dead := errors.AsType[syscall.Errno](err); dead || !timedOut(err) {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cancelled || !f.deadline.IsZero() && !time.Now().Before(f.deadline) {
		return false
	}
	f.arm()
	return true
}

// Cancel makes the running and every later call of this flow end with ErrCancelled. It never blocks.
func (f *Flow) Cancel() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cancelled = true
	if f.conn != nil {
		_ = f.conn.SetDeadline(past)
	}
	if f.stop != nil {
		f.stop()
	}
}

// Cancelled tells whether Cancel was called.
func (f *Flow) Cancelled() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cancelled
}

// Reset makes the flow new for the next exchange. No reply of it may be open.
func (f *Flow) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.conn != nil {
		panic("BUG: a flow was reset while its reply was open")
	}
	f.cancelled, f.deadline, f.armed = false, time.Time{}, time.Time{}
}

// Wait blocks until something comes from woken, at most until the deadline. Nothing of the flow may be open meanwhile.
func (f *Flow) Wait(woken <-chan struct{}) error {
	ctx, done := f.context(time.Time{})
	defer done()
	select {
	case <-woken:
		return nil
	case <-ctx.Done():
		return cmp.Or(f.over(), ErrTimeout)
	}
}

// bind makes conn what Cancel and SetDeadline act on, and limits it to the deadline or to limit, if that is earlier.
func (f *Flow) bind(conn net.Conn, limit time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cancelled {
		return ErrCancelled
	}
	f.conn, f.armed = conn, earlier(f.deadline, limit)
	_ = conn.SetDeadline(f.armed)
	return nil
}

// unbind lets go of the connection and reports whether it may serve again: after a Cancel its deadline is no longer ours.
func (f *Flow) unbind() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conn, f.armed = nil, time.Time{}
	return !f.cancelled
}

// limitWrite bounds the writes alone, never beyond the deadline; limitRead the reads.
func (f *Flow) limitWrite(t time.Time) {
	f.limit(func(c net.Conn, t time.Time) error { return c.SetWriteDeadline(t) }, t)
}

func (f *Flow) limitRead(t time.Time) {
	f.limit(func(c net.Conn, t time.Time) error { return c.SetReadDeadline(t) }, t)
}

func (f *Flow) limit(set func(net.Conn, time.Time) error, t time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.conn != nil && !f.cancelled {
		_ = set(f.conn, earlier(f.deadline, t))
		f.armed = time.Time{} // of half of it
	}
}

// context gives one that ends with the flow, at limit, or when the caller is done. It exists only while the flow waits, for a
// turn or a connection, or dials.
func (f *Flow) context(limit time.Time) (context.Context, context.CancelFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ctx, stop := until(earlier(f.deadline, limit))
	if f.cancelled {
		stop()
	}
	f.stop = stop
	return ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.stop = nil
		stop()
	}
}

func until(t time.Time) (context.Context, context.CancelFunc) {
	if t.IsZero() {
		return context.WithCancel(context.Background())
	}
	return context.WithDeadline(context.Background(), t)
}

// over says why the flow has ended, if it has.
func (f *Flow) over() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.cancelled:
		return ErrCancelled
	case !f.deadline.IsZero() && !time.Now().Before(f.deadline):
		return ErrTimeout
	}
	return nil
}

// cause translates an error of the network: a cancelled flow looks like a timeout to it.
func (f *Flow) cause(err error) error {
	switch {
	case f.Cancelled():
		return ErrCancelled
	case timedOut(err):
		return ErrTimeout
	}
	return err
}

// earlier of two deadlines; zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
