package fallback

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

// Quota that comes back by itself all the time is lost when it is not used, so it is used first. Quota of an hour or more is a store: it
// is drawn from last, and from several the one first that lasts longest for the time until it is filled again. So all of them are
// still there when everything is needed at once.

// price is how dear the quota of the cheapest key of the row is: how many times longer it is until it comes round than what is
// left of it would last. The dearest window counts. Below 1 there is more than can be used. It is looked at anew once a second: what it
// is made of lasts for hours.
func (r *row) price(now time.Time, demand float64, stores bool) float64 {
	p := &r.model.priced
	if age := now.Sub(p.at); age < 0 || age >= priceHolds {
		p.at, p.price = now, r.priceNow(now, demand, stores)
	}
	return p.price
}

// priced is a price for a while.
type priced struct {
	at    time.Time
	price float64
}

const priceHolds = time.Second

func (r *row) priceNow(now time.Time, demand float64, stores bool) float64 {
	cheapest := math.Inf(1)
	for k := range r.pairs {
		p := &r.pairs[k]
		pace := r.pace(p)
		if math.IsInf(pace, 1) {
			pace = demand
		}
		price := max(p.quota.price(now, pace), p.account.quota.price(now, pace))
		if r.Proof != ProvenLocal && !p.quota.long() && !p.account.quota.long() {
			price = min(dear, day.Seconds()*demand/usualDay) // nobody says so, but it may have a day's limit
			if len(p.quota.counters) == 0 && len(p.account.quota.counters) == 0 {
				price *= p.quota.habit.costs(now, stores) // or any other: what is named comes back, be it places alone
			}
		}
		cheapest = min(cheapest, price)
	}
	return max(cheapest, leastPrice)
}

const (
	usualDay   = 1000  // requests that a day may grant where nobody says how many
	dear       = 5     // as dear as the day that it may have makes a row at most: some have none
	leastPrice = 0.001 // what special makes more of
)

// long says whether a window of an hour or more is known.
func (q *quota) long() bool { return slices.ContainsFunc(q.counters, (*counter).long) }

func (c *counter) long() bool { return c.Unit != Running && c.Per >= time.Hour }

// pace is how many requests a second the short windows of a pair grant at most.
func (r *row) pace(p *pair) float64 {
	pace := math.Inf(1)
	for _, q := range [...]*quota{p.quota, &p.account.quota} {
		for _, c := range q.counters {
			switch {
			case c.Unit == Running:
				pace = min(pace, float64(c.limit())/max(time.Second, r.model.stats.whole).Seconds())
			case c.Unit == Requests && !c.long():
				pace = min(pace, float64(c.limit())/c.Per.Seconds())
			}
		}
	}
	return pace
}

func (q *quota) price(now time.Time, pace float64) (most float64) {
	for _, c := range q.counters {
		if c.long() {
			most = max(most, c.price(now, pace))
		}
	}
	return most
}

// price of one window, of which so many requests draw in a second.
func (c *counter) price(now time.Time, pace float64) float64 {
	c.advance(now)
	limit := float64(c.limit())
	left := max(limit-float64(c.used), limit/1000)
	if c.Unit == Tokens {
		pace *= usualTokens
	}
	until := c.Per.Seconds()
	switch c.Cycle {
	case Fixed, Daily:
		until = c.to.Sub(now).Seconds()
	case Bucket:
		until *= float64(c.used) / limit // a full one lapses at once
	case Sliding: // what is drawn now comes back after Per
	}
	return until * pace / left
}

// usualTokens are what a request draws.
const usualTokens = 1500

// special is how much dearer a row is for a request that does not need all that it can do.
func (r *row) special(n *Need) float64 {
	times := 1.0
	if r.Tools && !n.Tools {
		times++
	}
	if r.Vision && !n.Vision {
		times += 0.5
	}
	if spare := r.Context / max(n.Tokens, usualRequest); spare > 0 {
		times += 0.1 * float64(bits.Len(uint(spare)))
	}
	return times
}

// slow is how much dearer a row is for the time that its answers take to begin.
func (m *modelState) slow(stream bool) float64 {
	return 1 + m.stats.usual[bit(stream)].Seconds()/10
}

// usualRequest is a size in tokens that every model takes.
const usualRequest = 8000
