package fallback

import (
	"math"
	"sort"
	"time"
)

// counter is a window with what was drawn from it. It counts what the provider counts, as far as we know.
type counter struct {
	Window
	told    int64 // the limit that the provider itself named; 0 = it did not
	paced   bool  // Daily: what is granted grows over the day
	learned bool  // nobody but the provider named the window
	used    int64
	doubt   int64 // of used: what the provider may not have counted
	running int64 // attempts under way that have drawn from it

	loan loan

	asking int64   // of used: what a counter that several replicas share is being asked for
	word   *word   // of a counter that several replicas share; nil = none was asked
	heard  hearsay // what the provider has said that it counted, until that counter was told

	// learned, Sliding: when the provider said that there would be room again. One attempt finds out: how long the window is, and how it comes
	// round, may not be as we take it.
	renewal time.Time

	level    float64   // Bucket: what is missing in it at from
	from, to time.Time // Fixed, Daily: the turn that used belongs to
	next     int64     // Fixed, Daily: drawn so shortly before the turn ends that the provider may count it in the next
	last     int64     // Fixed, Daily: used in the turn before, which the provider's clock may still be in
	blamed   int64     // Fixed: of used: what nobody drew; a refusal was put to its account

	log  []charge // Sliding: by time; those before head have left
	head int
	lump time.Time // of the first part of the youngest charge
}

// charge is an amount that leaves a sliding window together.
type charge struct {
	at time.Time // of the last part
	n  int64
}

const (
	exact = 256 // charges of a sliding window that are kept one by one
	grain = 128 // beyond, those of Per/grain are kept as one, as old as the youngest
)

// corrected says whether the provider's own word stands above the limit that was configured.
func (c *counter) corrected() bool { return c.told > 0 && (!c.Firm || c.told < c.Limit) }

// limit is what the window grants.
func (c *counter) limit() int64 {
	if c.corrected() {
		return c.told
	}
	return c.Limit
}

// advance lets go of what no longer counts.
func (c *counter) advance(now time.Time) {
	if c.Unit == Running {
		c.used = c.running + c.elsewhere(now)
		return
	}
	switch {
	case c.Cycle == Sliding:
		c.slide(now)
		return
	case c.Cycle == Bucket:
		c.fill(now)
		return
	case now.Before(c.to):
		return
	}
	before := c.to
	c.from, c.to = c.period(now)
	c.last, c.used, c.blamed, c.doubt, c.loan = max(0, c.used-c.blamed), 0, 0, 0, loan{}
	if c.from.Equal(before) {
		c.used = c.next
	} else {
		c.last = 0
	}
	c.next = 0
}

// fill puts into a bucket what has come since.
func (c *counter) fill(now time.Time) {
	if came := now.Sub(c.from); came > 0 {
		c.level = max(0, c.level-float64(came)/float64(c.Per)*float64(c.limit()))
		c.from = now
	}
	c.used = int64(math.Ceil(c.level - 1e-9))
}

func (c *counter) slide(now time.Time) {
	if len(c.log) == 0 {
		return
	}
	left := now.Add(-c.Per - c.margin())
	for c.head < len(c.log) && !c.log[c.head].at.After(left) {
		c.used -= c.log[c.head].n
		c.head++
	}
	if c.head == len(c.log) {
		c.log, c.head = c.log[:0], 0
	}
}

// room says whether n more fit now. What is larger than the whole window passes when nothing else is in it.
func (c *counter) room(now time.Time, n int64) bool {
	c.advance(now)
	return c.fits(now, n) && !c.turns(now, n) && c.shut(now, n).IsZero()
}

func (c *counter) fits(now time.Time, n int64) bool {
	granted := c.granted(now)
	return c.used+n <= granted || c.used <= 0 && granted > 0 || c.renewed(now)
}

// renewed says whether the moment has come at which the provider was to have room again.
func (c *counter) renewed(now time.Time) bool { return !c.renewal.IsZero() && !now.Before(c.renewal) }

// turns says whether a turn is so young that the provider may still count in the one before, which has no room for n.
func (c *counter) turns(now time.Time, n int64) bool {
	return c.last > 0 && c.last+n > c.limit() && now.Sub(c.from) < c.margin()
}

// headStart is how much of the day a paced window grants in advance: an hour of it.
const headStart = time.Hour

// granted is how much of the limit may be drawn by now.
func (c *counter) granted(now time.Time) int64 {
	limit := c.limit()
	if !c.paced || c.Cycle != Daily {
		return limit
	}
	over := float64(now.Sub(c.from)+headStart) / float64(c.to.Sub(c.from))
	return min(limit, max(1, int64(over*float64(limit))))
}

// pacedUntil is when a paced window has granted n more, zero when the whole limit would not do.
func (c *counter) pacedUntil(n int64) time.Time {
	limit := c.limit()
	if !c.paced || c.Cycle != Daily || c.used+n > limit {
		return time.Time{}
	}
	share := float64(c.used+n) / float64(limit) * float64(c.to.Sub(c.from))
	return c.from.Add(time.Duration(share) - headStart + time.Second)
}

// open is when n fit; now, if they do already. A slot of a Running window has no time of its own: it opens when somebody ends.
func (c *counter) open(now time.Time, n int64) time.Time {
	if c.room(now, n) {
		return now
	}
	return latest(c.opensBySelf(now, n), c.shut(now, n))
}

// opensBySelf is when n fit by our own count.
func (c *counter) opensBySelf(now time.Time, n int64) time.Time {
	switch {
	case c.fits(now, n) && !c.turns(now, n):
		return now
	case c.Unit == Running:
		return now.Add(minHint)
	case c.Cycle == Bucket:
		over := min(c.level+float64(n)-float64(c.limit()), c.level)
		return now.Add(time.Duration(over/float64(c.limit())*float64(c.Per)) + c.margin())
	case c.fits(now, n): // the turn is too young
		return c.from.Add(c.margin())
	case c.Cycle != Sliding:
		if at := c.pacedUntil(n); !at.IsZero() {
			return at
		}
		if to := c.to; c.next > 0 && c.next+n > c.limit() {
			_, to = c.period(to)
			return to.Add(c.margin())
		}
		return c.to.Add(c.margin())
	}
	if at := c.slides(now, n); !sooner(c.renewal, at) {
		return at
	}
	return c.renewal
}

// brims says whether a wait is that until all that is missing in a bucket will have come. Many counters tell that as their reset; there is room
// long before.
func (c *counter) brims(now time.Time, wait time.Duration) bool {
	c.advance(now)
	missing := time.Duration(c.level / float64(c.limit()) * float64(c.Per))
	return c.Cycle == Bucket && (wait-missing).Abs() <= max(time.Second, missing/50)
}

// slides is when n will have left a sliding window.
func (c *counter) slides(now time.Time, n int64) time.Time {
	over := min(c.used+n-c.limit(), c.used)
	for _, old := range c.log[c.head:] {
		if over -= old.n; over <= 0 {
			return old.at.Add(c.Per + c.margin())
		}
	}
	return now.Add(c.Per)
}

// stays is until when a window that is full changes by nothing but what is given back.
func (c *counter) stays(now time.Time, n int64) time.Time {
	switch {
	case !c.shut(now, n).IsZero() || c.elsewhere(now) > 0: // another word may come
		return now
	case c.Unit == Running:
		return now.Add(c.Per + time.Hour)
	case c.paced, c.Cycle == Bucket:
		return now
	case c.fits(now, n): // the turn is too young
		return c.from.Add(c.margin())
	case c.Cycle != Sliding:
		return c.to
	case c.head < len(c.log) && c.renewal.IsZero():
		return c.log[c.head].at.Add(c.Per + c.margin())
	}
	return now
}

// draw counts n at now.
func (c *counter) draw(now time.Time, n int64) {
	c.advance(now)
	c.take(now, n)
}

// take is draw of a window that has been advanced to now.
func (c *counter) take(now time.Time, n int64) {
	if c.used+n > c.limit() {
		c.renewal = time.Time{}
	}
	c.running++
	c.add(now, n)
}

// add counts n without anybody running for it.
func (c *counter) add(now time.Time, n int64) {
	switch {
	case c.Unit == Running:
		c.used = c.running + c.elsewhere(now)
		return
	case c.Cycle == Sliding:
		c.append(charge{now, n})
	case c.Cycle == Bucket:
		c.level += float64(n)
	case !now.Add(c.margin()).Before(c.to):
		c.next += n
	}
	c.used += n
}

func (c *counter) append(x charge) {
	if last := len(c.log) - 1; last >= c.head {
		if x.at.Before(c.log[last].at) {
			x.at = c.log[last].at // the log is by time, whoever got the lock first
		}
		if len(c.log)-c.head >= exact && x.at.Sub(c.lump) < c.Per/grain || x.at.Equal(c.log[last].at) {
			c.log[last] = charge{x.at, c.log[last].n + x.n}
			return
		}
	}
	c.lump = x.at
	if c.head > exact && c.head > len(c.log)/2 {
		c.log, c.head = append(c.log[:0], c.log[c.head:]...), 0
	}
	c.log = append(c.log, x)
}

// amend changes what was drawn at that time by n, which may be negative, if it still counts.
func (c *counter) amend(now, at time.Time, n int64) {
	c.advance(now)
	switch {
	case n == 0 || c.Unit == Running:
	case c.Cycle == Bucket:
		c.level = max(0, c.level+float64(n))
		c.fill(now)
	case c.Cycle == Sliding:
		if !at.After(now.Add(-c.Per - c.margin())) {
			return // it has left
		}
		live := c.log[c.head:]
		i := sort.Search(len(live), func(i int) bool { return !live[i].at.Before(at) })
		if i < len(live) {
			n = max(n, -live[i].n)
			live[i].n += n
			c.used += n
			c.tidy()
		}
	case at.Before(c.from):
		if c.from.Sub(at) <= c.margin() {
			c.used = max(0, c.used+n)
		}
	default:
		c.used = max(0, c.used+n)
		if !at.Add(c.margin()).Before(c.to) {
			c.next = max(0, c.next+n)
		}
	}
}

// tidy forgets the youngest charges if nothing is left of them: where all is turned away, as a guess sees it, they would be most of what is
// kept. Of tokens some may come again. Where charges are lumped it must be known when the youngest began.
func (c *counter) tidy() {
	for last := len(c.log) - 1; c.Unit == Requests && last >= c.head && last-c.head < exact-1 && c.log[last].n == 0; last-- {
		c.log = c.log[:last]
	}
}

// end says that an attempt that drew is over.
func (c *counter) end() { c.running = max(0, c.running-1) }
