package main

import (
	"slices"
	"time"
)

// tally is what a day came to, as the world saw it.
type tally struct {
	calls    int
	won      int
	refusals map[string]int // by route and window
	known    waste          // at providers whose limits the configuration names in full
	unknown  waste          // where it does not
	spent    map[*window]time.Duration
	inVain   int                      // after a restart: calls to what was spent before
	trials   map[string]time.Duration // after a trouble: how long after its trial was due a route was asked
}

// waste is calls that a limit answered, beside those that were answered well.
type waste struct{ wasted, won int }

func (w waste) share() float64 { return float64(w.wasted) / float64(max(1, w.won)) }

func (t *tally) init() {
	t.refusals, t.trials = map[string]int{}, map[string]time.Duration{}
}

func (t *tally) sent(*call) { t.calls++ }

// wasteOf tells what was named from what was not: where the configuration names a provider's limits there may still be a host
// behind it, of which nobody tells.
func (t *tally) wasteOf(r *route, w *window) *waste {
	if r.stated && (w == nil && r.host == nil || w != nil && w != r.host) {
		return &t.known
	}
	return &t.unknown
}

func (t *tally) refused(d *dayRun, c *call, w *window) {
	t.refusals[c.route.String()+" "+w.name]++
	t.wasteOf(c.route, w).wasted++
	if until, ok := t.spent[w]; ok && d.now+c.route.skew < until {
		t.inVain++
	}
}

func (t *tally) success(c *call) {
	t.won++
	t.wasteOf(c.route, nil).won++
}

// restarted notes which windows are spent at this moment, and until when.
func (d *dayRun) restarted() {
	d.tally.spent = map[*window]time.Duration{}
	for _, r := range d.world.routes {
		for _, w := range r.windows {
			if local := d.now + r.skew; w.cycle != places && w != r.host && !w.fits(local, 1) {
				d.tally.spent[w] = w.opens(local, 1)
			}
		}
	}
}

// outcome is what the table shows of a day.
type outcome struct {
	requests, won, lost int
	missed, settled     int           // errors while a fitting route had room: at that moment, and for a second before
	spared              int           // errors of which one more could have been answered
	p99                 time.Duration // of the first content
	known, unknown, all float64
	inVain              int
	back                time.Duration // the latest trial after a trouble; -1 = there was none to wait for
}

func (d *dayRun) outcome() outcome {
	o := outcome{requests: len(d.jobs), back: -1, inVain: d.tally.inVain, known: d.tally.known.share(), unknown: d.tally.unknown.share()}
	o.all = waste{d.tally.known.wasted + d.tally.unknown.wasted, d.tally.won}.share()
	o.spared = d.spared()
	var contents []time.Duration
	for i := range d.jobs {
		j := &d.jobs[i]
		switch {
		case !j.over:
			panic("BUG: a request was forgotten")
		case j.won:
			o.won++
			contents = append(contents, j.content-j.at)
		default:
			o.lost++
			if len(j.missed) > 0 {
				o.missed++
			}
			if j.settled {
				o.settled++
			}
		}
	}
	for _, late := range d.tally.trials {
		o.back = max(o.back, late)
	}
	slices.Sort(contents)
	if n := len(contents); n > 0 {
		o.p99 = contents[n*99/100]
	}
	return o
}
