package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	notRead      = 512 << 10 // bytes at most that wait for an onlooker: some that are being written, and those behind them
	tenASecond   = 10
	fiftyASecond = 50
	atMostLate   = time.Second
)

// crowd are onlookers of all habits.
type crowd struct {
	all  []*onlooker
	stop context.CancelFunc
	over sync.WaitGroup
}

func gather(ctx context.Context, addr string, n int, t *tally) *crowd {
	ctx, stop := context.WithCancel(ctx)
	c := &crowd{stop: stop}
	for i := range n {
		o := &onlooker{addr: addr, habit: habitOf(i), tally: t}
		c.all = append(c.all, o)
		c.over.Go(func() { o.run(ctx) })
	}
	return c
}

// leave ends all of them.
func (c *crowd) leave() {
	c.stop()
	c.over.Wait()
}

// unread is how many bytes may wait for those who read slowly or not at all.
func (c *crowd) unread() (bytes int) {
	for _, o := range c.all {
		if o.habit == slow || o.habit == deaf {
			bytes += notRead
		}
	}
	return bytes
}

// report prints what the onlookers were told, and says where that was too much, too late or not all.
func (c *crowd) report(lag time.Duration) (wrong []string) {
	fmt.Printf("\n%-10s%8s%16s%18s%12s%14s%12s\n", "onlookers", "", "states a second", "requests a second", "not told", "whole states", "latest")
	for h := range numHabits {
		var all seen
		n, most := 0, [2]float64{}
		for _, o := range c.all {
			if o.habit != h {
				continue
			}
			n++
			s := &o.seen
			seconds := s.until.Sub(s.since).Seconds()
			states, requests := float64(s.states)/seconds, float64(s.requests)/seconds
			most[0], most[1] = max(most[0], states), max(most[1], requests)
			all.whole, all.skipped, all.latest = all.whole+s.whole, all.skipped+s.skipped, max(all.latest, s.latest)
			if h == restive {
				continue // each of its streams begins with the whole state and a second's worth of requests
			}
			if states > tenASecond || requests > fiftyASecond*(1+1/seconds) {
				wrong = append(wrong, fmt.Sprintf("a %s onlooker was told %.1f states and %.1f requests a second", habits[h], states, requests))
			}
			if h == steady && s.latest > atMostLate+2*lag {
				wrong = append(wrong, fmt.Sprintf("a steady onlooker was told of a request after %v, on a machine that was late itself by %v", s.latest, lag))
			}
			if h == steady && s.states == 0 {
				wrong = append(wrong, "a steady onlooker was told nothing")
			}
		}
		fmt.Printf("%-10s%8d%16.1f%18.1f%12d%14d%12s\n", habits[h], n, most[0], most[1], all.skipped, all.whole, all.latest.Round(time.Millisecond))
	}
	fmt.Printf("a timer of this machine was late by up to %v\n", lag.Round(time.Millisecond))
	return wrong
}

// lateness gives, once it is called, how much too late a timer of this process was at most: that much of any delay is the machine's.
func lateness(ctx context.Context) func() time.Duration {
	const beat = 5 * time.Millisecond
	ctx, stop := context.WithCancel(ctx)
	worst := make(chan time.Duration, 1)
	go func() {
		most := time.Duration(0)
		for last := time.Now(); ctx.Err() == nil; {
			time.Sleep(beat)
			now := time.Now()
			most, last = max(most, now.Sub(last)-beat), now
		}
		worst <- most
	}()
	return func() time.Duration {
		stop()
		return <-worst
	}
}
