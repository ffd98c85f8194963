package openai

import (
	"strconv"
	"time"
)

// A provider's moments are read by its own clock, which the Date of its answer tells. Below oneTick the two agree: a Date has whole
// seconds. Beyond maxSkew it is no clock that goes wrong, but an answer that somebody kept.
const (
	oneTick = 2 * time.Second
	maxSkew = time.Hour
)

// dates is how a Date is written. The layouts of package time take any name of a zone for UTC.
const dates = "Mon, 02 Jan 2006 15:04:05 GMT"

// theirTime is what the provider's clock shows now. A Date out of a cache is as old as its Age.
func theirTime(header func(name string) string, now time.Time) time.Time {
	date, err := time.Parse(dates, header("date")) // allocates nothing
	if err != nil {
		return now
	}
	if age, ok := parseWait(header("age"), now); ok {
		date = date.Add(age)
	}
	if skew := date.Sub(now).Abs(); skew < oneTick || skew > maxSkew {
		return now
	}
	return date
}

// Aged is the head of an answer whose body came so long after it: some send the head at once, and blanks until there is more to say. Its Date was
// right when it came, so it counts as kept for so long.
func Aged(header func(name string) string, since time.Duration) func(name string) string {
	if since < time.Second {
		return header
	}
	return func(name string) string {
		value := header(name)
		if name != "age" || since > maxSkew {
			return value
		}
		age, _ := parseWait(value, time.Time{})
		return strconv.FormatInt(int64((age+since)/time.Second), 10)
	}
}
