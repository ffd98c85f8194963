package upstream

import (
	"net"
	"slices"
	"sync"
	"time"
)

// pool keeps the connections that may serve again, newest first, and counts those that are open.
type pool struct {
	max     int           // connections per origin
	idle    time.Duration // how long one is kept
	reaping sync.WaitGroup

	mu     sync.Mutex
	hosts  map[origin]*host
	reaper *time.Timer // runs only while something is idle
	closed bool
}

type host struct {
	origin  origin
	open    int // dialled, being dialled, idle
	idle    []*conn
	waiting []chan *conn // first come, first served; closed when the pool closes
}

// get gives a kept connection or the right to dial one, or else a place in the queue.
func (p *pool) get(o origin) (*conn, chan *conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, net.ErrClosed
	}
	h := p.hosts[o]
	if h == nil {
		h = &host{origin: o}
		p.hosts[o] = h
	}
	if last := len(h.idle) - 1; last >= 0 {
		c := h.idle[last]
		h.idle[last], h.idle = nil, h.idle[:last]
		return c, nil, nil
	}
	if h.open < p.max {
		h.open++
		return &conn{host: h}, nil, nil
	}
	place := make(chan *conn, 1)
	h.waiting = append(h.waiting, place)
	return nil, place, nil
}

// leave gives up a place in the queue, and what may have been put there meanwhile.
func (p *pool) leave(o origin, place chan *conn) {
	p.mu.Lock()
	if h := p.hosts[o]; h != nil {
		if i := slices.Index(h.waiting, place); i >= 0 {
			h.waiting = slices.Delete(h.waiting, i, i+1)
			p.forget(h)
			p.mu.Unlock()
			return
		}
	}
	p.mu.Unlock()
	if c := <-place; c != nil {
		p.put(c)
	}
}

// put takes back a connection that may serve again, or an unused right to dial.
func (p *pool) put(c *conn) {
	if c.raw == nil {
		p.drop(c)
		return
	}
	c.kept = true
	if !p.keep(c) {
		p.drop(c)
	}
}

func (p *pool) keep(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	if c.host.serveNext(c) {
		return true
	}
	c.idleAt = time.Now()
	c.host.idle = append(c.host.idle, c)
	if p.reaper == nil {
		p.reapIn(p.idle)
	}
	return true
}

// drop closes a connection; its place goes to the first request that waits.
func (p *pool) drop(c *conn) {
	c.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed && c.host.serveNext(c) {
		return
	}
	c.host.open--
	p.forget(c.host)
}

func (h *host) serveNext(c *conn) bool {
	if len(h.waiting) == 0 {
		return false
	}
	h.waiting[0] <- c
	h.waiting = slices.Delete(h.waiting, 0, 1)
	return true
}

// forget drops an origin without connections: their number is not ours to bound.
func (p *pool) forget(h *host) {
	if h.open == 0 && len(h.waiting) == 0 {
		delete(p.hosts, h.origin)
	}
}

// reap closes what was idle for too long.
func (p *pool) reap() {
	defer p.reaping.Done()
	for _, c := range p.expired() {
		p.drop(c)
	}
}

// expired takes out the connections that were idle for too long, and sees to it that reap comes back for the others.
func (p *pool) expired() (dead []*conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var oldest time.Time
	for _, h := range p.hosts {
		n := 0
		for n < len(h.idle) && time.Since(h.idle[n].idleAt) >= p.idle {
			n++
		}
		dead = append(dead, h.idle[:n]...)
		h.idle = slices.Delete(h.idle, 0, n)
		if len(h.idle) > 0 {
			oldest = earlier(oldest, h.idle[0].idleAt)
		}
	}
	p.reaper = nil
	if !oldest.IsZero() {
		p.reapIn(time.Until(oldest.Add(p.idle)))
	}
	return dead
}

func (p *pool) reapIn(d time.Duration) {
	p.reaping.Add(1)
	p.reaper = time.AfterFunc(d, p.reap)
}

// close closes idle connections and ends all waits; connections in use are closed when they come back.
func (p *pool) close() {
	for _, c := range p.shut() {
		p.drop(c)
	}
	p.reaping.Wait()
}

func (p *pool) shut() (idle []*conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.reaper != nil && p.reaper.Stop() {
		p.reaping.Done()
	}
	p.reaper = nil
	for _, h := range p.hosts {
		idle = append(idle, h.idle...)
		h.idle = nil
		for _, place := range h.waiting {
			close(place)
		}
		h.waiting = nil
	}
	return idle
}
