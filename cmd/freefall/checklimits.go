package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"freefall/fallback"
	"freefall/internal/config"
)

// limits prints what accounts, models and clients may draw, and whose word that is. Those that may draw the same by the same
// word stand together.
func (r *report) limits(c *config.Config, b built) {
	var items []string
	for i := range c.Providers {
		p := b.providers[c.Providers[i].Name]
		if len(callable(b.pool.Models, p.config.Name)) == 0 {
			continue
		}
		var models group
		for j := range c.Models {
			if m := &c.Models[j]; m.Provider == p.config.Name && b.pool.Models[j].Off == "" {
				models.add(m.ID, p.model(m).text())
			}
		}
		accounts := p.accounts()
		if !p.via.Local && len(accounts.texts)+len(models.texts) == 0 {
			accounts.add(p.config.Name, "none known, to be learned")
		}
		items = append(items, accounts.lines("")...)
		items = append(items, models.lines(" at "+p.config.Name)...)
	}
	var clients group
	for i := range c.Clients {
		clients.add(c.Clients[i].Name, ofClient(c, i).text())
	}
	r.list("Limits, of accounts and of models for each account", append(items, clients.lines(", a client")...))
}

// accounts are those of the provider with what each may draw.
func (p *provider) accounts() *group {
	var g group
	if p.config.Keyless {
		g.add(p.config.Name, p.accountText(p.config.Limits))
	}
	for _, k := range p.config.Keys {
		g.add(k.Account, p.accountText(k.Limits))
	}
	return &g
}

// accountText says what an account may draw; that somebody has written none is worth a word.
func (p *provider) accountText(written *config.Limits) string {
	text := p.account(written).text()
	if text == "" && written != nil {
		return "none known (" + p.origin(written.Path) + ")"
	}
	return text
}

// group are names by what is said of them.
type group struct {
	texts []string
	names map[string][]string
}

func (g *group) add(name, text string) {
	if text == "" {
		return
	}
	if g.names == nil {
		g.names = map[string][]string{}
	}
	if g.names[text] == nil {
		g.texts = append(g.texts, text)
	}
	if !slices.Contains(g.names[text], name) {
		g.names[text] = append(g.names[text], name)
	}
}

func (g *group) lines(of string) (lines []string) {
	for _, text := range g.texts {
		lines = append(lines, strings.Join(g.names[text], ", ")+of+": "+text)
	}
	return lines
}

// text writes limits, those of one place together: "20 rpm, 50 rpd from 00:00 UTC (known of openrouter, 2026-10-17)".
func (all limits) text() string {
	var parts []string
	for i, l := range all {
		part := l.words()
		if i+1 == len(all) || all[i+1].from != l.from {
			part += " (" + l.from + ")"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

// words write one window: "50 rpd from 00:00 UTC", "30 requests/5s".
func (l limit) words() string {
	text := thousands(l.Limit) + " " + l.Name()
	switch {
	case l.Unit == fallback.Running:
		return thousands(l.Limit) + " at once"
	case l.Cycle == fallback.Fixed:
		return text + " fixed"
	case l.Cycle == fallback.Daily:
		return fmt.Sprintf("%s from %02d:%02d %s", text, l.At/time.Hour, l.At/time.Minute%60, zone(l.Window))
	case l.Cycle == fallback.Bucket:
		return text + " refilling"
	case l.Per == aDay:
		return text + " rolling"
	}
	return text
}
