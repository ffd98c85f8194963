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

// Quirks are the keys that models have refused to know ("min_p"), and the lengths that they grant, by provider and id, so that later requests
// go to them without, or ask for no more. They outlive a reload, and a restart where their notes are kept. The zero value knows of none.
type Quirks struct {
	some atomic.Bool // there are any: nearly always there are none, and nobody need wait for the lock to learn that

	mu      sync.RWMutex
	byModel map[[2]string]quirk
}

// quirk is what one model has refused. It is replaced, never changed: names go into requests under way.
type quirk struct {
	names []string
	since []time.Time // of each name, when it was refused last

	answer, context length
}

// length is how many tokens a model has said to grant.
type length struct {
	Tokens int
	Since  time.Time
}

// of gives what a model has refused of late. It must not be changed.
func (q *Quirks) of(m *fallback.Model, now time.Time) quirk {
	if !q.some.Load() {
		return quirk{}
	}
	name := [2]string{m.Provider, m.ID}
	q.mu.RLock()
	known := q.byModel[name]
	q.mu.RUnlock()
	if slices.ContainsFunc(known.since, func(at time.Time) bool { return !believed(at, now) }) || known.answer.over(now) || known.context.over(now) {
		known = known.fresh(now)
		q.set(name, known)
	}
	return known
}

// grants notes the lengths that a model has named when it refused a request.
func (q *Quirks) grants(m *fallback.Model, g openai.Granted, now time.Time) {
	name := [2]string{m.Provider, m.ID}
	q.mu.RLock()
	known := q.byModel[name].fresh(now)
	q.mu.RUnlock()
	if g.Answer > 0 {
		known.answer = length{g.Answer, now}
	}
	if g.Context > 0 {
		known.context = length{g.Context, now}
	}
	q.set(name, known)
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
	case known.empty():
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

func (l length) over(now time.Time) bool { return l.Tokens > 0 && !believed(l.Since, now) }

func (k *quirk) empty() bool {
	return len(k.names) == 0 && k.answer.Tokens == 0 && k.context.Tokens == 0
}

// most is how long the answer to a request may be, 0 where the client allows no more than that. Its own length is only guessed; where
// little would be left, or less than is worth it, the model is left to judge.
func (k *quirk) most(n *fallback.Need) int {
	most := n.MaxOutput
	if k.answer.Tokens > 0 {
		most = min(most, k.answer.Tokens)
	}
	if room := k.context.Tokens - 2*n.Tokens - n.Images*imageRoom - frameRoom; room >= openai.ShortestAnswer {
		most = min(most, room)
	}
	if most == n.MaxOutput {
		return 0
	}
	return most
}

// What a request may take of a context beside its text, in tokens.
const (
	imageRoom = 1600
	frameRoom = 256
)

// fresh is a copy of what is still believed.
func (k quirk) fresh(now time.Time) (out quirk) {
	if !k.answer.over(now) {
		out.answer = k.answer
	}
	if !k.context.over(now) {
		out.context = k.context
	}
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
	case openai.IsQuirk(name):
		k.names, k.since = append(k.names, name), append(k.since, since)
	}
	return k
}

// savedQuirk is one model's in a note.
type savedQuirk struct {
	Provider, ID string
	Refused      map[string]time.Time
	Answer       length `json:",omitzero"`
	Context      length `json:",omitzero"`
}

// Save gives what is known as notes.
func (q *Quirks) Save() (notes []fallback.Note) {
	q.mu.RLock()
	defer q.mu.RUnlock()
	for name, known := range q.byModel {
		s := savedQuirk{name[0], name[1], map[string]time.Time{}, known.answer.saved(), known.context.saved()}
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
		known := quirk{answer: s.Answer, context: s.Context}
		for key, since := range s.Refused {
			known = known.with(key, since)
		}
		q.set([2]string{s.Provider, s.ID}, known)
	}
}

func (l length) saved() length {
	if l.Tokens > 0 {
		l.Since = l.Since.UTC().Round(0)
	}
	return l
}
