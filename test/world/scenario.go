package main

import "time"

// scenario is a day, and what goes wrong in it.
type scenario struct {
	name     string
	about    string
	loads    []float64 // shares of the capacity
	short    float64   // the one of -short; 0 = not there
	rhythm   func(time.Duration) float64
	bursts   []time.Duration
	troubles []trouble
	unknown  map[string]bool // providers of which the configuration names no limit, beside NVIDIA
	restart  time.Duration   // 0 = none

	from, to  time.Duration  // of the day; to 0 = all of it
	mix       [kinds]float64 // of requests; zero = the usual one
	providers func(*world)   // who make the world; nil = the seven
	patient   bool           // the all-knowing goes back to who was in trouble when the breaker lets one try

}

var scenarios = []scenario{
	{name: "steady", about: "a working day", loads: []float64{0.5, 0.9, 1.2}, short: 0.9},
	{name: "bursts", about: "a hundred requests at once, forty times", loads: []float64{0.5, 0.9, 1.2}, short: 0.5, bursts: fortyTimes()},
	{name: "outages", about: "one provider fails for an hour, another is silent for an hour, a third fails every second time",
		loads: []float64{0.5, 0.9, 1.2}, short: 0.5, troubles: []trouble{
			{provider: "mistral", from: 10 * time.Hour, to: 11 * time.Hour, how: fails},
			{provider: "nvidia", from: 13 * time.Hour, to: 14 * time.Hour, how: silent},
			{provider: "google", from: 16 * time.Hour, to: 17 * time.Hour, how: fails},
			{provider: "ollama", from: 19 * time.Hour, to: 20 * time.Hour, how: degraded},
		}},
	{name: "hangs", about: "two models take requests and never answer", loads: []float64{0.5, 0.9, 1.2}, short: 0.5, troubles: []trouble{
		{provider: "mistral", model: "codestral-latest", from: 9 * time.Hour, to: 15 * time.Hour, how: hangs},
		{provider: "openrouter", model: "deepseek/deepseek-chat-v3-0324:free", from: 0, to: 20 * time.Hour, how: hangs},
	}},
	{name: "unknown", about: "no limits configured for three more providers", loads: []float64{0.5, 0.9, 1.2}, short: 0.9,
		unknown: map[string]bool{"google": true, "mistral": true, "groq": true}},
	{name: "restart", about: "a restart at 13:00, with what was saved", loads: []float64{0.5, 0.9, 1.2}, short: 0.9, restart: 13 * time.Hour},
	{name: "overload", about: "three times the usual for an hour", loads: []float64{0.5, 0.9}, short: 0, rhythm: func(t time.Duration) float64 {
		if t >= 15*time.Hour && t < 16*time.Hour {
			return 3 * diurnal(t)
		}
		return diurnal(t)
	}},
}

func fortyTimes() (out []time.Duration) {
	for i := range 40 {
		out = append(out, 4*time.Hour+time.Duration(i)*29*time.Minute+time.Duration(i*i%7)*11*time.Second)
	}
	return out
}

// ends is when the last requests come.
func (s *scenario) ends() time.Duration {
	if s.to == 0 {
		return day
	}
	return s.to
}

// shares is how the requests divide into kinds.
func (s *scenario) shares() [kinds]float64 {
	if s.mix == [kinds]float64{} {
		return usually
	}
	return s.mix
}
