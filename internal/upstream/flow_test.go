package upstream

import (
	"net"
	"os"
	"testing"
	"time"
)

// clock is a connection that only knows its deadlines.
type clock struct {
	net.Conn
	read, write time.Time
	set         int
}

func (c *clock) SetReadDeadline(t time.Time) error  { c.read = t; c.set++; return nil }
func (c *clock) SetWriteDeadline(t time.Time) error { c.write = t; c.set++; return nil }
func (c *clock) SetDeadline(t time.Time) error      { c.read, c.write = t, t; c.set++; return nil }

// A connection is told of earlier deadlines at once, of later ones when it has come to its own.
func TestFlowMovesDeadlinesLazily(t *testing.T) {
	now := time.Now()
	at := func(hours int) time.Time { return now.Add(time.Duration(hours) * time.Hour) }
	var f Flow
	c := &clock{}
	f.SetDeadline(at(10))
	if err := f.bind(c, time.Time{}); err != nil {
		t.Fatal(err)
	}
	is := func(what string, want time.Time) {
		t.Helper()
		if !c.read.Equal(want) || !c.write.Equal(want) {
			t.Errorf("%s: reads until %v, writes until %v, not %v", what, c.read, c.write, want)
		}
	}
	is("bound", at(10))
	for i := range 20 {
		f.SetDeadline(at(11 + i))
	}
	if is("later", at(10)); c.set != 1 {
		t.Errorf("the connection was told %d times", c.set)
	}
	if !f.postponed(os.ErrDeadlineExceeded) {
		t.Error("the later deadline does not hold")
	}
	is("woken", at(30))
	f.SetDeadline(at(20))
	is("earlier", at(20))
	f.SetDeadline(at(40))
	f.limitWrite(time.Time{})
	f.limitRead(time.Time{})
	f.SetDeadline(at(30))
	is("earlier than what a bound has left", at(30))
	f.SetDeadline(time.Time{})
	if is("none", at(30)); !f.postponed(os.ErrDeadlineExceeded) {
		t.Error("there is a deadline although there is none")
	}
	is("none, woken", time.Time{})
	f.SetDeadline(past)
	if is("past", past); f.postponed(os.ErrDeadlineExceeded) {
		t.Error("a deadline that has come is none")
	}
	f.SetDeadline(at(10))
	if f.Cancel(); f.postponed(os.ErrDeadlineExceeded) {
		t.Error("who is cancelled goes on")
	}
	is("cancelled", past)
}
