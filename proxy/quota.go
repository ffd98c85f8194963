package proxy

import (
	"slices"
	"time"

	"freefall/fallback"
)

// quotaState is one window in the state API. The first five fields and their order are a promise.
type quotaState struct {
	Window   string  `json:"window"`
	Scope    string  `json:"scope"`
	Used     int64   `json:"used"`
	Limit    int64   `json:"limit"`
	ResetsAt *string `json:"resets_at"`
	Account  string  `json:"account,omitempty"`
	Learned  bool    `json:"learned,omitempty"` // nobody named it: it was found out
	Source   string  `json:"source"`            // whose word the limit is: config, dialect, provider, refusals
}

// accountState is what one account has drawn for all its models together.
type accountState struct {
	Name   string       `json:"name"`
	Models []string     `json:"models"`
	Quota  []quotaState `json:"quota"`
}

// clientState is what one client has drawn from its share.
type clientState struct {
	Name  string       `json:"name"`
	Quota []quotaState `json:"quota"`
}

// sees says whether the caller is shown whose accounts and clients there are: the admin, or everybody where nobody needs a key.
func (s *Settings) sees(who caller) bool { return who.admin || len(s.Clients) == 0 && s.AdminKey == "" }

func windows(quota []fallback.Quota, named bool) []quotaState {
	out := make([]quotaState, len(quota))
	for i, q := range quota {
		out[i] = quotaState{Window: q.Window, Scope: q.Scope, Used: q.Used, Limit: q.Limit, ResetsAt: moment(q.ResetsAt), Learned: q.Learned, Source: string(q.Source)}
		if named {
			out[i].Account = q.Account
		}
	}
	return out
}

// accounts are all accounts, nil for callers that may not see them.
func (p *Proxy) accounts(now time.Time, s *Settings, who caller) []accountState {
	if !s.sees(who) {
		return nil
	}
	out := []accountState{}
	for _, a := range p.pool.Accounts(now) {
		out = append(out, accountState{Name: a.Name, Models: a.Models, Quota: windows(a.Quota, false)})
	}
	return out
}

// clients are all clients with their shares; a client sees its own.
func (p *Proxy) clients(now time.Time, s *Settings, who caller) []clientState {
	drawn := p.pool.Clients(now)
	var out []clientState
	if s.sees(who) {
		out = []clientState{}
	}
	for i := range s.keys {
		name := s.keys[i].name
		if s.keys[i].admin || !s.sees(who) && name != who.client() {
			continue
		}
		own := slices.DeleteFunc(slices.Clone(drawn), func(q fallback.Quota) bool { return q.Account != name })
		out = append(out, clientState{Name: name, Quota: windows(own, false)})
	}
	return out
}
