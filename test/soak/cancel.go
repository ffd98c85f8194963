package main

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"freefall/test/child"
)

const (
	patience   = 10 * time.Second // for what should take a moment
	promises   = 300              // clients that declare a large body
	promised   = 25_000_000       // bytes
	promiseRSS = 64 << 20
	events     = 500
	eventGap   = 2 * time.Millisecond
	eventLag   = time.Millisecond // median
)

const (
	streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	roleEvent  = `{"role":"assistant","content":""}`
)

func event(delta string) string {
	data := `data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":` + delta + `,"finish_reason":null}]}` + "\n\n"
	return fmt.Sprintf("%x\r\n%s\r\n", len(data), data)
}

func content(text string) string { return event(`{"content":"` + text + `"}`) }

// phase is where a request stands when its client leaves.
type phase struct {
	name    string
	model   string // plain or tls
	body    int    // bytes of prompt
	stream  bool
	says    string // the provider, before it falls silent
	unread  bool   // it does not read the request
	endless bool   // it talks on
	sight   string // what the client waits for
	deaf    bool   // and then it reads no more
}

var phases = []phase{
	{name: "TLS handshake", model: "tls", unread: true},
	{name: "upload that is not read", model: "plain", body: 24 << 20, unread: true},
	{name: "no head", model: "plain"},
	{name: "half a body", model: "plain", says: "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"},
	{name: "stream, no head", model: "plain", stream: true},
	{name: "stream, no content", model: "plain", stream: true, says: streamHead + event(roleEvent)},
	{name: "stream, silent", model: "plain", stream: true, says: streamHead + event(roleEvent) + content("hello"), sight: "hello"},
	{name: "stream, talking", model: "plain", stream: true, says: streamHead + event(roleEvent) + content("hello"), sight: "hello", endless: true},
	{name: "stream, client does not read", model: "plain", stream: true, says: streamHead + event(roleEvent) + content("hello"), sight: "hello", endless: true, deaf: true},
}

var leavings = []struct {
	name string
	now  func(*net.TCPConn)
}{
	{"FIN", func(c *net.TCPConn) { c.Close() }},
	{"RST", func(c *net.TCPConn) { _ = c.SetLinger(0); c.Close() }},
	{"FIN behind bytes", func(c *net.TCPConn) {
		_, _ = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
		c.Close()
	}},
}

// bench is freefall before a provider whose connections the measuring takes one by one.
type bench struct {
	*program
	plain, tls net.Listener
	stall      atomic.Int64 // the longest pause of this machine since it was set to 0
}

// measure prints how soon freefall lets go, and fails when it is later than bound or holds too much.
func measure(binary string, tries int, bound time.Duration) error {
	b, err := newBench(binary)
	if err != nil {
		return err
	}
	defer b.close()
	rss, err := b.promise() // first: it asks for the most that was ever held
	if err != nil {
		return err
	}
	lags, err := b.lag()
	if err != nil {
		return err
	}
	fmt.Printf("%d clients declare %d MB and send a byte: at most %d MB resident (bound %d)\n", promises, promised/1_000_000, rss>>20, promiseRSS>>20)
	fmt.Printf("an event is through after %v, the median of %d; the worst %v (bound of the median %v)\n\n", median(lags), events, slices.Max(lags), eventLag)
	var wrong []string
	if rss > promiseRSS {
		wrong = append(wrong, "promises cost memory")
	}
	if median(lags) > eventLag {
		wrong = append(wrong, "events are late")
	}
	late, err := b.departures(tries, bound)
	if wrong = append(wrong, late...); err == nil && len(wrong) > 0 {
		err = fmt.Errorf("beyond the bounds: %s", strings.Join(wrong, "; "))
	}
	return err
}

// departures prints how soon the provider's connection is closed when a client leaves, and names what took longer than bound.
func (b *bench) departures(tries int, bound time.Duration) (late []string, err error) {
	line := func(phase, way string, took []time.Duration, repeated int) {
		fmt.Printf("%-30s%-18s%10v%12v%10d\n", phase, way, median(took).Round(time.Microsecond), slices.Max(took).Round(time.Microsecond), repeated)
	}
	done := make(chan struct{})
	defer close(done)
	go b.watchMachine(done)
	fmt.Printf("upstream closed after a client left, %d times each (bound of the worst %v; repeated: the machine stood still)\n%-30s%-18s%10s%12s%10s\n",
		tries, bound, "", "", "median", "worst", "repeated")
	for _, leave := range leavings {
		took, err := b.direct(tries, leave.now)
		if err != nil {
			return nil, err
		}
		line("(without freefall)", leave.name, took, 0)
	}
	for i := range phases {
		for _, leave := range leavings {
			took, repeated, err := b.leave(&phases[i], tries, bound, leave.now)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", phases[i].name, leave.name, err)
			}
			line(phases[i].name, leave.name, took, repeated)
			if slices.Max(took) > bound {
				late = append(late, phases[i].name+", "+leave.name)
			}
		}
	}
	return late, nil
}

func newBench(binary string) (*bench, error) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	tls, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p, err := start(binary, fmt.Sprintf(`data_dir: ""
log: {file: ""}
timeouts: {connect: 60s, first_token: 60s, answer: 90s, idle: 60s, total: 120s}
providers:
  plain: {base_url: "http://%s/v1", discover: off}
  tls: {base_url: "https://%s/v1", discover: off}
models: [{id: plain, provider: plain}, {id: tls, provider: tls}]
`, plain.Addr(), tls.Addr()))
	if err != nil {
		return nil, err
	}
	return &bench{program: p, plain: plain, tls: tls}, nil
}

func (b *bench) close() {
	b.plain.Close()
	b.tls.Close()
	_ = b.stop()
}

// dial connects a client or a provider's peer, bounded as a whole.
func dial(addr string) (*net.TCPConn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn), nil
}

func accept(ln net.Listener) (*net.TCPConn, error) {
	_ = ln.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	c, err := ln.Accept()
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn), nil
}

func ask(c net.Conn, model string, stream bool, prompt int) error {
	body := fmt.Sprintf(`{"model":%q,"stream":%t,"messages":[{"role":"user","content":"%s"}]}`, model, stream, strings.Repeat("x", prompt))
	_, err := fmt.Fprintf(c, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-Freefall-Fallback: off\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	return err
}

// direct is the floor: how soon a peer sees the end of a connection with nothing between.
func (b *bench) direct(tries int, leave func(*net.TCPConn)) (took []time.Duration, err error) {
	for range tries {
		c, err := dial(b.plain.Addr().String())
		if err != nil {
			return nil, err
		}
		up, err := accept(b.plain)
		if err != nil {
			return nil, err
		}
		gone := untilGone(up)
		left := time.Now()
		leave(c)
		took = append(took, (<-gone).Sub(left))
	}
	return took, nil
}

// untilGone tells when the other side has closed.
func untilGone(up *net.TCPConn) <-chan time.Time {
	gone := make(chan time.Time, 1)
	reading := make(chan struct{})
	go func() {
		defer up.Close()
		close(reading)
		_, _ = io.Copy(io.Discard, up)
		gone <- time.Now()
	}()
	<-reading
	return gone
}

// leave measures so many departures. One that was late while the machine itself stood still tells nothing and is repeated, at
// most as often again; repeated says how often.
func (b *bench) leave(ph *phase, tries int, bound time.Duration, leave func(*net.TCPConn)) (took []time.Duration, repeated int, err error) {
	for len(took) < tries {
		b.stall.Store(0)
		d, err := b.leaveOnce(ph, leave)
		if err != nil {
			return nil, 0, err
		}
		time.Sleep(time.Millisecond) // a pause that is under way is seen
		if d > bound && time.Duration(b.stall.Load()) > bound/2 && repeated < tries {
			repeated++
			continue
		}
		took = append(took, d)
	}
	return took, repeated, nil
}

// watchMachine notes how much longer than asked for a sleep takes, until done is closed.
func (b *bench) watchMachine(done <-chan struct{}) {
	const nap = 200 * time.Microsecond
	for {
		began := time.Now()
		select {
		case <-done:
			return
		case <-time.After(nap):
			b.stall.Store(max(b.stall.Load(), int64(time.Since(began)-nap)))
		}
	}
}

func (b *bench) leaveOnce(ph *phase, leave func(*net.TCPConn)) (time.Duration, error) {
	c, err := dial(b.Addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if err := ask(c, ph.model, ph.stream, ph.body); err != nil {
		return 0, err
	}
	ln := b.plain
	if ph.model == "tls" {
		ln = b.tls
	}
	up, err := accept(ln)
	if err != nil {
		return 0, err
	}
	defer up.Close()
	if err := hear(up, ph.unread); err != nil {
		return 0, fmt.Errorf("the provider: %w", err)
	}
	if _, err := io.WriteString(up, ph.says); err != nil {
		return 0, err
	}
	var gone <-chan time.Time
	if !ph.unread {
		gone = untilGone(up)
	}
	if ph.endless {
		go talk(up, ph.deaf)
	}
	if ph.sight != "" {
		if err := see(c, ph.sight); err != nil {
			return 0, fmt.Errorf("the client: %w", err)
		}
	}
	time.Sleep(time.Millisecond) // all have come to rest
	if ph.deaf {
		time.Sleep(20 * time.Millisecond)
	}
	left := time.Now()
	leave(c)
	if ph.unread {
		gone = untilGone(up) // what has been sent must be read before the end is seen
	}
	took := (<-gone).Sub(left)
	if took > patience/2 {
		return 0, fmt.Errorf("the call was not ended")
	}
	return took, nil
}

// hear reads a request, or of one that is not to be read the first byte, and lets the rest fill what buffers there are.
func hear(up net.Conn, unread bool) error {
	if unread {
		_, err := up.Read(make([]byte, 1))
		time.Sleep(10 * time.Millisecond)
		return err
	}
	br := bufio.NewReader(up)
	size := 0
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return err
		}
		if value, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			size, _ = strconv.Atoi(strings.TrimSpace(value))
		}
		if line == "\r\n" {
			_, err := io.CopyN(io.Discard, br, int64(size))
			return err
		}
	}
}

// talk sends events until the other side has closed: as many as it takes, or at a pace that leaves the machine quiet.
func talk(up *net.TCPConn, flood bool) {
	text := content(strings.Repeat("on ", 300))
	for {
		if _, err := io.WriteString(up, text); err != nil {
			return
		}
		if !flood {
			time.Sleep(200 * time.Microsecond)
		}
	}
}

// see reads up to some text, and whatever has come with it.
func see(r io.Reader, text string) error {
	var seen []byte
	buf := make([]byte, 4096)
	for !bytes.Contains(seen, []byte(text)) {
		n, err := r.Read(buf)
		seen = append(seen, buf[:n]...)
		if err != nil {
			return fmt.Errorf("%w after %.300q", err, seen)
		}
	}
	return nil
}

// lag is how long each event of a stream was under way.
func (b *bench) lag() (lags []time.Duration, err error) {
	c, err := dial(b.Addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := ask(c, "plain", true, 0); err != nil {
		return nil, err
	}
	up, err := accept(b.plain)
	if err != nil {
		return nil, err
	}
	defer up.Close()
	if err := hear(up, false); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(up, streamHead+event(roleEvent)); err != nil {
		return nil, err
	}
	for i := range events {
		time.Sleep(eventGap)
		sent := time.Now()
		if _, err := io.WriteString(up, content(fmt.Sprintf("w%d.", i))); err != nil {
			return nil, err
		}
		if err := see(c, fmt.Sprintf(`"w%d."`, i)); err != nil {
			return nil, err
		}
		lags = append(lags, time.Since(sent))
	}
	return lags, nil
}

// promise lets many clients declare a large body and send one byte of it; the result is the most memory freefall ever held.
func (b *bench) promise() (most int, err error) {
	for range promises {
		c, err := dial(b.Addr)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		if _, err := fmt.Fprintf(c, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n{", promised); err != nil {
			return 0, err
		}
	}
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		running, err := b.metric("freefall_requests_running")
		if err != nil {
			return 0, err
		}
		if running >= promises {
			return child.Memory(b.PID, "status", "VmHWM")
		}
		if time.Now().After(end) {
			return 0, fmt.Errorf("%v of %d are being read", running, promises)
		}
	}
}

func median[T cmp.Ordered](of []T) T {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}
