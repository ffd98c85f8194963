//go:build linux && redis

package shared

import (
	"maps"
	"sync/atomic"
	"testing"
	"time"
)

// A replica that does not know what a row names leaves it as it is: it may have another configuration.
func TestRowsThatOneDoesNotKnow(t *testing.T) {
	r := startRedis(t)
	join := func(own map[string]string, adopt func(now map[string]string)) *Store {
		s, err := Open(Config{URL: "unix://" + r.sock,
			Learned: func() (map[string]string, error) { return maps.Clone(own), nil },
			Adopt:   func(_, now map[string]string) { adopt(now) },
			Blank:   func(string) string { return "nothing" }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	row := func() string { return r.say("HGET", prefix+"state", "x") }
	join(map[string]string{"x": "rests"}, func(now map[string]string) {})
	eventually(t, "it is told", func() bool { return row() == "rests" })
	heard := make(chan struct{}, 9)
	join(map[string]string{}, func(map[string]string) { heard <- struct{}{} })
	<-heard
	time.Sleep(700 * time.Millisecond)
	if got := row(); got != "rests" {
		t.Errorf("it has become %q", got)
	}
}

// A Redis that has lost its last second tells what it still knows, and is told the rest.
func TestRedisThatLostALittle(t *testing.T) {
	r := startRedis(t)
	var own, heard atomic.Pointer[string]
	text := func(s string) *string { return &s }
	own.Store(text("first"))
	s, err := Open(Config{URL: "unix://" + r.sock,
		Learned: func() (map[string]string, error) { return map[string]string{"x": *own.Load()}, nil },
		Adopt:   func(_, now map[string]string) { heard.Store(text(now["x"])) },
		Blank:   func(string) string { return "nothing" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	row := func() string { return r.say("HGET", prefix+"state", "x") }
	eventually(t, "it is told", func() bool { return row() == "first" })
	own.Store(text("second"))
	eventually(t, "it is told", func() bool { return row() == "second" })
	time.Sleep(3 * interval)                    // it has been heard
	r.say("HSET", prefix+"state", "x", "first") // as it was
	own.Store(text("third"))
	for end := time.Now().Add(3 * time.Second); row() != "third"; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it says %q, and was heard: %v", row(), heard.Load() != nil)
		}
	}
	if heard.Load() == nil || *heard.Load() != "first" {
		t.Error("it was not heard")
	}
}
