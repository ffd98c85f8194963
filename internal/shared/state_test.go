package shared

import (
	"maps"
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
