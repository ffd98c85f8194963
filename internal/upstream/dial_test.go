package upstream

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestAddresses(t *testing.T) {
	for _, test := range []struct {
		ip            string
		remote, local bool
	}{
		{"8.8.8.8", true, true}, {"172.15.0.1", true, true}, {"172.32.0.1", true, true}, {"100.63.0.1", true, true}, {"100.128.0.1", true, true},
		{"2606:4700::1", true, true}, {"::ffff:8.8.8.8", true, true}, {"64:ff9b::808:808", true, true},
		{"127.0.0.1", false, true}, {"127.9.9.9", false, true}, {"::1", false, true}, {"::ffff:127.0.0.1", false, true}, {"64:ff9b::7f00:1", false, true},
		{"10.1.2.3", false, true}, {"172.16.0.1", false, true}, {"172.31.255.255", false, true}, {"192.168.1.1", false, true}, {"::ffff:10.0.0.1", false, true},
		{"fd00::1", false, true}, {"fc00::1", false, true}, {"100.64.0.1", false, true}, {"100.127.0.1", false, true},
		{"169.254.169.254", false, false}, {"::ffff:169.254.169.254", false, false}, {"64:ff9b::a9fe:a9fe", false, false}, {"fe80::1", false, false}, {"fe80::1%eth0", false, false},
		{"0.0.0.0", false, false}, {"0.1.2.3", false, false}, {"::", false, false}, {"::ffff:0.0.0.0", false, false}, {"::7f00:1", false, false},
		{"224.0.0.1", false, false}, {"255.255.255.255", false, false}, {"240.0.0.1", false, false}, {"ff02::1", false, false}, {"198.18.0.1", false, false}, {"192.0.0.170", false, false},
	} {
		for _, local := range []bool{false, true} {
			want := map[bool]bool{false: test.remote, true: test.local}[local]
			err := guard{name: "name.test", local: local}.check(t.Context(), "tcp", netip.AddrPortFrom(netip.MustParseAddr(test.ip), 443).String(), nil)
			if (err == nil) != want {
				t.Errorf("%s, local %t: %v", test.ip, local, err)
			}
		}
	}
}

func TestAddressesSpelledOut(t *testing.T) {
	for _, test := range []struct {
		name, ip string
		local    bool
		want     error
	}{
		{"169.254.169.254", "169.254.169.254", true, nil},
		{"fe80::1%eth0", "fe80::1%eth0", true, nil},
		{"169.254.169.254", "169.254.169.254", false, ErrRefusedAddress},
		{"169.254.1.1", "169.254.169.254", true, ErrRefusedAddress},
		{"127.0.0.1", "127.0.0.1", false, ErrRefusedAddress},
	} {
		g := guard{name: test.name, local: test.local}
		if err := g.allow(netip.MustParseAddr(test.ip)); err != test.want {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

// The address is checked after the name was resolved.
func TestRefusedBeforeAByteIsSent(t *testing.T) {
	w := onSockets(t, Config{})
	w.serve(answers(length("ok")))
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(w.url, "http://"))
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"} {
		r := w.post("{}")
		r.URL, r.Local = "http://"+host+":"+port, false
		_, _, err := w.do(r)
		wantError(t, err, phaseDial, false, ErrRefusedAddress)
	}
	if w.dials() != 0 {
		t.Error("connected all the same")
	}
	w.nothingOpen()
	w.url = "http://localhost:" + port
	w.mustAsk("ok")
}

func TestConnectionRefused(t *testing.T) {
	w := onSockets(t, Config{})
	ln := listen(t)
	ln.Close()
	w.url = "http://" + ln.Addr().String()
	_, _, err := w.ask("{}")
	if e, ok := err.(*Error); !ok || e.Phase != phaseDial || e.Sent || ended(err) {
		t.Fatal(err)
	}
	w.nothingOpen()
}

// A proxy that takes every CONNECT to the same provider.
func proxy(t *testing.T, to *world, answer string) (url string, asked chan *http.Request) {
	asked = make(chan *http.Request, 10)
	w := onSockets(t, Config{})
	w.serve(func(p *peer) {
		r, err := http.ReadRequest(p.Reader)
		if err != nil {
			return
		}
		asked <- r
		if p.say(answer); !strings.Contains(answer, " 200 ") {
			return
		}
		_, addr, _ := strings.Cut(to.url, "://")
		far, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		defer far.Close()
		w.wg.Go(func() { _, _ = io.Copy(p.Conn, far); p.Close() })
		_, _ = io.Copy(far, p.Reader)
	})
	return w.url, asked
}

func TestProxy(t *testing.T) {
	const taken = "HTTP/1.1 200 Connection established\r\n\r\n"
	server, client := certificates()
	client.ServerName = ""
	plain, secure := onSockets(t, Config{}), onTLS(t, Config{}, server)
	plain.serve(answers(length("ok")))
	secure.serve(answers(length("ok")))
	for _, test := range []struct {
		name, url, asked string
		to               *world
	}{
		{"http", "http://example.com/x", "example.com:80", plain},
		{"https", "https://example.com/x", "example.com:443", secure},
		{"https, port", "https://example.com:8443/x", "example.com:8443", secure},
	} {
		t.Run(test.name, func(t *testing.T) {
			url, asked := proxy(t, test.to, taken)
			setProxy(t, strings.Replace(url, "http://", "http://user:pass@", 1))
			w := onSockets(t, Config{TLS: client})
			r := w.post("{}")
			r.URL, r.Local = test.url, false
			for range 2 {
				if _, got, err := w.do(r); got != "ok" || err != nil {
					t.Fatal(got, err)
				}
			}
			got := <-asked
			if got.Method != "CONNECT" || got.Host != test.asked || got.Header.Get("Proxy-Authorization") != "Basic dXNlcjpwYXNz" {
				t.Errorf("asked for %s %s with %v", got.Method, got.Host, got.Header)
			}
			if len(asked) != 0 {
				t.Error("the tunnel was not kept")
			}
		})
	}
}

func setProxy(t *testing.T, url string) {
	for _, name := range []string{"http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"} {
		t.Setenv(name, url)
	}
	t.Setenv("NO_PROXY", "direct.test")
	t.Setenv("no_proxy", "direct.test")
	t.Setenv("REQUEST_METHOD", "")
}

func TestProxyRefuses(t *testing.T) {
	for name, test := range map[string]struct{ answer, url, want string }{
		"407":         {"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "http://example.com/", "status 407"},
		"no http":     {"what?", "http://example.com/", "malformed"},
		"speaks":      {"HTTP/1.1 200 OK\r\n\r\nhello", "http://example.com/", "malformed"},
		"hangs up":    {"", "http://example.com/", "closed"},
		"private":     {"", "http://10.0.0.1/", "address refused"},
		"link-local":  {"", "http://169.254.169.254/", "address refused"},
		"mapped":      {"", "http://[::ffff:10.0.0.1]/", "address refused"},
		"bad address": {"", "http://a:b:c/", "URL"},
	} {
		t.Run(name, func(t *testing.T) {
			far := onSockets(t, Config{})
			far.serve(answers(length("ok")))
			via := onSockets(t, Config{})
			via.serve(func(p *peer) {
				_, _ = http.ReadRequest(p.Reader)
				p.say(test.answer)
				p.Close()
			})
			setProxy(t, strings.Replace(via.url, "http://", "http://user:sesame@", 1))
			w := onSockets(t, Config{})
			r := w.post("{}")
			r.URL, r.Local = test.url, false
			_, _, err := w.do(r)
			if e, ok := err.(*Error); !ok || e.Sent || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "sesame") {
				t.Fatal(err)
			}
			w.nothingOpen()
		})
	}
}

func TestLocalProvidersGoPastTheProxy(t *testing.T) {
	setProxy(t, "http://127.0.0.1:1")
	w := onSockets(t, Config{})
	if p, err := w.transp.proxyFor(origin{scheme: "http", authority: "ollama.lan", local: true}); p != nil || err != nil {
		t.Error(p, err)
	}
	if p, err := w.transp.proxyFor(origin{scheme: "http", authority: "direct.test"}); p != nil || err != nil {
		t.Error(p, err)
	}
	if p, err := w.transp.proxyFor(origin{scheme: "http", authority: "example.com"}); p == nil || err != nil {
		t.Error(p, err)
	}
}

func TestProxySchemes(t *testing.T) {
	setProxy(t, "socks5://user:sesame@127.0.0.1:1")
	w := onSockets(t, Config{})
	r := w.post("{}")
	r.URL, r.Local = "http://example.com/", false
	_, _, err := w.do(r)
	if err == nil || !strings.Contains(err.Error(), "socks5") || strings.Contains(err.Error(), "sesame") {
		t.Fatal(err)
	}
}

func TestCancelAtTheProxy(t *testing.T) {
	via := onSockets(t, Config{})
	var f Flow
	gone := make(chan struct{})
	via.serve(func(p *peer) {
		_, _ = http.ReadRequest(p.Reader)
		f.Cancel()
		_, _ = io.Copy(io.Discard, bufio.NewReader(p.Conn))
		close(gone)
	})
	setProxy(t, via.url)
	w := onSockets(t, Config{})
	r := w.post("{}")
	r.URL, r.Local = "https://example.com/", false
	wantError(t, w.doWith(&f, r), phaseDial, false, ErrCancelled)
	<-gone
}

// That this process has no descriptors left is nobody's fault but its own: it is a want of a place, and no dead host.
func TestNoDescriptors(t *testing.T) {
	w := inMemory(t, Config{Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", syscall.EMFILE)}
	}})
	_, _, err := w.ask("{}")
	wantError(t, err, phaseWait, false, ErrBusy)
	w.nothingOpen()
}
