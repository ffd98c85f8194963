package server

import (
	"bufio"
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// ErrFull is what Refuse is given for a connection too many.
var ErrFull = errors.New("too many connections")

const (
	firstRetry = 5 * time.Millisecond // after a connection could not be accepted, doubled up to lastRetry
	lastRetry  = time.Second
	lookEvery  = 10 * time.Millisecond // for the last requests, while stopping
)

// Server serves connections. Its fields are set before Serve.
type Server struct {
	Handle func(*fasthttp.RequestCtx)
	// Refuse writes the answer to what is no request. The error is one of this package, fasthttp's, or of the connection. With ErrFull nobody else is let
	// in before it has returned and the connection is closed, so neither may wait for the client.
	Refuse func(*fasthttp.RequestCtx, error)
	// Panicked is told of a panic in Handle or in a stream. It costs its connection, and nobody else anything.
	Panicked func(cause any)

	HeadTime  time.Duration // for a request to come, from its first byte to the last of its body
	IdleTime  time.Duration // between requests
	HeadLimit int           // bytes
	MaxConns  int           // if there are descriptors for as many

	heads    sync.Pool // *bufio.Reader of HeadLimit bytes
	stopping atomic.Bool
	mu       sync.Mutex // guards all below
	open     map[*conn]struct{}
	places   int       // for connections
	looked   time.Time // for who could make room
	doors    map[net.Listener]struct{}
}

// Serve accepts connections until Shutdown, or until ln is closed.
func (s *Server) Serve(ln net.Listener) error {
	if !s.opened(ln) {
		return nil
	}
	defer s.shut(ln)
	pause := firstRetry
	for {
		c, err := ln.Accept()
		switch {
		case err == nil:
			pause = firstRetry
			s.welcome(c)
		case s.stopping.Load():
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		default: // there are no descriptors left, or the client has gone already
			s.makeRoom()
			time.Sleep(pause)
			pause = min(2*pause, lastRetry)
		}
	}
}

func (s *Server) opened(ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping.Load() {
		_ = ln.Close()
		return false
	}
	if s.doors == nil {
		s.doors, s.open, s.places = map[net.Listener]struct{}{}, map[*conn]struct{}{}, places(s.MaxConns)
	}
	s.doors[ln] = struct{}{}
	return true
}

func (s *Server) shut(ln net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.doors, ln)
}

// welcome serves a connection, or says that there are too many.
func (s *Server) welcome(raw net.Conn) {
	c := &conn{server: s, Conn: raw}
	if !s.enter(c) && !(s.makeRoom() && s.enter(c)) {
		c.ctx = contexts.Get().(*fasthttp.RequestCtx)
		c.ctx.Init2(raw, quiet{}, true)
		c.refuse(ErrFull)
		c.letContextGo()
		_ = raw.Close()
		return
	}
	go c.serve()
}

func (s *Server) enter(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) >= s.places {
		return false
	}
	s.open[c] = struct{}{}
	return true
}

func (s *Server) leave(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

// Open is how many connections there are.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// Shutdown accepts no more, closes connections that wait for a request, and lets the others finish theirs. When the context ends
// before they have, they are closed as they are.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopping.Store(true)
	s.mu.Lock()
	for ln := range s.doors {
		_ = ln.Close()
	}
	s.mu.Unlock()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for s.close(func(c *conn) bool { return c.waits.Load() != 0 }) > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.close(func(*conn) bool { return true })
			return ctx.Err()
		}
	}
	return nil
}

// close closes the connections that are meant, and gives how many there were.
func (s *Server) close(meant func(*conn) bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		if meant(c) {
			_ = c.Conn.Close()
		}
	}
	return len(s.open)
}

// head gives a buffer for the head of a request.
func (s *Server) head() *bufio.Reader {
	if br, ok := s.heads.Get().(*bufio.Reader); ok {
		return br
	}
	return bufio.NewReaderSize(nil, s.HeadLimit)
}

// quiet drops what fasthttp has to say.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
