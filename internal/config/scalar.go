package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes, written as 32MiB, 500KB or a plain number.
type Size int64

var sizeUnits = []struct {
	suffix string
	bytes  int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1},
}

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(text []byte) error {
	digits, unit := string(text), int64(1)
	for _, u := range sizeUnits {
		if number, ok := strings.CutSuffix(digits, u.suffix); ok {
			digits, unit = strings.TrimSpace(number), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > maxSize/unit {
		return errors.New("wants a size such as 32MiB, 500KB or 1048576")
	}
	*s = Size(n * unit)
	return nil
}

const maxSize = 1 << 50

// String writes it with the largest unit that loses nothing.
func (s Size) String() string {
	for _, i := range []int{2, 1, 0} {
		if u := sizeUnits[i]; s != 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// Hedge says when a second attempt starts. The zero value is never.
type Hedge struct {
	On    bool
	Auto  bool          // after the model's own p95
	After time.Duration // otherwise after this; 0 = at once
}

// UnmarshalText reads off, auto or a duration.
func (h *Hedge) UnmarshalText(text []byte) error {
	switch string(text) {
	case "off":
		*h = Hedge{}
		return nil
	case "auto":
		*h = Hedge{On: true, Auto: true}
		return nil
	}
	after, ok := parseDuration(string(text))
	if !ok {
		return errors.New("wants off, auto or a duration such as 800ms")
	}
	*h = Hedge{On: true, After: after}
	return nil
}

func (h Hedge) String() string {
	switch {
	case !h.On:
		return "off"
	case h.Auto:
		return "auto"
	}
	return h.After.String()
}

// DayReset is when a daily window begins anew.
type DayReset struct {
	// Rolling windows have no such moment: each request leaves the window a day after it was made.
	Rolling bool
	// Hour and Minute in Zone.
	Hour, Minute int
	Zone         *time.Location
}

// UnmarshalText reads "HH:MM ZONE" or rolling.
func (r *DayReset) UnmarshalText(text []byte) error {
	if string(text) == "rolling" {
		*r = DayReset{Rolling: true}
		return nil
	}
	clock, name, _ := strings.Cut(string(text), " ")
	at, err := time.Parse("15:04", clock)
	if err != nil || name == "" {
		return errors.New(`wants rolling, or a time and a zone such as "00:00 America/Los_Angeles"`)
	}
	zone, err := loadZone(name)
	if err != nil {
		return err
	}
	*r = DayReset{Hour: at.Hour(), Minute: at.Minute(), Zone: zone}
	return nil
}

// loadZone refuses Local, which would mean another moment on another machine.
func loadZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, errors.New("wants a time zone such as UTC or America/Los_Angeles")
	}
	return zone, nil
}

// Next is the first reset after now, and false for a rolling window.
func (r DayReset) Next(now time.Time) (time.Time, bool) {
	if r.Rolling {
		return time.Time{}, false
	}
	local := now.In(r.Zone)
	next := time.Date(local.Year(), local.Month(), local.Day(), r.Hour, r.Minute, 0, 0, r.Zone)
	if !next.After(now) {
		next = time.Date(local.Year(), local.Month(), local.Day()+1, r.Hour, r.Minute, 0, 0, r.Zone)
	}
	return next, true
}

func (r DayReset) String() string {
	if r.Rolling {
		return "rolling"
	}
	return fmt.Sprintf("%02d:%02d %s", r.Hour, r.Minute, r.Zone)
}

const maxDuration = 400 * 24 * time.Hour

// parseDuration reads what time.ParseDuration does, and whole days such as 7d.
func parseDuration(text string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err == nil && n <= 400
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d >= 0 && d <= maxDuration
}

// UnmarshalText reads the bare key.
func (k *ProviderKey) UnmarshalText(text []byte) error { return k.Key.UnmarshalText(text) }

// UnmarshalText reads the word none.
func (l *Limits) UnmarshalText(text []byte) error {
	if string(text) != "none" {
		return errors.New("wants limits such as {rpm: 20, rpd: 50}, or the word none")
	}
	*l = Limits{None: true}
	return nil
}

// UnmarshalText reads the word off.
func (d *Discover) UnmarshalText(text []byte) error {
	if string(text) != "off" {
		return errors.New("wants {every: 1h, ...}, or the word off")
	}
	*d = Discover{Off: true}
	return nil
}
