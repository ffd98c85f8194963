package main

import (
	"time"
)

const (
	maxWait    = 15 * time.Second
	firstToken = 20 * time.Second // sending to the first content
)

// scheduler decides where requests go. It is called by one day, at one moment after the other.
type scheduler interface {
	arrive(j *job)
	committed(c *call)
	ended(c *call, v verdict) // not called for calls of requests that are over
}

// job is what becomes of one request under one scheduler.
type job struct {
	*request
	calls   []*call
	over    bool
	won     bool
	content time.Duration // when the first content came
	lost    time.Duration
	why     string
	missed  []*route // that had room when it was lost
	settled bool     // one of them had had it for a while
	rooms   []room   // what such had left then
	spared  bool     // see spared
	notes   []note

	own any // the scheduler's
}

// call is one call of one request to one route.
type call struct {
	job      *job
	route    *route
	sent     time.Duration
	begun    bool // content has come
	done     bool
	receipts []int // of the route's windows, when it was drawn
	drawn    []*window
	verdict  verdict
	own      any // the scheduler's
}

// result is what a call came to.
type result uint8

const (
	answered result = iota
	limited         // refused for a limit
	tooLarge        // refused since the limit is smaller than the request
	failed          // 500
	gone            // 404: the model is not served any more
	timeout         // nothing came
)

var resultNames = [...]string{"ok", "limited", "too large", "failed", "gone", "timeout"}

// verdict is what an answer says.
type verdict struct {
	result result
	by     *window       // limited, tooLarge: which window
	wait   time.Duration // what the answer says about it
	said   bool
	counts []count
	letter *letter // of a provider that freefall does not know: what it wrote
}

// count is what an answer says of one of the provider's windows.
type count struct {
	w                *window
	limit, remaining int64
	reset            time.Duration
	account          bool // of the account, not of the model
}

// dayRun is a day of one scheduler.
type dayRun struct {
	now   time.Duration
	queue events
	seq   int
	world *world
	sched scheduler
	jobs  []job
	tally tally
}

type event struct {
	at  time.Duration
	seq int
	do  func()
}

// events is a heap.
type events []event

func (h events) less(i, k int) bool {
	return h[i].at < h[k].at || h[i].at == h[k].at && h[i].seq < h[k].seq
}

func (h *events) push(e event) {
	*h = append(*h, e)
	s := *h
	for i := len(s) - 1; i > 0; {
		up := (i - 1) / 2
		if !s.less(i, up) {
			break
		}
		s[i], s[up] = s[up], s[i]
		i = up
	}
}

func (h *events) pop() event {
	s := *h
	top, last := s[0], len(s)-1
	s[0] = s[last]
	s[last] = event{}
	s = s[:last]
	for i := 0; ; {
		least := i
		for _, k := range [...]int{2*i + 1, 2*i + 2} {
			if k < last && s.less(k, least) {
				least = k
			}
		}
		if least == i {
			break
		}
		s[i], s[least] = s[least], s[i]
		i = least
	}
	*h = s
	return top
}

// at does something later.
func (d *dayRun) at(t time.Duration, do func()) {
	d.seq++
	d.queue.push(event{max(t, d.now), d.seq, do})
}

// live lets a scheduler live through the day.
func live(w *world, arrivals []request, begin func(*dayRun) scheduler) *dayRun {
	d := &dayRun{world: w, jobs: make([]job, len(arrivals))}
	d.tally.init()
	d.sched = begin(d)
	next := 0
	for next < len(arrivals) || len(d.queue) > 0 {
		if next < len(arrivals) && (len(d.queue) == 0 || arrivals[next].at <= d.queue[0].at) {
			d.now = arrivals[next].at
			j := &d.jobs[next]
			j.request = &arrivals[next]
			next++
			d.sched.arrive(j)
			continue
		}
		e := d.queue.pop()
		d.now = e.at
		e.do()
	}
	return d
}

// send makes a call.
func (d *dayRun) send(j *job, r *route) *call {
	c := &call{job: j, route: r, sent: d.now}
	j.calls = append(j.calls, c)
	d.tally.sent(c)
	for _, w := range r.windows {
		w.coming++
		w.comingTokens += r.expects(j.request)
	}
	d.at(d.now+d.world.travel(j.request, r, 0), func() { d.reach(c) })
	d.at(d.now+firstToken, func() {
		if !c.begun && !c.done {
			d.leave(c)
			d.end(c, verdict{result: timeout})
		}
	})
	return c
}

// reach is the moment when a call is at its provider.
func (d *dayRun) reach(c *call) {
	r, q := c.route, c.job.request
	for _, w := range r.windows {
		w.coming--
		w.comingTokens -= r.expects(q)
	}
	back := d.world.travel(q, r, 1)
	local := d.now + r.skew
	trouble := d.world.trouble(r, d.now)
	if trouble != nil && trouble.how == silent {
		return
	}
	if trouble != nil && trouble.how == fails {
		d.answer(c, 20*time.Millisecond+back, verdict{result: failed})
		return
	}
	if trouble != nil && trouble.how == vanished {
		d.answer(c, 20*time.Millisecond+back, verdict{result: gone})
		return
	}
	if w := r.grants(q); w != nil {
		d.answer(c, 20*time.Millisecond+back, verdict{result: tooLarge, by: w})
		return
	}
	for _, w := range r.windows {
		if w.fits(local, r.expects(q)) {
			continue
		}
		if w == r.host { // who is refused behind the door has passed it
			c.draw(local, r.account.windows)
		}
		if m := r.manner; m != nil && m.strict {
			r.charge(local)
		}
		d.tally.refused(d, c, w)
		d.answer(c, 20*time.Millisecond+back, d.refusal(c, w, local))
		return
	}
	c.draw(local, r.windows)
	first, whole := d.world.pace(q, r)
	switch {
	case trouble != nil && trouble.how == hangs:
		return
	case trouble != nil && trouble.how == degraded && fortune(d.world.seed, 25, q.id, r.nth) < 0.5, d.world.unlucky(q, r):
		d.at(d.now+first, func() { d.fail(c) })
		d.answer(c, first+back, verdict{result: failed})
		return
	}
	d.at(d.now+first+back, func() {
		if !c.done {
			d.begin(c)
		}
	})
	d.at(d.now+whole, func() {
		if !c.done {
			d.settle(c, q.tokens())
		}
	})
	d.answer(c, whole+back, verdict{result: answered})
}

// draw takes what the call draws from these windows.
func (c *call) draw(local time.Duration, windows []*window) {
	for _, w := range windows {
		c.drawn = append(c.drawn, w)
		c.receipts = append(c.receipts, w.draw(local, c.route.expects(c.job.request)))
		w.mark(local, w.left(local), c)
	}
}

// charge counts a request that was refused.
func (r *route) charge(local time.Duration) {
	for _, w := range r.windows {
		if !w.tokens && w.cycle != places && w.cycle != bucket {
			w.draw(local, 1)
		}
	}
}

// fail ends what a call drew that failed after it was taken on.
func (d *dayRun) fail(c *call) {
	if m := c.route.manner; m != nil && m.mild {
		local := d.now + c.route.skew
		for i, w := range c.drawn {
			w.giveBack(local, c.receipts[i], c.route.expects(c.job.request))
		}
		c.drawn = nil
		return
	}
	d.settle(c, c.job.in)
}

// settle ends what the call drew.
func (d *dayRun) settle(c *call, used int64) {
	local := d.now + c.route.skew
	for i, w := range c.drawn {
		w.settle(local, c.receipts[i], c.route.expects(c.job.request), used)
	}
	c.drawn = nil
}

func (d *dayRun) begin(c *call) {
	c.begun = true
	if c.job.content == 0 {
		c.job.content = d.now
	}
	if c.route.manner != nil {
		c.verdict.letter = d.letter(c, nil, 0)
	}
	c.verdict.counts = d.counts(c)
	d.sched.committed(c)
}

// leave tells the provider that nobody waits for this call any more.
func (d *dayRun) leave(c *call) {
	d.at(d.now+d.world.travel(c.job.request, c.route, 0), func() { d.settle(c, c.job.in) })
}

func (d *dayRun) answer(c *call, after time.Duration, v verdict) {
	d.at(d.now+after, func() {
		if !c.done {
			if v.result == limited || v.result == tooLarge {
				v.counts = append(v.counts, d.counts(c)...)
			}
			d.end(c, v)
		}
	})
}

func (d *dayRun) end(c *call, v verdict) {
	c.done, c.verdict = true, v
	if v.result == answered {
		c.job.over, c.job.won = true, true
		d.tally.success(c)
	}
	if v.result == limited || v.result == tooLarge {
		d.settle(c, 0)
	}
	d.sched.ended(c, v)
}

// lose gives up on a request: its client sees an error.
func (d *dayRun) lose(j *job, why string) {
	if j.over {
		panic("BUG: a request is over twice")
	}
	j.over, j.lost, j.why = true, d.now, why
	for _, r := range d.world.routes {
		if !d.had(r, j) {
			continue
		}
		j.missed = append(j.missed, r)
		if r.hadRoom(d.now, j.request) {
			j.settled = true
			j.look(d, r)
		}
	}
}

// had says whether the route could have been asked for the request at this moment, by the world's own counters: it serves such
// requests, works, has not failed this one, and has room in every window beside all that is on its way.
func (d *dayRun) had(r *route, j *job) bool {
	return r.serves(j.request) && d.world.trouble(r, d.now) == nil && !d.world.unlucky(j.request, r) && !j.failedAt(r) && r.shut(d.now, j.request) == nil
}

// knowable is how long room has been there when everybody may know: the way there and back, clocks that differ, and the care that
// both command at the edge of a window.
const knowable = time.Second

func (r *route) hadRoom(now time.Duration, q *request) bool {
	for _, w := range r.windows {
		if !w.hasFitted(now+r.skew, r.expects(q), knowable) {
			return false
		}
	}
	return true
}

func (r *route) room(now time.Duration, q *request) bool { return r.shut(now, q) == nil }

// shut gives the window that keeps a request out, nil if none does.
func (r *route) shut(now time.Duration, q *request) *window {
	for _, w := range r.windows {
		if !w.fitsBeside(now+r.skew, r.expects(q)) {
			return w
		}
	}
	return nil
}

// failedAt says whether the request was answered with a fault there: no route is asked twice.
func (j *job) failedAt(r *route) bool {
	for _, c := range j.calls {
		if c.route == r && (c.verdict.result == failed || c.verdict.result == timeout) {
			return true
		}
	}
	return false
}
