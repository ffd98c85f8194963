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

	// By the counter that several replicas share:
	all  int64     // what all have spent today and are about to, in millionths; 0 = not known
	shut time.Time // until then nothing more may be spent,
	why  string    // for this reason
}

func (p *purse) turn(now time.Time) {
	if today := now.UTC().Truncate(day); today.After(p.day) { // a clock that goes back over midnight does not grant the day anew
		p.day, p.spent, p.all = today, 0, 0
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

func (p *purse) pay(now time.Time, usd float64) float64 {
	p.turn(now)
	if !(usd > 0) {
		return 0 // NaN is no cost either
	}
	usd = min(usd, mostUSD)
	p.spent += usd
	p.dearest = max(p.dearest, usd)
	p.known = true
	return usd
}

// fear is what an attempt is charged whose cost is unknown: as much as the dearest one so far, or an eighth of the day's bound before any
// cost is known. Otherwise clients that leave before the end of an answer, where its cost is told, would get around the bound.
func (p *purse) fear(perDay float64) float64 {
	usd := perDay / 8
	if p.known {
		usd = p.dearest
	}
	p.spent += usd
	return usd
}

// untold says that the attempt may have cost something, and nothing was said of it: it was sent, not refused, and never got to the
// report of what it used.
func (o *Outcome) untold() bool {
	return !o.Unsent && o.CostUSD == 0 && o.InputTokens+o.OutputTokens == 0 && (o.Status == 0 || o.Status/100 == 2)
}

// mostUSD is the most that one answer is believed to have cost: what is written down must be a number.
const mostUSD = 1e6

// broke is when a model that is at its bound, or of which nobody says that it is not, may be asked again; ok is false while it may be.
func (r *row) broke(now time.Time) (b block, ok bool) {
	p := &r.model.purse
	switch {
	case r.Proof != AllowedPaid:
		return b, false
	case !p.allows(now, r.USDPerDay):
		return block{reasonSpent, nextMidnight(now, time.UTC), true}, true
	case now.Before(p.shut):
		return block{p.why, p.shut, p.why == reasonSpent}, true
	}
	return b, false
}
