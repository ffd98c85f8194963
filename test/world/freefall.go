package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"freefall/fallback"
)

// freefall is the real decision core, driven as the proxy drives it.
type freefall struct {
	day     *dayRun
	pool    *fallback.Pool
	config  fallback.Config
	routes  map[*fallback.Model][]*route // by key
	alarm   int                          // of the pool's alarms the last one counts
	free    []*fallback.Walk
	due     map[*route]*trial // after a trouble: routes that have to be tried
	verbose bool
}

// trial is the first call of a route after a trouble.
type trial struct {
	due    time.Duration // from when on freefall itself would try
	chance time.Duration // the first request that could have been the trial
}

// ride is one request's own part.
type ride struct {
	pool    *fallback.Pool // the one it began with: it ends there after a restart
	walk    *fallback.Walk
	waiting bool
}

func newFreefall(d *dayRun, s *scenario, verbose bool) *freefall {
	f := &freefall{day: d, routes: map[*fallback.Model][]*route{}, due: map[*route]*trial{}, verbose: verbose}
	chance := rand.New(rand.NewPCG(d.world.seed, 31))
	f.config = fallback.Config{Order: fallback.Adaptive, MaxWaiting: 200, Chance: chance.Float64}
	for _, p := range d.world.providers {
		for _, m := range p.models {
			f.config.Models = append(f.config.Models, configured(d.world, m))
		}
	}
	f.start(fallback.New(f.config))
	if s.restart > 0 {
		d.at(s.restart, f.restart)
	}
	for i := range s.troubles {
		d.at(s.troubles[i].to, func() { f.over(&s.troubles[i]) })
	}
	return f
}

// configured is a model as a user's models.yaml would have it.
func configured(w *world, m *model) fallback.Model {
	out := fallback.Model{Provider: m.provider.name, ID: m.id, Name: m.id, Tools: m.tools, Context: m.context, Proof: fallback.ProvenPlan, Reserves: m.reserves}
	if m.host != nil {
		out.Counting = fallback.CountsUpstream
	}
	var routes []*route
	for _, r := range w.routes {
		if r.model != m {
			continue
		}
		routes = append(routes, r)
		key := fallback.Key{Account: r.account.name}
		if m.stated || m.manner != nil {
			key.Limits, out.Limits = m.limits(r.account.windows), m.limits(r.own)
		}
		out.Keys = append(out.Keys, key)
	}
	out.Via = routes
	return out
}

// limits are windows as the dialects say them, and of providers without a dialect as an operator can write them.
func (m *model) limits(windows []*window) (out []fallback.Window) {
	for _, w := range windows {
		if w.hidden {
			continue
		}
		x := fallback.Window{Limit: w.limit, Per: w.per}
		if w.tokens {
			x.Unit = fallback.Tokens
		}
		switch {
		case w.cycle == bucket && m.manner != nil && !m.manner.fills: // nobody can write that
		case w.cycle == bucket:
			x.Cycle = fallback.Bucket
		case w.cycle == places:
			x.Unit = fallback.Running
		case w.cycle == turning && w.per == day:
			x.Cycle, x.At = fallback.Daily, w.phase
		case w.cycle == turning:
			x.Cycle = fallback.Fixed
		}
		if m.manner != nil {
			x.Limit, x.Firm = w.limitAt(0), true
		}
		out = append(out, x)
	}
	return out
}

func (f *freefall) time() time.Time { return begins.Add(f.day.now) }

func (f *freefall) start(p *fallback.Pool) {
	f.pool = p
	p.SetAlarm(func(at time.Time) {
		f.alarm++
		mine := f.alarm
		f.day.at(at.Sub(begins), func() {
			if mine == f.alarm {
				f.pool.Dispatch(f.time())
			}
		})
	})
}

func (f *freefall) arrive(j *job) {
	if len(f.free) == 0 {
		f.free = append(f.free, &fallback.Walk{})
	}
	last := len(f.free) - 1
	d := &ride{pool: f.pool, walk: f.free[last]}
	f.free = f.free[:last]
	d.walk.Need = fallback.Need{Tools: j.kind == tools, Tokens: j.estimated, MaxOutput: int(j.maxOut), Stream: true}
	d.walk.Ask = fallback.Ask{MaxWait: maxWait, Client: fmt.Sprintf("client-%d", j.client)}
	j.own = d
	f.next(j)
}

// next asks the pool for the next attempt, then for a place in the queue.
func (f *freefall) next(j *job) {
	f.chances(j)
	d := j.own.(*ride)
	if a, ok := d.pool.Pick(f.time(), d.walk); ok {
		f.send(j, a)
		return
	}
	d.waiting = true
	until := f.day.now + maxWait
	if !d.pool.Wait(f.time(), d.walk, begins.Add(until), func() { f.wake(j) }) {
		d.waiting = false
		d.walk.Ask.MaxWait = 0
		if a, ok := d.pool.Pick(f.time(), d.walk); ok {
			f.send(j, a)
			return
		}
		f.lose(j, "no use in waiting")
		return
	}
	f.day.at(until, func() {
		if d.waiting && j.own == d {
			f.turn(j, "waited in vain")
		}
	})
}

// wake is called with the pool locked.
func (f *freefall) wake(j *job) {
	d := j.own.(*ride)
	f.day.at(f.day.now, func() {
		if d.waiting && j.own == d {
			f.turn(j, "gave its place to another")
		}
	})
}

func (f *freefall) turn(j *job, why string) {
	d := j.own.(*ride)
	d.waiting = false
	if a, ok := d.pool.Turn(f.time(), d.walk); ok {
		f.send(j, a)
		return
	}
	f.lose(j, why)
}

func (f *freefall) send(j *job, a *fallback.Attempt) {
	routes := a.Model.Via.([]*route)
	r := routes[a.Key]
	if t, ok := f.due[routes[0]]; ok && f.day.now >= t.due {
		f.day.tally.trials[routes[0].String()] = f.day.now - cmp.Or(t.chance, f.day.now)
		delete(f.due, routes[0])
	}
	f.day.send(j, r).own = a
}

func (f *freefall) committed(c *call) {
	a := c.own.(*fallback.Attempt)
	f.hear(c)
	a.Committed(f.time())
}

func (f *freefall) ended(c *call, v verdict) {
	a := c.own.(*fallback.Attempt)
	o := judge(c, v)
	if v.result != answered {
		if said := f.hear(c); said != nil {
			o = *said
		}
	}
	a.End(f.time(), o)
	if v.result != answered {
		f.next(c.job)
		return
	}
	f.release(c.job)
}

func (f *freefall) release(j *job) {
	d := j.own.(*ride)
	j.own = nil
	d.walk.Reset()
	f.free = append(f.free, d.walk)
}

// lose notes what each candidate said at the moment of the error.
func (f *freefall) lose(j *job, why string) {
	f.day.lose(j, why)
	if f.verbose {
		f.note(j)
	}
	f.release(j)
}

// note is what was said of one route when a request was lost.
type note struct {
	route *route
	says  string        // freefall: why it was not asked; "open"
	ready time.Duration // how long until it would be, 0 = no word
	truth string        // the world: what keeps the request out, "room" if nothing does
	asked string
}

func (f *freefall) note(j *job) {
	d := j.own.(*ride)
	now := f.time()
	for _, c := range d.pool.Exhausted(now, d.walk).Candidates {
		if c.Unfit && c.Skip != "context_length" {
			continue
		}
		for _, r := range c.Model.Via.([]*route) {
			n := note{route: r, says: cmp.Or(c.Skip, "open"), truth: "room"}
			if !c.Ready.IsZero() {
				n.ready = c.Ready.Sub(now)
			}
			if t := f.day.world.trouble(r, f.day.now); t != nil {
				n.truth = "in trouble"
			} else if !r.serves(j.request) {
				n.truth = "too small"
			} else if w := r.shut(f.day.now, j.request); w != nil {
				n.truth = "full: " + w.String()
			}
			for _, call := range j.calls {
				if call.route == r {
					n.asked += fmt.Sprintf("; asked %v ago: %s", (f.day.now - call.sent).Truncate(time.Millisecond), resultNames[call.verdict.result])
				}
			}
			j.notes = append(j.notes, n)
		}
	}
}

// restart is what a restart does: the state goes through JSON into a new pool; what is under way ends in the old one; those
// that wait begin anew.
func (f *freefall) restart() {
	f.day.restarted()
	saved, err := json.Marshal(f.pool.Save(f.time()))
	if err != nil {
		panic(err)
	}
	var state fallback.Saved
	if err := json.Unmarshal(saved, &state); err != nil {
		panic(err)
	}
	p := fallback.New(f.config)
	p.Restore(state)
	old := f.pool
	f.start(p)
	for i := range f.day.jobs {
		j := &f.day.jobs[i]
		d, ok := j.own.(*ride)
		if !ok || !d.waiting || d.pool != old {
			continue
		}
		d.waiting = false
		if a, ok := old.Turn(f.time(), d.walk); ok {
			f.send(j, a)
			continue
		}
		d.walk.Reset()
		f.free = append(f.free, d.walk)
		f.arrive(j)
	}
}

// over asks, when a trouble has ended, when the trial of each of its routes may begin.
func (f *freefall) over(t *trouble) {
	for _, s := range f.pool.Snapshot(f.time()) {
		if s.Model.Provider == t.provider && (t.model == "" || s.Model.ID == t.model) && tripped[s.Reason] {
			f.await(s.Model.Via.([]*route)[0]) // the trial is the model's, whatever the key
		}
	}
}

// closed says whether a route's model waits for the end of its cooldown.
func (f *freefall) closed(r *route) bool {
	for _, s := range f.pool.Snapshot(f.time()) {
		if slices.Contains(s.Model.Via.([]*route), r) {
			return !s.Available && tripped[s.Reason]
		}
	}
	return false
}

// await notes when a route may be tried. If a trial is under way it began in the trouble: what comes of it says when the next is due.
func (f *freefall) await(r *route) {
	for _, s := range f.pool.Snapshot(f.time()) {
		switch {
		case s.Model.Via.([]*route)[0] != r:
		case !s.Available && s.Reason == "trial":
			f.day.at(f.day.now+time.Second, func() { f.await(r) })
		case s.Reason != "":
			due := f.day.now
			if !s.AvailableAt.IsZero() {
				due = max(due, s.AvailableAt.Sub(begins))
			}
			f.due[r] = &trial{due: due}
			f.day.tally.trials[r.String()] = never
		}
	}
}

// tripped are the reasons of a model that failed.
var tripped = map[string]bool{"trial": true, "failures": true, "upstream_fault": true, "timeout": true, "overloaded": true}

// chances notes, for the routes that have to be tried, the first request that could do it.
func (f *freefall) chances(j *job) {
	for r, t := range f.due {
		if t.chance == 0 && f.day.now >= t.due && f.day.had(r, j) {
			t.chance = f.day.now
		}
	}
}
