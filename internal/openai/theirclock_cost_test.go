package openai

import (
	"testing"
	"time"
)

// A Date that is not in GMT is none: its zone is not known, and the hour between would be taken for a wrong clock.
func TestDateOfAnotherZone(t *testing.T) {
	date := noon.Add(time.Hour-5*time.Second).Format("Mon, 02 Jan 2006 15:04:05") + " CET"
	if got := theirTime(func(string) string { return date }, noon); !got.Equal(noon) {
		t.Errorf("%s: %v", date, got)
	}
}

// The head of a good answer is read without more than the readings themselves.
func TestReadingsReadTheDateForNothing(t *testing.T) {
	head := map[string]string{"x-ratelimit-limit-requests": "10", "x-ratelimit-remaining-requests": "9", "x-ratelimit-limit-tokens": "500", "x-ratelimit-remaining-tokens": "400"}
	header := func(name string) string { return head[name] }
	without := testing.AllocsPerRun(100, func() { Readings(nil, 200, header, noon) })
	head["date"] = "Mon, 23 Nov 2026 12:00:00 GMT"
	if with := testing.AllocsPerRun(100, func() { Readings(nil, 200, header, noon) }); with > without {
		t.Errorf("%v allocations with a Date, %v without", with, without)
	}
}
