package fallback_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"freefall/fallback"
)

// t0 is when the steps of each test begin: a Sunday morning, UTC.
var t0 = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

const (
	s = time.Second
	m = time.Minute
	h = time.Hour
)

// step is one row of a table of steps: at a moment a request walks along the chain and meets what the trail says.
type step struct {
	at time.Duration // since t0
	// ask is the request: words of ask below, or "x: WORDS" to name it, or "x" to go on with a named one whose last attempt is
	// still under way.
	ask string
	// trail is "MODEL=OUTCOME ..." in the order of the picks: the models are what is expected, the outcomes are what each
	// attempt came to. With several keys it is MODEL#KEY. OUTCOME "..." leaves the attempt under way, and a last word "none"
	// says that nobody is left.
	trail string
	state string // of the models that matter afterwards, "; " between them; see describe
}

// play runs steps on one pool.
func play(t *testing.T, p *fallback.Pool, steps []step) {
	t.Helper()
	newPlayer(p).play(t, steps)
}

// player is one pool and the requests that are under way.
type player struct {
	p    *fallback.Pool
	open map[string]*asked
}

func newPlayer(p *fallback.Pool) player { return player{p: p, open: map[string]*asked{}} }

func (f player) play(t *testing.T, steps []step) {
	t.Helper()
	for n, s := range steps {
		now := t0.Add(s.at)
		if err := f.walk(now, s); err != "" {
			t.Errorf("step %d, %v, %s: %s", n+1, s.at, s.ask, err)
		}
		for want := range strings.SplitSeq(s.state, "; ") {
			if got := describe(f.p, now, want); got != want {
				t.Errorf("step %d, %v, %s: state %q, want %q", n+1, s.at, s.ask, got, want)
			}
		}
		if t.Failed() {
			return
		}
	}
}

// asked is a named request and its attempt that is under way.
type asked struct {
	walk    fallback.Walk
	attempt *fallback.Attempt
}

func (f player) walk(now time.Time, s step) string {
	if s.ask == "" {
		return ""
	}
	one := f.asked(s.ask)
	for word := range strings.FieldsSeq(s.trail) {
		want, outcome, _ := strings.Cut(word, "=")
		if one.attempt == nil {
			one.attempt, _ = f.p.Pick(now, &one.walk)
		}
		if got := pickedName(one.attempt); got != want {
			return fmt.Sprintf("picked %s, want %s", got, want)
		}
		if want == "none" || outcome == "..." {
			return ""
		}
		one.attempt.End(now, outcomeOf(outcome))
		one.attempt = nil
	}
	return ""
}

func (f player) asked(text string) *asked {
	name, words, named := strings.Cut(text, ": ")
	if one, ok := f.open[text]; ok {
		return one
	}
	if !named {
		words = text
	}
	one := &asked{}
	one.walk.Need, one.walk.Ask = ask(words)
	if named {
		f.open[name] = one
	}
	return one
}

func pickedName(a *fallback.Attempt) string {
	switch {
	case a == nil:
		return "none"
	case len(a.Model.Keys) > 1:
		return a.Model.ID + "#" + strconv.Itoa(a.Key)
	}
	return a.Model.ID
}

// ask reads "plain tools vision schema choice embed tokens=N model=NAME list=A,B only".
func ask(words string) (need fallback.Need, ask fallback.Ask) {
	for word := range strings.FieldsSeq(words) {
		word, value, _ := strings.Cut(word, "=")
		switch word {
		case "plain":
		case "tools":
			need.Tools = true
		case "choice":
			need.ToolChoice = true
		case "vision":
			need.Vision = true
		case "schema":
			need.JSONSchema = true
		case "embed":
			need.Kind = fallback.Embedding
		case "tokens":
			need.Tokens, _ = strconv.Atoi(value)
		case "model":
			ask.Model = value
		case "list":
			ask.Models = strings.Split(value, ",")
		case "only":
			ask.Only = true
		default:
			panic("no such request: " + word)
		}
	}
	return need, ask
}

// outcomes are what an attempt may come to. "NAME/WAIT" states a wait as well.
var outcomes = map[string]fallback.Outcome{
	"ok":          {},
	"fault":       {Class: fallback.UpstreamFault, Action: fallback.NextModel, Target: fallback.TargetModel, Until: fallback.UntilBackoff, Status: 500},
	"timeout":     {Class: fallback.Timeout, Action: fallback.NextModel, Target: fallback.TargetModel, Until: fallback.UntilBackoff},
	"edge":        {Class: fallback.UpstreamFault, Action: fallback.NextModel, Target: fallback.TargetProvider, Until: fallback.UntilBackoff, Status: 403},
	"busy503":     {Class: fallback.Overloaded, Action: fallback.NextModel, Target: fallback.TargetModel, Until: fallback.UntilBackoff, Status: 503},
	"busy429":     {Class: fallback.Overloaded, Action: fallback.NextModel, Target: fallback.TargetModel, Until: fallback.UntilBackoff, Status: 429},
	"429":         limit(fallback.TargetPair, fallback.UntilBackoff),
	"upstream429": limit(fallback.TargetModel, fallback.UntilBackoff),
	"key429":      limit(fallback.TargetKey, fallback.UntilBackoff),
	"account429":  limit(fallback.TargetAccount, fallback.UntilBackoff),
	"provider429": limit(fallback.TargetProvider, fallback.UntilBackoff),
	"proven429":   {Class: fallback.RateLimited, Action: fallback.NextModel, Target: fallback.TargetPair, Until: fallback.UntilResetAt, Proven: true, Status: 429},
	"day":         limit(fallback.TargetPair, fallback.UntilUTCMidnight),
	"pacificday":  limit(fallback.TargetPair, fallback.UntilPacificMidnight),
	"month":       limit(fallback.TargetPair, fallback.UntilMonthEnd),
	"hour":        limit(fallback.TargetPair, fallback.UntilHour),
	"24h":         limit(fallback.TargetPair, fallback.UntilDay),
	"spent":       {Class: fallback.QuotaExhausted, Action: fallback.NextModel, Target: fallback.TargetPair, Until: fallback.UntilConfigChange, Status: 429},
	"limitzero":   {Class: fallback.QuotaExhausted, Action: fallback.NextModel, Target: fallback.TargetModel, Until: fallback.UntilConfigChange, Status: 429},
	"auth":        {Class: fallback.Auth, Action: fallback.NextModel, Target: fallback.TargetKey, Until: fallback.UntilConfigChange, Status: 401},
	"403":         {Class: fallback.Auth, Action: fallback.NextModel, Target: fallback.TargetKey, Until: fallback.UntilConfigChange, Status: 403},
	"402":         {Class: fallback.PaymentRequired, Action: fallback.NextModel, Target: fallback.TargetAccount, Until: fallback.UntilConfigChange, Status: 402},
	"nosub":       {Class: fallback.PaymentRequired, Action: fallback.NextModel, Target: fallback.TargetPair, Until: fallback.UntilConfigChange, Status: 403},
	"404":         {Class: fallback.ModelGone, Action: fallback.NextModel, Target: fallback.TargetModel, Until: fallback.UntilDay, Status: 404},
	"gone":        {Class: fallback.ModelGone, Action: fallback.NextModel, Target: fallback.TargetModel, Until: fallback.UntilForever, Status: 410},
	"cost":        {Class: fallback.NotFree, Action: fallback.NextModel, Target: fallback.TargetModel, Until: fallback.UntilForever, Status: 200, CostUSD: 0.01},
	"toolong":     {Class: fallback.ContextLength, Action: fallback.NextModelNoPenalty, Status: 400},
	"413":         {Class: fallback.ContextLength, Action: fallback.NextModelNoPenalty, Status: 413},
	"declined":    {Class: fallback.ContentPolicy, Action: fallback.NextModelNoPenalty, Status: 403},
	"notools":     lacks(fallback.FeatureTools),
	"nochoice":    lacks(fallback.FeatureToolChoice),
	"novision":    lacks(fallback.FeatureVision),
	"noschema":    lacks(fallback.FeatureJSONSchema),
	"badrequest":  {Class: fallback.InvalidRequest, Action: fallback.ReturnToClient, Status: 400},
	"unsure":      {Class: fallback.InvalidRequest, Action: fallback.OnceThenReturn, Status: 422},
	"left":        {Class: fallback.ClientLeft},
	"hedge":       {Class: fallback.HedgeLost},
	"stopped":     {Class: fallback.Stopped},
}

func limit(target fallback.Target, until fallback.Until) fallback.Outcome {
	return fallback.Outcome{Class: fallback.RateLimited, Action: fallback.NextModel, Target: target, Until: until, Status: 429}
}

func lacks(f fallback.Feature) fallback.Outcome {
	return fallback.Outcome{Class: fallback.UnsupportedFeature, Action: fallback.NextModelNoPenalty, Feature: f, Status: 404}
}

func outcomeOf(word string) fallback.Outcome {
	name, wait, stated := strings.Cut(word, "/")
	o, ok := outcomes[name]
	if !ok {
		panic("no such outcome: " + word)
	}
	if stated {
		d, err := time.ParseDuration(wait)
		if err != nil {
			panic(err)
		}
		o.RetryAfter, o.Stated = d, true
		if o.Until == fallback.UntilBackoff {
			o.Until = fallback.UntilRetryAfter
		}
	}
	return o
}

// describe is the state of the model that want begins with: "A 1 ready", "A 3 ready: trial", "A 2 rests: rate_limited until 30s".
func describe(p *fallback.Pool, now time.Time, want string) string {
	id, _, _ := strings.Cut(want, " ")
	for _, row := range p.Snapshot(now) {
		if row.Model.ID != id && row.Model.Provider+"/"+row.Model.ID != id {
			continue
		}
		text := fmt.Sprintf("%s %d ready", id, row.FailureCount)
		if !row.Available {
			text = fmt.Sprintf("%s %d rests", id, row.FailureCount)
		}
		if row.Reason != "" {
			text += ": " + row.Reason
		}
		if !row.AvailableAt.IsZero() {
			text += " until " + row.AvailableAt.Sub(t0).String()
		}
		return text
	}
	return ""
}

// chain makes rows of the ids in text, at provider p with one key, that can do everything.
func chain(text string) (rows []fallback.Model) {
	for id := range strings.FieldsSeq(text) {
		rows = append(rows, fallback.Model{Provider: "p", ID: id, Tools: true, Vision: true, JSONSchema: true,
			Proof: fallback.ProvenListed, Keys: keys("a")})
	}
	return rows
}

// keys of the accounts in text: "a a b" is two keys of account a and one of b.
func keys(text string) (keys []fallback.Key) {
	for account := range strings.FieldsSeq(text) {
		keys = append(keys, fallback.Key{Account: account})
	}
	return keys
}

// byPriority is a pool without memory, so that each plain request begins at the first row.
func byPriority(rows []fallback.Model) *fallback.Pool {
	return fallback.New(fallback.Config{Models: rows, Order: fallback.Priority})
}

func sortedWords(set map[string]bool) string {
	return strings.Join(slices.Sorted(maps.Keys(set)), " ")
}

// quotas are the windows of the first row: "rpm 3/20; rpd 3/50".
func quotas(p *fallback.Pool, now time.Time) string {
	var out []string
	for _, q := range p.Snapshot(now)[0].Quota {
		out = append(out, fmt.Sprintf("%s %d/%d", q.Window, q.Used, q.Limit))
	}
	return strings.Join(out, "; ")
}
