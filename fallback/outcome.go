package fallback

import "time"

// Class is what one attempt came to. The words are the ones a trail, a log line and the state API show.
type Class uint8

const (
	OK                 Class = iota
	RateLimited              // a limit that heals by itself within minutes or at a stated reset
	QuotaExhausted           // an allowance that is spent
	Auth                     // the key is wrong, revoked or not allowed
	PaymentRequired          // the account would have to pay
	ContextLength            // the request is larger than this model takes
	ContentPolicy            // the provider declines the content
	UnsupportedFeature       // the model or provider lacks something the request asks for
	ModelGone                // the id is no longer served
	InvalidRequest           // the request itself is wrong
	UpstreamFault            // the provider failed: 5xx, cut, malformed, refused, empty
	Overloaded               // the provider says that it has no capacity
	Timeout                  // nothing came in time
	NotFree                  // the answer cost money
	HedgeLost                // another attempt of the same request was faster
	ClientLeft               // nobody waits for the answer any more
	Stopped                  // freefall itself is shutting down
	NumClasses               // how many there are
)

var classNames = [NumClasses]string{"ok", "rate_limited", "quota_exhausted", "auth", "payment_required", "context_length",
	"content_policy", "unsupported_feature", "model_gone", "invalid_request", "upstream_fault", "overloaded", "timeout",
	"not_free", "hedge_lost", "client_left", "stopped"}

func (c Class) String() string { return classNames[c] }

// Scope is what the provider says that its limit or refusal applies to. It explains a rest; what rests is the Target.
type Scope uint8

const (
	ScopeNone Scope = iota
	ScopeRequest
	ScopeModel
	ScopeModelUpstream // the model's host behind the provider
	ScopeKey
	ScopeKeyMinute
	ScopeKeyDay
	ScopeKeyMonth
	ScopeAccount
	ScopeProvider
	numScopes
)

var scopeNames = [numScopes]string{"none", "request", "model", "model-upstream", "key", "key-minute", "key-day", "key-month", "account", "provider"}

func (s Scope) String() string { return scopeNames[s] }

// Action is what the walk does next.
type Action uint8

const (
	PassThrough        Action = iota // the answer is good
	NextModel                        // try another; the Target rests
	NextModelNoPenalty               // this request and this model do not fit each other
	OnceThenReturn                   // ambiguous: one other provider, then the client gets it
	ReturnToClient                   // the client's own fault: no other model can cure it
	numActions
)

var actionNames = [numActions]string{"pass_through", "next_model", "next_model_no_penalty", "next_model_once_then_return", "return_to_client"}

func (a Action) String() string { return actionNames[a] }

// Target is what rests after a failure.
type Target uint8

const (
	TargetNone Target = iota
	TargetPair        // one model with one key
	TargetModel
	TargetKey
	TargetAccount // all keys of that account at that provider
	TargetProvider
	numTargets
)

var targetNames = [numTargets]string{"none", "key+model", "model", "key", "account", "provider"}

func (t Target) String() string { return targetNames[t] }

// Until is how the end of a rest is found.
type Until uint8

const (
	UntilNone            Until = iota
	UntilRetryAfter            // now + Outcome.RetryAfter
	UntilResetAt               // likewise, from the provider's own counter
	UntilUTCMidnight           // the next 00:00 UTC
	UntilPacificMidnight       // the next 00:00 in America/Los_Angeles
	UntilMonthEnd              // the first of the next month, 00:00 UTC
	UntilHour                  // one hour
	UntilDay                   // 24 hours
	UntilBackoff               // the breaker's cooldown, doubled while it repeats
	UntilConfigChange          // a restart, a reload or a person
	UntilForever               // the roster says otherwise
	numUntils
)

var untilNames = [numUntils]string{"none", "retry_after", "reset_at", "utc_midnight", "pacific_midnight", "month_end", "1h", "24h", "backoff", "config_change", "forever"}

func (u Until) String() string { return untilNames[u] }

// Feature is something a model may lack. A refusal that names one is remembered for the model.
type Feature uint8

const (
	FeatureNone Feature = iota
	FeatureTools
	FeatureToolChoice
	FeatureVision
	FeatureJSONSchema
	FeatureLongAnswer // room for an answer that is longer than its windows of tokens: it counts that when the request comes
	numFeatures
)

var featureNames = [numFeatures]string{"", "tools", "tool_choice", "vision", "json_schema", "long_answer"}

func (f Feature) String() string { return featureNames[f] }

// Outcome is the verdict on one attempt: plain data, made where the answer was read, acted upon by Attempt.End.
type Outcome struct {
	Class  Class
	Scope  Scope
	Action Action
	Target Target
	Until  Until

	// RetryAfter is what this answer says about the wait, counted from the moment it was read. It means something only
	// when Stated is set: zero and negative hints are told as they came and judged by the pool.
	RetryAfter time.Duration
	Stated     bool
	// Proven says that the end comes from the provider's own counter or names a day: a long rest needs no trials.
	Proven bool

	// Unreached says that nobody was there: its host refused the connection, or none came about.
	Unreached bool
	// Unsent says that no byte of the request can have reached the provider: nothing was drawn from its windows.
	Unsent bool

	Feature Feature // what was refused, for UnsupportedFeature
	Param   string  // the request field that was refused, when the answer names one

	Status  int    // HTTP status as it came, 0 when there was none
	Message string // for people: one line, escaped, at most 300 runes, without anything like a key

	InputTokens  int // as reported; 0 = unknown
	OutputTokens int
	CostUSD      float64 // as reported; above 0 on a free model is an alarm
}

// Limit says whether the outcome speaks of a limit rather than of a fault: a 429 by class, whatever its status.
func (o *Outcome) Limit() bool {
	switch o.Class {
	case RateLimited, QuotaExhausted:
		return true
	case Overloaded:
		return o.Status == 429
	}
	return false
}

// Fault says whether the provider failed, by class and not by status.
func (o *Outcome) Fault() bool {
	switch o.Class {
	case UpstreamFault, Timeout:
		return true
	case Overloaded:
		return o.Status != 429
	}
	return false
}
