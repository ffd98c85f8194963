package main

import (
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"freefall/fallback"
	"freefall/internal/config"
	"freefall/internal/openai"
	"freefall/internal/roster"
	"freefall/internal/upstream"
	"freefall/proxy"
)

// built is a config in the words of the parts that serve it.
type built struct {
	pool      fallback.Config
	settings  proxy.Settings
	providers map[string]*provider
	joined    []roster.Joiner // the models behind the configured ones
}

// load reads the config; a mistake of a person ends the program with 2.
func load(o config.Options) (*config.Config, error) {
	o.Env, o.Known = os.Environ(), known()
	c, err := config.Load(o)
	if err != nil {
		return nil, exitError{2, err}
	}
	return c, nil
}

// neighbours are where model servers of this machine are looked for when there is no models.yaml. Only the program itself says
// where: a test is not to find what happens to run beside it.
var neighbours []roster.Neighbour

// atHome finds them.
func atHome() (found []config.Known) {
	for _, n := range roster.Look(neighbours) {
		found = append(found, config.Known{Name: n.Dialect, BaseURL: "http://" + n.Addr + "/v1"})
	}
	return found
}

// known are the providers that need no base_url.
func known() []config.Known {
	var out []config.Known
	for _, d := range roster.Dialects() {
		out = append(out, config.Known{Name: d.Name, BaseURL: d.BaseURL, KeyVars: d.KeyVars, FirstToken: d.FirstToken})
	}
	return out
}

func build(c *config.Config) built {
	b := built{settings: settings(c), providers: map[string]*provider{}}
	accounts := map[string][]fallback.Window{}
	for i := range c.Providers {
		p := newProvider(c, &c.Providers[i], accounts)
		b.providers[p.config.Name] = p
	}
	b.take(c, new(roster.Lists), time.Now())
	for _, chain := range c.Chains {
		b.pool.Chains = append(b.pool.Chains, fallback.Chain{Name: chain.Name, Models: chain.Models, Match: match(chain.Match),
			NoTrain: chain.Privacy == noTrain})
	}
	for i := range c.Clients {
		if windows := ofClient(c, i).windows(); len(windows) > 0 {
			b.pool.Shares = append(b.pool.Shares, fallback.Share{Client: c.Clients[i].Name, Windows: windows})
		}
	}
	b.settings.Help, b.settings.NoKey = help(c, b.providers, b.pool.Models), b.noKey(c)
	b.route(&c.Routing)
	b.pool.NoTrain = c.Privacy == noTrain
	b.pool.Breaker = fallback.Breaker{Failures: int(c.Breaker.Failures), Cooldown: c.Breaker.Cooldown, MaxCooldown: c.Breaker.MaxCooldown}
	return b
}

const noTrain = "no_train"

func (b *built) route(r *config.Routing) {
	switch r.Order {
	case "priority":
		b.pool.Order = fallback.Priority
	case "adaptive":
		b.pool.Order = fallback.Adaptive
	}
	if r.Spread == "fill" {
		b.pool.Spread = fallback.SpreadFill
	}
	b.pool.Stick = r.Stick
	b.pool.Pace = r.Pace == "day"
	b.pool.MaxWaiting = int(r.MaxWaiting)
	b.pool.HedgeShare = r.HedgeShare
	b.pool.Chance = rand.Float64
}

func settings(c *config.Config) proxy.Settings {
	s := proxy.Settings{
		AdminKey:       c.AdminKey.Reveal(),
		AllowedOrigins: c.AllowedOrigins,
		AllowedHosts:   c.AllowedHosts,
		MaxBody:        int(c.MaxBody),
		Total:          c.Timeouts.Total,
		MaxWait:        c.Routing.MaxWait,
		Hedge:          proxy.Hedge(c.Routing.HedgeAfter),
		Continue:       c.Routing.BrokenStream == "continue",
		Validate:       c.Routing.Validate == "json",
	}
	for _, client := range c.Clients {
		s.Clients = append(s.Clients, proxy.Client{Name: client.Name, Key: client.Key.Reveal()})
	}
	return s
}

// provider is one provider entry with what is known of its dialect.
type provider struct {
	config  *config.Provider
	dialect *roster.Dialect
	origin  func(path string) string // where a value was written
	paid    func(id string) float64  // what a model may cost in a day; 0 = it may not
	via     *proxy.Provider
	keys    []fallback.Key

	routes, before map[string]*proxy.Route // by id, of the rows as they are and as they were last

	list *roster.List // what it listed last; nil = nobody has asked, or nobody should
	now  time.Time    // when that was looked at
}

// newProvider also notes the windows of its accounts. One that stands in two entries has those of the first.
func newProvider(c *config.Config, p *config.Provider, accounts map[string][]fallback.Window) *provider {
	d := roster.Find(p.Dialect, p.BaseURL)
	out := &provider{config: p, dialect: d, origin: c.Origin, paid: c.USDPerDay, via: &proxy.Provider{
		Name:     p.Name,
		ChatURL:  strings.TrimRight(p.BaseURL, "/") + "/chat/completions",
		EmbedURL: strings.TrimRight(p.BaseURL, "/") + "/embeddings",
		Dialect:  openai.DialectOf(d.Name),
		Edits:    d.Edits,
	}}
	out.via.Local = roster.IsLocal(out.claim(""))
	for _, name := range slices.Sorted(maps.Keys(p.Headers)) {
		out.via.Headers = append(out.via.Headers, upstream.Header{Name: name, Value: p.Headers[name].Reveal()})
	}
	for _, key := range p.Keys {
		out.via.Keys = append(out.via.Keys, key.Key.Reveal())
		if _, ok := accounts[key.Account]; !ok {
			accounts[key.Account] = out.account(key.Limits).windows()
		}
		out.keys = append(out.keys, poolKey(p, key, accounts[key.Account]))
	}
	if p.Keyless {
		out.via.Keys = []string{""}
		out.keys = []fallback.Key{{Limits: out.account(p.Limits).windows()}}
	}
	return out
}

// claim is what the free guard is asked about a model of this provider.
func (p *provider) claim(id string) roster.Claim {
	return roster.Claim{Provider: p.config.Name, Dialect: p.dialect, Free: p.config.Free, BaseURL: p.config.BaseURL, ID: id, Paid: p.paid(id) > 0,
		List: p.list, Now: p.now}
}

func (p *provider) row(m *config.Model) fallback.Model {
	told := p.list.Tells(p.dialect, m.ID, p.now)
	m = completed(m, told.Listed)
	row := fallback.Model{
		Provider: m.Provider, Host: p.host(), ID: m.ID, Name: m.Name,
		Tools: is(m.SupportsTools), Vision: is(m.SupportsVision), JSONSchema: is(m.SupportsJSONSchema),
		Context: int(m.ContextLength), Strengths: m.Strengths, Keys: p.keys,
		Limits: p.model(m).windows(), Counting: p.dialect.Counting, Reserves: p.dialect.Reserves, Burns: p.dialect.Burns,
		Training: roster.Training(p.claim(m.ID)),
		Via:      p.route(m),
	}
	if m.Kind == "embedding" {
		row.Kind = fallback.Embedding
	}
	row.Proof, row.Why = roster.Prove(p.claim(m.ID))
	if row.Proof == fallback.AllowedPaid {
		row.USDPerDay = p.paid(m.ID)
	}
	switch {
	case p.config.Off != "":
		row.Off, row.Why = p.config.Off, p.config.Why
	case m.Never:
		row.Off, row.Why = "limit_zero", "a limit of 0 says never call"
	case told.Gone && row.Kind == fallback.Chat: // lists hold chat models
		row.Off, row.Why = "gone", p.config.Name+" does not list it any more; it comes back by itself when it is listed again, or with \"discover: off\" if that list is not whole"
	case row.Proof == fallback.Unproven:
		row.Off = "not_free"
	}
	return row
}

// host is the host of base_url, with its port if it names one.
func (p *provider) host() string {
	u, err := url.Parse(p.config.BaseURL)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}

func match(m config.Match) fallback.Match {
	return fallback.Match{Tools: wish(m.Tools), Vision: wish(m.Vision), JSONSchema: wish(m.JSONSchema),
		MinTokens: int(m.MinContext), Task: m.Task}
}

func wish(b *bool) fallback.Wish {
	switch {
	case b == nil:
		return fallback.Either
	case *b:
		return fallback.Yes
	}
	return fallback.No
}

func is(b *bool) bool { return b != nil && *b }
