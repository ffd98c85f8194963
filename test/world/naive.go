package main

import "time"

// naive is what most people write first: the routes in their order, the next one after any failure, an error when all have
// failed. After a 429 a route rests for a while, or not at all.
type naive struct {
	day    *dayRun
	pause  time.Duration
	rested map[*route]time.Duration
}

func newNaive(d *dayRun, pause time.Duration) *naive {
	return &naive{day: d, pause: pause, rested: map[*route]time.Duration{}}
}

func (n *naive) arrive(j *job) {
	j.own = 0
	n.next(j)
}

// next asks the first route that was not asked yet for this request and does not rest.
func (n *naive) next(j *job) {
	routes := n.day.world.routes
	for i := j.own.(int); i < len(routes); i++ {
		r := routes[i]
		// it knows what a model can do, and what fits its context
		if j.kind == tools && !r.tools || j.in > int64(r.context) || n.rested[r] > n.day.now {
			continue
		}
		j.own = i + 1
		n.day.send(j, r)
		return
	}
	n.day.lose(j, "all have failed or rest")
}

func (n *naive) committed(*call) {}

func (n *naive) ended(c *call, v verdict) {
	if v.result == limited {
		n.rested[c.route] = n.day.now + n.pause
	}
	if v.result != answered {
		n.next(c.job)
	}
}
