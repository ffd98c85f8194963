package roster

import (
	"context"
	"encoding/json"
	"math/rand/v2"
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
	watches[Source]
	transport *upstream.Transport
	looked    func() // somebody has looked, or what was read has grown old
	log       zerolog.Logger

	mu    sync.Mutex        // guards all below
	last  map[string]*List  // by provider
	notes map[string]string // likewise: last, as it is kept
}

// NewLists makes the lists; Run asks for them. looked is called, by whoever Run is, when they may say something else than before.
func NewLists(t *upstream.Transport, looked func(), log zerolog.Logger) *Lists {
	l := &Lists{transport: t, looked: looked, log: log, last: map[string]*List{}, notes: map[string]string{}}
	l.watches = watchesOf(func(s Source) string { return s.Provider }, l.watch)
	return l
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

// watch asks for one list again and again.
func (l *Lists) watch(ctx context.Context, w *watched[Source]) {
	every := min(w.of.Every, maxEvery)
	retry, trouble := min(firstRetry, every), ""
	for {
		pause := every*9/10 + rand.N(every/5+1)
		list, err := w.of.Fetch(ctx, l.transport, w.nth)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			w.nth++
			pause, retry = retry, min(2*retry, every)
			trouble = l.complain(&w.of, err, trouble)
		default:
			l.keep(w.of.Provider, list)
			retry, trouble = min(firstRetry, every), l.rejoice(&w.of, list, trouble)
		}
		l.looked()
		if old, ok := l.growsOld(&w.of); ok && old < pause {
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

// complain tells the same trouble once, not each time, and gives it.
func (l *Lists) complain(s *Source, err error, before string) string {
	level := zerolog.DebugLevel
	if err.Error() != before {
		level = zerolog.WarnLevel
	}
	l.log.WithLevel(level).Str("provider", s.Provider).Err(err).
		Msg("The list of models of " + s.Provider + " could not be read; the last one stays in use. `discover: off` at the provider ends the asking")
	return err.Error()
}

// rejoice tells that a list was read, which ends any trouble.
func (l *Lists) rejoice(s *Source, list *List, trouble string) string {
	if trouble != "" {
		l.log.Info().Str("provider", s.Provider).Msg("The list of models of " + s.Provider + " can be read again")
	}
	l.log.Debug().Str("provider", s.Provider).Int("models", len(list.Models)).Msg("The list of models was read")
	return ""
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
