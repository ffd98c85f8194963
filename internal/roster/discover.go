package roster

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"freefall/fallback"
	"freefall/internal/upstream"
)

const (
	firstRetry = time.Minute    // after a list that could not be read, doubled up to the usual time
	maxEvery   = 20 * time.Hour // a price that is 0 is believed for a day
	keptFor    = 30 * 24 * time.Hour
	noteKind   = "list"
)

// Lists are what the providers list: asked at the start and now and then, kept until they are known better, and over restarts.
// That one cannot be read harms nobody for a day; it is one warning.
type Lists struct {
	transport *upstream.Transport
	looked    func() // somebody has looked, or what was read has grown old
	log       zerolog.Logger
	changed   chan struct{}

	mu      sync.Mutex // guards all below
	wanted  []Source
	watched map[string]*watched // by provider
	last    map[string]*List    // likewise
	notes   map[string]string   // likewise: last, as it is kept
}

// watched is a list that is asked now and then.
type watched struct {
	Source
	stop    context.CancelFunc
	nth     int // key
	trouble string
}

// NewLists makes the lists; Run asks for them. looked is called, by whoever Run is, when they may say something else than before.
func NewLists(t *upstream.Transport, looked func(), log zerolog.Logger) *Lists {
	return &Lists{transport: t, looked: looked, log: log, changed: make(chan struct{}, 1), watched: map[string]*watched{},
		last: map[string]*List{}, notes: map[string]string{}}
}

// Set says whose lists are asked from now on. Those that stay as they were are not asked anew.
func (l *Lists) Set(sources []Source) {
	l.mu.Lock()
	l.wanted = sources
	l.mu.Unlock()
	notify(l.changed)
}

// Of is what a source listed last, nil when it never did.
func (l *Lists) Of(s *Source) *List {
	l.mu.Lock()
	defer l.mu.Unlock()
	if list := l.last[s.Provider]; list != nil && list.URL == s.URL {
		return list
	}
	return nil
}

// Run asks for the lists until the context ends, and returns when nobody asks any more.
func (l *Lists) Run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.changed:
			for _, w := range l.follow() {
				own, stop := context.WithCancel(ctx)
				w.stop = stop
				all.Go(func() { l.watch(own, w) })
			}
		}
	}
}

// follow ends the watches that are not wanted as they are, and gives those that are new.
func (l *Lists) follow() (begin []*watched) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := map[string]*watched{}
	for _, s := range l.wanted {
		if old := l.watched[s.Provider]; old != nil && reflect.DeepEqual(old.Source, s) {
			next[s.Provider] = old
			delete(l.watched, s.Provider)
			continue
		}
		w := &watched{Source: s}
		next[s.Provider] = w
		begin = append(begin, w)
	}
	for _, gone := range l.watched {
		gone.stop()
	}
	l.watched = next
	return begin
}

// watch asks for one list again and again.
func (l *Lists) watch(ctx context.Context, w *watched) {
	every := min(w.Every, maxEvery)
	retry := min(firstRetry, every)
	for {
		pause := every*9/10 + rand.N(every/5+1)
		if !l.look(ctx, w) {
			pause, retry = retry, min(2*retry, every)
		} else {
			retry = min(firstRetry, every)
		}
		if ctx.Err() != nil {
			return
		}
		l.looked()
		if old, ok := l.growsOld(&w.Source); ok && old < pause {
			if !sleep(ctx, old, nil) {
				return
			}
			l.looked()
			pause -= old
		}
		if !sleep(ctx, pause, nil) {
			return
		}
	}
}

// growsOld is how long the prices of a source's list go on proving something.
func (l *Lists) growsOld(s *Source) (time.Duration, bool) {
	list := l.Of(s)
	if list == nil || !list.fresh(time.Now()) {
		return 0, false
	}
	return time.Until(list.At.Add(proofLasts)), true
}

// look asks for a list once, and keeps what came, if it is one.
func (l *Lists) look(ctx context.Context, w *watched) bool {
	list, err := w.Fetch(ctx, l.transport, w.nth)
	switch {
	case ctx.Err() != nil:
		return false
	case err != nil:
		w.nth++
		l.complain(w, err.Error())
		return false
	}
	l.keep(w.Provider, list)
	if w.trouble != "" {
		w.trouble = ""
		l.log.Info().Str("provider", w.Provider).Msg("The list of models of " + w.Provider + " can be read again")
	}
	l.log.Debug().Str("provider", w.Provider).Int("models", len(list.Models)).Msg("The list of models was read")
	return true
}

// complain tells the same trouble once, not each time.
func (l *Lists) complain(w *watched, trouble string) {
	level := zerolog.DebugLevel
	if trouble != w.trouble {
		level = zerolog.WarnLevel
	}
	w.trouble = trouble
	l.log.WithLevel(level).Str("provider", w.Provider).Str("error", trouble).
		Msg("The list of models of " + w.Provider + " could not be read; the last one stays in use. `discover: off` at the provider ends the asking")
}

func (l *Lists) keep(provider string, list *List) {
	text, err := json.Marshal(list)
	if err != nil {
		panic("BUG: a list cannot be written: " + err.Error())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last[provider], l.notes[provider] = list, string(text)
}

// Save gives the last lists for a restart.
func (l *Lists) Save() (notes []fallback.Note) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for provider, text := range l.notes {
		if time.Since(l.last[provider].At) > keptFor {
			continue
		}
		notes = append(notes, fallback.Note{Kind: noteKind, Name: provider, Text: text})
	}
	return notes
}

// Restore takes what was saved, as far as nothing newer is known. What cannot be read, or was made by somebody else, is passed
// over: the next look brings it.
func (l *Lists) Restore(notes []fallback.Note) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range notes {
		var list List
		if n.Kind != noteKind || json.Unmarshal([]byte(n.Text), &list) != nil {
			continue
		}
		if last := l.last[n.Name]; last == nil || last.At.Before(list.At) {
			l.last[n.Name], l.notes[n.Name] = NewList(list.URL, list.At, list.Models), n.Text
		}
	}
}
