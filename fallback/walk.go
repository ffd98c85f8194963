package fallback

import (
	"strings"
	"time"
)

// Ask is what the client wants: names as it wrote them.
type Ask struct {
	Model  string   // a configured id, "provider/id", "freefall/NAME", or anything else, which means the whole chain
	Models []string // the configured ones of these, in this order; none configured = as if absent
	Only   bool     // that model only; its keys may change
}

// auto are the names of the whole chain.
func auto(name string) bool { return name == "" || name == "auto" || name == "freefall/auto" }

// Walk is one request on its way along the chain. Need and Ask are set by the caller, the rest belongs to the pool. A Walk
// is used by one goroutine at a time and may be used again after Reset.
type Walk struct {
	Need Need
	Ask  Ask

	table    *table
	order    []int32
	marks    []mark   // by row
	tried    []uint64 // a bit a pair
	avoid    string   // a provider whose ambiguous refusal the next attempt should not meet again
	limited  bool     // refused for a limit in this walk
	passed   bool     // a row was passed over for this one request's size or shape
	named    bool
	probe    bool // order begins with a model above the last good one
	version  uint32
	attempts int
	inline   [6]Attempt
}

type mark uint8

const (
	markOut     mark = 1 << iota // no key of it can serve this request
	markLater                    // it failed: its other keys come after all other models
	markCounted                  // its failure is counted
)

// Reset makes the walk ready for another request and keeps its memory.
func (w *Walk) Reset() {
	*w = Walk{order: w.order[:0], marks: w.marks[:0], tried: w.tried[:0]}
}

// Attempts is how many attempts were handed out.
func (w *Walk) Attempts() int { return w.attempts }

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

	if w.order = t.listed(w.order[:0], w.Ask.Models); len(w.order) > 0 {
		w.named = true
		return
	}
	base, chained := t.base(w.Ask.Model, w.Need)
	if !chained {
		w.order = t.configured(w.order, w.Ask.Model)
	}
	w.named = chained || len(w.order) > 0
	lead := len(w.order)
	switch {
	case w.Ask.Only && lead > 0:
		return
	case chained:
		w.order = append(w.order, base...)
	default:
		p.rank(now, w, base)
	}
	if w.Ask.Only {
		w.order = w.order[:min(1, len(w.order))]
	}
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// listed appends the configured rows of a client's list.
func (t *table) listed(order []int32, names []string) []int32 {
	for _, name := range names {
		order = t.configured(order, name)
	}
	return order
}

// configured appends the rows that have this id, or this provider/id, and are not in the order yet.
func (t *table) configured(order []int32, name string) []int32 {
	if auto(name) {
		return order
	}
	n := len(order)
	for i := range t.rows {
		if t.rows[i].ID == name && !has(order, int32(i)) {
			order = append(order, int32(i))
		}
	}
	if len(order) > n {
		return order
	}
	if i := t.first(name); i >= 0 && !has(order, int32(i)) {
		order = append(order, int32(i))
	}
	return order
}

// first is the row of an id or provider/id, -1 if none.
func (t *table) first(name string) int {
	for i := range t.rows {
		r := &t.rows[i]
		if r.ID == name || len(name) == len(r.Provider)+1+len(r.ID) && name[len(r.Provider)] == '/' &&
			strings.HasPrefix(name, r.Provider) && strings.HasSuffix(name, r.ID) {
			return i
		}
	}
	return -1
}

// base is the list that a name stands for; chained says that it was asked for as freefall/NAME.
func (t *table) base(name string, need Need) (rows []int32, chained bool) {
	if chain, ok := strings.CutPrefix(name, "freefall/"); ok {
		if rows, ok := t.chains[chain]; ok {
			return rows, true
		}
	}
	for i := range t.Chains {
		if t.Chains[i].Match.fits(need) {
			return t.chains[t.Chains[i].Name], false
		}
	}
	return t.all, false
}

func has(order []int32, row int32) bool {
	for _, have := range order {
		if have == row {
			return true
		}
	}
	return false
}
