package openai

import (
	"slices"
	"strings"
	"time"

	"freefall/fallback"
)

// limitsIn reads the limits that a text in lower case states, in one of two ways: "limited to 20 requests per minute", or
// "tokens per minute (TPM): Limit 9000, Used 8500". Two limits of one window contradict each other, and none is believed.
func limitsIn(text string) (out []fallback.Reading) {
	if !strings.ContainsAny(text, "123456789") || !containsAny(text, []string{"limit", "max", "quota", "at most", "allow"}) {
		return nil
	}
	t := wordsOf(withoutOffers(text))
	var last span // the window that was named last, at word at
	at := -named
	for i := range t {
		if r, ok := t.quantified(i); ok {
			out = addLimit(out, r)
			continue
		}
		s, n := t[i:].span()
		if n > 0 {
			last, at = s, i+n
		}
		if strings.HasPrefix(t[i], "limit_") { // "limit_rpm 20"
			if limit := t[i+n:].amount(":", "="); n > 0 && limit > 0 {
				out = addLimit(out, last.reading(limit))
			}
		} else if n > 0 && t[:i].endIn("max") { // "max RPM: 3"
			if limit := t[i+n:].amount(":", "="); limit > 0 {
				out = addLimit(out, last.reading(limit))
			}
		} else if t[i] == "limit" && i-at < named {
			if limit := t[i+1:].amount(":", "=", "is", "of"); limit > 0 {
				out = addLimit(out, last.reading(limit))
			}
		}
	}
	return slices.DeleteFunc(out, func(r fallback.Reading) bool { return r.Limit < 0 })
}

// named is how many words may stand between a window and its limit.
const named = 8

// addLimit adds a limit, or spoils that of the same window if it is another.
func addLimit(out []fallback.Reading, r fallback.Reading) []fallback.Reading {
	for i := range out {
		if out[i].Unit == r.Unit && out[i].Per == r.Per {
			if out[i].Limit != r.Limit {
				out[i].Limit = -1
			}
			return out
		}
	}
	return append(out, r)
}

// span is a window as it stands in a text.
type span struct {
	unit fallback.Unit
	per  time.Duration
}

func (s span) reading(limit int64) fallback.Reading {
	return fallback.Reading{Unit: s.unit, Per: s.per, Limit: limit, Remaining: -1}
}

// words is a text cut into words and signs.
type words []string

// wordsOf cuts a text. Points and commas between digits belong to the number.
func wordsOf(text string) words {
	out := make(words, 0, len(text)/4)
	for i := 0; i < len(text); {
		end := i
		for end < len(text) && (isWordByte(text[end]) || text[end] == '-' || end > i && isInNumber(text, end)) {
			end++
		}
		switch {
		case end > i:
			out = append(out, text[i:end])
			i = end
		default:
			if text[i] > ' ' {
				out = append(out, text[i:i+1])
			}
			i++
		}
	}
	return out
}

func isInNumber(text string, i int) bool {
	return (text[i] == '.' || text[i] == ',') && isDigit(text[i-1]) && i+1 < len(text) && isDigit(text[i+1])
}

// quantified reads "20 requests per minute" at word i, where what stands around it says that it is a limit.
func (t words) quantified(i int) (r fallback.Reading, ok bool) {
	limit := t[i:].amount()
	if limit <= 0 {
		return r, false
	}
	s, n := t[i+1:].span()
	if unit, ok := t[:i].bareRate(); ok && n == 0 {
		s, n = t[i+1:].rate(unit)
	}
	if n == 0 || !t[:i].leadToLimit() && !t[i+1+n:].beginIn("limit", "quota", "allowed", "allowance") {
		return r, false
	}
	return s.reading(limit), true
}

// leadToLimit says whether a number that follows is a limit: "limit of", "limited to", "limit exceeded:", "at most".
func (t words) leadToLimit() bool {
	t = t.withoutSigns()
	if t.endIn("limited", "to") || t.endIn("at", "most") {
		return true
	}
	if t.endIn("of") && slices.Contains(t[max(0, len(t)-named):], "limit") {
		return true // "limit for your organization (acme) of"
	}
	t = t.withoutVerb()
	return t.endIn("limit") || t.endIn("limits") || t.endIn("maximum") || t.endIn("max") || t.endIn("quota")
}

func (t words) withoutSigns() words {
	for len(t) > 0 && strings.Contains(":=(", t[len(t)-1]) {
		t = t[:len(t)-1]
	}
	return t
}

func (t words) withoutVerb() words {
	if len(t) > 1 && slices.Contains([]string{"of", "is", "exceeded", "reached"}, t[len(t)-1]) {
		return t[:len(t)-1]
	}
	return t
}

// bareRate says of what a rate limit is that names nothing behind its number: of what stands before it, else of requests.
func (t words) bareRate() (u fallback.Unit, ok bool) {
	t = t.withoutSigns().withoutVerb()
	if !t.endIn("rate", "limit") {
		return u, false
	}
	if len(t) > 2 {
		u, ok = countables[t[len(t)-3]]
	}
	if !ok {
		u = fallback.Requests
	}
	return u, true
}

func (t words) endIn(tail ...string) bool {
	return len(t) >= len(tail) && slices.Equal(t[len(t)-len(tail):], tail)
}

func (t words) beginIn(any ...string) bool { return len(t) > 0 && slices.Contains(any, t[0]) }

// amount reads a whole number above 0 that the words begin with, behind some fillers. -1 = there is none.
func (t words) amount(fillers ...string) int64 {
	for t.beginIn(fillers...) {
		t = t[1:]
	}
	if len(t) == 0 {
		return -1
	}
	return parseAmount(withoutThousands(t[0]))
}

// withoutThousands takes the commas out of "30,000", of which nothing else is left when they stand elsewhere.
func withoutThousands(s string) string {
	if !isDigit(s[0]) || !strings.Contains(s, ",") {
		return s
	}
	groups := strings.Split(s, ",")
	for _, g := range groups[1:] {
		if len(g) != 3 {
			return ""
		}
	}
	if len(groups[0]) > 3 {
		return ""
	}
	return strings.Join(groups, "")
}

// abbreviations are the windows that have names of their own.
var abbreviations = map[string]span{
	"rpm": {fallback.Requests, time.Minute}, "rph": {fallback.Requests, time.Hour}, "rpd": {fallback.Requests, 24 * time.Hour},
	"tpm": {fallback.Tokens, time.Minute}, "tph": {fallback.Tokens, time.Hour}, "tpd": {fallback.Tokens, 24 * time.Hour},
}

// What a window counts, and what may stand before it. Answers are not counted alone.
var (
	countables = map[string]fallback.Unit{
		"req": fallback.Requests, "reqs": fallback.Requests,
		"request": fallback.Requests, "requests": fallback.Requests, "query": fallback.Requests, "queries": fallback.Requests,
		"call": fallback.Requests, "calls": fallback.Requests, "token": fallback.Tokens, "tokens": fallback.Tokens,
	}
	adjectives = []string{"api", "free", "model", "chat", "input", "total"}
)

// span reads the window that the words begin with, and how many of them it takes; n = 0 if it is none.
func (t words) span() (s span, n int) {
	if len(t) == 0 {
		return s, 0
	}
	if s, ok := abbreviations[strings.TrimPrefix(t[0], "limit_")]; ok {
		return s, 1
	}
	skip := 0
	for skip < 2 && t[skip:].beginIn(adjectives...) {
		skip++
	}
	if t = t[skip:]; len(t) == 0 {
		return s, 0
	}
	unit, ok := countables[t[0]]
	if !ok {
		return s, 0
	}
	if s, n = t[1:].rate(unit); n > 0 {
		n += 1 + skip
	}
	return s, n
}

// rate reads "per minute", "/ day" or "per 60s".
func (t words) rate(unit fallback.Unit) (s span, n int) {
	if len(t) < 2 || !t.beginIn("per", "/", "a", "each", "every") {
		return s, 0
	}
	if one := units[t[1]]; one > 0 {
		return span{unit, one}, 2
	}
	if d, rest, ok := parseDuration(t[1]); ok && rest == "" && d >= time.Second {
		return span{unit, d}, 2
	}
	if n := t[1:].amount(); n > 0 && len(t) > 2 {
		if one := units[t[2]]; one > 0 && n <= int64(maxWait/one) {
			return span{unit, time.Duration(n) * one}, 3
		}
	}
	return s, 0
}
