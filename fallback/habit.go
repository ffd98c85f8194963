package fallback

import (
	"math"
	"time"
)

// A provider that names no limit may have any, and a day's limit may turn at any hour: what was not drawn by then has lapsed, and nothing tells
// before it refuses. So beside models whose quota is kept for later, Adaptive draws evenly on all that name no limit: the one that was asked
// least of late goes first. Where nothing is kept for later, the quickest goes first.

// habit is how many attempts a pair had of late: older ones weigh half every three hours.
type habit struct {
	n  float64
	at time.Time
}

const (
	habitHalves  = 3 * time.Hour
	unnamedCosts = 2  // times as dear as what may have a day's limit alone is what may have any, while it is asked seldom
	habitCosts   = 3  // and so many times when it is asked all the time: then much is there, but nobody knows how much
	habitUnit    = 30 // attempts that make it as dear once more
)

func (h *habit) weight(now time.Time) float64 {
	return math.Exp2(-float64(max(0, now.Sub(h.at))) / float64(habitHalves))
}

func (h *habit) add(now time.Time) {
	h.n = h.n*h.weight(now) + 1
	h.at = now
}

// costs is how much dearer the pair is than one of which windows are named.
func (h *habit) costs(now time.Time, stores bool) float64 {
	if !stores {
		return unnamedCosts
	}
	return min(max(unnamedCosts, h.n*h.weight(now)/habitUnit), habitCosts)
}
