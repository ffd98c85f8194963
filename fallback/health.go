package fallback

import "time"

// Breaker says how many failures make a model unavailable, and for how long.
type Breaker struct {
	Failures    int           // default 3
	Cooldown    time.Duration // default 30 s
	MaxCooldown time.Duration // default 10 min
}

func (b Breaker) withDefaults() Breaker {
	if b.Failures <= 0 {
		b.Failures = 3
	}
	if b.Cooldown <= 0 {
		b.Cooldown = 30 * time.Second
	}
	if b.MaxCooldown < b.Cooldown {
		b.MaxCooldown = max(10*time.Minute, b.Cooldown)
	}
	return b
}

// backoff is the cooldown doubled level times, up to MaxCooldown.
func (b Breaker) backoff(level int) time.Duration {
	d := b.Cooldown
	for ; level > 0 && d < b.MaxCooldown; level-- {
		d *= 2
	}
	return min(d, b.MaxCooldown)
}

// health counts the failures of one model: at Breaker.Failures it closes, after its cooldown one trial decides.
type health struct {
	count  int
	gen    uint32 // grows whenever the model closes; results of an older one are dropped
	closed bool
	until  time.Time // closed: when a trial may begin
	level  int       // failed trials in a row
	trial  bool      // one is under way
	// Until then the trial is another replica's, see shared_trial.go.
	elsewhere time.Time
	dares     dares // while it is closed for a limit of which nothing was said
}

type phase uint8

const (
	phaseOpen phase = iota
	phaseCooling
	phaseTrial   // half-open, a trial may begin
	phaseTrialed // half-open, the one trial is under way
)

func (h *health) phase(now time.Time) phase {
	switch {
	case !h.closed:
		return phaseOpen
	case h.trial:
		return phaseTrialed
	case now.Before(h.until):
		return phaseCooling
	case now.Before(h.elsewhere):
		return phaseTrialed
	}
	return phaseTrial
}

// fail counts one failure and closes the model at the limit; a failed trial closes it again for longer. While it is closed only
// a trial can get here: all else is of an older generation. stated is the reset that a limit named, zero if none.
func (h *health) fail(now, stated time.Time, trial bool, b Breaker) (tripped bool) {
	if trial {
		h.level++
	} else if h.count = min(h.count+1, b.Failures); h.count < b.Failures {
		return false
	}
	h.closed, h.dares = true, dares{}
	h.gen++
	h.until = now.Add(b.backoff(h.level))
	if !stated.IsZero() {
		h.until = stated
	}
	return true
}

// clamp keeps the count within a breaker that became stricter: an open model stays open, one failure from closing.
func (h *health) clamp(b Breaker) {
	most := b.Failures
	if !h.closed {
		most--
	}
	h.count = min(h.count, most)
}

// succeed counts one success down; a good trial opens the model. calm is true when nothing is left to remember.
func (h *health) succeed(trial bool) (opened, calm bool) {
	if h.count > 0 {
		h.count--
	}
	if trial {
		h.closed, opened = false, true
	}
	if h.count == 0 {
		h.level = 0
	}
	return opened, h.count == 0
}
