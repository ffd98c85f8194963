package fallback

import (
	"slices"
	"time"
)

// Replicas tell each other what they have learned. Each remembers what all agreed on last: one that has learned nothing since takes what the
// others say, and where both have, what is more careful holds. What is drawn from windows is none of it, see Share; nor what is only one's own:
// money spent, sizes of answers, results and times.

// Learned is what this pool tells other replicas: what speaks against models, rests, and limits that providers have named.
func (p *Pool) Learned(now time.Time) (out Saved) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock(now)
	for name, m := range p.state.models {
		if told := m.save(now, name).told(); told.worth() {
			out.Models = append(out.Models, told)
		}
	}
	p.state.eachNamedRest(func(r *rest, as SavedRest) {
		if r.told(now) {
			as.Reload = r.reload
			out.Rests = append(out.Rests, r.saved(as).plain())
		}
	})
	for name, a := range p.state.accounts {
		out.limits(&a.quota, SavedWindow{Target: TargetAccount.String(), Provider: name.provider, Account: name.name})
	}
	for name, q := range p.state.quotas {
		out.limits(q, SavedWindow{Target: TargetPair.String(), Provider: name.provider, Account: name.account.name, ID: name.id})
	}
	return out
}

// told says whether others are told of it: also when it is over by our clock, since theirs may be behind. One that was lifted is blank.
func (r *rest) told(now time.Time) bool { return r.active(now) || r.level > 0 || !r.until.IsZero() }

// limits adds those that the provider has named.
func (s *Saved) limits(q *quota, as SavedWindow) {
	for _, c := range q.counters {
		if c.told > 0 {
			as.Told = c.told
			s.Windows = append(s.Windows, as.named(c))
		}
	}
}

// told is the part of it that others are told.
func (s SavedModel) told() SavedModel {
	k := SavedModel{Provider: s.Provider, ID: s.ID, FailureCount: s.FailureCount, Closed: s.Closed, Until: plain(s.Until), Level: s.Level,
		LastBad: plain(s.LastBad), LastError: s.LastError, LastErrorAt: plain(s.LastErrorAt), Paused: s.Paused}
	for _, l := range s.Refused {
		k.Refused = append(k.Refused, Lack{l.Feature, plain(l.Since)})
	}
	return k
}

// plain is a moment as it comes back from where it was written.
func plain(t time.Time) time.Time { return t.Round(0).UTC() }

func (s SavedRest) plain() SavedRest {
	s.From, s.Until, s.NextTrial = plain(s.From), plain(s.Until), plain(s.NextTrial)
	return s
}

// News is what other replicas say now, beside what all agreed on last. What stands in neither is as if nothing was known of it.
type News struct{ Agreed, Now Saved }

// Adopt takes what other replicas say.
func (p *Pool) Adopt(now time.Time, news News) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, theirs := range news.Now.Models {
		m := at(p.state.models, [2]string{theirs.Provider, theirs.ID})
		ours := m.save(now, [2]string{theirs.Provider, theirs.ID})
		agreed := SavedModel{}
		if i := slices.IndexFunc(news.Agreed.Models, func(s SavedModel) bool { return s.Provider == theirs.Provider && s.ID == theirs.ID }); i >= 0 {
			agreed = news.Agreed.Models[i]
		}
		m.adopt(mergeModel(agreed.told(), ours.told(), theirs.told()), p.table.Breaker)
	}
	for _, theirs := range news.Now.Rests {
		r := p.state.find(theirs)
		if r == nil {
			continue
		}
		agreed := theirs.blank()
		if i := slices.IndexFunc(news.Agreed.Rests, func(s SavedRest) bool { return s.blank() == theirs.blank() }); i >= 0 {
			agreed = news.Agreed.Rests[i]
		}
		ours := theirs.blank()
		if r.told(now) {
			ours = r.saved(ours)
			ours.Reload = r.reload
		}
		if merged := mergeRest(agreed.plain(), ours.plain(), theirs.plain()); merged != ours.plain() {
			r.adopt(now, merged)
		}
	}
	for _, theirs := range news.Now.Windows {
		p.state.adoptLimit(theirs)
	}
	p.queue.set = time.Time{}
	p.dispatch(now)
}

// blank is the same rest when it rests nothing.
func (s SavedRest) blank() SavedRest {
	return SavedRest{Target: s.Target, Provider: s.Provider, Account: s.Account, Nth: s.Nth, ID: s.ID}
}

// pick is theirs if we have learned nothing, ours if they have not, and otherwise what comes of both.
func pick[T comparable](agreed, ours, theirs T, both func(a, b T) T) T {
	switch {
	case ours == agreed:
		return theirs
	case theirs == agreed:
		return ours
	}
	return both(ours, theirs)
}

// cooling is what of a model's health is told as one.
type cooling struct {
	count, level int
	closed       bool
	until        time.Time
}

func (s *SavedModel) cooling() cooling { return cooling{s.FailureCount, s.Level, s.Closed, s.Until} }

func worse(a, b cooling) cooling {
	return cooling{max(a.count, b.count), max(a.level, b.level), a.closed || b.closed, latest(a.until, b.until)}
}

func mergeModel(agreed, ours, theirs SavedModel) SavedModel {
	h := pick(agreed.cooling(), ours.cooling(), theirs.cooling(), worse)
	out := SavedModel{Provider: theirs.Provider, ID: theirs.ID, FailureCount: h.count, Level: h.level, Closed: h.closed, Until: h.until}
	out.LastBad = pick(agreed.LastBad, ours.LastBad, theirs.LastBad, latest)
	type word struct {
		text string
		at   time.Time
	}
	last := pick(word{agreed.LastError, agreed.LastErrorAt}, word{ours.LastError, ours.LastErrorAt}, word{theirs.LastError, theirs.LastErrorAt}, func(a, b word) word {
		if a.at.After(b.at) || a.at.Equal(b.at) && a.text > b.text {
			return a
		}
		return b
	})
	out.LastError, out.LastErrorAt = last.text, last.at
	out.Paused = pick(agreed.Paused, ours.Paused, theirs.Paused, func(a, b bool) bool { return a || b })
	for f := range numFeatures {
		since := pick(agreed.refused(f), ours.refused(f), theirs.refused(f), latest)
		if f != FeatureNone && !since.IsZero() {
			out.Refused = append(out.Refused, Lack{f.String(), since})
		}
	}
	return out
}

func (s *SavedModel) refused(f Feature) time.Time {
	for _, l := range s.Refused {
		if l.Feature == f.String() {
			return l.Since
		}
	}
	return time.Time{}
}

// mergeRest keeps the later of two ends; none in sight is later than any.
func mergeRest(agreed, ours, theirs SavedRest) SavedRest {
	return pick(agreed, ours, theirs, func(a, b SavedRest) SavedRest {
		level := max(a.Level, b.Level)
		if later(b, a) {
			a = b
		}
		a.Level = level
		return a
	})
}

// later orders rests by their ends, and those with the same end in some way that is the same everywhere.
func later(a, b SavedRest) bool {
	switch {
	case a.Endless != b.Endless:
		return a.Endless
	case a.Reload != b.Reload:
		return b.Reload // what only the roster lifts is later
	case !a.Until.Equal(b.Until):
		return a.Until.After(b.Until)
	case !a.From.Equal(b.From):
		return a.From.After(b.From)
	case !a.NextTrial.Equal(b.NextTrial):
		return a.NextTrial.After(b.NextTrial)
	}
	return a.Class > b.Class
}

// adopt makes it so. A trial of ours that is under way goes on, and decides.
func (m *modelState) adopt(s SavedModel, b Breaker) {
	if now := s.cooling(); now != (cooling{m.health.count, m.health.level, m.health.closed, plain(m.health.until)}) {
		closes := s.Closed && !m.health.closed
		m.health = health{count: max(0, s.FailureCount), closed: s.Closed, until: s.Until, level: max(0, s.Level), gen: m.health.gen, trial: m.health.trial}
		if closes {
			m.health.gen++ // what began before tells nothing of now
		}
		m.health.clamp(b)
	}
	m.lastBad, m.lastError, m.lastErrorAt, m.paused = s.LastBad, s.LastError, s.LastErrorAt, s.Paused
	for f := range numFeatures {
		if f != FeatureNone {
			m.lacks[f] = s.refused(f)
		}
	}
}

func (r *rest) adopt(now time.Time, s SavedRest) {
	slow := r.slow
	next := rest{from: s.From, until: s.Until, endless: s.Endless, reload: s.Reload, proven: s.Proven, limit: s.Limit,
		class: index[Class](classNames[:], s.Class), level: max(0, s.Level), nextTrial: s.NextTrial,
		trial: r.trial, inside: r.inside, entered: r.entered, dares: r.dares, slow: slow}
	if next.limit && next.active(now) {
		next.slow = 1
	}
	if !next.until.Equal(r.until) {
		next.dares = dares{}
	}
	*r = next
}

// adoptLimit takes a limit that a provider has told another replica. What it has told us since is as new.
func (s *state) adoptLimit(w SavedWindow) {
	q := s.quotaOf(w)
	if q == nil || w.Per <= 0 || w.Per > longestWindow || w.Told <= 0 {
		return
	}
	id := w.window()
	i := slices.IndexFunc(q.counters, func(c *counter) bool { return c.same(&id) })
	switch {
	case i >= 0:
		q.counters[i].told = w.Told
	case len(q.counters) < maxCounters:
		id.Limit = w.Told
		q.add(counter{Window: id, told: w.Told, learned: true})
	}
	q.fullUntil = time.Time{}
}
