package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp/fasthttputil"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a transport and a provider that does to each connection what the test says.
type world struct {
	t       *testing.T
	transp  *Transport
	url     string
	sockets bool

	mu       sync.Mutex
	provider func(*peer)
	peers    []*peer
	wg       sync.WaitGroup
}

// peer is the provider's end of one connection.
type peer struct {
	net.Conn
	*bufio.Reader
	w *world
	n int // 1 = the first connection
}

// eachWorld runs a test in memory under fake time, and over real sockets.
func eachWorld(t *testing.T, cfg Config, test func(*world)) {
	t.Run("memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(inMemory(t, cfg)) })
	})
	t.Run("sockets", func(t *testing.T) { test(onSockets(t, cfg)) })
}

func inMemory(t *testing.T, cfg Config) *world {
	ln := fasthttputil.NewInmemoryListener()
	if cfg.Dial == nil {
		cfg.Dial = func(context.Context, string, string) (net.Conn, error) { return ln.Dial() }
	}
	w := &world{t: t, url: "http://provider.test"}
	w.start(ln, cfg)
	return w
}

func onSockets(t *testing.T, cfg Config) *world {
	ln := listen(t)
	w := &world{t: t, url: "http://" + ln.Addr().String(), sockets: true}
	w.start(ln, cfg)
	return w
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

func (w *world) start(ln net.Listener, cfg Config) {
	w.transp = New(cfg)
	w.wg.Go(func() {
		for n := 1; ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			p := &peer{Conn: c, Reader: bufio.NewReader(c), w: w, n: n}
			w.mu.Lock()
			w.peers = append(w.peers, p)
			provider := w.provider
			w.mu.Unlock()
			w.wg.Go(func() { provider(p) })
		}
	})
	w.t.Cleanup(func() {
		w.transp.Close()
		ln.Close()
		w.mu.Lock()
		for _, p := range w.peers {
			p.Close()
		}
		w.mu.Unlock()
		w.wg.Wait()
	})
}

// serve says what the provider does to the connections to come.
func (w *world) serve(provider func(*peer)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.provider = provider
}

// dials tells how many connections were made so far.
func (w *world) dials() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.peers)
}

// request reads one request, or fails the test's provider quietly: false means that the peer has gone.
func (p *peer) request() (body string, ok bool) {
	r, err := http.ReadRequest(p.Reader)
	if err != nil {
		return "", false
	}
	b, err := io.ReadAll(r.Body)
	return string(b), err == nil
}

func (p *peer) say(text string) { _, _ = io.WriteString(p.Conn, text) }

// untilGone waits until the other side has closed.
func (p *peer) untilGone() { _, _ = io.Copy(io.Discard, p.Reader) }

// answers serves every request of a connection with the same text.
func answers(text string) func(*peer) {
	return func(p *peer) {
		for {
			if _, ok := p.request(); !ok {
				return
			}
			p.say(text)
		}
	}
}

func length(body string) string {
	return "HTTP/1.1 200 OK\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

func (w *world) post(body ...string) *Request {
	r := &Request{Method: "POST", URL: w.url + "/v1/chat/completions", Local: true}
	for i, part := range body {
		r.Body[i] = []byte(part)
	}
	return r
}

// ask makes a whole exchange.
func (w *world) ask(body ...string) (int, string, error) {
	return w.do(w.post(body...))
}

func (w *world) do(r *Request) (int, string, error) {
	var f Flow
	f.SetDeadline(time.Now().Add(5 * time.Second))
	reply, err := w.transp.Do(&f, r)
	if err != nil {
		return 0, "", err
	}
	defer reply.Close()
	b, err := io.ReadAll(reply)
	return reply.Status, string(b), err
}

func (w *world) mustAsk(want string) {
	w.t.Helper()
	if status, got, err := w.ask("{}"); err != nil || got != want || status != 200 {
		w.t.Fatalf("got %d %q, %v; want %q", status, got, err, want)
	}
}

// wantError compares all of an Error.
func wantError(t *testing.T, err error, phase string, sent bool, cause error) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Phase != phase || e.Sent != sent || !errors.Is(err, cause) {
		t.Fatalf("got %#v (%v); want phase %s, sent %t, %v", e, err, phase, sent, cause)
	}
}

// soon waits for something of another goroutine to come true: without real time in a bubble, shortly outside.
func (w *world) soon(what string, is func() bool) {
	w.t.Helper()
	for range 400 {
		if is() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	w.t.Fatalf("never: %s", what)
}

// certificates of a provider, and a client's trust in them.
func certificates() (server, client *tls.Config) {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	server = &tls.Config{Certificates: s.TLS.Certificates}
	client = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	client.ServerName = "example.com"
	return server, client
}

var big = strings.Repeat("x", 20<<20)
