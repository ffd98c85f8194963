package roster

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"freefall/fallback"
	"freefall/internal/openai"
)

// Dialect is what is known of one provider before anybody has asked it anything. What stands in a sentence here stands in
// docs/providers.md, with its source and when that was read or written.
type Dialect struct {
	Name    string
	BaseURL string   // may hold ${VAR}; empty = none that all share
	Hosts   []string // HOST or HOST:PORT by which a base_url is recognised
	KeyVars []string // variables that people keep its key in

	// Listed: its ids or its price list say what is free. Local: it runs on the operator's own machines.
	Listed, Local bool
	// TellsCost says that usage.cost tells what a call has cost.
	TellsCost bool

	Account Limits            // of one account, all its models together
	Models  map[string]Limits // of each model per account, by id
	Model   Limits            // of the models that Models does not name
	From    string            // where they stand
	Read    string            // when they were last read, YYYY-MM-DD; empty = it states none

	// Counting says which of the attempts that failed it counts all the same.
	Counting fallback.Counting
	// Reserves says that it counts the tokens that an answer may have before it begins.
	Reserves bool
	// Burns says that a call which is cancelled goes on there, and counts.
	Burns bool
	// FirstToken is how long its first token may take; 0 = as long as anywhere.
	FirstToken time.Duration

	// Training is whether a prompt that is sent for free may be trained on.
	Training     fallback.Training
	TrainingFrom string // where that stands; empty = nobody says

	Edits openai.Edits // what it refuses or needs in a request
	Notes []string     // whatever else an operator should know
}

// Limits are what a provider grants for free. Zero = unknown.
type Limits struct {
	RPS, RPM, RPH, RPD int64
	TPM, TPH, TPD      int64
	Concurrency        int64
	DayResets          string // "HH:MM ZONE", or rolling; empty = 00:00 UTC
	// Fills names those that fill again all the time, as in "rpd tpm", or all; the others slide, or begin anew.
	Fills string
}

// Filling says whether a limit, by its key in models.yaml, fills again all the time.
func (l Limits) Filling(key string) bool {
	return l.Fills == "all" || slices.Contains(strings.Fields(l.Fills), key)
}

// Of gives the limits of one model per account.
func (d *Dialect) Of(id string) Limits {
	if l, ok := d.Models[id]; ok {
		return l
	}
	return d.Model
}

// Dialects are all of them, the shipped chain's first.
func Dialects() []*Dialect { return dialects }

// ByName finds a dialect, or nil.
func ByName(name string) *Dialect {
	for _, d := range dialects {
		if d.Name == name {
			return d
		}
	}
	return nil
}

// ByHost finds the dialect that is spoken at a host, with or without a port, or nil.
func ByHost(host string) *Dialect {
	host = strings.ToLower(host)
	for _, d := range dialects {
		if slices.Contains(d.Hosts, host) {
			return d
		}
	}
	return nil
}

// Find gives the dialect of that name, else the one that is spoken at the URL, else openai.
func Find(name, baseURL string) *Dialect {
	if d := ByName(name); d != nil {
		return d
	}
	if d := byURL(baseURL); d != nil {
		return d
	}
	return ByName("openai")
}

// byURL looks at the host with its port first: a port may say which local server it is.
func byURL(baseURL string) *Dialect {
	u, err := url.Parse(baseURL)
	if err != nil {
		return nil
	}
	if d := ByHost(u.Host); d != nil {
		return d
	}
	return ByHost(strings.TrimSuffix(u.Hostname(), "."))
}
