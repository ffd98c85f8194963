package fakellm

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var plain = Options{Models: []Model{{ID: "m"}, {ID: "n"}}}

func TestEverySampleComesByteForByte(t *testing.T) {
	if len(Samples()) < 115 {
		t.Errorf("only %d samples", len(Samples()))
	}
	for _, s := range Samples() {
		synctest.Test(t, func(t *testing.T) {
			b := serve(t, plain)
			b.Script("m", FromSample(s.ID).Repeat(2))
			for _, stream := range []bool{false, true} {
				g := b.chat(hi("m", stream))
				if g.status != s.Status || g.body != s.Body || g.err != nil {
					t.Errorf("%s: status %d, %v, body %q", s.ID, g.status, g.err, g.body)
				}
				for name, value := range s.Headers {
					if g.header.Get(name) != value {
						t.Errorf("%s: %s is %q, not %q", s.ID, name, g.header.Get(name), value)
					}
				}
			}
		})
	}
}

// TestCuts breaks a stream after each number of events in each way. What comes before is whole, what comes after shows.
func TestCuts(t *testing.T) {
	const events = 8 // role, five of content, finish, usage
	abrupt := func(t *testing.T, g got) {
		t.Helper()
		if g.err == nil {
			t.Errorf("a clean end after %q", g.body)
		}
	}
	clean := func(sign string) func(*testing.T, got) {
		return func(t *testing.T, g got) {
			t.Helper()
			if g.err != nil || !strings.Contains(g.body, sign) {
				t.Errorf("%v, no %q in %q", g.err, sign, g.body)
			}
		}
	}
	ends := map[How]func(*testing.T, got){Close: abrupt, Reset: abrupt, Stall: abrupt, Garble: clean(""), BrokenLine: clean("[DONE]"), End: clean(""),
		ErrorEvent: clean(`"finish_reason":"error"`), ErrorBare: clean(`data: {"error":`), ErrorEmpty: clean(`"choices":[],`),
		ErrorChoice: clean(`"error":{"code":502`), ErrorNamed: clean("event: error\ndata: ")}
	for _, how := range cuts {
		for n := range events + 1 {
			synctest.Test(t, func(t *testing.T) {
				b := serve(t, plain)
				cut := Cut(n, how)
				cut.Chunks = events - 3
				b.Script("m", cut)
				g := b.chat(hi("m", true))
				ends[how](t, g)
				whole := strings.Count(g.body, `"finish_reason":null`) + strings.Count(g.body, `"finish_reason":"stop"`) + strings.Count(g.body, `"usage":`)
				if whole < n || how != BrokenLine && whole > n+1 {
					t.Errorf("%s after %d: %d events in %q", how, n, whole, g.body)
				}
				if how != BrokenLine && strings.Contains(g.body, "stop") != (n >= events-1) {
					t.Errorf("%s after %d: a finish that must not be there, or none: %q", how, n, g.body)
				}
			})
		}
	}
}

func TestCutOfABody(t *testing.T) {
	for _, how := range cuts {
		synctest.Test(t, func(t *testing.T) {
			b := serve(t, plain)
			b.Script("m", Cut(0, how))
			g := b.chat(hi("m", false))
			torn := how == Close || how == Reset || how == Stall
			if torn == (g.err == nil) || g.status != 200 && g.err == nil {
				t.Errorf("%s: status %d, %v, %q", how, g.status, g.err, g.body)
			}
			if declared := g.header.Get("Content-Length"); torn && declared == "" {
				t.Errorf("%s: the length declared is %q", how, declared)
			}
			if strings.Contains(g.body, `"finish_reason":"stop"`) {
				t.Errorf("%s: a whole answer: %q", how, g.body)
			}
		})
	}
}

func TestErrorAtIsTheNthEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, plain)
		b.Script("m", ErrorAt(1), ErrorAt(3))
		for _, n := range []int{1, 3} {
			events := data(t, b.chat(hi("m", true)).body)
			if at := len(events) - 1; at != n || !strings.Contains(events[n-1], `"error":{`) {
				t.Errorf("the error is not event %d: %q", n, events)
			}
		}
	})
}

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, plain)
		slow := Slow(time.Second, 2*time.Second, 100*time.Millisecond)
		slow.Chunks, slow.Comments = 10, 4
		b.Script("m", slow.Repeat(2))
		start := time.Now()
		r, _ := http.NewRequest("POST", "http://memory/v1/chat/completions", strings.NewReader(hi("m", true)))
		r.Header.Set("Authorization", "Bearer sk")
		answer, err := b.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		equal(t, "head", time.Since(start), time.Second)
		lines := bufio.NewReader(answer.Body)
		comments := 0
		for {
			line, err := lines.ReadString('\n')
			if err != nil || strings.HasPrefix(line, "data:") {
				break
			}
			if line == ": OPENROUTER PROCESSING\n" {
				comments++
			}
		}
		equal(t, "comments", comments, 4)
		equal(t, "first token", time.Since(start), 3*time.Second)
		_, _ = io.Copy(io.Discard, lines)
		equal(t, "end", time.Since(start), 3*time.Second+12*100*time.Millisecond) // 13 events
		start = time.Now()
		whole(t, b.chat(hi("m", false)))
		equal(t, "whole", time.Since(start), 4*time.Second)
	})
}

func TestHangsEndWithTheClient(t *testing.T) {
	for _, how := range hangs {
		for _, stream := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				b := serve(t, plain)
				b.Script("m", Hang(how))
				ctx, cancel := context.WithTimeout(t.Context(), 42500*time.Millisecond)
				defer cancel()
				r, _ := http.NewRequestWithContext(ctx, "POST", "http://memory/v1/chat/completions", strings.NewReader(hi("m", stream)))
				r.Header.Set("Authorization", "Bearer sk")
				start := time.Now()
				answer, err := b.client.Do(r)
				if (err == nil) == (how == NoHead) {
					t.Fatalf("%s: head: %v", how, err)
				}
				if err == nil {
					body, err := io.ReadAll(answer.Body)
					_ = answer.Body.Close()
					if !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("%s: body: %v", how, err)
					}
					comments := bytes.Count(body, []byte(": OPENROUTER PROCESSING\n\n"))
					if want := 43; (how == CommentsOnly && stream) != (comments == want) {
						t.Errorf("%s: %d comments", how, comments)
					}
				}
				synctest.Wait()
				rec := b.Requests()[0]
				equal(t, "left", rec.Cancelled, true)
				equal(t, "when", rec.CancelledAt.Sub(start), 42500*time.Millisecond)
				equal(t, "active", b.Active(), 0)
				equal(t, "tally", b.State().Models["m"].Cancelled, 1)
			})
		}
	}
}

func TestHangsEndByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, plain)
		b.Script("m", Hang(Silence))
		start := time.Now()
		g := b.chat(hi("m", true))
		if g.err == nil || g.body != "" {
			t.Errorf("%v, %q", g.err, g.body)
		}
		equal(t, "length", time.Since(start), maxHang)
		equal(t, "left", b.Requests()[0].Cancelled, false)
	})
}

func TestCloseEndsHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, plain)
		b.Script("m", Hang(NoHead))
		time.AfterFunc(time.Second, b.Close)
		if g := b.chat(hi("m", true)); g.err == nil {
			t.Error("an answer")
		}
		b.Close() // twice is fine
	})
}

func TestAnswerThatWasReadWholeIsNotCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, plain)
		b.client.Transport.(*http.Transport).DisableKeepAlives = true
		for range 50 {
			b.chat(hi("m", true))
			b.chat(hi("m", false))
		}
		synctest.Wait()
		for _, r := range b.Requests() {
			if r.Cancelled || !r.Good || !r.Done {
				t.Fatalf("%+v", r)
			}
		}
	})
}

func TestOddAnswers(t *testing.T) {
	const html = "text/html"
	raw := Raw(418, map[string]string{"x-odd": "yes"}, "a teapot")
	binary := Step{Kind: KindRaw, Status: 200, BodyBase64: []byte{0xff, 0xfe, 0}}
	fault := Fault(503)
	fault.Headers = map[string]string{"retry-after": "7"}
	tests := []struct {
		name   string
		step   Step
		stream bool
		check  func(got) bool
	}{
		{"raw", raw, true, func(g got) bool { return g.status == 418 && g.body == "a teapot" && g.header.Get("X-Odd") == "yes" }},
		{"raw bytes", binary, false, func(g got) bool { return g.body == "\xff\xfe\x00" }},
		{"raw stream", RawStream("data: x\n\n", 0, 3, 5), true, func(g got) bool {
			return g.body == "data: x\n\n" && g.header.Get("Content-Type") == "text/event-stream"
		}},
		{"fault", fault, false, func(g got) bool {
			return g.status == 503 && g.body == mustSample("or-503-no-provider").Body && g.header.Get("Retry-After") == "7"
		}},
		{"a rare fault", Fault(507), false, func(g got) bool { return g.status == 507 && strings.Contains(g.body, `"code":507`) }},
		{"an error in a 200", Error200(), true, func(g got) bool { return g.status == 200 && strings.HasPrefix(g.body, `{"error":`) }},
		{"empty", Empty(), false, func(g got) bool { return g.status == 200 && strings.Contains(g.body, `"content":""`) }},
		{"empty stream", Empty(), true, func(g got) bool { return strings.Count(g.body, "data: ") == 4 }},
		{"html", HTML(), true, func(g got) bool { return g.status == 200 && strings.HasPrefix(g.header.Get("Content-Type"), html) }},
		{"redirect", Redirect("http://elsewhere/"), false, func(g got) bool { return g.status == 307 && g.header.Get("Location") == "http://elsewhere/" }},
		{"huge", Huge(1 << 20), true, func(g got) bool { return strings.Contains(g.body, strings.Repeat("x", 1<<20)) }},
		{"cost", Step{Kind: KindOK, Cost: 0.25}, false, func(g got) bool { return strings.Contains(g.body, `"cost":0.25`) }},
		{"tools without any", Tools(), false, func(g got) bool { return strings.Contains(g.body, `"name":"get_weather"`) }},
		{"json", JSON(), false, func(g got) bool { return strings.Contains(g.body, `{\"echo\":\"hi there\",\"model\":\"m\"}`) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serve(t, plain)
				b.Script("m", tt.step)
				if g := b.chat(hi("m", tt.stream)); g.err != nil || !tt.check(g) {
					t.Errorf("status %d, %v, %v, body %.500q", g.status, g.err, g.header, g.body)
				}
			})
		})
	}
}

func TestReasoningComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, plain)
		b.Script("m", Step{Kind: KindOK, Text: "42", Reasoning: "Let me think."})
		s := listen(t, b.chat(hi("m", true)).body)
		equal(t, "said", []string{s.reasoning, s.content}, []string{"Let me think.", "42"})
	})
}

func TestRawStreamKeepsItsPackets(t *testing.T) {
	for _, tt := range []struct {
		at   []int
		want []string
	}{
		{nil, []string{"data: 안\n\n"}},
		{[]int{2, 7}, []string{"da", "ta: \xec", "\x95\x88\n\n"}},
		{[]int{7, 3, 99}, []string{"data: \xec", "", "\x95\x88\n\n", ""}},
		{[]int{-1}, strings.Split("d.a.t.a.:. .\xec.\x95.\x88.\n.\n", ".")},
	} {
		var list []string
		for _, p := range packets([]byte("data: 안\n\n"), tt.at) {
			list = append(list, string(p))
		}
		equal(t, "packets", list, tt.want)
	}
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, plain)
		b.Script("m", RawStream("data: x\n\n", time.Second, -1))
		start := time.Now()
		equal(t, "body", b.chat(hi("m", true)).body, "data: x\n\n")
		equal(t, "time", time.Since(start), 8*time.Second)
	})
}

func TestGzip(t *testing.T) {
	for _, stream := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			b := serve(t, plain)
			b.Script("m", Gzip())
			g := b.chat(hi("m", stream))
			z, err := gzip.NewReader(strings.NewReader(g.body))
			if err != nil || g.header.Get("Content-Encoding") != "gzip" {
				t.Fatal(err, g.header)
			}
			text, err := io.ReadAll(z)
			if err != nil || !bytes.Contains(text, []byte("This")) {
				t.Errorf("%v %s", err, text)
			}
		})
	}
}

func TestInterim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, plain)
		b.Script("m", Interim(103, 3))
		seen := 0
		trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
			seen += code
			return nil
		}}
		r, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "POST", "http://memory/v1/chat/completions", strings.NewReader(hi("m", false)))
		r.Header.Set("Authorization", "Bearer sk")
		answer, err := b.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		equal(t, "interim heads", seen, 3*103)
		equal(t, "status", answer.StatusCode, 200)
	})
}

func TestWireIsTheSocketItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, plain)
		b.Script("m", Wire("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort", 9))
		g := b.chat(hi("m", false))
		if g.status != 200 || g.body != "short" || g.err == nil {
			t.Errorf("%+v", g)
		}
	})
}
