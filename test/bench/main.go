//go:build linux

// Bench puts freefall beside nginx, haproxy and a plain net/http reverse proxy, each a process of its own before the same
// simulated provider, and prints what each costs for a request, an event, a fall-over and an idle stream.
//
//	go run ./test/bench                          all of it, ten rounds
//	go run ./test/bench -short                   a look, in two minutes
//	go run ./test/bench -only small,stream -rounds 20
//	go run ./test/bench -only hedge              what a second attempt beside a slow one buys, and what it costs
//	go run ./test/bench -before bin/freefall.old the old binary takes part in the same rounds
//	go run ./test/bench -json out.json
//
// What counts is the processor time of the proxy's processes, as the kernel books it, and of that the ratio to nginx in the same
// round: a busy machine slows all of them alike. Only latencies are wall time.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are what a person asks for.
type options struct {
	binary, before string
	rounds         int
	short          bool
	only           []string
	json           string
	within         time.Duration
}

// wants says whether a measurement is asked for.
func (o *options) wants(name string) bool { return len(o.only) == 0 || slices.Contains(o.only, name) }

func main() {
	role := flag.String("as", "", "be the provider or the reverse proxy; the bench starts itself so")
	token := flag.String("token", "", "of the run, for -as provider")
	upstream := flag.String("upstream", "", "address of the provider, for -as reverse")
	var o options
	var only string
	flag.StringVar(&o.binary, "binary", "bin/freefall", "the freefall to measure")
	flag.StringVar(&o.before, "before", "", "another freefall that takes part in the same rounds")
	flag.IntVar(&o.rounds, "rounds", 10, "how often each measurement is made of each program, by turns")
	flag.BoolVar(&o.short, "short", false, "three rounds of a quarter of the requests")
	flag.StringVar(&only, "only", "", "some of "+strings.Join(names(), ", "))
	flag.StringVar(&o.json, "json", "", "write the figures to this file too; - = standard output")
	flag.DurationVar(&o.within, "within", 30*time.Minute, "give up after this time")
	flag.Parse()
	if only != "" {
		o.only = strings.Split(only, ",")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, o.within)
	defer cancel()
	var err error
	switch *role {
	case "":
		err = o.run(ctx)
	case "provider":
		err = provide(*token)
	case "reverse":
		err = reverse(*upstream)
	default:
		err = fmt.Errorf("-as %s is neither provider nor reverse", *role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (o *options) check() error {
	for _, name := range o.only {
		if !slices.Contains(names(), name) {
			return fmt.Errorf("-only %s: there are %s", name, strings.Join(names(), ", "))
		}
	}
	for _, binary := range []string{o.binary, o.before} {
		if binary == "" {
			continue
		}
		if _, err := os.Stat(binary); err != nil {
			return fmt.Errorf("%w; make build makes bin/freefall", err)
		}
	}
	if o.rounds < 1 {
		return errors.New("-rounds wants 1 or more")
	}
	if o.short {
		o.rounds = min(o.rounds, 3)
	}
	return nil
}

func (o *options) run(ctx context.Context) error {
	if err := o.check(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "freefall-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b, err := newBench(ctx, o, dir)
	if err != nil {
		return err
	}
	defer b.stop()
	if err := b.measure(); err != nil {
		return err
	}
	return b.report(os.Stdout)
}
