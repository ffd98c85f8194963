//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	s, err := parseStat([]byte("7 (a ) S 1 (b) S 42 7 7 0 -1 4194560 100 0 0 0 130 25 3 4 20 0 1 0 9 0 0"))
	if err != nil || s.parent != 42 || s.cpu != 1550*time.Millisecond {
		t.Errorf("%+v, %v", s, err)
	}
	for _, line := range []string{"", "7 (a", "7 (a) S 42", "7 (a) S 42 7 7 0 -1 4194560 100 0 0 0 x 25 3"} {
		if _, err := parseStat([]byte(line)); err == nil {
			t.Errorf("%q is a line", line)
		}
	}
}

// What slows a round slows both, so each round has a ratio of its own.
func TestRatio(t *testing.T) {
	f := figures{}
	for round, nginx := range []float64{10, 100, 20} {
		f.add("small", "nginx", nginx)
		f.add("small", "freefall", nginx*float64(round+1))
		f.add("plain", "freefall", nginx*float64(round+1))
		f.add("fallover", "freefall", 3*nginx*float64(round+1))
		f.add("rss", "freefall", float64(20+round))
	}
	for _, c := range []struct {
		line    line
		ratio   float64
		verdict string
	}{
		{line{measure: "small", goal: 2}, 2, "reached"},
		{line{measure: "small", goal: 1.6}, 2, "missed by 25 %"},
		{line{measure: "fallover", to: "plain", goal: 3.5}, 3, "reached"},
		{line{measure: "rss", goal: 30, absolute: true}, 0, "reached"},
		{line{measure: "rss", goal: 10, absolute: true}, 0, "missed by 110 %"},
		{line{measure: "tools", goal: 2}, 0, ""},
	} {
		ratio, _ := f.ratio(&c.line, "freefall")
		if verdict := f.verdict(&c.line, "freefall"); ratio != c.ratio || verdict != c.verdict {
			t.Errorf("%s: %g %q, want %g %q", c.line.measure, ratio, verdict, c.ratio, c.verdict)
		}
	}
	if middle([]float64{4, 1, 3, 2}) != 2.5 {
		t.Error("the middle of four")
	}
}

// Each program is sent bodies of the same length, of valid JSON, and no two alike.
func TestRequests(t *testing.T) {
	for _, k := range []*kind{&small, &tools, &others, &stream, &fall, &drip, &quiet} {
		for _, p := range []*program{direct, {name: "freefall", own: true}} {
			forms := k.requests(p)
			if k.models > 0 && len(forms) != k.models {
				t.Errorf("%s: %d forms", k.name, len(forms))
			}
			form := bytes.Clone(forms[0])
			number(form, 1234)
			_, body, _ := bytes.Cut(form, []byte("\r\n\r\n"))
			n, ok := lengthOf(form)
			if !ok || n != k.size || len(body) != k.size || !json.Valid(body) {
				t.Errorf("%s: %d bytes of %d, declared %d: %.200s", k.name, len(body), k.size, n, body)
			}
			if !bytes.Contains(body, []byte("Question 00001234")) || bytes.Equal(form, forms[0]) {
				t.Errorf("%s has no number", k.name)
			}
			if k.tools != bytes.Contains(body, []byte(`"tools"`)) || k.stream != bytes.Contains(body, []byte(`"stream":true`)) {
				t.Errorf("%s is another kind of request", k.name)
			}
			_, list, _ := bytes.Cut(body, []byte(`"tools"`))
			if k.fresh != bytes.Contains(list, []byte("00001234")) {
				t.Errorf("%s: its tools are other ones than they should be", k.name)
			}
		}
	}
}

// The load gets its answers from the provider, whole, and from nobody without this run's token.
func TestLoad(t *testing.T) {
	p := newProvider("this-run")
	addr := func(limited bool) string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ln.Close() })
		go p.accept(ln, limited)
		return ln.Addr().String()
	}
	open, limited := addr(false), addr(true)
	for _, k := range []*kind{&small, &tools, &stream} {
		var count tally
		if err := load(t.Context(), &running{program: direct, addr: open}, k, 3, 20, &count); err != nil || count.asked.Load() != 20 {
			t.Errorf("%s: %d asked, %v", k.name, count.asked.Load(), err)
		}
	}
	if err := load(t.Context(), &running{program: direct, addr: limited, dir: t.TempDir()}, &small, 2, 5, new(tally)); err == nil || !strings.Contains(err.Error(), "429") {
		t.Errorf("a refusal is an answer: %v", err)
	}
	if err := proves(open, direct, "this-run"); err != nil {
		t.Error(err)
	}
	if err := proves(open, direct, "another-run"); err == nil {
		t.Error("a stranger is trusted")
	}
}

func TestMachine(t *testing.T) {
	if mostFiles() < 100 || len(machine()) < 20 {
		t.Error("the machine is unknown")
	}
	if _, err := os.Stat("/proc/self/smaps_rollup"); err != nil {
		t.Error(err)
	}
}
