package fallback

import (
	"sync"
	"time"
)

const (
	maxHint  = 32 * 24 * time.Hour // a wait beyond is no information
	minHint  = time.Second
	longRest = time.Hour // rests beyond are tried at half time, then hourly
)

// rest is a pause of a pair, model, key, account or provider. The zero value rests nothing.
type rest struct {
	from    time.Time
	until   time.Time // when not endless
	endless bool
	reload  bool // a new configuration lifts it
	proven  bool // the provider's own counter or a day id named the end
	class   Class
	limit   bool // it rests for a limit, not for a fault or a person

	level     int       // how often the backoff was doubled
	nextTrial time.Time // of a long rest whose end is not proven
	trial     bool      // one is under way
	dares     dares     // into one whose end is guessed

	// After a limit nobody knows how much has come free: so many attempts at once find out, twice as many after each that was
	// taken on. 0 = no bound.
	slow, inside int
	entered      time.Time // by the last of them
}

func (r *rest) active(now time.Time) bool { return r.endless || now.Before(r.until) }

// open says whether an attempt may pass now, and whether it would be the trial of a long rest.
func (r *rest) open(now time.Time) (pass, trial bool) {
	if !r.active(now) {
		return true, false
	}
	if r.endless || r.proven || r.trial || r.nextTrial.IsZero() || now.Before(r.nextTrial) {
		return false, false
	}
	return true, true
}

// openSince is when the rest that lets an attempt pass now began to: at its end, or when its trial was due.
func (r *rest) openSince(now time.Time) time.Time {
	if r.active(now) {
		return r.nextTrial
	}
	return r.until
}

// begin starts or extends the rest; of two ends the later one holds. A report from an attempt that began before the rest did
// tells nothing new (news is false): it may move the end, but not the backoff. named is the end that the outcome itself
// stated, zero for a backoff or a rest without end; known is the one of our own window that explains the refusal, zero if none does.
func (r *rest) begin(now, started, known time.Time, o *Outcome, b Breaker) (named time.Time, news bool) {
	active := r.active(now)
	news = !active || started.After(r.from)
	until, how := deadline(now, o)
	if sooner(known, until) {
		until = known
	}
	if how == endBackoff {
		if !news {
			return time.Time{}, false
		}
		until = now.Add(b.backoff(r.level))
		r.level++
	}
	if !active {
		r.lift()
	}
	if o.Limit() && how == endBackoff && (!active || !r.dares.next.IsZero()) {
		r.dares.begin(now)
	} else if until.After(r.until) {
		r.dares = dares{}
	}
	if news {
		r.from = now
	}
	r.extend(until, how == endNever, o)
	if o.Limit() {
		r.slow = 1
	}
	r.planTrial(now)
	if how == endNamed {
		named = until
	}
	return named, news
}

// extend moves the end if the new one is later, and takes the reason with it. No end is later than any; one that only the
// roster lifts is later than one that a new configuration lifts.
func (r *rest) extend(until time.Time, endless bool, o *Outcome) {
	reload := o.Until == UntilConfigChange
	if endless && (!r.endless || r.reload && !reload) || !r.endless && until.After(r.until) {
		r.class, r.limit, r.proven = o.Class, o.Limit(), o.Proven
		r.endless, r.reload = endless, reload
	}
	r.until = latest(r.until, until)
}

// planTrial sets the first trial of a long rest, at half of it. The later ones follow from the trials themselves.
func (r *rest) planTrial(now time.Time) {
	length := r.until.Sub(now)
	if !r.endless && !r.proven && r.nextTrial.IsZero() && length > longRest {
		r.nextTrial = now.Add(length / 2)
	}
}

// lift ends the rest early. What is still known of it is how often it was doubled, and a trial that is under way.
func (r *rest) lift() {
	*r = rest{level: r.level, trial: r.trial, inside: r.inside, entered: r.entered}
}

// taken says that an attempt was not turned away: more may follow it.
func (r *rest) taken() {
	if r.slow *= 2; r.slow > wide {
		r.slow = 0
	}
}

// crowdedUntil is until when nobody else should enter, zero if somebody may now. An attempt that takes longer than slowTurn to tell is not waited for.
func (r *rest) crowdedUntil(now time.Time) time.Time {
	if until := r.entered.Add(slowTurn); r.slow > 0 && r.inside >= r.slow && now.Before(until) {
		return until
	}
	return time.Time{}
}

const (
	wide     = 32              // where a slow start ends
	slowTurn = 2 * time.Second // for those inside to find out
)

type ending uint8

const (
	endNamed ending = iota
	endBackoff
	endNever
)

// deadline is when what the outcome speaks of may be asked again, as far as the outcome itself says.
func deadline(now time.Time, o *Outcome) (time.Time, ending) {
	switch o.Until {
	case UntilUTCMidnight:
		return nextMidnight(now, time.UTC), endNamed
	case UntilPacificMidnight:
		return nextMidnight(now, pacific()), endNamed
	case UntilMonthEnd:
		u := now.UTC()
		return time.Date(u.Year(), u.Month()+1, 1, 0, 0, 0, 0, time.UTC), endNamed
	case UntilHour:
		return now.Add(time.Hour), endNamed
	case UntilDay:
		return now.Add(24 * time.Hour), endNamed
	case UntilConfigChange, UntilForever:
		return time.Time{}, endNever
	}
	if wait, ok := o.hint(); ok {
		return now.Add(wait), endNamed
	}
	return time.Time{}, endBackoff
}

// hint is the stated wait if it can be believed: not negative, not beyond 32 days, at least a second.
func (o *Outcome) hint() (time.Duration, bool) {
	if !o.Stated || o.RetryAfter < 0 || o.RetryAfter > maxHint {
		return 0, false
	}
	return max(o.RetryAfter, minHint), true
}

func nextMidnight(now time.Time, zone *time.Location) time.Time {
	t := now.In(zone)
	return time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, zone)
}

// pacific is Google's zone. Without time zone data it is the standard time, at most an hour late.
var pacific = sync.OnceValue(func() *time.Location {
	if zone, err := time.LoadLocation("America/Los_Angeles"); err == nil {
		return zone
	}
	return time.FixedZone("PST", -8*60*60)
})
