package main

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// places counts what it is given.
type places struct {
	mu   sync.Mutex // guards all below
	text bytes.Buffer
	n    int
}

func (p *places) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n++
	return p.text.Write(b)
}

func (p *places) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

func (p *places) writes() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.n
}

func TestGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out places
		g := gather(&out)
		for i := range 3 {
			fmt.Fprintln(g, i)
		}
		if out.writes() != 0 {
			t.Error("the first line did not wait for the others")
		}
		time.Sleep(gatherTime)
		synctest.Wait()
		if out.String() != "0\n1\n2\n" || out.writes() != 1 {
			t.Errorf("%d writes of %q", out.writes(), out.String())
		}
		fmt.Fprintln(g, 3)
		time.Sleep(gatherTime)
		synctest.Wait()
		if out.String() != "0\n1\n2\n3\n" {
			t.Errorf("a later line: %q", out.String())
		}
		line := strings.Repeat("x", gatherSize/4-1)
		for range 4 {
			fmt.Fprintln(g, line)
		}
		if out.writes() != 3 {
			t.Errorf("%d writes: lines gathered beyond the bound", out.writes())
		}
		fmt.Fprintln(g, "last")
		g.flush()
		if !strings.HasSuffix(out.String(), line+"\nlast\n") {
			t.Error("a line stayed behind")
		}
	})
}

// Lines of one writer keep their order, and none is torn or lost.
func TestGatheredByMany(t *testing.T) {
	var out bytes.Buffer
	g := gather(&out)
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := range 2000 {
				fmt.Fprintf(g, "%d %d %s\n", w, i, strings.Repeat(".", i%50))
			}
		})
	}
	writers.Wait()
	g.flush()
	var next [8]int
	for line := range strings.Lines(out.String()) {
		var w, i int
		var dots string
		_, _ = fmt.Sscanf(line, "%d %d %s", &w, &i, &dots)
		if i != next[w] || len(dots) != i%50 {
			t.Fatalf("%q where line %d of it was due", line, next[w])
		}
		next[w]++
	}
	if next != [8]int{2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000} {
		t.Errorf("of 2000 lines each came %v", next)
	}
}

// A warning is there at once, and what came before it too: somebody may be looking for it.
func TestGatheredWarnings(t *testing.T) {
	var out places
	g := gather(&out)
	defer g.timer.Stop()
	_, _ = g.WriteLevel(zerolog.InfoLevel, []byte("answered\n"))
	if out.writes() != 0 {
		t.Error("an answer did not wait for others")
	}
	_, _ = g.WriteLevel(zerolog.WarnLevel, []byte("Rate limit\n"))
	if out.String() != "answered\nRate limit\n" {
		t.Errorf("after a warning there is %q", out.String())
	}
}
