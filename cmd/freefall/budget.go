package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"freefall/fallback"
	"freefall/internal/config"
)

// budget is what a day grants: how many requests each provider takes from all its accounts together.
type budget struct {
	parts []part
}

// part is what one provider grants.
type part struct {
	provider     string
	all, tools   int64 // requests a day; of these with tools
	known, local bool  // local = no limit by nature
	day          fallback.Window
}

// newBudget adds up the limits of what can be called. An account that stands in two entries counts once.
func newBudget(c *config.Config, rows []fallback.Model) budget {
	var b budget
	rows = private(c, rows)
	seen := map[string]bool{}
	for i := range c.Providers {
		name := c.Providers[i].Name
		models := callable(rows, name)
		withTools := slices.DeleteFunc(slices.Clone(models), func(m fallback.Model) bool { return !m.Tools })
		keys := newAccounts(models, seen)
		if len(keys) == 0 {
			continue
		}
		p := part{provider: name, known: true, local: models[0].Proof == fallback.ProvenLocal}
		for _, key := range keys {
			all, known := grants(key.Limits, models)
			tools, _ := grants(key.Limits, withTools)
			p.all, p.tools, p.known = p.all+all, p.tools+tools, p.known && known
		}
		p.day = day(keys[0].Limits, models)
		b.parts = append(b.parts, p)
	}
	return b
}

// callable are the models of a provider that are not switched off.
func callable(rows []fallback.Model, provider string) (models []fallback.Model) {
	for _, m := range rows {
		if m.Off == "" && m.Provider == provider {
			models = append(models, m)
		}
	}
	return models
}

// newAccounts gives one key of each account that no entry before this one has.
func newAccounts(models []fallback.Model, seen map[string]bool) (keys []fallback.Key) {
	if len(models) == 0 {
		return nil
	}
	for _, k := range models[0].Keys {
		if !seen[k.Account] || k.Account == "" {
			seen[k.Account] = true
			keys = append(keys, k)
		}
	}
	return keys
}

// grants is what one account takes in a day for these models: the account's limit, and the models' added up, whichever is
// less. Unknown when neither is known.
func grants(account []fallback.Window, models []fallback.Model) (n int64, known bool) {
	if len(models) == 0 {
		return 0, true
	}
	n, known = perDay(account)
	var sum int64
	for _, m := range models {
		limit, ok := perDay(m.Limits)
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

// perDay is how many requests these windows take in a day, if one of a day is among them.
func perDay(windows []fallback.Window) (n int64, known bool) {
	for i := range windows {
		if w := &windows[i]; ofDay(w) && (!known || w.Limit < n) {
			n, known = w.Limit, true
		}
	}
	return n, known
}

func ofDay(w *fallback.Window) bool { return w.Unit == fallback.Requests && w.Per == aDay }

// day is the first window that says when the provider's day begins: the account's, else a model's.
func day(account []fallback.Window, models []fallback.Model) fallback.Window {
	for _, m := range append([]fallback.Model{{Limits: account}}, models...) {
		for i := range m.Limits {
			if ofDay(&m.Limits[i]) {
				return m.Limits[i]
			}
		}
	}
	return fallback.Window{}
}

// text is the budget in one line: "today 50 + 1,000 = 1,050 requests, 1,050 with tools; openrouter resets in 4 h 12 m".
func (b budget) text(now time.Time) string {
	var terms, notes []string
	var all, tools int64
	for _, p := range b.parts {
		switch {
		case p.known:
			terms = append(terms, thousands(p.all))
			all, tools = all+p.all, tools+p.tools
			notes = append(notes, p.resets(now))
		case p.local:
			notes = append(notes, p.provider+" has no limit")
		default:
			notes = append(notes, p.provider+" states no day limit")
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
	return strings.Join(notes, "; ")
}

func (p part) resets(now time.Time) string {
	switch p.day.Cycle {
	case fallback.Sliding:
		return p.provider + " counts the last 24 h"
	case fallback.Bucket:
		return p.provider + " fills again all day"
	}
	begins := config.DayReset{Hour: int(p.day.At / time.Hour), Minute: int(p.day.At / time.Minute % 60), Zone: zone(p.day)}
	next, _ := begins.Next(now)
	return p.provider + " resets in " + hours(next.Sub(now))
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
