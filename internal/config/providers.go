package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// providers checks each entry, takes in the known ones whose key stands in the environment, and sorts keys into accounts.
func (r *resolver) providers() {
	c := r.c
	if c.Providers == nil && len(r.options.Known) > 0 {
		c.Providers = []Provider{{Name: r.options.Known[0].Name}}
	}
	if c.File == "" {
		r.join()
	}
	accounts := accounts{}
	for i := range c.Providers {
		p := &c.Providers[i]
		path := "providers." + p.Name
		known := r.known(p)
		r.baseURL(path, p, known)
		r.dialect(path, p)
		r.keys(path, p, known)
		accounts.sort(r, path, p)
		r.headers(path, p)
		r.limits(path+".limits", p.Limits)
		r.limits(path+".model_limits", p.ModelLimits)
		p.Limits, p.ModelLimits = p.Limits.orAbsent(), p.ModelLimits.orAbsent()
	}
	r.accountLimits()
	r.freePlan()
}

// join adds the known providers whose key is there, and the servers of this machine. Only a start without a file does so: a file
// says what it means.
func (r *resolver) join() {
	for _, known := range r.options.Known {
		named := slices.ContainsFunc(r.c.Providers, func(p Provider) bool { return p.Name == known.Name })
		switch variable := r.keyVar(known); {
		case named || variable == "":
		case r.lacks(known) != "":
			r.warn("%s is set, but %s is not: %s stays out", variable, r.lacks(known), known.Name)
		case r.badIn(variable) != "": // what joins by itself does not stop the start
			r.warn("%s %s; %s stays out", variable, r.badIn(variable), known.Name)
		default:
			r.c.Providers = append(r.c.Providers, Provider{Name: known.Name})
			_, from := r.env.lookup(variable)
			r.marks["providers."+known.Name] = mark{source: variable, from: from}
		}
	}
	if r.options.Local == nil {
		return
	}
	for _, found := range r.options.Local() {
		if !slices.ContainsFunc(r.c.Providers, func(p Provider) bool { return p.Name == found.Name }) {
			r.c.Providers = append(r.c.Providers, Provider{Name: found.Name, Dialect: found.Name, BaseURL: found.BaseURL})
			r.marks["providers."+found.Name] = mark{source: found.BaseURL, from: "this machine"}
		}
	}
}

// badIn says what is wrong with the keys in a variable, or nothing.
func (r *resolver) badIn(variable string) string {
	list, _ := r.env.lookup(variable)
	for part := range strings.SplitSeq(list, ",") {
		part = strings.TrimSpace(part)
		if reason := badKey(NewSecret(part)); part != "" && reason != "" {
			return reason
		}
	}
	return ""
}

// lacks is the variable in a known provider's URL that is not set.
func (r *resolver) lacks(known Known) string {
	_, rest, found := strings.Cut(known.BaseURL, "${")
	name, _, _ := strings.Cut(rest, "}")
	if value, _ := r.env.lookup(name); !found || value != "" {
		return ""
	}
	return name
}

// keyVar is the first of a known provider's key variables that is set.
func (r *resolver) keyVar(known Known) string {
	for _, name := range known.KeyVars {
		if value, _ := r.env.lookup(name); value != "" {
			return name
		}
	}
	return ""
}

// known finds what is known about a provider: by its name when it has no URL of its own, else by its URL, so that a key
// never goes to another host than the one that it was made for.
func (r *resolver) known(p *Provider) *Known {
	for i, k := range r.options.Known {
		if p.BaseURL == "" && k.Name == p.Name || p.BaseURL != "" && sameServer(p.BaseURL, k.BaseURL) {
			return &r.options.Known[i]
		}
	}
	return nil
}

// speaksLike finds the known provider by whose habits this one goes: the dialect that is written, else who is known at its URL.
func (r *resolver) speaksLike(p *Provider) *Known {
	for i, k := range r.options.Known {
		if p.Dialect == k.Name {
			return &r.options.Known[i]
		}
	}
	return r.known(p)
}

func sameServer(a, b string) bool {
	u, err1 := url.Parse(a)
	v, err2 := url.Parse(b)
	return err1 == nil && err2 == nil && u.Scheme == v.Scheme && u.Host != "" && strings.EqualFold(u.Host, v.Host)
}

// baseURL checks where a provider is reached.
func (r *resolver) baseURL(path string, p *Provider, known *Known) {
	at := r.markOf(path + ".base_url")
	switch {
	case len(r.unset[path+".base_url"]) > 0: // told already
	case p.BaseURL == "" && known == nil:
		r.wrong(path, "provider %s wants a base_url%s", p.Name, didYouMean(p.Name, r.knownNames()))
	case p.BaseURL == "":
		p.BaseURL = r.knownURL(path, at, known)
		setDefault(&p.Dialect, known.Name)
	default:
		p.BaseURL = strings.TrimRight(p.BaseURL, "/")
		if reason := badURL(p.BaseURL); reason != "" {
			r.mistake(at, "base_url %s", reason)
		}
	}
	p.withDefaults()
}

// knownURL fills in the variables of a known provider's URL.
func (r *resolver) knownURL(path string, at mark, known *Known) string {
	const own = ".base_url (known)"
	text, _, _ := r.expand(place{path: path + own}, at, known.BaseURL)
	if names := r.unset[path+own]; len(names) > 0 {
		r.mistake(at, "the URL of %s holds %s, which is not set: set it, or write base_url out", known.Name, strings.Join(names, ", "))
	}
	return text
}

// badURL says what is wrong with a base_url, or nothing. It never repeats it, since it may hold a password.
func badURL(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https":
		return "wants a URL such as https://openrouter.ai/api/v1"
	case u.Hostname() == "":
		return "has no host: it wants a URL such as https://openrouter.ai/api/v1"
	case u.User != nil:
		return "holds a user or password: keys belong in keys"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "ends before any ? or #: remove what follows"
	case strings.HasSuffix(u.Path, "/chat/completions"):
		return "ends before /chat/completions: remove that"
	case strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }):
		return "has a blank or a letter outside ASCII within"
	}
	return ""
}

func (r *resolver) knownNames() (names []string) {
	for _, k := range r.options.Known {
		names = append(names, k.Name)
	}
	return names
}

func (r *resolver) dialect(path string, p *Provider) {
	names := r.knownNames()
	if p.Dialect != "" && len(names) > 0 && !slices.Contains(names, p.Dialect) {
		r.wrong(path+".dialect", "no dialect is called %s%s; there are %s", quote(p.Dialect), didYouMean(p.Dialect, names), strings.Join(names, ", "))
	}
}

// keys drops keys whose variable is empty, and turns a provider off that has lost all of them. Only a provider for which
// the file asks for no key is keyless.
func (r *resolver) keys(path string, p *Provider, known *Known) {
	if p.Keys == nil && known != nil && len(known.KeyVars) > 0 {
		r.keyFromEnvironment(path, p, *known)
	}
	for of, names := range r.vars {
		if strings.HasPrefix(of, path+".keys") {
			p.KeyVars = append(p.KeyVars, names...)
		}
	}
	slices.Sort(p.KeyVars)
	p.KeyVars = slices.Compact(p.KeyVars)
	p.Keyless = len(p.Keys) == 0 && len(p.KeyVars) == 0
	p.Keys = r.usableKeys(path, p.Keys)
	if len(p.Keys) == 0 && !p.Keyless {
		p.Off = "no_key"
		p.Why = fmt.Sprintf("%s is empty: set it in the environment or in .env, or remove the provider", orList(p.KeyVars))
	}
}

// keyFromEnvironment is the default of keys for a known provider.
func (r *resolver) keyFromEnvironment(path string, p *Provider, known Known) {
	p.Keys = []ProviderKey{}
	r.vars[path+".keys"] = known.KeyVars
	if name := r.keyVar(known); name != "" {
		value, from := r.env.lookup(name)
		r.marks[path+".keys[0]"] = mark{source: name, from: from}
		p.Keys = append(p.Keys, ProviderKey{Key: NewSecret(value)})
		r.vars[path+".keys"] = []string{name}
	}
}

// usableKeys splits lists from variables and leaves out what is empty.
func (r *resolver) usableKeys(path string, keys []ProviderKey) []ProviderKey {
	var usable []ProviderKey
	for i, k := range keys {
		at := fmt.Sprintf("%s.keys[%d]", path, i)
		if k.Account != "" && !isName(k.Account) {
			r.wrong(at+".account", "account wants a name of letters, digits, - and _ (at most 64)")
		}
		if k.Key.IsZero() && len(r.vars[at+".key"]) > 0 {
			continue
		}
		for part := range strings.SplitSeq(k.Key.Reveal(), ",") {
			key := ProviderKey{Key: NewSecret(strings.TrimSpace(part)), Account: k.Account}
			if key.Key.IsZero() && strings.Contains(k.Key.Reveal(), ",") {
				continue // a gap in a list
			}
			if reason := badKey(key.Key); reason != "" {
				r.wrong(at+".key", "a key of %s %s", strings.TrimPrefix(path, "providers."), reason)
				continue
			}
			usable = append(usable, key)
		}
	}
	return usable
}

// accounts finds the account of a key over all entries, by where it is used and by its name or value.
type accounts map[string]string

// sort names the account of every key "PROVIDER/NAME", or "PROVIDER/#N" for a bare key. Entries with the same URL and key,
// or the same URL and account name, share one.
func (a accounts) sort(r *resolver, path string, p *Provider) {
	var kept []ProviderKey
	for i, k := range p.Keys {
		byKey := p.BaseURL + "\x00key\x00" + k.Key.Reveal()
		byName := p.BaseURL + "\x00name\x00" + k.Account
		account, seen := a[byKey]
		named, ok := a[byName]
		switch {
		case seen && slices.ContainsFunc(kept, func(other ProviderKey) bool { return other.Key.Equal(k.Key) }):
			r.warn("provider %s: key %d is there twice; the second is left out", p.Name, i+1)
			continue
		case seen && k.Account != "" && ok && named != account:
			r.wrong(path+".keys", "a key of %s stands in two accounts, %s and %s: an account has its own keys", p.Name, account, named)
		case seen:
		case k.Account != "" && ok:
			account = named
		case k.Account != "":
			account = p.Name + "/" + k.Account
		default:
			account = fmt.Sprintf("%s/#%d", p.Name, i+1)
		}
		a[byKey] = account
		if k.Account != "" {
			a[byName] = account
		}
		kept = append(kept, ProviderKey{Key: k.Key, Account: account})
	}
	p.Keys = kept
}

// accountLimits gives each key the limits that are written for its account. An account has one set of them, in whichever of its
// entries it stands.
func (r *resolver) accountLimits() {
	written := map[string]*Limits{}
	for i := range r.c.Providers {
		p := &r.c.Providers[i]
		for _, k := range p.Keys {
			switch first, ok := written[k.Account]; {
			case p.Limits == nil:
			case !ok:
				written[k.Account] = p.Limits
			case !first.same(p.Limits):
				r.wrong(p.Limits.Path, "account %s has other limits in line %d: an account has one set of them, so write the same here or none",
					k.Account, r.markOf(first.Path).line)
			}
		}
	}
	for i := range r.c.Providers {
		r.c.Providers[i].takeLimits(written)
	}
}

// takeLimits puts the limits of the accounts at the keys. A key whose account is never to be called by the word of another
// entry is left out.
func (p *Provider) takeLimits(written map[string]*Limits) {
	had := len(p.Keys) > 0
	for i := range p.Keys {
		p.Keys[i].Limits = written[p.Keys[i].Account]
	}
	if p.Limits == nil {
		p.Keys = slices.DeleteFunc(p.Keys, func(k ProviderKey) bool { return k.Limits.never() })
	}
	if had && len(p.Keys) == 0 {
		p.Off, p.Why = "limit_zero", "a limit of 0 at another entry with the same account says never call"
	}
}

// ownHeaders are what freefall itself says to a provider.
var ownHeaders = []string{"authorization", "host", "content-length", "content-type", "transfer-encoding", "connection", "te",
	"trailer", "upgrade", "expect", "accept-encoding", "keep-alive", "proxy-authorization", "proxy-connection", "cookie"}

func (r *resolver) headers(path string, p *Provider) {
	for name, value := range p.Headers {
		at := path + ".headers." + name
		switch {
		case !isHeaderName(name):
			r.wrong(at, "%s is no header name", quote(name))
		case slices.Contains(ownHeaders, strings.ToLower(name)):
			r.wrong(at, "header %s is set by freefall: remove it (keys belong in keys)", name)
		case value.IsZero():
			delete(p.Headers, name)
		}
	}
}

func isHeaderName(name string) bool {
	return name != "" && len(name) <= 100 && !strings.ContainsFunc(name, func(c rune) bool {
		return c > '~' || c <= ' ' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
	})
}

// limits checks windows: each counts one thing over one time.
func (r *resolver) limits(path string, l *Limits) {
	if l == nil {
		return
	}
	l.Path = path
	for i, w := range l.Windows {
		at := fmt.Sprintf("%s.windows[%d]", path, i)
		if (w.Requests == nil) == (w.Tokens == nil) {
			r.wrong(at, "a window wants either requests or tokens, as in {requests: 30, per: 5s}")
		}
		if w.Per == 0 {
			r.wrong(at, "a window wants per: the time that it counts over, as in {requests: 30, per: 5s}")
		}
	}
}

// freePlan takes FREEFALL_FREE_PLAN: the operator's word that the keys of these providers have no billing.
func (r *resolver) freePlan() {
	const variable = "FREEFALL_FREE_PLAN"
	list, origin := r.env.lookup(variable)
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		i := slices.IndexFunc(r.c.Providers, func(p Provider) bool { return p.Name == name })
		if i < 0 {
			r.warn("%s names %s, which is no provider here%s", variable, quote(name), didYouMean(name, r.providerNames()))
			continue
		}
		r.c.Providers[i].Free = "plan"
		r.marks["providers."+name+".free"] = mark{source: variable, from: origin}
	}
}

func (r *resolver) providerNames() (names []string) {
	for _, p := range r.c.Providers {
		names = append(names, p.Name)
	}
	return names
}
