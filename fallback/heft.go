package fallback

import "math"

// Where tokens are counted a small request costs little; where only requests are counted a large one costs no more than a small one. So
// under Adaptive small requests go to the former first and large ones to the latter: both together answer more than either way alone.

// heft is how much of the row's quota a request of so many tokens draws, in usual requests, at the key where that is least.
func (r *row) heft(tokens, usual float64) float64 {
	least := math.Inf(1)
	for k := range r.pairs {
		p := &r.pairs[k]
		least = min(least, heft(tokens+firstOutput, p.quota, &p.account.quota)/heft(usual+firstOutput, p.quota, &p.account.quota))
	}
	return least
}

// heft is how long it takes, in seconds, until what a request of so many tokens draws has come back in all windows; 1 where nothing is counted.
func heft(tokens float64, quotas ...*quota) (longest float64) {
	for _, q := range quotas {
		for _, c := range q.counters {
			each := c.Per.Seconds() / float64(c.limit())
			switch c.Unit {
			case Requests:
				longest = max(longest, each)
			case Tokens:
				longest = max(longest, each*tokens)
			case Running: // comes back with the answer
			}
		}
	}
	if longest == 0 {
		return 1
	}
	return longest
}

// usual is how many tokens requests had of late on average, as estimated before they are sent.
func (d *demand) usual() float64 { return d.tokens / max(1, d.all) }

// size is the class of a request beside what is usual: they are told apart in the order of models.
func (d *demand) size(n *Need) int {
	switch tokens, usual := float64(n.Tokens), d.usual(); {
	case tokens < usual/clearly:
		return 0
	case tokens < usual*clearly:
		return 1
	}
	return 2
}

const (
	sizes   = 3
	clearly = 1.5 // times smaller or larger than usual
)
