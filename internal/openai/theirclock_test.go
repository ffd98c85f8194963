package openai

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"freefall/fallback"
)

// A provider whose clock is wrong says moments by that clock. Its Date shows it, and the wait is what it meant.
func TestMomentsByTheProvidersClock(t *testing.T) {
	const wait = 7 * time.Second
	for _, tt := range []struct {
		skew time.Duration
		want time.Duration
	}{
		{0, wait}, {90 * time.Second, wait}, {-90 * time.Second, wait}, {50 * time.Minute, wait},
		{time.Second, wait + time.Second},   // no more than a Date is rounded by
		{2 * time.Hour, wait + 2*time.Hour}, // an answer out of a cache has an old Date
	} {
		theirs := noon.Add(tt.skew)
		for name, value := range map[string]string{
			"retry-after":       theirs.Add(wait).Format(http.TimeFormat),
			"x-ratelimit-reset": strconv.FormatInt(theirs.Add(wait).UnixMilli(), 10),
		} {
			head := map[string]string{"date": theirs.Format(http.TimeFormat), name: value, "x-ratelimit-limit": "5", "x-ratelimit-remaining": "0"}
			header := func(name string) string { return head[name] }
			o := Classify(nil, 429, header, []byte(msg("slow down")), noon)
			if o.RetryAfter != tt.want || o.Until == fallback.UntilBackoff {
				t.Errorf("%s, %v off: %v, not %v", name, tt.skew, o.RetryAfter, tt.want)
			}
		}
		head := map[string]string{"date": theirs.Format(http.TimeFormat), "ratelimit-limit": "9", "ratelimit-remaining": "4",
			"ratelimit-reset": strconv.FormatInt(theirs.Add(wait).Unix(), 10), "ratelimit-policy": "9;w=86400"}
		got := Readings(nil, 200, func(name string) string { return head[name] }, noon)
		if len(got) != 1 || got[0].Reset != tt.want {
			t.Errorf("a good answer, %v off: %+v, not %v", tt.skew, got, tt.want)
		}
	}
	for _, date := range []string{"", "yesterday", "Sun, 99 Nov 2026 12:00:00 GMT", noon.Add(59 * time.Minute).Format("Mon, 02 Jan 2006 15:04:05 CET"),
		noon.Add(30 * time.Minute).Format("Mon, 02 Jan 2006 15:04:05 -01"), noon.Add(time.Minute).Format("Mon, 02 Jan 2006 15:04:05")} {
		if got := theirTime(func(string) string { return date }, noon); !got.Equal(noon) {
			t.Errorf("%q: %v", date, got)
		}
	}
}

// What a cache has kept for a while has a Date that is as old: the clock behind it is right, or wrong by the rest.
func TestTheirTimeOutOfACache(t *testing.T) {
	for age, want := range map[string]time.Time{"600": noon, "300": noon.Add(-5 * time.Minute), "": noon.Add(-10 * time.Minute), "-600": noon.Add(-10 * time.Minute),
		"1e99": noon.Add(-10 * time.Minute), "86400": noon} {
		head := map[string]string{"date": noon.Add(-10 * time.Minute).Format(http.TimeFormat), "age": age}
		if got := theirTime(func(name string) string { return head[name] }, noon); !got.Equal(want) {
			t.Errorf("Age %q: %v", age, got.Sub(noon))
		}
	}
}

// Where the head came long before the body its Date is old, and no clock is wrong.
func TestTheirTimeLongAfterTheHead(t *testing.T) {
	const wait = 20 * time.Second
	for _, since := range []time.Duration{0, 900 * time.Millisecond, 3 * time.Second, time.Minute, 2 * time.Hour} {
		body := `{"error":{"message":"Rate limit exceeded","code":429,"metadata":{"headers":{"X-RateLimit-Remaining":"0","X-RateLimit-Reset":"` +
			strconv.FormatInt(noon.Add(wait).UnixMilli(), 10) + `"}}}}`
		header := func(name string) string {
			if name == "date" {
				return noon.Add(-since).Format(http.TimeFormat)
			}
			return ""
		}
		o := Classify(DialectOf("openrouter"), 200, Aged(header, since), []byte(body), noon)
		if off := (o.RetryAfter - wait).Abs(); !o.Limit() || off >= time.Second {
			t.Errorf("%v after the head: %v %v, not %v", since, o.Class, o.RetryAfter, wait)
		}
	}
}
