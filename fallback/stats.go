package fallback

import (
	"slices"
	"time"
)

// window is how many results a success rate and a TTFT percentile look back on.
const window = 64

// beats is how many of the last results are shown one by one.
const beats = 60

// stats are the last results of one model.
type stats struct {
	results [window]beat
	nth     int
	today   tally
	pace    pace
	ttft    [window]time.Duration
	nthTTFT int
	usual   [2]time.Duration // to the commit point, lately: of whole answers, of streams; 0 = unknown
	whole   time.Duration    // of an attempt until its end, lately; 0 = unknown
}

// beat is how one attempt ended, as a letter.
type beat byte

const (
	beatOK    beat = 'o'
	beatFault beat = 'f'
	beatLimit beat = 'l'
)

func (s *stats) result(b beat) {
	s.results[s.nth%window] = b
	s.nth++
}

// recent are the last results, oldest first: a letter each, "o" good, "f" a fault, "l" a limit.
func (s *stats) recent() string {
	n := min(s.nth, beats)
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(s.results[(s.nth-n+i)%window])
	}
	return string(out)
}

// tally is what a model has done in a UTC day.
type tally struct {
	day              time.Time
	requests, tokens int64
}

func (c *tally) turn(now time.Time) {
	if today := now.UTC().Truncate(day); !today.Equal(c.day) {
		*c = tally{day: today}
	}
}

func (s *stats) first(d time.Duration) {
	s.ttft[s.nthTTFT%window] = d
	s.nthTTFT++
}

// took learns how long the model usually takes.
func (s *stats) took(stream bool, d time.Duration) {
	follow(&s.usual[bit(stream)], d)
}

// follow moves a mean towards what was seen last.
func follow(mean *time.Duration, d time.Duration) {
	if *mean == 0 {
		*mean = d
		return
	}
	*mean += (d - *mean) / 4
}

// patience is how long an attempt may be without content before the model is suspected to hang.
func (s *stats) patience(kind int) time.Duration {
	if s.usual[kind] == 0 {
		return firstPatience[kind]
	}
	return min(max(patience*s.usual[kind], leastPatient), max(mostPatient, 2*s.usual[kind]))
}

// rate is the share of good results, -1 before the first.
func (s *stats) rate() float64 {
	n := min(s.nth, window)
	if n == 0 {
		return -1
	}
	good := 0
	for _, b := range s.results[:n] {
		if b == beatOK {
			good++
		}
	}
	return float64(good) / float64(n)
}

// percentile of the time to first token, 0 before the first.
func (s *stats) percentile(share float64) time.Duration {
	n := min(s.nthTTFT, window)
	if n == 0 {
		return 0
	}
	sorted := slices.Clone(s.ttft[:n])
	slices.Sort(sorted)
	return sorted[min(n-1, int(share*float64(n)))]
}

// note keeps what the state API tells of an attempt.
func (m *modelState) note(now time.Time, a *Attempt, o *Outcome) {
	if !a.commit.IsZero() {
		m.stats.first(a.commit.Sub(a.begun))
		m.stats.took(a.walk.Need.Stream, a.commit.Sub(a.begun))
		follow(&m.stats.whole, now.Sub(a.begun))
	}
	m.stats.today.turn(now)
	m.stats.today.tokens += int64(o.InputTokens + o.OutputTokens)
	switch {
	case o.Class == OK:
		m.stats.today.requests++
		m.stats.pace.count(now)
		m.stats.result(beatOK)
		m.did(now, a.walk.task(), true)
	case o.Fault():
		m.stats.result(beatFault)
		m.did(now, a.walk.task(), false)
	case o.Limit():
		m.stats.result(beatLimit)
	}
	switch o.Class {
	case OK, HedgeLost, ClientLeft, Stopped:
	default:
		m.lastError, m.lastErrorAt = o.Class.String(), now
		if o.Message != "" {
			m.lastError += ": " + o.Message
		}
	}
}
