package openai

import (
	"strings"
	"time"

	"freefall/fallback"
)

// bucket is one counter that providers report in headers.
type bucket struct {
	limit, remaining, reset string // names of the fields; without one for the limit it is not a window that we count
	unit                    fallback.Unit
	window                  window // unnamed = the names do not say
	assumed                 bool   // the names do not say, but this is what nearly all mean
}

// buckets are all that are known. Where two are about the same window the first counts.
var buckets = []bucket{
	counted("requests-day", fallback.Requests, perDay),
	counted("tokens-day", fallback.Tokens, perDay),
	counted("tokens-per-day", fallback.Tokens, perDay), // DigitalOcean's, and of a minute
	counted("requests-hour", fallback.Requests, perHour),
	counted("tokens-hour", fallback.Tokens, perHour),
	counted("requests-1h", fallback.Requests, perHour), // Nous Research's
	counted("tokens-1h", fallback.Tokens, perHour),
	counted("requests-minute", fallback.Requests, perMinute),
	counted("req-minute", fallback.Requests, perMinute), // Mistral's
	counted("tokens-minute", fallback.Tokens, perMinute),
	counted("tokens-per-minute", fallback.Tokens, perMinute),
	assumed(counted("requests", fallback.Requests, perMinute)),
	assumed(counted("project-tokens", fallback.Tokens, perMinute)), // OpenAI's, narrower than those of the organization
	assumed(counted("tokens", fallback.Tokens, perMinute)),
	{limit: "x-ratelimitbysize-limit-minute", remaining: "x-ratelimitbysize-remaining-minute", unit: fallback.Tokens, window: perMinute},
	{remaining: "x-ratelimitbysize-remaining-month", window: perMonth},
	{limit: "x-trial-endpoint-call-limit", remaining: "x-trial-endpoint-call-remaining", unit: fallback.Requests, window: perMinute}, // Cohere's
	anthropic("requests", fallback.Requests),
	anthropic("tokens", fallback.Tokens),
	anthropic("input-tokens", fallback.Tokens),
	{remaining: "anthropic-ratelimit-output-tokens-remaining", reset: "anthropic-ratelimit-output-tokens-reset", window: perMinute},
	counted("day", fallback.Requests, perDay), // Kong's, and of those who do as it does
	counted("hour", fallback.Requests, perHour),
	counted("minute", fallback.Requests, perMinute),
	{remaining: "x-ratelimit-remaining-tokens-month", window: perMonth},
	{limit: "x-ratelimit-limit", remaining: "x-ratelimit-remaining", reset: "x-ratelimit-reset"},
	{remaining: "x-ratelimit-remaining", reset: "x-ratelimit-reset-after"},
	{remaining: "anthropic-ratelimit-unified-remaining", reset: "anthropic-ratelimit-unified-reset"},
	{reset: "msh-cooldown-seconds"},                              // Moonshot's
	{reset: "x-ai-ratelimit-retry-after"},                        // Kong's of tokens
	{remaining: "ratelimit-remaining", reset: "ratelimit-reset"}, // read as a window by draftReadings
}

func counted(what string, u fallback.Unit, w window) bucket {
	return bucket{limit: "x-ratelimit-limit-" + what, remaining: "x-ratelimit-remaining-" + what, reset: "x-ratelimit-reset-" + what, unit: u, window: w}
}

func anthropic(what string, u fallback.Unit) bucket {
	name := "anthropic-ratelimit-" + what
	return bucket{limit: name + "-limit", remaining: name + "-remaining", reset: name + "-reset", unit: u, window: perMinute}
}

func assumed(b bucket) bucket {
	b.assumed = true
	return b
}

// windowFor is the bucket's window where this dialect is spoken, and whether it is certain.
func (b *bucket) windowFor(d *Dialect) (w window, certain bool) {
	if b.assumed && b.unit == fallback.Requests && d.RequestsDaily {
		return perDay, true
	}
	return b.window, !b.assumed
}

// bucketReset is what the spent buckets of an answer say together: the longest window among them, and its reset.
type bucketReset struct {
	wait     time.Duration
	readable bool
	window   window
}

// spentBuckets reads the counters that stand at 0, of an answer that speaks of a limit. A lone reset without a counter is
// believed where it cannot be another's.
func (v *evidence) spentBuckets() (r bucketReset) {
	if !refuses(v.status) {
		return r
	}
	for i := range buckets {
		b := &buckets[i]
		remaining, reset := v.headerOf(b.remaining), v.headerOf(b.reset)
		n, ok := parseNumber(strings.TrimSpace(remaining))
		w, _ := b.windowFor(v.dialect)
		if n > 0 || !ok && (remaining != "" || b.window != unnamed) || reset == "" && (!ok || w < perDay) {
			continue // a long window that is spent counts without its end
		}
		r.add(b, v.dialect, reset, v.now)
	}
	if wait, ok := draftReset(v.header("ratelimit"), v.now); ok {
		r.wait, r.readable = max(r.wait, wait), true
	}
	return r
}

// headerOf is a field of the head, nothing for a name that is none.
func (v *evidence) headerOf(name string) string {
	if name == "" {
		return ""
	}
	return v.header(name)
}

// add takes one spent bucket: the later reset counts, but not one of a shorter window than another that is spent.
func (r *bucketReset) add(b *bucket, d *Dialect, reset string, now time.Time) {
	w, _ := b.windowFor(d)
	if w != unnamed && w < r.window {
		return
	}
	if r.window != unnamed && w > r.window {
		r.wait, r.readable = 0, false
	}
	r.window = max(r.window, w)
	if d, ok := parseWait(reset, now); ok {
		r.wait, r.readable = max(r.wait, d), true
	}
}

// refuses says whether a status speaks of a limit.
func refuses(status int) bool { return status == 429 || status == 402 || status == 403 }
