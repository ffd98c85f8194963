//go:build linux && redis

package shared

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"freefall/fallback"
)

// far is a Redis some way off: each direction takes so long.
func far(t *testing.T, r *redis, delay time.Duration) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	type piece struct {
		at time.Time
		b  []byte
	}
	pump := func(to io.WriteCloser, from io.Reader) {
		ch := make(chan piece, 10000)
		go func() {
			defer to.Close()
			for p := range ch {
				time.Sleep(time.Until(p.at))
				if _, err := to.Write(p.b); err != nil {
					for range ch {
					}
				}
			}
		}()
		defer close(ch)
		for {
			b := make([]byte, 4096)
			n, err := from.Read(b)
			if err != nil {
				return
			}
			ch <- piece{time.Now().Add(delay), b[:n]}
		}
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			d, err := net.Dial("unix", r.sock)
			if err != nil {
				return
			}
			go pump(c, d)
			go pump(d, c)
		}
	}()
	return "redis://" + ln.Addr().String()
}

// What is given back is there for others soon, also where Redis is some way off and much is going on.
func TestSettledSoon(t *testing.T) {
	r := startRedis(t)
	s, err := Open(Config{URL: far(t, r, 5*time.Millisecond), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	eventually(t, "it answers", s.Up)
	var all [][]fallback.Draw
	for nth := range int64(600) {
		d := fallback.Draw{Name: "w", Unit: fallback.Running, Limit: 1000, Amount: 1, Fit: 1, Mark: nth}
		r := []fallback.Draw{d}
		all = append(all, r)
	}
	began := time.Now()
	for _, one := range all {
		s.Settle(one)
	}
	for len(s.settled) > 0 {
		time.Sleep(time.Millisecond)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("600 were settled after %v", took)
	}
}
