package openai

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

// What is remembered of each sample is what would be found out anew: later, when another word stands in the head, and from another dialect.
func TestVerdictsAreThoseOfEachAnswer(t *testing.T) {
	var known Verdicts
	repeats := 0
	for _, s := range allSamples(t) {
		limited := func(name string) string {
			if name == "retry-after" {
				return "30"
			}
			return s.header(name)
		}
		page := func(name string) string {
			if name == "content-type" {
				return "text/html"
			}
			return s.header(name)
		}
		for i, c := range []struct {
			dialect *Dialect
			header  func(string) string
			after   time.Duration
		}{
			{s.dialect(), s.header, 0}, {s.dialect(), s.header, 40 * time.Second}, {s.dialect(), limited, 40 * time.Second}, {s.dialect(), page, 40 * time.Second},
			{DialectOf("cohere"), s.header, 41 * time.Second}, {s.dialect(), s.header, 50 * time.Second}, {s.dialect(), s.header, 40 * 24 * time.Hour},
		} {
			now := s.now().Add(c.after)
			want, wantLearned := ClassifyAll(c.dialect, s.Status, c.header, []byte(s.Body), now)
			got, learned := known.ClassifyAll(c.dialect, s.Status, c.header, []byte(s.Body), now)
			if got != want || !reflect.DeepEqual(learned, wantLearned) {
				t.Errorf("%s, case %d:\n%+v %+v, want\n%+v %+v", s.ID, i, got, learned, want, wantLearned)
			}
		}
		if len(known.known) > 0 {
			repeats++
		}
		known.known = nil
	}
	if repeats < 50 {
		t.Errorf("%d samples are remembered", repeats)
	}
	t.Logf("%d samples are remembered", repeats)
}

// What is no failure of the provider may repeat the client's words, and a field of the head a moment: neither is kept.
func TestVerdictsOfWhatRepeats(t *testing.T) {
	for _, c := range []struct {
		status     int
		retryAfter string
		body       string
		kept       bool
	}{
		{429, "", msg("Rate limit exceeded"), true},
		{503, "", msg("overloaded"), true},
		{503, "", "Bad gateway", true},
		{429, "soon", msg("Rate limit exceeded"), false},
		{429, "", msg("Rate limit exceeded, try again in 5s"), false},
		{400, "", msg("messages[0].content: 'my secret' is not allowed"), false},
		{401, "", msg("no such key"), false},
	} {
		var known Verdicts
		header := func(name string) string {
			switch name {
			case "retry-after":
				return c.retryAfter
			case "content-type":
				return "text/html"
			}
			return ""
		}
		known.ClassifyAll(DialectOf(""), c.status, header, []byte(c.body), noon)
		if (len(known.known) == 1) != c.kept {
			t.Errorf("%d %s: %d are kept", c.status, c.body, len(known.known))
		}
	}
}

// A moment that was too far away to count may come near, so nothing is remembered for long.
func TestVerdictsEnd(t *testing.T) {
	var known Verdicts
	body := []byte(msg("Rate limit reached, try again after 2026-03-20T12:00:00Z"))
	now := time.Date(2026, 1, 20, 12, 0, 0, 0, time.UTC)
	for _, days := range []int{0, 40} {
		now := now.Add(time.Duration(days) * 24 * time.Hour)
		want, _ := ClassifyAll(DialectOf(""), 429, nil, body, now)
		if got, _ := known.ClassifyAll(DialectOf(""), 429, func(string) string { return "" }, body, now); got != want || got.Stated != (days > 0) {
			t.Errorf("after %d days: %+v, want %+v", days, got, want)
		}
	}
}

// Whoever refuses in ever other words takes no more memory than one who does not.
func TestVerdictsAreFew(t *testing.T) {
	var known Verdicts
	absent := func(string) string { return "" }
	for i := range 10 * maxVerdicts {
		known.ClassifyAll(DialectOf(""), 503, absent, []byte(msg(fmt.Sprint("overloaded ", i))), noon)
	}
	known.ClassifyAll(DialectOf(""), 503, absent, []byte(msg(strings.Repeat("overloaded", maxRepeated))), noon)
	if n := len(known.known); n == 0 || n > maxVerdicts {
		t.Errorf("%d are kept", n)
	}
}

func BenchmarkVerdicts(b *testing.B) {
	var known Verdicts
	body := []byte(msg("Rate limit exceeded"))
	absent := func(string) string { return "" }
	b.ReportAllocs()
	for b.Loop() {
		known.ClassifyAll(DialectOf(""), 429, absent, body, noon)
	}
}

// Each answer has another Date. A refusal is remembered all the same, but not beside a clock that is wrong.
func TestVerdictsWithADate(t *testing.T) {
	for skew, kept := range map[time.Duration]bool{0: true, 90 * time.Second: false, -90 * time.Second: false} {
		var known Verdicts
		body := []byte(msg("Rate limit exceeded"))
		for i := range 3 {
			now := noon.Add(time.Duration(i) * time.Second)
			header := func(name string) string {
				if name == "date" {
					return now.Add(skew).Format(http.TimeFormat)
				}
				return ""
			}
			known.ClassifyAll(DialectOf(""), 429, header, body, now)
			v := known.find(refusal{DialectOf(""), 429, sha256.Sum256(body)})
			if v.holds(header, now) != kept || v != nil && !v.at.Equal(noon) {
				t.Errorf("%v off, answer %d: %+v", skew, i, v)
			}
		}
	}
}
