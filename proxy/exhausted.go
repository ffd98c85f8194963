package proxy

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"freefall/fallback"
	"freefall/internal/openai"
)

const (
	codeExhausted = "all_models_exhausted"
	worthRetrying = time.Minute // an SDK's own retries wait about this long at most
	adviceRows    = 12
)

// exhausted is the one answer when nobody is left: a status that SDKs understand, when to come back, and each model's reason.
func (x *exchange) exhausted(now time.Time) *openai.Error {
	if x.ambiguous != nil {
		return x.unsure()
	}
	e := x.proxy.pool.Exhausted(now, x.walk)
	switch {
	case e.NoKey:
		return noKey(x.settings)
	case !e.Fits && roomless(&e):
		return &openai.Error{Status: 400, Type: "invalid_request_error", Param: "max_tokens", Code: "max_tokens_too_large",
			Message: fmt.Sprintf("max_tokens of %d is more than any model that could answer grants in its windows; lower it. %s", x.walk.Need.MaxOutput, x.reasons(&e, now))}
	case !e.Fits && e.TooLarge:
		return &openai.Error{Status: 400, Type: "invalid_request_error", Param: "messages", Code: "context_length_exceeded",
			Message: tooLong(&e, x.walk.Need.Tokens) + "; reduce the length of the messages. " + x.reasons(&e, now)}
	case !e.Fits && x.walk.Need.Kind == fallback.Embedding && nobody(&e):
		return &openai.Error{Status: 400, Type: "invalid_request_error", Param: "model", Code: "unsupported_feature",
			Message: notEmbedding(x.walk.Ask.Model, &e)}
	case !e.Fits && usable(&e):
		return &openai.Error{Status: 400, Type: "invalid_request_error", Code: "unsupported_feature",
			Message: "no configured model supports what the request needs: " + x.reasons(&e, now) + discretion(&e)}
	}
	out := &openai.Error{Status: 503, Type: "server_error", Code: codeExhausted}
	if e.Limited {
		out.Status, out.Type = 429, "rate_limit_error"
	}
	out.Message = "no model can answer now: " + x.reasons(&e, now)
	if len(e.Candidates) == 0 {
		out.Message = "no model is there for this chain: its patterns in models.yaml name none of those that are configured or listed now"
	}
	if !now.Before(x.deadline) {
		out.Message += ". The time for one request is over (timeouts.total)"
	}
	switch {
	case x.taught:
		x.retry = time.Second
		out.Message += ". A model has said how it wants to be asked: try again now"
	case !e.Ready.IsZero():
		x.retry = max(time.Second, e.Ready.Sub(now))
	}
	if x.settings.Help != "" {
		out.Message += ". " + x.settings.Help
	}
	return out
}

// tooLong says by how much the request is too large, in words by which programs know that they have to shorten a conversation.
func tooLong(e *fallback.Exhausted, tokens int) string {
	largest := 0
	for i := range e.Candidates {
		if c := &e.Candidates[i]; c.Skip == "context_length" {
			largest = max(largest, c.Model.Context)
		}
	}
	if largest == 0 || tokens <= largest { // a provider counts otherwise than we
		return "the prompt is too long: by the providers' count it is longer than the model's context length, and above the maximum context length of all others"
	}
	return fmt.Sprintf("the prompt is too long: about %d tokens, which is longer than the model's context length; the maximum context length is %d tokens", tokens, largest)
}

// roomless says whether a shorter answer is all that somebody asks of the request.
func roomless(e *fallback.Exhausted) bool {
	return slices.ContainsFunc(e.Candidates, func(c fallback.Candidate) bool { return c.Skip == "max_tokens" })
}

// nobody says whether all candidates are for something else.
func nobody(e *fallback.Exhausted) bool {
	return !slices.ContainsFunc(e.Candidates, func(c fallback.Candidate) bool { return c.Skip != "kind" })
}

// notEmbedding says why a request for embeddings cannot be served: the model that it names serves none, or none does.
func notEmbedding(name string, e *fallback.Exhausted) string {
	said, others := "no embedding model is configured: add one with kind: embedding to models.yaml", len(e.Candidates) == 0
	for i := range e.Candidates {
		m := e.Candidates[i].Model
		others = others || name != m.ID && name != m.Provider+"/"+m.ID
	}
	if !others {
		said = name + " is a chat model and makes no embeddings: name one of kind: embedding"
	}
	return said + ", or set the client's embeddings to another server"
}

// usable says whether any candidate is there at all, apart from what this request needs.
func usable(e *fallback.Exhausted) bool {
	for i := range e.Candidates {
		switch e.Candidates[i].Skip {
		case "no_tools", "no_vision", "no_json_schema", "no_tool_choice", "kind", "context_length", "max_tokens", mayTrain:
			return true
		}
	}
	return false
}

// mayTrain is why a model that may be trained on prompts, or of which nobody says, is passed over.
const mayTrain = "may_train"

// discretion is the advice for a request that privacy keeps from somebody.
func discretion(e *fallback.Exhausted) string {
	if !slices.ContainsFunc(e.Candidates, func(c fallback.Candidate) bool { return c.Skip == mayTrain }) {
		return ""
	}
	return ". no_train keeps it from those that may train on prompts or do not say: ask without " + headerPrivacy +
		", unless the configuration says no_train, or add a model of a provider that does not, e.g. a local one"
}

func noKey(s *Settings) *openai.Error {
	message := "no provider has a usable key"
	if s.NoKey != "" {
		message += "; " + s.NoKey
	}
	return &openai.Error{Status: 503, Type: "server_error", Code: "no_provider_key", Message: message}
}

// advise tells an SDK whether its own retries make sense, and when.
func (x *exchange) advise(h *fasthttp.ResponseHeader, e *openai.Error) {
	if e.Status != 429 && e.Status != 503 {
		return
	}
	wait := x.retry
	if e.Code == "stopping" || e.Code == "busy" {
		wait = time.Second
	}
	if wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	h.Set("X-Should-Retry", strconv.FormatBool(wait > 0 && wait <= worthRetrying))
}

// next says which model is ready first and when, "" when no end is in sight.
func next(e *fallback.Exhausted, now time.Time) string {
	for i := range e.Candidates {
		if c := &e.Candidates[i]; c.Ready.Equal(e.Ready) && e.Ready.After(now) {
			return c.Model.ID + " in " + span(c.Ready.Sub(now))
		}
	}
	return ""
}

// most is when more than half of those that could serve the request are back, zero when that tells no more than next.
func most(e *fallback.Exhausted, now time.Time) time.Time {
	var waits []time.Duration
	for i := range e.Candidates {
		if c := &e.Candidates[i]; !c.Unfit && c.Ready.After(now) {
			waits = append(waits, c.Ready.Sub(now))
		}
	}
	if len(waits) < 2 {
		return time.Time{}
	}
	slices.Sort(waits)
	at := now.Add(waits[len(waits)/2])
	if at.Sub(e.Ready) < time.Minute {
		return time.Time{}
	}
	return at
}

// reasons is a line of advice: which model is next, when most are back, then each model's own reason.
func (x *exchange) reasons(e *fallback.Exhausted, now time.Time) string {
	var b strings.Builder
	if who := next(e, now); who != "" {
		b.WriteString("next: " + who + "; ")
	}
	if at := most(e, now); !at.IsZero() {
		b.WriteString("most is back " + when(at, now) + "; ")
	}
	foreign, n := nobody(e), 0
	for i := range e.Candidates {
		c := &e.Candidates[i]
		if c.Skip == "kind" && !foreign {
			continue // what is for something else is nobody's reason
		}
		if n++; n > adviceRows {
			continue
		}
		if n > 1 {
			b.WriteString(", ")
		}
		b.WriteString(c.Model.ID + ": " + x.reason(c))
		if c.Ready.After(now) {
			b.WriteString(" for " + span(c.Ready.Sub(now)))
		}
	}
	if n > adviceRows {
		fmt.Fprintf(&b, ", and %d more", n-adviceRows)
	}
	return b.String()
}

func (x *exchange) reason(c *fallback.Candidate) string {
	switch {
	case c.Skip == fallback.Auth.String():
		return "auth (its key is refused)"
	case c.Skip != "":
	case c.Denied:
		return "content policy"
	case c.Asked:
		return "failed just now" + x.how(c.Model.ID)
	default:
		return "not asked"
	}
	return strings.ReplaceAll(c.Skip, "_", " ")
}

// how a model has failed this request, as its trail has it; "" when that is cut short.
func (x *exchange) how(id string) string {
	_, class, _ := strings.Cut("; "+string(x.trail), "; "+id+"=")
	if class, _, _ = strings.Cut(class, ";"); class == "" {
		return ""
	}
	return " (" + strings.ReplaceAll(class, "_", " ") + ")"
}

// when is a moment for people: how far away, or the time of day, rounded up to the minute.
func when(t, now time.Time) string {
	if d := t.Sub(now); d < time.Hour {
		return "in " + span(d)
	}
	t = t.Add(time.Minute - 1).UTC().Truncate(time.Minute)
	if t.Sub(now) < 24*time.Hour {
		return t.Format("15:04 UTC")
	}
	return t.Format("2006-01-02 15:04 UTC")
}

// span is a duration for people: the two largest units, rounded up.
func span(d time.Duration) string {
	d = (d + time.Second - 1).Truncate(time.Second)
	days, hours, minutes, seconds := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case days > 0:
		return fmt.Sprintf("%d d %d h", days, hours)
	case hours > 0:
		return fmt.Sprintf("%d h %d m", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("%d m %d s", minutes, seconds)
	}
	return fmt.Sprintf("%d s", seconds)
}
