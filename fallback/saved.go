package fallback

import (
	"maps"
	"time"
)

// Saved is the state that outlives a process, as plain values. Counts and rests are in it, and what was learned of models;
// results and times to first token are not.
type Saved struct {
	Models  []SavedModel
	Rests   []SavedRest
	Windows []SavedWindow
	Notes   []Note
}

// Note is what others keep together with the state of the pool, which passes it over.
type Note struct{ Kind, Name, Text string }

// SavedModel is what is known of one model.
type SavedModel struct {
	Provider, ID string

	FailureCount int
	Closed       bool      `json:",omitempty"` // it rests for its failures, or waits for its trial
	Until        time.Time `json:",omitzero"`
	Level        int       `json:",omitempty"` // failed trials in a row
	LastBad      time.Time `json:",omitzero"`
	LastError    string    `json:",omitempty"`
	LastErrorAt  time.Time `json:",omitzero"`
	Refused      []Lack    `json:",omitempty"`
	Lacks        []string  `json:",omitempty"` // likewise, of before it was kept since when
	Paused       bool      `json:",omitempty"`
	SpentOn      time.Time `json:",omitzero"`  // the UTC day that Spent belongs to
	Spent        float64   `json:",omitempty"` // USD
	Dearest      float64   `json:",omitempty"` // USD, of one attempt
	TokenRatio   float64   `json:",omitempty"` // input tokens reported for one estimated
	Output       float64   `json:",omitempty"` // tokens of an answer
	Left         time.Time `json:",omitzero"`  // since when it has no row
	Today        time.Time `json:",omitzero"`  // the UTC day that Requests and Tokens belong to
	Requests     int64     `json:",omitempty"` // answered
	Tokens       int64     `json:",omitempty"`
}

// Lack is a feature that a model refused.
type Lack struct {
	Feature string
	Since   time.Time
}

// SavedRest is one rest. Target says which of the names matter.
type SavedRest struct {
	Target   string
	Provider string
	Account  string `json:",omitempty"`
	Nth      int    `json:",omitempty"` // among the keys of that account
	ID       string `json:",omitempty"`

	From, Until time.Time
	Endless     bool      `json:",omitempty"`
	Reload      bool      `json:",omitempty"` // until the configuration changes; only told to other replicas
	Proven      bool      `json:",omitempty"`
	Limit       bool      `json:",omitempty"`
	Class       string    // why
	Level       int       `json:",omitempty"`
	NextTrial   time.Time `json:",omitzero"`
}

// Save gives the state worth keeping. Rests that a new configuration would lift are left out: a start reads it anew.
func (p *Pool) Save(now time.Time) Saved {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock(now)
	return p.save(now)
}

func (p *Pool) save(now time.Time) (out Saved) {
	p.state.forget(now)
	for name, m := range p.state.models {
		if saved := m.save(now, name); saved.worth() {
			out.Models = append(out.Models, saved)
		}
	}
	p.state.eachNamedRest(func(r *rest, as SavedRest) { out.keep(now, r, as) })
	for name, a := range p.state.accounts {
		out.windows(now, &a.quota, SavedWindow{Target: TargetAccount.String(), Provider: name.provider, Account: name.name})
	}
	for name, q := range p.state.quotas {
		out.windows(now, q, SavedWindow{Target: TargetPair.String(), Provider: name.provider, Account: name.account.name, ID: name.id})
	}
	for name, q := range p.state.shares {
		out.windows(now, q, SavedWindow{Target: targetClient, Account: name})
	}
	return out
}

// eachNamedRest gives all rests with their names.
func (s *state) eachNamedRest(do func(*rest, SavedRest)) {
	for name, m := range s.models {
		do(&m.rest, SavedRest{Target: TargetModel.String(), Provider: name[0], ID: name[1]})
	}
	for name, r := range s.pairs {
		do(r, SavedRest{Target: TargetPair.String(), Provider: name.provider, Account: name.account, Nth: name.nth, ID: name.id})
	}
	for name, k := range s.keys {
		do(&k.rest, SavedRest{Target: TargetKey.String(), Provider: name.provider, Account: name.account, Nth: name.nth})
	}
	for name, a := range s.accounts {
		do(&a.rest, SavedRest{Target: TargetAccount.String(), Provider: name.provider, Account: name.name})
	}
	for name, r := range s.providers {
		do(r, SavedRest{Target: TargetProvider.String(), Provider: name})
	}
}

func (m *modelState) save(now time.Time, name [2]string) SavedModel {
	s := SavedModel{Provider: name[0], ID: name[1], FailureCount: m.health.count, Closed: m.health.closed, Until: m.health.until,
		Level: m.health.level, LastBad: m.lastBad, LastError: m.lastError, LastErrorAt: m.lastErrorAt,
		Paused: m.paused, SpentOn: m.purse.day, Spent: m.purse.spent, Dearest: m.purse.dearest, TokenRatio: m.tokens.ratio, Output: m.tokens.output, Left: m.left}
	if t := &m.stats.today; t.requests > 0 || t.tokens > 0 {
		s.Today, s.Requests, s.Tokens = t.day, t.requests, t.tokens
	}
	for f := range m.lacks {
		if m.lack(Feature(f), now) {
			s.Refused = append(s.Refused, Lack{Feature(f).String(), m.lacks[f]})
		}
	}
	return s
}

func (s *SavedModel) worth() bool {
	return s.FailureCount > 0 || s.Closed || s.LastError != "" || len(s.Refused) > 0 || s.Paused || s.Dearest > 0 || s.TokenRatio > 0 ||
		s.Requests > 0 || s.Tokens > 0
}

// keep adds a rest that still means something: it is not over, or a repetition would be doubled.
func (s *Saved) keep(now time.Time, r *rest, as SavedRest) {
	if r.reload || !r.active(now) && r.level == 0 {
		return
	}
	s.Rests = append(s.Rests, r.saved(as))
}

func (r *rest) saved(as SavedRest) SavedRest {
	as.From, as.Until, as.Endless, as.Proven, as.Limit = r.from, r.until, r.endless, r.proven, r.limit
	as.Class, as.Level, as.NextTrial = r.class.String(), r.level, r.nextTrial
	return as
}

// Restore takes the place of the state with one that was saved. What it does not know it passes over: a name that is no
// longer configured waits for its return.
func (p *Pool) Restore(s Saved) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = latest(p.seen, s.latest())
	p.restore(s)
}

func (p *Pool) restore(s Saved) {
	for _, saved := range s.Models {
		at(p.state.models, [2]string{saved.Provider, saved.ID}).restore(saved, p.table.Breaker)
	}
	for _, saved := range s.Rests {
		if r := p.state.find(saved); r != nil {
			*r = rest{from: saved.From, until: saved.Until, endless: saved.Endless, proven: saved.Proven, limit: saved.Limit,
				class: index[Class](classNames[:], saved.Class), level: max(0, saved.Level), nextTrial: saved.NextTrial,
				trial: r.trial, slow: r.slow, inside: r.inside}
		}
	}
	for _, saved := range s.Windows {
		p.state.restoreWindow(saved)
	}
}

func (m *modelState) restore(s SavedModel, b Breaker) {
	m.health = health{count: max(0, s.FailureCount), closed: s.Closed, until: s.Until, level: max(0, s.Level), gen: m.health.gen, trial: m.health.trial}
	m.health.clamp(b)
	m.lastBad, m.lastError, m.lastErrorAt = s.LastBad, s.LastError, s.LastErrorAt
	m.paused = s.Paused
	if !m.present {
		m.left = s.Left
	}
	m.purse = purse{day: s.SpentOn, spent: max(0, s.Spent), dearest: max(0, s.Dearest), known: s.Dearest > 0, running: m.purse.running}
	m.stats.today = tally{day: s.Today, requests: max(0, s.Requests), tokens: max(0, s.Tokens)}
	if s.TokenRatio > 0 && s.Output >= 0 {
		m.tokens = appetite{ratio: min(4, max(0.5, s.TokenRatio)), output: s.Output}
	}
	for _, word := range s.Lacks {
		m.lacks[index[Feature](featureNames[:], word)] = latest(s.LastBad, s.LastErrorAt)
	}
	for _, lack := range s.Refused {
		m.lacks[index[Feature](featureNames[:], lack.Feature)] = lack.Since
	}
	m.lacks[FeatureNone] = time.Time{}
}

const (
	keptAfter = 30 * day // what left for good is remembered for so long, in case it was not for good,
	manyLeft  = 2000     // and only for a day when so many have left: lists may name others each time
)

// forget lets go of models that have had no row for long.
func (s *state) forget(now time.Time) {
	absent, keep, gone := 0, keptAfter, false
	for _, m := range s.models {
		if m.present {
			continue
		}
		if m.left.IsZero() || m.left.After(now) {
			m.left = now
		}
		absent++
	}
	if absent > manyLeft {
		keep = day
	}
	for name, m := range s.models {
		if !m.present && now.Sub(m.left) > keep {
			delete(s.models, name)
			gone = true
		}
	}
	if !gone {
		return
	}
	known := func(provider, id string) bool { return s.models[[2]string{provider, id}] != nil }
	maps.DeleteFunc(s.pairs, func(n pairName, _ *rest) bool { return !known(n.provider, n.id) })
	maps.DeleteFunc(s.quotas, func(n quotaName, _ *quota) bool { return !known(n.provider, n.id) })
}

// find is the rest that a saved one belongs to, nil if its target is unknown.
func (s *state) find(r SavedRest) *rest {
	key := keyName{r.Provider, r.Account, r.Nth}
	switch index[Target](targetNames[:], r.Target) {
	case TargetModel:
		return &at(s.models, [2]string{r.Provider, r.ID}).rest
	case TargetPair:
		return at(s.pairs, pairName{key, r.ID})
	case TargetKey:
		return &at(s.keys, key.credential()).rest
	case TargetAccount:
		return &at(s.accounts, accountName(r.Provider, r.Account)).rest
	case TargetProvider:
		return at(s.providers, r.Provider)
	}
	return nil
}

// index is the value with that name, the zero value if there is none.
func index[T ~uint8](names []string, word string) T {
	for i, name := range names {
		if name == word {
			return T(i)
		}
	}
	return 0
}
