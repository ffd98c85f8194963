package store

import (
	"math"
	"time"

	"freefall/fallback"
)

// counts are what came of the attempts at one model in one hour.
type counts struct {
	Attempts     int64 `json:",omitempty"`
	Answers      int64 `json:",omitempty"`
	Faults       int64 `json:",omitempty"`
	Limits       int64 `json:",omitempty"`
	Fallovers    int64 `json:",omitempty"`
	InputTokens  int64 `json:",omitempty"`
	OutputTokens int64 `json:",omitempty"`
	TTFT         times `json:",omitzero"`
	MaxTTFT      int64 `json:",omitempty"` // in ms
}

// count adds one attempt.
func (c *counts) count(o *fallback.Outcome, ttft time.Duration, fellOver bool) {
	c.Attempts++
	switch {
	case o.Class == fallback.OK:
		c.Answers++
	case o.Limit():
		c.Limits++
	case o.Fault():
		c.Faults++
	}
	if fellOver {
		c.Fallovers++
	}
	c.InputTokens += int64(max(0, o.InputTokens))
	c.OutputTokens += int64(max(0, o.OutputTokens))
	if ttft > 0 {
		c.TTFT[slot(ttft)]++
		c.MaxTTFT = max(c.MaxTTFT, ttft.Milliseconds())
	}
}

// add joins what came of other attempts; sign -1 takes it away again, but for the maximum, which no repetition changes.
func (c *counts) add(o *counts, sign int64) {
	c.Attempts += sign * o.Attempts
	c.Answers += sign * o.Answers
	c.Faults += sign * o.Faults
	c.Limits += sign * o.Limits
	c.Fallovers += sign * o.Fallovers
	c.InputTokens += sign * o.InputTokens
	c.OutputTokens += sign * o.OutputTokens
	for i := range c.TTFT {
		c.TTFT[i] += int32(sign) * o.TTFT[i]
	}
	c.MaxTTFT = max(c.MaxTTFT, o.MaxTTFT)
}

// times is how often a time was in each slot. A slot ends at 1.41 times the end of the one before it, which tells a quantile
// to a fifth; the last one has no end.
type times [26]int32

const firstSlot = 32 * time.Millisecond

// slotEnds are the longest times of all slots but the last.
var slotEnds = func() (ends [len(times{}) - 1]time.Duration) {
	for i := range ends {
		ends[i] = time.Duration(float64(firstSlot) * math.Pow(2, float64(i)/2))
	}
	return ends
}()

func slot(d time.Duration) int {
	for i, end := range slotEnds {
		if d <= end {
			return i
		}
	}
	return len(slotEnds)
}

// quantile is the time that a share of all stayed below, as far as the slots tell; 0 = nothing was timed.
func (c *counts) quantile(share float64) time.Duration {
	var all, below int64
	for _, n := range c.TTFT {
		all += int64(n)
	}
	longest := time.Duration(c.MaxTTFT) * time.Millisecond
	rank := share * float64(all)
	from := time.Duration(0)
	for i := range c.TTFT {
		n, to := int64(c.TTFT[i]), longest
		if i < len(slotEnds) {
			to = min(slotEnds[i], longest)
		}
		if n > 0 && float64(below+n) >= rank {
			return from + time.Duration(float64(max(0, to-from))*(rank-float64(below))/float64(n))
		}
		below += n
		from = to
	}
	return 0
}
