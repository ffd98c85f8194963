//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// measurement is one that can be asked for with -only.
type measurement struct {
	name string
	of   func(*bench) error
	own  bool // of freefall alone
}

func measurements() []measurement {
	return []measurement{
		{name: "small", of: func(b *bench) error { return b.requests(&small, 10_000, 32) }},
		{name: "tools", of: func(b *bench) error { return errors.Join(b.requests(&tools, 3000, 32), b.requests(&others, 3000, 32)) }},
		{name: "stream", of: func(b *bench) error { return b.requests(&stream, 1500, 32) }},
		{name: "fallover", of: func(b *bench) error { return errors.Join(b.requests(&plain, 5000, 8), b.requests(&fall, 5000, 8)) }},
		{name: "latency", of: (*bench).latency},
		{name: "event", of: (*bench).events},
		{name: "idle", of: (*bench).idle},
		{name: "start", of: (*bench).starts},
		{name: "journal", of: (*bench).journal, own: true},
		{name: "hedge", of: (*bench).hedge, own: true},
	}
}

func names() (out []string) {
	for _, m := range measurements() {
		out = append(out, m.name)
	}
	return out
}

// bench is one run.
type bench struct {
	*options
	ctx      context.Context
	dir      string
	world    world
	provider *process
	programs []program
	running  []*running
	round    int
	figures  figures
	bare     *running // freefall without its books, once it is built
	hedged   *hedgeResult
}

func newBench(ctx context.Context, o *options, dir string) (*bench, error) {
	b := &bench{options: o, ctx: ctx, dir: dir, programs: programs(o), figures: figures{}}
	if !o.compares() {
		b.programs = slices.DeleteFunc(b.programs, func(p program) bool { return !p.own })
	}
	b.world.token = fmt.Sprintf("%d-%d", os.Getpid(), time.Now().UnixNano())
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	at := filepath.Join(dir, "provider")
	if err := os.Mkdir(at, 0o700); err != nil {
		return nil, err
	}
	proc, line, err := start(exec.Command(self, "-as", "provider", "-token", b.world.token), at, true)
	if err != nil {
		return nil, err
	}
	b.provider = proc
	for i, port := range strings.Fields(line) {
		if i == 0 {
			b.world.limited = "127.0.0.1:" + port
		} else {
			b.world.open = append(b.world.open, "127.0.0.1:"+port)
		}
	}
	if len(b.world.open) != origins {
		b.stop()
		return nil, errors.New("the provider does not start")
	}
	if err := proves(b.world.open[0], direct, b.world.token); err != nil {
		b.stop()
		return nil, fmt.Errorf("the provider: %w", err)
	}
	return b, b.startAll()
}

// direct stands for no program between client and provider.
var direct = &program{name: "direct", paths: true}

// compares says whether anything is asked for that wants other programs beside freefall.
func (o *options) compares() bool {
	return slices.ContainsFunc(measurements(), func(m measurement) bool { return o.wants(m.name) && !m.own })
}

// startAll starts each program once, and sends it no load before the provider's answer has come through it.
func (b *bench) startAll() error {
	for i := range b.programs {
		r, err := b.programs[i].run(&b.world, b.dir)
		if err != nil {
			b.stop()
			return err
		}
		b.running = append(b.running, r)
		if err := proves(r.addr, r.program, b.world.token); err != nil {
			b.stop()
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return nil
}

func (b *bench) stop() {
	for _, r := range b.running {
		r.stop()
	}
	if b.bare != nil {
		b.bare.stop()
	}
	if b.provider != nil {
		b.provider.stop()
	}
}

// measure makes all that are asked for, round by round.
func (b *bench) measure() error {
	for b.round = range b.rounds {
		for _, m := range measurements() {
			if !b.wants(m.name) {
				continue
			}
			fmt.Fprintf(os.Stderr, "\rround %d of %d: %-10s", b.round+1, b.rounds, m.name)
			if err := m.of(b); err != nil {
				return err
			}
			if err := b.ctx.Err(); err != nil {
				return context.Cause(b.ctx)
			}
		}
	}
	fmt.Fprintf(os.Stderr, "\r%40s\r", "")
	return nil
}

// turns gives the programs, another one first in each round.
func (b *bench) turns(yield func(*running) bool) {
	for i := range b.running {
		if !yield(b.running[(i+b.round)%len(b.running)]) {
			return
		}
	}
}

func (b *bench) fewer(n int) int {
	if b.short {
		return max(1, n/4)
	}
	return n
}

// requests measures the processor time of a request.
func (b *bench) requests(k *kind, n, conns int) error {
	n = b.fewer(n)
	for r := range b.turns {
		if k == &fall && !r.falls {
			continue
		}
		if err := load(b.ctx, r, k, conns, n/10, new(tally)); err != nil { // connections, buffers, caches
			return err
		}
		var t tally
		spent, err := r.spent(func() error { return load(b.ctx, r, k, conns, n, &t) })
		if err != nil {
			return err
		}
		if fell := t.fellOver.Load(); k == &fall && r.own && fell < int64(n)*98/100 {
			return fmt.Errorf("%s: only %d of %d requests fell over", r.name, fell, n)
		}
		b.figures.add(k.name, r.name, float64(spent.Nanoseconds())/1e3/float64(n))
	}
	return nil
}

// spent is the processor time that a program takes while something is done.
func (r *running) spent(do func() error) (time.Duration, error) {
	before, err := r.cpu()
	if err != nil {
		return 0, err
	}
	if err := do(); err != nil {
		return 0, err
	}
	after, err := r.cpu()
	return after - before, err
}

// starts measures how long a program takes to its first answer, and what it holds when nobody has asked it anything.
func (b *bench) starts() error {
	for i := range b.programs {
		p := &b.programs[i]
		r, err := p.run(&b.world, b.dir)
		if err != nil {
			return err
		}
		if err := errors.Join(pause(b.ctx, time.Second), b.begun(r)); err != nil {
			r.stop()
			return err
		}
		r.stop()
	}
	return nil
}

func (b *bench) begun(r *running) error {
	b.figures.add("start", r.name, float64(r.took.Microseconds())/1e3)
	held, err := r.memory()
	if err != nil {
		return err
	}
	if r.own {
		if held, err = r.resident(); err != nil {
			return err
		}
		file, err := os.Stat(r.cmd.Path)
		if err != nil {
			return err
		}
		b.figures.add("binary", r.name, float64(file.Size())/1e6)
	}
	b.figures.add("rss", r.name, float64(held)/1e6)
	return nil
}
