package fallback

import "time"

// rote is a provider that states the same wait whenever it refuses, as gateways do that know no better. It is kept to, since it was stated, but tells
// nothing of when a window opens.
type rote struct {
	wait  time.Duration // as it was stated last
	times int           // in a row
}

const (
	learnedByHeart = 3               // so often in a row a wait is stated before it is taken for one that is always stated
	byChance       = 2 * time.Second // waits up to this are often the same: they are floored, and told in whole seconds
)

// heed gives back when the provider says that it has room again, zero if that means nothing.
func (r *rote) heed(now, opens time.Time) time.Time {
	wait := opens.Sub(now)
	if opens.IsZero() || wait <= byChance {
		return opens
	}
	if wait != r.wait {
		*r = rote{wait: wait}
	}
	if r.times++; r.times >= learnedByHeart {
		return time.Time{}
	}
	return opens
}
