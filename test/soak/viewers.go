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
	lookedAt   = 40                     // models, of which the first is at its limit again and again
	askers     = 64                     // connections that the requests go over
	begins     = 6 * time.Second        // until the ring of the journal is full
	settled    = 5 * time.Second        // of looks at the memory
	patientFor = 100 * time.Second      // until kept connections and idle workers have gone
	tooLate    = 200 * time.Millisecond // a machine whose timers are so late has no time for all requests
)

// view lets many look at the events while others ask so often. It compares what freefall holds when they have gone with what it held
// after a short while of the same, and likewise what it holds while they are there; and when connections have ended, too, with what
// it held before anybody came.
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
	var warm, tally tally
	fmt.Printf("%d onlookers and %d requests a second for %v; freefall is process %d\n", viewers, rate, length, p.PID)
	before, err := p.moment(ctx, "before", settled)
	if err != nil {
		return err
	}
	if _, err := p.visited(ctx, viewers, rate, 0, &warm); err != nil {
		return err
	}
	begin, err := p.moment(ctx, "begin", settled)
	if err != nil {
		return err
	}
	lag := lateness(ctx)
	v, err := p.visited(ctx, viewers, rate, length, &tally)
	if err != nil {
		return err
	}
	late := lag()
	end, err := p.moment(ctx, "end", settled)
	if err != nil {
		return err
	}
	after, err := p.emptied(ctx, before)
	if err != nil {
		return err
	}
	tally.print(os.Stdout)
	fmt.Println()
	table(before, begin, v.early, v.late, end, after)
	wrong := grown(before, after, held{series: unbounded, state: unbounded, heap: unbounded, used: unbounded, rss: unbounded})
	loose := held{goroutines: unbounded, files: unbounded, running: unbounded, state: slack.state, heap: slack.heap, used: unbounded, rss: unbounded}
	wrong = append(wrong, grown(begin, end, loose)...)
	loose.heap += v.crowd.unread()
	wrong = append(wrong, grown(v.early, v.late, loose)...)
	wrong = append(wrong, v.crowd.report(late)...)
	if float64(v.asked) < 0.8*float64(rate)*length.Seconds() {
		few := fmt.Sprintf("only %d requests in %v", v.asked, length)
		if late < tooLate {
			wrong = append(wrong, few)
		}
		fmt.Println(few)
	}
	if n := tally.of("no model left"); n > 0 {
		wrong = append(wrong, fmt.Sprintf("%d requests were not answered", n))
	}
	wrong = append(wrong, warm.wrong()...)
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

// visit is a time with many onlookers and requests.
type visit struct {
	crowd       *crowd
	early, late moment // what was held when all had begun, and at the end of it
	asked       int
}

// visited lets all come, stay for so long or at least until they are told much, and leave.
func (p *program) visited(ctx context.Context, viewers, rate int, length time.Duration, t *tally) (v visit, err error) {
	last := time.Now().Add(length - settled)
	v.crowd = gather(ctx, p.Addr, viewers, t)
	asking := p.ask(ctx, rate, t)
	defer func() {
		v.asked = asking()
		v.crowd.leave()
	}()
	if err = p.pause(ctx, begins); err != nil || length == 0 {
		return v, err
	}
	if v.early, err = p.moment(ctx, "early", settled); err != nil {
		return v, err
	}
	if err = p.pause(ctx, time.Until(last)); err != nil {
		return v, err
	}
	v.late, err = p.moment(ctx, "late", settled)
	return v, err
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
