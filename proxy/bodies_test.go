package proxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// No body costs a provider anything unless it is one clear request, and each is answered with what is wrong.
func TestBodiesThatAreNoRequest(t *testing.T) {
	s := onSockets(t, socketPlan{})
	const messages = `"messages":[{"role":"user","content":"Hello"}]`
	for name, c := range map[string]struct{ body, code string }{
		"empty":               {"", "invalid_json"},
		"blank":               {" \r\n", "invalid_json"},
		"array":               {`[` + plainBody + `]`, "invalid_json"},
		"string":              {`"Hello"`, "invalid_json"},
		"null":                {`null`, "invalid_json"},
		"empty object":        {`{}`, "missing_required_parameter"},
		"invalid UTF-8":       {`{"model":"a","messages":[{"role":"user","content":"` + "\xff\xfe" + `"}]}`, "invalid_json"},
		"byte order mark":     {"\ufeff" + plainBody, "invalid_json"},
		"UTF-16":              {"\xff\xfe{\x00", "invalid_json"},
		"NUL before":          {"\x00" + plainBody, "invalid_json"},
		"NUL within":          {`{"model":"a` + "\x00" + `",` + messages + `}`, "invalid_json"},
		"NUL behind":          {plainBody + "\x00", "invalid_json"},
		"trailing bytes":      {plainBody + "x", "invalid_json"},
		"two objects":         {plainBody + plainBody, "invalid_json"},
		"half an object":      {plainBody[:len(plainBody)-1], "invalid_json"},
		"form":                {"model=auto&messages=Hello", "invalid_json"},
		"10,000 deep":         {strings.Repeat("[", 10_000), "invalid_json"},
		"10,000 deep within":  {`{` + messages + `,"x":` + strings.Repeat("[", 10_000), "invalid_json"},
		"model twice":         {`{"model":"a","model":"b",` + messages + `}`, "duplicate_key"},
		"model escaped twice": {`{"model":"a","m\u006fdel":"b",` + messages + `}`, "duplicate_key"},
		"model folded":        {`{"model":"a","MODEL":"b",` + messages + `}`, "misspelled_key"},
		"stream twice":        {`{"stream":true,"stream":false,` + messages + `}`, "duplicate_key"},
		"tools folded":        {`{"tool` + "\u017f" + `":[],` + messages + `}`, "misspelled_key"},
		"model no string":     {`{"model":["a"],` + messages + `}`, "invalid_type"},
	} {
		c2 := s.dial()
		c2.send(post(c.body))
		s.wants(name, c2.answer(), 400, c.code)
		c2.stillOpen()
	}
	s.asked("bodies that are no request", 0)
}

func TestEightMillionBracketsCostNothing(t *testing.T) {
	s := onSockets(t, socketPlan{})
	deep := strings.Repeat("[", 8_000_000)
	for name, body := range map[string]string{"alone": deep, "in a member": `{"messages":` + deep, "in an ignored member": `{"metadata":` + deep} {
		took := func(body string) time.Duration {
			began := time.Now()
			s.wants(name, s.raw(post(body)), 400, "invalid_json")
			return time.Since(began)
		}
		var it time.Duration
		held := peak(func() { it = took(body) })
		if blanks := took(strings.Repeat(" ", len(body))); it > 2*time.Second && it > 10*blanks { // a busy machine is slow with both
			s.Errorf("%s: the answer took %v, and that to blanks %v", name, it, blanks)
		}
		if held > 100<<20 {
			s.Errorf("%s: %d MB were held", name, held>>20)
		}
	}
	s.asked("brackets", 0)
}

// A body that is too large is refused early, and whoever goes on sending it reads the refusal all the same.
func TestTooLarge(t *testing.T) {
	const size = 60_000_000
	s := onSockets(t, socketPlan{})
	chunks := func(c *client, n int) {
		c.send(head("POST /v1/chat/completions HTTP/1.1", "Transfer-Encoding: chunked"))
		piece := fmt.Sprintf("%x\r\n%s\r\n", 1<<20, strings.Repeat(" ", 1<<20))
		for range n {
			c.send(piece)
		}
	}
	declared := head("POST /v1/chat/completions HTTP/1.1", "Content-Length: "+itoa(size))
	for name, send := range map[string]func(*client){
		"declared, one byte sent":  func(c *client) { c.send(declared, "{") }, // and no more: who would wait for the rest never answers
		"declared, written first":  func(c *client) { c.send(declared, strings.Repeat(" ", size)) },
		"no length, not ended":     func(c *client) { chunks(c, 33) }, // likewise, one more than may be
		"no length, written first": func(c *client) { chunks(c, size>>20); c.send("0\r\n\r\n") },
	} {
		c := s.dial()
		send(c)
		s.wants(name, c.answer(), 413, "request_too_large")
		c.ended()
	}
	for name, length := range map[string]int64{"net/http, declared": size, "net/http, no length": -1} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		req, _ := http.NewRequestWithContext(ctx, "POST", "http://"+s.addr+"/v1/chat/completions", io.LimitReader(zeros{}, size))
		req.ContentLength = length
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
		if err != nil {
			s.Errorf("%s: %v", name, err)
		} else {
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			s.wants(name, answer{resp.StatusCode, resp.Header, string(body)}, 413, "request_too_large")
		}
		cancel()
	}
	s.asked("too large", 0)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// The limit is met to the byte, and is the operator's.
func TestTooLargeIsOneByteMore(t *testing.T) {
	s := onSockets(t, socketPlan{settings: Settings{MaxBody: len(plainBody)}})
	s.wants("as large as can be", s.raw(post(plainBody)), 200, "")
	s.wants("one byte more", s.raw(post(plainBody+" ")), 413, "request_too_large")
	chunk := fmt.Sprintf("%x\r\n%s\r\n", len(plainBody), plainBody)
	open := head("POST /v1/chat/completions HTTP/1.1", "Transfer-Encoding: chunked")
	s.wants("in chunks", s.raw(open, chunk, "0\r\n\r\n"), 200, "")
	s.wants("in chunks, one byte more", s.raw(open, chunk, "1\r\n \r\n0\r\n\r\n"), 413, "request_too_large")
}

// Bodies that just fill what has been set aside for them.
func TestBodiesOfEverySize(t *testing.T) {
	s := onSockets(t, socketPlan{})
	c := s.dial()
	for _, size := range []int{firstBody - 1, firstBody, firstBody + 1, 2*firstBody - 1, 2 * firstBody, 2*firstBody + 1, 300_000} {
		body := plainBody + strings.Repeat(" ", size-len(plainBody))
		c.send(post(body))
		s.wants(itoa(size)+" bytes", c.answer(), 200, "")
		c.send(head("POST /v1/chat/completions HTTP/1.1", "Transfer-Encoding: chunked"), fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", size, body))
		s.wants(itoa(size)+" bytes in chunks", c.answer(), 200, "")
	}
	if n := s.proxy.bodies.used.Load(); n != 0 {
		t.Errorf("%d bytes of the budget were not given back", n)
	}
}

// All bodies together have a bound too. What is beyond it waits outside, and small requests go on.
func TestTooManyLargeBodies(t *testing.T) {
	s := onSockets(t, socketPlan{})
	const left = 3 * firstBody
	s.proxy.bodies.used.Store(bodyBudget - left)
	got := s.raw(post(plainBody + strings.Repeat(" ", 4*firstBody)))
	s.wants("large", got, 503, "busy")
	if got.header.Get("Retry-After") != "1" || got.header.Get("X-Should-Retry") != "true" {
		t.Errorf("when to come back: %v", got.header)
	}
	s.wants("small", s.raw(post(plainBody)), 200, "")
	s.wants("all that is left", s.raw(post(plainBody+strings.Repeat(" ", left-1-len(plainBody)))), 200, "")
	if n := s.proxy.bodies.used.Load(); n != bodyBudget-left {
		t.Errorf("the budget is %d bytes off", n-(bodyBudget-left))
	}
	s.proxy.bodies.used.Store(bodyBudget)
	s.wants("small, when nothing is left", s.raw(post(plainBody)), 200, "")
	s.wants("not so small", s.raw(post(plainBody+strings.Repeat(" ", firstBody))), 503, "busy")
	s.proxy.bodies.used.Store(bodyBudget + smallBudget)
	s.wants("small, when that is full too", s.raw(post(plainBody)), 503, "busy")
}

// What other APIs are translated to counts instead of what came, and small requests of theirs find room when chats do.
func TestBodiesThatAreTranslated(t *testing.T) {
	s := onSockets(t, socketPlan{})
	for path, body := range map[string]string{
		"/v1/completions": `{"prompt":"Hi"}`,
		"/v1/responses":   `{"input":"Hi"}`,
		"/v1/messages":    `{"max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}`,
	} {
		ask := func(blanks int) answer {
			body := body + strings.Repeat(" ", blanks)
			return s.raw(head("POST "+path+" HTTP/1.1", "Content-Length: "+itoa(len(body))), body)
		}
		s.proxy.bodies.used.Store(0)
		s.wants(path, ask(0), 200, "")
		s.wants(path+", large", ask(3*firstBody), 200, "")
		s.wants(path+", wrong", s.raw(head("POST "+path+" HTTP/1.1", "Content-Length: 2"), "{}"), 400, "missing_required_parameter")
		if n := s.proxy.bodies.used.Load(); n != 0 {
			t.Errorf("%s: %d bytes of the budget were not given back", path, n)
		}
		s.proxy.bodies.used.Store(bodyBudget)
		s.wants(path+", small, when nothing is left", ask(0), 200, "")
		s.proxy.bodies.used.Store(bodyBudget + smallBudget)
		s.wants(path+", small, when that is full too", ask(0), 503, "busy")
		s.proxy.bodies.used.Store(0)
	}
}

// What is refused for its head is read to its end too: otherwise a client that writes first would see a broken connection.
func TestARefusalIsReadByWhoWritesFirst(t *testing.T) {
	s := onSockets(t, socketPlan{settings: Settings{Clients: []Client{{Name: "ana", Key: "k"}}}})
	body := strings.Repeat(" ", 10_000_000)
	length := "Content-Length: " + itoa(len(body))
	for name, c := range map[string]struct {
		head   string
		status int
		code   string
	}{
		"no key":         {head("POST /v1/chat/completions HTTP/1.1", length), 401, "invalid_api_key"},
		"foreign origin": {head("POST /v1/chat/completions HTTP/1.1", length, "Origin: https://evil.example"), 403, "origin_not_allowed"},
		"unknown route":  {head("POST /v1/nothing HTTP/1.1", length), 404, "unknown_route"},
		"wrong method":   {head("PUT /v1/chat/completions HTTP/1.1", length), 405, "method_not_allowed"},
		"compressed":     {head("POST /v1/chat/completions HTTP/1.1", length, "Content-Encoding: gzip"), 400, "compressed_body"},
		"huge head":      {head("POST /v1/chat/completions HTTP/1.1", length, "X-Pad: "+strings.Repeat("x", 20_000)), 431, "headers_too_large"},
		"no HTTP":        {"POST /v1/chat/completions HTTP/1.1\r\nno colon\r\n\r\n", 400, "bad_request"},
	} {
		s.wants(name, s.raw(c.head, body), c.status, c.code)
	}
	s.asked("refused", 0)
}

// A declared length that is a lie.
func TestLyingLength(t *testing.T) {
	s := onSockets(t, socketPlan{readTime: 100 * time.Millisecond})
	lie := func(n int) string {
		return head("POST /v1/chat/completions HTTP/1.1", "Content-Length: "+itoa(n)) + plainBody
	}
	c := s.dial()
	c.send(lie(len(plainBody) - 2))
	s.wants("too short", c.answer(), 400, "invalid_json")
	s.wants("too short, the rest", c.answer(), 400, "bad_request") // what is left over is the begin of no request
	c.ended()

	s.wants("too long, still open", s.raw(lie(len(plainBody)+9)), 408, "request_timeout")

	c = s.dial()
	c.send(lie(len(plainBody) + 9))
	c.closeWrite()
	s.wants("too long, ended", c.answer(), 400, "incomplete_body")
	c.ended()
	s.asked("lies", 0)
}

// A body may take long if it comes at a bearable pace; it may not stand still.
func TestSlowBodies(t *testing.T) {
	const limit = 100 * time.Millisecond
	s := onSockets(t, socketPlan{readTime: limit})
	for name, start := range map[string]string{
		"head":     "POST /v1/chat/completions HTTP/1.1\r\nHost: loc",
		"no body":  head("POST /v1/chat/completions HTTP/1.1", "Content-Length: 25000000"),
		"declared": head("POST /v1/chat/completions HTTP/1.1", "Content-Length: 25000000") + "{",
		"much":     head("POST /v1/chat/completions HTTP/1.1", "Content-Length: 25000000") + strings.Repeat("x", 4<<20), // which buys a minute
		"chunks":   head("POST /v1/chat/completions HTTP/1.1", "Transfer-Encoding: chunked") + "5\r\n{",
	} {
		began := time.Now()
		got := s.raw(start)
		s.wants(name, got, 408, "request_timeout")
		if took := time.Since(began); took > 20*limit {
			s.Errorf("%s: took %v", name, took)
		}
	}

	drip := s.dial()
	drip.send(head("POST /v1/chat/completions HTTP/1.1", "Transfer-Encoding: chunked"))
	done := make(chan struct{})
	go func() { // byte by byte for ever
		defer close(done)
		for {
			if _, err := io.WriteString(drip.Conn, "1\r\n \r\n"); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	began := time.Now()
	s.wants("drip", drip.answer(), 408, "request_timeout")
	if took := time.Since(began); took > 20*limit {
		s.Errorf("drip: took %v", took)
	}
	drip.Close()
	<-done

	// 64 KB buy a second: this body takes longer than the limit and is read all the same.
	large := plainBody[:1] + strings.Repeat(" ", 256<<10) + plainBody[1:]
	c := s.dial()
	c.send(head("POST /v1/chat/completions HTTP/1.1", "Content-Length: "+itoa(len(large))))
	for at := 0; at < len(large); at += 40 << 10 {
		c.send(large[at:min(at+40<<10, len(large))])
		time.Sleep(limit / 4)
	}
	s.wants("slow but moving", c.answer(), 200, "")
}

// What a client declares costs nothing until it has sent it.
func TestPromisesHoldNoMemory(t *testing.T) {
	s := onSockets(t, socketPlan{})
	held := peak(func() {
		var all []*client
		for range 300 {
			c := s.dial()
			c.send(head("POST /v1/chat/completions HTTP/1.1", "Content-Length: 25000000"), "{")
			all = append(all, c)
		}
		s.eventually("all are being read", func() bool { return s.proxy.running() == 300 })
		time.Sleep(20 * time.Millisecond)
		for _, c := range all {
			c.Close()
		}
	})
	if held > 64<<20 {
		s.Errorf("%d MB were held", held>>20)
	}
	s.eventually("all have ended", func() bool { return s.proxy.running() == 0 })
	if n := s.proxy.bodies.used.Load(); n != 0 {
		s.Errorf("%d bytes of the budget were not given back", n)
	}
}
