//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// measurement is one that can be asked for with -only.
type measurement struct {
	name string
	of   func(*bench) error
}

func measurements() []measurement {
	return []measurement{
		{"small", func(b *bench) error { return b.requests(&small, 10_000, 32) }},
		{"tools", func(b *bench) error { return b.requests(&tools, 3000, 32) }},
		{"stream", func(b *bench) error { return b.requests(&stream, 1500, 32) }},
		{"fallover", func(b *bench) error { return b.requests(&fall, 5000, 8) }},
		{"latency", (*bench).latency},
		{"event", (*bench).events},
		{"idle", (*bench).idle},
		{"start", (*bench).starts},
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
}

func newBench(ctx context.Context, o *options, dir string) (*bench, error) {
	b := &bench{options: o, ctx: ctx, dir: dir, programs: programs(o), figures: figures{}}
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

// latency measures, over one connection at a time and by turns, how long an answer takes, and the first content of a stream.
func (b *bench) latency() error {
	ends := []*running{{program: direct, addr: b.world.open[0]}}
	for r := range b.turns {
		ends = append(ends, r)
	}
	whole, first := make([][]time.Duration, len(ends)), make([][]time.Duration, len(ends))
	for range 10 { // by turns within a round too: wall time suffers from whoever else is busy
		for i, r := range ends {
			w, err := r.latencies(&small, b.fewer(200))
			if err != nil {
				return err
			}
			f, err := r.latencies(&stream, b.fewer(40))
			if err != nil {
				return err
			}
			whole[i], first[i] = append(whole[i], w...), append(first[i], f...)
		}
	}
	us := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
	for i, r := range ends {
		slices.Sort(whole[i])
		b.figures.add("p50", r.name, us(quantile(whole[i], 0.5)))
		b.figures.add("ttft", r.name, us(median(first[i])))
		if i > 0 {
			b.figures.add("added", r.name, us(quantile(whole[i], 0.5)-quantile(whole[0], 0.5)))
			b.figures.add("added99", r.name, us(quantile(whole[i], 0.99)-quantile(whole[0], 0.99)))
			b.figures.add("ttft added", r.name, us(median(first[i])-median(first[0])))
		}
	}
	return nil
}

// latencies asks one after the other over one connection: how long until the first content, which of a whole answer is all of it.
func (r *running) latencies(k *kind, n int) ([]time.Duration, error) {
	c, err := dial(r.addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	form := k.request(r.program, k.model)
	var out []time.Duration
	for i := range n + 5 {
		number(form, i)
		begun := time.Now()
		first, err := c.ask(form)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		if i >= 5 { // the connections are there
			out = append(out, first.Sub(begun))
		}
		copy(form[bytes.Index(form, []byte("Question "))+len("Question "):], digits)
	}
	return out, nil
}

const (
	dripping = 1000
	watching = 3 * time.Second
)

// events measures the processor time of an event at a thousand streams, each of ten events a second.
func (b *bench) events() error {
	for r := range b.turns {
		var seen atomic.Int64
		s, err := b.open(r, &drip, dripping, &seen)
		if err != nil {
			return err
		}
		var events int64
		spent, err := r.spent(func() error {
			from := seen.Load()
			err := pause(b.ctx, watching)
			events = seen.Load() - from
			return err
		})
		s.close()
		if err != nil {
			return err
		}
		if events < dripping {
			return fmt.Errorf("%s: only %d events came", r.name, events)
		}
		b.figures.add("event", r.name, float64(spent.Nanoseconds())/1e3/float64(events))
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// streams are open answers.
type streams struct {
	clients []*client
	readers sync.WaitGroup
}

func (s *streams) close() {
	for _, c := range s.clients {
		c.Close()
	}
	s.readers.Wait()
}

// open begins n streams and waits until each has got its first word. seen counts the events of all.
func (b *bench) open(r *running, k *kind, n int, seen *atomic.Int64) (*streams, error) {
	forms := k.requests(r.program)
	s := &streams{}
	started := make(chan error, n)
	slots := make(chan struct{}, 64) // that begin at the same time
	for i := range n {
		slots <- struct{}{}
		c, err := dial(r.addr)
		if err != nil {
			s.close()
			return nil, err
		}
		s.clients = append(s.clients, c)
		form := bytes.Clone(forms[i%len(forms)])
		number(form, i)
		s.readers.Go(func() {
			err := c.begin(form)
			<-slots
			started <- err
			if err == nil {
				c.listen(seen)
			}
		})
	}
	for range n {
		if err := <-started; err != nil {
			s.close()
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return s, nil
}

// begin asks for a stream and reads up to its first word.
func (c *client) begin(request []byte) error {
	c.buf = make([]byte, 4<<10)
	_ = c.SetDeadline(time.Now().Add(bound))
	if _, err := c.Write(request); err != nil {
		return err
	}
	c.got = c.buf[:0]
	for !bytes.Contains(c.got, []byte(firstWord)) {
		n, err := c.Read(c.buf[len(c.got):])
		c.got = c.buf[:len(c.got)+n]
		if err != nil {
			return fmt.Errorf("%w behind %.300q", err, c.got)
		}
	}
	return c.SetDeadline(time.Time{})
}

// listen counts events until the connection is closed.
func (c *client) listen(seen *atomic.Int64) {
	for {
		n, err := c.Read(c.buf)
		seen.Add(int64(bytes.Count(c.buf[:n], []byte(`data: {`))))
		if err != nil {
			return
		}
	}
}

// idle measures what streams hold that are open and silent, in programs that have just begun.
func (b *bench) idle() error {
	few, many := 1000, min(9000, (mostFiles()-500)/2)
	if b.short {
		many = min(many, 3000)
	}
	if b.round >= 3 {
		return nil // memory does not vary from round to round
	}
	for i := range b.programs {
		if err := b.idleOf(&b.programs[i], few, many); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) idleOf(p *program, few, many int) error {
	r, err := p.run(&b.world, b.dir)
	if err != nil {
		return err
	}
	defer r.stop()
	if err := load(b.ctx, r, &small, 2, 20, new(tally)); err != nil {
		return err
	}
	before, err := r.memory()
	if err != nil {
		return err
	}
	var seen atomic.Int64
	opened := 0
	for _, n := range []int{few, many} {
		s, err := b.open(r, &quiet, n-opened, &seen)
		if err != nil {
			return err
		}
		defer s.close()
		opened = n
		if err := pause(b.ctx, 3*time.Second); err != nil {
			return err
		}
		now, err := r.memory()
		if err != nil {
			return err
		}
		b.figures.add(fmt.Sprintf("idle %d", n), r.name, float64(now-before)/1024/float64(n))
	}
	return nil
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

// mostFiles is how many files a process may have open. Go programs raise their own bound to this.
func mostFiles() int {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return 1024
	}
	return int(min(l.Max, 64<<10))
}

func median(of []time.Duration) time.Duration {
	of = slices.Clone(of)
	slices.Sort(of)
	return quantile(of, 0.5)
}

// quantile is of sorted times.
func quantile(sorted []time.Duration, share float64) time.Duration {
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

// machine says where the figures come from.
func machine() string {
	cpu := "unknown processor"
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			cpu = strings.TrimSpace(value)
			break
		}
	}
	var u unix.Utsname
	_ = unix.Uname(&u)
	load, _ := os.ReadFile("/proc/loadavg")
	average, _, _ := strings.Cut(string(load), " ")
	return fmt.Sprintf("%s, %d processors, Linux %s, %s, load average %s at the end", cpu, runtime.NumCPU(), unix.ByteSliceToString(u.Release[:]),
		runtime.Version(), average)
}
