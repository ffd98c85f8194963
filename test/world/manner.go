package main

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"freefall/fallback"
	"freefall/internal/openai"
)

// manner is how a provider of whom freefall knows nothing speaks of its limits, and what it counts. What it says goes through the readers
// of internal/openai, as that of a real one would.
type manner struct {
	heads heads
	hints hints
	words words

	strict bool // what it refuses counts as well
	mild   bool // what fails does not count
	fills  bool // the configuration says of its buckets that they are
}

// heads is what the head of each answer says of the windows.
type heads uint8

const (
	headsNothing heads = iota
	headsPlain         // x-ratelimit-*-requests and -tokens, of the shortest window of each, whatever its length
	headsNamed         // likewise with the length in the name, of those that have such a name
	headsDraft         // RateLimit and RateLimit-Policy, of all windows
	headsOld           // RateLimit-Limit, -Remaining, -Reset with a policy, of the shortest window
	headsEpoch         // x-ratelimit-limit, -remaining, -reset as a moment of its clock, of the window that is nearest to its end
	headsDated         // anthropic-ratelimit-*, as moments
	numHeads
)

// hints is what a refusal says about the wait.
type hints uint8

const (
	hintsNothing hints = iota
	hintsSeconds
	hintsMilliseconds
	hintsDate
	hintsWords
	hintsHeads // a spent counter and its reset
	hintsWrong // seconds that have nothing to do with it
	hintsAbsurd
	numHints
)

// words is what the message of a refusal says.
type words uint8

const (
	wordsBare    words = iota
	wordsLimit         // the window and its limit
	wordsSelling       // that one could pay
	numWords
)

var (
	headNames = [numHeads]string{"-", "plain", "named", "draft", "old-draft", "epoch", "dated"}
	hintNames = [numHints]string{"-", "seconds", "ms", "date", "words", "reset", "wrong", "absurd"}
)

// letter is an answer as it is written.
type letter struct {
	status int
	head   map[string]string
	body   string
}

func (l *letter) field(name string) string { return l.head[name] }

// letter is what the provider writes at its own time: of a good answer, or of one that is refused for a window, with the true wait.
func (d *dayRun) letter(c *call, by *window, wait time.Duration) *letter {
	m, local := c.route.manner, d.now+c.route.skew
	l := &letter{status: http.StatusOK, head: map[string]string{}}
	m.tell(l, c.route, by, local)
	if by == nil {
		return l
	}
	l.status = http.StatusTooManyRequests
	text := "Too many requests"
	switch {
	case by.cycle == places:
		text, wait = "Too many concurrent requests", time.Second
	case m.words == wordsLimit:
		text = fmt.Sprintf("Rate limit exceeded: limited to %d %s per %s", by.limitAt(local), map[bool]string{true: "tokens"}[by.tokens]+map[bool]string{false: "requests"}[by.tokens], spell(by.per))
	case m.words == wordsSelling:
		text = "You exceeded your current rate limit. Upgrade your plan for more."
	}
	switch m.hints {
	case hintsSeconds:
		l.head["retry-after"] = strconv.Itoa(int(whole(wait) / time.Second))
	case hintsMilliseconds:
		l.head["retry-after-ms"] = strconv.Itoa(int(wait/time.Millisecond) + 1)
	case hintsDate:
		l.head["retry-after"] = begins.Add(whole(local + wait)).Format(http.TimeFormat)
	case hintsWords:
		text += ". Please try again in " + (wait + 10*time.Millisecond).Round(10*time.Millisecond).String()
	case hintsHeads:
		if _, ok := l.head["x-ratelimit-remaining"]; !ok {
			l.head["x-ratelimit-remaining"] = "0"
			l.head["x-ratelimit-reset"] = epoch(local + wait)
		}
	case hintsWrong:
		l.head["retry-after"] = strconv.Itoa(1 + int(fortune(d.world.seed, 41, c.job.id, c.route.nth)*120))
	case hintsAbsurd:
		l.head["retry-after"] = [...]string{"-1", "0", "99999999999", "soon"}[c.job.id%4]
	}
	l.body = fmt.Sprintf(`{"error":{"message":%q,"type":"rate_limit_error","code":"rate_limit_exceeded"}}`, text)
	return l
}

func epoch(t time.Duration) string { return strconv.FormatInt(begins.Add(whole(t)).Unix(), 10) }

// spell writes a length as the messages of providers do.
func spell(per time.Duration) string {
	for _, u := range [...]struct {
		size time.Duration
		name string
	}{{day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := int(per / u.size); n == 1 {
			return u.name
		} else if n > 1 && per%u.size == 0 {
			return fmt.Sprintf("%d %ss", n, u.name)
		}
	}
	return per.String()
}

// tell writes what the provider says of its counters into the head.
func (m *manner) tell(l *letter, r *route, by *window, local time.Duration) {
	n := 0
	put := func(w *window, limit, remaining, reset, value string) {
		if _, there := l.head[remaining]; there {
			return
		}
		if limit != "" {
			l.head[limit] = strconv.FormatInt(w.limitAt(local), 10)
		}
		l.head[remaining] = strconv.FormatInt(max(0, w.left(local)), 10)
		l.head[reset] = value
	}
	for _, w := range r.byLength() {
		unit := map[bool]string{false: "requests", true: "tokens"}[w.tokens]
		reset := w.resets(local)
		secs := strconv.Itoa(int(whole(reset) / time.Second))
		switch name := lengthNames[w.per]; m.heads {
		case headsPlain:
			put(w, "x-ratelimit-limit-"+unit, "x-ratelimit-remaining-"+unit, "x-ratelimit-reset-"+unit, reset.Round(10*time.Millisecond).String())
		case headsNamed:
			if name != "" {
				put(w, "x-ratelimit-limit-"+unit+"-"+name, "x-ratelimit-remaining-"+unit+"-"+name, "x-ratelimit-reset-"+unit+"-"+name, secs)
			}
		case headsDraft:
			n++
			l.join("ratelimit", fmt.Sprintf(`"w%d";r=%d;t=%s`, n, max(0, w.left(local)), secs))
			l.join("ratelimit-policy", fmt.Sprintf(`"w%d";q=%d;w=%d;qu="%s"`, n, w.limitAt(local), w.per/time.Second, unit))
		case headsOld:
			if !w.tokens {
				put(w, "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", secs)
				l.head["ratelimit-policy"] = fmt.Sprintf("%s;w=%d", l.head["ratelimit-limit"], w.per/time.Second)
				return
			}
		case headsEpoch:
			if w == by || by == nil && !w.tokens {
				put(w, "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", epoch(local+reset))
			}
		case headsDated:
			if w.per == time.Minute {
				name := "anthropic-ratelimit-" + unit
				put(w, name+"-limit", name+"-remaining", name+"-reset", begins.Add(local+reset).Format(time.RFC3339))
			}
		}
	}
}

var lengthNames = map[time.Duration]string{time.Minute: "minute", time.Hour: "hour", day: "day"}

func (l *letter) join(name, item string) {
	if before := l.head[name]; before != "" {
		item = before + ", " + item
	}
	l.head[name] = item
}

// resets is how long until the window has more room than now: a turn's end, when a bucket is full, when the oldest leaves.
func (w *window) resets(t time.Duration) time.Duration {
	w.advance(t)
	switch {
	case w.cycle == turning:
		return w.phase + time.Duration(w.turn+1)*w.per - t
	case w.cycle == bucket:
		return time.Duration((float64(w.limit) - w.level) * float64(w.per) / float64(w.limit))
	case w.cycle == sliding && w.head < len(w.log):
		return w.log[w.head].at + w.per - t
	}
	return 0
}

// stranger is how freefall hears of a provider that it does not know.
var stranger = openai.DialectOf("")

// hears gives what freefall reads of a letter: of the windows, and, if it is no good answer, the verdict.
func (l *letter) hears(now time.Time) (head, body []fallback.Reading, o fallback.Outcome) {
	head = openai.Readings(stranger, l.status, l.field, now)
	if l.status != http.StatusOK {
		o, body = openai.ClassifyAll(stranger, l.status, l.field, []byte(l.body), now)
	}
	return head, body, o
}
