package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"freefall/internal/fakellm"
)

const (
	chaosRequests = 2000
	chaosAtOnce   = 32
	chaosRest     = time.Second // what scripted limits state
	chaosShapes   = 16          // rows of the histogram
	chaosStories  = 10          // failures that are told
)

// chaos sends mixed requests over a time while models fail at random, and holds freefall to three numbers: errors that a
// client saw although somebody could answer, calls wasted on limits that were known, and cents.
func (d *drill) chaos(ctx context.Context, over time.Duration) error {
	fmt.Fprintf(d.out, "freefall drill: %d mixed requests to %s in %v; %s fails at random\n\n", d.total, d.url, over, d.control.URL)
	w, err := d.newWeather(ctx, over)
	if err != nil {
		return err
	}
	// The weather ends with the requests, the requests with the weather: a failure of either ends both.
	storming, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var blowing sync.WaitGroup
	blowing.Go(func() { stop(w.blow(storming)) })
	all := w.flood(storming, over)
	stop(context.Canceled) // all is sent; unless something ended it before
	blowing.Wait()
	if cause := context.Cause(storming); ctx.Err() != nil || !errors.Is(cause, context.Canceled) {
		return cause
	}
	state, err := d.control.State()
	if err != nil {
		return err
	}
	return d.sum(ctx, all, state.Paid)
}

// flood sends the requests at an even pace, never more than chaosAtOnce at a time.
func (w *weather) flood(ctx context.Context, over time.Duration) []heard {
	var mu sync.Mutex
	var all []heard
	var bad int
	var sent sync.WaitGroup
	defer sent.Wait()
	slots := make(chan struct{}, chaosAtOnce)
	began := time.Now()
	for i := range w.total {
		due := time.NewTimer(time.Until(began.Add(over * time.Duration(i) / time.Duration(w.total))))
		select {
		case <-ctx.Done():
			due.Stop()
			return nil
		case <-due.C:
		}
		slots <- struct{}{}
		sent.Go(func() {
			h := w.ask(ctx, forms[i%len(forms)], w.wish())
			<-slots
			mu.Lock()
			defer mu.Unlock()
			all = append(all, h)
			if !h.answered() {
				bad++
			}
			w.tell("%d of %d requests, %d errors", len(all), w.total, bad)
		})
	}
	sent.Wait()
	w.tell("")
	return all
}

// tell overwrites the line of progress, if somebody watches.
func (d *drill) tell(format string, args ...any) {
	if d.progress != nil {
		fmt.Fprintf(d.progress, "\r\x1b[K"+format, args...)
	}
}

// sum prints what became of all requests.
func (d *drill) sum(ctx context.Context, all []heard, paid int) error {
	var stories []string
	calls := 0
	shapes := map[string]int{}
	for i := range all {
		h := &all[i]
		calls += h.calls
		shape := h.classes()
		if wrong := h.wrong(); wrong != "" {
			stories = append(stories, fmt.Sprintf("error: %s, status %d: %s\n    trail %q, request %s", h.form.name, h.status, wrong, h.trail(), h.id))
			shape = strings.TrimPrefix(shape+" > error", " > ")
		}
		shapes[shape]++
	}
	failed := len(stories)
	known := wasted(all, chaosRest, func(h *heard, nth int) time.Time { return d.latest(ctx, h, nth) })
	stories = append(stories, known...)
	took := durations(all)
	fmt.Fprintf(d.out, "%d requests, %d upstream calls; half were answered within %v, 99 of 100 within %v\n\n",
		len(all), calls, took[len(took)/2].Round(time.Millisecond), took[len(took)*99/100].Round(time.Millisecond))
	d.histogram(shapes, len(all))
	for _, story := range stories[:min(len(stories), chaosStories)] {
		fmt.Fprintln(d.out, "\n"+story)
	}
	fmt.Fprintf(d.out, "\n%d errors, %d wasted, %s\n", failed, len(known), cents(paid))
	if len(stories) == 0 && paid == 0 {
		return nil
	}
	return exitError{1, errors.New("the chaos came through: freefall's log tells more of each request id")}
}

// cents is what the requests cost.
func cents(paid int) string {
	if paid == 0 {
		return "0 cents"
	}
	return fmt.Sprintf("%d calls that cost money", paid)
}

func durations(all []heard) []time.Duration {
	list := make([]time.Duration, len(all))
	for i := range all {
		list[i] = all[i].ended.Sub(all[i].began)
	}
	slices.Sort(list)
	return list
}

// histogram shows the shapes of trails, the most frequent first.
func (d *drill) histogram(shapes map[string]int, total int) {
	names := slices.SortedFunc(maps.Keys(shapes), func(a, b string) int {
		return cmp.Or(shapes[b]-shapes[a], strings.Compare(a, b))
	})
	rest := 0
	if len(names) > chaosShapes {
		for _, name := range names[chaosShapes:] {
			rest += shapes[name]
		}
		names = names[:chaosShapes]
	}
	fmt.Fprintf(d.out, "%8s  %s\n", "REQUESTS", "TRAIL")
	for _, name := range names {
		n := shapes[name]
		fmt.Fprintf(d.out, "%8d  %-58s %s\n", n, name, strings.Repeat("#", (n*40+total-1)/total))
	}
	if rest > 0 {
		fmt.Fprintf(d.out, "%8d  %s\n", rest, "of other shapes")
	}
}

// weather scripts the simulated provider anew in each spell. One model with tools is the guard and never fails, so that
// somebody can answer each request; its heir is calm for a while before it takes over.
type weather struct {
	*drill
	spell  time.Duration
	models []string // all that freefall has
	able   []string // those with tools

	guard, heir string
	since       time.Time // the heir is calm
}

const (
	calm     = 250 * time.Millisecond // what an heir's last failures take to be known
	patience = 2 * time.Second        // an heir that rests for longer is no good
)

func (d *drill) newWeather(ctx context.Context, over time.Duration) (*weather, error) {
	guard, err := d.first(ctx, toolsForm)
	if err != nil {
		return nil, err
	}
	w := &weather{drill: d, spell: min(max(over/200, 50*time.Millisecond), 500*time.Millisecond), guard: guard}
	state, err := d.state(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range state.Models {
		if !m.Available && m.AvailableAt.IsZero() {
			continue // off for good: nobody asks it
		}
		w.models = append(w.models, m.ID)
		if m.Tools {
			w.able = append(w.able, m.ID)
		}
	}
	w.newHeir()
	return w, nil
}

// newHeir chooses one of the able but the guard.
func (w *weather) newHeir() {
	others := slices.DeleteFunc(slices.Clone(w.able), func(id string) bool { return id == w.guard })
	w.heir, w.since = others[rand.IntN(len(others))], time.Now()
}

// blow changes the weather until the context ends.
func (w *weather) blow(ctx context.Context) error {
	for {
		if err := w.change(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(w.spell):
		}
	}
}

// change hands the guard over when its heir is well, and lets all others fail as chance wants.
func (w *weather) change(ctx context.Context) error {
	state, err := w.state(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	well, failures := false, map[string]int{}
	for _, m := range state.Models {
		failures[m.ID] = m.FailureCount
		well = well || m.ID == w.heir && m.Available && m.Reason == "" && m.FailureCount < 2
	}
	switch age := time.Since(w.since); {
	case well && age >= calm:
		w.guard = w.heir
		w.newHeir()
	case age > patience:
		w.newHeir()
	}
	for i, model := range w.models {
		var steps []fakellm.Step // none: it is well
		if model != w.guard && model != w.heir && strikes(failures[model]) {
			steps = storm(i == 0)
		}
		if err := w.control.Script(model, steps...); err != nil {
			return err
		}
	}
	return nil
}

// strikes says whether a model fails in this spell. One that has just failed is mostly spared: closed, it would be asked no
// more and test nothing.
func strikes(failures int) bool {
	if failures > 0 {
		return rand.IntN(8) == 0
	}
	return rand.IntN(2) == 0
}

// wish is whom a request asks for: half of them leave the choice to freefall, the others name a model.
func (w *weather) wish() string {
	if rand.IntN(2) == 0 {
		return "auto"
	}
	return w.models[rand.IntN(len(w.models))]
}

// storms are the failures that chance chooses from. None of them shows in an answer that the client has begun to see.
var storms = []fakellm.Step{fakellm.Fault(500), fakellm.Fault(502), fakellm.Fault(503), fakellm.Fault(524), fakellm.Fault(529),
	faultIn(503, "1"), body200(errorBody), body200(brokenBody), fakellm.HTML(), fakellm.Gzip(), fakellm.Redirect(elsewhere),
	fakellm.FromSample("or-403-moderation"), fakellm.ErrorAt(1), fakellm.Cut(0, fakellm.Close), fakellm.Cut(1, fakellm.Reset),
	fakellm.Cut(0, fakellm.Garble), fakellm.Cut(1, fakellm.End), fakellm.Slow(0, 200*time.Millisecond, 0)}

// storm is what a model does in a spell of bad weather: mostly it fails once or twice and is well again, so that it is soon
// asked again and can surprise again; at times it fails throughout, which closes it. Two empty completions in a row are an
// answer by design, so one model alone is ever empty.
func storm(mayBeEmpty bool) []fakellm.Step {
	step := storms[rand.IntN(len(storms))]
	switch n := rand.IntN(20); {
	case n < 2:
		return always(chaosLimit())
	case n == 2:
		return always(step)
	case n < 6 && mayBeEmpty:
		step = fakellm.Empty()
	}
	return []fakellm.Step{step.Repeat(1 + rand.IntN(2))}
}

// chaosLimit refuses in the words of a model's host, with a wait that is the same for all.
func chaosLimit() fakellm.Step {
	s, ok := fakellm.SampleByID("or-429-upstream")
	if !ok {
		panic("BUG: there is no sample of a limit")
	}
	s.Headers["retry-after"] = fmt.Sprint(int(chaosRest.Seconds()))
	return fakellm.Raw(http.StatusTooManyRequests, s.Headers, s.Body)
}
