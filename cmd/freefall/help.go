package main

import (
	"slices"
	"strings"

	"freefall/fallback"
	"freefall/internal/config"
	"freefall/internal/roster"
)

// help says what would add most to what a day grants: the key of a provider whose models wait for one. "" when there is none,
// or nobody knows what it grants.
func help(c *config.Config, providers map[string]*provider, rows []fallback.Model) string {
	var most int64
	var sentence string
	for i := range c.Providers {
		p := providers[c.Providers[i].Name]
		if p.config.Off != "no_key" {
			continue
		}
		var waiting []fallback.Model
		for _, m := range rows {
			if m.Provider == p.config.Name && m.Proof != fallback.Unproven {
				waiting = append(waiting, m)
			}
		}
		if n, known := grants(p.account(p.config.Limits).windows(), waiting); known && n > most {
			most = n
			sentence = "a key of " + p.config.Name + " (" + strings.Join(p.config.KeyVars, " or ") + ") adds " + thousands(n) + " a day"
		}
	}
	return sentence
}

// noKey says what would make a provider usable: the variables for those that lack a key, a word for those of which nobody knows that
// they are free.
func (b *built) noKey(c *config.Config) string {
	var variables, names []string
	for i := range c.Providers {
		if c.Providers[i].Off == "no_key" {
			variables = append(variables, c.Providers[i].KeyVars...)
		}
	}
	for _, p := range b.unproven(c) {
		names = append(names, p.config.Name)
	}
	var ways []string
	if len(variables) > 0 {
		ways = append(ways, "set "+strings.Join(variables, " or ")+" in .env, or in the environment and start again")
	}
	if len(names) > 0 {
		list := strings.Join(names, ",")
		ways = append(ways, "set FREEFALL_FREE_PLAN="+list+" if the key of "+strings.ReplaceAll(list, ",", " and ")+" has no billing")
	}
	return strings.Join(ways, "; or ")
}

// unproven are the providers that have a key and are never called, since nobody has said that it costs nothing.
func (b *built) unproven(c *config.Config) (all []*provider) {
	for i := range c.Providers {
		p := b.providers[c.Providers[i].Name]
		if p.config.Off == "" && p.config.Free == "auto" && !roster.Asks(p.claim("")) {
			all = append(all, p)
		}
	}
	return all
}

// idle says whether nothing can be called, nor ever will be as things are.
func (b *built) idle(c *config.Config) bool {
	callable := func(m fallback.Model) bool { return m.Off == "" }
	return !slices.ContainsFunc(b.pool.Models, callable) && len(b.sources(c)) == 0
}
