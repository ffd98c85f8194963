package proxy

import (
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"freefall/fallback"
	"freefall/internal/openai"
)

const (
	quirkFor  = 7 * 24 * time.Hour // how long a refusal is believed, like one of a feature
	maxQuirks = 10_000             // models
	quirkNote = "refused-keys"     // the kind of their notes
)

// Quirks are the keys that models have refused to know ("min_p"), by provider and id, so that later requests go to them without.
// They outlive a reload, and a restart for whom keeps their notes. The zero value knows of none.
type Quirks struct {
	some atomic.Bool // there are any: nearly always there are none, and nobody need wait for the lock to learn that

	mu      sync.RWMutex
	byModel map[[2]string]quirk
}

// quirk is what one model has refused. It is replaced, never changed: names go into requests under way.
type quirk struct {
	names []string
	since []time.Time // of each name, when it was refused last
}

// of gives the keys that a model has refused of late. They must not be changed.
func (q *Quirks) of(m *fallback.Model, now time.Time) []string {
	if !q.some.Load() {
		return nil
	}
	name := [2]string{m.Provider, m.ID}
	q.mu.RLock()
	known := q.byModel[name]
	q.mu.RUnlock()
	if slices.ContainsFunc(known.since, func(at time.Time) bool { return !believed(at, now) }) {
		known = known.fresh(now)
		q.set(name, known)
	}
	return known.names
}

// learn notes that a model has refused a key.
func (q *Quirks) learn(m *fallback.Model, key string, now time.Time) {
	name := [2]string{m.Provider, m.ID}
	q.mu.RLock()
	known := q.byModel[name].fresh(now)
	q.mu.RUnlock()
	q.set(name, known.with(key, now))
}

// set keeps what is known of a model. Of two that are learned at once one may be lost; it is learned again.
func (q *Quirks) set(name [2]string, known quirk) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch _, old := q.byModel[name]; {
	case len(known.names) == 0:
		delete(q.byModel, name)
	case old || len(q.byModel) < maxQuirks:
		if q.byModel == nil {
			q.byModel = map[[2]string]quirk{}
		}
		q.byModel[name] = known
	}
	q.some.Store(len(q.byModel) > 0)
}

// forget is for a model that a person has reset.
func (q *Quirks) forget(provider, id string) { q.set([2]string{provider, id}, quirk{}) }

// believed says whether a refusal still counts. One of the future is of a clock that was put back.
func believed(at, now time.Time) bool { return now.Sub(at) < quirkFor && !at.After(now.Add(time.Hour)) }

// fresh is a copy of what is still believed.
func (k quirk) fresh(now time.Time) (out quirk) {
	for i, name := range k.names {
		if believed(k.since[i], now) {
			out = out.with(name, k.since[i])
		}
	}
	return out
}

// with adds a key to a quirk that nobody else has. What a request cannot go without is never one.
func (k quirk) with(name string, since time.Time) quirk {
	i := slices.Index(k.names, name)
	switch {
	case i >= 0:
		k.since[i] = since
	case openai.IsKnob(name):
		k.names, k.since = append(k.names, name), append(k.since, since)
	}
	return k
}

// savedQuirk is one model's in a note.
type savedQuirk struct {
	Provider, ID string
	Refused      map[string]time.Time
}

// Save gives what is known as notes.
func (q *Quirks) Save() (notes []fallback.Note) {
	q.mu.RLock()
	defer q.mu.RUnlock()
	for name, known := range q.byModel {
		s := savedQuirk{name[0], name[1], map[string]time.Time{}}
		for i, key := range known.names {
			s.Refused[key] = known.since[i].UTC().Round(0)
		}
		text, _ := json.Marshal(s) // strings and times of this age: it cannot fail
		notes = append(notes, fallback.Note{Kind: quirkNote, Name: name[0] + " " + name[1], Text: string(text)})
	}
	return notes
}

// Restore takes what Save has given. Notes of other kinds, and what cannot be read, it passes over.
func (q *Quirks) Restore(notes []fallback.Note) {
	for _, note := range notes {
		var s savedQuirk
		if note.Kind != quirkNote || json.Unmarshal([]byte(note.Text), &s) != nil {
			continue
		}
		var known quirk
		for key, since := range s.Refused {
			known = known.with(key, since)
		}
		q.set([2]string{s.Provider, s.ID}, known)
	}
}
