// Command soak starts the freefall binary before a simulated provider on loopback and looks at what a day of rough use leaves
// behind.
//
//	soak -for 10m     random requests, faults, leavers and reloads; ends with 1 when freefall has grown by them, or answered wrongly.
//	                  A warm-up and two lulls come on top, three minutes at most
//	soak -viewers 50 -rate 500 -for 60s
//	                  so many look at the events while so many requests come each second: freefall does not grow, and nobody is told
//	                  too much or too late. Five seconds before and a minute thereafter come on top
//	soak -cancel      how soon the provider is let go when a client leaves, how soon an event is through, what promises cost
//
// It ends only what it started.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	var (
		binary  = flag.String("freefall", "bin/freefall", "the binary to test")
		length  = flag.Duration("for", 10*time.Minute, "how long to soak")
		cancel  = flag.Bool("cancel", false, "measure instead of soaking")
		tries   = flag.Int("tries", 100, "with -cancel: departures of each kind")
		bound   = flag.Duration("bound", 5*time.Millisecond, "with -cancel: how late the latest may be")
		viewers = flag.Int("viewers", 0, "how many look at the events, instead of rough use")
		rate    = flag.Int("rate", 500, "with -viewers: requests a second")
	)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var err error
	switch {
	case *cancel:
		err = measure(*binary, *tries, *bound)
	case *viewers > 0:
		err = view(ctx, *binary, *viewers, *rate, *length)
	default:
		err = soak(ctx, *binary, *length)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}
