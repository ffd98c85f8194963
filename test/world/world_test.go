package main

import (
	"testing"
	"time"
)

// small is a scenario with little traffic, so that a day takes no time.
var small = scenario{name: "small", bursts: []time.Duration{9 * time.Hour, 15 * time.Hour}, troubles: []trouble{
	{provider: "nvidia", from: 12 * time.Hour, to: 13 * time.Hour, how: silent},
	{provider: "mistral", from: 9 * time.Hour, to: 10 * time.Hour, how: fails},
}}

// TestSameFortunes: a day is the same whenever it is lived through, and others have the same requests.
func TestSameFortunes(t *testing.T) {
	all := small.traffic(3, 3000)
	day := func() outcome {
		return live(newWorld(3, &small), all, func(d *dayRun) scheduler { return newNaive(d, time.Minute) }).outcome()
	}
	first := day()
	if again := day(); again != first {
		t.Errorf("the same day came to\n%+v\nthen to\n%+v", first, again)
	}
	if first.requests < 2500 || first.won == 0 {
		t.Errorf("nothing happens in this day: %+v", first)
	}
	if other := small.traffic(4, 3000); len(other) == len(all) && other[0] == all[0] {
		t.Error("the seed changes nothing")
	}
}

// TestNobodyBeatsTheBound, be there much or little room.
func TestNobodyBeatsTheBound(t *testing.T) {
	for _, n := range []float64{3000, 600_000} {
		all := hour(small.traffic(5, n), 11)
		all = all[:min(len(all), 3000)]
		b := newBound(newWorld(5, &small), all)
		for name, begin := range map[string]func(*dayRun) scheduler{
			"all-knowing": func(d *dayRun) scheduler { return newSeer(d, b, habits{maxWait, true}) },
			"freefall":    func(d *dayRun) scheduler { return newFreefall(d, &small, false) },
			"retry-next":  func(d *dayRun) scheduler { return newNaive(d, 0) },
		} {
			x := live(newWorld(5, &small), all, begin).outcome()
			if x.won > b.total || x.won+x.lost != len(all) {
				t.Errorf("%v requests: %s answered %d and lost %d, the bound is %d", len(all), name, x.won, x.lost, b.total)
			}
			if name == "all-knowing" && float64(x.won) < 0.6*float64(b.total) {
				t.Errorf("%v requests: the all-knowing answered %d, the bound is %d", len(all), x.won, b.total)
			}
		}
		if n > 50_000 && b.total == len(all) {
			t.Error("the bound bounds nothing")
		}
	}
}

// hour is the requests of one hour, as if there were no others.
func hour(all []request, nth int) (out []request) {
	for _, q := range all {
		if int(q.at/time.Hour) == nth {
			q.id = len(out)
			out = append(out, q)
		}
	}
	return out
}

// idle never asks anybody.
type idle struct{ d *dayRun }

func (i idle) arrive(j *job)        { i.d.at(j.at+time.Second, func() { i.d.lose(j, "idle") }) }
func (i idle) committed(*call)      {}
func (i idle) ended(*call, verdict) {}

// TestWhoDoesNothingIsSeen: all errors are ones while there was room.
func TestWhoDoesNothingIsSeen(t *testing.T) {
	all := small.traffic(6, 2000)
	x := live(newWorld(6, &small), all, func(d *dayRun) scheduler { return idle{d} }).outcome()
	if x.won != 0 || x.settled != len(all) || x.missed != len(all) || x.spared < len(all)*98/100 { // of a burst not all have room at one moment
		t.Errorf("%+v", x)
	}
	if got := x.misses(len(all)); len(got) != 2 {
		t.Errorf("misses: %q", got)
	}
}

// TestRefusalsAreCounted: the one who retries at once wastes calls, and is told so.
func TestRefusalsAreCounted(t *testing.T) {
	all := hour(small.traffic(7, 100_000), 14)
	d := live(newWorld(7, &small), all, func(d *dayRun) scheduler { return newNaive(d, 0) })
	wasted := 0
	for i := range d.jobs {
		for _, c := range d.jobs[i].calls {
			if c.verdict.result == limited {
				wasted++
			}
		}
	}
	if got := d.tally.known.wasted + d.tally.unknown.wasted; got != wasted || wasted < len(all) {
		t.Errorf("%d calls were refused, the tally says %d", wasted, got)
	}
}

// TestStorm: 200 at once against 5 a minute.
func TestStorm(t *testing.T) {
	if n := storms(1); n != stormRuns {
		t.Errorf("exactly 5 calls in %d of %d runs", n, stormRuns)
	}
}
