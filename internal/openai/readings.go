package openai

import (
	"strings"
	"time"

	"freefall/fallback"
)

// Readings reads what the head of an answer says of the provider's windows, whether the answer is good or not. header gives
// "" for a field that is absent or stands there twice; names are lower case. A value that cannot be is not said. Nothing is
// allocated when the head says nothing.
func Readings(d *Dialect, status int, header func(name string) string, now time.Time) (out []fallback.Reading) {
	if d == nil {
		d = DialectOf("")
	}
	theirs := time.Time{} // read when something is said
	for i := range buckets {
		b := &buckets[i]
		if b.limit == "" || b.window == unnamed && refuses(status) { // whose window the words of a refusal name: see learned
			continue
		}
		remaining := header(b.remaining)
		if remaining == "" {
			continue
		}
		w, certain := b.windowFor(d)
		if w == unnamed {
			w, certain = windowIn(lowerASCII(header("x-ratelimit-type"))), true
		}
		c := count{b.unit, w.length(), certain, header(b.limit), remaining, header(b.reset)}
		if c.reset == "" && remaining == "0" && refuses(status) {
			c.reset = c.stated(header("retry-after"), now)
		}
		if theirs.IsZero() {
			theirs = theirTime(header, now)
		}
		out = c.addTo(out, d.Counters, theirs)
	}
	return draftReadings(out, d, status, header, now)
}

// count is what an answer says of one window, as it is written there.
type count struct {
	unit    fallback.Unit
	per     time.Duration // 0 = not said
	certain bool          // the length is said, not assumed

	limit, remaining, reset string
}

// stated is the wait of a refusal, which is that of what is spent. A few seconds are none of a day.
func (c *count) stated(wait string, now time.Time) string {
	if d, ok := parseWait(wait, now); ok && d <= idleHint && c.per >= 24*time.Hour {
		return ""
	}
	return wait
}

// addTo appends what can be believed, once for each window.
func (c *count) addTo(out []fallback.Reading, target fallback.Target, now time.Time) []fallback.Reading {
	r := fallback.Reading{Target: target, Unit: c.unit, Per: c.per, Limit: parseAmount(c.limit), Remaining: parseAmount(c.remaining)}
	if r.Limit == 0 {
		r.Limit = -1
	}
	c.readReset(&r, now)
	r.Assumed = r.Per > 0 && !c.certain
	switch {
	case r.Limit > 0 && r.Remaining > r.Limit, r.Limit < 0 && r.Remaining < 0:
		return out
	case r.Per == 0 && (r.Limit < 0 || r.Remaining < 0 || r.Reset == 0): // which window?
		return out
	}
	for i := range out {
		if out[i].Unit == r.Unit && out[i].Per == r.Per {
			return out
		}
	}
	return append(out, r)
}

// readReset takes the reset as far as it agrees with the window. A turn that is over says nothing of what remains in this one.
func (c *count) readReset(r *fallback.Reading, now time.Time) {
	wait, ok := parseWait(c.reset, now)
	switch {
	case wait < 0 || ok && wait == 0:
		r.Remaining = -1
	case !ok:
	case r.Per == 0, wait <= r.Per:
		r.Reset = wait
	case wait <= r.Per+r.Per/10: // clocks differ
		r.Reset = r.Per
	case !c.certain:
		r.Per, r.Reset = 0, wait
	}
}

// maxAmount is the largest limit that is believed; the largest known is a billion tokens a month.
const maxAmount = 1e12

// parseAmount reads a whole number of requests or tokens; -1 = not said.
func parseAmount(s string) int64 {
	n, ok := parseNumber(strings.TrimSpace(s))
	if !ok || n > maxAmount || n != float64(int64(n)) {
		return -1
	}
	return int64(n)
}
