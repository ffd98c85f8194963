package fallback

import (
	"fmt"
	"math"
	"time"
)

// What a model may cost in a day it may cost all replicas together. Of money nobody goes by his own count: without a word of the shared counter a model
// that may cost something is not asked.

const (
	micro   = 1_000_000       // parts of a USD that are counted
	unheard = 1 * time.Second // so long nobody asks again after no answer
)

// money is what an attempt may cost, as a draw from the day's bound: as much as the dearest has cost, or all of it before one is known.
func (r *row) money(now time.Time) Draw {
	p := &r.model.purse
	p.turn(now)
	d := Draw{Name: fmt.Sprintf("money %q %q", r.Provider, r.ID), Unit: Tokens, Cycle: Daily, Per: day, Margin: time.Second, Strict: true,
		Turns: [3]time.Time{p.day.Add(-day), p.day, p.day.Add(day)}, Lapses: p.day.Add(day), party: p,
		Limit: int64(min(r.USDPerDay, mostUSD) * micro), Fit: 1, Used: max(p.all, millionths(p.spent))}
	d.Amount = d.Limit
	if p.known {
		d.Amount = max(1, millionths(p.dearest))
		d.Fit = d.Amount
	}
	return d
}

func millionths(usd float64) int64 { return int64(math.Ceil(min(usd, mostUSD) * micro)) }

// heed takes what the shared counter says of all that was spent today.
func (p *purse) heed(now time.Time, _ *Draw, x *Count) {
	p.turn(now)
	p.all, p.shut = x.Used, time.Time{}
	if x.Full {
		p.shut, p.why = now.Add(max(x.Opens, leastShut)), reasonSpent
	}
}

// keepMoney says what of the day's bound the attempt has used up.
func (a *Attempt) keepMoney(usd float64) {
	for i := range a.draws {
		if d := &a.draws[i]; d.Strict {
			d.Kept = millionths(usd)
			a.row.model.purse.all = max(0, a.row.model.purse.all+d.Kept-d.Amount)
		}
	}
}

// eachMoney gives the day's bound of each row that has one, to be looked at.
func (t *table) eachMoney(now time.Time, do func(*purse, Draw)) {
	for i := range t.rows {
		if r := &t.rows[i]; r.Proof == AllowedPaid {
			d := r.money(now)
			d.Amount = 0
			do(&r.model.purse, d)
		}
	}
}
