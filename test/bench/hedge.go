//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"freefall/test/child"
)

// What a hedge buys and what it costs is wall time of slow answers, so the processor does not matter here: all races run at once,
// each with a freefall and two accounts of its own, and within a race one request follows the other.
const (
	hedgeRequests = 600
	hedgeWarmUp   = 20 // quick ones before, so that there are connections and hedge_after: auto knows the model
	hedgeTries    = 20 // of each stated case
	hedgeSeed     = 1

	leastQuick, mostQuick = 20 * time.Millisecond, 60 * time.Millisecond
	slowWait              = 2 * time.Second
	givenUp               = 5 * time.Second // first_token and answer
	never                 = time.Hour
	letGo                 = time.Second // within which the connection of who lost must be closed, for the race to go on
)

// race is a freefall before two accounts, of which the first is asked first.
type race struct {
	After  string        `json:"hedge_after"`
	Share  float64       `json:"hedge_share"`
	Stream bool          `json:"stream"`
	Took   []float64     `json:"ms"` // to the first content, in the order of the requests; which of a whole answer is all of it
	Calls  float64       `json:"calls_per_request"`
	Late   time.Duration `json:"-"` // at most, from the winner's first content to the end of the loser's connection
	Lost   int           `json:"lost"`

	accounts [2]*account
}

// hedgeResult is what the measurement gives.
type hedgeResult struct {
	Table []*race `json:"races"`
	Cases []*race `json:"first_one_hangs"` // and the second answers in 200 ms
}

// settings are those that are compared. Both at once for each request wants a share of 1; the others keep to the default.
var settings = []race{{After: "off", Share: 0.1}, {After: "1s", Share: 0.1}, {After: "auto", Share: 0.1}, {After: "0s", Share: 1}}

func (b *bench) hedge() error {
	if b.round > 0 {
		return nil // what is drawn is the same in each round
	}
	n := hedgeRequests
	if b.short {
		n /= 3
	}
	first, second := draws(n)
	b.hedged = &hedgeResult{}
	for _, stream := range []bool{false, true} {
		for _, r := range settings {
			r.Stream, r.accounts = stream, [2]*account{newAccount(first), newAccount(second)}
			b.hedged.Table = append(b.hedged.Table, &r)
		}
	}
	if err := b.race(b.hedged.Table); err != nil {
		return err
	}
	tries := max(3, b.fewer(hedgeTries))
	for _, stream := range []bool{false, true} {
		for _, after := range []string{"0s", "1s"} {
			b.hedged.Cases = append(b.hedged.Cases, &race{After: after, Share: 1, Stream: stream, accounts: [2]*account{
				newAccount(slices.Repeat([]time.Duration{never}, tries)), newAccount(slices.Repeat([]time.Duration{200 * time.Millisecond}, tries))}})
		}
	}
	return b.race(b.hedged.Cases)
}

// draws are how long the two accounts take for each request: the second is always quick, the first exactly as often slow as stated.
func draws(n int) (first, second []time.Duration) {
	rng := rand.New(rand.NewPCG(hedgeSeed, hedgeSeed))
	for i := range n {
		for _, of := range []*[]time.Duration{&first, &second} {
			*of = append(*of, leastQuick+time.Duration(rng.Int64N(int64(mostQuick-leastQuick))))
		}
		switch {
		case i < n/100:
			first[i] = never
		case i < n/25:
			first[i] = slowWait
		}
	}
	rng.Shuffle(n, func(i, j int) { first[i], first[j] = first[j], first[i] })
	return first, second
}

// race runs them all at once.
func (b *bench) race(all []*race) error {
	ctx, cancel := context.WithCancelCause(b.ctx)
	defer cancel(nil)
	var over sync.WaitGroup
	for _, r := range all {
		over.Go(func() {
			if err := r.run(ctx, b); err != nil {
				cancel(fmt.Errorf("hedge_after %s: %w", r.After, err))
			}
		})
	}
	over.Wait()
	return context.Cause(ctx)
}

func (r *race) run(ctx context.Context, b *bench) error {
	dir, err := os.MkdirTemp(b.dir, "hedge-")
	if err != nil {
		return err
	}
	var at [2]string
	for i, a := range r.accounts {
		if at[i], err = a.open(b.world.token); err != nil {
			return err
		}
		defer a.close()
	}
	if _, err := written(dir, "models.yaml", fmt.Sprintf(`log: {file: ""}
timeouts: {first_token: %v, answer: %[1]v}
routing: {order: priority, hedge_after: %s, hedge_share: %g}
providers:
  a: {base_url: "http://%s/v1", keys: [], discover: off}
  b: {base_url: "http://%s/v1", keys: [], discover: off}
models: [{id: first, provider: a}, {id: second, provider: b}]
`, givenUp, r.After, r.Share, at[0], at[1])); err != nil {
		return err
	}
	p, err := child.Start(b.binary, dir)
	if err != nil {
		return err
	}
	err = r.ask(ctx, p.Addr, b.world.token)
	if stopped := p.Stop(syscall.SIGTERM); err == nil {
		err = stopped
	}
	return err
}

// ask sends the requests, one after the other.
func (r *race) ask(ctx context.Context, addr, token string) error {
	c, err := dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	form := (&kind{size: smallBody, model: "auto", path: "/v1/", stream: r.Stream}).request(direct, "auto")
	requests := len(r.accounts[0].waits)
	for i := range hedgeWarmUp + requests {
		if ctx.Err() != nil {
			return nil // another race says why
		}
		n := i - hedgeWarmUp
		if n == 0 {
			r.count()
		}
		asks := bytes.Clone(form)
		number(asks, i)
		begun := time.Now()
		first, err := c.ask(asks)
		if err == nil && !bytes.Contains(c.got, []byte(token)) {
			err = fmt.Errorf("somebody answers who is not this run's provider: %.300q", c.got)
		}
		if err != nil {
			return fmt.Errorf("request %d: %w", n, err)
		}
		if err := r.lost(i, c.got, first); err != nil {
			return err
		}
		if n >= 0 {
			r.Took = append(r.Took, float64(first.Sub(begun).Microseconds())/1e3)
		}
	}
	r.Calls = float64(r.count()) / float64(requests)
	return nil
}

// count gives how many calls there were since the last time.
func (r *race) count() (n int64) {
	for _, a := range r.accounts {
		n += a.calls.Swap(0)
	}
	return n
}

// lost looks how soon the connection of who lost the hedge of a request was closed.
func (r *race) lost(nth int, answer []byte, won time.Time) error {
	for i, model := range []string{"first", "second"} {
		if !bytes.Contains(answer, []byte(model+"=hedge_lost")) {
			continue
		}
		r.Lost++
		left, ok := r.accounts[i].whenLeft(nth)
		if !ok {
			return fmt.Errorf("request %d: the connection of who lost is still open after %v", nth, letGo)
		}
		if !left.IsZero() {
			r.Late = max(r.Late, left.Sub(won))
		}
	}
	return nil
}

func (h *hedgeResult) print(w io.Writer) {
	fmt.Fprintf(w, "\nhedging: %d requests one after the other; the first model answers 96 of 100 within %v to %v, 3 after %v, 1 never (given up\n"+
		"after %v), the second one always within %[2]v to %[3]v; until the first content, which of a whole answer is all of it\n",
		len(h.Table[0].Took), leastQuick, mostQuick, slowWait, givenUp)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "hedge_after\thedge_share\t\tp50\tp95\tp99\tcalls for a request")
	for _, r := range h.Table {
		fmt.Fprintf(t, "%s\t%g\t%s\t%.0f ms\t%.0f ms\t%.0f ms\t%.3f\n", r.After, r.Share, r.form(), r.quantile(0.5), r.quantile(0.95), r.quantile(0.99), r.Calls)
	}
	_ = t.Flush()
	fmt.Fprintf(w, "the first model hangs, the second answers in 200 ms; %d times each:\n", len(h.Cases[0].Took))
	fmt.Fprintln(t, "hedge_after\t\tquickest\tslowest\tgoal\t\tloser's connection closed")
	for _, r := range h.Cases {
		least, most := 0.0, 400.0
		if r.After == "1s" {
			least, most = 1200, 1500
		}
		quickest, slowest := slices.Min(r.Took), slices.Max(r.Took)
		verdict := "reached"
		if quickest < least || slowest > most {
			verdict = "missed"
		}
		late := "before the first content"
		if r.Late > 0 {
			late = fmt.Sprintf("at most %.1f ms after it", float64(r.Late.Microseconds())/1e3)
		}
		fmt.Fprintf(t, "%s\t%s\t%.0f ms\t%.0f ms\t%g-%g ms\t%s\t%s\n", r.After, r.form(), quickest, slowest, least, most, verdict, late)
	}
	_ = t.Flush()
}

func (r *race) form() string {
	if r.Stream {
		return "streamed"
	}
	return "whole"
}

func (r *race) quantile(share float64) float64 {
	sorted := slices.Sorted(slices.Values(r.Took))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}
