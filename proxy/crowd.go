package proxy

import (
	"net"
	"net/netip"
	"sync"
)

// crowd counts the connections of each remote address, so that one cannot take all places. Loopback is this machine and the
// sidecars on it: it has no bound but the server's own.
type crowd struct {
	most int

	mu   sync.Mutex // guards here
	here map[netip.Addr]int
}

// enter takes a place; leave gives it back. A connection that finds none is to be closed.
func (c *crowd) enter(remote net.Addr) (leave func(), ok bool) {
	addr := host(remote)
	if !addr.IsValid() || addr.IsLoopback() {
		return func() {}, true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.here[addr] >= c.most {
		return nil, false
	}
	c.here[addr]++
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.here[addr]--; c.here[addr] == 0 {
			delete(c.here, addr)
		}
	}), true
}

// host is the address of a TCP peer, invalid for any other.
func host(remote net.Addr) netip.Addr {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap()
}
