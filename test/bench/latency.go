//go:build linux

package main

import (
	"bytes"
	"fmt"
	"slices"
	"time"
)

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
