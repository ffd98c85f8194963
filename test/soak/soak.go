package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"freefall/internal/fakellm"
	"freefall/test/child"
)

const (
	workers    = 24
	warmUp     = 30 * time.Second // at most; a sixth of a short soak
	reloadEach = 2 * time.Second
	fresh      = 5 * time.Second // a look at what a program holds that has served nobody
)

// soak loads freefall for so long, and compares what it holds in the lull thereafter with what it held in a lull after a short
// while of the same: what is used for the first time is no leak.
func soak(ctx context.Context, binary string, length time.Duration) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var models []fakellm.Model
	for _, id := range ids {
		models = append(models, fakellm.Model{ID: id, Tools: true})
	}
	fake := fakellm.New(fakellm.Options{Models: models, OpenAI: true, Keyless: true, Keep: 64, Weather: weather})
	server := &http.Server{Handler: fake}
	go func() { _ = server.Serve(ln) }()
	defer server.Close()
	defer fake.Close()
	files := configs(ln.Addr().String())
	p, err := start(binary, files.base)
	if err != nil {
		return err
	}
	err = p.soak(ctx, files, length, fake)
	return errors.Join(err, p.stop())
}

func (p *program) soak(ctx context.Context, files configFiles, length time.Duration, fake *fakellm.Server) error {
	var tally tally
	first := min(warmUp, length/6)
	fmt.Printf("warming up for %v, then %v of %d clients, each with a lull of %v thereafter; freefall is process %d\n",
		first, length, workers, lull, p.PID)
	start, err := p.quiet(ctx, fresh)
	if err != nil {
		return err
	}
	if _, _, err := p.load(ctx, files, first, &tally); err != nil {
		return err
	}
	begin, err := p.quiet(ctx, lull)
	if err != nil {
		return err
	}
	reloads, peak, err := p.load(ctx, files, length, &tally)
	if err != nil {
		return err
	}
	end, err := p.quiet(ctx, lull)
	if err != nil {
		return err
	}
	if peak.rss, err = child.Memory(p.PID, "status", "VmHWM"); err != nil {
		return err
	}
	tally.print(os.Stdout)
	fmt.Printf("%-22s%8d\n\n", "configs taken", reloads)
	// The peak is as seen every now and then, with its garbage; of resident memory it is the true one.
	table(moment{"start", start}, moment{"begin", begin}, moment{"peak", peak}, moment{"end", end}, moment{"slack", slack})
	grown := grown(moment{"begin", begin}, moment{"end", end}, slack)
	if n := fake.State().Active; n > 0 {
		grown = append(grown, fmt.Sprintf("%d calls of the provider go on", n))
	}
	if reloads == 0 {
		grown = append(grown, "no changed config was taken")
	}
	grown = append(grown, tally.wrong()...)
	if strings.Contains(p.Words(), "failed inside freefall") {
		grown = append(grown, p.Words())
	}
	if len(grown) > 0 {
		return errors.New(strings.Join(grown, "\n"))
	}
	return nil
}

// load lets the clients ask and changes the config meanwhile. It ends with the config it began with, and gives the most that was
// seen to be held.
func (p *program) load(ctx context.Context, files configFiles, length time.Duration, t *tally) (reloads int, peak held, err error) {
	ctx, stop := context.WithTimeout(ctx, length)
	defer stop()
	var clients sync.WaitGroup
	for range workers {
		clients.Go(func() { newVisitor(p.Addr, t).run(ctx) })
	}
	reloads, peak, err = p.reload(ctx, files)
	stop()
	clients.Wait()
	return reloads, peak, err
}

// reload changes models.yaml again and again, every third time for the worse, and counts how many were taken.
func (p *program) reload(ctx context.Context, files configFiles) (taken int, peak held, err error) {
	const stamp = "freefall_config_last_reload_success_timestamp_seconds"
	last, err := p.metric(stamp)
	if err != nil {
		return 0, peak, err
	}
	tick := time.NewTicker(reloadEach)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return taken, peak, p.settleConfig(files.base)
		case <-p.Ended:
			return taken, peak, fmt.Errorf("freefall has ended: %s", p.Words())
		case <-tick.C:
		}
		if err := p.configure(files.next(n)); err != nil {
			return taken, peak, err
		}
		if n%2 == 0 {
			p.Signal(syscall.SIGHUP) // otherwise it has to see by itself
		}
		at, err := p.metric(stamp)
		if err != nil {
			return taken, peak, err
		}
		if at != last {
			taken, last = taken+1, at
		}
		now, _, err := p.look()
		if err != nil {
			return taken, peak, err
		}
		peak = most(peak, now)
	}
}

// settleConfig gives freefall its first config back and waits until it has taken it.
func (p *program) settleConfig(yaml string) error {
	if err := p.configure(yaml); err != nil {
		return err
	}
	p.Signal(syscall.SIGHUP)
	for end := time.Now().Add(child.StartBound); ; time.Sleep(100 * time.Millisecond) {
		ok, err := p.metric("freefall_config_last_reload_successful")
		if err != nil || ok == 1 {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("the config is not taken: %s", p.Words())
		}
	}
}

// configFiles are the texts of models.yaml that a soak takes turns with.
type configFiles struct {
	base   string
	others []string
}

func configs(provider string) configFiles {
	text := func(order string, ids ...string) string {
		var b strings.Builder
		fmt.Fprintf(&b, `log: {file: ""}
timeouts: {connect: 1s, first_token: 400ms, answer: 800ms, idle: 400ms, total: 5s}
breaker: {failures: 3, cooldown: 500ms, max_cooldown: 2s}
routing: {order: %s, stick: 1s}
providers: {p: {base_url: "http://%s/v1"}}
models:
`, order, provider)
		for _, id := range ids {
			fmt.Fprintf(&b, "  - {id: %s, supports_tools: true}\n", id)
		}
		return b.String()
	}
	turned := slices.Clone(ids)
	slices.Reverse(turned)
	return configFiles{base: text("last_good", ids...), others: []string{
		text("priority", turned...), text("last_good", ids[1:]...), "models: [{id: a, speed: high}]\n"}}
}

func (c configFiles) next(n int) string { return c.others[n%len(c.others)] }
