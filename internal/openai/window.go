package openai

import (
	"strings"
	"time"

	"freefall/fallback"
)

// window is the span of the limit that a 429 speaks of, the shorter ones first.
type window uint8

const (
	unnamed window = iota
	perMinute
	perHour
	perDay
	perWeek
	perMonth
)

// length is how long the window is, 0 for one that is not always the same.
func (w window) length() time.Duration {
	switch w {
	case perMinute:
		return time.Minute
	case perHour:
		return time.Hour
	case perDay:
		return 24 * time.Hour
	case perWeek:
		return 7 * 24 * time.Hour
	}
	return 0
}

type windowWord struct {
	word   string
	window window
}

// windowWords name a window. They count as whole words only.
var windowWords = []windowWord{
	{"per second", perMinute}, {"/ second", perMinute}, {"rps", perMinute},
	{"per minute", perMinute}, {"per-minute", perMinute}, {"per min", perMinute}, {"per-min", perMinute}, {"/ minute", perMinute},
	{"/minute", perMinute}, {"per 1 minute", perMinute}, {"per 1 hour", perHour}, {"per 1 day", perDay}, {"/ min", perMinute}, {"/min", perMinute}, {"tpm", perMinute}, {"rpm", perMinute}, {"limit_rpm", perMinute}, {"per 60s", perMinute},
	{"rph", perHour}, {"tph", perHour}, {"per hour", perHour}, {"per-hour", perHour}, {"hourly", perHour}, {"/ hour", perHour}, {"/hour", perHour}, {"per 3600s", perHour},
	{"session usage", perHour}, {"session limit", perHour}, {"session quota", perHour}, {"5-hour", perHour}, {"5 hour", perHour},
	{"per day", perDay}, {"per-day", perDay}, {"daily", perDay}, {"/ day", perDay}, {"/day", perDay}, {"tpd", perDay}, {"rpd", perDay},
	{"limit_rpd", perDay}, {"per 86400s", perDay}, {"24 hours", perDay}, {"24-hour", perDay}, {"24h", perDay}, {"a day", perDay}, {"each day", perDay},
	{"for the day", perDay}, {"for today", perDay}, {"today's", perDay}, {"tomorrow", perDay}, {"midnight", perDay}, {"24 hour", perDay},
	{"per week", perWeek}, {"per-week", perWeek}, {"weekly", perWeek}, {"/ week", perWeek}, {"/week", perWeek}, {"this week", perWeek},
	{"per month", perMonth}, {"per-month", perMonth}, {"monthly", perMonth}, {"/ month", perMonth}, {"/month", perMonth}, {"this month", perMonth},
	{"par minute", perMinute}, {"pro minute", perMinute}, {"par heure", perHour}, {"pro stunde", perHour}, {"par jour", perDay}, {"quotidien", perDay},
	{"quotidienne", perDay}, {"pro tag", perDay}, {"tageslimit", perDay}, {"tägliche", perDay}, {"tägliches", perDay}, {"par semaine", perWeek},
	{"pro woche", perWeek}, {"par mois", perMonth}, {"mensuel", perMonth}, {"mensuelle", perMonth}, {"pro monat", perMonth}, {"monatliche", perMonth},
	{"por minuto", perMinute}, {"por hora", perHour}, {"por dia", perDay}, {"por día", perDay}, {"diario", perDay}, {"diaria", perDay}, {"diário", perDay},
	{"diária", perDay}, {"al minuto", perMinute}, {"al giorno", perDay}, {"giornaliero", perDay}, {"giornaliera", perDay}, {"por semana", perWeek},
	{"semanal", perWeek}, {"por mes", perMonth}, {"por mês", perMonth}, {"mensual", perMonth}, {"mensal", perMonth}, {"al mese", perMonth}, {"mensile", perMonth},
}

// offers begin what a provider would sell instead. The limits named there are not the one that was met.
var offers = []string{"upgrade", "unlock", "subscribe", "purchase", "need more"}

// dailyCodes are error codes that mean that the day's allowance is spent.
var dailyCodes = []string{"4006", "3036"}

// window finds the window of the limit that was met: in a typed field, else in the provider's own words, the first one named
// there; proven says that it was typed.
func (v *evidence) window() (w window, proven bool) {
	if v.quotaWindow != unnamed {
		return v.quotaWindow, true
	}
	for _, typed := range [...]string{v.limitSource, lowerASCII(v.header("x-ratelimit-type"))} {
		if w := windowIn(typed); w != unnamed {
			return w, true
		}
	}
	if v.own.hasCode(dailyCodes) {
		return perDay, true
	}
	if w := v.own.window(); w != unnamed {
		return w, v.sharedPool()
	}
	if strings.Contains(v.own.lower, "perday") { // a quota's id in a text
		return perDay, true
	}
	return v.bucket.window, v.bucket.window != unnamed
}

// windowIn reads a window out of an identifier such as openrouter_free_tier_daily or UserByModelByDay.
func windowIn(id string) window {
	switch {
	case strings.HasSuffix(id, "daily"), strings.HasSuffix(id, "day"):
		return perDay
	case strings.HasSuffix(id, "minute"), strings.HasSuffix(id, "_rpm"):
		return perMinute
	case strings.HasSuffix(id, "hour"), strings.HasSuffix(id, "hourly"):
		return perHour
	case strings.HasSuffix(id, "week"), strings.HasSuffix(id, "weekly"):
		return perWeek
	case strings.HasSuffix(id, "month"), strings.HasSuffix(id, "monthly"):
		return perMonth
	}
	return unnamed
}

// withoutOffers cuts a text where a provider begins to sell.
func withoutOffers(text string) string {
	for _, offer := range offers {
		if i := strings.Index(text, offer); i > 0 {
			text = text[:i]
		}
	}
	return text
}

// window is the one that is named first.
func (w *voice) window() (first window) {
	text := unjoined(withoutOffers(w.lower))
	find := func(words []windowWord) {
		for _, named := range words {
			if !w.pairs.may(named.word) {
				continue
			}
			if i := indexWord(text, named.word); i >= 0 && !isPrice(text[:i]) {
				text, first = text[:i], named.window
			}
		}
	}
	find(windowWords)
	if isForeign(text) {
		find(foreignWindows)
	}
	return first
}

// isPrice says whether the text before a window ends in an amount of money: "$20/month" is no limit.
func isPrice(before string) bool {
	last := before[strings.LastIndexByte(strings.TrimRight(before, " "), ' ')+1:]
	return strings.ContainsAny(last, "$€£") || strings.HasPrefix(last, "usd")
}

// sharedPool says whether the limit is one that the account's models share.
func (v *evidence) sharedPool() bool {
	pool := v.dialect.SharedPool
	return pool != "" && strings.Contains(v.own.lower, pool) || strings.Contains(v.limitSource, "_free_tier_")
}

// zeroQuota says whether the limit was never above 0: this model has no free tier here.
func (v *evidence) zeroQuota() bool {
	for i := range buckets { // a counter that does not name its window may say 0 for "none"
		if b := &buckets[i]; b.unit == fallback.Requests && b.limit != "" && b.window != unnamed && !b.assumed && v.header(b.limit) == "0" {
			return true
		}
	}
	for _, name := range [...]string{"limit: ", "limit "} {
		for rest, found := v.own.lower, v.own.pairs.may(name); found; {
			if _, rest, found = strings.Cut(rest, name); found && numberAt(rest) == "0" && !isShare(rest[1:]) {
				return true
			}
		}
	}
	return v.quotaZero
}

// isShare says whether what follows a number makes it a part of another one: "0 / 1600000 tokens", "0 of 20", but not "0/1min".
func isShare(behind string) bool {
	behind = strings.TrimLeft(behind, " ")
	whole, found := strings.CutPrefix(behind, "/")
	if !found {
		whole, found = strings.CutPrefix(behind, "of ")
	}
	whole = strings.TrimLeft(whole, " ")
	number := numberAt(whole)
	if !found || number == "" {
		return false
	}
	unit, _ := cutUnit(whole[len(number):])
	return unit == 0
}

// limit judges a 429 whose typed words left it open, by the rows of its status in order.
func (v *evidence) limit() ruling {
	window, proven := v.window()
	target := v.dialect.LimitTarget
	if v.sharedPool() {
		target = fallback.TargetAccount
	}
	switch {
	case v.own.has(tooLargeWords) || v.upstream.has(tooLargeWords):
		return tooLarge
	case v.zeroQuota(), v.own.has(freeShareWords):
		return neverFree
	case v.own.hasCode(brokeCodes), window != perDay && v.own.has(brokeWords):
		return unpaidKey
	case v.own.has(planWords):
		return notInPlan
	case window == perDay:
		v.proven = proven && v.dialect.DayKnown
		return limited(fallback.ScopeKeyDay, target, v.dialect.DayReset)
	case window > perMinute:
		return spent(window, target)
	case v.busy():
		return busy
	case v.fromUpstream() && !v.sharedPool():
		return hostLimit
	case v.hint.long():
		return limited(fallback.ScopeKeyDay, target, fallback.UntilBackoff)
	case window == perMinute:
		return limited(fallback.ScopeKeyMinute, target, fallback.UntilBackoff)
	}
	return limited(v.dialect.LimitScope, target, fallback.UntilBackoff)
}

// busy says whether a 429 speaks of a host that is full. Where it calls the caller's own share a capacity, or names
// the limit of it, it is a limit.
func (v *evidence) busy() bool {
	return (v.own.has(busyWords) || v.upstream.has(busyWords)) && !v.own.has([]string{"your capacity", "limit_rpm", "limit_rpd"})
}

func limited(s fallback.Scope, t fallback.Target, u fallback.Until) ruling {
	return ruling{fallback.RateLimited, s, fallback.NextModel, t, u}
}

// spent is the ruling on an allowance of an hour, a week or a month.
func spent(w window, t fallback.Target) ruling {
	scope, until := fallback.ScopeKey, fallback.UntilMonthEnd
	if t == fallback.TargetAccount {
		scope = fallback.ScopeAccount
	}
	switch w {
	case perHour:
		until = fallback.UntilHour
	case perWeek:
		until = fallback.UntilDay
	default:
		scope = fallback.ScopeKeyMonth
	}
	return ruling{fallback.QuotaExhausted, scope, fallback.NextModel, t, until}
}
