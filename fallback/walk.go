package fallback

import (
	"slices"
	"strings"
	"time"
)

// Ask is what the client wants: names as it wrote them.
type Ask struct {
	Model  string   // a configured id, "provider/id", "freefall/NAME", or anything else, which means the whole chain
	Models []string // the configured ones of these, in this order; none configured = as if absent
	Only   bool     // that model only; its keys may change
	Client string   // the client's name; walks that wait take turns over clients
	Task   string   // what it is for, in the client's word: a chain that matches it serves, else models of that strength come first
	// Talk is the conversation that the request belongs to; 0 = none is known. One that the client named is kept to in every
	// order, others under Adaptive only and once they go on: until then all that begin alike would have the same one.
	Talk       uint64
	NamedTalk  bool
	TalkGoesOn bool
	// MaxWait is how long the request may be kept waiting for a limit. Under Adaptive it also waits, so long at most, for what is
	// less scarce than what is open.
	MaxWait time.Duration
}

// auto are the names of the whole chain.
func auto(name string) bool { return name == "" || name == "auto" || name == "freefall/auto" }

// Walk is one request on its way along the chain. Need and Ask are set by the caller, the rest belongs to the pool. A Walk
// is used by one goroutine at a time, is never copied, and may be used again after Reset.
type Walk struct {
	Need Need
	Ask  Ask

	table    *table
	order    []int32
	marks    []mark   // by row
	tried    []uint64 // a bit a pair
	avoid    string   // a provider whose ambiguous refusal the next attempt should not meet again
	limited  bool     // refused for a limit in this walk
	sure     bool     // nothing is left to chance
	held     bool     // somebody is kept out by no more than what the last resort looks beyond
	passed   bool     // a row was passed over for this one request's size or shape
	named    bool
	list     string // the chain that it goes along; "" = all rows
	probe    int32  // the row above the last good one that order begins with, -1 if none
	version  uint32
	attempts int
	refused  int        // of these, by a counter that is shared: they came to nothing
	again    bool       // the last one did: it keeps its place among those that wait
	place    uint64     // there, by when it came
	nth      uint64     // among all requests, while some are hedged
	inline   [2]Attempt // the usual ones; a stream holds them as long as it lasts

	ticket   ticket
	share    *quota    // of its client, when it was admitted
	admitted time.Time // when
	draws    []Draw    // from it, for a counter that is shared
}

type mark uint8

const (
	markOut     mark = 1 << iota // no key of it can serve this request
	markLater                    // it failed, or nobody is at its host: it comes after all other models
	markCounted                  // its failure is counted
	markSmall                    // it has refused this request for its size
	markDenied                   // it has declined what this request says
)

// Reset makes the walk ready for another request and keeps its memory. All attempts of the walk must have ended.
func (w *Walk) Reset() {
	*w = Walk{order: w.order[:0], marks: w.marks[:0], tried: w.tried[:0]}
}

// Attempts is how many attempts were handed out and made.
func (w *Walk) Attempts() int { return w.attempts - w.refused }

// Avoid makes the pool prefer another provider than the one that gave an ambiguous refusal.
func (w *Walk) Avoid(provider string) { w.avoid = provider }

// Known says whether a name can be served: all can, but freefall/NAME of an unknown chain.
func (p *Pool) Known(name string) bool {
	chain, ok := strings.CutPrefix(name, "freefall/")
	if !ok || auto(name) {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.table.chains[chain]; ok {
		return true
	}
	return p.table.first(name) >= 0
}

// start fixes the walk's table and the order of its candidates.
func (p *Pool) start(now time.Time, w *Walk) {
	t := p.table
	w.table = t
	w.marks = grow(w.marks, len(t.rows))
	w.tried = grow(w.tried, (t.pairs+63)/64)
	w.version = p.good[w.Need.Class()].version
	w.probe = -1
	if t.Order == Adaptive && !w.sure {
		p.demand.add(now, &w.Need)
	}
	w.Need.NoTrain = w.Need.NoTrain || t.NoTrain
	p.arrange(now, w)
}

// arrange fixes the order of the candidates.
func (p *Pool) arrange(now time.Time, w *Walk) {
	p.sort(now, w)
	if w.Need.Kind == Embedding {
		w.keepOneID()
	}
}

// sort puts what the client named first, and the rest of the chain behind it unless the client wants no other.
func (p *Pool) sort(now time.Time, w *Walk) {
	t := w.table
	for _, name := range w.Ask.Models {
		w.order = t.configured(w.order, name)
	}
	if w.named = len(w.order) > 0; w.named {
		return
	}
	base, chained := t.base(w)
	if !chained {
		w.order = t.configured(w.order, w.Ask.Model)
	}
	w.named = chained || len(w.order) > 0
	if !w.Ask.Only || len(w.order) == 0 {
		p.rank(now, w, base)
	}
}

// keepOneID drops all candidates but those of one id, since vectors of two models cannot be compared: the id that was
// named, else the first that the configuration lets be asked, resting or not.
func (w *Walk) keepOneID() {
	first := slices.IndexFunc(w.order, func(i int32) bool {
		r := &w.table.rows[i]
		return w.named || r.Kind == Embedding && r.usable()
	})
	if first < 0 {
		return
	}
	id := w.table.rows[w.order[first]].ID
	w.order = slices.DeleteFunc(w.order, func(i int32) bool { return w.table.rows[i].ID != id })
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// base is the list that a name stands for; chained says that it was asked for as freefall/NAME.
func (t *table) base(w *Walk) (rows []int32, chained bool) {
	name, named := strings.CutPrefix(w.Ask.Model, "freefall/")
	for i := range t.Chains {
		if c := &t.Chains[i]; named && c.Name == name {
			return t.along(w, c), true
		}
	}
	for i := range t.Chains {
		if c := &t.Chains[i]; c.Match.fits(&w.Need, w.Ask.Task) {
			return t.along(w, c), false
		}
	}
	return t.strong(w.Ask.Task), false
}

// along makes the walk go along a chain, and keep its privacy.
func (t *table) along(w *Walk, c *Chain) []int32 {
	w.list = c.Name
	w.Need.NoTrain = w.Need.NoTrain || c.NoTrain
	return t.chains[c.Name]
}

// strong are all rows, those of the strength that a task names first.
func (t *table) strong(task string) []int32 {
	if !t.tasks[task] {
		return t.all
	}
	rows := slices.Clone(t.all)
	slices.SortStableFunc(rows, func(i, j int32) int {
		return bit(slices.Contains(t.rows[j].Strengths, task)) - bit(slices.Contains(t.rows[i].Strengths, task))
	})
	return rows
}

// learn keeps the walk from what has refused this request as a whole, even if its rest is over before the walk is.
func (w *Walk) learn(a *Attempt, o *Outcome) {
	w.limited = w.limited || o.Limit()
	switch {
	case o.Fault():
		w.marks[a.nth] |= markLater
		if o.Unreached {
			w.unreached(a.row)
		}
		return
	case o.Class == ContextLength:
		if (o.Status == 413 || o.Status == 429) && a.row.countsAnswers(&w.Need) {
			a.row.model.lacks[FeatureLongAnswer] = a.begun
		}
		w.marks[a.nth] |= markSmall | markOut
		w.preferLarger(a.Model.Context, o)
	case o.Action == NextModelNoPenalty, o.Action == OnceThenReturn, o.Target == TargetModel:
		w.marks[a.nth] |= markOut
		if o.Class == ContentPolicy {
			w.marks[a.nth] |= markDenied
		}
	}
	if o.Target >= TargetKey {
		w.shut(a, o.Target)
	}
}

// unreached puts the models of a host where nobody is behind all others: each of them would cost the same wait.
func (w *Walk) unreached(dead *row) {
	for i := range w.table.rows {
		if r := &w.table.rows[i]; r.Host == dead.Host && (r.Host != "" || r.Provider == dead.Provider) {
			w.marks[i] |= markLater
		}
	}
}

// preferLarger puts models whose window is known to be no larger behind all others. A 413 or a 429 speaks of an allowance
// per minute or of bytes, not of the window.
func (w *Walk) preferLarger(context int, o *Outcome) {
	if o.Status == 413 || o.Status == 429 {
		return
	}
	for i := range w.table.rows {
		if c := w.table.rows[i].Context; c > 0 && c <= context {
			w.marks[i] |= markLater
		}
	}
}

// shut marks the pairs that share the attempt's key, account or provider as tried.
func (w *Walk) shut(a *Attempt, target Target) {
	mine := &a.row.pairs[a.Key]
	for i := range w.table.rows {
		r := &w.table.rows[i]
		for k := range r.pairs {
			pr := &r.pairs[k]
			if pr.key == mine.key || target == TargetAccount && pr.account == mine.account || target == TargetProvider && r.provider == a.row.provider {
				w.setTried(pr)
			}
		}
	}
}
