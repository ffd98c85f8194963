package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"sync"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// Config is how a Transport behaves. The zero value serves.
type Config struct {
	MaxConnsPerHost int           // open at once to one origin; 0 = 512
	ConnWait        time.Duration // how long an exchange waits for one of them; 0 = 3 s
	IdleTimeout     time.Duration // how long a connection is kept, less than what providers do; 0 = 55 s
	MaxHead         int           // bytes of an answer's head; 0 = 32 KB
	UserAgent       string        // "" = freefall
	TLS             *tls.Config   // nil = the system's roots

	// Dial replaces the dialler, and with it proxies and the check of addresses; tests give memory listeners.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

func (c Config) withDefaults() Config {
	orElse(&c.MaxConnsPerHost, 512)
	orElse(&c.ConnWait, 3*time.Second)
	orElse(&c.IdleTimeout, 55*time.Second)
	orElse(&c.MaxHead, 32<<10)
	orElse(&c.UserAgent, "freefall")
	return c
}

func orElse[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// Transport sends requests to providers and keeps their connections. It is safe for concurrent use.
type Transport struct {
	cfg   Config
	pool  *pool
	tls   *tls.Config
	proxy func(*url.URL) (*url.URL, error)
}

// New makes a Transport. Proxies are taken from HTTP_PROXY, HTTPS_PROXY and NO_PROXY as they are now.
func New(cfg Config) *Transport {
	cfg = cfg.withDefaults()
	return &Transport{
		cfg:   cfg,
		pool:  &pool{max: cfg.MaxConnsPerHost, idle: cfg.IdleTimeout, hosts: map[origin]*host{}},
		tls:   tlsConfig(cfg.TLS),
		proxy: httpproxy.FromEnvironment().ProxyFunc(),
	}
}

// Close closes the idle connections. Those in use are closed when their replies are.
func (t *Transport) Close() error {
	t.pool.close()
	return nil
}

var heads = sync.Pool{New: func() any { b := make([]byte, 0, joinSize); return &b }}

// Do sends r and returns when the head of the answer has been read. The Reply must be closed.
func (t *Transport) Do(f *Flow, r *Request) (*Reply, error) {
	m := r.Template
	if m == nil {
		m = t.Template(r)
	}
	if m.err != nil {
		return nil, &Error{Phase: phaseRequest, Err: m.err}
	}
	buf := heads.Get().(*[]byte)
	defer heads.Put(buf)
	head := m.appendHead((*buf)[:0], r.size())
	asked := len(head)+r.size() <= sliceSize // at once, which also shows whether the connection is stale
	for {
		c, err := t.acquire(f, m.origin, r.Connect, asked)
		if err != nil {
			return nil, err
		}
		reply, err := t.exchange(f, c, head, r.Body, m.bodiless)
		if err == errStale {
			t.pool.drop(c)
			continue
		}
		if err != nil && c.kept && c.silent && !ended(err) {
			reply, err = t.redial(f, c, head, r, m.bodiless)
		}
		if err != nil {
			t.pool.drop(c)
			return nil, err
		}
		return reply, nil
	}
}

// acquire finds a connection that may be used now, or may be asked.
func (t *Transport) acquire(f *Flow, o origin, connect time.Duration, asks bool) (*conn, error) {
	for {
		c, err := t.place(f, o)
		if err != nil {
			return nil, &Error{Phase: phaseWait, Err: err}
		}
		if c.raw == nil {
			if err := t.connect(f, c, connect); err != nil {
				t.pool.drop(c)
				return nil, err
			}
			return c, nil
		}
		if asks && c.plain() != nil || !c.stale() {
			return c, nil
		}
		t.pool.drop(c)
	}
}

// place waits for a connection, or for the right to dial one.
func (t *Transport) place(f *Flow, o origin) (*conn, error) {
	c, queue, err := t.pool.get(o)
	if queue == nil {
		return c, err
	}
	ctx, done := f.context(time.Now().Add(t.cfg.ConnWait))
	defer done()
	select {
	case c := <-queue:
		if c == nil {
			return nil, net.ErrClosed
		}
		return c, nil
	case <-ctx.Done():
		t.pool.leave(o, queue)
		if err := f.over(); err != nil {
			return nil, err
		}
		return nil, ErrBusy
	}
}

// exchange writes the request and reads the head of its answer over c.
func (t *Transport) exchange(f *Flow, c *conn, head []byte, body [3][]byte, bodiless bool) (*Reply, error) {
	c.silent = true
	if err := f.bind(c.raw, time.Time{}); err != nil {
		return nil, &Error{Phase: phaseWrite, Err: err}
	}
	stopped, wrong := c.send(f, head, body, t.cfg.MaxHead)
	if wrong == errStale {
		f.unbind()
		return nil, errStale
	}
	c.half = stopped || wrong != nil
	if wrong != nil && ended(f.cause(wrong)) {
		return nil, t.fail(f, phaseWrite, wrong)
	}
	// A peer that refuses a body may have said why before it closed.
	reply := &Reply{t: t, f: f, c: c, bodiless: bodiless, spent: stopped || wrong != nil}
	err := reply.readHead(t.cfg.MaxHead)
	switch {
	case err == nil:
		return reply, nil
	case wrong != nil && c.silent:
		err = t.fail(f, phaseWrite, wrong)
	default:
		err = t.fail(f, phaseHead, err)
	}
	reply.LetHeadGo()
	return nil, err
}

func (t *Transport) fail(f *Flow, phase string, err error) error {
	err = &Error{Phase: phase, Sent: true, Err: f.cause(err)}
	f.unbind()
	return err
}

// redial serves a request whose kept connection turned out to be dead: nobody's failure, and the only thing tried twice.
func (t *Transport) redial(f *Flow, c *conn, head []byte, r *Request, bodiless bool) (*Reply, error) {
	c.close()
	var reply *Reply
	err := t.connect(f, c, r.Connect)
	if err == nil {
		reply, err = t.exchange(f, c, head, r.Body, bodiless)
	}
	if e, ok := errors.AsType[*Error](err); ok {
		e.Sent = true // the dead connection may have taken it
	}
	return reply, err
}
