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
	masks []uint64 // by request: the routes that serve it
	total int

	nodes map[place]int32
	plan  map[planKey]int
}

// place is a part of the network.
type place struct {
	what  any // *route, *window, *account
	level int // of its chain: minutes first
	nth   int // of the level's turns
}

// planKey is requests of one group that begin at a route in a minute.
type planKey struct {
	mask   uint64
	minute int
	route  int
}

func newBound(w *world, all []request) *bound {
	b := &bound{world: w, net: newNetwork(), all: all, masks: make([]uint64, len(all)), nodes: map[place]int32{}, plan: map[planKey]int{}}
	type group struct {
		mask   uint64
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
		return b.stage(place{r, 0, m}, func() float64 { return b.works(r, m, b.room(r, r.own, minute(m), minute(m+1))) }, func() []int32 {
			return b.accounted(r, m)
		})
	}
	at := time.Duration(m) * time.Minute
	room := float64(max(r.host.limitAt(at), r.host.limitAt(at+time.Minute-1)))
	return b.stage(place{r.host, 0, m}, func() float64 { return b.works(r, m, room) }, func() (out []int32) {
		for _, x := range b.world.routes {
			if x.model == r.model {
				out = append(out, b.accounted(x, m)...)
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
// Where both have long windows the minutes of the account are left out: behind the own turns nobody knows in which minute a request
// began.
func (b *bound) accounted(r *route, m int) []int32 {
	shared := r.account.windows
	long := slices.ContainsFunc(r.own, func(w *window) bool { return w.per > time.Minute })
	switch {
	case len(shared) == 0:
		return b.chain(r, r, r.own, m, []int32{sink})
	case long:
		whole := b.stage(place{r.account, -1, 0}, func() float64 { return b.room(r, shared, b.world.from, b.world.to) }, func() []int32 { return []int32{sink} })
		return b.chain(r, r, r.own, m, []int32{whole})
	}
	return []int32{b.stage(place{r.account, 0, m}, func() float64 { return b.room(r, shared, minute(m), minute(m+1)) }, func() []int32 {
		return b.chain(r.account, r, shared, m, []int32{sink})
	})}
}

func minute(m int) time.Duration { return time.Duration(m) * time.Minute }

// chain leads from a minute through hours and the turns of windows, the shorter ones first, and through the whole time to the end.
func (b *bound) chain(what any, r *route, windows []*window, m int, end []int32) []int32 {
	turns := []*window{requests("hours", turning, 1<<29, time.Hour)}
	for _, w := range windows {
		if w.cycle == turning && w.per > time.Minute {
			turns = append(turns, w)
		}
	}
	slices.SortStableFunc(turns, func(x, y *window) int { return cmp.Compare(x.per, y.per) })
	return b.turns(what, r, windows, turns, 1, minute(m), minute(m+1), end)
}

// turns are the nodes of a level that a time may belong to.
func (b *bound) turns(what any, r *route, windows, turns []*window, level int, from, to time.Duration, end []int32) (out []int32) {
	if level > len(turns) {
		return []int32{b.stage(place{what, level, 0}, func() float64 { return b.room(r, windows, b.world.from, b.world.to) }, func() []int32 { return end })}
	}
	w := turns[level-1]
	skew := r.skew
	if skew.Abs() < time.Second {
		skew = 0
	}
	for nth := w.turnOf(from + skew); ; nth++ {
		begins := w.phase + time.Duration(nth)*w.per - skew
		ends := begins + w.per
		if begins >= to {
			return out
		}
		out = append(out, b.stage(place{what, level, int(nth)}, func() float64 {
			return min(b.room(r, windows, begins, ends), b.grants(r, w, begins, ends, float64(w.limit)))
		}, func() []int32 {
			return b.turns(what, r, windows, turns, level+1, begins, ends, end)
		}))
	}
}

// room is how many requests these windows can grant in a time. Those with turns longer than a minute have nodes of their own.
func (b *bound) room(r *route, windows []*window, from, to time.Duration) float64 {
	room := math.Inf(1)
	for _, w := range windows {
		if w.cycle == turning && w.per > time.Minute {
			continue
		}
		room = min(room, b.grants(r, w, from, to, w.most(to-from)))
	}
	return room
}

// grants is how many requests a window can grant in a time, when it grants so much of what it counts.
func (b *bound) grants(r *route, w *window, from, to time.Duration, most float64) float64 {
	switch {
	case w.cycle == places: // each is held as long as the answer takes, which may end later
		return b.smallest(r, from, to, float64(w.limit)*(to-from+longest).Seconds(), func(q *request) float64 {
			_, whole := b.world.pace(q, r)
			return whole.Seconds()
		})
	case w.tokens: // what an answer adds may go beyond the limit, since nobody knows it before: of a few at a time
		const beyond = 2000
		return b.smallest(r, from, to, most+beyond, func(q *request) float64 { return float64(q.tokens()) })
	}
	return most
}

// smallest is how many of the requests of a time have together so much of what is counted, when the smallest are taken.
func (b *bound) smallest(r *route, from, to time.Duration, most float64, of func(*request) float64) (n float64) {
	i, _ := slices.BinarySearchFunc(b.all, from-maxWait, func(q request, t time.Duration) int { return cmp.Compare(q.at, t) })
	var sizes []float64
	sum := 0.0
	for ; i < len(b.all) && b.all[i].at < to; i++ {
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

// capacity is how many requests of this mix the world has room for, when they come evenly: by windows of the day, with tokens of the
// usual size.
func (s *scenario) capacity(seed uint64) float64 {
	var usual [kinds]float64
	for k := range usual {
		usual[k] = meanTokens(kind(k))
	}
	share := s.shares()
	fits := func(n float64) bool {
		w := newWorld(seed, s)
		net := newNetwork()
		rooms := map[any]int32{}
		room := func(what any, windows []*window, to int32) int32 {
			node, ok := rooms[what]
			if !ok {
				node = net.node()
				rooms[what] = node
				net.edge(node, to, int(w.grantsInAll(windows, usual, share)))
			}
			return node
		}
		for k := range kinds {
			node := net.node()
			net.edge(source, node, int(n*share[k]))
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

// grantsInAll is how many requests of the usual mix windows grant in the long run.
func (w *world) grantsInAll(windows []*window, usual, share [kinds]float64) float64 {
	size := 0.0
	for k := range usual {
		size += share[k] * usual[k]
	}
	long := w.to - w.from
	room := 1e8
	for _, x := range windows {
		n := float64(x.limit) * max(1, float64(long)/float64(x.per))
		switch x.cycle {
		case places:
			n = float64(x.limit) * long.Seconds() / 6 // of an answer
		case turning:
			if x.per > time.Minute {
				n = float64(x.limit * (x.turnOf(w.to-1) - x.turnOf(w.from) + 1))
			}
		case bucket:
			n = float64(x.limit) * (1 + float64(long)/float64(x.per)) // it is full when the day begins
		}
		if x.tokens {
			n /= size
		}
		room = min(room, n)
	}
	return room
}
