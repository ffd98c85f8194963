package config

import "time"

// Config is the whole of models.yaml, with defaults filled in. A field's tag is its key in the file.
type Config struct {
	// Listen is the address of the proxy: HOST:PORT. Without a host it listens everywhere.
	Listen string `yaml:"listen"`
	// Clients are those who may call. None = the proxy is open. After Load the short form, ClientKeys, is among them.
	Clients []Client `yaml:"clients"`
	// ClientKeys is the short form of Clients: keys without names and limits.
	ClientKeys []Secret `yaml:"client_keys"`
	// AdminKey is needed for what changes state. Without one only a direct loopback peer may.
	AdminKey Secret `yaml:"admin_key"`
	// AllowedOrigins are the web pages that may call, beside those on localhost: scheme://host[:port], or "*".
	AllowedOrigins []string `yaml:"allowed_origins"`
	// AllowedHosts are the Host names that are answered, beside IP literals, localhost and single labels.
	AllowedHosts []string `yaml:"allowed_hosts"`
	// DataDir keeps counters and rests over restarts. Relative to the file; empty = in memory only.
	DataDir string `yaml:"data_dir"`
	// Redis is the URL of a store shared by several replicas. Empty = none.
	Redis Secret `yaml:"redis"`
	// FreeOnly lets no call through that is not proven free. It can not be switched off as a whole: AllowPaid names exceptions.
	FreeOnly bool `yaml:"free_only"`
	// AllowPaid names models that may cost money, each with its bound.
	AllowPaid []PaidModel `yaml:"allow_paid"`
	// Privacy is any, or no_train: nothing is sent to providers that may train on it, or do not say.
	Privacy string `yaml:"privacy" enum:"any,no_train"`
	// MaxBody is the size of the largest request that is read.
	MaxBody Size `yaml:"max_body"`
	// Drain is how long a stop waits for running answers.
	Drain time.Duration `yaml:"drain" zero:"ok"`
	// Timeouts hold for every model that has none of its own.
	Timeouts Timeouts `yaml:"timeouts"`
	// Routing says in which order models are asked, and when to wait for one.
	Routing Routing `yaml:"routing"`
	// Breaker says when a failing model rests, and how long.
	Breaker Breaker `yaml:"breaker"`
	// Log says what is logged, in which form and where.
	Log Log `yaml:"log"`
	// Providers in the order of the file; the first is the default provider.
	Providers []Provider `yaml:"providers"`
	// Models in the order of the file, which is their priority. DEFAULT_MODEL stands first.
	Models []Model `yaml:"models"`
	// Chains are named orders, asked for as model "freefall/NAME".
	Chains []Chain `yaml:"chains"`

	// File is the path that was read; empty = the built-in models.yaml.
	File string `yaml:"-"`
	// Warnings are for the operator: what is odd but no mistake. One line each, without a secret.
	Warnings []string `yaml:"-"`

	marks  map[string]mark // where each value was written
	traces bool            // the environment asks for traces
}

// Client is somebody who may call.
type Client struct {
	// Name stands in logs and in the journal.
	Name string `yaml:"name"`
	// Key is what the client sends as its API key.
	Key Secret `yaml:"key"`
	// RPD is how many requests a UTC day it may send; absent = no bound.
	RPD *int64 `yaml:"rpd"`
	// RPM is how many requests a minute it may send; absent = no bound.
	RPM *int64 `yaml:"rpm"`
	// TPD is how many tokens a day it may use, input and output; absent = no bound.
	TPD *int64 `yaml:"tpd"`
}

// PaidModel is a model that may cost money.
type PaidModel struct {
	// ID as among the models.
	ID string `yaml:"id"`
	// USDPerDay is the most it may cost in a UTC day.
	USDPerDay float64 `yaml:"usd_per_day"`
}

// Timeouts of one attempt and of a request. A provider's and a model's take from the wider one what they do not name.
type Timeouts struct {
	// Connect bounds dialling and the TLS handshake, within the others.
	Connect time.Duration `yaml:"connect"`
	// FirstToken bounds a streamed attempt from sending to its first content.
	FirstToken time.Duration `yaml:"first_token"`
	// Answer bounds a not streamed attempt from sending to its whole body.
	Answer time.Duration `yaml:"answer"`
	// Idle bounds the silence within a stream.
	Idle time.Duration `yaml:"idle"`
	// MinRate is how many characters a stream has to say within a second of its first content; 0 = any number.
	MinRate int64 `yaml:"min_rate"`
	// Total bounds the search for an answer: request to first content, waits included.
	Total time.Duration `yaml:"total"`
}

// Routing says which model is asked when.
type Routing struct {
	// Order is last_good, priority or adaptive.
	Order string `yaml:"order" enum:"last_good,priority,adaptive"`
	// Stick is how long a better model must have been available before it is tried again.
	Stick time.Duration `yaml:"stick" zero:"ok"`
	// MaxWait is how long a request waits when all that fits rests for a limit. 0 = answered at once.
	MaxWait time.Duration `yaml:"max_wait" zero:"ok"`
	// MaxWaiting is how many requests may wait at once.
	MaxWaiting int64 `yaml:"max_waiting"`
	// HedgeAfter is when a second attempt starts beside a slow first one.
	HedgeAfter Hedge `yaml:"hedge_after"`
	// HedgeShare is the largest share of requests that starts a second attempt, 0 to 1.
	HedgeShare float64 `yaml:"hedge_share"`
	// Pace is off, or day: daily windows are spread over the day.
	Pace string `yaml:"pace" enum:"off,day"`
	// Spread is even or fill: how keys and accounts are used.
	Spread string `yaml:"spread" enum:"even,fill"`
	// BrokenStream is error or continue: what becomes of a stream that breaks after the client has seen content.
	BrokenStream string `yaml:"broken_stream" enum:"error,continue"`
	// Validate is off, or json: a whole answer that breaks the schema that was asked for counts as an empty one.
	Validate string `yaml:"validate" enum:"off,json"`
}

// Breaker says when a failing model rests.
type Breaker struct {
	// Failures in a row that take a model out.
	Failures int64 `yaml:"failures"`
	// Cooldown is its first rest, doubled after each failed trial.
	Cooldown time.Duration `yaml:"cooldown"`
	// MaxCooldown is where the doubling ends.
	MaxCooldown time.Duration `yaml:"max_cooldown"`
}

// Log says what is logged.
type Log struct {
	// Level is the least that is written: debug, info, warn or error.
	Level string `yaml:"level" enum:"debug,info,warn,error"`
	// Format is auto (console on a terminal, else JSON), console or json.
	Format string `yaml:"format" enum:"auto,console,json"`
	// File gets the same lines. Relative to models.yaml; empty = none.
	File string `yaml:"file"`
}

// Provider is a server of models, at one URL with its keys.
type Provider struct {
	// Name is the key in the file.
	Name string `yaml:",key"`
	// BaseURL ends before /chat/completions. A known provider needs none.
	BaseURL string `yaml:"base_url"`
	// Dialect names how it words its limits and what it refuses. Empty = known by host, else openai.
	Dialect string `yaml:"dialect"`
	// Free says why its models cost nothing: auto, plan, listed, local or no.
	Free string `yaml:"free" enum:"auto,plan,listed,local,no"`
	// Keys in order; after Load without those whose variable is empty, and each with its account.
	Keys []ProviderKey `yaml:"keys"`
	// Limits of one account, all its models together. Nil = the dialect's.
	Limits *Limits `yaml:"limits"`
	// ModelLimits of each model per account. Nil = the dialect's.
	ModelLimits *Limits `yaml:"model_limits"`
	// Headers are sent upstream beside our own.
	Headers map[string]Secret `yaml:"headers"`
	// Discover says how the provider's model list is used.
	Discover Discover `yaml:"discover"`
	// Timeouts of its models; after Load whole.
	Timeouts Timeouts `yaml:"timeouts"`

	// Keyless says that it is called without a key. False with no Keys = it is off.
	Keyless bool `yaml:"-"`
	// Off is why none of its models can be called ("no_key"), Why the same for people; empty = it is on.
	Off string `yaml:"-"`
	Why string `yaml:"-"`
	// KeyVars are the variables its keys were asked of.
	KeyVars []string `yaml:"-"`
}

// ProviderKey is one credential. In the file it is the bare key, or a mapping that names its account.
type ProviderKey struct {
	// Key is sent as the bearer token.
	Key Secret `yaml:"key"`
	// Account shares its limits among its keys. After Load it is "PROVIDER/NAME", the same in every entry that means it.
	Account string `yaml:"account"`

	// Limits of its account, written in this entry or in another that shares the account. Nil = the dialect's.
	Limits *Limits `yaml:"-"`
}

// Limits are what a provider grants. Absent = unknown, to be learned; 0 = never call. In the file the word none means
// that no limit is known at all.
type Limits struct {
	// RPM is requests a minute, sliding.
	RPM *int64 `yaml:"rpm"`
	// RPD is requests a day, begun at DayResets.
	RPD *int64 `yaml:"rpd"`
	// TPM is tokens a minute, input and output, sliding.
	TPM *int64 `yaml:"tpm"`
	// TPD is tokens a day, begun at DayResets.
	TPD *int64 `yaml:"tpd"`
	// Concurrency is how many requests may run at once.
	Concurrency *int64 `yaml:"concurrency"`
	// DayResets is when a day begins: "HH:MM ZONE", or rolling. Nil = 00:00 UTC.
	DayResets *DayReset `yaml:"day_resets"`
	// Windows are any others.
	Windows []Window `yaml:"windows"`

	// None says that no limit is known, by the operator's word.
	None bool `yaml:"-"`
	// Path is where it is written, for Origin: "providers.openrouter.limits".
	Path string `yaml:"-"`
}

// Window is a limit over a time of its own: Requests or Tokens.
type Window struct {
	Requests *int64        `yaml:"requests"`
	Tokens   *int64        `yaml:"tokens"`
	Per      time.Duration `yaml:"per"`
	// Kind is sliding, or fixed: begun at multiples of Per since the Unix epoch.
	Kind string `yaml:"kind" enum:"sliding,fixed"`
}

// Discover says how a provider's model list is used. In the file the word off means not at all.
type Discover struct {
	// Every is the time between two looks.
	Every time.Duration `yaml:"every"`
	// Approve is auto (free models join by themselves) or manual (they are only shown).
	Approve string `yaml:"approve" enum:"auto,manual"`
	// Prefer are patterns of ids that join first.
	Prefer []string `yaml:"prefer"`
	// Deny are patterns of ids that never join.
	Deny []string `yaml:"deny"`

	// Off says that the list is never asked.
	Off bool `yaml:"-"`
}

// Model is one row of the chain: an id at a provider.
type Model struct {
	// ID as the provider knows it.
	ID string `yaml:"id"`
	// Name is for people; empty in the file = the id.
	Name string `yaml:"name"`
	// Provider that serves it; empty in the file = the only one.
	Provider string `yaml:"provider"`
	// Kind is chat or embedding.
	Kind string `yaml:"kind" enum:"chat,embedding"`
	// SupportsTools, -Vision and -JSONSchema say what it can do. Nil = from discovery; unknown counts as false.
	SupportsTools      *bool `yaml:"supports_tools"`
	SupportsVision     *bool `yaml:"supports_vision"`
	SupportsJSONSchema *bool `yaml:"supports_json_schema"`
	// ContextLength in tokens; 0 = unknown, which takes any size.
	ContextLength int64 `yaml:"context_length"`
	// Strengths are what it is good at. A request that names one of them as its task goes to such models first.
	Strengths []string `yaml:"strengths"`
	// Limits override the provider's model_limits key by key.
	Limits *Limits `yaml:"limits"`
	// Timeouts of this model; after Load whole.
	Timeouts Timeouts `yaml:"timeouts"`

	// Never says that a limit of 0 forbids every call.
	Never bool `yaml:"-"`
}

// Chain is a named order.
type Chain struct {
	// Name is the key in the file.
	Name string `yaml:",key"`
	// Models are patterns of ids, in order; * stands for any characters.
	Models []string `yaml:"models"`
	// Match says which plain requests it serves, without being asked for by name.
	Match Match `yaml:"match"`
	// Privacy is any, or no_train for the requests that this chain serves.
	Privacy string `yaml:"privacy" enum:"any,no_train"`
}

// Match is what a request must need; nil = either. All that it names must be so.
type Match struct {
	Tools      *bool `yaml:"tools"`
	Vision     *bool `yaml:"vision"`
	JSONSchema *bool `yaml:"json_schema"`
	// Images and JSON are other words for Vision and JSONSchema; after Load those hold what was written.
	Images *bool `yaml:"images"`
	JSON   *bool `yaml:"json"`
	// MinContext is the estimated size from which on a request is meant, in tokens.
	MinContext int64 `yaml:"min_context"`
	// Task is what the client names in X-Freefall-Task.
	Task string `yaml:"task"`
}
