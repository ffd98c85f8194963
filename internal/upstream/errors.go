package upstream

import (
	"errors"
	"fmt"
	"io"
)

// What ended an exchange; errors.Is finds them in what Do and Read return.
var (
	ErrCancelled      = errors.New("cancelled")
	ErrTimeout        = errors.New("deadline exceeded")
	ErrBusy           = errors.New("no connection became free in time")
	ErrRefusedAddress = errors.New("address refused: loopback, private and link-local addresses are for local providers")
)

// errStale says that a kept connection cannot be used, and that nothing was said to its peer.
var errStale = errors.New("stale")

// Phases of an exchange, in their order.
const (
	phaseRequest = "request" // it cannot be sent as it is
	phaseWait    = "wait"    // for a connection
	phaseDial    = "dial"
	phaseTLS     = "tls"
	phaseWrite   = "write"
	phaseHead    = "head"
	phaseBody    = "body"
)

// Error says where an exchange ended. Its text holds nothing of the request.
type Error struct {
	Phase string // request wait dial tls write head body
	Sent  bool   // a byte of the request may have reached the provider
	Err   error
}

func (e *Error) Error() string { return "upstream: " + e.Phase + ": " + e.Err.Error() }

// Unreached says that the exchange ended before there was a connection, and not for want of a place among them.
func (e *Error) Unreached() bool { return e.Phase == phaseDial || e.Phase == phaseTLS }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

var (
	errMalformed = errors.New("malformed answer")
	errHeadSize  = fmt.Errorf("%w: head too large", errMalformed)
	errInterim   = fmt.Errorf("%w: too many interim answers", errMalformed)
	errUpgrade   = fmt.Errorf("%w: switches protocols unasked", errMalformed)
	errEncoded   = fmt.Errorf("%w: a content encoding that was not asked for", errMalformed)
	errChunk     = fmt.Errorf("%w: bad chunk", errMalformed)
	errHungUp    = fmt.Errorf("connection closed before an answer: %w", io.EOF)
)

// cut is the cause of a body that ends too soon: always an io.ErrUnexpectedEOF, whatever the network called it.
func cut(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err)
}

// ended tells whether err is the flow's own end.
func ended(err error) bool { return errors.Is(err, ErrCancelled) || errors.Is(err, ErrTimeout) }

// timedOut also knows the timeouts of connections in memory, which are no net.Error.
func timedOut(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && t.Timeout()
}
