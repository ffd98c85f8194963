//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
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
