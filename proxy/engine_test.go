package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"
	"github.com/valyala/fasthttp/fasthttputil"

	"freefall/fallback"
	"freefall/internal/openai"
	"freefall/internal/upstream"
)

// engine is a proxy of the models a and b between clients and a provider that both do with each connection what the test
// says, down to the bytes. It runs in memory under fake time, and over real sockets.
type engine struct {
	*testing.T
	proxy   *Proxy
	pool    *fallback.Pool
	route   *Route // of both models, or of a
	log     *lines
	sockets bool
	tick    time.Duration // what may pass between two words of a provider that is well
	front   func() (net.Conn, error)

	mu       sync.Mutex
	provider func(*upPeer)
	peers    []*upPeer
	open     atomic.Int32 // connections of the provider
	wg       sync.WaitGroup
	stop     func()
}

// enginePlan is what a test wants to differ.
type enginePlan struct {
	tls    bool                    // between the proxy and the provider
	short  bool                    // on sockets each bound but those of b is so short that a test can live to see its end
	dialed func(net.Conn) net.Conn // what the proxy's transport gets instead of its connection
	change func(*Proxy)            // before it serves
	apart  bool                    // each model has an account of its own, so that it may be asked beside the other
}

// eachWorld runs a test in memory under fake time, and over real sockets.
func eachWorld(t *testing.T, p enginePlan, test func(*engine)) {
	t.Helper()
	inMemory(t, p, test)
	overSockets(t, p, test)
}

func inMemory(t *testing.T, p enginePlan, test func(*engine)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		server, client := certificates()
		synctest.Test(t, func(t *testing.T) {
			front, back := pipework{fasthttputil.NewInmemoryListener()}, pipework{fasthttputil.NewInmemoryListener()}
			e := &engine{T: t, tick: 10 * time.Second, front: front.dial}
			e.start(p, front, back, "provider.test", upstream.Config{TLS: client, Dial: p.wrap(back.dial)}, server)
			hangs := time.AfterFunc(24*time.Hour, func() { panic("the test would wait for ever") }) // somebody's ticker always moves the clock
			defer time.Sleep(24 * time.Hour)                                                        // the cleaners of idle workers end
			defer e.stop()
			defer hangs.Stop()
			test(e)
		})
	})
}

func overSockets(t *testing.T, p enginePlan, test func(*engine)) {
	t.Helper()
	t.Run("sockets", func(t *testing.T) {
		server, client := certificates()
		e := &engine{T: t, sockets: true, tick: 20 * time.Millisecond}
		front, back := e.listen(), e.listen()
		e.front = func() (net.Conn, error) { return net.Dial("tcp", front.Addr().String()) }
		cfg := upstream.Config{TLS: client}
		if p.dialed != nil {
			cfg.Dial = p.wrap(func() (net.Conn, error) { return net.Dial("tcp", back.Addr().String()) })
		}
		e.start(p, front, back, back.Addr().String(), cfg, server)
		defer e.stop()
		test(e)
	})
}

// wrap makes a transport's dialler of a test's.
func (p enginePlan) wrap(dial func() (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		c, err := dial()
		if err == nil && p.dialed != nil {
			c = p.dialed(c)
		}
		return c, err
	}
}

// pipework is a listener in memory whose connections are more like sockets than fasthttp's own.
type pipework struct{ *fasthttputil.InmemoryListener }

func (w pipework) dial() (net.Conn, error) {
	c, err := w.DialWithLocalAddr(tcp("127.0.0.1")) // what fasthttp takes for TCP it counts by address
	return &piped{Conn: c}, err
}

func (w pipework) Accept() (net.Conn, error) {
	c, err := w.InmemoryListener.Accept()
	return &piped{Conn: c}, err
}

// piped calls its timeouts what sockets call them, for TLS goes on behind no others, and writes nothing when the deadline has
// passed, even if there is room.
type piped struct {
	net.Conn
	mu  sync.Mutex
	end time.Time // of writes
}

func (p *piped) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	return n, timeoutOf(err)
}

func (p *piped) Write(b []byte) (int, error) {
	p.mu.Lock()
	late := !p.end.IsZero() && !time.Now().Before(p.end)
	p.mu.Unlock()
	if late {
		return 0, os.ErrDeadlineExceeded
	}
	n, err := p.Conn.Write(b)
	return n, timeoutOf(err)
}

func (p *piped) SetWriteDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end = t
	return p.Conn.SetWriteDeadline(t)
}

func (p *piped) SetDeadline(t time.Time) error {
	return errors.Join(p.SetReadDeadline(t), p.SetWriteDeadline(t))
}

func timeoutOf(err error) error {
	if err == fasthttputil.ErrTimeout {
		return os.ErrDeadlineExceeded
	}
	return err
}

// certificates are those of a provider, and a client's trust in them.
var certificates = sync.OnceValues(func() (server, client *tls.Config) {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	client = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	client.ServerName = "example.com"
	return &tls.Config{Certificates: s.TLS.Certificates}, client
})

func (e *engine) listen() net.Listener {
	e.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		e.Fatal(err)
	}
	return ln
}

func (e *engine) start(p enginePlan, front, back net.Listener, host string, cfg upstream.Config, certificate *tls.Config) {
	e.log = &lines{}
	e.provide(func(*upPeer) {}) // it hangs up
	url := "http://" + host
	if p.tls {
		url, back = "https://"+host, tls.NewListener(back, certificate)
	}
	e.wg.Go(func() { e.accept(back) })
	route := &Route{FirstToken: 20 * time.Second, Answer: 90 * time.Second, Idle: 30 * time.Second, Provider: &Provider{
		Name: "p", ChatURL: url + "/v1/chat/completions", Dialect: openai.DialectOf("openai"), Local: true, Keys: []string{""}}}
	e.route = route
	models := chain("a", "b")
	for i := range models {
		models[i].Via, models[i].Proof, models[i].Keys = route, fallback.ProvenLocal, []fallback.Key{{}}
	}
	if e.sockets && p.short {
		patient := *route
		models[1].Via = &patient // who answers in the end may be slow on a busy machine
	}
	config := fallback.Config{Models: models, Order: fallback.Priority, Breaker: fallback.Breaker{Failures: 1 << 20}} // a is always asked
	if p.apart {
		models[1].Keys = []fallback.Key{{Account: "of b"}}
		config.HedgeShare = 1
	}
	e.pool = fallback.New(config)
	transport := upstream.New(cfg)
	e.proxy = New(Config{Pool: e.pool, Transport: transport, Log: zerolog.New(e.log)})
	if p.change != nil {
		p.change(e.proxy)
	}
	watched, err := upstream.Watch(front)
	if err != nil {
		e.Fatal(err)
	}
	if e.sockets && p.short {
		watched = e.shorten(route, watched)
	}
	e.wg.Go(func() { _ = e.proxy.Serve(watched) })
	e.stop = func() {
		_ = e.proxy.Shutdown(10 * time.Millisecond)
		_ = transport.Close()
		_ = back.Close()
		e.mu.Lock()
		for _, p := range e.peers {
			_ = p.Close()
		}
		e.mu.Unlock()
		e.wg.Wait()
	}
}

// shorten makes every bound of the engine, with a's, one that a test outlives. Those that are switched off stay off.
func (e *engine) shorten(r *Route, front net.Listener) net.Listener {
	const bound = time.Second // which a busy machine does not take between two words
	r.FirstToken, r.Answer, r.Idle = bound, bound, bound
	e.proxy.Reconfigure(Settings{Total: 2 * bound})
	for _, d := range []*time.Duration{&e.proxy.server.HeadTime, &e.proxy.server.IdleTime} {
		*d = min(*d, bound)
	}
	return hasty{front, bound}
}

// hasty bounds the writes to clients more tightly.
type hasty struct {
	net.Listener
	bound time.Duration
}

func (h hasty) Accept() (net.Conn, error) {
	c, err := h.Listener.Accept()
	if err == nil {
		own := c.(*upstream.Conn)
		own.WriteTimeout = min(own.WriteTimeout, h.bound)
	}
	return c, err
}

func (e *engine) accept(back net.Listener) {
	for {
		c, err := back.Accept()
		if err != nil {
			return
		}
		p := &upPeer{Conn: c, br: bufio.NewReader(c)}
		e.mu.Lock()
		e.peers = append(e.peers, p)
		provider := e.provider
		e.mu.Unlock()
		e.open.Add(1)
		e.wg.Go(func() {
			defer e.open.Add(-1)
			defer p.Close()
			provider(p)
		})
	}
}

// provide says what the provider does with the connections to come.
func (e *engine) provide(provider func(*upPeer)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.provider = provider
}

// upPeer is the provider's end of a connection.
type upPeer struct {
	net.Conn
	br *bufio.Reader
}

// asked waits for a request and says which model it is for, before its body has come.
func (p *upPeer) asked() (model string, ok bool) {
	for n := 1; ; n = p.br.Buffered() + 1 {
		if _, err := p.br.Peek(n); err != nil {
			return "", false
		}
		b, _ := p.br.Peek(p.br.Buffered())
		if _, body, ok := bytes.Cut(b, []byte(`"model":"`)); ok && bytes.IndexByte(body, '"') >= 0 {
			return string(body[:bytes.IndexByte(body, '"')]), true
		}
	}
}

// request reads a whole request; false means that the proxy has gone.
func (p *upPeer) request() (body string, ok bool) {
	r, err := http.ReadRequest(p.br)
	if err != nil {
		return "", false
	}
	b, err := io.ReadAll(r.Body)
	return string(b), err == nil
}

// each answers the requests of a connection, until it closes.
func each(answer func(p *upPeer, model, body string)) func(*upPeer) {
	return func(p *upPeer) {
		for {
			body, ok := p.request()
			if !ok {
				return
			}
			answer(p, gjson.Get(body, "model").Str, body)
		}
	}
}

func (p *upPeer) say(texts ...string) {
	for _, text := range texts {
		_, _ = io.WriteString(p.Conn, text)
	}
}

// repeat says it again and again, until nobody listens or long after every bound.
func (p *upPeer) repeat(text string, pause time.Duration) {
	for range 100 {
		if _, err := io.WriteString(p.Conn, text); err != nil {
			return
		}
		time.Sleep(pause)
	}
}

// endOfWords says that nothing more will be said, where one can say so and still listen.
func (p *upPeer) endOfWords() bool {
	half, ok := p.Conn.(interface{ CloseWrite() error })
	return ok && half.CloseWrite() == nil
}

// untilGone waits until the proxy has closed the connection.
func (p *upPeer) untilGone() { _, _ = io.Copy(io.Discard, p.br) }

// The provider's words.
const (
	openStream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	endStream  = "0\r\n\r\n"
	tooMany    = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Type: application/json\r\nContent-Length: 55\r\n\r\n" +
		`{"error":{"message":"Rate limit exceeded","code":429}} `
)

var (
	role  = piece(`{"role":"assistant","content":""}`, "null")
	final = piece(`{}`, `"stop"`) + inChunk("data: [DONE]\n\n") + endStream
)

func word(text string) string { return piece(fmt.Sprintf(`{"content":%q}`, text), "null") }

func piece(delta, finish string) string {
	return inChunk(`data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":` +
		delta + `,"finish_reason":` + finish + "}]}\n\n")
}

func inChunk(data string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(data), data) }

func wholeAnswer(text string) string {
	body := fmt.Sprintf(`{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":%q},"finish_reason":"stop"}]}`, text)
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// contentOf is what a request of ask says.
func contentOf(body string) string {
	_, text, _ := strings.Cut(body, `"content":"`)
	text, _, _ = strings.Cut(text, `"`)
	return text
}

// visitor is a client, to the bytes.
type visitor struct {
	*testing.T
	net.Conn
	br *bufio.Reader
}

// visit connects a client. What goes wrong on a socket ends after some seconds; fake time has no such bound.
func (e *engine) visit() *visitor {
	c, err := e.front()
	if err != nil {
		e.Error(err)
		e.FailNow()
	}
	if e.sockets {
		_ = c.SetDeadline(time.Now().Add(4 * patience))
	}
	return &visitor{T: e.T, Conn: c, br: bufio.NewReader(c)}
}

// ask sends a chat request for the model a. The content stands in it as it is.
func (v *visitor) ask(stream bool, content string) {
	body := []string{fmt.Sprintf(`{"model":"a","stream":%t,"messages":[{"role":"user","content":"`, stream), content, `"}]}`}
	size := len(body[0]) + len(body[1]) + len(body[2])
	_, _ = fmt.Fprintf(v.Conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", size)
	for _, part := range body {
		_, _ = io.WriteString(v.Conn, part)
	}
}

// post sends a chat request.
func (v *visitor) post(body string) {
	_, _ = fmt.Fprintf(v.Conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func (v *visitor) say(text string) { _, _ = io.WriteString(v.Conn, text) }

// begin reads the head of an answer and leaves its body to be read.
func (v *visitor) begin() (*http.Response, error) { return http.ReadResponse(v.br, nil) }

// rest reads a whole answer.
func (v *visitor) rest() (answer, error) {
	resp, err := v.begin()
	if err != nil {
		return answer{}, err
	}
	return whole(resp)
}

func whole(resp *http.Response) (answer, error) {
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(body)}, err
}

// answerTo gives what one request is answered with, on a connection of its own.
func (e *engine) answerTo(request string) answer {
	e.Helper()
	v := e.visit()
	defer v.Close()
	v.say(request)
	got, err := v.rest()
	if err != nil {
		e.Errorf("no answer: %v", err)
	}
	return got
}

func (e *engine) refuses(what, request string, status int, code string) {
	e.Helper()
	if got := e.answerTo(request); got.status != status || got.err().Code != code {
		e.Errorf("%.100q: %d %q, want %d %q", what, got.status, got.err().Code, status, code)
	}
}

// untouched wants that nothing has reached the provider.
func (e *engine) untouched() {
	e.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.peers) > 0 {
		e.Errorf("the provider was asked over %d connections", len(e.peers))
	}
}

// live is how many bytes of the heap are in use: what two collections leave, since the first one spares what pools hold.
func live() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// growth is by how much f made the process grow, heap and stacks; what it found free does not count.
func growth(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.Sys - before.Sys)
}

// until reads a stream up to some text.
func until(r io.Reader, text string) error {
	var seen []byte
	buf := make([]byte, 4096)
	for !bytes.Contains(seen, []byte(text)) {
		n, err := r.Read(buf)
		seen = append(seen, buf[:n]...)
		if err != nil {
			return fmt.Errorf("%w after %q", err, seen)
		}
	}
	return nil
}

// leavings are the ways of a client to go. In memory there is one only, and nothing is heard behind unread bytes.
var leavings = []struct {
	name string
	now  func(*visitor)
}{
	{"FIN", func(v *visitor) { _ = v.Close() }},
	{"RST", func(v *visitor) { _ = v.Conn.(*net.TCPConn).SetLinger(0); _ = v.Close() }},
	{"FIN behind pipelined bytes", func(v *visitor) {
		_, _ = io.WriteString(v.Conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
		_ = v.Close()
	}},
}

// soon waits for what another goroutine does: without real time in memory, shortly on sockets.
func (e *engine) soon(what string, is func() bool) {
	e.Helper()
	for range 2500 {
		if is() {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	e.Fatalf("never: %s", what)
}

// quiet waits until nothing is under way and nothing is held.
func (e *engine) quiet() {
	e.Helper()
	e.soon("all requests ended", func() bool { return e.proxy.running() == 0 })
	if n := e.proxy.bodies.used.Load(); n != 0 {
		e.Errorf("%d bytes of request bodies are held", n)
	}
}

// failures gives the failure_count of a model, and whether it is available.
func (e *engine) failures(model string) (count int, available bool) {
	e.Helper()
	for _, m := range e.pool.Snapshot(time.Now()) {
		if m.Model.ID == model {
			return m.FailureCount, m.Available
		}
	}
	e.Fatalf("no model %s", model)
	return 0, false
}
