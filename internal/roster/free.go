package roster

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"freefall/fallback"
)

// Claim is what is said of a model at a provider when somebody wants to call it.
type Claim struct {
	Provider string // its name, for the message
	Dialect  *Dialect
	Free     string // auto, plan, listed, local or no, as in models.yaml
	BaseURL  string
	ID       string
	Paid     bool // the operator allows it to cost money, up to a bound

	List *List // what the provider listed last; nil = nobody has asked
	Now  time.Time
}

// Prove says why the model costs nothing, or Unproven and what to do. Every way to a provider asks it. In doubt it says no:
// a wrong no costs a look at `freefall check`, a wrong yes costs money.
//
// The words plan and local are the operator's own and are believed, but never an id that buys something on top.
func Prove(c Claim) (fallback.Proof, string) {
	proof, why := free(c)
	if proof == fallback.Unproven && c.Paid {
		return allowed(c)
	}
	return proof, why
}

// allowed takes the operator's word for a model that is not free, where the provider says what a call has cost: a bound that
// nobody can keep to is none.
func allowed(c Claim) (fallback.Proof, string) {
	if owner := byURL(c.BaseURL); !c.Dialect.TellsCost || owner != nil && !owner.TellsCost {
		return fallback.Unproven, fmt.Sprintf("not free, and allow_paid can not be kept to: %s does not say what a call has cost", c.Provider)
	}
	return fallback.AllowedPaid, ""
}

func free(c Claim) (fallback.Proof, string) {
	if buys := extra(c); buys != "" {
		return fallback.Unproven, buys
	}
	switch c.Free {
	case "plan":
		return fallback.ProvenPlan, ""
	case "local":
		return byWord(c)
	case "listed":
		return listed(c)
	case "no":
		return fallback.Unproven, fmt.Sprintf("%s is marked `free: no`", c.Provider)
	}
	switch {
	case c.Dialect.Listed:
		return listed(c)
	case IsLocal(c):
		return atHome(c)
	}
	return fallback.Unproven, "not proven free: " + planWord(c)
}

func planWord(c Claim) string {
	return fmt.Sprintf("set `free: plan` (or FREEFALL_FREE_PLAN=%s) if this key has no billing", c.Provider)
}

// elsewhere says whether a server of the operator's own passes calls of this model on: Ollama does so with what has a tag that
// ends with cloud.
func elsewhere(c Claim) bool {
	_, tag, _ := strings.Cut(strings.ToLower(c.ID), ":")
	return strings.HasSuffix(tag, "cloud")
}

// extra finds ids that cost money whatever else they say: a web search on top, a router that may choose paid models.
func extra(c Claim) string {
	id := strings.ToLower(c.ID)
	switch {
	case strings.Contains(id, ":online"):
		return "not free: :online adds a web search that costs money; use the id without it"
	case c.Dialect.Listed && (id == "openrouter/auto" || strings.HasPrefix(id, "openrouter/auto:")):
		return "not free: openrouter/auto may choose paid models; name a model that ends with :free"
	}
	return ""
}

// listed believes a price in the list of today, and the end of the id where no list speaks against it.
func listed(c Claim) (fallback.Proof, string) {
	price := c.List.price(c.ID)
	switch {
	case price == Priced:
		return fallback.Unproven, fmt.Sprintf("not free: %s lists it with a price", c.Provider)
	case strings.HasSuffix(c.ID, ":free"), price == Zero && c.List.fresh(c.Now):
		return fallback.ProvenListed, ""
	case price == Zero:
		return fallback.Unproven, fmt.Sprintf("not proven free: the list of %s that prices it at 0 is too old; the next one that can be read brings it back", c.Provider)
	}
	return fallback.Unproven, "not proven free: the id does not end with :free; " + planWord(c)
}

// byWord believes `free: local` of a named host, but not of one that is known to be somebody's business.
func byWord(c Claim) (fallback.Proof, string) {
	if IsLocal(c) {
		return atHome(c)
	}
	return fallback.Unproven, fmt.Sprintf("%s is not local: remove `free: local`", c.BaseURL)
}

// atHome is the proof of what a server of the operator's own serves itself.
func atHome(c Claim) (fallback.Proof, string) {
	if elsewhere(c) {
		return fallback.Unproven, "not proven free: it runs at ollama.com, not on your machine; " + planWord(c)
	}
	return fallback.ProvenLocal, ""
}

// IsLocal says whether a call stays on the operator's own machines: the address cannot be anywhere else, or the server is
// one that only runs there, or the operator says so. The last two do not count at a host that is known to be somebody's
// business. Such a provider may dial loopback and private addresses.
func IsLocal(c Claim) bool {
	u, err := url.Parse(c.BaseURL)
	if err != nil || u.User != nil || u.Hostname() == "" {
		return false
	}
	if IsLocalHost(u.Hostname()) {
		return true
	}
	owner := byURL(c.BaseURL)
	return (c.Free == "local" || c.Dialect.Local) && (owner == nil || owner.Local)
}

// IsLocalHost says whether a host is localhost or a literal loopback or private address. Everything else is not: a name
// may point anywhere, 0x7f.1 and 127.1 are read differently by different programs, and a zone or a link-local address
// may be a cloud's own.
func IsLocalHost(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Zone() != "" {
		return false
	}
	return ip.IsLoopback() || ip.IsPrivate()
}
