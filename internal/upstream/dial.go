package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"syscall"
	"time"
)

func tlsConfig(own *tls.Config) *tls.Config {
	cfg := &tls.Config{}
	if own != nil {
		cfg = own.Clone()
	}
	cfg.NextProtos = []string{"http/1.1"}
	if cfg.ClientSessionCache == nil {
		cfg.ClientSessionCache = tls.NewLRUClientSessionCache(64)
	}
	return cfg
}

// connect dials for c, through the proxy of the environment if there is one, and makes it ready for a request.
func (t *Transport) connect(f *Flow, c *conn, within time.Duration) error {
	o := c.host.origin
	name, addr, err := o.host()
	if err != nil {
		return &Error{Phase: phaseRequest, Err: err}
	}
	var limit time.Time
	if within > 0 {
		limit = time.Now().Add(within)
	}
	proxy, err := t.proxyFor(o)
	if err != nil {
		return &Error{Phase: phaseDial, Err: err}
	}
	if proxy != nil {
		err = t.tunnel(f, c, proxy, name, addr, limit)
	} else {
		err = t.dial(f, c, addr, guard{name: name, local: o.local}, limit)
	}
	if err == nil && o.scheme == "https" {
		err = t.secure(f, c, name, limit)
	}
	return err
}

func (t *Transport) proxyFor(o origin) (*url.URL, error) {
	if o.local || t.cfg.Dial != nil {
		return nil, nil
	}
	return t.proxy(&url.URL{Scheme: o.scheme, Host: o.authority})
}

// dial makes the connection below all others. Its context is the only one in an exchange.
func (t *Transport) dial(f *Flow, c *conn, addr string, g guard, limit time.Time) error {
	ctx, done := f.context(limit)
	defer done()
	raw, err := t.dialer(g)(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE): // which no provider can help
		return &Error{Phase: phaseWait, Err: fmt.Errorf("%w: %w", ErrBusy, err)}
	case err != nil:
		return &Error{Phase: phaseDial, Err: f.cause(err)}
	}
	c.dialled(raw)
	return nil
}

func (t *Transport) dialer(g guard) func(context.Context, string, string) (net.Conn, error) {
	if t.cfg.Dial != nil {
		return t.cfg.Dial
	}
	d := net.Dialer{ControlContext: g.check}
	return d.DialContext
}

// secure puts TLS over what c is so far. The handshake is bound to the flow like every other read.
func (t *Transport) secure(f *Flow, c *conn, name string, limit time.Time) error {
	err := f.bind(c.raw, limit)
	if err == nil {
		defer f.unbind()
		cfg := t.tls.Clone()
		if cfg.ServerName == "" {
			cfg.ServerName = name
		}
		over := tls.Client(c.rw, cfg)
		c.rw, err = over, over.Handshake()
	}
	if err != nil {
		return &Error{Phase: phaseTLS, Err: f.cause(err)}
	}
	return nil
}
