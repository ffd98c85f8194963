package openai

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// plainEvent is an Event that owns its bytes.
type plainEvent struct {
	Data, Name string
	Comment    bool
}

// scanAll feeds the text in pieces and gives all events.
func scanAll(t testing.TB, pieces ...string) []plainEvent {
	t.Helper()
	var s Scanner
	var all []plainEvent
	own := func(ev Event) {
		all = append(all, plainEvent{string(ev.Data), string(ev.Name), ev.Comment})
	}
	for _, p := range pieces {
		buf := []byte(p)
		s.Feed(buf)
		for ev, ok := s.Next(); ok; ev, ok = s.Next() {
			own(ev)
		}
		clear(buf) // the scanner must not look at it any more
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	if ev, ok := s.End(); ok && ev.Stray == nil {
		own(ev)
	}
	return all
}

// referenceEvents is the slow and plain way: normalise the line ends, then split.
func referenceEvents(text string) []plainEvent {
	text = strings.TrimPrefix(text, "\ufeff")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	var all []plainEvent
	var lines []string
	rest := text
	for {
		line, after, whole := strings.Cut(rest, "\n")
		if !whole {
			if line != "" {
				lines = append(lines, line)
			}
			if ev, ok := referenceEvent(lines); ok && strings.Trim(ev.Data, " \t\n") == "[DONE]" {
				all = append(all, ev)
			}
			return all
		}
		rest = after
		if line != "" {
			lines = append(lines, line)
			continue
		}
		if ev, ok := referenceEvent(lines); ok {
			all = append(all, ev)
		}
		lines = nil
	}
}

func referenceEvent(lines []string) (plainEvent, bool) {
	ev := plainEvent{Comment: true}
	var data []string
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "data":
			data = append(data, value)
			ev.Comment = false
		case "event":
			ev.Name = value
		}
	}
	ev.Data = strings.Join(data, "\n")
	return ev, len(lines) > 0
}

func TestScanner(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want []plainEvent
	}{
		"canonical":             {"data: a\n\ndata: b\n\n", []plainEvent{{Data: "a"}, {Data: "b"}}},
		"CRLF":                  {"data: a\r\n\r\n", []plainEvent{{Data: "a"}}},
		"CR":                    {"data: a\r\rdata: b\r\r", []plainEvent{{Data: "a"}, {Data: "b"}}},
		"mixed ends":            {"data: a\r\ndata: b\n\rdata: c\n\n", []plainEvent{{Data: "a\nb"}, {Data: "c"}}},
		"BOM":                   {"\ufeffdata: a\n\n", []plainEvent{{Data: "a"}}},
		"BOM later is text":     {"data: a\n\n\ufeffdata: b\n\n", []plainEvent{{Data: "a"}, {Comment: true}}},
		"no blank, two blanks":  {"data:a\n\ndata:  b\n\n", []plainEvent{{Data: "a"}, {Data: " b"}}},
		"no colon":              {"data\n\n", []plainEvent{{}}},
		"comment":               {": hi\n\n:\n\n", []plainEvent{{Comment: true}, {Comment: true}}},
		"comment within":        {"data: a\n: hi\ndata: b\n\n", []plainEvent{{Data: "a\nb"}}},
		"fields alone":          {"retry: 3000\nid: 1\n\n", []plainEvent{{Comment: true}}},
		"name":                  {"event: error\ndata: a\n\ndata: b\n\n", []plainEvent{{Name: "error", Data: "a"}, {Data: "b"}}},
		"unknown field":         {"datax: a\ndata: b\n\n", []plainEvent{{Data: "b"}}},
		"other line separators": {"data: a\u2028b\u2029c\u0085d\v\f\n\n", []plainEvent{{Data: "a\u2028b\u2029c\u0085d\v\f"}}},
		"half event":            {"data: a\n\ndata: b\n", []plainEvent{{Data: "a"}}},
		"open DONE":             {"data: [DONE]", []plainEvent{{Data: "[DONE]"}}},
		"DONE with a line end":  {"data:[DONE]\r\n", []plainEvent{{Data: "[DONE]"}}},
		"half DONE":             {"data: [DON", nil},
		"blank lines":           {"\n\n\r\n\r\r\ndata: a\n\n\n\n", []plainEvent{{Data: "a"}}},
		"nothing":               {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, scanAll(t, tc.text)); diff != "" {
				t.Errorf("whole (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.want, scanAll(t, strings.Split(tc.text, "")...)); diff != "" {
				t.Errorf("by characters (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.want, referenceEvents(tc.text)); diff != "" {
				t.Errorf("the reference differs (-want +got):\n%s", diff)
			}
		})
	}
}

// Random texts in random pieces give what the plain parser gives.
func TestScannerLikeReference(t *testing.T) {
	parts := []string{"data", "data: ", "data:", "event: x", "id", "retry: 1", ":", ": c", " ", "\n", "\n", "\n\n", "\r", "\r\n", "\r\n\r\n",
		"\ufeff", "[DONE]", `{"a":1}`, "안녕", "\u2028", "\xff", "a", "\x00"}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var text strings.Builder
		for range rng.IntN(20) {
			text.WriteString(parts[rng.IntN(len(parts))])
		}
		whole := text.String()
		want := referenceEvents(whole)
		if diff := cmp.Diff(want, scanAll(t, bytePieces(whole)...)); diff != "" {
			t.Fatalf("%q byte by byte (-want +got):\n%s", whole, diff)
		}
		pieces := randomPieces(rng, whole)
		if diff := cmp.Diff(want, scanAll(t, pieces...)); diff != "" {
			t.Fatalf("%q (-want +got):\n%s", pieces, diff)
		}
	}
}

func bytePieces(s string) (pieces []string) {
	for i := range len(s) {
		pieces = append(pieces, s[i:i+1])
	}
	return pieces
}

func randomPieces(rng *rand.Rand, s string) (pieces []string) {
	for len(s) > 0 {
		n := rng.IntN(len(s)) + 1
		pieces = append(pieces, s[:n])
		s = s[n:]
	}
	return pieces
}

func TestScannerLargeEvent(t *testing.T) {
	big := strings.Repeat("x", 1<<20)
	got := scanAll(t, pieces("data: "+big+"\n\ndata: b\n\n", 8192)...)
	if len(got) != 2 || got[0].Data != big || got[1].Data != "b" {
		t.Fatalf("an event of 1 MiB came out as %d events", len(got))
	}
}

func TestScannerBound(t *testing.T) {
	var s Scanner
	s.Feed([]byte("data: a\n\ndata: "))
	if ev, ok := s.Next(); !ok || string(ev.Data) != "a" {
		t.Fatal("the event before is lost")
	}
	line := bytes.Repeat([]byte("x"), 1<<20)
	for range 9 {
		s.Feed(line)
		s.Next()
	}
	if s.Err() != ErrEventTooLarge || s.Pending() > 0 {
		t.Fatalf("Err = %v, Pending = %v", s.Err(), s.Pending())
	}
	s.Feed([]byte("\n\ndata: b\n\n"))
	if _, ok := s.Next(); ok {
		t.Error("an event after the error")
	}
}

// Lines that end in CR alone must not make the scanner look at the same bytes again and again.
func TestScannerManyLines(t *testing.T) {
	for _, end := range []string{"\r", "\n", "\r\n"} {
		text := strings.Repeat("data:"+end, 200_000) + end
		if got := scanAll(t, text); len(got) != 1 || len(got[0].Data) != 199_999 {
			t.Errorf("%q: %d events", end, len(got))
		}
	}
}

func TestScannerPending(t *testing.T) {
	var s Scanner
	s.Feed([]byte("data: a"))
	s.Next()
	if s.Pending() == 0 {
		t.Error("half an event is not pending")
	}
	s.Feed([]byte("\r\n\r"))
	if ev, ok := s.Next(); !ok || string(ev.Data) != "a" {
		t.Error("a CR at the end of the buffer must end the event at once")
	}
	s.Feed([]byte("\n"))
	if _, ok := s.Next(); ok || s.Pending() > 0 {
		t.Error("the second half of a CRLF is no event")
	}
}

func TestScannerReset(t *testing.T) {
	var s Scanner
	s.Feed([]byte("data: half\r"))
	s.Next()
	s.Reset()
	if s.Pending() > 0 {
		t.Error("bytes of the stream before are left")
	}
	s.Feed([]byte("\ufeffdata: a\n\n"))
	if ev, ok := s.Next(); !ok || string(ev.Data) != "a" {
		t.Errorf("%+v", ev)
	}
}

func FuzzScanner(f *testing.F) {
	f.Add("data: a\n\ndata: b\r\n\r\n: c\n\ndata: [DONE]", uint64(1))
	f.Add("\ufeffevent: x\rdata: 1\rdata: 2\r\rid: 3\n\n", uint64(7))
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		want := referenceEvents(text)
		pieces := randomPieces(rand.New(rand.NewPCG(seed, 0)), text)
		if diff := cmp.Diff(want, scanAll(t, pieces...)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", pieces, diff)
		}
	})
}

func BenchmarkScanner(b *testing.B) {
	event := fmt.Sprintf("data: {%q:%q}\n\n", "content", strings.Repeat("x", 250))
	text := []byte(strings.Repeat(event, 1000))
	for _, size := range []int{8192, len(event), 64, 1} {
		b.Run(fmt.Sprintf("reads=%d", size), func(b *testing.B) {
			b.ReportAllocs()
			var s Scanner
			events := 0
			for b.Loop() {
				for rest := text; len(rest) > 0; {
					n := min(size, len(rest))
					s.Feed(rest[:n])
					for _, ok := s.Next(); ok; _, ok = s.Next() {
						events++
					}
					rest = rest[n:]
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
		})
	}
}

// pieces cuts s every n bytes.
func pieces(s string, n int) (all []string) {
	for ; len(s) > n; s = s[n:] {
		all = append(all, s[:n])
	}
	return append(all, s)
}
