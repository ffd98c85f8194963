package fakellm

import (
	"context"
	"net"
	"sync"
)

// Pipes is a listener in memory, for a server and its clients within one test. Its connections keep deadlines, and live in the
// time of the synctest bubble that made it.
type Pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// NewPipes makes a listener. A server that is closed closes it.
func NewPipes() *Pipes { return &Pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

// Dial connects to the listener, whatever the address.
func (p *Pipes) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept gives the server's end of a connection.
func (p *Pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept and Dial, not the connections.
func (p *Pipes) Close() error { p.once.Do(func() { close(p.done) }); return nil }

// Addr is no place.
func (p *Pipes) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "unix"} }
