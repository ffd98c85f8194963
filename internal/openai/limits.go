package openai

import (
	"slices"
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

// idleHint is what providers say at most beside a limit of a day without meaning it. A longer wait tells when the provider's day
// ends, which is known from nowhere else.
const idleHint = 5 * time.Minute

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
	if h := v.wordHint(&v.own); h.stated {
		return h
	}
	if h := v.wordHint(&v.upstream); h.stated {
		return h
	}
	return hint{wait: v.bucket.wait, stated: v.bucket.readable, counted: true, window: v.bucket.window}
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
	"available in", "available again in", "try again at", "try after", "retry at", "resets at", "reset at", "resets on", "regain access on",
	"available at", "available again at", "available again on", "until", "replenished in", "将在", "将于", "请在", "请于",
}

// waitFillers may stand between those words and the wait.
var waitFillers = []string{"at least ", "about ", "approximately ", "around ", "another ", "for "}

func (v *evidence) wordHint(w *voice) (h hint) {
	for _, lead := range waitWords {
		if !w.pairs.may(lead) {
			continue
		}
		for at := 0; ; {
			i := indexWord(w.lower[at:], lead)
			if i < 0 {
				break
			}
			at += i + len(lead)
			if h = v.leadsTo(w, at); h.stated {
				return h
			}
		}
	}
	if d, ok := foreignWait(w.lower); ok {
		return hint{wait: d, stated: true, worded: true}
	}
	return h
}

// leadsTo reads the wait or moment that the text at this place begins with.
func (v *evidence) leadsTo(w *voice, at int) hint {
	lead := w.lower[:at]
	at += leadingBlanks(w.lower[at:])
	for _, filler := range waitFillers {
		if strings.HasPrefix(w.lower[at:], filler) {
			at += len(filler)
		}
	}
	rest := w.lower[at:]
	if d, ok := parseTextMoment(w.text[at:], v.now, v.dialect.Zone); ok {
		return hint{wait: d, stated: true, counted: true, worded: true}
	}
	if d, ok := parseArticle(rest); ok {
		return hint{wait: d, stated: true, worded: true}
	}
	atMoment := strings.HasSuffix(lead, " at")
	if d, ok := nextTimeOfDay(rest, v.now); ok && atMoment {
		return hint{wait: d, stated: true, counted: true, worded: true}
	}
	if d, ok := parseClock(rest); ok && !atMoment {
		return hint{wait: d, stated: true, worded: true}
	}
	if d, _, ok := parseDuration(rest); ok {
		return hint{wait: d, stated: true, worded: true}
	}
	if n := numberAt(rest); n != "" && (len(n) == len(rest) || strings.IndexByte(" .,;)", rest[len(n)]) >= 0) {
		d, ok := parseWait(n, v.now)
		return hint{wait: d, stated: ok && !followedByWord(rest[len(n):]), worded: true}
	}
	return hint{}
}

// followedByWord says whether a number counts something ("wait 5 turns") and so is no wait.
func followedByWord(rest string) bool {
	rest, blank := strings.CutPrefix(rest, " ")
	return blank && rest != "" && isLetter(rest[0])
}

// parseTextMoment reads a moment at the beginning of a text: the longest that can be read.
func parseTextMoment(s string, now time.Time, zone *time.Location) (time.Duration, bool) {
	const longest = len("2006-01-02 at 15:04:05.000000000 +00:00")
	s = s[:min(len(s), longest)]
	switch {
	case len(s) < len("2006-01-02"):
		return 0, false
	case beginsWithMonth(s):
		s = withoutOrdinal(s)
	case s[4] != '-':
		return 0, false
	default:
		s = strings.Replace(strings.ToUpper(s), " AT ", " at ", 1)
	}
	for all := s; s != ""; {
		moment := strings.TrimRight(s, " .,;)]")
		if d, ok := parseMoment(moment, now, zone); ok {
			return d, !inForeignZone(all[len(moment):])
		}
		s = s[:max(strings.LastIndexAny(s, " .,;)]"), 0)]
	}
	return 0, false
}

// inForeignZone says whether what follows a moment puts it into a zone that was not read with it, or into the afternoon.
func inForeignZone(behind string) bool {
	behind = strings.TrimLeft(behind, " (")
	word := 0
	for word < len(behind) && isLetter(behind[word]) {
		word++
	}
	return slices.Contains(foreignZones, behind[:word]) || len(behind) > 1 && strings.IndexByte("+-", behind[0]) >= 0 && isDigit(behind[1])
}

var foreignZones = []string{"AM", "PM", "PST", "PDT", "MST", "MDT", "CST", "CDT", "EST", "EDT", "PT", "CT", "ET", "CET", "CEST", "BST", "MSK", "IST", "SGT", "HKT", "JST", "KST"}

func beginsWithMonth(s string) bool {
	const months = "jan feb mar apr may jun jul aug sep oct nov dec "
	return strings.Contains(months, lowerASCII(s[:3])+" ") && isLetter(s[0])
}

// withoutOrdinal makes "Nov 14th, 2025" of "Nov 14, 2025".
func withoutOrdinal(s string) string {
	for _, suffix := range [...]string{"st,", "nd,", "rd,", "th,"} {
		if i := strings.Index(s, suffix); i > 0 && isDigit(s[i-1]) {
			return s[:i] + s[i+2:]
		}
	}
	return s
}

// parseArticle reads "an hour" and "one minute".
func parseArticle(s string) (time.Duration, bool) {
	for _, article := range [...]string{"a ", "an ", "one "} {
		if after, found := strings.CutPrefix(s, article); found {
			one, _ := cutUnit(after)
			return one, one >= time.Minute // "wait a second" is no measure
		}
	}
	return 0, false
}

// nextTimeOfDay reads "00:00 UTC": the next one.
func nextTimeOfDay(s string, now time.Time) (time.Duration, bool) {
	for _, layout := range [...]string{"15:04:05 utc", "15:04 utc", "15:04:05z", "15:04z"} {
		if len(s) < len(layout) {
			continue
		}
		if t, err := time.Parse(layout, s[:len(layout)]); err == nil {
			d := t.Sub(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)) - now.UTC().Sub(now.UTC().Truncate(24*time.Hour))
			return (d + 24*time.Hour) % (24 * time.Hour), true
		}
	}
	return 0, false
}

// parseClock reads "01:12:43", hours first.
func parseClock(s string) (time.Duration, bool) {
	parts := strings.SplitN(s[:min(len(s), len("000:00:00"))], ":", 3)
	if len(parts) < 3 || len(parts[1]) != 2 || len(parts[2]) < 2 {
		return 0, false
	}
	h, hours := parseNumber(parts[0])
	m, minutes := parseNumber(parts[1])
	sec, seconds := parseNumber(parts[2][:2])
	if !hours || !minutes || !seconds || m > 59 || sec > 59 {
		return 0, false
	}
	return wait(h*3600+m*60+sec, time.Second)
}

func leadingBlanks(s string) int { return len(s) - len(strings.TrimLeft(s, " :~")) }
