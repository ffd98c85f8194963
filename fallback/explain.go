package fallback

import (
	"slices"
	"strings"
	"time"
)

// Candidate is one row as a request meets it.
type Candidate struct {
	Model  *Model
	Skip   string    // why it is not tried now: what it lacks, or what it rests for; "" = it would be tried
	Unfit  bool      // it can never serve this request
	Asked  bool      // the walk has asked it, or somebody who spoke for it
	Denied bool      // it was asked and declined the content
	Detail string    // the last error, or what to do, in a sentence
	Ready  time.Time // when a rest ends; zero = now or no end in sight
}

// Explain gives the candidates of a request in their order and one reason for each that would be passed over. It changes
// nothing.
func (p *Pool) Explain(now time.Time, need Need, ask Ask) []Candidate {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := Walk{Need: need, Ask: ask, sure: true}
	p.start(now, &w)
	w.settle(now)
	return w.candidates(now)
}

// Decisions say in sentences why a request goes along its candidates in this order: what it names, which chain matches it, whose
// strength or conversation it is. None for all rows as they are configured.
func (p *Pool) Decisions(now time.Time, need Need, ask Ask) (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := Walk{Need: need, Ask: ask, sure: true}
	p.start(now, &w)
	t := w.table
	switch _, byName := strings.CutPrefix(ask.Model, "freefall/"+w.list); {
	case w.list != "" && w.named && byName:
		out = append(out, "the request asks for chain "+w.list)
	case w.named:
		out = append(out, "what the request names comes first")
	case w.list != "":
		out = append(out, "chain "+w.list+" matches the request")
	}
	if w.list == "" && slices.ContainsFunc(t.rows, func(r row) bool { return slices.Contains(r.Strengths, ask.Task) }) {
		out = append(out, "models of strength "+ask.Task+" come first")
	}
	if w.goesOn() {
		if k := t.indexOf(w.order, p.talks.of(ask.Talk)); k >= 0 {
			out = append(out, "the conversation goes on with "+t.rows[w.order[k]].ID)
		}
	}
	if last := p.good[w.Need.Class()].model; t.Order == LastGood && !w.private() {
		if k := t.indexOf(w.order, last); k >= 0 {
			out = append(out, t.rows[w.order[k]].ID+" answered the last request of this kind")
		}
	}
	if w.Need.NoTrain {
		out = append(out, "only models that are never trained on prompts")
	}
	return out
}

// reluctance of a row that could be asked: more than 0 when others better go first, since it keeps somebody waiting or is just
// finding out what it has free.
func (r *row) reluctance(now time.Time) int {
	if !r.ready(now) {
		return 0 // it has its place in the order
	}
	for k := range r.pairs {
		if _, ok := r.open(k, now, 1); ok && r.crowdedUntil(k, now).IsZero() {
			return bit(r.model.hangs(now))
		}
	}
	return 2 + bit(r.model.hangs(now))
}

func (w *Walk) candidates(now time.Time) []Candidate {
	out := make([]Candidate, 0, len(w.order))
	for _, i := range w.order {
		r := &w.table.rows[i]
		c := Candidate{Model: &r.Model, Asked: w.hasAsked(r), Denied: w.marks[i]&markDenied != 0}
		tokens := r.expect(&w.Need)
		switch c.Skip = r.unfit(&w.Need, now); {
		case c.Skip != "":
			c.Unfit, c.Detail = true, r.why(c.Skip)
		case w.marks[i]&markSmall != 0:
			c.Unfit, c.Skip, c.Detail = true, lacksContext, r.model.lastError
		case !r.takes(now, tokens):
			_, c.Skip, c.Ready = r.statusOf(now, tokens)
			c.Detail = r.model.lastError
		}
		out = append(out, c)
	}
	return out
}

// hasAsked says whether any pair of the row was tried, or ruled out by what another one came to.
func (w *Walk) hasAsked(r *row) bool {
	for k := range r.pairs {
		if w.hasTried(&r.pairs[k]) {
			return true
		}
	}
	return false
}

// why says in a sentence what a row lacks for good.
func (r *row) why(skip string) string {
	switch {
	case skip != lacksPrivacy:
		return r.Why
	case r.Training == MayTrain:
		return "who serves it for free may train on prompts"
	}
	return "nobody says whether who serves it trains on prompts"
}

// takes says whether any key of the row may be tried now for so many tokens.
func (r *row) takes(now time.Time, tokens int64) bool {
	for k := range r.pairs {
		if _, ok := r.open(k, now, tokens); ok {
			return true
		}
	}
	return false
}

// Exhausted says why a walk found nobody.
type Exhausted struct {
	Candidates []Candidate
	Fits       bool      // some candidate could serve such a request
	TooLarge   bool      // none fits, and size alone excludes one
	NoKey      bool      // none fits because no provider has a usable key
	Limited    bool      // a fitting pair rests or refused for a limit
	Ready      time.Time // when the first fitting pair can be asked; zero = no end in sight
}

// Exhausted explains a walk for which Pick found nobody.
func (p *Pool) Exhausted(now time.Time, w *Walk) Exhausted {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.table == nil {
		p.start(now, w)
	}
	x := Exhausted{Candidates: w.candidates(now), Limited: w.limited}
	usable := false
	for n, i := range w.order {
		r, c := &w.table.rows[i], &x.Candidates[n]
		if c.Unfit {
			usable = usable || r.usable()
			x.NoKey = x.NoKey || c.Skip == reasonNoKey
			x.TooLarge = x.TooLarge || c.Skip == lacksContext
			continue
		}
		usable = true
		x.Fits = true
		if w.marks[i]&markOut != 0 && c.Skip == "" {
			continue // it would be asked, but not for this request
		}
		x.note(r, c, now, r.expect(&w.Need))
	}
	x.TooLarge = x.TooLarge && !x.Fits
	x.NoKey = x.NoKey && !usable
	return x
}

func (x *Exhausted) note(r *row, c *Candidate, now time.Time, tokens int64) {
	ready := c.Ready
	if c.Skip == "" {
		ready = now
	}
	if sooner(ready, x.Ready) {
		x.Ready = ready
	}
	for k := range r.pairs {
		for _, d := range r.doors(k) {
			x.Limited = x.Limited || d.rest.limit && d.rest.active(now)
		}
		p := &r.pairs[k]
		x.Limited = x.Limited || !p.quota.room(now, tokens) || !p.account.quota.room(now, tokens)
	}
}
