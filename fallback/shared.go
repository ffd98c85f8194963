package fallback

import (
	"fmt"
	"slices"
	"time"
)

// Several replicas may stand before the same accounts. What each of them counts is a part, so a counter that all share has the last word:
// between Pick and the call it is asked with Draws, and Share takes what it says. Nobody has to ask: without a word each pool goes by its own
// counts.

// Draw is what is drawn from one window, as plain values.
type Draw struct {
	Name   string // of the window: the same in all replicas, and without any credential
	Unit   Unit
	Cycle  Cycle
	Per    time.Duration
	Margin time.Duration // of error at the edges of the window
	// Turns are when the turn before, this one and the next one begin by our clock. Daily; zero otherwise.
	Turns [3]time.Time
	Limit int64

	Amount int64         // what is drawn; 0 = it is only looked at
	Fit    int64         // so much has to have room: less than Amount where the pool itself took a risk
	Free   bool          // it is drawn in any case, since our count may be wrong
	Used   int64         // what we know to be drawn beside what is just being asked for, for a counter that has lost its memory
	Heard  int64         // what the provider itself has counted, said since the last draw; 0 = nothing
	Frees  time.Duration // until what of it we did not know has room again, as the provider says; 0 = it did not
	Lapses time.Time
	Strict bool // without an answer none of the attempt's draws is drawn: there will be none

	// Kept is, once the attempt has ended, what of Amount stays drawn. Nothing is running any more.
	Kept int64
	// Mark is whatever the shared counter wants to see again when the draw is settled.
	Mark int64

	counter *counter
	quota   *quota
	party   party // in their place
}

// party is what else than a window something is drawn from.
type party interface {
	heed(time.Time, *Draw, *Count)
}

// Count is what a shared counter says of one Draw.
type Count struct {
	Used int64
	Full bool // there was no room
	// Opens is how long until there is room, or, when there was, until the window is next less full.
	Opens time.Duration
}

// word is what a shared counter said last of a window.
type word struct {
	until  time.Time // there is no room for amount before
	amount int64
	others int64 // Running: those of other replicas,
	lapses time.Time
}

const (
	leastShut   = 20 * time.Millisecond // so that nobody asks again at once
	othersStand = 10 * time.Second      // what runs elsewhere is believed for so long without another word
	turnsDiffer = 3 * time.Second       // by more than that two clocks are in different turns of a window
)

// shut is until when the shared counter has no room for n, zero if it may have. n may be negative, since answers under way are taken off
// it; the shared counter knows nothing of those, so such an n is treated as 1: it would be refused again and again.
func (c *counter) shut(now time.Time, n int64) time.Time {
	if w := c.word; w != nil && now.Before(w.until) && max(1, n) >= w.amount {
		return w.until
	}
	return time.Time{}
}

// elsewhere is how many attempts are under way in other replicas.
func (c *counter) elsewhere(now time.Time) int64 {
	if w := c.word; w != nil && now.Before(w.lapses) {
		return w.others
	}
	return 0
}

// Draws are what the attempt has drawn, for a shared counter; none if nothing is counted.
func (a *Attempt) Draws(now time.Time) []Draw {
	a.pool.mu.Lock()
	defer a.pool.mu.Unlock()
	p := &a.row.pairs[a.Key]
	a.draws = p.quota.draws(p.account.quota.draws(nil, now, a.begun, a.tokens), now, a.begun, a.tokens)
	if a.row.Proof == AllowedPaid {
		a.draws = append(a.draws, a.row.money(now))
	}
	if a.trials.half&trialHealth != 0 {
		a.draws = append(a.draws, a.row.oneTrial(now, a.pool.table.Breaker))
	}
	return a.draws
}

func (q *quota) draws(out []Draw, now, at time.Time, tokens int64) []Draw {
	for _, c := range q.counters {
		d := c.asDraw(now, q)
		d.Amount = amount(c.Unit, tokens)
		c.asking += d.Amount
		d.Used = max(0, c.used-c.asking) // what is on its way tells of itself
		d.Fit = max(1, d.Amount-max(0, c.used-d.Limit))
		d.Free = c.loan.n > 0 && c.loan.at.Equal(at)
		d.Heard, d.Frees = c.newlyHeard(now)
		out = append(out, d)
	}
	return out
}

// hearsay is what a provider has said of its own count.
type hearsay struct {
	charge
	frees time.Time // when it has room again; zero = not said
}

// newlyHeard is what the provider has said since it was last asked for, if that is still so.
func (c *counter) newlyHeard(now time.Time) (n int64, frees time.Duration) {
	heard := c.heard
	c.heard = hearsay{}
	turned := c.Cycle == Fixed || c.Cycle == Daily
	if turned && heard.at.Before(c.from) || !turned && now.Sub(heard.at) > c.Per/20 {
		return 0, 0
	}
	return heard.n, max(0, heard.frees.Sub(now))
}

func (c *counter) asDraw(now time.Time, q *quota) Draw {
	c.advance(now)
	d := Draw{Name: q.name + " " + c.identity(), Unit: c.Unit, Cycle: c.Cycle, Per: c.Per, Margin: c.margin(), Limit: c.granted(now),
		Lapses: now.Add(c.Per), counter: c, quota: q}
	switch c.Cycle {
	case Daily:
		before, _ := c.period(c.from.Add(-1))
		d.Turns, d.Lapses = [3]time.Time{before, c.from, c.to}, c.to
	case Fixed:
		d.Lapses = c.to
	}
	return d
}

// identity tells the windows of one quota apart.
func (w *Window) identity() string {
	s := w.Unit.String() + " " + w.Cycle.String() + " " + w.Per.String()
	if w.Cycle == Daily {
		s += fmt.Sprintf(" %v %s", w.At, zoneName(w.Zone))
	}
	return s
}

// Share takes what the shared counter says of the attempt's Draws, in their order; nothing if it did not answer. It has to be called once they
// were asked for. False when there was no room: then the attempt has
// ended, as if it had never been handed out, and its walk may go on or wait as before any full window.
func (a *Attempt) Share(now time.Time, counts []Count) bool {
	p := a.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	arrived(a.draws)
	full := slices.ContainsFunc(counts, func(x Count) bool { return x.Full })
	if len(counts) == 0 && slices.ContainsFunc(a.draws, func(d Draw) bool { return d.Strict }) {
		a.row.model.purse.shut, a.row.model.purse.why = now.Add(unheard), reasonUnshared
		full = true
	}
	if full {
		a.withdraw(now)
	}
	listen(now, a.draws, counts, int64(1-bit(full)))
	if full {
		a.draws = nil
		p.dispatch(now)
	}
	return !full
}

// withdraw undoes what begin did.
func (a *Attempt) withdraw(now time.Time) {
	a.ended = true
	a.hold(false)
	m := a.row.model
	m.came(a)
	m.purse.running--
	a.undare(now)
	a.leave(false)
	pr := &a.row.pairs[a.Key]
	pr.account.quota.settle(now, a.begun, false, a.tokens, a.ahead, 0)
	pr.quota.settle(now, a.begun, false, a.tokens, a.ahead, 0)
	a.walk.tried[pr.index/64] &^= 1 << (pr.index % 64)
	w := a.walk
	w.refused++
	w.again = true
	if a.hedge {
		a.pool.hedges.forget(w.nth)
	}
	if w.Ask.Only && w.Attempts() == 0 {
		w.order = w.order[:0]
		a.pool.arrange(now, w) // begin had bound it to one row
	}
}

// listen takes what a shared counter says. own is 1 when what was asked for is drawn.
func listen(now time.Time, draws []Draw, counts []Count, own int64) {
	for i := range min(len(draws), len(counts)) {
		d := &draws[i]
		if d.party != nil {
			d.party.heed(now, d, &counts[i])
			continue
		}
		d.counter.listen(now, d, &counts[i], own)
		d.quota.fullUntil = time.Time{}
	}
}

func (c *counter) listen(now time.Time, d *Draw, x *Count, own int64) {
	if c.word == nil {
		c.word = &word{}
	}
	wait := max(x.Opens, leastShut)
	opens := now.Add(wait)
	c.word.until = time.Time{}
	if x.Full {
		c.word.until, c.word.amount = opens, d.Fit
	}
	switch {
	case c.Unit == Running:
		c.word.others, c.word.lapses = max(0, x.Used-c.running), now.Add(othersStand)
	case (c.Cycle == Fixed || c.Cycle == Daily) && opens.Sub(c.to).Abs() > turnsDiffer: // a count of another turn
		c.word.amount = 0 // ours does not tell whether what is smaller fits
	case c.Unit == Tokens && c.running > own && x.Used < c.used: // ours are on their way there
	default:
		c.believe(now, x.Used, wait, own)
		if at := c.pacedUntil(d.Fit); x.Full && sooner(at, c.word.until) {
			c.word.until = latest(at, now.Add(leastShut)) // the shared counter does not know that more is granted by and by
		}
	}
}

// Drawn are the Draws of an attempt that has ended, with what of them is Kept; none if it was not shared.
func (a *Attempt) Drawn() []Draw { return a.draws }

// keep says what of the draws stays drawn when the attempt ends.
func keep(draws []Draw, q *quota, counted bool, used int64) {
	for i := range draws {
		d := &draws[i]
		if d.quota != q || !counted || d.Unit == Running {
			continue
		}
		d.Kept = amount(d.Unit, used)
	}
}

// Draws are what Admit has drawn from the share of the walk's client.
func (p *Pool) Draws(now time.Time, w *Walk) []Draw {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.share == nil {
		return nil
	}
	w.draws = w.share.draws(nil, now, w.admitted, int64(w.Need.Tokens))
	return w.draws
}

// Share takes what the shared counter says of them, if it does. False when the share is spent by what the client had elsewhere: then nothing is drawn.
func (p *Pool) Share(now time.Time, w *Walk, counts []Count) (Denial, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	arrived(w.draws)
	tokens := int64(w.Need.Tokens)
	full := slices.ContainsFunc(counts, func(x Count) bool { return x.Full })
	if full {
		w.share.settle(now, w.admitted, false, tokens, 0, 0)
	}
	listen(now, w.draws, counts, int64(1-bit(full)))
	if !full {
		return Denial{}, true
	}
	share := w.share
	w.share, w.draws = nil, nil
	by, at := share.shut(now, tokens)
	if by == nil { // it opened this very moment
		by, at = share.counters[0], now
	}
	return Denial{Window: by.Name(), Limit: by.limit(), Ready: at}, false
}

// Drawn are the Draws of a walk that was discharged, with what of them is Kept.
func (w *Walk) Drawn() []Draw { return w.draws }

// Shut are the windows that others have filled: a shared counter may be asked whether there is room again. At most so many.
func (p *Pool) Shut(now time.Time, most int) (out []Draw) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.eachQuota(func(q *quota) {
		for _, c := range q.counters {
			if w := c.word; w != nil && len(out) < most && (now.Before(w.until) || c.elsewhere(now) > 0) {
				d := c.asDraw(now, q)
				d.Fit = max(1, w.amount)
				out = append(out, d)
			}
		}
	})
	look := func(d Draw) {
		if len(out) < most {
			out = append(out, d)
		}
	}
	p.table.eachMoney(now, func(purse *purse, d Draw) {
		if now.Before(purse.shut) {
			look(d)
		}
	})
	p.table.eachTrial(now, look)
	return out
}

// Heed takes what the shared counter says of what Shut gave, and lets those go on who wait for it.
func (p *Pool) Heed(now time.Time, draws []Draw, counts []Count) {
	p.mu.Lock()
	defer p.mu.Unlock()
	listen(now, draws, counts, 0)
	p.queue.set = time.Time{}
	p.dispatch(now)
}
