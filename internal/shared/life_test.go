//go:build linux && redis

package shared

import (
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"freefall/fallback"
)

// knowing is a Store of a replica that knows so much of window w.
func knowing(t *testing.T, r *redis, known *atomic.Int64) *Store {
	t.Helper()
	s, err := Open(Config{URL: "unix://" + r.sock, Log: zerolog.New(zerolog.NewTestWriter(t)), Heed: func([]fallback.Draw, []fallback.Count) {},
		Known: func() []fallback.Draw {
			d := window("w", fallback.Sliding, time.Hour, 9000)
			d.Amount, d.Heard = 0, known.Load()
			return []fallback.Draw{d}
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	eventually(t, "it answers", s.Up)
	return s
}

// Whatever a Redis has lost, it is told by all what they know, and the most of it counts.
func TestARedisThatLostItsMemory(t *testing.T) {
	r := startRedis(t)
	var one, other atomic.Int64
	one.Store(40)
	other.Store(30)
	s := knowing(t, r, &one)
	knowing(t, r, &other)
	drawn := func(n string) func() bool {
		return func() bool { return r.say("HGET", prefix+"window w", "sum") == n }
	}
	eventually(t, "both look what it remembers", func() bool { return r.say("EXISTS", life) == "1" })
	time.Sleep(2 * interval)
	if got := r.say("EXISTS", prefix+"window w"); got != "0" {
		t.Error("they tell what nobody has lost")
	}
	r.say("FLUSHALL")
	eventually(t, "it knows again", drawn("40"))
	time.Sleep(2 * interval)
	if !drawn("40")() {
		t.Error("it is told twice")
	}
	r.say("DEL", prefix+"window w") // as where it is full
	other.Store(50)
	d := window("w", fallback.Sliding, time.Hour, 9000)
	d.Used = 20
	if got := s.Reserve([]fallback.Draw{d}); got == nil || got[0].Used != 21 {
		t.Errorf("%+v", got)
	}
	eventually(t, "others have told more of a window that was gone", drawn("50"))
	r.kill()
	eventually(t, "nobody has to ask to see that it is away", func() bool { return !s.Up() })
	one.Store(60)
	r.start()
	eventually(t, "it knows again", drawn("60"))
}

// ofEachKind are draws from windows a to d, of which each is kept in another form.
func ofEachKind(limit int64) []fallback.Draw {
	return []fallback.Draw{window("a", fallback.Sliding, time.Hour, limit), window("b", fallback.Fixed, time.Hour, limit), window("c", fallback.Bucket, time.Hour, limit),
		{Name: "d", Unit: fallback.Running, Limit: limit, Amount: 1, Fit: 1}}
}

// What somebody else has written where our windows are costs nobody but them.
func TestKeysOfAnotherType(t *testing.T) {
	r := startRedis(t)
	s, said := recorded(t, "unix://"+r.sock)
	eventually(t, "it answers", s.Up)
	all := ofEachKind(9)
	spoil := func() {
		for _, name := range []string{"a", "b", "c", "d"} {
			r.say("SET", prefix+"window "+name, "something")
		}
	}
	spoil()
	counts := s.Reserve(all)
	if counts == nil {
		t.Fatal("no answer")
	}
	for i, x := range counts {
		if x.Full || x.Used != 1 {
			t.Errorf("%s: %+v", all[i].Name, x)
		}
	}
	words := said.String()
	for i := range all {
		if strings.Count(words, prefix+"window "+all[i].Name+" was no window of freefall and was replaced") != 1 {
			t.Errorf("of %s it says %s", all[i].Name, words)
		}
	}
	spoil()
	if err := s.renew(); err != nil {
		t.Errorf("lending slots on: %v", err)
	}
	if got := r.say("HLEN", prefix+"window d"); got != "1" {
		t.Errorf("%s slots are held", got)
	}
	for i := range all[:3] {
		all[i].Kept = 5
	}
	s.settle(all[:3])
	if len(s.untold) > 0 || !s.Up() {
		t.Error("what cannot be put right is a trouble")
	}
}

// A window that holds what no script has written there is replaced, too: one such field kept all replicas from Redis until it ran out.
func TestWindowsOfOtherValues(t *testing.T) {
	r := startRedis(t)
	s, said := recorded(t, "unix://"+r.sock)
	eventually(t, "it answers", s.Up)
	all := ofEachKind(1000)
	s.Reserve(all)
	for _, name := range []string{"d", "a", "b", "c"} {
		key := prefix + "window " + name
		for field := range strings.SplitSeq(r.say("--raw", "HKEYS", key), "\n") {
			for _, value := range []string{"something", "nan", "inf", "-1e300"} {
				r.say("HSET", key, field, value)
				for _, x := range s.Reserve(all) {
					if x.Full || x.Used < 1 || x.Used > 200 {
						t.Errorf("%s of %s is %s: %+v", field, name, value, x)
					}
				}
				if !s.Up() || s.Unanswered() > 0 {
					t.Fatalf("%s of %s is %s: no answer", field, name, value)
				}
			}
		}
	}
	if !strings.Contains(said.String(), prefix+"window a was no window of freefall and was replaced") {
		t.Errorf("it says %s", said.String())
	}
}

// The rows of the state are written anew where somebody else has put something.
func TestStateOfAnotherType(t *testing.T) {
	r := startRedis(t)
	own := map[string]string{"x": "rests"}
	s, err := Open(Config{URL: "unix://" + r.sock, Learned: func() (map[string]string, error) { return maps.Clone(own), nil },
		Adopt: func(_, _ map[string]string) {}, Blank: func(string) string { return "nothing" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for _, key := range []string{"state", "versions", "life"} {
		eventually(t, "it is told", func() bool {
			return r.say("TYPE", prefix+"state") == "hash" && r.say("HGET", prefix+"state", "x") == "rests"
		})
		r.say("DEL", prefix+key)
		r.say("LPUSH", prefix+key, "something")
		eventually(t, key+" is replaced", func() bool { return r.say("TYPE", prefix+key) != "list" })
	}
	eventually(t, "it is told", func() bool { return r.say("HGET", prefix+"state", "x") == "rests" })
}

// A day's bound of money that Redis does not know is shut until all have told what they know of it.
func TestMoneyThatWasForgotten(t *testing.T) {
	r := startRedis(t)
	s := open(t, r)
	eventually(t, "it answers", s.Up)
	now := time.Now()
	d := window("w", fallback.Daily, 24*time.Hour, 10)
	d.Turns, d.Strict = [3]time.Time{now.Add(-36 * time.Hour), now.Add(-12 * time.Hour), now.Add(12 * time.Hour)}, true
	ask := func() fallback.Count {
		t.Helper()
		got := s.Reserve([]fallback.Draw{d})
		if got == nil {
			t.Fatal("no answer")
		}
		return got[0]
	}
	if x := ask(); !x.Full || x.Opens < 500*time.Millisecond || x.Opens > time.Second {
		t.Errorf("at first it is %+v", x)
	}
	eventually(t, "it opens", func() bool { return !ask().Full })
	r.say("FLUSHALL")
	if x := ask(); !x.Full {
		t.Errorf("when it was forgotten: %+v", x)
	}
	hang(t, r)
	eventually(t, "Redis is away", func() bool { return !s.Up() })
	if s.Reserve([]fallback.Draw{d}) != nil || len(s.untold) != 0 {
		t.Error("without Redis it is drawn all the same")
	}
}
