package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// came is what a strange world came to.
type came struct {
	*strange
	outcome
	share, naive, pause float64 // of the all-knowing's successes
	seen, bound         int
	said                map[string]int // of the routes that had had room when a request was lost: why they were not asked
}

// lived lets the schedulers live through a strange world.
func (x *strange) lived(verbose bool, out io.Writer) came {
	s := &x.scenario
	all := s.traffic(x.seed, x.room*x.load)
	b := newBound(newWorld(x.seed, s), all)
	seen := allKnowing(x.seed, s, all, b)
	day := func(begin func(*dayRun) scheduler) *dayRun { return live(newWorld(x.seed, s), all, begin) }
	d := day(func(d *dayRun) scheduler { return newFreefall(d, s, true) })
	c := came{strange: x, outcome: d.outcome(), seen: seen.tally.won, bound: b.total}
	c.said = d.said()
	of := func(won int) float64 { return float64(won) / float64(max(1, seen.tally.won)) }
	c.share = of(c.won)
	c.naive = of(day(func(d *dayRun) scheduler { return newNaive(d, 0) }).tally.won)
	c.pause = of(day(func(d *dayRun) scheduler { return newNaive(d, 90*time.Second) }).tally.won)
	if verbose {
		d.describe(out)
		d.compare(out, seen)
		d.diagnose(out)
	}
	return c
}

const strangeHead = "  seed requests  of all  bound  naive        room  wasted           back  world\n"

func (c *came) String() string {
	return fmt.Sprintf("%6d%9d%8.3f%7.3f%7.3f/%.3f%5d/%4d%8.4f/%.4f%7s  %s\n", c.seed, c.requests, c.share, float64(c.bound)/float64(max(1, c.seen)),
		c.naive, c.pause, c.missed, c.settled, c.known, c.unknown, back(c.outcome), c.traits)
}

// strangers lets freefall live through n worlds from a seed on, and prints what each came to.
func (o *options) strangers(out io.Writer) error {
	began := time.Now()
	fmt.Fprint(out, strangeHead)
	var all []came
	for i := range uint64(o.random) {
		c := newStrange(o.seed+i).lived(o.verbose, out)
		fmt.Fprint(out, &c)
		all = append(all, c)
	}
	summary(out, all)
	fmt.Fprintf(out, "\n%v\n", time.Since(began).Round(time.Second))
	return nil
}

// summary prints what the worlds came to together, and the worst of them.
func summary(out io.Writer, all []came) {
	fmt.Fprintf(out, "\n  load worlds  of all: mean   5 %%  least   >=.98  wasted  <=.02/.08    room: errors, worlds  late\n")
	for _, load := range [...]float64{0.5, 0.9, 1.2} {
		var shares []float64
		good, thrifty, errors, worlds, late := 0, 0, 0, 0, 0
		sum, wasted := 0.0, 0.0
		for i := range all {
			c := &all[i]
			if c.load != load {
				continue
			}
			shares = append(shares, c.share)
			sum += c.share
			good += map[bool]int{true: 1}[c.share >= mustShare]
			thrifty += map[bool]int{true: 1}[c.known <= mustKnown && c.unknown <= mustUnknown]
			errors += c.settled
			worlds += map[bool]int{true: 1}[c.settled > 0]
			late += map[bool]int{true: 1}[c.back > mustBack]
			wasted += c.all
		}
		if n := len(shares); n > 0 {
			slices.Sort(shares)
			fmt.Fprintf(out, "%5.0f%%%7d%15.4f%7.3f%7.3f%8d%8.4f%10d%12d%8d%6d\n", load*100, n, sum/float64(n), shares[n/20], shares[0], good, wasted/float64(n), thrifty, errors, worlds, late)
		}
	}
	total := map[string]int{}
	for i := range all {
		for what, n := range all[i].said {
			total[what] += n
		}
	}
	fmt.Fprintf(out, "\nWhat freefall said of routes that had had room for a second, when requests were lost:\n")
	for _, what := range slices.SortedFunc(maps.Keys(total), func(a, b string) int { return cmp.Compare(total[b], total[a]) }) {
		fmt.Fprintf(out, "%8d %s\n", total[what], what)
	}
	worst := func(title string, by func(c *came) float64) {
		order := slices.Clone(all)
		slices.SortStableFunc(order, func(a, b came) int { return cmp.Compare(by(&b), by(&a)) })
		fmt.Fprintf(out, "\n%s\n%s", title, strangeHead)
		for i := range order[:min(10, len(order))] {
			fmt.Fprint(out, &order[i])
		}
	}
	worst("The worst by their share:", func(c *came) float64 { return -c.share })
	worst("The worst by calls that were wasted:", func(c *came) float64 { return max(c.known/mustKnown, c.unknown/mustUnknown) })
	worst("The worst by errors while there was room:", func(c *came) float64 { return float64(c.settled) / float64(c.requests) })
}

// said counts what freefall said of the routes that had had room when a request was lost.
func (d *dayRun) said() map[string]int {
	said := map[string]int{}
	for i := range d.jobs {
		j := &d.jobs[i]
		if !j.settled {
			continue
		}
		seen := map[string]bool{}
		for _, n := range j.notes {
			if !slices.Contains(j.missed, n.route) {
				continue
			}
			m := n.route.manner
			known := map[bool]string{true: "stated", false: "not stated"}[n.route.stated]
			length := "no end"
			for _, most := range [...]time.Duration{time.Hour, 10 * time.Minute, time.Minute, 30 * time.Second, 5 * time.Second} {
				if n.ready > 0 && n.ready <= most {
					length = "<= " + most.String()
				} else if n.ready > time.Hour {
					length = "> 1h"
				}
			}
			for _, what := range [...]string{n.says, n.says + " " + length, n.says + ", " + known, n.says + ", hints " + hintNames[m.hints], n.says + ", " + known + ", heads " + headNames[m.heads]} {
				if !seen[what] {
					seen[what] = true
					said[what]++
				}
			}
		}
	}
	return said
}

// describe prints the providers of a world.
func (d *dayRun) describe(out io.Writer) {
	w := d.world
	for _, p := range w.providers {
		m := p.manner
		fmt.Fprintf(out, "  %s: heads %s, refusals %s, words %d, clock %v, strict %v, mild %v, reserves %v, filling said %v\n", p.name, headNames[m.heads], hintNames[m.hints],
			m.words, p.skew.Round(time.Millisecond), m.strict, m.mild, p.reserves, m.fills)
		for _, a := range p.accounts {
			fmt.Fprintf(out, "    %s:%s\n", a.name, spelled(a.windows))
		}
		for _, x := range p.models {
			for _, r := range w.routes {
				if r.model == x && r.account == p.accounts[0] {
					fmt.Fprintf(out, "    %s: tools %v, context %d, first %.1f s, %.0f/s, fails %.3f;%s\n", x.id, x.tools, x.context, x.first, x.speed, x.flaw, spelled(r.own))
				}
			}
		}
	}
	for _, t := range w.troubles {
		fmt.Fprintf(out, "  trouble: %s%s from %s to %s: %d\n", t.provider, t.model, clock(t.from), clock(t.to), t.how)
	}
}

func spelled(windows []*window) (out string) {
	for _, w := range windows {
		out += fmt.Sprintf(" [%v%s%s]", w, map[bool]string{true: " hidden"}[w.hidden], map[bool]string{true: " shifts"}[w.shifts != nil])
	}
	return out
}
