package proxy

import (
	"errors"
	"net"
	"testing"
)

// from is a connection that says where it comes from.
type from struct {
	net.Conn
	addr   net.Addr
	closed bool
}

func (c *from) RemoteAddr() net.Addr { return c.addr }
func (c *from) Close() error         { c.closed = true; return nil }

// queue is a listener that gives these connections and then ends.
type queue []*from

func (q *queue) Accept() (net.Conn, error) {
	if len(*q) == 0 {
		return nil, errors.New("no more")
	}
	c := (*q)[0]
	*q = (*q)[1:]
	return c, nil
}
func (q *queue) Close() error   { return nil }
func (q *queue) Addr() net.Addr { return nil }

func tcp(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 1} }

// One address cannot take all places; what it gives back it may take again; loopback and others are not touched.
func TestOneAddressCannotTakeAllPlaces(t *testing.T) {
	var all []*from
	for _, ip := range []string{"10.0.0.1", "::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2", "127.0.0.1", "127.0.0.1", "127.0.0.1"} {
		all = append(all, &from{addr: tcp(ip)})
	}
	all = append(all, &from{addr: &net.UnixAddr{Name: "memory"}})
	q := queue(all)
	ln := newListener(&q, 2)
	var got []net.Conn
	for {
		c, err := ln.Accept()
		if err != nil {
			break
		}
		got = append(got, c)
	}
	if len(got) != 7 || !all[2].closed {
		t.Fatalf("%d of 8 came in, the third from one address was closed: %v", len(got), all[2].closed)
	}
	_ = got[0].Close()
	_ = got[0].Close() // twice gives back one place
	q = queue{{addr: tcp("10.0.0.1")}, {addr: tcp("10.0.0.1")}}
	if c, err := ln.Accept(); err != nil || c.RemoteAddr().String() != "10.0.0.1:1" {
		t.Errorf("the place that was given back: %v %v", c, err)
	}
	if _, err := ln.Accept(); err == nil {
		t.Error("a place was given back twice")
	}
}
