package upstream

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func onTLS(t *testing.T, cfg Config, server *tls.Config) *world {
	ln := listen(t)
	w := &world{t: t, url: "https://" + ln.Addr().String(), sockets: true}
	w.start(tls.NewListener(ln, server), cfg)
	return w
}

func TestTLS(t *testing.T) {
	server, client := certificates()
	w := onTLS(t, Config{TLS: client}, server)
	var resumed atomic.Int32
	w.serve(func(p *peer) {
		answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")(p)
		if p.Conn.(*tls.Conn).ConnectionState().DidResume {
			resumed.Add(1)
		}
	})
	for range 3 {
		w.mustAsk("ok")
	}
	if w.dials() != 1 {
		t.Fatalf("%d connections for 3 requests", w.dials())
	}
	w.nothingIdle()
	w.mustAsk("ok")
	if status, body, err := w.ask(big); status != 200 || body != "ok" || err != nil {
		t.Fatal(status, body, err)
	}
	w.nothingIdle()
	w.soon("resumed", func() bool { return resumed.Load() == 1 })
}

// What is wrong with TLS is told as such, and before a byte of the request is sent.
func TestTLSThatIsWrong(t *testing.T) {
	server, client := certificates()
	of := func(base *tls.Config, change func(*tls.Config)) *tls.Config {
		changed := base.Clone()
		change(changed)
		return changed
	}
	for name, c := range map[string]struct{ server, client *tls.Config }{
		"nobody vouches":      {server, nil},
		"another name":        {server, of(client, func(c *tls.Config) { c.ServerName = "other.test" })},
		"it has ended":        {server, of(client, func(c *tls.Config) { c.Time = func() time.Time { return time.Now().AddDate(200, 0, 0) } })},
		"it speaks TLS 1.1":   {of(server, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }), client},
		"it wants to know us": {of(server, func(c *tls.Config) { c.ClientAuth, c.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12 }), client},
	} {
		t.Run(name, func(t *testing.T) {
			w := onTLS(t, Config{TLS: c.client}, c.server)
			w.serve((*peer).untilGone)
			_, _, err := w.ask("{}")
			if e, ok := err.(*Error); !ok || e.Phase != phaseTLS || e.Sent {
				t.Errorf("%#v", err)
			}
			w.nothingOpen()
		})
	}
	t.Run("it speaks no TLS", func(t *testing.T) {
		w := onSockets(t, Config{TLS: client})
		w.serve(func(p *peer) { p.say("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"); p.untilGone() })
		w.url = strings.Replace(w.url, "http:", "https:", 1)
		_, _, err := w.ask("{}")
		if e, ok := err.(*Error); !ok || e.Phase != phaseTLS || e.Sent {
			t.Errorf("%#v", err)
		}
		w.nothingOpen()
	})
}

// halves writes everything in two parts with a while between them.
type halves struct {
	net.Conn
	pause time.Duration
}

func (h *halves) Write(p []byte) (int, error) {
	n, err := h.Conn.Write(p[:len(p)/2])
	if err != nil {
		return n, err
	}
	time.Sleep(h.pause)
	m, err := h.Conn.Write(p[len(p)/2:])
	return n + m, err
}

// halved gives connections whose records come in two parts.
type halved struct{ net.Listener }

func (l halved) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &halves{c, 15 * time.Millisecond}, nil
}

// A record whose second part comes behind a deadline that was moved meanwhile is read whole.
func TestTLSReadsOnWhenTheDeadlineWasMoved(t *testing.T) {
	server, client := certificates()
	ln := listen(t)
	w := &world{t: t, url: "https://" + ln.Addr().String(), sockets: true}
	w.start(tls.NewListener(halved{ln}, server), Config{TLS: client})
	w.serve(func(p *peer) {
		if _, ok := p.request(); !ok {
			return
		}
		p.say("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
		for range 10 {
			p.say("ok")
		}
	})
	var f Flow
	f.SetDeadline(time.Now().Add(5 * time.Second))
	reply, err := w.transp.Do(&f, w.post("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Close()
	var got strings.Builder
	one := make([]byte, 2)
	for err == nil {
		f.SetDeadline(time.Now().Add(10 * time.Millisecond)) // the connection is told
		f.SetDeadline(time.Now().Add(5 * time.Second))       // it is not
		var n int
		n, err = reply.Read(one)
		got.Write(one[:n])
	}
	if err != io.EOF || got.String() != strings.Repeat("ok", 10) {
		t.Fatalf("%q, %v", &got, err)
	}
}
