package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"freefall/fallback"
	"freefall/internal/config"
	"freefall/internal/roster"
)

// budget is what a day grants: how many requests each provider takes from all its accounts together.
type budget struct {
	shares []share
}

// share is one provider's part.
type share struct {
	provider     string
	all, tools   int64 // requests a day; of these with tools
	known, local bool  // local = no limit by nature
	reset        config.DayReset
}

// newBudget adds up the limits of what can be called. An account that stands in two entries counts once.
func newBudget(c *config.Config, rows []fallback.Model) budget {
	var b budget
	seen := map[string]bool{}
	for i := range c.Providers {
		p := &c.Providers[i]
		accounts := newAccounts(p, seen)
		models, local := callable(c, rows, p.Name)
		if len(models) == 0 || accounts == 0 {
			continue
		}
		g := granted{p, roster.Find(p.Dialect, p.BaseURL)}
		perAccount, known := g.day(models)
		withTools, _ := g.day(slices.DeleteFunc(slices.Clone(models), func(m *config.Model) bool { return !is(m.SupportsTools) }))
		b.shares = append(b.shares, share{p.Name, perAccount * accounts, withTools * accounts, known, local, g.reset(models[0])})
	}
	return b
}

// newAccounts counts the accounts of an entry that no entry before it has.
func newAccounts(p *config.Provider, seen map[string]bool) (n int64) {
	if p.Keyless {
		return 1
	}
	for _, k := range p.Keys {
		if !seen[k.Account] {
			seen[k.Account] = true
			n++
		}
	}
	return n
}

// callable are the models of a provider that are not switched off; local when they run on the operator's machines.
func callable(c *config.Config, rows []fallback.Model, provider string) (models []*config.Model, local bool) {
	for i := range c.Models {
		if rows[i].Off == "" && c.Models[i].Provider == provider {
			models = append(models, &c.Models[i])
			local = rows[i].Proof == fallback.ProvenLocal
		}
	}
	return models, local
}

// granted reads limits: what is written replaces the dialect's of that level as a whole.
type granted struct {
	provider *config.Provider
	dialect  *roster.Dialect
}

// day is what one account takes in a day for these models: the account's limit, and the models' added up, whichever is
// less. Unknown when neither is known.
func (g granted) day(models []*config.Model) (n int64, known bool) {
	if len(models) == 0 {
		return 0, true
	}
	n, known = g.account()
	var sum int64
	for _, m := range models {
		limit, ok := g.model(m)
		if !ok {
			return n, known
		}
		sum += limit
	}
	if !known || sum < n {
		return sum, true
	}
	return n, true
}

func (g granted) account() (int64, bool) {
	if l := g.provider.Limits; l != nil {
		return value(l.RPD)
	}
	return g.dialect.Account.RPD, g.dialect.Account.RPD > 0
}

func (g granted) model(m *config.Model) (int64, bool) {
	l := m.Limits.Over(g.provider.ModelLimits)
	if g.provider.ModelLimits != nil || l != nil && (l.RPD != nil || l.None) {
		return value(l.RPD)
	}
	known := g.dialect.Of(m.ID).RPD
	return known, known > 0
}

func value(n *int64) (int64, bool) {
	if n == nil {
		return 0, false
	}
	return *n, true
}

// reset is when the provider's day begins: as written for the account or the models, else as the dialect knows.
func (g granted) reset(m *config.Model) (r config.DayReset) {
	for _, l := range []*config.Limits{g.provider.Limits, m.Limits.Over(g.provider.ModelLimits)} {
		if l != nil && l.DayResets != nil {
			return *l.DayResets
		}
	}
	text := cmp.Or(g.dialect.Account.DayResets, g.dialect.Of(m.ID).DayResets, "00:00 UTC")
	if err := r.UnmarshalText([]byte(text)); err != nil {
		panic("BUG: dialect " + g.dialect.Name + ": " + err.Error())
	}
	return r
}

// text is the budget in one line: "today 50 + 1,000 = 1,050 requests, 1,050 with tools; openrouter resets in 4 h 12 m".
func (b budget) text(now time.Time) string {
	var terms, notes []string
	var all, tools int64
	for _, s := range b.shares {
		switch {
		case s.known:
			terms = append(terms, thousands(s.all))
			all, tools = all+s.all, tools+s.tools
			notes = append(notes, s.resets(now))
		case s.local:
			notes = append(notes, s.provider+" has no limit")
		default:
			notes = append(notes, s.provider+" states no day limit")
		}
	}
	line := strings.Join(terms, " + ")
	if len(terms) > 1 {
		line += " = " + thousands(all)
	}
	if line != "" {
		notes = slices.Insert(notes, 0, fmt.Sprintf("today %s requests, %s with tools", line, thousands(tools)))
	}
	if len(notes) == 0 {
		notes = []string{"today 0 requests"}
	}
	return strings.TrimLeft(wrap("Budget: "+strings.Join(notes, "; "), 4), " ")
}

func (s share) resets(now time.Time) string {
	next, fixed := s.reset.Next(now)
	if !fixed {
		return s.provider + " counts the last 24 h"
	}
	return s.provider + " resets in " + hours(next.Sub(now))
}

// hours writes a time within a day: "4 h 12 m", "12 m".
func hours(d time.Duration) string {
	minutes := int64((d + time.Minute - 1) / time.Minute)
	if minutes < 60 {
		return fmt.Sprintf("%d m", minutes)
	}
	return fmt.Sprintf("%d h %d m", minutes/60, minutes%60)
}

// thousands writes a number with commas.
func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
