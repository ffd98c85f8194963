package main

import (
	"cmp"
	"slices"
	"time"
)

// seer is a real schedule with all knowledge that can be had at a moment: the providers' own counters, what is on its way to
// them, every trouble and what each single call will come to. It never asks in vain. What is dear (quota of a turn or a day that
// others will need) it spends as the maximum flow does, on a request that has waited for so long on any.
type seer struct {
	day *dayRun
	habits
	bound   *bound
	waiting []*job
	alarm   time.Duration
	plan    map[planKey]int // what is left of the bound's, by the hour
}

// habits are what nobody can know beforehand, so they are tried out.
type habits struct {
	hold   time.Duration // how long quota is held back for others
	steady bool          // quota of a day has the same price all day, whatever is left
}

// allKnowing is the best that it can do.
func allKnowing(seed uint64, s *scenario, all []request, b *bound) (best *dayRun) {
	for _, h := range [...]habits{{0, false}, {maxWait / 2, false}, {maxWait, true}} {
		d := live(newWorld(seed, s), all, func(d *dayRun) scheduler { return newSeer(d, b, h) })
		if best == nil || d.tally.won > best.tally.won {
			best = d
		}
		if best.tally.won == len(all) {
			break
		}
	}
	return best
}

func newSeer(d *dayRun, b *bound, h habits) *seer {
	s := &seer{day: d, habits: h, bound: b, plan: map[planKey]int{}}
	for k, n := range b.plan {
		k.minute /= 60
		s.plan[k] += n
	}
	return s
}

func (s *seer) arrive(j *job) {
	s.waiting = append(s.waiting, j)
	s.day.at(j.at+maxWait, func() {
		if i := slices.Index(s.waiting, j); i >= 0 {
			s.serve()
			if i := slices.Index(s.waiting, j); i >= 0 {
				s.waiting = slices.Delete(s.waiting, i, i+1)
				s.day.lose(j, "no room came")
			}
		}
	})
	s.serve()
}

func (s *seer) committed(*call) {}

func (s *seer) ended(c *call, v verdict) {
	if v.result != answered {
		s.waiting = append(s.waiting, c.job)
	}
	s.serve()
}

// serve sends what can be sent: requests that few routes serve first, then the oldest.
func (s *seer) serve() {
	slices.SortStableFunc(s.waiting, func(a, b *job) int {
		return cmp.Or(cmp.Compare(rarity[b.kind], rarity[a.kind]), cmp.Compare(a.at, b.at))
	})
	left := s.waiting[:0]
	shut := map[uint64]int64{} // by routes: what has no room, and what is larger neither
	for _, j := range s.waiting {
		mask := s.bound.masks[j.id]
		if size, ok := shut[mask]; ok && j.in >= size && s.day.now < j.at+s.hold {
			left = append(left, j)
			continue
		}
		if r := s.best(j); r != nil {
			s.day.send(j, r)
			continue
		}
		shut[mask] = j.in
		left = append(left, j)
	}
	s.waiting = left
	s.setAlarm()
}

var rarity = [kinds]int{plain: 0, tools: 1, long: 2}

// best is the cheapest route with room for the request, nil if none.
func (s *seer) best(j *job) (best *route) {
	hour := int(s.day.now / time.Hour)
	price := 0
	mask := s.bound.masks[j.id]
	last := s.day.now >= j.at+s.hold
	for _, r := range s.day.world.routes {
		if mask&(1<<r.nth) == 0 || !s.works(r, j) || !r.room(s.day.now, j.request) {
			continue
		}
		p := s.price(r, j)
		if r.lapses() > time.Hour && s.plan[planKey{mask, hour, r.nth}] <= 0 && !last {
			continue // somebody else will need it
		}
		if best == nil || p < price {
			best, price = r, p
		}
	}
	if best != nil {
		s.plan[planKey{mask, hour, best.nth}]--
	}
	return best
}

// price is low for what would lapse, and for what can do no more than is needed.
func (s *seer) price(r *route, j *job) (p int) {
	for _, w := range r.windows {
		switch {
		case s.steady && w.per > time.Hour:
			p = max(p, int(w.per/time.Hour))
		case w.per > time.Hour:
			p = max(p, int(20*w.scarcity(s.day.now+r.skew)))
		}
	}
	if r.tools && j.kind != tools {
		p += 4
	}
	if r.context > 100_000 && j.kind != long {
		p += 2
	}
	return p
}

// scarcity is how much of the window is drawn, measured by how much of its time is over: above 1 it will not last.
func (w *window) scarcity(t time.Duration) float64 {
	left := max(0.01, float64(w.left(t))/float64(w.limit))
	ahead := 1.0
	if w.cycle == turning {
		ahead = 1 - float64((t-w.phase)%w.per)/float64(w.per)
	}
	return min(5, ahead/left)
}

// lapses is how long the longest window of the route is.
func (r *route) lapses() (longest time.Duration) {
	for _, w := range r.windows {
		longest = max(longest, w.per)
	}
	return longest
}

// works says whether a call would be answered, whatever it is that would be wrong.
func (s *seer) works(r *route, j *job) bool {
	w := s.day.world
	if w.patient && w.rests(r, s.day.now) {
		return false
	}
	if x := w.trouble(r, s.day.now+r.latency+r.jitter); x != nil && (x.how != degraded || fortune(w.seed, 25, j.id, r.nth) < 0.5) {
		return false
	}
	return w.trouble(r, s.day.now) == nil && !w.unlucky(j.request, r) && !j.failedAt(r)
}

// rests says whether a trouble that is over is one that nobody could have found to be over yet: who was in trouble is tried after a
// cooldown that doubles each time, up to ten minutes.
func (w *world) rests(r *route, t time.Duration) bool {
	for i := range w.troubles {
		x := &w.troubles[i]
		if !x.concerns(r) || t < x.to {
			continue
		}
		tried := x.from
		for wait := 30 * time.Second; tried < x.to; wait = min(2*wait, 10*time.Minute) {
			tried += wait
		}
		if t < tried {
			return true
		}
	}
	return false
}

// setAlarm looks again when the first window opens that keeps somebody out.
func (s *seer) setAlarm() {
	at := never
	for _, r := range s.day.world.routes {
		for _, j := range s.waiting[:min(len(s.waiting), 30)] {
			if s.bound.masks[j.id]&(1<<r.nth) == 0 {
				continue
			}
			t := s.day.now
			for _, w := range r.windows {
				if o := w.opens(s.day.now+r.skew, r.expects(j.request)); o != never {
					t = max(t, o-r.skew)
				}
			}
			if t > s.day.now {
				at = min(at, t)
			}
			break
		}
	}
	if len(s.waiting) > 0 && at != never && (s.alarm <= s.day.now || at < s.alarm) {
		s.alarm = at
		s.day.at(at, func() {
			if s.alarm == s.day.now {
				s.serve()
			}
		})
	}
}
