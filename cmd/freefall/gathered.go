package main

import (
	"io"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	gatherTime = 20 * time.Millisecond // how long a line of the log may wait for others
	gatherSize = 128 << 10             // bytes; so many do not wait
)

// gathered writes what was written within a moment at once: two lines of a request, in two places, would otherwise be four system
// calls of it. A writer that is faster than the output waits, so what it holds is bounded.
type gathered struct {
	out   io.Writer
	timer *time.Timer // runs while something waits

	writing sync.Mutex // held while out is written, so that lines keep their order
	spare   []byte

	mu    sync.Mutex // guards lines
	lines []byte
}

func gather(out io.Writer) *gathered {
	g := &gathered{out: out}
	g.timer = time.AfterFunc(gatherTime, g.flush)
	return g
}

// Write takes lines. What out says of them nobody hears: there is no better place to complain than the log.
func (g *gathered) Write(p []byte) (int, error) {
	g.mu.Lock()
	first := len(g.lines) == 0
	g.lines = append(g.lines, p...)
	full := len(g.lines) >= gatherSize
	g.mu.Unlock()
	switch {
	case full:
		g.flush()
	case first:
		g.timer.Reset(gatherTime)
	}
	return len(p), nil
}

// WriteLevel is Write for lines of a level: what somebody may look for at once, a warning or worse, waits for nothing.
func (g *gathered) WriteLevel(level zerolog.Level, p []byte) (int, error) {
	n, err := g.Write(p)
	if level >= zerolog.WarnLevel {
		g.flush()
	}
	return n, err
}

// flush writes what waits.
func (g *gathered) flush() {
	g.writing.Lock()
	defer g.writing.Unlock()
	g.mu.Lock()
	lines := g.lines
	g.lines = g.spare[:0]
	g.mu.Unlock()
	if len(lines) > 0 {
		_, _ = g.out.Write(lines)
	}
	if g.spare = lines; cap(lines) > 4*gatherSize {
		g.spare = nil
	}
}
