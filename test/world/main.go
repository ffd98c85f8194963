package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

func main() {
	var o options
	binary := flag.String("binary", "", "the short form through this freefall, before simulated providers on loopback")
	flag.Uint64Var(&o.seed, "seed", 1, "of all chance")
	flag.StringVar(&o.only, "scenario", "", "this one alone: "+names())
	flag.Float64Var(&o.load, "load", 0, "with this share of the capacity alone, e.g. 0.9")
	flag.BoolVar(&o.short, "short", false, "each scenario at one load, for CI")
	flag.IntVar(&o.random, "random", 0, "so many worlds that are drawn from the seed, instead of the seven providers")
	flag.BoolVar(&o.verbose, "v", false, "which requests were lost, and why")
	flag.Parse()
	err := o.check(flag.Args())
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "world:", err)
		os.Exit(2)
	case *binary != "":
		err = short(*binary, os.Stdout)
	case o.random > 0:
		err = o.strangers(os.Stdout)
	default:
		err = o.run(os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "world:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	seed           uint64
	random         int
	only           string
	load           float64
	short, verbose bool
}

func (o *options) check(rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("unknown argument %q", rest[0])
	}
	if o.load < 0 || o.load > 10 {
		return fmt.Errorf("-load %v: it is a share of the capacity, such as 0.9", o.load)
	}
	for i := range scenarios {
		if o.only == "" || scenarios[i].name == o.only {
			return nil
		}
	}
	return fmt.Errorf("unknown scenario %q; there are %s", o.only, names())
}

func names() string {
	var all []string
	for i := range scenarios {
		all = append(all, scenarios[i].name)
	}
	return strings.Join(all, ", ")
}

// loads are the shares of the capacity at which a scenario is run.
func (o *options) loads(s *scenario) []float64 {
	switch {
	case o.only != "" && s.name != o.only:
		return nil
	case o.load > 0:
		return []float64{o.load}
	case o.short && s.short == 0:
		return nil
	case o.short:
		return []float64{s.short}
	}
	return s.loads
}
