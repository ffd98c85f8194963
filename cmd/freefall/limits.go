package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"freefall/fallback"
	"freefall/internal/config"
	"freefall/internal/roster"
)

// limit is a window with the place that it comes from.
type limit struct {
	fallback.Window
	from string // "models.yaml:12", or "known of groq, 2026-07-18"
}

// limits are all windows of an account, or of a model for each account.
type limits []limit

// layer is what one place says of limits.
type layer struct {
	*config.Limits
	firm  bool // written by the operator
	from  func(key string) string
	fills func(key string) bool // which of them fill again all the time
}

const aDay = 24 * time.Hour

// counted are the limits that have a key of their own.
var counted = []struct {
	key  string
	unit fallback.Unit
	per  time.Duration
	of   func(*config.Limits) *int64
}{
	{"rpm", fallback.Requests, time.Minute, func(l *config.Limits) *int64 { return l.RPM }},
	{"rpd", fallback.Requests, aDay, func(l *config.Limits) *int64 { return l.RPD }},
	{"tpm", fallback.Tokens, time.Minute, func(l *config.Limits) *int64 { return l.TPM }},
	{"tpd", fallback.Tokens, aDay, func(l *config.Limits) *int64 { return l.TPD }},
	{"concurrency", fallback.Running, 0, func(l *config.Limits) *int64 { return l.Concurrency }},
}

// account are the limits of one account, all its models together: those that are written, else those that are known.
func (p *provider) account(written *config.Limits) limits {
	if written != nil {
		return resolve(p.written(written))
	}
	return resolve(p.known(p.dialect.Account)...)
}

// model are the limits of a model for each account: its own, key by key, over those that are written for its provider's
// models, else over those that are known.
func (p *provider) model(m *config.Model) limits {
	var layers []layer
	if m.Limits != nil {
		layers = append(layers, p.written(m.Limits))
	}
	if p.config.ModelLimits != nil {
		return resolve(append(layers, p.written(p.config.ModelLimits))...)
	}
	return resolve(append(layers, p.known(p.dialect.Of(m.ID))...)...)
}

func (p *provider) written(l *config.Limits) layer {
	return layer{l, true, func(key string) string { return p.origin(strings.Trim(l.Path+"."+key, ".")) }, func(string) bool { return false }}
}

// known are the limits that the dialect states. They are its owner's: a server of the operator's own that speaks like it has
// none of them.
func (p *provider) known(l roster.Limits) []layer {
	if p.via.Local {
		return nil
	}
	some := func(n int64) *int64 {
		if n == 0 {
			return nil
		}
		return &n
	}
	stated := &config.Limits{RPM: some(l.RPM), RPD: some(l.RPD), TPM: some(l.TPM), TPD: some(l.TPD), Concurrency: some(l.Concurrency)}
	for _, w := range []struct {
		requests, tokens int64
		per              time.Duration
	}{{l.RPS, 0, time.Second}, {l.RPH, 0, time.Hour}, {0, l.TPH, time.Hour}} {
		if w.requests+w.tokens > 0 {
			stated.Windows = append(stated.Windows, config.Window{Requests: some(w.requests), Tokens: some(w.tokens), Per: w.per})
		}
	}
	if l.DayResets != "" {
		stated.DayResets = new(config.DayReset)
		if err := stated.DayResets.UnmarshalText([]byte(l.DayResets)); err != nil {
			panic("BUG: dialect " + p.dialect.Name + ": " + err.Error())
		}
	}
	return []layer{{stated, false, func(string) string { return "known of " + p.dialect.Name + ", " + p.dialect.Read }, l.Filling}}
}

// resolve turns what several places say, the narrowest first, into windows. The word none hides what is wider.
func resolve(layers ...layer) (all limits) {
	if i := slices.IndexFunc(layers, func(l layer) bool { return l.None }); i >= 0 {
		layers = layers[:i]
	}
	begin, says := dayOf(layers)
	for _, c := range counted {
		for i, l := range layers {
			if n := c.of(l.Limits); n != nil {
				w := fallback.Window{Unit: c.unit, Per: c.per, Limit: *n, Firm: l.firm}
				switch daily := c.per == aDay; {
				case l.fills(c.key) && (!daily || says >= i):
					w.Cycle = fallback.Bucket
				case daily:
					w = begin(w)
				}
				all.add(limit{w, l.from(c.key)})
				break
			}
		}
	}
	for _, l := range layers {
		for i := range l.Windows {
			all.add(limit{l.window(i), l.from(fmt.Sprintf("windows[%d]", i))})
		}
		if l.Windows != nil {
			break
		}
	}
	return all
}

// dayOf gives how a window of a day comes round, and which layer says so: the first that says it.
func dayOf(layers []layer) (func(fallback.Window) fallback.Window, int) {
	i := slices.IndexFunc(layers, func(l layer) bool { return l.DayResets != nil })
	if i < 0 {
		return daily(config.DayReset{}), len(layers)
	}
	return daily(*layers[i].DayResets), i
}

func daily(r config.DayReset) func(fallback.Window) fallback.Window {
	return func(w fallback.Window) fallback.Window {
		if !r.Rolling {
			w.Cycle, w.Zone = fallback.Daily, r.Zone
			w.At = time.Duration(r.Hour)*time.Hour + time.Duration(r.Minute)*time.Minute
		}
		return w
	}
}

// window is one of the free form.
func (l layer) window(i int) fallback.Window {
	x := l.Windows[i]
	w := fallback.Window{Unit: fallback.Requests, Per: x.Per, Firm: l.firm}
	switch {
	case x.Kind == "fixed":
		w.Cycle = fallback.Fixed
	case l.fills(""):
		w.Cycle = fallback.Bucket
	}
	if x.Tokens != nil {
		w.Unit, w.Limit = fallback.Tokens, *x.Tokens
	} else {
		w.Limit = *x.Requests
	}
	return w
}

// add takes a window in, once for each kind: of two the smaller holds. A limit of 0 is no window: what has one is never called.
func (all *limits) add(l limit) {
	if l.Limit == 0 {
		return
	}
	same := slices.IndexFunc(*all, func(x limit) bool {
		return x.Unit == l.Unit && x.Per == l.Per && x.Cycle == l.Cycle && x.At == l.At && zone(x.Window).String() == zone(l.Window).String()
	})
	switch {
	case same < 0:
		*all = append(*all, l)
	case l.Limit < (*all)[same].Limit:
		(*all)[same] = l
	}
}

func zone(w fallback.Window) *time.Location {
	if w.Zone == nil {
		return time.UTC
	}
	return w.Zone
}

// windows are the limits as the pool takes them.
func (all limits) windows() (out []fallback.Window) {
	for _, l := range all {
		out = append(out, l.Window)
	}
	return out
}

// ofClient are the limits of the nth client: its minute slides, its day is that of UTC.
func ofClient(c *config.Config, n int) (all limits) {
	client := &c.Clients[n]
	for _, w := range []struct {
		key   string
		limit *int64
		fallback.Window
	}{
		{"rpm", client.RPM, fallback.Window{Unit: fallback.Requests, Per: time.Minute}},
		{"rpd", client.RPD, fallback.Window{Unit: fallback.Requests, Per: aDay, Cycle: fallback.Daily}},
		{"tpd", client.TPD, fallback.Window{Unit: fallback.Tokens, Per: aDay, Cycle: fallback.Daily}},
	} {
		if w.limit != nil {
			w.Limit, w.Firm = *w.limit, true
			all = append(all, limit{w.Window, c.Origin(fmt.Sprintf("clients[%d].%s", n, w.key))})
		}
	}
	return all
}
