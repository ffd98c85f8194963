package openai

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// maxWait is the longest wait that is believed; what says more is no hint.
const maxWait = 32 * 24 * time.Hour

// parseWait reads a wait in any of the forms that providers send: seconds, a moment as epoch seconds, milliseconds or less, a
// duration, an HTTP date, RFC 3339. A moment that is past is no wait.
func parseWait(s string, now time.Time) (time.Duration, bool) {
	s = strings.TrimSpace(s)
	if n, ok := parseNumber(s); ok {
		switch {
		case n >= 1e20:
			return 0, false
		case n >= 1e17:
			return until(time.Unix(0, int64(min(n, math.MaxInt64/2))), now)
		case n >= 1e14:
			return until(time.UnixMicro(int64(n)), now)
		case n >= 1e11:
			return until(time.UnixMilli(int64(n)), now)
		case n >= 1e9:
			return until(time.UnixMilli(int64(n*1000)), now)
		}
		return wait(n, time.Second)
	}
	if d, rest, ok := parseDuration(s); ok && rest == "" {
		return d, true
	}
	return parseMoment(s, now, time.UTC)
}

// moments are the layouts of a point in time.
var moments = []string{
	time.RFC3339Nano, time.RFC1123, time.RFC1123Z, time.RFC850, time.ANSIC,
	"2006-01-02 at 15:04 MST", "2006-01-02 15:04:05 -0700 MST", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 MST", "2006-01-02 15:04 MST", "2006-01-02T15:04:05",
	"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02",
	"January 2, 2006 3:04 PM", "Jan 2, 2006 3:04 PM", "January 2, 2006", "Jan 2, 2006",
}

// parseMoment reads a point in time, in this zone if it names none. Of named zones only UTC and GMT are known; the others would be
// read as UTC.
func parseMoment(s string, now time.Time, zone *time.Location) (time.Duration, bool) {
	if len(s) < len("2006-01-02") { // mostly there is nothing at all, and each layout that does not fit makes an error
		return 0, false
	}
	for _, layout := range moments {
		t, err := time.ParseInLocation(layout, s, zone)
		if err != nil {
			continue
		}
		if name, offset := t.Zone(); offset == 0 && name != "" && name != "UTC" && name != "GMT" {
			return 0, false
		}
		return until(t, now)
	}
	return 0, false
}

func until(t, now time.Time) (time.Duration, bool) {
	d := t.Sub(now)
	return d, d >= 0 && d <= maxWait
}

// wait is n units, if that can be believed.
func wait(n float64, unit time.Duration) (time.Duration, bool) {
	if !(n >= 0 && n <= float64(maxWait/unit)) { // so written, it refuses what is not a number too
		return 0, false
	}
	return time.Duration(n * float64(unit)), true
}

// parseNumber reads plain digits with at most one point; no sign, exponent, hexadecimal or Inf.
func parseNumber(s string) (float64, bool) {
	if s == "" || s != numberAt(s) {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

// numberAt is the number that s begins with.
func numberAt(s string) string {
	i, point := 0, false
	for ; i < len(s); i++ {
		if c := s[i]; c == '.' && !point && i > 0 && i+1 < len(s) && isDigit(s[i+1]) {
			point = true
		} else if !isDigit(c) {
			break
		}
	}
	return s[:i]
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

var units = map[string]time.Duration{
	"ms": time.Millisecond, "msec": time.Millisecond, "msecs": time.Millisecond, "millisecond": time.Millisecond, "milliseconds": time.Millisecond,
	"s": time.Second, "sec": time.Second, "secs": time.Second, "second": time.Second, "seconds": time.Second,
	"m": time.Minute, "min": time.Minute, "mins": time.Minute, "minute": time.Minute, "minutes": time.Minute,
	"h": time.Hour, "hr": time.Hour, "hrs": time.Hour, "hour": time.Hour, "hours": time.Hour,
	"d": 24 * time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour,
	"w": 7 * 24 * time.Hour, "week": 7 * 24 * time.Hour, "weeks": 7 * 24 * time.Hour,
}

// parseDuration reads the duration that s begins with, "2m59.56s" as well as "2 minutes and 30 seconds", and gives back what
// follows it. The letters of s are lower case.
func parseDuration(s string) (total time.Duration, rest string, ok bool) {
	for {
		number := numberAt(s)
		unit, after := cutUnit(s[len(number):])
		if number == "" || unit == 0 {
			return total, s, ok && total <= maxWait
		}
		n, _ := parseNumber(number)
		d, good := wait(n, unit)
		if total += d; !good || total > maxWait {
			return 0, s, false
		}
		ok, rest = true, after
		s = strings.TrimLeft(after, " ,")
		s = strings.TrimPrefix(s, "and ")
		if s == "" || !isDigit(s[0]) {
			return total, rest, true
		}
	}
}

// cutUnit reads a unit of time, which a blank may precede.
func cutUnit(s string) (unit time.Duration, rest string) {
	s = strings.TrimPrefix(s, " ")
	i := 0
	for i < len(s) && 'a' <= s[i] && s[i] <= 'z' {
		i++
	}
	return units[s[:i]], s[i:]
}
