package main

import (
	"bufio"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestEventsAreRead(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	from := bufio.NewReader(strings.NewReader("retry: 1000\n\n: still here\n\n" +
		"event: models\ndata: {\"partial\":false}\n\n" + "event: models\ndata: {\"partial\":true,\"models\":[]}\n\n" +
		"event: request\ndata: {\"time\":\"2026-07-01T11:59:58.000Z\",\"took_ms\":1500,\"skipped\":7}\n\n" +
		"event: request\ndata: {\"time\":\"2026-07-01T11:59:59.000Z\",\"took_ms\":900}\n\n" + "event: switch\ndata: {}\n\n" + "event: models\nda"))
	var s seen
	var wholes []bool
	for {
		name, data, err := nextEvent(from)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if name == "" {
			continue
		}
		whole, err := s.take(name, data, now)
		if err != nil {
			t.Error(err)
		}
		wholes = append(wholes, whole)
	}
	want := seen{states: 2, whole: 1, requests: 2, skipped: 7, latest: 500 * time.Millisecond}
	if s != want || !reflect.DeepEqual(wholes, []bool{true, false, false, false, false}) {
		t.Errorf("%+v, want %+v; %v", s, want, wholes)
	}
	if _, err := s.take("models", []byte(`{"partial":`), now); err == nil {
		t.Error("half an event is none")
	}
}

func TestOnlookersOfAllHabits(t *testing.T) {
	var count [numHabits]int
	for n := range 50 {
		count[habitOf(n)]++
	}
	if count != [numHabits]int{steady: 30, restive: 10, slow: 8, deaf: 2} {
		t.Errorf("%v", count)
	}
}

func TestCrowdIsJudged(t *testing.T) {
	begun := time.Now()
	report := func(h habit, states, requests int, latest, lag time.Duration) string {
		o := &onlooker{habit: h, seen: seen{states: states, requests: requests, latest: latest, since: begun, until: begun.Add(10 * time.Second)}}
		return strings.Join((&crowd{all: []*onlooker{o}}).report(lag), "; ")
	}
	for _, c := range []struct{ got, wrong string }{
		{report(steady, 100, 550, time.Second, 0), ""},
		{report(steady, 101, 550, time.Second, 0), "10.1 states"},
		{report(steady, 100, 551, time.Second, 0), "55.1 requests"},
		{report(steady, 100, 500, 1100*time.Millisecond, 0), "after 1.1s"},
		{report(steady, 100, 500, 1100*time.Millisecond, 50*time.Millisecond), ""},
		{report(steady, 0, 0, 0, 0), "told nothing"},
		{report(slow, 10, 10, time.Minute, 0), ""},
		{report(restive, 1000, 1000, time.Second, 0), ""},
	} {
		if c.wrong == "" && c.got != "" || !strings.Contains(c.got, c.wrong) {
			t.Errorf("%q, want %q", c.got, c.wrong)
		}
	}
}

func TestGrown(t *testing.T) {
	then, now := moment{"then", held{goroutines: 5, heap: 100, rss: 1}}, moment{"now", held{goroutines: 6, heap: 110, rss: 1000}}
	for _, c := range []struct {
		slack held
		names string
	}{
		{held{goroutines: 1, heap: 10, rss: unbounded}, ""},
		{held{heap: 10, rss: unbounded}, "goroutines"},
		{held{goroutines: unbounded, heap: 9, rss: unbounded}, "heap in MB"},
		{held{goroutines: 1, heap: 10}, "  and empty pages"},
	} {
		got := grown(then, now, c.slack)
		if len(got) > 1 || (len(got) == 0) != (c.names == "") || len(got) == 1 && !strings.HasPrefix(got[0], c.names) {
			t.Errorf("%v, want %q", got, c.names)
		}
	}
}
