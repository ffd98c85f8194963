package fakellm

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Scope says what a limit counts together.
type Scope string

// The scopes of limits.
const (
	Account  Scope = "account"  // all models of one account
	OneModel Scope = "model"    // one model of one account
	Upstream Scope = "upstream" // one model of all accounts, as its host behind the provider sees it
)

// Limit is so many requests per window. Refused requests do not count.
type Limit struct {
	Scope    Scope    `json:"scope"`
	Model    string   `json:"model,omitempty"` // of a standing limit: this model alone
	Requests int      `json:"requests"`        // 0 refuses all
	Per      Duration `json:"per"`
	Fixed    bool     `json:"fixed,omitempty"` // windows begin at multiples of Per since the Unix epoch; else they slide
	Says     Wording  `json:"says,omitempty"`  // default: platform for account, upstream for the others
	Hint     bool     `json:"hint,omitempty"`  // the refusal states Retry-After; a plain one always does
}

// Wording is how a refusal is written.
type Wording string

// The wordings of refusals.
const (
	SaysPlatform Wording = "platform" // OpenRouter's own: X-RateLimit-* in epoch milliseconds, in the metadata too
	SaysUpstream Wording = "upstream" // the model's host: "Provider returned error" and metadata.raw
	SaysPlain    Wording = "plain"    // OpenAI's error object and Retry-After
)

func (l Limit) check() error {
	switch {
	case !slices.Contains([]Scope{Account, OneModel, Upstream}, l.Scope):
		return fmt.Errorf("limit: unknown scope %q; it is account, model or upstream", l.Scope)
	case !slices.Contains([]Wording{"", SaysPlatform, SaysUpstream, SaysPlain}, l.Says):
		return fmt.Errorf("limit: unknown wording %q; it is platform, upstream or plain", l.Says)
	case l.Per <= 0 || l.Requests < 0:
		return errors.New("limit: requests must not be negative and per must be a length of time")
	}
	return nil
}

func (l Limit) wording() Wording {
	switch {
	case l.Says != "":
		return l.Says
	case l.Scope == Account:
		return SaysPlatform
	}
	return SaysUpstream
}

// limiter is a limit with its windows, one for each thing it counts together. The server's mutex guards it.
type limiter struct {
	Limit
	windows map[key]*window
}

// window holds the requests that count now.
type window struct {
	hits []time.Time
	shut time.Time // of a limit of 0: since when it refuses
}

func newLimiter(l Limit) *limiter { return &limiter{Limit: l, windows: map[key]*window{}} }

// covers says whether a request for model draws from this limit.
func (l *limiter) covers(model string) bool { return l.Model == "" || l.Model == model }

// key is what a limit counts together: an account, a model, or the pair.
type key struct{ account, model string }

func (l *limiter) key(account, model string) key {
	switch l.Scope {
	case Account:
		return key{account: account}
	case Upstream:
		return key{model: model}
	}
	return key{account, model}
}

// window finds what counts under a key, without what has run out.
func (l *limiter) window(k key, now time.Time) *window {
	w := l.windows[k]
	if w == nil {
		w = &window{}
		l.windows[k] = w
	}
	begin := l.begin(now)
	w.hits = slices.DeleteFunc(w.hits, func(t time.Time) bool { return !t.After(begin) })
	return w
}

// begin is the moment up to which requests no longer count.
func (l *limiter) begin(now time.Time) time.Time {
	per := time.Duration(l.Per)
	if l.Fixed {
		return now.Add(-time.Duration(now.UnixNano()%int64(per)) - 1)
	}
	return now.Add(-per)
}

// resets is when w has room again, or, with room left, when it is empty of its oldest request.
func (l *limiter) resets(w *window, now time.Time) time.Time {
	per := time.Duration(l.Per)
	switch {
	case l.Fixed:
		return l.begin(now).Add(per + 1)
	case len(w.hits) > 0:
		return w.hits[0].Add(per)
	case w.shut.IsZero() || now.Sub(w.shut) >= per:
		w.shut = now
	}
	return w.shut.Add(per)
}

// Use is how far a limit has been drawn.
type Use struct {
	Limit
	Account   string    `json:"account,omitempty"`
	Of        string    `json:"of,omitempty"` // the model of a window that counts one
	Used      int       `json:"used"`
	Remaining int       `json:"remaining"`
	ResetsAt  time.Time `json:"resets_at,omitzero"` // absent while nothing counts
}

func (l *limiter) use(k key, now time.Time) Use {
	w := l.window(k, now)
	u := Use{Limit: l.Limit, Account: k.account, Of: k.model, Used: len(w.hits), Remaining: max(l.Requests-len(w.hits), 0)}
	if u.Used > 0 {
		u.ResetsAt = l.resets(w, now)
	}
	return u
}

// refusal is what a full window answers.
func (l *limiter) refusal(model Model, reset, now time.Time) Sample {
	var s Sample
	switch l.wording() {
	case SaysPlatform:
		s = l.platformRefusal(reset)
	case SaysUpstream:
		s = mustSample("or-429-upstream").with("google/gemini-2.0-flash-exp:free", model.ID, "Google AI Studio", model.host())
	case SaysPlain:
		s = Sample{Status: 429, Headers: map[string]string{"content-type": "application/json"},
			Body: `{"error":{"message":"Rate limit exceeded","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}`}
	}
	if l.Hint || l.wording() == SaysPlain {
		seconds := (reset.Sub(now) + time.Second - 1) / time.Second
		s.Headers["retry-after"] = strconv.Itoa(int(seconds))
	}
	return s
}

// platformRefusal is OpenRouter's recorded one of the day or of the minute, with this limit and this reset filled in.
func (l *limiter) platformRefusal(reset time.Time) Sample {
	id, limit, ms := "or-429-free-minute", "20", "1790236860000"
	if time.Duration(l.Per) > time.Hour {
		id, limit, ms = "or-429-free-day", "50", "1777420800000"
	}
	requests, at := strconv.Itoa(l.Requests), strconv.FormatInt(reset.UnixMilli(), 10)
	s := mustSample(id).with(`"`+limit+`"`, `"`+requests+`"`, ms, at)
	s.Headers["x-ratelimit-limit"], s.Headers["x-ratelimit-reset"] = requests, at
	return s
}

// with is a copy of the sample with texts of its body replaced, in pairs of old and new.
func (s Sample) with(oldnew ...string) Sample {
	s.Body = strings.NewReplacer(oldnew...).Replace(s.Body)
	return s
}
