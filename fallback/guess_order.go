package fallback

import (
	"math/bits"
	"time"
)

// Nobody knows in which order attempts arrive that are sent at nearly the same time.

// sent is what the windows held when an attempt was sent. When its refusal comes, some of that has left the short ones.
type sent struct {
	at   time.Time
	n    int64 // tokens
	held [1 + 2*len(usualPeriods)]int32
}

// disorder is how far apart two attempts must be sent for the first to be there first.
const disorder = 100 * time.Millisecond

// beside is how many were sent so shortly before that they may arrive later, and with how many tokens.
func (g *guess) beside(now time.Time) (n, tokens int64) {
	for back := 1; back <= min(g.nth, len(g.sent)); back++ {
		x := &g.sent[(g.nth-back)%len(g.sent)]
		if now.Sub(x.at) >= disorder {
			break
		}
		n, tokens = n+1, tokens+x.n
	}
	return n, tokens
}

// around are the attempts that may have been at the provider when the one of a time came: itself, and those that were sent shortly after. ok
// is false when it was sent too long ago.
func (g *guess) around(at time.Time) (those around, ok bool) {
	for i := range g.sent {
		x := &g.sent[i]
		if x.at.IsZero() {
			break
		}
		if after := x.at.Sub(at); after >= 0 && after < disorder {
			those |= 1 << i
			ok = ok || after == 0
		}
	}
	return those, ok
}

// around is a set of places in the ring of attempts.
type around uint32

// held is what a window may have held when the attempt of that time arrived, with those around it.
func (g *guess) held(window int, at time.Time, those around) (most int64) {
	for ; those != 0; those &= those - 1 {
		x := &g.sent[bits.TrailingZeros32(uint32(those))]
		n := int64(x.held[window])
		if !x.at.Equal(at) {
			n-- // without itself
		}
		most = max(most, n)
	}
	return most
}
