package fallback

import (
	"sort"
	"time"
)

// believe takes the provider's own count. Whether it has counted what is under way, beside the own attempt that brought the
// word, is not known, so anything between is left as it is.
func (c *counter) believe(now time.Time, used int64, reset time.Duration, own int64) {
	c.advance(now)
	if c.Unit == Running {
		return
	}
	others := max(0, c.running-own)
	if c.Cycle == Bucket {
		least := float64(used - 1) // told in whole ones: of what has come since the last of them ours knows more
		if c.level < least-float64(c.margin())/float64(c.Per)*float64(c.limit()) {
			least = float64(used) // not where others have drawn
		}
		c.level = min(max(c.level, least), float64(used+others))
		c.fill(now)
		return
	}
	if short := used - c.used; short > 0 {
		at := now
		if c.Cycle == Sliding && reset > 0 && reset < c.Per {
			at = now.Add(reset - c.Per - c.margin()) // it leaves when the provider says
		}
		c.insert(at, short)
	}
	for phantom := c.used - used - others; phantom > 0; {
		phantom -= c.forget(phantom)
	}
}

// insert counts what others have drawn at a time that may be past.
func (c *counter) insert(at time.Time, n int64) {
	if c.Cycle != Sliding {
		c.used += n
		return
	}
	live := c.log[c.head:]
	i := sort.Search(len(live), func(i int) bool { return !live[i].at.Before(at) })
	c.log = append(c.log, charge{})
	live = c.log[c.head:]
	copy(live[i+1:], live[i:])
	live[i] = charge{at, n}
	c.used += n
}

// forget takes back up to n of the oldest charges.
func (c *counter) forget(n int64) int64 {
	if c.Cycle != Sliding {
		c.used -= n
		return n
	}
	if c.head == len(c.log) {
		c.used = 0
		return n
	}
	old := &c.log[c.head]
	n = min(n, old.n)
	old.n -= n
	c.used -= n
	if old.n == 0 {
		c.head++
	}
	return n
}
