package openai

import (
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"freefall/fallback"
)

// learned is what a refusal says of the windows that it was refused for, in typed fields or in words: their limits, and when
// they have room again. What is left of them is the rest's business, which lasts until then. A number that is not clearly the
// limit of a window is none.
func (v *evidence) learned(o *fallback.Outcome) (out []fallback.Reading) {
	target := windowsOf(o.Target)
	switch o.Class {
	case fallback.ContextLength: // larger than a whole window
		target = windowsOf(v.dialect.LimitTarget)
	case fallback.RateLimited, fallback.QuotaExhausted:
		if o.Target == fallback.TargetModel || v.edge { // windows that others draw from too; the edge's own
			return nil
		}
	default:
		return nil
	}
	said := slices.Concat(v.quotas, v.namedCounters(), limitsIn(v.own.lower))
	for i, r := range said[:min(len(said), maxLearned)] {
		if r.Limit <= 0 || slices.ContainsFunc(said[:i], func(s fallback.Reading) bool { return s.Unit == r.Unit && s.Per == r.Per }) {
			continue
		}
		r.Target, r.Remaining = target, -1
		if r.Reset == 0 {
			r.Reset = v.resetOf(r.Per, o)
		}
		out = append(out, r)
	}
	return out
}

// maxLearned bounds what one refusal may say.
const maxLearned = 16

// resetOf is when a window of that length has room again, 0 when the refusal does not say.
func (v *evidence) resetOf(per time.Duration, o *fallback.Outcome) time.Duration {
	believed := o.Until == fallback.UntilRetryAfter || o.Until == fallback.UntilResetAt || per < 24*time.Hour
	switch {
	case v.dialect.DayKnown && per == 24*time.Hour:
		return v.dialect.DayReset.Wait(v.now)
	case v.hint.stated && believed && v.hint.wait <= per:
		return v.hint.wait
	}
	return 0
}

// readQuota reads Google's QuotaFailure: which windows are spent, and whether one of them was never open.
func (v *evidence) readQuota(e gjson.Result) {
	eachObject(v.get(e, "details"), func(detail gjson.Result) {
		eachObject(detail.Get("violations"), func(q gjson.Result) {
			id := lowerASCII(q.Get("quotaId").String())
			w := quotaWindow(id)
			v.quotaWindow = max(v.quotaWindow, w)
			value := scalar(q.Get("quotaValue"))
			v.quotaZero = v.quotaZero || value == "0"
			r := fallback.Reading{Per: w.length(), Limit: parseAmount(value), Remaining: -1}
			switch {
			case w == unnamed:
				return
			case strings.Contains(id, "tokens") && !strings.Contains(id, "outputtokens"):
				r.Unit = fallback.Tokens
			case !strings.Contains(id, "requests"):
				return
			}
			v.quotas = append(v.quotas, r)
		})
	})
}

func quotaWindow(id string) window {
	switch {
	case strings.Contains(id, "perday"):
		return perDay
	case strings.Contains(id, "perminute"):
		return perMinute
	}
	return unnamed
}

// namedCounters reads the counters in headers that do not name their window, or their copy in OpenRouter's metadata, where
// the refusal itself names it.
func (v *evidence) namedCounters() (out []fallback.Reading) {
	copied := v.get(v.meta, "headers")
	if !copied.Exists() && v.header("x-ratelimit-limit") == "" && v.header("x-ratelimit-remaining") == "" {
		return nil
	}
	c := count{per: v.counterWindow(), certain: true}
	if c.per == 0 {
		return nil
	}
	for _, from := range [...]func(string) string{
		v.header,
		func(name string) string { return scalar(copied.Get(name)) },
		func(name string) string { return scalar(copied.Get(headerCase[name])) },
	} {
		c.limit, c.remaining, c.reset = from("x-ratelimit-limit"), from("x-ratelimit-remaining"), from("x-ratelimit-reset")
		if out = c.addTo(out, fallback.TargetPair, v.now); len(out) > 0 {
			return out
		}
	}
	return nil
}

// headerCase is how OpenRouter spells them.
var headerCase = map[string]string{
	"x-ratelimit-limit": "X-RateLimit-Limit", "x-ratelimit-remaining": "X-RateLimit-Remaining", "x-ratelimit-reset": "X-RateLimit-Reset",
}

// counterWindow is the length of the window that a refusal names for certain: in a typed field, in the words of a shared pool,
// or as the first one that it counts requests by.
func (v *evidence) counterWindow() time.Duration {
	for _, typed := range [...]string{v.limitSource, lowerASCII(v.header("x-ratelimit-type"))} {
		if w := windowIn(typed); w != unnamed {
			return w.length()
		}
	}
	if v.sharedPool() {
		return v.own.window().length()
	}
	text := wordsOf(v.own.lower)
	for i := range text {
		if s, n := text[i:].span(); n > 0 && s.unit == fallback.Requests {
			return s.per
		}
	}
	return 0
}
