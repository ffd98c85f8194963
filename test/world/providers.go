package main

import (
	"fmt"
	"math"
	"time"
)

// voice is how a provider words a refusal, and what it says of its counters on good answers.
type voice uint8

const (
	saysOpenRouter voice = iota // the reset of the own limit in epoch milliseconds; of the host behind it little
	saysGoogle                  // retryDelay, and for a day's limit the quota's id
	saysGroq                    // counters on all answers, Retry-After on refusals
	saysCerebras                // counters on all answers, nothing else
	saysMistral                 // that it is a limit
	saysNvidia                  // 429, and nothing else
	saysOllama                  // for its turn that it is used up; for its places nothing
	saysOwn                     // see manner
)

type provider struct {
	nth      int
	name     string
	voice    voice
	manner   *manner       // of one that freefall does not know; nil = it knows it
	skew     time.Duration // its clock is so much ahead
	latency  time.Duration // one way, at least
	jitter   time.Duration // on top, at most
	reserves bool          // tokens are counted up front: input and what the answer may have at most
	stated   bool          // the configuration names its limits
	accounts []*account
	models   []*model
}

type account struct {
	name    string
	windows []*window
}

type model struct {
	*provider
	nth     int
	id      string
	tools   bool
	context int
	first   float64 // seconds to the first content, at the median
	speed   float64 // tokens a second
	flaw    float64 // share of calls that fail for no reason, more than usual
	hints   bool    // its host says when it has room again
	host    *window // limit of the host behind the provider, of all accounts together; nil = none
}

// route is one model with one account: what a call goes to.
type route struct {
	*model
	account *account
	nth     int
	own     []*window // of this model for this account
	windows []*window // all that a call draws from, in the order in which they are looked at
	sorted  []*window // see byLength
}

func (r *route) String() string { return r.id + "@" + r.account.name }

// serves says whether the route could ever answer such a request.
func (r *route) serves(q *request) bool {
	if q.kind == tools && !r.tools || q.in > int64(r.context) {
		return false
	}
	return r.grants(q) == nil
}

// grants gives the window that is smaller than the request, nil if none is.
func (r *route) grants(q *request) *window {
	for _, w := range r.windows {
		if w.tokens && r.expects(q) > w.limit {
			return w
		}
	}
	return nil
}

const defaultMaxOut = 1024 // where tokens are reserved and the client does not say

// expects is how many tokens the provider counts when the request comes.
func (r *route) expects(q *request) int64 {
	switch {
	case !r.reserves:
		return q.in
	case q.maxOut > 0:
		return q.in + q.maxOut
	}
	return q.in + defaultMaxOut
}

// world is the providers of one day with their counters. Each scheduler gets its own.
type world struct {
	seed      uint64
	from, to  time.Duration // of the day, in which requests come
	providers []*provider
	routes    []*route
	troubles  []trouble
	patient   bool
}

// trouble is a time in which a provider or one model of it does not do what it should.
type trouble struct {
	provider, model string // model "" = all
	from, to        time.Duration
	how             how
}

type how uint8

const (
	fails    how = iota // 500 at once
	silent              // the connection is taken, nothing comes
	hangs               // the request is accepted and counted, nothing comes
	degraded            // every second request is a 500
	vanished            // the model is not there any more
)

// pacific is when Google's day begins on the day of the world, in UTC.
const pacific = 8 * time.Hour

func requests(name string, c cycle, limit int64, per time.Duration) *window {
	return &window{name: name, cycle: c, limit: limit, per: per, level: float64(limit)}
}

func tokensOf(name string, c cycle, limit int64, per time.Duration) *window {
	w := requests(name, c, limit, per)
	w.tokens = true
	return w
}

func daily(limit int64, begins time.Duration) *window {
	w := requests("rpd", turning, limit, day)
	w.phase = begins
	if begins > 0 {
		w.turn = -1
	}
	return w
}

// begins is when the day of the world begins. It is in winter time.
var begins = time.Date(2026, 11, 10, 0, 0, 0, 0, time.UTC)

// newWorld makes the seven providers. Limits are those of wire/providers.md, or like them.
func newWorld(seed uint64, s *scenario) *world {
	w := &world{seed: seed, troubles: s.troubles, from: s.from, to: s.ends(), patient: s.patient}
	if s.providers != nil {
		s.providers(w)
		return w
	}
	w.openRouter()
	w.google()
	w.groq()
	w.cerebras()
	w.mistral()
	w.nvidia()
	w.ollama()
	for _, p := range w.providers {
		p.stated = p.stated && !s.unknown[p.name]
	}
	return w
}

func (w *world) provider(name string, v voice, stated bool, accounts ...*account) *provider {
	n := len(w.providers)
	p := &provider{nth: n, name: name, voice: v, stated: stated, accounts: accounts,
		skew:    time.Duration((fortune(w.seed, 11, n)*2 - 1) * float64(200*time.Millisecond)),
		latency: time.Duration(5+fortune(w.seed, 12, n)*55) * time.Millisecond,
		jitter:  20 * time.Millisecond,
	}
	w.providers = append(w.providers, p)
	return p
}

// model adds one to a provider, with a route for each account. limits makes the windows of one route anew.
func (w *world) model(p *provider, m model, limits func() []*window) {
	m.provider, m.nth = p, len(p.models)
	mine := &m
	p.models = append(p.models, mine)
	for _, a := range p.accounts {
		r := &route{model: mine, account: a, nth: len(w.routes), own: limits()}
		r.windows = append(append(r.windows, a.windows...), r.own...)
		if m.host != nil {
			r.windows = append(r.windows, m.host)
		}
		w.routes = append(w.routes, r)
	}
}

func none() []*window { return nil }

func (w *world) openRouter() {
	account := func(name string, rpd int64) *account {
		return &account{name, []*window{requests("rpm", sliding, 20, time.Minute), daily(rpd, 0)}}
	}
	p := w.provider("openrouter", saysOpenRouter, true, account("or-a", 50), account("or-b", 1000))
	for i, m := range []model{
		{id: "google/gemini-2.0-flash-exp:free", tools: true, context: 1_048_576, first: 0.9, speed: 90, hints: true},
		{id: "deepseek/deepseek-chat-v3-0324:free", tools: true, context: 163_840, first: 1.6, speed: 45, hints: true},
		{id: "google/gemini-1.5-flash:free", tools: true, context: 1_000_000, first: 0.8, speed: 100},
		{id: "google/gemini-1.5-flash-8b:free", tools: true, context: 1_000_000, first: 0.6, speed: 130},
		{id: "meta-llama/llama-3.2-3b-instruct:free", context: 131_072, first: 0.5, speed: 150},
	} {
		m.host = requests("host's rpm", sliding, 40, time.Minute)
		m.host.shifts = w.crowd(i)
		w.model(p, m, none)
	}
}

// crowd is what the host of a model has left for us while all the world asks it, too. It changes every ten minutes.
func (w *world) crowd(nth int) func(time.Duration) int64 {
	return func(t time.Duration) int64 {
		switch dice := fortune(w.seed, 13, nth, int(t/(10*time.Minute))); {
		case dice < 0.1:
			return 0
		case dice < 0.3:
			return 3
		case dice < 0.6:
			return 10
		}
		return 40
	}
}

func (w *world) google() {
	p := w.provider("google", saysGoogle, true, &account{name: "project-a"}, &account{name: "project-b"})
	limits := func(rpm, rpd int64) func() []*window {
		return func() []*window {
			return []*window{requests("rpm", sliding, rpm, time.Minute), daily(rpd, pacific), tokensOf("tpm", sliding, 250_000, time.Minute)}
		}
	}
	w.model(p, model{id: "gemini-2.5-flash", tools: true, context: 1_048_576, first: 0.7, speed: 150}, limits(5, 20))
	w.model(p, model{id: "gemini-3.1-flash-lite", tools: true, context: 1_048_576, first: 0.5, speed: 200}, limits(15, 500))
}

func (w *world) groq() {
	p := w.provider("groq", saysGroq, true, &account{name: "groq"})
	limits := func(rpd, tpm, tpd int64) func() []*window {
		return func() []*window {
			return []*window{requests("rpm", sliding, 30, time.Minute), requests("rpd", bucket, rpd, day),
				tokensOf("tpm", bucket, tpm, time.Minute), tokensOf("tpd", bucket, tpd, day)}
		}
	}
	w.model(p, model{id: "llama-3.3-70b-versatile", tools: true, context: 131_072, first: 0.35, speed: 280}, limits(1000, 12_000, 100_000))
	w.model(p, model{id: "openai/gpt-oss-120b", tools: true, context: 131_072, first: 0.35, speed: 450}, limits(1000, 8_000, 200_000))
	w.model(p, model{id: "llama-3.1-8b-instant", context: 131_072, first: 0.3, speed: 700}, limits(14_400, 6_000, 500_000))
}

func (w *world) cerebras() {
	p := w.provider("cerebras", saysCerebras, true, &account{name: "cerebras"})
	p.reserves = true
	limits := func() []*window {
		return []*window{requests("rpm", bucket, 30, time.Minute), requests("rph", bucket, 900, time.Hour), requests("rpd", bucket, 14_400, day),
			tokensOf("tpm", bucket, 60_000, time.Minute), tokensOf("tph", bucket, 1_000_000, time.Hour), tokensOf("tpd", bucket, 1_000_000, day)}
	}
	w.model(p, model{id: "gpt-oss-120b", tools: true, context: 65_536, first: 0.3, speed: 1500}, limits)
}

func (w *world) mistral() {
	p := w.provider("mistral", saysMistral, true,
		&account{"workspace", []*window{requests("rps", sliding, 1, time.Second), daily(10_000, 0)}})
	w.model(p, model{id: "mistral-small-latest", tools: true, context: 131_072, first: 0.5, speed: 120}, func() []*window {
		return []*window{tokensOf("tpm", sliding, 500_000, time.Minute)}
	})
	w.model(p, model{id: "codestral-latest", tools: true, context: 32_768, first: 0.5, speed: 120}, func() []*window {
		return []*window{requests("rpm", sliding, 30, time.Minute)}
	})
}

func (w *world) nvidia() {
	p := w.provider("nvidia", saysNvidia, false, &account{name: "nvidia"})
	w.model(p, model{id: "meta/llama-4-scout", context: 32_768, first: 1.4, speed: 45}, func() []*window {
		return []*window{requests("rpm", sliding, 40, time.Minute)}
	})
}

func (w *world) ollama() {
	turn := requests("5h", turning, 2000, 5*time.Hour)
	turn.phase = -time.Duration(begins.UnixNano() % int64(turn.per))
	turn.turn = turn.turnOf(0)
	p := w.provider("ollama", saysOllama, true, &account{"ollama", []*window{requests("concurrency", places, 2, 0), turn}})
	w.model(p, model{id: "qwen3:32b", tools: true, context: 32_768, first: 1.0, speed: 60}, none)
}

// trouble is what a route suffers from at a time, nil if nothing.
func (w *world) trouble(r *route, t time.Duration) *trouble {
	for i := range w.troubles {
		x := &w.troubles[i]
		if x.concerns(r) && x.from <= t && t < x.to {
			return x
		}
	}
	return nil
}

func (x *trouble) concerns(r *route) bool {
	return x.provider == r.provider.name && (x.model == "" || x.model == r.id)
}

// travel is how long a message takes from us to the provider (way 0) or back (way 1).
func (w *world) travel(q *request, r *route, way int) time.Duration {
	return r.latency + time.Duration(fortune(w.seed, 21, q.id, r.nth, way)*float64(r.jitter))
}

// longest is how long an answer takes at most.
const longest = 20 * time.Second

// pace is how long an answer takes to its first content, and to its end.
func (w *world) pace(q *request, r *route) (first, whole time.Duration) {
	s := r.first * math.Exp(0.4*bell(fortune(w.seed, 22, q.id, r.nth), fortune(w.seed, 23, q.id, r.nth)))
	s = min(max(3, 1.2*r.first), max(min(0.3, r.first), s))
	return seconds(s), min(longest, max(time.Second, seconds(s+float64(q.out)/r.speed)))
}

// unlucky says whether a call fails for no reason.
func (w *world) unlucky(q *request, r *route) bool {
	return fortune(w.seed, 24, q.id, r.nth) < 0.003+r.flaw
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func clock(t time.Duration) string {
	t = t.Truncate(time.Millisecond)
	return fmt.Sprintf("%02d:%02d:%06.3f", int(t.Hours()), int(t.Minutes())%60, (t % time.Minute).Seconds())
}
