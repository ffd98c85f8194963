package fallback

import (
	"strings"
	"time"
)

// fingerprinted marks names of state that go by a key's fingerprint.
const fingerprinted = "key "

// name is what the state of the key goes by.
func (k *Key) name(provider string, nth int) keyName {
	if k.Fingerprint != "" {
		return keyName{provider: provider, account: fingerprinted + k.Fingerprint}
	}
	return keyName{provider, k.Account, nth}
}

// credential names the state of the key itself. A key with a fingerprint has one state for all configured providers, since a server
// that has refused it once refuses it under each name that the server has in the configuration.
func (n keyName) credential() keyName {
	if strings.HasPrefix(n.account, fingerprinted) {
		n.provider = ""
	}
	return n
}

// account is what the state of its account goes by.
func (k *Key) account(provider string) accountKey {
	if k.Own && k.Fingerprint != "" {
		return accountKey{name: fingerprinted + k.Fingerprint}
	}
	return accountName(provider, k.Account)
}

// KeyStatus is the state of one key at one moment.
type KeyStatus struct {
	Model   *Model // the first row of its provider
	Nth     int    // in Model.Keys
	Account string // the provider's name when it has no accounts
	Reason  string // what it, its account or its provider rests for; "" = nothing
	Until   time.Time
	Parked  bool // it rests until the configuration changes
}

// Keys are those of all providers, in the order of the rows.
func (p *Pool) Keys(now time.Time) (out []KeyStatus) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := map[string]bool{}
	for i := range p.table.rows {
		r := &p.table.rows[i]
		if seen[r.Provider] {
			continue
		}
		seen[r.Provider] = true
		for k := range r.pairs {
			status := KeyStatus{Model: &r.Model, Nth: k, Account: r.account(k)}
			status.Reason, status.Until, status.Parked = r.pairs[k].rests(now, r.provider)
			out = append(out, status)
		}
	}
	return out
}

// rests is what keeps a key from being used for any model.
func (p *pair) rests(now time.Time, provider *rest) (reason string, until time.Time, parked bool) {
	var b block
	for _, r := range [...]*rest{provider, &p.account.rest, &p.key.rest} {
		if !r.active(now) {
			continue
		}
		if r.endless {
			return r.class.String(), time.Time{}, r.reload
		}
		b.longer(block{r.class.String(), r.until, r.limit})
	}
	if c, at := p.account.quota.shut(now, 1); c != nil {
		b.longer(block{c.reason(), at, true})
	}
	return b.why, b.until, false
}
