package fallback

import (
	"slices"
	"time"
)

// SavedWindow is what was drawn from one window, and what is known of it beside the configuration.
type SavedWindow struct {
	Target   string // TargetPair, TargetAccount, or "client"
	Provider string `json:",omitempty"`
	Account  string `json:",omitempty"` // the client, when Target says so
	ID       string `json:",omitempty"`

	Unit  string
	Cycle string
	Per   time.Duration `json:",omitempty"`
	At    time.Duration `json:",omitempty"`
	Zone  string        `json:",omitempty"`

	Told    int64 `json:",omitempty"` // the limit that the provider named
	Learned bool  `json:",omitempty"` // nobody but the provider named the window
	Guessed int64 `json:",omitempty"` // nobody at all did: the limit that refusals point to
	// When the guess is tried next, and how long after that.
	Probe     time.Time     `json:",omitzero"`
	ProbeWait time.Duration `json:",omitempty"`

	From  time.Time `json:",omitzero"`  // of the turn that Used belongs to
	Used  int64     `json:",omitempty"` // Fixed, Daily
	Next  int64     `json:",omitempty"`
	Drawn []Drawn   `json:",omitempty"` // Sliding
}

// Drawn is an amount that leaves a sliding window together, a window's length after At: in milliseconds since 1970, rounded up.
type Drawn struct {
	At int64
	N  int64
}

const (
	targetClient = "client"
	keptCharges  = 64 // of a sliding window; what came in one of so many parts of it is put together, as old as the youngest
)

func (s *Saved) windows(now time.Time, q *quota, as SavedWindow) {
	for _, c := range q.counters {
		as.Told, as.Learned = c.told, c.learned
		s.window(now, c, as)
	}
	if q.guess == nil {
		return
	}
	as.Told, as.Learned = 0, false
	for g := range q.guess.kept {
		as.Guessed, as.Probe, as.ProbeWait = g.Limit, g.probe, g.wait
		s.window(now, &g.counter, as)
	}
}

// window adds a window that means something: something was drawn, or more is known than the configuration says.
func (s *Saved) window(now time.Time, c *counter, as SavedWindow) {
	c.advance(now)
	if c.Unit == Running || c.used == 0 && c.next == 0 && as.Told == 0 && as.Guessed == 0 {
		return
	}
	as = as.named(c)
	if c.Cycle != Sliding {
		as.From, as.Used, as.Next = c.from, c.used, c.next
	} else {
		as.Drawn = compact(c.log[c.head:], c.Per/keptCharges)
	}
	s.Windows = append(s.Windows, as)
}

// compact puts charges together. The parts begin at fixed times, so that what is saved changes only when something was drawn.
func compact(log []charge, part time.Duration) (out []Drawn) {
	last := int64(-1)
	for _, x := range log {
		ms := x.at.Add(time.Millisecond - 1).UnixMilli()
		if in := x.at.UnixNano() / max(1, int64(part)); len(log) > keptCharges && in == last {
			end := &out[len(out)-1]
			end.At, end.N = ms, end.N+x.n
		} else {
			out, last = append(out, Drawn{ms, x.n}), in
		}
	}
	return out
}

// restoreWindow puts back what was drawn.
func (s *state) restoreWindow(w SavedWindow) {
	q := s.quotaOf(w)
	if q == nil || w.Per < 0 || w.Per == 0 {
		return
	}
	id := w.window()
	if w.Guessed > 0 {
		q.restoreGuess(&id, w)
		return
	}
	i := slices.IndexFunc(q.counters, func(c *counter) bool { return c.same(&id) })
	switch {
	case i >= 0:
		q.counters[i].restore(w)
	case w.Told > 0 && len(q.counters) < maxCounters:
		id.Limit = w.Told
		q.add(counter{Window: id, learned: true}).restore(w)
	}
}

// named says which window of its quota it is.
func (w SavedWindow) named(c *counter) SavedWindow {
	w.Unit, w.Cycle, w.Per, w.At = c.Unit.String(), c.Cycle.String(), c.Per, c.At
	if c.Cycle == Daily {
		w.Zone = zoneName(c.Zone)
	}
	return w
}

// window is which one it is, without its limit.
func (w *SavedWindow) window() Window {
	id := Window{Unit: index[Unit](unitNames[:], w.Unit), Cycle: index[Cycle](cycleNames[:], w.Cycle), Per: w.Per, At: w.At}
	if w.Zone != "" {
		id.Zone, _ = time.LoadLocation(w.Zone)
	}
	return id
}

func (q *quota) restoreGuess(id *Window, w SavedWindow) {
	if q.guess == nil {
		q.guess = newGuess()
	}
	if w.Target == TargetAccount.String() {
		q.guess.enough = certain
	}
	q.guess.known = false
	among := q.guess.windows
	if id.Unit == Tokens {
		q.guess.watch()
		among = q.guess.budgets
	}
	for i := range among {
		if g := &among[i]; g.same(id) {
			g.restore(w)
			g.Limit, g.most, g.over, g.support, g.timed = w.Guessed, w.Guessed, w.Guessed, q.guess.enough, true
			g.probe, g.wait = w.Probe, min(max(minProbe, w.ProbeWait), day)
		}
	}
}

func (c *counter) restore(w SavedWindow) {
	c.told = max(0, w.Told)
	if c.Cycle == Bucket {
		c.from, c.level = w.From, float64(max(0, w.Used))
		return
	}
	if c.Cycle != Sliding {
		if !w.From.IsZero() {
			c.from, c.to = c.period(w.From)
		}
		c.used, c.next = max(0, w.Used), max(0, w.Next)
		return
	}
	c.log, c.head, c.used = c.log[:0], 0, 0
	for _, d := range w.Drawn {
		if at := time.UnixMilli(d.At); d.N > 0 && (len(c.log) == 0 || !at.Before(c.log[len(c.log)-1].at)) {
			c.log = append(c.log, charge{at, d.N})
			c.used += d.N
		}
	}
}

// quotaOf is the quota that a saved window belongs to, nil if there is none.
func (s *state) quotaOf(w SavedWindow) *quota {
	switch w.Target {
	case TargetAccount.String():
		return &at(s.accounts, accountName(w.Provider, w.Account)).quota
	case TargetPair.String():
		return at(s.quotas, quotaName{accountName(w.Provider, w.Account), w.Provider, w.ID})
	case targetClient:
		return s.shares[w.Account]
	}
	return nil
}
