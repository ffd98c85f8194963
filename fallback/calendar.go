package fallback

import "time"

// Wait is how long it takes until a moment that the calendar names: the next midnight, the next month. Of any other end it
// is 0.
func (u Until) Wait(now time.Time) time.Duration {
	switch u {
	case UntilUTCMidnight, UntilPacificMidnight, UntilMonthEnd:
		at, _ := deadline(now, &Outcome{Until: u})
		return at.Sub(now)
	}
	return 0
}
