package main

import (
	"freefall/internal/config"
	"freefall/internal/roster"
)

// metered are the accounts whose provider tells what is left of them, each once. Nobody is asked about an account that cannot
// be called.
func (b *built) metered(c *config.Config) (accounts []roster.Account) {
	nth := map[string]int{} // by account
	for i := range c.Providers {
		p := b.providers[c.Providers[i].Name]
		if p.via.Dialect.KeyPath == "" || len(callable(b.pool.Models, p.config.Name)) == 0 {
			continue
		}
		for k, key := range p.config.Keys {
			n, seen := nth[key.Account]
			if !seen {
				n = len(accounts)
				nth[key.Account] = n
				accounts = append(accounts, roster.Account{Place: p.place(p.via.Dialect.KeyPath), Provider: p.config.Name, Name: p.keys[k].Account})
			}
			if a := &accounts[n]; a.Provider == p.config.Name {
				a.Keys = append(a.Keys, key.Key.Reveal())
			}
		}
	}
	return accounts
}
