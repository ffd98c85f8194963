package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	gometrics "runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"freefall/fallback"
	"freefall/internal/fakellm"
	"freefall/internal/openai"
	"freefall/internal/upstream"
)

// patience bounds every wait of a test on sockets for what must come. It is no claim of how soon: that is checked in fake time.
const patience = 20 * time.Second

// sockets is a proxy between real sockets: clients that write what they like, and a provider that answers what it likes.
type sockets struct {
	*testing.T
	proxy *Proxy
	pool  *fallback.Pool
	addr  string
	fake  *fakellm.Server // provider p, of model a
	log   *lines
}

// socketPlan is what a test wants to differ.
type socketPlan struct {
	settings Settings
	models   []fallback.Model // of provider p; none = a
	pool     fallback.Config
	route    Route
	provider http.Handler  // instead of the simulated one
	readTime time.Duration // instead of the proxy's
}

func onSockets(t *testing.T, p socketPlan) *sockets {
	t.Helper()
	if p.models == nil {
		p.models = chain("a")
	}
	orElse := func(d *time.Duration, otherwise time.Duration) {
		if *d == 0 {
			*d = otherwise
		}
	}
	orElse(&p.route.FirstToken, patience)
	orElse(&p.route.Answer, patience)
	orElse(&p.route.Idle, patience)
	s := &sockets{T: t, log: &lines{}}
	var serving sync.WaitGroup

	var listed []fakellm.Model
	for _, m := range p.models {
		listed = append(listed, fakellm.Model{ID: m.ID, Name: m.Name, Tools: m.Tools})
	}
	s.fake = fakellm.New(fakellm.Options{Models: listed, OpenAI: true})
	if p.provider == nil {
		p.provider = s.fake
	}
	back := s.listen()
	server := &http.Server{Handler: p.provider}
	serving.Go(func() { _ = server.Serve(back) })

	p.route.Provider = &Provider{Name: "p", ChatURL: "http://" + back.Addr().String() + "/v1/chat/completions",
		Dialect: openai.DialectOf("openai"), Local: true, Keys: []string{"sk-of-the-provider"}}
	config := p.pool
	for _, m := range p.models {
		m.Via, m.Proof, m.Keys = &p.route, fallback.ProvenLocal, []fallback.Key{{Account: "p"}}
		config.Models = append(config.Models, m)
	}
	transport := upstream.New(upstream.Config{})
	s.pool = fallback.New(config)
	s.proxy = New(Config{Pool: s.pool, Transport: transport, Settings: p.settings, Log: zerolog.New(s.log)})
	if p.readTime > 0 {
		s.proxy.server.HeadTime = p.readTime
	}
	front := s.listen()
	s.addr = front.Addr().String()
	watched, err := upstream.Watch(front)
	if err != nil {
		t.Fatal(err)
	}
	serving.Go(func() { _ = s.proxy.Serve(watched) })

	t.Cleanup(func() {
		s.fake.Close()
		for end := time.Now().Add(100 * time.Millisecond); s.proxy.server.Open() > 0 && time.Now().Before(end); {
			time.Sleep(time.Millisecond) // a shutdown looks again after 100 ms only
		}
		_ = s.proxy.Shutdown(100 * time.Millisecond)
		_ = transport.Close()
		_ = server.Close()
		serving.Wait()
	})
	return s
}

func (s *sockets) listen() net.Listener {
	s.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	return ln
}

func (s *sockets) dial() *client {
	s.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return &client{T: s.T, Conn: c, r: bufio.NewReader(c)}
}

// client writes raw bytes and reads answers.
type client struct {
	*testing.T
	net.Conn
	r *bufio.Reader
}

func (c *client) send(parts ...string) {
	c.Helper()
	for _, p := range parts {
		if _, err := io.WriteString(c.Conn, p); err != nil {
			c.Fatalf("send: %v", err)
		}
	}
}

// answer reads the next answer, interim ones left out.
func (c *client) answer() answer {
	c.Helper()
	a, err := c.tryAnswer()
	if err != nil {
		c.Fatalf("no answer: %v", err)
	}
	return a
}

func (c *client) tryAnswer() (answer, error) {
	for {
		resp, err := http.ReadResponse(c.r, nil)
		if err != nil {
			return answer{}, err
		}
		if resp.StatusCode < 200 {
			continue
		}
		if resp.Close { // net/http takes the line away
			resp.Header.Set("Connection", "close")
		}
		body, err := io.ReadAll(resp.Body)
		return answer{resp.StatusCode, resp.Header, string(body)}, err
	}
}

// ended waits until the proxy has closed the connection, orderly.
func (c *client) ended() {
	c.Helper()
	if b, err := io.ReadAll(c.r); err != nil || len(b) > 0 {
		c.Errorf("the connection was to end: %v, %q", err, b)
	}
}

// stillOpen says that the proxy takes another request on the connection.
func (c *client) stillOpen() {
	c.Helper()
	c.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if a := c.answer(); a.status != 200 {
		c.Errorf("the connection is broken: %d %s", a.status, a.body)
	}
}

// raw is the answer to one request given byte by byte on a connection of its own.
func (s *sockets) raw(request ...string) answer {
	s.Helper()
	c := s.dial()
	c.send(request...)
	return c.answer()
}

// post is a chat request with a true length, and what headers the test wants.
func post(body string, headers ...string) string {
	return head("POST /v1/chat/completions HTTP/1.1", append(headers, "Content-Length: "+itoa(len(body)))...) + body
}

func head(line string, headers ...string) string {
	return line + "\r\nHost: localhost\r\n" + strings.Join(append(headers, "\r\n"), "\r\n")
}

// wants compares an answer's status and error code.
func (s *sockets) wants(what string, got answer, status int, code string) {
	s.Helper()
	if got.status != status || got.err().Code != code {
		s.Errorf("%s: %d %q, want %d %q: %.300s", what, got.status, got.err().Code, status, code, got.body)
	}
	if e := got.err(); code != "" && (e.Message == "" || e.Type == "" || got.header.Get("Content-Type") != "application/json") {
		s.Errorf("%s: no proper error: %v %s", what, got.header, got.body)
	}
}

// asked says how many requests have reached the provider.
func (s *sockets) asked(what string, want int) {
	s.Helper()
	if n := len(s.fake.Requests()); n != want {
		s.Errorf("%s: the provider was asked %d times, want %d", what, n, want)
	}
}

// eventually waits for something that another goroutine does.
func (s *sockets) eventually(what string, ok func() bool) {
	s.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("never: %s", what)
		}
	}
}

// memory is what the process holds of the system's memory, apart from what the race detector needs beside it.
func memory() int {
	debug.FreeOSMemory()
	sample := []gometrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	gometrics.Read(sample)
	return int(sample[0].Value.Uint64() - sample[1].Value.Uint64())
}

// peak runs f and gives the most memory that was held while it ran, beyond what was held before.
func peak(f func()) int {
	defer debug.SetGCPercent(debug.SetGCPercent(25)) // what is held counts, not what a busy machine has yet to collect
	before, most := memory(), 0
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-done:
				return
			case <-time.After(2 * time.Millisecond):
				sample := []gometrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
				gometrics.Read(sample)
				most = max(most, int(sample[0].Value.Uint64()-sample[1].Value.Uint64()))
			}
		}
	}()
	f()
	close(done)
	<-stopped
	return most - before
}

func (c *client) closeWrite() {
	c.Helper()
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		c.Fatal(err)
	}
}
