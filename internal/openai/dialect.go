package openai

import (
	"time"

	"freefall/fallback"
)

// Dialect is what is known of how one provider speaks of limits.
type Dialect struct {
	Name string

	LimitTarget fallback.Target // what rests after a bare 429: the scope that the provider documents, else the pair
	LimitScope  fallback.Scope  // whom a bare 429 speaks of
	DayReset    fallback.Until  // where its day begins; 00:00 UTC is assumed of those that do not say
	DayKnown    bool            // DayReset is documented: a rest until then needs no trials
	DayRolls    bool            // its day slides: a hint of minutes is true although the limit is a day's

	Zone *time.Location // of the moments in its texts that name none; nil = UTC

	Counters fallback.Target // whose windows its headers show: TargetPair or TargetAccount

	RequestsDaily bool   // x-ratelimit-*-requests counts a day, not a minute
	SharedPool    string // stands in a limit that the whole account shares; empty = no such words

	KeyPath string // where it tells what a key has left, below the base URL: see KeyReadings; empty = it does not
}

// dialects is one row per provider that speaks differently.
var dialects = byName([]Dialect{
	{Name: "openai"},
	{Name: "openrouter", DayKnown: true, Counters: fallback.TargetAccount, SharedPool: "free-models-per-", KeyPath: "/key"},
	{Name: "google", LimitScope: fallback.ScopeModelUpstream, DayReset: fallback.UntilPacificMidnight, DayKnown: true},
	{Name: "groq", DayRolls: true, RequestsDaily: true},
	{Name: "cerebras", DayRolls: true},
	{Name: "mistral", LimitTarget: fallback.TargetKey},
	{Name: "nvidia"},
	{Name: "cloudflare", LimitTarget: fallback.TargetAccount, DayKnown: true},
	{Name: "huggingface", LimitTarget: fallback.TargetAccount},
	{Name: "cohere", LimitTarget: fallback.TargetKey},
	{Name: "zai", Zone: beijing}, // as the stamps of the requests beside them show
	{Name: "ollama"},
	{Name: "ollama-cloud", LimitTarget: fallback.TargetAccount},
	{Name: "llamacpp"},
})

var beijing = time.FixedZone("", 8*3600)

// byName fills in what most rows share: the pair, the minute, the UTC day.
func byName(rows []Dialect) map[string]*Dialect {
	m := make(map[string]*Dialect, len(rows))
	for i := range rows {
		d := &rows[i]
		if d.LimitTarget == fallback.TargetNone {
			d.LimitTarget = fallback.TargetPair
		}
		if d.LimitScope == fallback.ScopeNone {
			d.LimitScope = fallback.ScopeKeyMinute
		}
		if d.Zone == nil {
			d.Zone = time.UTC
		}
		if d.DayReset == fallback.UntilNone {
			d.DayReset = fallback.UntilUTCMidnight
		}
		if d.Counters == fallback.TargetNone {
			d.Counters = windowsOf(d.LimitTarget)
		}
		m[d.Name] = d
	}
	return m
}

// windowsOf says which windows are full after a limit that rests this target: those of the account or of the model.
func windowsOf(t fallback.Target) fallback.Target {
	switch t {
	case fallback.TargetKey, fallback.TargetAccount, fallback.TargetProvider:
		return fallback.TargetAccount
	}
	return fallback.TargetPair
}

// DialectOf finds a dialect by its name. A name that has no row speaks like openai.
func DialectOf(name string) *Dialect {
	if d, ok := dialects[name]; ok {
		return d
	}
	return dialects["openai"]
}
