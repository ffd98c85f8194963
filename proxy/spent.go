package proxy

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"freefall/fallback"
)

// spenders counts what each client was answered today, by the UTC day, since freefall started. Names come from the configuration,
// so there are not many.
type spenders struct {
	mu  sync.Mutex // guards all below
	day time.Time
	by  map[string]*today
}

// spentState is what one client was answered.
type spentState struct {
	Client *string `json:"client"` // null: without a key
	today
}

func (s *spenders) turn(now time.Time) {
	if day := now.UTC().Truncate(24 * time.Hour); s.by == nil || !day.Equal(s.day) {
		s.day, s.by = day, map[string]*today{}
	}
}

// add counts a request that ended; o is nil when no answer was begun, and then there is nothing to count.
func (s *spenders) add(now time.Time, who caller, o *fallback.Outcome) {
	if o == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(now)
	t := s.by[who.name]
	if t == nil {
		t = &today{}
		s.by[who.name] = t
	}
	t.Requests++
	t.Tokens += int64(o.InputTokens + o.OutputTokens)
}

// list is what each client has spent, the largest first; a caller that may not see all gets its own entry alone.
func (s *spenders) list(now time.Time, all bool, own string) []spentState {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(now)
	out := []spentState{}
	for name, t := range s.by {
		if all || own != "" && name == own {
			out = append(out, spentState{text(name), *t})
		}
	}
	slices.SortStableFunc(out, func(a, b spentState) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(nameOf(a.Client), nameOf(b.Client)))
	})
	return out
}

func nameOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
