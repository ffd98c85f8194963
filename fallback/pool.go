package fallback

import (
	"fmt"
	"sync"
	"time"
)

// Order is how the candidates of a plain name are sorted.
type Order uint8

const (
	LastGood Order = iota // the last model that answered this class of request, then by priority
	Priority              // no memory
	Adaptive              // by success and speed, among equals by what lapses soonest
)

// Spread is how several keys of a provider are used.
type Spread uint8

const (
	SpreadEven Spread = iota // the one that was used longest ago
	SpreadFill               // the first that is open
)

// Chain is a named order: ids or patterns with "*", asked for as model "freefall/NAME".
type Chain struct {
	Name   string
	Models []string // a pattern matches "id" and "provider/id"; a row enters once, at its first match
	Match  Match
	// NoTrain keeps requests of this chain from models that may be trained on them.
	NoTrain bool
}

// Match says which plain requests a chain serves by itself. The zero value serves none.
type Match struct {
	Tools, Vision, JSONSchema Wish
	MinTokens                 int
	Task                      string // that the client names, see Ask
}

// Wish is what a match wants to be so.
type Wish uint8

const (
	Either Wish = iota
	Yes
	No
)

func (w Wish) fits(is bool) bool { return w == Either || (w == Yes) == is }

func (m Match) fits(n *Need, task string) bool {
	if m == (Match{}) {
		return false
	}
	return m.Tools.fits(n.Tools) && m.Vision.fits(n.Vision) && m.JSONSchema.fits(n.JSONSchema) && n.Tokens >= m.MinTokens &&
		(m.Task == "" || m.Task == task)
}

// Config is what a Pool decides by. Zero values mean the defaults of models.yaml.
type Config struct {
	Models  []Model // in order of priority, each provider and id once
	Chains  []Chain
	Order   Order
	Stick   time.Duration // default 60 s
	Spread  Spread
	Breaker Breaker
	NoTrain bool // no request goes to models that may be trained on it
	Pace    bool // daily windows are spread over the day

	HedgeShare float64 // of the requests, at most so many start a second attempt beside a slow first one; 0 = none

	MaxWaiting int            // walks that may wait at once
	Shares     []Share        // of clients, each once
	Chance     func() float64 // for Adaptive: even in [0, 1); nil = no exploring
}

// Pool is the one holder of state. All methods may be called from any goroutine.
type Pool struct {
	mu sync.Mutex // guards all below; held for microseconds, never over I/O

	table *table
	state state
	seen  time.Time // the latest that anybody has named
	good  [numNeedClasses]lastGood
	queue queue
	talks talks

	hedges hedges

	credit credit

	demand demand // of late, for Adaptive

	orders [numNeedClasses][2][sizes]ordering // for Adaptive
}

// New makes a pool in which everything is available.
func New(c Config) *Pool {
	p := &Pool{state: newState()}
	p.table = p.state.build(c)
	return p
}

// Reconfigure swaps the rows. State is joined by provider, account and id; walks under way finish on the rows they began
// with. Rests that only a person could end are lifted: the configuration is what a person changes.
func (p *Pool) Reconfigure(c Config) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.liftReloadable()
	p.table = p.state.build(c)
}

// Revise swaps the rows because the providers list other models than before: nothing that waits for a person is lifted. What an
// answer called gone may be asked again when its row comes, or comes back; a list knows better than an old answer.
func (p *Pool) Revise(c Config) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := map[*modelState]string{}
	for i := range p.table.rows {
		was[p.table.rows[i].model] = p.table.rows[i].Off
	}
	p.table = p.state.build(c)
	for i := range p.table.rows {
		r := &p.table.rows[i]
		if off, known := was[r.model]; r.Off == "" && (!known || off != "") && r.model.rest.endless && r.model.rest.class == ModelGone {
			r.model.rest.lift()
		}
	}
}

// table is one configuration joined with the state. It never changes once built; what its rows point to does.
type table struct {
	Config
	rows   []row
	chains map[string][]int32
	all    []int32
	names  names
	tasks  map[string]bool // strengths, and tasks of chains
	pairs  int
	stores bool // a window of an hour or more is known

	accounts map[accountKey]*accountState // by the names that the configuration gives them
}

type row struct {
	Model
	model    *modelState
	provider *rest
	pairs    []pair
}

type pair struct {
	index   int // among all pairs of the table
	rest    *rest
	key     *keyState
	account *accountState
	quota   *quota // of the model for this account
}

// state is what survives a change of configuration.
type state struct {
	models    map[[2]string]*modelState // provider, id
	pairs     map[pairName]*rest
	keys      map[keyName]*keyState
	quotas    map[quotaName]*quota
	accounts  map[accountKey]*accountState
	providers map[string]*rest
	shares    map[string]*quota // by client
}

// accountKey is an account's name, or the provider whose own it is.
type accountKey struct{ provider, name string }

func accountName(provider, account string) accountKey {
	if account != "" {
		return accountKey{name: account}
	}
	return accountKey{provider: provider}
}

type accountState struct {
	rest  rest
	quota quota
}

type quotaName struct {
	account      accountKey
	provider, id string
}

type keyName struct {
	provider, account string
	nth               int // among the keys of that account
}

type pairName struct {
	keyName
	id string
}

type keyState struct {
	rest     rest
	lastUsed time.Time
}

type modelState struct {
	health  health
	rest    rest                   // of the model with every key: its upstream's limit, gone, not free
	lacks   [numFeatures]time.Time // when a feature was last refused
	lastBad time.Time
	paused  bool
	purse   purse
	stats   stats
	tokens  appetite
	priced  priced
	delays  [2]delays          // to the commit point: of whole answers, of streams
	records map[string]*record // by task; "" = all
	pending [2]*Attempt        // the oldest without content, of whole answers and of streams
	vain    vain

	present bool      // it has a row
	left    time.Time // since when it was seen to have none

	lastError   string
	lastErrorAt time.Time
}

func newState() state {
	return state{
		models:    map[[2]string]*modelState{},
		pairs:     map[pairName]*rest{},
		keys:      map[keyName]*keyState{},
		quotas:    map[quotaName]*quota{},
		accounts:  map[accountKey]*accountState{},
		providers: map[string]*rest{},
		shares:    map[string]*quota{},
	}
}

func at[K comparable, V any](m map[K]*V, k K) *V {
	v, ok := m[k]
	if !ok {
		v = new(V)
		m[k] = v
	}
	return v
}

func (s *state) build(c Config) *table {
	c.Breaker = c.Breaker.withDefaults()
	if c.Stick <= 0 {
		c.Stick = time.Minute
	}
	for _, m := range s.models {
		m.present = false
	}
	t := &table{Config: c, chains: map[string][]int32{}, accounts: map[accountKey]*accountState{}, tasks: map[string]bool{}, rows: make([]row, len(c.Models)),
		names: names{byID: map[string][]int32{}, first: map[string]int32{}}}
	for i, m := range c.Models {
		t.rows[i] = row{Model: m, model: at(s.models, [2]string{m.Provider, m.ID}), provider: at(s.providers, m.Provider)}
		t.rows[i].model.health.clamp(c.Breaker)
		t.rows[i].model.present, t.rows[i].model.left = true, time.Time{}
		t.all = append(t.all, int32(i))
		t.names.add(&m, int32(i))
		for _, strength := range m.Strengths {
			t.tasks[strength] = true
		}
		nth := map[string]int{}
		for n := range m.Keys {
			k := &m.Keys[n]
			name, account := k.name(m.Provider, nth[k.Account]), k.account(m.Provider)
			nth[k.Account]++
			pr := pair{
				index:   t.pairs,
				rest:    at(s.pairs, pairName{name, m.ID}),
				key:     at(s.keys, name.credential()),
				account: at(s.accounts, account),
				quota:   at(s.quotas, quotaName{account, m.Provider, m.ID}),
			}
			t.accounts[accountName(m.Provider, k.Account)] = pr.account
			pr.account.quota.configure(k.Limits, c.Pace)
			pr.quota.configure(m.Limits, c.Pace)
			pr.account.quota.name = fmt.Sprintf("account %q %q", account.provider, account.name)
			pr.quota.name = fmt.Sprintf("model %q %q %q %q", account.provider, account.name, m.Provider, m.ID)
			t.stores = t.stores || pr.account.quota.long() || pr.quota.long()
			t.rows[i].pairs = append(t.rows[i].pairs, pr)
			t.pairs++
		}
	}
	s.share(c.Shares)
	for _, chain := range c.Chains {
		t.chains[chain.Name] = t.matching(chain.Models)
		t.tasks[chain.Match.Task] = true
	}
	delete(t.tasks, "")
	return t
}

// share sets the windows of the clients. One who is no longer bounded is forgotten.
func (s *state) share(shares []Share) {
	old := s.shares
	s.shares = map[string]*quota{}
	for _, share := range shares {
		q := at(old, share.Client)
		q.configure(share.Windows, false)
		q.name = fmt.Sprintf("client %q", share.Client)
		s.shares[share.Client] = q
	}
}

func (s *state) liftReloadable() {
	s.eachRest(func(r *rest) {
		if r.reload {
			r.lift()
		}
	})
}

func (s *state) eachRest(do func(*rest)) {
	for _, m := range s.models {
		do(&m.rest)
	}
	for _, k := range s.keys {
		do(&k.rest)
	}
	for _, r := range s.pairs {
		do(r)
	}
	for _, a := range s.accounts {
		do(&a.rest)
	}
	for _, r := range s.providers {
		do(r)
	}
}
