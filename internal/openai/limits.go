package openai

import (
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// hint is what one answer says about the wait.
type hint struct {
	wait    time.Duration
	stated  bool
	counted bool // from the provider's own counter or calendar: it names the reset, not a guess
	worded  bool // from a text
}

// longHint is from where on a wait speaks of more than a minute's limit, whatever else the answer says.
const longHint = time.Hour

func (h hint) long() bool { return h.stated && h.wait > longHint }

// findHint takes the first readable of: retry-after-ms, retry-after, the body's fields and words, the reset of a spent bucket.
func (v *evidence) findHint() hint {
	if ms, ok := parseNumber(strings.TrimSpace(v.header("retry-after-ms"))); ok {
		if d, ok := wait(ms, time.Millisecond); ok {
			return hint{wait: d, stated: true}
		}
	}
	if d, ok := parseWait(v.header("retry-after"), v.now); ok {
		return hint{wait: d, stated: true}
	}
	if h := v.fieldHint(); h.stated {
		return h
	}
	if h := wordHint(v.own, v.now); h.stated {
		return h
	}
	if h := wordHint(v.upstream, v.now); h.stated {
		return h
	}
	return hint{wait: v.bucket.wait, stated: v.bucket.readable, counted: true}
}

// Where an error object states a wait: beside the message or in one of OpenRouter's objects, and where a counter stands behind it.
var (
	waitFields  = []string{"retry_after", "retry_after_seconds", "headers.Retry-After", "headers.retry-after"}
	resetFields = []string{"resets_at", "headers.X-RateLimit-Reset", "headers.x-ratelimit-reset"}
)

func (v *evidence) fieldHint() (h hint) {
	if !v.err.IsObject() {
		return h
	}
	eachObject(v.err.Get("details"), func(detail gjson.Result) {
		if !h.stated {
			h.wait, h.stated = parseWait(detail.Get("retryDelay").String(), v.now)
		}
	})
	for _, place := range [...]gjson.Result{v.availability, v.meta, v.err} {
		for _, field := range waitFields {
			if !h.stated {
				h.wait, h.stated = parseWait(scalar(place.Get(field)), v.now)
			}
		}
	}
	for _, place := range [...]gjson.Result{v.meta, v.err} {
		for _, field := range resetFields {
			if !h.stated {
				h.wait, h.stated = parseWait(scalar(place.Get(field)), v.now)
				h.counted = h.stated
			}
		}
	}
	return h
}

// scalar is a string, or a number as it was written.
func scalar(r gjson.Result) string {
	switch r.Type {
	case gjson.String:
		return r.Str
	case gjson.Number:
		return r.Raw
	}
	return ""
}

// waitWords come right before a wait or a moment.
var waitWords = []string{
	"try again in", "retry in", "retry after", "try again after", "wait", "resets in", "reset in", "reset after", "resets after",
	"available in", "available again in", "try again at", "retry at", "resets at", "reset at", "resets on", "regain access on",
	"available at", "available again at", "available again on", "until",
}

// waitFillers may stand between those words and the wait.
var waitFillers = []string{"at least ", "about ", "approximately ", "around ", "another ", "for "}

func wordHint(v voice, now time.Time) (h hint) {
	for _, lead := range waitWords {
		for at := 0; ; {
			i := indexWord(v.lower[at:], lead)
			if i < 0 {
				break
			}
			at += i + len(lead)
			if h = leadsTo(v, at, now); h.stated {
				return h
			}
		}
	}
	return h
}

// leadsTo reads the wait or moment that the text at this place begins with.
func leadsTo(v voice, at int, now time.Time) hint {
	at += leadingBlanks(v.lower[at:])
	for _, filler := range waitFillers {
		if strings.HasPrefix(v.lower[at:], filler) {
			at += len(filler)
		}
	}
	rest := v.lower[at:]
	if n := numberAt(rest); n == "" {
		return hint{} // a moment with a month's name in front is too rare to guess at
	}
	if d, ok := parseTextMoment(v.text[at:], now); ok {
		return hint{wait: d, stated: true, counted: true, worded: true}
	}
	if d, _, ok := parseDuration(rest); ok {
		return hint{wait: d, stated: true, worded: true}
	}
	if n := numberAt(rest); len(n) == len(rest) || strings.IndexByte(" .,;)", rest[len(n)]) >= 0 {
		d, ok := parseWait(n, now)
		return hint{wait: d, stated: ok && !followedByWord(rest[len(n):]), worded: true}
	}
	return hint{}
}

// followedByWord says whether a number counts something ("wait 5 turns") and so is no wait.
func followedByWord(rest string) bool {
	rest, blank := strings.CutPrefix(rest, " ")
	return blank && rest != "" && isLetter(rest[0])
}

// parseTextMoment reads a moment at the beginning of a text: at most four words long, the longest that can be read.
func parseTextMoment(s string, now time.Time) (time.Duration, bool) {
	const longest = len("2006-01-02 at 15:04:05.000000000 +00:00")
	s = s[:min(len(s), longest)]
	if len(s) < len("2006-01-02") || s[4] != '-' {
		return 0, false
	}
	for s != "" {
		if d, ok := parseMoment(strings.TrimRight(s, " .,;)"), now); ok {
			return d, true
		}
		s = s[:max(strings.LastIndexAny(s, " .,;)"), 0)]
	}
	return 0, false
}

func leadingBlanks(s string) int { return len(s) - len(strings.TrimLeft(s, " :~")) }

// bucket is one counter that a provider reports in headers.
type bucket struct {
	remaining, reset string
	window           window
}

var buckets = []bucket{
	{"x-ratelimit-remaining-requests-day", "x-ratelimit-reset-requests-day", perDay},
	{"x-ratelimit-remaining-tokens-day", "x-ratelimit-reset-tokens-day", perDay},
	{"x-ratelimit-remaining-requests-hour", "x-ratelimit-reset-requests-hour", perHour},
	{"x-ratelimit-remaining-tokens-hour", "x-ratelimit-reset-tokens-hour", perHour},
	{"x-ratelimit-remaining-requests-minute", "x-ratelimit-reset-requests-minute", perMinute},
	{"x-ratelimit-remaining-tokens-minute", "x-ratelimit-reset-tokens-minute", perMinute},
	{"x-ratelimit-remaining-requests", "x-ratelimit-reset-requests", perMinute},
	{"x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens", perMinute},
	{"anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset", perMinute},
	{"anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset", perMinute},
	{"anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset", perMinute},
	{"anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset", perMinute},
	{"x-ratelimit-remaining", "x-ratelimit-reset", unnamed},
	{"ratelimit-remaining", "ratelimit-reset", unnamed},
}

// bucketReset is what the spent buckets of an answer say together: the latest reset, and its window.
type bucketReset struct {
	wait     time.Duration
	readable bool
	window   window
}

// spentBuckets reads the counters that stand at 0, of an answer that speaks of a limit. A lone reset without a counter is
// believed where it cannot be another's.
func (v *evidence) spentBuckets() (r bucketReset) {
	if v.status != 429 && v.status != 402 && v.status != 403 {
		return r
	}
	for _, b := range buckets {
		remaining, reset := v.header(b.remaining), v.header(b.reset)
		if n, ok := parseNumber(strings.TrimSpace(remaining)); reset == "" || n > 0 || !ok && (remaining != "" || b.window != unnamed) {
			continue
		}
		if v.dialect.RequestsDaily && b.remaining == "x-ratelimit-remaining-requests" {
			b.window = perDay
		}
		r.window = max(r.window, b.window)
		if d, ok := parseWait(reset, v.now); ok {
			r.wait, r.readable = max(r.wait, d), true
		}
	}
	return r
}
