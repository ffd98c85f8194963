package upstream

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"github.com/valyala/fasthttp"
)

// tunnel reaches addr through a proxy by CONNECT. The operator named the proxy, so it may stand anywhere; where a name leads
// to is then the proxy's to know, but an address given as such is checked here.
func (t *Transport) tunnel(f *Flow, c *conn, proxy *url.URL, name, addr string, limit time.Time) error {
	if ip, err := netip.ParseAddr(name); err == nil {
		if err := (guard{}).allow(ip); err != nil {
			return &Error{Phase: phaseDial, Err: err}
		}
	}
	if proxy.Scheme != "http" && proxy.Scheme != "https" {
		return &Error{Phase: phaseDial, Err: fmt.Errorf("proxy scheme %q is not supported; use http or https", proxy.Scheme)}
	}
	at, proxyAddr, err := origin{scheme: proxy.Scheme, authority: proxy.Host}.host()
	if err != nil {
		return &Error{Phase: phaseDial, Err: errors.New("bad proxy address")}
	}
	if err := t.dial(f, c, proxyAddr, guard{anywhere: true}, limit); err != nil {
		return err
	}
	if proxy.Scheme == "https" {
		if err := t.secure(f, c, at, limit); err != nil {
			return err
		}
	}
	if err := f.bind(c.raw, limit); err != nil {
		return &Error{Phase: phaseDial, Err: err}
	}
	defer f.unbind()
	if err := c.askForTunnel(addr, proxy.User, t.cfg.MaxHead); err != nil {
		return &Error{Phase: phaseDial, Err: fmt.Errorf("proxy: %w", f.cause(err))}
	}
	return nil
}

func (c *conn) askForTunnel(addr string, user *url.Userinfo, maxHead int) error {
	defer c.letReaderGo()
	ask := appendField([]byte("CONNECT "+addr+" HTTP/1.1\r\n"), "Host", addr)
	if user != nil {
		password, _ := user.Password()
		ask = appendField(ask, "Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	if _, err := c.rw.Write(append(ask, "\r\n"...)); err != nil {
		return err
	}
	var head fasthttp.ResponseHeader
	if _, err := c.readHead(&head, maxHead); err != nil {
		return err
	}
	if head.StatusCode()/100 != 2 {
		return fmt.Errorf("status %d", head.StatusCode())
	}
	if c.br.Buffered() > 0 {
		return errMalformed // nobody may speak before us
	}
	return nil
}
