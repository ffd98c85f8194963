package fallback

import (
	"cmp"
	"slices"
	"time"
)

// Quota is one window at one moment.
type Quota struct {
	Scope   string // "model" (of one account), "account" (all its models), or "client"
	Account string // whose it is; the provider's name when it has no accounts, the client's name
	Window  string // rpm, rpd, ... see Window.Name
	Used    int64
	Limit   int64
	// ResetsAt is when the window is next less full: the turn's end, or when the oldest of a sliding one leaves. Zero when nothing
	// is used, or when it is when somebody ends.
	ResetsAt time.Time
	Learned  bool // nobody named it: it was found out
	Source   Source
}

// Source is where a limit is known from.
type Source string

const (
	FromConfig   Source = "config"   // the operator wrote it
	FromDialect  Source = "dialect"  // it is known of the provider
	FromProvider Source = "provider" // the provider said so, with an answer or when asked about the key
	FromRefusals Source = "refusals" // nobody named it: what was taken on and what was refused tells it
)

// Account is what one account has drawn from the windows of all its models together.
type Account struct {
	Name   string // the provider's name when it has no accounts
	Models []string
	Quota  []Quota
}

// Accounts are those of the rows, in their order.
func (p *Pool) Accounts(now time.Time) (out []Account) {
	p.mu.Lock()
	defer p.mu.Unlock()
	nth := map[*accountState]int{}
	for i := range p.table.rows {
		r := &p.table.rows[i]
		for k := range r.pairs {
			a := r.pairs[k].account
			n, ok := nth[a]
			if !ok {
				n = len(out)
				nth[a] = n
				name := r.account(k)
				out = append(out, Account{Name: name, Quota: a.quota.list(nil, now, "account", name)})
			}
			out[n].Models = append(out[n].Models, r.ID)
		}
	}
	for n := range out {
		out[n].Models = unique(out[n].Models)
	}
	return out
}

// unique drops what is there already, and keeps the order.
func unique(ids []string) []string {
	seen := make(map[string]bool, len(ids))
	return slices.DeleteFunc(ids, func(id string) bool {
		was := seen[id]
		seen[id] = true
		return was
	})
}

// Clients are the shares that are bounded, by name.
func (p *Pool) Clients(now time.Time) (out []Quota) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, share := range p.state.shares {
		out = share.list(out, now, "client", name)
	}
	slices.SortStableFunc(out, func(a, b Quota) int { return cmp.Compare(a.Account, b.Account) })
	return out
}

func (r *row) account(k int) string { return cmp.Or(r.Keys[k].Account, r.Provider) }

// quota lists the windows that stand before a row.
func (r *row) quota(now time.Time) (out []Quota) {
	var seen []*quota
	for _, scope := range [...]string{"model", "account"} {
		for k := range r.pairs {
			q := r.pairs[k].quota
			if scope == "account" {
				q = &r.pairs[k].account.quota
			}
			if slices.Contains(seen, q) {
				continue
			}
			seen = append(seen, q)
			out = q.list(out, now, scope, r.account(k))
		}
	}
	return out
}

func (q *quota) list(out []Quota, now time.Time, scope, account string) []Quota {
	for _, c := range q.counters {
		out = append(out, c.show(now, scope, account))
	}
	if q.guess != nil {
		for s := range q.guess.kept {
			if !q.names(&s.Window) {
				line := s.counter.show(now, scope, account)
				line.Learned, line.Source = true, FromRefusals
				return append(out, line) // longer ones are its multiples
			}
		}
	}
	return out
}

// names says whether a window of that unit and length is known.
func (q *quota) names(w *Window) bool {
	return slices.ContainsFunc(q.counters, func(c *counter) bool { return c.Unit == w.Unit && c.Per == w.Per })
}

func (c *counter) show(now time.Time, scope, account string) Quota {
	c.advance(now)
	line := Quota{Scope: scope, Account: account, Window: c.Name(), Used: max(0, c.used), Limit: c.limit(), Learned: c.learned, Source: c.source()}
	switch {
	case c.Unit == Running || c.used <= 0:
	case c.Cycle == Bucket:
		line.ResetsAt = now.Add(time.Duration(1 / float64(c.limit()) * float64(c.Per)))
	case c.Cycle != Sliding:
		line.ResetsAt = c.to
	case c.head < len(c.log):
		line.ResetsAt = c.log[c.head].at.Add(c.Per)
	}
	return line
}

func (c *counter) source() Source {
	switch {
	case c.corrected():
		return FromProvider
	case c.Firm:
		return FromConfig
	}
	return FromDialect
}
