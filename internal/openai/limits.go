package openai

import (
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"freefall/fallback"
)

// hint is what one answer says about the wait.
type hint struct {
	wait    time.Duration
	stated  bool
	counted bool   // from the provider's own counter or calendar: it names the reset, not a guess
	worded  bool   // from a text
	window  window // whose counter, where it says so
}

// longHint is from where on a wait speaks of more than a minute's limit, whatever else the answer says.
const longHint = time.Hour

func (h hint) long() bool { return h.stated && h.wait > longHint }

// shortOf says whether the wait is that of a shorter window than the one that an end belongs to.
func (h hint) shortOf(u fallback.Until) bool {
	w := unnamed
	switch u {
	case fallback.UntilHour:
		w = perHour
	case fallback.UntilUTCMidnight, fallback.UntilPacificMidnight:
		w = perDay
	case fallback.UntilDay:
		w = perWeek
	}
	return h.window != unnamed && h.window < w
}

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
	return hint{wait: v.bucket.wait, stated: v.bucket.readable, counted: true, window: v.bucket.window}
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
