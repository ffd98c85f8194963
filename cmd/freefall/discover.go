package main

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"freefall/fallback"
	"freefall/internal/config"
	"freefall/internal/roster"
	"freefall/proxy"
)

// lists are what the providers list, as the rows are made of it.
type lists interface {
	Of(*roster.Source) *roster.List
}

// source is the provider's list, if it is one to ask: it can be called, the operator has not said off, and what it says could
// make a model free.
func (p *provider) source() (s roster.Source, ok bool) {
	if p.config.Off != "" || p.config.Discover.Off || !roster.Asks(p.claim("")) {
		return s, false
	}
	return roster.Source{Place: p.place("/models", p.via.Keys...), Provider: p.config.Name, Dialect: p.dialect, Every: p.config.Discover.Every}, true
}

// place is a page of the provider's that tells something.
func (p *provider) place(path string, keys ...string) roster.Place {
	return roster.Place{URL: strings.TrimRight(p.config.BaseURL, "/") + path, Keys: keys, Headers: p.via.Headers, Local: p.via.Local}
}

// sources are the lists to ask, in the order of the providers.
func (b *built) sources(c *config.Config) (all []roster.Source) {
	for i := range c.Providers {
		if s, ok := b.providers[c.Providers[i].Name].source(); ok {
			all = append(all, s)
		}
	}
	return all
}

// take makes the rows anew by what the providers list: the configured ones, and behind them those that join.
func (b *built) take(c *config.Config, l lists, now time.Time) {
	for _, p := range b.providers {
		p.list, p.now = nil, now
		p.routes, p.before = map[string]*proxy.Route{}, p.routes
		if s, ok := p.source(); ok {
			p.list = l.Of(&s)
		}
	}
	b.pool.Models = nil
	for i := range c.Models {
		b.pool.Models = append(b.pool.Models, b.providers[c.Models[i].Provider].row(&c.Models[i]))
	}
	b.joined = nil
	for i := range c.Providers {
		b.joined = append(b.joined, b.providers[c.Providers[i].Name].joining(c)...)
	}
	roster.Rank(b.joined)
	for i := range b.joined {
		p := b.providers[b.joined[i].Provider]
		b.pool.Models = append(b.pool.Models, p.row(p.listed(&b.joined[i].Listed)))
	}
}

// joining are the models of the provider that join by themselves.
func (p *provider) joining(c *config.Config) []roster.Joiner {
	if p.list == nil || p.config.Discover.Approve == "manual" || p.config.Never() {
		return nil
	}
	return p.candidates(c)
}

// joins says what becomes of what the provider lists.
func (p *provider) joins() string {
	switch _, asked := p.source(); {
	case !asked:
		return "its list is not asked"
	case p.config.Discover.Approve == "manual":
		return "`freefall models` shows those that it lists as free"
	}
	return "those that it lists as free join while freefall runs"
}

// candidates are the models that would join if they may.
func (p *provider) candidates(c *config.Config) []roster.Joiner {
	return roster.Joining(p.claim(""), p.config.Discover.Prefer, p.config.Discover.Deny, func(id string) bool {
		return slices.ContainsFunc(c.Models, func(m config.Model) bool { return m.Provider == p.config.Name && m.ID == id })
	})
}

// listed is a model of the list as if it were configured.
func (p *provider) listed(l *roster.Listed) *config.Model {
	return &config.Model{ID: l.ID, Name: cmp.Or(l.Name, l.ID), Provider: p.config.Name, Kind: "chat", Timeouts: p.config.Timeouts}
}

// completed is a model with what its provider lists of it, where the config says nothing.
func completed(m *config.Model, l *roster.Listed) *config.Model {
	if l == nil {
		return m
	}
	whole := *m
	whole.SupportsTools = cmp.Or(m.SupportsTools, l.Tools)
	whole.SupportsVision = cmp.Or(m.SupportsVision, l.Vision)
	whole.SupportsJSONSchema = cmp.Or(m.SupportsJSONSchema, l.JSONSchema)
	whole.ContextLength = cmp.Or(m.ContextLength, l.Context)
	return &whole
}

// route is how a model of the provider is reached, the same one as long as the config is the same: metrics know it by that.
func (p *provider) route(m *config.Model) *proxy.Route {
	r := p.before[m.ID]
	if r == nil {
		r = &proxy.Route{Provider: p.via, Connect: m.Timeouts.Connect, FirstToken: m.Timeouts.FirstToken, Answer: m.Timeouts.Answer, Idle: m.Timeouts.Idle,
			MinRate: int(m.Timeouts.MinRate)}
	}
	p.routes[m.ID] = r
	return r
}

// relist takes into use what the lists say now, if it differs from what they said before.
func (s *server) relist() {
	s.rows.Lock()
	defer s.rows.Unlock()
	if s.built == nil {
		return // the start will do it
	}
	before, now := s.built.pool.Models, time.Now()
	s.built.take(s.config.Load(), s.lists, now)
	after := s.built.pool.Models
	if reflect.DeepEqual(plain(before), plain(after)) {
		return
	}
	s.pool.Revise(s.built.pool)
	for _, change := range roster.Changes(now, before, after) {
		s.tell(change)
	}
}

// plain are rows without what only the config changes.
func plain(rows []fallback.Model) []fallback.Model {
	out := slices.Clone(rows)
	for i := range out {
		out[i].Via, out[i].Keys = nil, nil
	}
	return out
}

// tell logs a change and passes it on.
func (s *server) tell(c roster.Change) {
	level := zerolog.InfoLevel
	text := "Model " + c.ID + " of " + c.Provider
	switch c.What {
	case roster.Joined:
		text += " joins: it is listed as free"
	case roster.Left:
		text += " leaves: it is not listed as free any more"
	case roster.Back:
		text += " is back"
	case roster.Gone, roster.NotFree:
		level = zerolog.WarnLevel
		text += " is parked: " + c.Why
	}
	s.log.WithLevel(level).Str("provider", c.Provider).Str("model", c.ID).Stringer("change", c.What).Msg(text)
	if s.changed != nil {
		s.changed(c)
	}
}

// listValues are the metrics of the lists.
func (s *server) listValues() []proxy.Value {
	return []proxy.Value{
		{Name: "freefall_list_read_timestamp_seconds", Help: "When the provider's list of models was last read; none = not yet.",
			Labels: []string{"provider"}, Each: func(show func(float64, ...string)) {
				s.eachList(func(name string, l *roster.List) { show(float64(l.At.Unix()), name) })
			}},
		{Name: "freefall_list_models", Help: "Models in the list, those that joined, and configured ones that it parks.",
			Labels: []string{"provider", "state"}, Each: func(show func(float64, ...string)) {
				s.eachList(func(name string, l *roster.List) {
					counts := map[string]int{"listed": len(l.Models), "joined": 0, "gone": 0, "not_free": 0}
					for i := range s.built.joined {
						counts["joined"] += same(s.built.joined[i].Provider, name)
					}
					for i := range s.built.pool.Models {
						if m := &s.built.pool.Models[i]; m.Off == "gone" || m.Off == "not_free" {
							counts[m.Off] += same(m.Provider, name)
						}
					}
					for state, n := range counts {
						show(float64(n), name, state)
					}
				})
			}},
	}
}

func same(a, b string) int {
	if a == b {
		return 1
	}
	return 0
}

func (s *server) eachList(do func(provider string, l *roster.List)) {
	s.rows.Lock()
	defer s.rows.Unlock()
	if s.built == nil {
		return
	}
	for name, p := range s.built.providers {
		if p.list != nil {
			do(name, p.list)
		}
	}
}
