package roster

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"freefall/fallback"
)

// maxJoined bounds how many models of one provider join: a request never gets as far as the hundredth.
const maxJoined = 100

// Asks says whether a provider's list could prove anything, or name models that are free by the operator's word. Nobody else is
// asked for one.
func Asks(c Claim) bool {
	switch c.Free {
	case "plan", "listed":
		return true
	case "local":
		return IsLocal(c)
	case "no":
		return false
	}
	return c.Dialect.Listed || IsLocal(c)
}

// Joiner is a model that joins by itself.
type Joiner struct {
	Listed
	Provider string
	place    int // among the patterns that its provider prefers
}

// Joining are the models that join by themselves: those that cost nothing, are made to chat, are not denied and not configured
// already, the best first. The claim is of the provider; its id does not matter.
//
// A list without prices is believed where the operator says that all there is free, or where the models run on a server that only
// has models of its own. A gateway on this machine may sell.
func Joining(c Claim, prefer, deny []string, configured func(id string) bool) (all []Joiner) {
	c.Paid = false
	for i := range c.List.Models {
		m := &c.List.Models[i]
		c.ID = m.ID
		if m.Other || m.expired(c.Now) || configured(m.ID) || matches(deny, m.ID) >= 0 {
			continue
		}
		if m.Price == Priced || m.Price == Unpriced && !c.freeAsAWhole() {
			continue
		}
		if proof, _ := Prove(c); proof != fallback.Unproven {
			all = append(all, Joiner{*m, c.Provider, place(prefer, m.ID)})
		}
	}
	Rank(all)
	return all[:min(len(all), maxJoined)]
}

func (c Claim) freeAsAWhole() bool {
	return c.Free == "plan" || c.Free == "local" || c.Dialect.Local || strings.HasSuffix(c.ID, ":free")
}

// matches is which of the patterns an id matches first, -1 for none.
func matches(patterns []string, id string) int {
	return slices.IndexFunc(patterns, func(p string) bool { return fallback.Glob(p, id) })
}

// Rank puts first what is preferred, has tools, holds more, is younger. A router that chooses among models by chance comes last.
func Rank(all []Joiner) {
	slices.SortStableFunc(all, func(a, b Joiner) int {
		return cmp.Or(
			cmp.Compare(a.place, b.place),
			cmp.Compare(one(a.router()), one(b.router())),
			cmp.Compare(one(is(b.Tools)), one(is(a.Tools))),
			cmp.Compare(b.Context, a.Context),
			cmp.Compare(b.Created, a.Created),
			cmp.Compare(a.ID, b.ID))
	})
}

func place(prefer []string, id string) int {
	if at := matches(prefer, id); at >= 0 {
		return at
	}
	return math.MaxInt
}

func (j *Joiner) router() bool { return strings.HasPrefix(j.ID, "openrouter/") }

func is(b *bool) bool { return b != nil && *b }

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Told is what a list says of a model that is configured.
type Told struct {
	*Listed      // nil = it does not name it
	Gone    bool // its provider does not serve it
}

// Tells is what the list says of an id at a moment; nothing when there is none.
func (l *List) Tells(d *Dialect, id string, now time.Time) (t Told) {
	if l == nil {
		return t
	}
	t.Listed, _ = l.find(d, id)
	t.Gone = l.missing(d, id, now) && extra(Claim{Dialect: d, ID: id}) == ""
	return t
}

// Change is what a list has changed.
type Change struct {
	At           time.Time
	Provider, ID string
	What         What
	Why          string // a sentence for people, may be empty
}

// What happened to a model.
type What uint8

const (
	Joined  What = iota // it costs nothing, and is asked behind the configured ones
	Left                // it had joined
	Gone                // its provider does not list it any more
	NotFree             // it costs something, or nothing proves any more that it does not
	Back                // it can be asked again
)

var whatNames = [...]string{"joined", "left", "gone", "not_free", "back"}

func (w What) String() string { return whatNames[w] }

// Changes are those between two states of the rows, as far as lists make them.
func Changes(now time.Time, before, after []fallback.Model) (all []Change) {
	was := map[[2]string]*fallback.Model{}
	for i := range before {
		was[[2]string{before[i].Provider, before[i].ID}] = &before[i]
	}
	add := func(m *fallback.Model, what What, why string) {
		all = append(all, Change{now, m.Provider, m.ID, what, why})
	}
	for i := range after {
		m, name := &after[i], [2]string{after[i].Provider, after[i].ID}
		old := was[name]
		delete(was, name)
		switch {
		case old == nil:
			add(m, Joined, "")
		case old.Off == m.Off:
		case m.Off == "gone":
			add(m, Gone, m.Why)
		case m.Off == "not_free":
			add(m, NotFree, m.Why)
		case m.Off == "":
			add(m, Back, "")
		}
	}
	for i := range before {
		if m := &before[i]; was[[2]string{m.Provider, m.ID}] != nil {
			add(m, Left, "")
		}
	}
	return all
}
