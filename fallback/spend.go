package fallback

import "time"

// purse is what a model that may cost money has cost today, in USD by the UTC day. What an attempt will cost nobody knows before;
// the dearest so far stands for each that is under way, and until one is known they go one at a time.
type purse struct {
	day     time.Time
	spent   float64
	dearest float64
	known   bool // an answer has told its cost
	running int
}

func (p *purse) turn(now time.Time) {
	if today := now.UTC().Truncate(day); today.After(p.day) { // a clock that goes back over midnight does not grant the day anew
		p.day, p.spent = today, 0
	}
}

// allows says whether one more attempt keeps the bound.
func (p *purse) allows(now time.Time, perDay float64) bool {
	p.turn(now)
	if !p.known {
		return p.running == 0 && p.spent < perDay
	}
	return p.spent+float64(p.running+1)*p.dearest <= perDay
}

func (p *purse) pay(now time.Time, usd float64) {
	p.turn(now)
	if !(usd > 0) {
		return // NaN is no cost either
	}
	usd = min(usd, mostUSD)
	p.spent += usd
	p.dearest = max(p.dearest, usd)
	p.known = true
}

// mostUSD is the most that one answer is believed to have cost: what is written down must be a number.
const mostUSD = 1e6

// broke is when a model that is at its bound may be asked again; ok is false while it is not at its bound.
func (r *row) broke(now time.Time) (until time.Time, ok bool) {
	if r.Proof != AllowedPaid || r.model.purse.allows(now, r.USDPerDay) {
		return time.Time{}, false
	}
	return nextMidnight(now, time.UTC), true
}
