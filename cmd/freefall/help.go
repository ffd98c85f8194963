package main

import (
	"strings"

	"freefall/fallback"
	"freefall/internal/config"
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
