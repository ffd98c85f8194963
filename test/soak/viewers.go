package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"freefall/internal/fakellm"
)

const (
	lookedAt     = 40                // models, of which the first is at its limit again and again
	askers       = 64                // connections that the requests go over
	begins       = 6 * time.Second   // until the rings of the journal are full and buffers of slow onlookers too
	settled      = 5 * time.Second   // of looks at the memory
	patientFor   = 100 * time.Second // until kept connections and idle workers have gone
	tenASecond   = 10
	fiftyASecond = 50
	atMostLate   = time.Second
)

// view lets many look at the events while others ask so often, and compares what freefall holds at the begin of that with what it
// holds at its end, and when all have gone with what it held before anybody came.
func view(ctx context.Context, binary string, viewers, rate int, length time.Duration) error {
	fake := fakellm.New(fakellm.Options{Models: manyModels(), OpenAI: true, Keyless: true, Keep: 64, Weather: mild})
	defer fake.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: fake}
	go func() { _ = server.Serve(ln) }()
	defer server.Close()
	p, err := start(binary, viewConfig(ln.Addr().String()))
	if err != nil {
		return err
	}
	err = p.view(ctx, viewers, rate, length)
	return errors.Join(err, p.stop())
}

func (p *program) view(ctx context.Context, viewers, rate int, length time.Duration) error {
	var tally tally
	lag := lateness(ctx)
	fmt.Printf("%d onlookers and %d requests a second for %v; freefall is process %d\n", viewers, rate, length, p.PID)
	before, err := p.moment(ctx, "before", fresh)
	if err != nil {
		return err
	}
	crowd := gather(ctx, p.Addr, viewers, &tally)
	asking := p.ask(ctx, rate, &tally)
	begun := time.Now()
	begin, end, err := p.during(ctx, length)
	asked := asking()
	took := time.Since(begun)
	crowd.leave()
	if err != nil {
		return err
	}
	after, err := p.emptied(ctx, before)
	if err != nil {
		return err
	}
	tally.print(os.Stdout)
	fmt.Println()
	table(before, begin, end, after)
	wrong := grown(before, after, held{series: unbounded, heap: unbounded, used: unbounded, rss: unbounded})
	wrong = append(wrong, grown(begin, end, held{goroutines: unbounded, files: unbounded, running: unbounded, heap: slack.heap, used: unbounded, rss: unbounded})...)
	wrong = append(wrong, crowd.report(lag())...)
	if float64(asked) < 0.8*float64(rate)*took.Seconds() {
		wrong = append(wrong, fmt.Sprintf("only %d requests in %v: the machine is too busy", asked, took.Round(time.Second)))
	}
	if n := tally.of("no model left"); n > 0 {
		wrong = append(wrong, fmt.Sprintf("%d requests were not answered", n))
	}
	if wrong = append(wrong, tally.wrong()...); len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "\n"))
	}
	return nil
}

// moment is a look that takes so long.
func (p *program) moment(ctx context.Context, name string, length time.Duration) (moment, error) {
	h, err := p.quiet(ctx, length)
	return moment{name, h}, err
}

// during looks at what is held while all are there: when it has begun, and at the end of that time.
func (p *program) during(ctx context.Context, length time.Duration) (begin, end moment, err error) {
	last := time.Now().Add(length - settled)
	if err := p.pause(ctx, begins); err != nil {
		return begin, end, err
	}
	if begin, err = p.moment(ctx, "begin", settled); err != nil {
		return begin, end, err
	}
	if err := p.pause(ctx, time.Until(last)); err != nil {
		return begin, end, err
	}
	end, err = p.moment(ctx, "end", settled)
	return begin, end, err
}

func (p *program) pause(ctx context.Context, length time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-p.Ended:
		return fmt.Errorf("freefall has ended: %s", p.Words())
	case <-time.After(length):
		return nil
	}
}

// emptied waits until nothing is left of those who were there.
func (p *program) emptied(ctx context.Context, before moment) (after moment, err error) {
	for end := time.Now().Add(patientFor); ; {
		h, err := p.collected()
		after = moment{"after", h}
		if err != nil || time.Now().After(end) || h.goroutines <= before.goroutines && h.files <= before.files && h.running <= before.running {
			return after, err
		}
		if err := p.pause(ctx, lookEach); err != nil {
			return after, err
		}
	}
}

// ask sends requests at this rate, whatever becomes of those before, until the function that it gives is called; that gives how many.
func (p *program) ask(ctx context.Context, rate int, t *tally) (stop func() int) {
	ctx, cancel := context.WithCancel(ctx)
	due := make(chan struct{}, rate) // a second's
	var all sync.WaitGroup
	for range askers {
		all.Go(func() {
			v := newVisitor(p.Addr, t)
			defer v.client.CloseIdleConnections()
			for range due {
				tag := fmt.Sprintf("tag-%d.", visits.Add(1))
				v.ask("asked", tag, v.body(fmt.Sprintf("model-%d", rand.N(lookedAt)), tag))
			}
		})
	}
	asked := 0
	all.Go(func() {
		defer close(due)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for begun := time.Now(); ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			for asked < int(time.Since(begun).Seconds()*float64(rate)) {
				select {
				case due <- struct{}{}:
					asked++
				case <-ctx.Done():
					return
				}
			}
		}
	})
	return func() int {
		cancel()
		all.Wait()
		return asked
	}
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
	return wrong
}

func modelIDs() (ids []string) {
	for i := range lookedAt {
		ids = append(ids, fmt.Sprintf("model-%d", i))
	}
	return ids
}

func manyModels() (models []fakellm.Model) {
	for _, id := range modelIDs() {
		models = append(models, fakellm.Model{ID: id, Tools: true})
	}
	return models
}

// mild is a provider whose first model is often at its limit, so that there are switches and rests to look at.
func mild(model string, _ time.Duration) (fakellm.Step, bool) {
	if model == "model-0" && rand.N(2) == 0 {
		return fakellm.Raw(429, map[string]string{"Content-Type": "application/json", "Retry-After": "1"}, `{"error":{"message":"Rate limit exceeded","code":429}}`), true
	}
	return fakellm.Slow(rand.N(20*time.Millisecond), rand.N(20*time.Millisecond), time.Millisecond), true
}

func viewConfig(provider string) string {
	var models strings.Builder
	for _, id := range modelIDs() {
		fmt.Fprintf(&models, "  - {id: %s, supports_tools: true}\n", id)
	}
	return fmt.Sprintf("log: {file: \"\"}\nproviders: {p: {base_url: \"http://%s/v1\", limits: {rpm: 100000}, model_limits: {rpd: 1000000}}}\nmodels:\n%s", provider, models.String())
}
