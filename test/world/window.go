package main

import (
	"fmt"
	"math"
	"time"
)

// cycle is how a window of a provider comes round.
type cycle uint8

const (
	sliding cycle = iota // what was drawn counts for per
	turning              // begun anew at phase + k * per
	bucket               // filled continuously, limit in per
	places               // held at one time
)

// window is one limit as its provider enforces it, at the provider's own clock. It is the truth of the world.
type window struct {
	name   string
	cycle  cycle
	tokens bool // it counts tokens, else requests
	limit  int64
	per    time.Duration
	phase  time.Duration             // turning
	hidden bool                      // the configuration does not name it
	shifts func(time.Duration) int64 // sliding: a limit that changes; limit is its largest

	used  int64
	turn  int64 // turning: which one used belongs to
	level float64
	at    time.Duration // bucket: when level was so
	log   []draw        // sliding
	head  int
	base  int // how many were dropped before log[0]

	coming, comingTokens int64 // sent, not there yet

	marks []mark
	over  float64       // bucket: what it could not hold since the last mark
	freed time.Duration // places: when the last one became free
}

type draw struct {
	at time.Duration
	n  int64
}

// amount is what a request draws.
func (w *window) amount(tokens int64) int64 {
	if w.tokens {
		return tokens
	}
	return 1
}

func (w *window) limitAt(t time.Duration) int64 {
	if w.shifts != nil {
		return w.shifts(t)
	}
	return w.limit
}

func (w *window) advance(t time.Duration) {
	switch w.cycle {
	case sliding:
		for w.head < len(w.log) && w.log[w.head].at+w.per <= t {
			w.used -= w.log[w.head].n
			w.head++
		}
		if w.head > 1024 && w.head > len(w.log)/2 {
			w.log = append(w.log[:0], w.log[w.head:]...)
			w.base += w.head
			w.head = 0
		}
	case turning:
		if turn := w.turnOf(t); turn != w.turn {
			w.turn, w.used = turn, 0
		}
	case bucket:
		if t > w.at {
			w.fill(float64(w.limit) * float64(t-w.at) / float64(w.per))
			w.at = t
		}
	}
}

// fill puts into a bucket what it can hold.
func (w *window) fill(n float64) {
	w.level += n
	w.over += max(0, w.level-float64(w.limit))
	w.level = min(w.level, float64(w.limit))
}

func (w *window) turnOf(t time.Duration) int64 {
	return int64(math.Floor(float64(t-w.phase) / float64(w.per)))
}

// left is how much may be drawn at t.
func (w *window) left(t time.Duration) int64 {
	w.advance(t)
	if w.cycle == bucket {
		return int64(math.Floor(w.level + 1e-6))
	}
	return w.limitAt(t) - w.used
}

func (w *window) fits(t time.Duration, tokens int64) bool { return w.left(t) >= w.amount(tokens) }

// fitsBeside is fits when all that is on its way were there already.
func (w *window) fitsBeside(t time.Duration, tokens int64) bool {
	coming := w.coming
	if w.tokens {
		coming = w.comingTokens
	}
	return w.left(t)-coming >= w.amount(tokens)
}

// hasFitted says whether the request fits and would have for a while: so long that whoever asks could have known.
func (w *window) hasFitted(t time.Duration, tokens int64, long time.Duration) bool {
	if !w.fitsBeside(t, tokens) {
		return false
	}
	need := w.amount(tokens) - w.left(t)
	if w.tokens {
		need += w.comingTokens
	} else {
		need += w.coming
	}
	switch w.cycle {
	case turning:
		return w.turnOf(t-long) == w.turn || w.turn == w.turnOf(0) && t < long
	case bucket:
		return float64(-need) >= float64(w.limit)*float64(long)/float64(w.per) || w.level >= float64(w.limit)-1
	case sliding:
		for i := w.head - 1; i >= 0 && w.log[i].at+w.per > t-long; i-- {
			need += w.log[i].n // it has left since
		}
		return need <= 0 && w.limitAt(t-long) >= w.limitAt(t)
	}
	return t-w.freed >= long // places: since somebody left a full house
}

const never = time.Duration(math.MaxInt64)

// opens is the first moment from t on when the request fits, if nobody else draws; of places nobody knows it.
func (w *window) opens(t time.Duration, tokens int64) time.Duration {
	need := w.amount(tokens) - w.left(t)
	switch {
	case need <= 0:
		return t
	case w.amount(tokens) > w.limit || w.cycle == places:
		return never
	case w.cycle == turning:
		return w.phase + time.Duration(w.turn+1)*w.per
	case w.cycle == bucket:
		missing := float64(w.amount(tokens)) - w.level
		return t + time.Duration(math.Ceil(missing*float64(w.per)/float64(w.limit)))
	}
	for _, d := range w.log[w.head:] {
		if need -= d.n; need <= 0 {
			return d.at + w.per
		}
	}
	return t + w.per // the limit itself has to change
}

// draw takes what a request draws; the receipt lets settle and amend find it.
func (w *window) draw(t time.Duration, tokens int64) (receipt int) {
	n := w.amount(tokens)
	w.advance(t)
	switch w.cycle {
	case bucket:
		w.level -= float64(n)
	case sliding:
		w.log = append(w.log, draw{t, n})
		w.used += n
		return w.base + len(w.log) - 1
	case turning:
		w.used += n
		return int(w.turn)
	case places:
		w.used += n
	}
	return 0
}

// settle is told at the end of an answer that was drawn for: places are free again, tokens become what they were.
func (w *window) settle(t time.Duration, receipt int, expected, used int64) {
	w.advance(t)
	switch {
	case w.cycle == places:
		if w.used == w.limit {
			w.freed = t
		}
		w.used--
	case !w.tokens:
	case w.cycle == bucket:
		w.fill(float64(expected - used))
	case w.cycle == turning && receipt == int(w.turn):
		w.used += used - expected
	case w.cycle == sliding:
		if i := receipt - w.base; i >= w.head {
			w.log[i].n += used - expected
			w.used += used - expected
		}
	}
}

// giveBack takes back a draw that does not count.
func (w *window) giveBack(t time.Duration, receipt int, expected int64) {
	w.advance(t)
	n := w.amount(expected)
	switch {
	case w.cycle == places, w.cycle == turning && receipt == int(w.turn):
		w.used -= n
	case w.cycle == bucket:
		w.fill(float64(n))
	case w.cycle == sliding:
		if i := receipt - w.base; i >= w.head {
			w.log[i].n -= n
			w.used -= n
		}
	}
}

// most bounds how many requests the window can grant within a length of time, whatever they draw before and after, when each
// draws at least so many tokens.
func (w *window) most(length time.Duration) float64 {
	n := float64(w.limit)
	turns := math.Ceil(float64(length) / float64(w.per))
	switch w.cycle {
	case bucket:
		return n + n*float64(length)/float64(w.per)
	case turning:
		if length%w.per != 0 || w.phase%w.per != 0 {
			turns++ // it begins and ends within one
		}
		return n * turns
	case sliding:
		return n * turns
	}
	return math.Inf(1)
}

func (w *window) String() string { return fmt.Sprintf("%s %d", w.name, w.limit) }
