package proxy

import (
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"time"

	"freefall/fallback"
)

// Change is one model that joined, left, was parked or came back, because its provider's list says so.
type Change struct {
	At           time.Time
	Provider, ID string
	What, Why    string
}

// Changes are the latest of them. The zero value is ready; methods may be called from any goroutine.
type Changes struct {
	mu   sync.Mutex // guards kept
	kept []Change   // by time
}

const (
	maxChanges = 300
	changeNote = "change"
)

// Add takes one more; the oldest goes when there are too many.
func (c *Changes) Add(x Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept = append(c.kept, x); len(c.kept) > maxChanges {
		c.kept = slices.Delete(c.kept, 0, len(c.kept)-maxChanges)
	}
}

// Since gives those from that moment on.
func (c *Changes) Since(from time.Time) (out []Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range c.kept {
		if !x.At.Before(from) {
			out = append(out, x)
		}
	}
	return out
}

// Save gives them as notes.
func (c *Changes) Save() (notes []fallback.Note) {
	for _, x := range c.Since(time.Time{}) {
		x.At = x.At.UTC().Round(0)
		text, _ := json.Marshal(x) // strings and a time of this age: it cannot fail
		notes = append(notes, fallback.Note{Kind: changeNote, Name: strconv.FormatInt(x.At.UnixNano(), 36) + " " + x.Provider + " " + x.ID, Text: string(text)})
	}
	return notes
}

// Restore takes what Save has given. Notes of other kinds, and what cannot be read, it passes over.
func (c *Changes) Restore(notes []fallback.Note) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, note := range notes {
		var x Change
		if note.Kind == changeNote && json.Unmarshal([]byte(note.Text), &x) == nil {
			c.kept = append(c.kept, x)
		}
	}
	slices.SortStableFunc(c.kept, func(a, b Change) int { return a.At.Compare(b.At) })
}

// changeState is a change as it is told.
type changeState struct {
	Time     string  `json:"time"`
	Provider string  `json:"provider"`
	Model    string  `json:"model"`
	Change   string  `json:"change"`
	Why      *string `json:"why"`
}

func (x *Change) state() changeState {
	return changeState{stamp(x.At), x.Provider, x.ID, x.What, text(x.Why)}
}

// Changed keeps a change of the roster and tells it to those who watch.
func (p *Proxy) Changed(x Change) {
	p.changes.Add(x)
	p.metrics.roster.WithLabelValues(x.What).Inc()
	p.events.tell(note{event: eventRoster, all: true, data: x.state()})
}
