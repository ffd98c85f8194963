package upstream

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Each answer is also sent byte by byte.
func TestBodies(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, test := range []struct{ name, answer, body string }{
		{"length", length("hello"), "hello"},
		{"no body", length(""), ""},
		{"chunks", chunked + "5\r\nhello\r\n7;a=b\r\n, world\r\n0\r\n\r\n", "hello, world"},
		{"trailers", chunked + "5\r\nhello\r\n0\r\nA: b\r\nC: d\r\n\r\n", "hello"},
		{"until close", "HTTP/1.1 200 OK\r\n\r\nhello", "hello"},
		{"until close, http/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello", "hello"},
		{"interim", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + length("hello"), "hello"},
		{"both lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello"},
		{"folded field", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 5\r\n\r\nhello", "hello"},
		{"identity", "HTTP/1.1 200 OK\r\nContent-Encoding: Identity\r\nContent-Length: 5\r\n\r\nhello", "hello"},
		{"no coding at all", "HTTP/1.1 200 OK\r\nContent-Encoding: UTF-8\r\nContent-Length: 5\r\n\r\nhello", "hello"},
		{"line feeds in the body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\n\n\r\n\n", "\n\n\r\n\n"},
		{"redirect", "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 5\r\n\r\nhello", "hello"},
		{"304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", ""},
		{"204", "HTTP/1.1 204 No Content\r\n\r\n", ""},
		{"large head", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 20<<10) + "\r\nContent-Length: 5\r\n\r\nhello", "hello"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := inMemory(t, Config{})
				w.serve(func(p *peer) {
					p.request()
					if p.n > 1 {
						for _, b := range []byte(test.answer) {
							p.say(string(b))
						}
					} else {
						p.say(test.answer)
					}
					if strings.HasPrefix(test.name, "until") {
						p.Close()
					}
					p.untilGone()
				})
				for range 2 {
					if _, body, err := w.ask("{}"); body != test.body || err != nil {
						t.Errorf("got %q, %v", body, err)
					}
					w.nothingIdle()
				}
			})
		})
	}
}

func TestHeadHasNoBody(t *testing.T) {
	eachWorld(t, Config{}, func(w *world) {
		w.serve(answers("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"))
		r := w.post()
		r.Method = "HEAD"
		for range 2 {
			if _, body, err := w.do(r); body != "" || err != nil {
				w.t.Fatal(body, err)
			}
		}
		if w.dials() != 1 {
			w.t.Error(w.dials())
		}
	})
}

func TestHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t, Config{})
		w.serve(answers("HTTP/1.1 429 Too Many\r\nRETRY-after: 7\r\nX-Two: a\r\nX-Two: b\r\nContent-Length: 0\r\n\r\n"))
		var f Flow
		reply, err := w.transp.Do(&f, w.post())
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{"retry-after": "7", "x-two": "a", "content-length": "0", "content-type": "", "server": "", "absent": ""} {
			if got := reply.Header(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		for name, want := range map[string]string{"retry-after": "7", "x-two": "", "absent": ""} {
			if got := reply.Sole(name); got != want {
				t.Errorf("%s alone: %q, want %q", name, got, want)
			}
		}
		if !reply.Mentions("Two") || !reply.Mentions("Retry") || reply.Mentions("Three") || reply.Mentions("Many") {
			t.Error("the names of the fields")
		}
		if allocs := testing.AllocsPerRun(10, func() { reply.Mentions("Three") }); allocs != 0 {
			t.Errorf("%v allocations", allocs)
		}
		reply.Close()
		if reply.Header("retry-after") != "" || reply.Sole("retry-after") != "" || reply.Mentions("Retry") || reply.Status != 429 {
			t.Error("after Close")
		}
	})
}

func TestBadHeads(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		cause  error
	}{
		"hung up":              {"", io.EOF},
		"cut":                  {"HTTP/1.1 200 OK\r\nA:", io.ErrUnexpectedEOF},
		"html":                 {"<html>no</html>\r\n\r\n", errMalformed},
		"ssh":                  {"SSH-2.0-OpenSSH", errMalformed},
		"tls alert":            {"\x15\x03\x01\x00\x02\x02\x16", errMalformed},
		"http/2":               {"HTTP/2 200\r\n\r\n", errMalformed},
		"no status":            {"HTTP/1.1 OK\r\n\r\n", errMalformed},
		"status 42":            {"HTTP/1.1 042 OK\r\n\r\n", errMalformed},
		"status 999":           {"HTTP/1.1 999 OK\r\n\r\n", errMalformed},
		"switching":            {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", errUpgrade},
		"two lengths":          {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", errMalformed},
		"length +2":            {"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok", errMalformed},
		"huge length":          {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok", errMalformed},
		"two codings":          {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", errMalformed},
		"nul in value":         {"HTTP/1.1 200 OK\r\nA: \x00\r\n\r\n", errMalformed},
		"nameless field":       {"HTTP/1.1 200 OK\r\n: b\r\n\r\n", errMalformed},
		"gzip":                 {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok", errEncoded},
		"brotli":               {"HTTP/1.1 200 OK\r\nContent-Encoding: BR\r\nContent-Length: 2\r\n\r\nok", errEncoded},
		"several codings":      {"HTTP/1.1 200 OK\r\nContent-Encoding: identity, ZSTD\r\nContent-Length: 2\r\n\r\nok", errEncoded},
		"line feed in a field": {"HTTP/1.1 200 OK\r\nA: b\nC", errMalformed},
		"endless field":        {"HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 64<<10), errHeadSize},
		"endless interim":      {strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 50), errInterim},
		"interim, then cut":    {"HTTP/1.1 100 Continue\r\n\r\n", io.EOF},
		"lines of feeds alone": {"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", errMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			eachWorld(t, Config{}, func(w *world) {
				w.serve(func(p *peer) { p.request(); p.say(test.answer); p.Close() })
				_, _, err := w.ask("{}")
				wantError(w.t, err, phaseHead, true, test.cause)
				if len(err.Error()) > 200 {
					w.t.Errorf("an error of %d bytes repeats the answer", len(err.Error()))
				}
				w.nothingOpen()
			})
		})
	}
}

func TestCutBodies(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, test := range map[string]struct {
		answer, body string
		cause        error
	}{
		"length":           {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "hel", io.ErrUnexpectedEOF},
		"between chunks":   {chunked + "2\r\nhi\r\n", "hi", io.ErrUnexpectedEOF},
		"in a chunk":       {chunked + "5\r\nhi", "hi", io.ErrUnexpectedEOF},
		"in the last line": {chunked + "2\r\nhi\r\n0\r\n", "hi", io.ErrUnexpectedEOF},
		"bad size":         {chunked + "2\r\nhi\r\nzz\r\n", "hi", errChunk},
		"html":             {chunked + "<html>", "", errChunk},
	} {
		t.Run(name, func(t *testing.T) {
			eachWorld(t, Config{}, func(w *world) {
				w.serve(func(p *peer) { p.request(); p.say(test.answer); p.Close() })
				_, body, err := w.ask("{}")
				if body != test.body {
					w.t.Errorf("got %q", body)
				}
				wantError(w.t, err, phaseBody, true, test.cause)
				w.nothingOpen()
			})
		})
	}
}

func TestResetIsACut(t *testing.T) {
	w := onSockets(t, Config{})
	w.serve(func(p *peer) {
		p.request()
		p.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")
		time.Sleep(5 * time.Millisecond) // a reset may overtake what is not read yet
		_ = p.Conn.(*net.TCPConn).SetLinger(0)
		p.Close()
	})
	_, _, err := w.ask("{}")
	wantError(t, err, phaseBody, true, io.ErrUnexpectedEOF)
}

// A provider refuses a large body by its head alone, and then reads no further, or closes.
func TestEarlyAnswer(t *testing.T) {
	const refusal = "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno"
	for _, closes := range []bool{false, true} {
		name := map[bool]string{false: "keeps open", true: "closes"}[closes]
		t.Run(name, func(t *testing.T) {
			w := onSockets(t, Config{})
			done := make(chan struct{})
			defer close(done)
			w.serve(func(p *peer) {
				_, _ = p.Peek(1000)
				p.say(refusal)
				if closes {
					_ = p.Conn.(*net.TCPConn).CloseWrite()
					time.Sleep(5 * time.Millisecond)
					return
				}
				<-done
			})
			for range 3 {
				status, body, err := w.ask(big)
				if status != 429 || body != "no" || err != nil {
					t.Fatal(status, body, err)
				}
			}
			if w.dials() != 3 {
				t.Error("a connection with half a request was kept")
			}
		})
	}
	t.Run("when the write is blocked already", func(t *testing.T) {
		w := onSockets(t, Config{})
		done := make(chan struct{})
		defer close(done)
		w.serve(func(p *peer) {
			_, _ = p.Peek(1000)
			time.Sleep(30 * time.Millisecond)
			p.say(refusal)
			<-done
		})
		if status, body, err := w.ask(big); status != 429 || body != "no" || err != nil {
			t.Fatal(status, body, err)
		}
	})
	t.Run("memory, closes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := inMemory(t, Config{})
			w.serve(func(p *peer) { _, _ = p.Peek(1000); p.say(refusal); p.Close() })
			if status, body, err := w.ask(big); status != 429 || body != "no" || err != nil {
				t.Fatal(status, body, err)
			}
		})
	})
	t.Run("tls", func(t *testing.T) {
		server, client := certificates()
		w := onTLS(t, Config{TLS: client}, server)
		w.serve(func(p *peer) { _, _ = p.Peek(1000); p.say(refusal); p.untilGone() })
		for range 3 {
			if status, body, err := w.ask(big); status != 429 || body != "no" || err != nil {
				t.Fatal(status, body, err)
			}
		}
	})
}

func TestWriteErrorWithoutAnswer(t *testing.T) {
	w := onSockets(t, Config{})
	w.serve(func(p *peer) {
		_, _ = p.Peek(1000)
		_ = p.Conn.(*net.TCPConn).SetLinger(0)
		p.Close()
	})
	_, _, err := w.ask(big)
	if e, ok := errors.AsType[*Error](err); !ok || e.Phase != phaseWrite && e.Phase != phaseHead || !e.Sent || ended(err) {
		t.Fatal(err)
	}
	w.nothingOpen()
}

func TestReadOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t, Config{})
		w.serve(answers(length("ok")))
		var f Flow
		reply, err := w.transp.Do(&f, w.post())
		if err != nil {
			t.Fatal(err)
		}
		defer reply.Close()
		if n, err := reply.Read(nil); n != 0 || err != nil {
			t.Error(n, err)
		}
	})
}
