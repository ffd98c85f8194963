package main

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// strange is a world that nobody has thought of: providers, limits, words, traffic and troubles are drawn from the seed. It is a few
// hours of a day, so that it takes a second.
type strange struct {
	scenario
	seed   uint64
	load   float64
	room   float64
	traits string
}

func newStrange(seed uint64) *strange {
	x := &strange{seed: seed}
	rng := rand.New(rand.NewPCG(seed, 0x57ea))
	x.name = fmt.Sprint(seed)
	length := time.Duration(2+rng.IntN(5)) * time.Hour
	x.from = time.Duration(rng.IntN(int((day-length)/time.Hour))) * time.Hour
	x.to = x.from + length
	x.load = [...]float64{0.5, 0.9, 1.2}[rng.IntN(3)]
	x.mix = [...][kinds]float64{usually, usually, {1, 0, 0}, {0.2, 0.8, 0}, {0.45, 0.2, 0.35}, {0.9, 0.1, 0}}[rng.IntN(6)]
	x.rhythm = func(time.Duration) float64 { return 1 }
	rhythm := "steady"
	switch rng.IntN(4) {
	case 0:
		rhythm, x.rhythm = "waves", func(t time.Duration) float64 { return 1 + 0.8*math.Sin(2*math.Pi*t.Hours()) }
	case 1:
		rhythm = "bursts"
		for t := x.from + 7*time.Minute; t < x.to-5*time.Minute; t += time.Duration(20+rng.IntN(25)) * time.Minute {
			x.bursts = append(x.bursts, t)
		}
	}
	planned := 1500 + 4500*rng.Float64()
	x.providers = func(w *world) { (&maker{rand.New(rand.NewPCG(seed, 0xa11)), w, x, planned}).providers() }
	for {
		if x.room = x.capacity(seed); x.room < 12_000 || x.to-x.from < time.Hour {
			break
		}
		x.to = x.from + (x.to-x.from)/2
	}
	x.patient = true
	x.bursts = slices.DeleteFunc(x.bursts, func(t time.Duration) bool { return t > x.to-time.Minute })
	for 100*float64(len(x.bursts)) > x.room*x.load/2 {
		x.bursts = x.bursts[:len(x.bursts)-1]
	}
	w := newWorld(seed, &x.scenario)
	x.trouble(rng, w)
	x.traits = fmt.Sprintf("%3.0f%% %-6s %s", x.load*100, rhythm, w.traits())
	return x
}

// trouble draws what goes wrong.
func (x *strange) trouble(rng *rand.Rand, w *world) {
	for range [...]int{0, 0, 0, 1, 1, 2, 3}[rng.IntN(7)] {
		p := w.providers[rng.IntN(len(w.providers))]
		t := trouble{provider: p.name, how: [...]how{fails, silent, hangs, vanished}[rng.IntN(4)]}
		if rng.IntN(2) == 0 || t.how == vanished {
			t.model = p.models[rng.IntN(len(p.models))].id
		}
		t.from = x.from + time.Duration(rng.Float64()*float64(x.to-x.from))
		t.to = t.from + time.Duration(5+rng.IntN(40))*time.Minute
		if t.how == vanished {
			t.to = 2 * day
		}
		x.troubles = append(x.troubles, t)
	}
}

// maker draws providers.
type maker struct {
	*rand.Rand
	w       *world
	x       *strange
	planned float64 // requests
}

func (m *maker) providers() {
	n := 1 + m.IntN(8)
	models := make([]int, n) // by provider
	for i := range models {
		models[i] = 1
	}
	for range m.IntN(max(1, 13-n)) {
		models[m.IntN(n)]++
	}
	rate := m.planned / float64(n) / (5 * time.Hour).Seconds()
	for i := range models {
		m.provider(fmt.Sprintf("p%d", i), models[i], rate*math.Exp(0.8*m.NormFloat64()))
	}
}

// around is a value near 1, between its bounds.
func (m *maker) around(least, most float64) float64 { return least * math.Pow(most/least, m.Float64()) }

func (m *maker) chance(share float64) bool { return m.Float64() < share }

// provider draws one that is to answer so many requests in a second.
func (m *maker) provider(name string, models int, rate float64) {
	says := &manner{heads: heads(m.IntN(int(numHeads))), hints: hints(m.IntN(int(numHints))), words: words(m.IntN(int(numWords))),
		strict: m.chance(0.1), mild: m.chance(0.3), fills: m.chance(0.3)}
	if m.chance(0.3) {
		says.heads = headsNothing
	}
	var accounts []*account
	for i := range 1 + m.IntN(3) {
		accounts = append(accounts, &account{name: fmt.Sprintf("%s.%c", name, 'a'+i)})
	}
	rate /= float64(len(accounts))
	shared, each := m.chance(0.5), m.chance(0.7)
	if !shared {
		each = true
	}
	limits := m.limits(rate)
	hide := m.hider(says)
	if shared {
		for _, a := range accounts {
			a.windows = hide(limits())
		}
	}
	p := m.w.provider(name, saysOwn, false, accounts...)
	p.manner = says
	if m.chance(0.25) {
		p.skew = time.Duration((m.Float64()*2 - 1) * float64(30*time.Second))
	}
	p.reserves = m.chance(0.15)
	stated := true
	for i := range models {
		own := none
		if each {
			own = m.limits(rate / float64(models) * m.around(0.5, 2))
		}
		mine := model{id: fmt.Sprintf("%s/m%d", name, i), tools: m.chance(0.75), context: [...]int{8_000, 32_000, 131_072, 1_000_000}[m.IntN(4)],
			first: m.around(0.2, 3), speed: m.around(30, 500)}
		if m.chance(0.15) {
			mine.first = m.around(3, 15)
		}
		if m.chance(0.1) {
			mine.flaw = 0.1 * m.Float64()
		}
		if i == 0 && len(m.w.providers) == 1 {
			mine.tools, mine.context = true, 131_072 // somebody can do everything
		}
		m.w.model(p, mine, func() []*window { return hide(own()) })
	}
	for _, r := range m.w.routes {
		for _, w := range r.windows {
			stated = stated && (r.provider != p || !w.hidden && w.shifts == nil)
		}
	}
	p.stated = stated
}

// hider marks windows that the configuration does not name.
func (m *maker) hider(says *manner) func([]*window) []*window {
	hidden := func(*window) bool { return false }
	switch dice := m.Float64(); {
	case dice < 0.25:
		hidden = func(*window) bool { return true }
	case dice < 0.35:
		hidden = func(w *window) bool { return w.tokens }
	case dice < 0.45:
		hidden = func(w *window) bool { return w.per >= time.Hour }
	}
	return func(windows []*window) []*window {
		for _, w := range windows {
			w.hidden = hidden(w) || w.cycle == bucket && w.per > time.Minute && !says.fills // nobody can write that down
		}
		return windows
	}
}

// limits draws windows for so many requests in a second, and gives what makes them anew.
func (m *maker) limits(rate float64) func() []*window {
	var makes []func() *window
	add := func(tokens bool, per time.Duration, c cycle, n float64, phase time.Duration, shift float64) {
		limit := int64(max(1, math.Round(n)))
		makes = append(makes, func() *window {
			w := requests("", c, limit, per)
			w.tokens, w.name = tokens, fmt.Sprintf("%s %s/%s", cycleNames[c], map[bool]string{false: "req", true: "tok"}[tokens], spell(per))
			if c == turning {
				w.phase = phase
				w.turn = w.turnOf(0)
			}
			if shift != 0 && c != bucket {
				mid := (m.x.from + m.x.to) / 2
				w.shifts = func(t time.Duration) int64 {
					if t < mid {
						return limit
					}
					return max(1, int64(float64(limit)*shift))
				}
			}
			return w
		})
	}
	cycles := func() cycle { return [...]cycle{sliding, sliding, turning, bucket}[m.IntN(4)] }
	aligned := func(per time.Duration) time.Duration { return -time.Duration(begins.UnixNano() % int64(per)) }
	long := (m.x.to - m.x.from).Seconds()
	usual := 0.0
	for k, share := range m.x.shares() {
		usual += share * meanTokens(kind(k))
	}
	shift := 0.0
	if m.chance(0.06) {
		shift = 0.5 // none grows: who has written down how much there is would not hear of it
	}
	if m.chance(0.8) {
		per := [...]time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, time.Minute, time.Minute, 10 * time.Minute}[m.IntN(9)]
		add(false, per, cycles(), rate*per.Seconds()*m.around(0.8, 4), aligned(per), shift)
	}
	if m.chance(0.6) {
		per := [...]time.Duration{time.Hour, time.Hour, 3 * time.Hour, day, day, day, 7 * day, 30 * day}[m.IntN(8)]
		n, c, phase := rate*math.Min(long, per.Seconds())*m.around(0.3, 1.5), cycles(), aligned(per)
		if per == day {
			phase = time.Duration(m.IntN(24)) * time.Hour
			if m.chance(0.5) {
				phase = (m.x.from + time.Duration(m.Float64()*float64(m.x.to-m.x.from))).Truncate(time.Hour)
			}
		}
		add(false, per, c, n+2, phase, 0)
	}
	if m.chance(0.4) {
		per := [...]time.Duration{time.Minute, time.Minute, 10 * time.Minute, 10 * time.Second}[m.IntN(4)]
		add(true, per, cycles(), math.Max(4000, rate*per.Seconds()*usual*m.around(0.8, 4)), aligned(per), 0)
	}
	if m.chance(0.25) {
		per := [...]time.Duration{time.Hour, day, day}[m.IntN(3)]
		add(true, per, cycles(), math.Max(20_000, rate*math.Min(long, per.Seconds())*usual*m.around(0.3, 1.5)), aligned(per), 0)
	}
	if m.chance(0.12) || len(makes) == 0 {
		n := int64(1 + m.IntN(6))
		makes = append(makes, func() *window { return requests("places", places, n, 0) })
	}
	return func() (out []*window) {
		for _, anew := range makes {
			out = append(out, anew())
		}
		return out
	}
}

var cycleNames = [...]string{"sliding", "turning", "bucket", "places"}

// traits is a world in few words.
func (w *world) traits() string {
	var parts []string
	for _, p := range w.providers {
		known := "hidden"
		switch {
		case p.stated:
			known = "stated"
		case slices.ContainsFunc(w.routes, func(r *route) bool {
			return r.provider == p && slices.ContainsFunc(r.windows, func(w *window) bool { return !w.hidden })
		}):
			known = "partly"
		}
		parts = append(parts, fmt.Sprintf("%dx%d %s %s/%s", len(p.models), len(p.accounts), known, headNames[p.manner.heads], hintNames[p.manner.hints]))
	}
	return strings.Join(parts, "; ")
}

// byLength are the windows of a route, shorter ones first, places left out.
func (r *route) byLength() []*window {
	if r.sorted == nil {
		for _, w := range r.windows {
			if w.cycle != places {
				r.sorted = append(r.sorted, w)
			}
		}
		slices.SortStableFunc(r.sorted, func(a, b *window) int { return cmp.Compare(a.per, b.per) })
	}
	return r.sorted
}
