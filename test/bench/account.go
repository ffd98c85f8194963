//go:build linux

package main

import (
	"bytes"
	"errors"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// account is a provider that lets each request wait, by its number, and notices when its client leaves meanwhile.
type account struct {
	*provider
	waits []time.Duration // of the requests behind those of the warm-up, which are quick
	calls atomic.Int64
	ln    net.Listener

	mu   sync.Mutex // guards all below
	seen map[int]bool
	left map[int]chan time.Time // when the client of a request left; zero = it got its answer
}

func newAccount(waits []time.Duration) *account {
	return &account{waits: waits, seen: map[int]bool{}, left: map[int]chan time.Time{}}
}

func (a *account) open(token string) (addr string, err error) {
	a.provider = newProvider(token)
	if a.ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return "", err
	}
	go func() {
		for {
			c, err := a.ln.Accept()
			if err != nil {
				return
			}
			go a.serve(c)
		}
	}()
	return a.ln.Addr().String(), nil
}

func (a *account) close() { a.ln.Close() }

func (a *account) serve(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 0, 4<<10)
	for {
		asked, rest, ok := readRequest(c, &buf)
		if !ok {
			return
		}
		n := a.enter(asked)
		if !stays(c, a.wait(n)) {
			a.tell(n, time.Now())
			return
		}
		a.tell(n, time.Time{})
		var err error
		if bytes.Contains(asked, []byte(`"stream":true`)) {
			err = a.flow(c)
		} else {
			_, err = c.Write(a.whole)
		}
		if err != nil {
			return
		}
		buf = append(buf[:0], rest...)
	}
}

// enter counts a request and gives its number.
func (a *account) enter(request []byte) int {
	a.calls.Add(1)
	_, after, _ := bytes.Cut(request, []byte("Question "))
	n, _ := strconv.Atoi(string(after[:min(len(after), len(digits))]))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen[n] = true
	return n
}

func (a *account) wait(n int) time.Duration {
	if n < hedgeWarmUp || n-hedgeWarmUp >= len(a.waits) {
		return leastQuick
	}
	return a.waits[n-hedgeWarmUp]
}

// stays waits so long, and says whether the client is still there then.
func stays(c net.Conn, wait time.Duration) bool {
	_ = c.SetReadDeadline(time.Now().Add(wait))
	defer func() { _ = c.SetReadDeadline(time.Time{}) }()
	_, err := c.Read(make([]byte, 1))
	return errors.Is(err, os.ErrDeadlineExceeded)
}

func (a *account) tell(n int, at time.Time) {
	select {
	case a.leaving(n) <- at:
	default: // it has been asked again, over a new connection
	}
}

// leaving is where the moment is told at which the client of a request left.
func (a *account) leaving(n int) chan time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.left[n] == nil {
		a.left[n] = make(chan time.Time, 1)
	}
	return a.left[n]
}

// whenLeft is when the client of a request left, zero if its answer was sooner or no such request came; false if it stays.
func (a *account) whenLeft(n int) (time.Time, bool) {
	select {
	case at := <-a.leaving(n):
		return at, true
	case <-time.After(letGo):
		a.mu.Lock()
		defer a.mu.Unlock()
		return time.Time{}, !a.seen[n] // a hedge that is lost at once is not even sent
	}
}
