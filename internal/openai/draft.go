package openai

import (
	"cmp"
	"strings"
	"time"

	"freefall/fallback"
)

const (
	maxFields = 1024 // bytes of a structured field that are read
	maxItems  = 8    // of a list
)

// draftReadings reads the fields of the IETF's draft on rate limits, in the three forms that it has had:
//
//	RateLimit-Limit: 100  RateLimit-Remaining: 50  RateLimit-Reset: 30
//	RateLimit: limit=100, remaining=50, reset=30
//	RateLimit: "name";r=50;t=30
//
// The length of the window stands in RateLimit-Policy: 100;w=60 or "name";q=100;w=60, or behind the limit.
func draftReadings(out []fallback.Reading, d *Dialect, status int, header func(string) string, now time.Time) []fallback.Reading {
	fields, remaining := header("ratelimit"), header("ratelimit-remaining")
	if fields == "" && remaining == "" || len(fields) > maxFields {
		return out
	}
	policies := header("ratelimit-policy")
	if len(policies) > maxFields {
		policies = ""
	}
	add := func(c count, policy string, named bool) {
		if c.readPolicy(policies, policy, named); c.per > 0 || !refuses(status) {
			out = c.addTo(out, d.Counters, theirTime(header, now))
		}
	}
	switch {
	case fields == "":
		limit, beside := cutOutside(header("ratelimit-limit"), ',')
		policies = cmp.Or(policies, beside)
		add(count{limit: limit, remaining: remaining, reset: header("ratelimit-reset")}, limit, false)
	case strings.Contains(fields, "remaining="):
		members := strings.ReplaceAll(fields, ",", ";")
		limit := parameter(";"+members, "limit")
		add(count{limit: limit, remaining: parameter(";"+members, "remaining"), reset: parameter(";"+members, "reset")}, limit, false)
	default:
		for item := range listItems(fields) {
			name, _ := cutOutside(item, ';')
			add(count{remaining: parameter(item, "r"), reset: parameter(item, "t")}, name, true)
		}
	}
	return out
}

// draftReset is when the spent ones of a RateLimit field's counters have room again, the latest of them.
func draftReset(field string, now time.Time) (wait time.Duration, ok bool) {
	if field == "" || len(field) > maxFields {
		return 0, false
	}
	take := func(item, remaining, reset string) {
		if d, readable := parseWait(parameter(item, reset), now); readable && parameter(item, remaining) == "0" {
			wait, ok = max(wait, d), true
		}
	}
	if strings.Contains(field, "remaining=") {
		take(";"+strings.ReplaceAll(field, ",", ";"), "remaining", "reset")
		return wait, ok
	}
	for item := range listItems(field) {
		take(item, "r", "t")
	}
	return wait, ok
}

// readPolicy finds the policy of that name, or that limit, and takes its length from there, and its limit. What counts neither requests
// nor tokens becomes a window of nothing.
func (c *count) readPolicy(policies, name string, named bool) {
	name = strings.TrimSpace(name)
	for item := range listItems(policies) {
		head, _ := cutOutside(item, ';')
		if strings.TrimSpace(head) != name || name == "" {
			continue
		}
		if named {
			c.limit = parameter(item, "q")
		}
		if n := parseAmount(parameter(item, "w")); n > 0 {
			c.per, c.certain = min(time.Duration(min(n, int64(maxWait/time.Second)))*time.Second, maxWait), true
		}
		switch strings.Trim(parameter(item, "qu"), `"`) {
		case "", "requests":
		case "tokens":
			c.unit = fallback.Tokens
		default:
			c.limit, c.remaining = "", ""
		}
		return
	}
}

// listItems are the first items of a list, which commas part.
func listItems(list string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for range maxItems {
			item, rest := cutOutside(list, ',')
			if item = strings.TrimSpace(item); item != "" && !yield(item) || rest == "" {
				return
			}
			list = rest
		}
	}
}

// parameter is the value of ;name= in an item, as it is written.
func parameter(item, name string) string {
	for _, rest := cutOutside(item, ';'); rest != ""; {
		var p string
		p, rest = cutOutside(rest, ';')
		if key, value, _ := strings.Cut(strings.TrimSpace(p), "="); key == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// cutOutside cuts at the first sep that does not stand in double quotes.
func cutOutside(s string, sep byte) (before, after string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == sep && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}
