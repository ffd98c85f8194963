package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

const day = 24 * time.Hour

// kind is what a request needs.
type kind uint8

const (
	plain kind = iota
	tools
	long
	kinds
)

var kindNames = [kinds]string{"plain", "tools", "long"}

func (k kind) String() string { return kindNames[k] }

// usually is how the requests of a day divide into kinds.
var usually = [kinds]float64{plain: 0.6, tools: 0.3, long: 0.1}

// request is one arrival. It never changes; what becomes of it is a job.
type request struct {
	id        int
	at        time.Duration
	kind      kind
	in, out   int64 // tokens
	maxOut    int64 // 0 = the client does not say
	client    int
	estimated int // what freefall would make of the size: on the low side
}

// tokens is what a provider counts for it in the end.
func (r *request) tokens() int64 { return r.in + r.out }

// traffic draws the requests of the scenario's time: on average n of them, by its rhythm, and bursts of a hundred at once.
func (s *scenario) traffic(seed uint64, n float64) []request {
	rng := rand.New(rand.NewPCG(seed, 0x5ca1ab1e))
	from, to, share, rhythm := s.from, s.ends(), s.shares(), s.rhythm
	if rhythm == nil {
		rhythm = diurnal
	}
	peak, mean := 0.0, 0.0
	for t := from; t < to; t += time.Minute {
		peak = max(peak, rhythm(t))
		mean += rhythm(t) / (to - from).Minutes()
	}
	var out []request
	rate := (n - 100*float64(len(s.bursts))) / mean / (to - from).Seconds() // per second where the rhythm is 1
	for t := from; ; {
		t += time.Duration(rng.ExpFloat64() / (rate * peak) * float64(time.Second))
		if t >= to-time.Minute {
			break
		}
		if rng.Float64()*peak < rhythm(t) {
			out = append(out, draws(rng, t, share))
		}
	}
	for _, t := range s.bursts {
		for range 100 {
			out = append(out, draws(rng, t+time.Duration(rng.IntN(int(200*time.Millisecond))), share))
		}
	}
	slices.SortStableFunc(out, func(a, b request) int { return int(a.at - b.at) })
	for i := range out {
		out[i].id = i
	}
	return out
}

// sizes of the input by kind: a log-normal upon what every request of the kind brings along.
var sizes = [kinds]struct{ least, median, sigma, most float64 }{
	plain: {500, 500, 0.8, 16_000},
	tools: {1_200, 1_200, 0.8, 24_000}, // declarations and history
	long:  {16_000, 20_000, 0.6, 110_000},
}

func draws(rng *rand.Rand, t time.Duration, mix [kinds]float64) request {
	r := request{at: t, client: rng.IntN(8)}
	dice := rng.Float64()
	for r.kind = plain; r.kind < kinds-1 && dice >= mix[r.kind]; r.kind++ {
		dice -= mix[r.kind]
	}
	s := sizes[r.kind]
	r.in = int64(min(s.most, s.least+s.median*math.Exp(s.sigma*rng.NormFloat64())))
	r.out = int64(min(1000, 20+220*math.Exp(0.7*rng.NormFloat64())))
	if rng.Float64() < 0.3 {
		r.maxOut = 1024
	}
	r.estimated = int(float64(r.in) * (0.7 + 0.3*rng.Float64()))
	return r
}

// mean tokens of a kind, input and output, as drawn.
func meanTokens(k kind) float64 {
	rng := rand.New(rand.NewPCG(1, uint64(k)))
	s := sizes[k]
	sum := 0.0
	const n = 4000
	for range n {
		sum += min(s.most, s.least+s.median*math.Exp(s.sigma*rng.NormFloat64())) + 280
	}
	return sum / n
}

// diurnal is a working day: quiet at night, twice the mean in the afternoon.
func diurnal(t time.Duration) float64 {
	return 1 + 0.6*math.Sin(2*math.Pi*(t.Hours()-9)/24)
}

// fortune is chance that depends on nothing but its arguments, even in [0, 1).
func fortune(seed uint64, parts ...int) float64 {
	x := seed ^ 0x9e3779b97f4a7c15
	for _, p := range parts {
		x += uint64(p) + 0x9e3779b97f4a7c15
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		x ^= x >> 31
	}
	return float64(x>>11) / (1 << 53)
}

// bell turns two even chances into a normal one.
func bell(a, b float64) float64 {
	return math.Sqrt(-2*math.Log(1-a)) * math.Cos(2*math.Pi*b)
}
