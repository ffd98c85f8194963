package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"
)

// TestMain starts the clock of fasthttp's dates, which runs once for the process, outside any bubble.
func TestMain(m *testing.M) {
	new(fasthttp.ResponseHeader).AppendBytes(nil)
	os.Exit(m.Run())
}

// house is a server in memory, in fake time.
type house struct {
	*testing.T
	*Server
	ln       *fasthttputil.InmemoryListener
	panicked []any
}

// inHouse runs a test before a server that says what it was asked: "POST /a 5 hello".
func inHouse(t *testing.T, change func(*Server), test func(h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &house{T: t, ln: fasthttputil.NewInmemoryListener()}
		h.Server = &Server{Handle: echo, HeadTime: 10 * time.Second, IdleTime: time.Minute, HeadLimit: 1 << 10, MaxConns: 10,
			Refuse:   func(ctx *fasthttp.RequestCtx, err error) { ctx.Error(err.Error(), 400) },
			Panicked: func(cause any) { h.panicked = append(h.panicked, cause) }}
		if change != nil {
			change(h.Server)
		}
		var serving sync.WaitGroup
		serving.Go(func() { _ = h.Serve(h.ln) })
		test(h)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := h.Shutdown(ctx); err != nil {
			t.Errorf("the end: %v", err)
		}
		serving.Wait()
	})
}

func echo(ctx *fasthttp.RequestCtx) {
	var body []byte
	if r := ctx.RequestBodyStream(); r != nil {
		var err error
		if body, err = io.ReadAll(r); err != nil {
			ctx.Error(err.Error(), 499)
			return
		}
	}
	fmt.Fprintf(ctx, "%s %s %d %s", ctx.Method(), ctx.Path(), len(body), body)
}

func (h *house) visit() net.Conn {
	h.Helper()
	c, err := h.ln.Dial()
	if err != nil {
		h.Fatal(err)
	}
	return c
}

// said is all that comes for what is sent over one connection, up to its end, or until nothing more comes.
func (h *house) said(text string) string {
	h.Helper()
	c := h.visit()
	defer c.Close()
	if text != "" {
		go func() { _, _ = io.WriteString(c, text) }()
	}
	synctest.Wait()
	_ = c.SetReadDeadline(time.Now().Add(time.Second))
	out, err := io.ReadAll(c)
	if err == nil {
		return string(out) + "END"
	}
	return string(out)
}

func TestRequests(t *testing.T) {
	for name, c := range map[string]struct{ say, want string }{
		"one":           {"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", "200 [GET /a 0 ]"},
		"three at once": {post("/a", "one") + post("/b", "") + post("/c", "three"), "200 [POST /a 3 one] 200 [POST /b 0 ] 200 [POST /c 5 three]"},
		"chunks":        {"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n4\r\n and\r\n0\r\n\r\n" + post("/b", "x"), "200 [POST /a 7 one and] 200 [POST /b 1 x]"},
		"last":          {"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + post("/b", "x"), "200 close [GET /a 0 ] END"},
		"old":           {"GET /a HTTP/1.0\r\nHost: x\r\n\r\n", "HTTP/1.0 200 close [GET /a 0 ] END"},
		"old, again":    {"GET /a HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n" + post("/b", "x"), "HTTP/1.0 200 keep-alive [GET /a 0 ] 200 [POST /b 1 x]"},
		"no request":    {"hello\r\n\r\n", "400 close END"},
		"head too long": {"GET /a HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", 1<<10) + "\r\n\r\n", "400 close END"},
		"no address":    {"GET a\x01b HTTP/1.1\r\nHost: x\r\n\r\n", "400 close END"},
		"half a head":   {"GET /a HTTP/1.1\r\nHo", ""},
		"half a body":   {"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf", ""},
		"bad chunks":    {"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none!!" + post("/b", "x"), "499 close END"},
		"nothing":       {"", ""},
		"told to go on": {"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\none", "100 200 [POST /a 3 one]"},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, nil, func(h *house) {
				if got := brief(h.said(c.say)); got != c.want {
					t.Errorf("%q, want %q", got, c.want)
				}
			})
		})
	}
}

func post(path, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
}

// brief is what matters of answers: version if it is old, status, connection, [text], and the end.
func brief(said string) string {
	said, ended := strings.CutSuffix(said, "END")
	var out []string
	r := bufio.NewReader(strings.NewReader(said))
	for {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			break
		}
		if resp.ProtoMinor == 0 {
			out = append(out, resp.Proto)
		}
		out = append(out, fmt.Sprint(resp.StatusCode))
		if resp.Close && resp.ProtoMinor == 1 {
			out = append(out, "close")
		} else if c := resp.Header.Get("Connection"); c != "" {
			out = append(out, c)
		}
		if text, _ := io.ReadAll(resp.Body); resp.StatusCode == 200 {
			out = append(out, fmt.Sprintf("[%s]", text))
		}
	}
	if ended {
		out = append(out, "END")
	}
	return strings.Join(out, " ")
}

// The answer to HEAD is the head of the answer to GET.
func TestHead(t *testing.T) {
	inHouse(t, nil, func(h *house) {
		got := h.said("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n" + post("/b", "x"))
		if head, rest, _ := strings.Cut(got, "\r\n\r\n"); !strings.Contains(head, "Content-Length: 10") || brief(rest) != "200 [POST /b 1 x]" {
			t.Errorf("%q", got)
		}
	})
}

// However requests are cut on their way, each is what was sent, in its turn, and nothing of one is ever in another.
func TestAnyCut(t *testing.T) {
	inHouse(t, nil, func(h *house) {
		var all sync.WaitGroup
		for client := range 8 {
			all.Go(func() {
				chance := rand.New(rand.NewPCG(7, uint64(client)))
				c := h.visit()
				defer c.Close()
				var sent bytes.Buffer
				var want []string
				for i := range 60 {
					body := strings.Repeat(fmt.Sprintf("%d.%d ", client, i), chance.IntN(200)*chance.IntN(2)*chance.IntN(6))
					path := fmt.Sprintf("/%d/%d", client, i)
					if chance.IntN(2) == 0 {
						sent.WriteString(post(path, body))
					} else {
						fmt.Fprintf(&sent, "POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", path)
						for rest := body; rest != ""; {
							n := 1 + chance.IntN(len(rest))
							fmt.Fprintf(&sent, "%x\r\n%s\r\n", n, rest[:n])
							rest = rest[n:]
						}
						sent.WriteString("0\r\n\r\n")
					}
					want = append(want, fmt.Sprintf("POST %s %d %s", path, len(body), body))
				}
				all.Go(func() {
					for sent.Len() > 0 {
						if _, err := c.Write(sent.Next(1 + chance.IntN(1+sent.Len()/10))); err != nil {
							return
						}
						time.Sleep(time.Millisecond)
					}
				})
				answers := bufio.NewReader(c)
				for i, want := range want {
					resp, err := http.ReadResponse(answers, nil)
					if err != nil {
						t.Errorf("client %d, request %d: %v", client, i, err)
						return
					}
					if got, err := io.ReadAll(resp.Body); string(got) != want || err != nil {
						t.Errorf("client %d, request %d: %.80q, want %.80q (%v)", client, i, got, want, err)
					}
				}
			})
		}
		all.Wait()
	})
}

// A body that nobody has read is read when it is small; when it is large, or nobody asked for it, the connection ends, and nothing
// of it is ever taken for a request.
func TestUnread(t *testing.T) {
	inside := post("/inside", "x")
	for name, c := range map[string]struct{ say, want string }{
		"small":             {post("/a", inside) + post("/b", ""), "200 [] 200 []"},
		"chunks":            {"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nPOST\r\n0\r\n\r\n" + post("/b", ""), "200 [] 200 []"},
		"large":             {post("/a", inside+strings.Repeat("x", maxSkipped)), "200 close [] END"},
		"many chunks":       {"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("400\r\n"+strings.Repeat("x", 1<<10)+"\r\n", 200), "200 [] END"},
		"not asked to send": {"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 80\r\nExpect: 100-continue\r\n\r\n" + inside, "200 close [] END"},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, func(s *Server) {
				s.Handle = func(ctx *fasthttp.RequestCtx) {
					if string(ctx.Path()) == "/inside" {
						t.Error("a body was taken for a request")
					}
				}
			}, func(h *house) {
				if got := brief(h.said(c.say)); got != c.want {
					t.Errorf("%q, want %q", got, c.want)
				}
			})
		})
	}
}

// tale is an answer in parts.
type tale struct {
	parts  []string
	err    error
	before func()
	closed int
}

func (s *tale) WriteTo(w io.Writer) (n int64, err error) {
	for _, p := range s.parts {
		if s.before != nil {
			s.before()
		}
		m, err := io.WriteString(w, p)
		if n += int64(m); err != nil {
			return n, err
		}
	}
	return n, s.err
}

func (s *tale) Close() error { s.closed++; return nil }

func TestStream(t *testing.T) {
	for name, c := range map[string]struct {
		version string
		method  string
		err     error
		want    string
	}{
		"as chunks":              {"1.1", "GET", nil, "4\r\nonce\r\n9\r\n upon a t\r\n0\r\n\r\n"},
		"cut":                    {"1.1", "GET", io.ErrUnexpectedEOF, "4\r\nonce\r\n9\r\n upon a t\r\nEND"},
		"for those without them": {"1.0", "GET", nil, "once upon a tEND"},
		"not at all":             {"1.1", "HEAD", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := &tale{parts: []string{"once", "", " upon a t"}, err: c.err}
			inHouse(t, func(srv *Server) { srv.Handle = func(ctx *fasthttp.RequestCtx) { Stream(ctx, s) } }, func(h *house) {
				got := h.said(c.method + " /a HTTP/" + c.version + "\r\nHost: x\r\n\r\n")
				_, text, _ := strings.Cut(got, "\r\n\r\n")
				if text != c.want || s.closed != 1 {
					t.Errorf("%q, want %q; closed %d times", text, c.want, s.closed)
				}
			})
		})
	}
}

// What waits holds neither context nor buffer: not between requests, and not while an answer streams.
func TestNothingHeld(t *testing.T) {
	s := &tale{parts: []string{"a", "b"}}
	inHouse(t, func(srv *Server) {
		srv.Handle = func(ctx *fasthttp.RequestCtx) {
			_, _ = io.Copy(io.Discard, ctx.RequestBodyStream())
			Stream(ctx, s)
		}
	}, func(h *house) {
		held := func() (out string) {
			h.mu.Lock()
			defer h.mu.Unlock()
			for c := range h.open {
				if c.ctx != nil || c.br != nil || c.first != nil {
					out += fmt.Sprintf("context %v, reader %v, first %v", c.ctx != nil, c.br != nil, c.first != nil)
				}
			}
			return out
		}
		s.before = func() {
			if got := held(); got != "" {
				t.Error("while it streams:", got)
			}
		}
		c := h.visit()
		defer c.Close()
		_, _ = io.WriteString(c, post("/a", "body"))
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(resp.Body); string(text) != "ab" || err != nil {
			t.Errorf("%q, %v", text, err)
		}
		synctest.Wait()
		if got := held(); got != "" || s.closed != 1 {
			t.Errorf("afterwards: %s; closed %d times", got, s.closed)
		}
	})
}

// The time for a request begins with its first byte, the time between requests ends with it.
func TestTimes(t *testing.T) {
	for name, c := range map[string]struct {
		say   string
		after time.Duration
		want  string
	}{
		"nothing is said":       {"", 10 * time.Second, "END"},
		"half a head":           {"GET /a HT", 10 * time.Second, "400 close END"},
		"half a body":           {"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf", 10 * time.Second, "499 close END"},
		"after a request":       {"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", time.Minute, "200 [GET /a 0 ] END"},
		"in the second request": {"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET", 10 * time.Second, "200 [GET /a 0 ] 400 close END"},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, nil, func(h *house) {
				v := h.visit()
				defer v.Close()
				begun := time.Now()
				if c.say != "" {
					_, _ = io.WriteString(v, c.say)
				}
				got, err := io.ReadAll(v)
				if took := time.Since(begun); brief(string(got)+"END") != c.want || err != nil || took != c.after {
					t.Errorf("after %s %q (%v), want %q after %s", took, brief(string(got)+"END"), err, c.want, c.after)
				}
			})
		})
	}
}

// Who comes when it is full is told so, and room is made by who leaves.
func TestFull(t *testing.T) {
	inHouse(t, func(s *Server) {
		s.MaxConns = 1
		s.Refuse = func(ctx *fasthttp.RequestCtx, err error) {
			if !errors.Is(err, ErrFull) {
				t.Error(err)
			}
			ctx.SetStatusCode(503)
		}
	}, func(h *house) {
		first := h.visit()
		synctest.Wait()
		if got := brief(h.said("")); got != "503 close END" {
			t.Errorf("the second: %q", got)
		}
		_ = first.Close()
		synctest.Wait()
		if got := brief(h.said("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")); got != "200 [GET /a 0 ]" {
			t.Errorf("the third: %q", got)
		}
	})
}

// A stop ends who waits, lets who is answered finish, and does not wait longer than it may.
func TestShutdown(t *testing.T) {
	for _, patience := range []time.Duration{time.Second, time.Minute} {
		inHouse(t, func(s *Server) {
			s.Handle = func(ctx *fasthttp.RequestCtx) { time.Sleep(10 * time.Second); echo(ctx) }
		}, func(h *house) {
			idle := h.visit()
			defer idle.Close()
			_, _ = io.WriteString(idle, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
			if _, err := http.ReadResponse(bufio.NewReader(idle), nil); err != nil {
				h.Fatal(err)
			}
			busy := h.visit()
			defer busy.Close()
			_, _ = io.WriteString(busy, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
			synctest.Wait()
			ctx, cancel := context.WithTimeout(h.Context(), patience)
			defer cancel()
			begun := time.Now()
			err := h.Shutdown(ctx)
			took := time.Since(begun)
			text, _ := io.ReadAll(busy)
			if rest, err := io.ReadAll(idle); len(rest) > 0 || err != nil {
				h.Errorf("who waited got %q, %v", rest, err)
			}
			if patience == time.Second {
				if err == nil || took != time.Second || len(text) > 0 {
					h.Errorf("cut: %v after %s, %q", err, took, text)
				}
				time.Sleep(10 * time.Second) // the handler notices by itself
				return
			}
			if got := brief(string(text) + "END"); err != nil || took < 10*time.Second || took > 11*time.Second || got != "200 close [GET /a 0 ] END" {
				h.Errorf("%v after %s, %q", err, took, got)
			}
		})
	}
}

// A panic costs its own connection.
func TestPanic(t *testing.T) {
	inHouse(t, func(s *Server) {
		s.Handle = func(ctx *fasthttp.RequestCtx) {
			if string(ctx.Path()) == "/bad" {
				panic("oh")
			}
			echo(ctx)
		}
	}, func(h *house) {
		if got := h.said("GET /bad HTTP/1.1\r\nHost: x\r\n\r\n"); got != "END" {
			t.Errorf("%q", got)
		}
		if got := brief(h.said("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")); got != "200 [GET /a 0 ]" || len(h.panicked) != 1 || h.Open() != 0 && h.Open() != 1 {
			t.Errorf("%q, %v, %d open", got, h.panicked, h.Open())
		}
	})
}

// Who has the end of an answer finds that it was closed.
func TestClosedBeforeTheEnd(t *testing.T) {
	s := &tale{parts: []string{"a"}}
	inHouse(t, func(srv *Server) { srv.Handle = func(ctx *fasthttp.RequestCtx) { Stream(ctx, s) } }, func(h *house) {
		closed := -1
		c := h.visit()
		defer c.Close()
		_, _ = io.WriteString(c, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
		if resp, err := http.ReadResponse(bufio.NewReader(&spy{c, func(p []byte) {
			if bytes.Contains(p, lastOne) {
				closed = s.closed
			}
		}}), nil); err != nil {
			t.Fatal(err)
		} else if _, err := io.ReadAll(resp.Body); err != nil {
			t.Fatal(err)
		}
		if closed != 1 {
			t.Errorf("closed %d times when the end came", closed)
		}
	})
}

// spy sees what is read.
type spy struct {
	io.Reader
	see func(p []byte)
}

func (s *spy) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.see(p[:n])
	return n, err
}
