package main

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// bound is the all-knowing scheduler: the largest number of requests that could have been answered, as a maximum flow. Each
// request flows from a group (those that arrive in one minute and have the same routes to go to) through the minutes in which
// it may begin, of a route, of what its host has left and of its account, on through hours and turns, to the sink. Each node lets
// pass no more than its windows can grant in that length of time, however they slide.
//
// It is an upper bound because every way to serve the requests is a flow: a window that slides grants no more in a minute of
// the clock than in any minute; a request begins at most maxWait after it came. What it leaves out could only lower it: faults of
// single calls, the way to the provider. Of windows that count tokens, and of places held at one time, it knows how many of the
// smallest and quickest requests fit. Only a request that is asked again after a fault may begin later than it allows, and the
// milliseconds of the way may move a call over the edge of a minute; both are too few to matter.
type bound struct {
	world *world
	net   *network
	all   []request
	masks []uint32 // by request: the routes that serve it
	total int

	nodes map[place]int32
	plan  map[planKey]int
}

// place is a part of the network.
type place struct {
	what any // *route, *window, *account
	nth  int // of its minutes, hours, turns
	size time.Duration
}

// planKey is requests of one group that begin at a route in a minute.
type planKey struct {
	mask   uint32
	minute int
	route  int
}

func newBound(w *world, all []request) *bound {
	b := &bound{world: w, net: newNetwork(), all: all, masks: make([]uint32, len(all)), nodes: map[place]int32{}, plan: map[planKey]int{}}
	type group struct {
		mask   uint32
		minute int
		late   bool // it may wait into the next minute
	}
	groups := map[group]int{}
	for i := range all {
		q := &all[i]
		for _, r := range w.routes {
			if r.serves(q) {
				b.masks[i] |= 1 << r.nth
			}
		}
		groups[group{b.masks[i], int(q.at / time.Minute), q.at%time.Minute+maxWait >= time.Minute}]++
	}
	order := make([]group, 0, len(groups))
	for g := range groups {
		order = append(order, g)
	}
	slices.SortFunc(order, func(x, y group) int {
		return cmp.Or(cmp.Compare(x.minute, y.minute), cmp.Compare(x.mask, y.mask), map[bool]int{true: 1}[x.late]-map[bool]int{true: 1}[y.late])
	})
	type planned struct {
		key  planKey
		edge int32
	}
	var edges []planned
	for _, g := range order {
		node := b.net.node()
		b.net.edge(source, node, groups[g])
		for m := g.minute; m <= g.minute+map[bool]int{true: 1}[g.late]; m++ {
			for _, r := range w.routes {
				if g.mask&(1<<r.nth) != 0 {
					edges = append(edges, planned{planKey{g.mask, m, r.nth}, b.net.edge(node, b.route(r, m), groups[g])})
				}
			}
		}
	}
	b.total = b.net.most()
	for _, e := range edges {
		b.plan[e.key] += b.net.flow(e.edge)
	}
	return b
}

// stage gives the node of a place, and makes it when it is new: next is what it leads to.
func (b *bound) stage(p place, room func() float64, next func() []int32) int32 {
	if node, ok := b.nodes[p]; ok {
		return node
	}
	node := b.net.node()
	b.nodes[p] = node
	out, most := next(), int(math.Floor(min(room(), 1<<29)))
	if len(out) == 1 {
		b.net.edge(node, out[0], most)
		return node
	}
	all := b.net.node()
	b.net.edge(node, all, most)
	for _, to := range out {
		b.net.edge(all, to, most)
	}
	return node
}

// route is the node of a route's minute: of its own windows, or of its model's host, behind which stand all accounts.
func (b *bound) route(r *route, m int) int32 {
	if r.host == nil {
		return b.stage(place{r, m, time.Minute}, func() float64 { return b.works(r, m, b.room(r, r.own, m, time.Minute)) }, func() []int32 {
			return []int32{b.accounted(r, m)}
		})
	}
	at := time.Duration(m) * time.Minute
	room := float64(max(r.host.limitAt(at), r.host.limitAt(at+time.Minute-1)))
	return b.stage(place{r.host, m, time.Minute}, func() float64 { return b.works(r, m, room) }, func() (out []int32) {
		for _, x := range b.world.routes {
			if x.model == r.model {
				out = append(out, b.accounted(x, m))
			}
		}
		return out
	})
}

// works is the room of a route that is not in trouble for the whole minute.
func (b *bound) works(r *route, m int, room float64) float64 {
	x := b.world.trouble(r, time.Duration(m)*time.Minute)
	if x == nil || x.how == degraded || b.world.trouble(r, time.Duration(m+1)*time.Minute-1) != x {
		return room
	}
	return 0
}

// accounted counts what the models of an account draw together, or, where the account has no windows, goes on with the route's own.
func (b *bound) accounted(r *route, m int) int32 {
	windows, what := r.account.windows, any(r.account)
	if len(windows) == 0 {
		windows, what = r.own, r
	} else if slices.ContainsFunc(r.own, func(w *window) bool { return w.per > time.Minute }) {
		panic("BUG: a model's long windows would cross its account's minutes")
	}
	chain := b.turns(what, r, windows, m)
	if what == any(r) {
		return chain()[0]
	}
	return b.stage(place{what, m, time.Minute}, func() float64 { return b.room(r, windows, m, time.Minute) }, chain)
}

// turns are the hours of windows, then their turns, then the day.
func (b *bound) turns(what any, r *route, windows []*window, m int) func() []int32 {
	whole := func() []int32 {
		return []int32{b.stage(place{what, 0, day}, func() float64 { return b.room(r, windows, 0, day) }, func() []int32 { return []int32{sink} })}
	}
	turn := func() []int32 {
		i := slices.IndexFunc(windows, func(w *window) bool { return w.cycle == turning })
		if i < 0 {
			return whole()
		}
		w := windows[i]
		nth := int(w.turnOf(time.Duration(m) * time.Minute))
		return []int32{b.stage(place{w, nth, w.per}, func() float64 { return float64(w.limit) }, whole)}
	}
	return func() []int32 {
		return []int32{b.stage(place{what, m / 60, time.Hour}, func() float64 { return b.room(r, windows, m/60, time.Hour) }, turn)}
	}
}

// room is how many requests these windows can grant in the nth length of time.
func (b *bound) room(r *route, windows []*window, nth int, length time.Duration) float64 {
	room := math.Inf(1)
	for _, w := range windows {
		if w.cycle == turning {
			continue // it has a node for each turn
		}
		grants := w.most(length)
		switch {
		case w.cycle == places: // each is held as long as the answer takes, which may end later
			grants = b.smallest(r, nth, length, float64(w.limit)*(length+longest).Seconds(), func(q *request) float64 {
				_, whole := b.world.pace(q, r)
				return whole.Seconds()
			})
		case w.tokens: // what an answer adds may go beyond the limit, since nobody knows it before: of a few at a time
			const beyond = 2000
			grants = b.smallest(r, nth, length, grants+beyond, func(q *request) float64 { return float64(q.tokens()) })
		}
		room = min(room, grants)
	}
	return room
}

// smallest is how many of the requests of a time have together so much of what is counted, when the smallest are taken.
func (b *bound) smallest(r *route, nth int, length time.Duration, most float64, of func(*request) float64) (n float64) {
	from := time.Duration(nth)*length - maxWait
	i, _ := slices.BinarySearchFunc(b.all, from, func(q request, t time.Duration) int { return cmp.Compare(q.at, t) })
	var sizes []float64
	sum := 0.0
	for ; i < len(b.all) && b.all[i].at < time.Duration(nth+1)*length; i++ {
		if b.masks[i]&(1<<r.nth) != 0 {
			sizes = append(sizes, of(&b.all[i]))
			sum += sizes[len(sizes)-1]
		}
	}
	if sum <= most {
		return float64(len(sizes))
	}
	slices.Sort(sizes)
	for _, size := range sizes {
		if most -= size; most < 0 {
			break
		}
		n++
	}
	return n
}

// capacity is how many requests a day of this mix the world has room for, when they come evenly: by windows of the day, with
// tokens of the usual size.
func capacity(seed uint64) float64 {
	var usual [kinds]float64
	for k := range usual {
		usual[k] = meanTokens(kind(k))
	}
	fits := func(n float64) bool {
		w := newWorld(seed, &scenario{})
		net := newNetwork()
		rooms := map[any]int32{}
		room := func(what any, windows []*window, to int32) int32 {
			node, ok := rooms[what]
			if !ok {
				node = net.node()
				rooms[what] = node
				net.edge(node, to, int(perDay(windows, usual)))
			}
			return node
		}
		for k := range kinds {
			node := net.node()
			net.edge(source, node, int(n*mix[k]))
			for _, r := range w.routes {
				if r.serves(&request{kind: k, in: int64(usual[k])}) {
					net.edge(node, room(r, r.own, room(r.account, r.account.windows, sink)), 1<<29)
				}
			}
		}
		return float64(net.most()) >= n*0.999-3
	}
	low, high := 0.0, 1e7
	for high-low > 10 {
		if mid := (low + high) / 2; fits(mid) {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

// perDay is how many requests of the usual mix windows grant in the long run.
func perDay(windows []*window, usual [kinds]float64) float64 {
	size := 0.0
	for k := range usual {
		size += mix[k] * usual[k]
	}
	room := 1e8
	for _, w := range windows {
		n := float64(w.limit) * float64(day) / float64(w.per)
		switch w.cycle {
		case places:
			n = float64(w.limit) * day.Seconds() / 6 // of an answer
		case turning:
			n = float64(w.limit * (w.turnOf(day-1) - w.turnOf(0) + 1))
		case bucket:
			n += float64(w.limit) // it is full when the day begins
		}
		if w.tokens {
			n /= size
		}
		room = min(room, n)
	}
	return room
}
