package openai

import (
	"crypto/sha256"
	"slices"
	"sync"
	"time"

	"freefall/fallback"
)

const (
	maxVerdicts = 64          // that are remembered at once
	maxRepeated = 4 << 10     // bytes of a body that is worth it
	verdictLife = time.Minute // and how long: a moment that was too far away to count comes nearer
)

// Verdicts remembers what refusals mean, since providers refuse in the same words again and again. Only what is the same at any time is
// remembered: a failure or a limit without a wait, and without a counter. Of the words nothing is kept but their hash and the outcome's
// Message. The zero value is ready, and safe for concurrent use.
type Verdicts struct {
	mu    sync.Mutex
	known map[refusal]*verdict
}

type refusal struct {
	dialect *Dialect
	status  int
	body    [sha256.Size]byte
}

// verdict is never changed.
type verdict struct {
	outcome fallback.Outcome
	at      time.Time
	asked   []field // all that it depends on, beside the refusal
}

type field struct{ name, value string }

// ClassifyAll is the function of that name, of a whole answer.
func (s *Verdicts) ClassifyAll(d *Dialect, status int, header func(name string) string, body []byte, now time.Time) (fallback.Outcome, []fallback.Reading) {
	if len(body) > maxRepeated || !theirTime(header, now).Equal(now) { // what a wrong clock means is the same only as long as it is as wrong
		return ClassifyAll(d, status, header, body, now)
	}
	key := refusal{d, status, sha256.Sum256(body)}
	if v := s.find(key); v.holds(header, now) {
		return v.outcome, nil
	}
	v := &verdict{at: now}
	o, learned := ClassifyAll(d, status, v.ask(header), body, now)
	if v.outcome = o; v.timeless() && learned == nil {
		s.remember(key, v)
	}
	return o, learned
}

// ask notes what the head is asked for, but for its Date, which is always another, and agrees with our clock.
func (v *verdict) ask(header func(string) string) func(string) string {
	return func(name string) string {
		f := field{name, header(name)}
		if name == "date" {
			return f.value
		}
		if !slices.Contains(v.asked, f) {
			v.asked = append(v.asked, f)
		}
		return f.value
	}
}

// timeless says whether the verdict would be the same at another time. A field of the head may hold a moment, but for the type of the body.
func (v *verdict) timeless() bool {
	o := &v.outcome
	return (o.Limit() || o.Fault()) && !o.Stated &&
		!slices.ContainsFunc(v.asked, func(f field) bool { return f.value != "" && f.name != "content-type" })
}

// holds says whether the verdict is that of an answer with this head, too.
func (v *verdict) holds(header func(string) string, now time.Time) bool {
	if v == nil || now.Sub(v.at).Abs() > verdictLife {
		return false
	}
	for i := range v.asked {
		if header(v.asked[i].name) != v.asked[i].value {
			return false
		}
	}
	return true
}

func (s *Verdicts) find(key refusal) *verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[key]
}

func (s *Verdicts) remember(key refusal, v *verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) >= maxVerdicts {
		s.known = make(map[refusal]*verdict, maxVerdicts)
	}
	s.known[key] = v
}
