package fallback

import (
	"fmt"
	"time"
)

// Unit is what a window counts.
type Unit uint8

const (
	Requests Unit = iota
	Tokens        // input and output together
	Running       // requests at one time
)

var unitNames = [...]string{"requests", "tokens", "concurrency"}

func (u Unit) String() string { return unitNames[u] }

// Cycle is how a window comes round.
type Cycle uint8

const (
	Sliding Cycle = iota // each charge leaves Per after it was made
	Fixed                // begun at multiples of Per since the Unix epoch
	Daily                // begun every day at At in Zone
	Bucket               // filled again all the time, Limit in Per, up to Limit
)

var cycleNames = [...]string{"sliding", "fixed", "daily", "bucket"}

func (c Cycle) String() string { return cycleNames[c] }

// Window is one limit of an account or of a model per account: so much of a unit in a length of time.
type Window struct {
	Unit  Unit
	Cycle Cycle
	Per   time.Duration // 24 h when Daily, 0 when Running
	Limit int64         // above 0
	// Firm says that the operator wrote the limit: the provider's own word may lower it, not raise it.
	Firm bool

	At   time.Duration  // Daily: when the day begins, after midnight
	Zone *time.Location // Daily; nil = UTC
}

const day = 24 * time.Hour

// Name is the window's key in models.yaml (rpm, rpd, tpm, tpd, concurrency), or its unit and length ("requests/5s").
func (w *Window) Name() string {
	switch {
	case w.Unit == Running:
		return "concurrency"
	case w.Unit == Requests && w.Per == time.Minute:
		return "rpm"
	case w.Unit == Requests && w.Per == day:
		return "rpd"
	case w.Unit == Tokens && w.Per == time.Minute:
		return "tpm"
	case w.Unit == Tokens && w.Per == day:
		return "tpd"
	}
	return w.Unit.String() + "/" + length(w.Per)
}

// length writes a duration as people do: "5s", "1h", "15m".
func length(d time.Duration) string {
	for _, unit := range [...]struct {
		size time.Duration
		name string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if d >= unit.size && d%unit.size == 0 {
			return fmt.Sprintf("%d%s", d/unit.size, unit.name)
		}
	}
	return d.String()
}

// period is the turn of a Fixed or Daily window that holds now.
func (w *Window) period(now time.Time) (from, to time.Time) {
	if w.Cycle == Fixed {
		into := time.Duration(now.UnixNano() % int64(w.Per))
		if into < 0 {
			into += w.Per
		}
		from = now.Add(-into)
		return from, from.Add(w.Per)
	}
	zone := w.Zone
	if zone == nil {
		zone = time.UTC
	}
	t := now.In(zone)
	begin := func(day int) time.Time {
		return time.Date(t.Year(), t.Month(), day, int(w.At/time.Hour), int(w.At/time.Minute)%60, 0, 0, zone)
	}
	if from = begin(t.Day()); from.After(now) {
		return begin(t.Day() - 1), from
	}
	return from, begin(t.Day() + 1)
}

const leastMargin = 50 * time.Millisecond

// margin is how far the provider's clock and counters may be from ours at the edge of a window: what we counted leaves so
// much later, what we send so shortly before a turn counts in the next one too.
//
// The least of it is about what the way to a provider differs from one request to the next.
func (w *Window) margin() time.Duration {
	if w.Cycle == Daily {
		return time.Second
	}
	return min(max(w.Per/100, min(w.Per/20, leastMargin)), 250*time.Millisecond)
}
