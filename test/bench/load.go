//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	smallBody = 1 << 10
	toolsBody = 50 << 10
	bound     = 30 * time.Second // of one answer
)

// kind is a form of request.
type kind struct {
	name   string
	size   int // of its body
	stream bool
	tools  bool
	fresh  bool   // and no two requests have the same ones
	model  string // that freefall is asked for; %d = the number of the request
	models int    // how many numbers there are
	list   bool   // as a list, with fast-0 behind it
	path   string // where proxies without a walk are asked
	want   string // of the provider
}

var (
	small  = kind{name: "small", size: smallBody, model: "auto", path: "/v1/"}
	tools  = kind{name: "tools", size: toolsBody, model: "auto", path: "/v1/", tools: true}
	others = kind{name: "other tools", size: toolsBody, model: "auto", path: "/v1/", tools: true, fresh: true}
	stream = kind{name: "stream", size: smallBody, model: "auto", path: "/v1/", stream: true}
	plain  = kind{name: "plain", size: smallBody, model: "auto", path: "/v1/"} // beside falls: over as few connections
	fall   = kind{name: "fallover", size: smallBody, model: "tired-%d", models: tired, list: true, path: "/fall/"}
	drip   = kind{name: "drip", size: smallBody, model: "slow-%d", models: origins, path: "/many/", stream: true, want: wantDrip}
	quiet  = kind{name: "quiet", size: smallBody, model: "slow-%d", models: origins, path: "/many/", stream: true, want: wantQuiet}
)

// requests are the forms of a kind, head and body, for one program. The digits of each are replaced by the number of the request, so
// that no two begin the same conversation.
func (k *kind) requests(p *program) [][]byte {
	if !strings.Contains(k.model, "%d") {
		return [][]byte{k.request(p, k.model)}
	}
	var out [][]byte
	for i := range k.models {
		out = append(out, k.request(p, fmt.Sprintf(k.model, i)))
	}
	return out
}

const digits = "00000000"

// number writes n over the digits of a request, wherever they are.
func number(request []byte, n int) {
	text := fmt.Sprintf("%08d", n)
	for {
		at := bytes.Index(request, []byte(digits))
		if at < 0 {
			return
		}
		request = request[at+copy(request[at:], text):]
	}
}

func (k *kind) request(p *program, model string) []byte {
	names := fmt.Sprintf(`"model":%q`, model)
	if k.list {
		names = fmt.Sprintf(`"models":[%q,"fast-0"]`, model)
	}
	more := ""
	if k.tools {
		more = `,"tools":[` + strings.Join(toolTexts(), ",") + `]`
		if k.fresh {
			more = strings.Replace(more, "good for", digits, 1)
		}
	}
	if k.stream {
		more += `,"stream":true`
	}
	before := fmt.Sprintf(`{%s,"messages":[{"role":"system","content":"You help."},{"role":"user","content":"Question %s. %s`, names, digits, k.want)
	after := `"}]` + more + `}`
	filler := strings.Repeat(`The quick brown fox, \"jumping\", found the dog asleep. `, k.size/50+1)
	body := before + strings.TrimRight(filler[:k.size-len(before)-len(after)], `\`) + after
	path := k.path
	if !p.paths {
		path = "/v1/"
	}
	return fmt.Appendf(nil, "POST %schat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"+
		"Authorization: Bearer sk-none\r\nUser-Agent: bench\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
}

// toolTexts are definitions of tools, 36 KB together.
func toolTexts() (out []string) {
	for i := range 50 {
		out = append(out, fmt.Sprintf(`{"type":"function","function":{"name":"tool_%d","description":%q,"parameters":{"type":"object",`+
			`"properties":{"city":{"type":"string","description":"Where; \"here\" is the user's own place\n"},"days":{"type":"integer","minimum":1}},"required":["city"]}}}`,
			i, strings.Repeat("what it is good for ", 24)))
	}
	return out
}

// client is one connection. Its answers are checked as little as is needed to know that they are whole.
type client struct {
	net.Conn
	asks []byte // the request
	buf  []byte
	got  []byte // the last answer
}

func dial(addr string) (*client, error) {
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	return &client{Conn: c, buf: make([]byte, 64<<10)}, nil
}

var lastChunk = []byte("\r\n0\r\n\r\n")

// ask sends a request and reads the whole answer. first is when its first content was there.
func (c *client) ask(request []byte) (first time.Time, err error) {
	_ = c.SetDeadline(time.Now().Add(bound))
	if _, err := c.Write(request); err != nil {
		return first, err
	}
	c.got = c.buf[:0]
	for end := -1; end < 0 || len(c.got) < end; {
		if len(c.got) == len(c.buf) {
			c.buf = append(c.buf, make([]byte, len(c.buf))...)
			c.got = c.buf[:len(c.got)]
		}
		n, err := c.Read(c.buf[len(c.got):])
		c.got = c.buf[:len(c.got)+n]
		if err != nil {
			return first, fmt.Errorf("%w behind %d bytes, the last of which are %.300q", err, len(c.got), c.got[max(0, len(c.got)-200):])
		}
		if first.IsZero() && bytes.Contains(c.got, []byte(`"choices"`)) {
			first = time.Now()
		}
		if end < 0 {
			end = c.end()
		}
	}
	if !bytes.HasPrefix(c.got, []byte("HTTP/1.1 200")) {
		return first, fmt.Errorf("not answered: %.600q", c.got)
	}
	return first, nil
}

// end is where the answer ends, -1 as long as nobody knows.
func (c *client) end() int {
	head := bytes.Index(c.got, []byte("\r\n\r\n"))
	if head < 0 {
		return -1
	}
	if n, ok := lengthOf(c.got[:head+2]); ok {
		return head + 4 + n
	}
	if bytes.HasSuffix(c.got, lastChunk) {
		return len(c.got)
	}
	return -1
}

// whole says what is wrong with an answer that has come to its end. Proxies cut streams into chunks anew, at any byte, so that its
// length is what tells.
func (c *client) whole(k *kind) error {
	least := 900
	if k.stream {
		least = numEvents * leastEvent
	}
	if len(c.got) < least {
		return fmt.Errorf("an answer of only %d bytes: %.300q", len(c.got), c.got)
	}
	return nil
}

// tally is what came of a load.
type tally struct {
	asked, fellOver atomic.Int64
}

// load sends so many requests over so many connections, each as soon as the one before it was answered.
func load(ctx context.Context, r *running, k *kind, conns, requests int, t *tally) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	forms := k.requests(r.program)
	var next atomic.Int64
	var clients sync.WaitGroup
	for range conns {
		clients.Go(func() {
			c, err := dial(r.addr)
			if err != nil {
				cancel(err)
				return
			}
			defer c.Close()
			for ctx.Err() == nil {
				n := int(next.Add(1)) - 1
				if n >= requests {
					return
				}
				if err := c.one(r, k, forms[n%len(forms)], n, t); err != nil {
					cancel(fmt.Errorf("%s, %s: %w\n%s", r.name, k.name, err, r.words()))
					return
				}
			}
		})
	}
	clients.Wait()
	return context.Cause(ctx)
}

func (c *client) one(r *running, k *kind, form []byte, n int, t *tally) error {
	c.asks = append(c.asks[:0], form...)
	number(c.asks, n)
	if _, err := c.ask(c.asks); err != nil {
		return err
	}
	if k == &fall && r.own && bytes.Contains(c.got, []byte("X-Freefall-Attempts: 2\r\n")) {
		t.fellOver.Add(1)
	}
	t.asked.Add(1)
	return c.whole(k)
}

// proves asks for one answer and looks for the token of this run in it: nobody else is sent any load.
func proves(addr string, p *program, token string) error {
	c, err := dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.ask(small.request(p, small.model)); err != nil {
		return err
	}
	if !bytes.Contains(c.got, []byte(token)) {
		return errors.New("somebody answers who is not this run's provider")
	}
	return nil
}
