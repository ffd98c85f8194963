//go:build linux && redis

package replicas

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"freefall/fallback"
	"freefall/internal/shared"
)

// open is a replica's part of a Redis, without the replica.
func open(t *testing.T, r *redis) *shared.Store {
	t.Helper()
	s, err := shared.Open(shared.Config{URL: r.url(), Log: zerolog.Nop(), Bound: bound})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	eventually(t, "Redis answers", s.Up)
	return s
}

func reserve(t *testing.T, s *shared.Store, draws ...fallback.Draw) []fallback.Count {
	t.Helper()
	counts := s.Reserve(draws)
	if counts == nil {
		t.Fatal("Redis does not answer")
	}
	return counts
}

// window is a draw of 1 from a window of 5 of that name.
func window(name string) fallback.Draw {
	return fallback.Draw{Name: name, Per: time.Hour, Limit: 5, Amount: 1, Fit: 1, Lapses: time.Now().Add(time.Hour)}
}

func turns(before, this, next time.Duration) [3]time.Time {
	now := time.Now()
	return [3]time.Time{now.Add(before), now.Add(this), now.Add(next)}
}

func TestKindsOfWindows(t *testing.T) {
	r := startRedis(t)
	s := open(t, r)
	kinds := map[string]func(*fallback.Draw){
		"sliding": func(*fallback.Draw) {},
		"fixed":   func(d *fallback.Draw) { d.Cycle = fallback.Fixed },
		"daily": func(d *fallback.Draw) {
			d.Cycle, d.Per, d.Turns = fallback.Daily, 24*time.Hour, turns(-34*time.Hour, -10*time.Hour, 14*time.Hour)
		},
		"bucket": func(d *fallback.Draw) { d.Cycle, d.Per = fallback.Bucket, 24*time.Hour },
		"slots":  func(d *fallback.Draw) { d.Unit, d.Per = fallback.Running, 0 },
		"tokens": func(d *fallback.Draw) { d.Unit, d.Limit, d.Amount, d.Fit = fallback.Tokens, 500, 100, 100 },
	}
	for name, kind := range kinds {
		d := window(name)
		kind(&d)
		for n := range int64(5) {
			if x := reserve(t, s, d)[0]; x.Full || x.Used != (n+1)*d.Amount {
				t.Errorf("%s: the draw of number %d: %+v", name, n+1, x)
			}
		}
		x := reserve(t, s, d)[0]
		if !x.Full || x.Used != 5*d.Amount || x.Opens <= 0 || x.Opens > max(d.Per, time.Second) {
			t.Errorf("%s: the sixth of five: %+v", name, x)
		}
		free := d
		free.Free = true
		if x := reserve(t, s, free)[0]; x.Full || x.Used != 6*d.Amount {
			t.Errorf("%s: what is drawn in any case: %+v", name, x)
		}
		look := d
		look.Amount = 0
		if x := reserve(t, s, look)[0]; !x.Full || x.Used != 6*d.Amount {
			t.Errorf("%s: a look: %+v", name, x)
		}
	}
	if ttl, _ := strconv.Atoi(r.say("PTTL", "freefall:window sliding")); ttl < 3_600_000 || ttl > 3_700_000 {
		t.Errorf("a window of an hour is kept for %d ms", ttl)
	}
}

// What was not kept is there again; what is settled twice or late takes nothing from others.
func TestSettled(t *testing.T) {
	s := open(t, startRedis(t))
	for name, kind := range map[string]func(*fallback.Draw){
		"sliding": func(*fallback.Draw) {},
		"fixed":   func(d *fallback.Draw) { d.Cycle, d.Per = fallback.Fixed, 1000*time.Hour },
		"bucket":  func(d *fallback.Draw) { d.Cycle, d.Per = fallback.Bucket, 1000*time.Hour },
		"slots":   func(d *fallback.Draw) { d.Unit, d.Per = fallback.Running, 0 },
	} {
		d := window(name)
		kind(&d)
		look := d
		look.Amount = 0
		used := func() int64 { return reserve(t, s, look)[0].Used }
		var last []fallback.Draw
		for range 3 {
			last = []fallback.Draw{d}
			time.Sleep(2 * time.Millisecond) // each has a charge of its own
			reserve(t, s, last...)           // which marks it
		}
		if n := used(); n != 3 {
			t.Fatalf("%s: %d are drawn", name, n)
		}
		s.Settle(last)
		eventually(t, name+" are two", func() bool { return used() == 2 })
		if name == "fixed" || name == "bucket" {
			continue // of these nobody knows any more whose a charge was
		}
		s.Settle(last)
		other := []fallback.Draw{window("other than " + name)}
		reserve(t, s, other...)
		s.Settle(other) // in turn: it is done after the second one
		there := other[0]
		there.Amount = 0
		eventually(t, "the second one is done", func() bool { return reserve(t, s, there)[0].Used == 0 })
		if n := used(); n != 2 {
			t.Errorf("%s: %d are left", name, n)
		}
	}
	tokens := window("tokens")
	tokens.Unit, tokens.Limit, tokens.Amount, tokens.Fit = fallback.Tokens, 1000, 100, 100
	list := []fallback.Draw{tokens}
	reserve(t, s, list...)
	list[0].Kept = 350
	s.Settle(list)
	look := tokens
	look.Amount = 0
	eventually(t, "the tokens are those that were used", func() bool { return reserve(t, s, look)[0].Used == 350 })
}

// What does not fit one window is drawn from none.
func TestAllWindowsOrNone(t *testing.T) {
	s := open(t, startRedis(t))
	wide, narrow := window("wide"), window("narrow")
	narrow.Limit = 1
	if x := reserve(t, s, wide, narrow); x[0].Full || x[1].Full {
		t.Fatalf("%+v", x)
	}
	for range 3 {
		if x := reserve(t, s, wide, narrow); x[0].Full || !x[1].Full || x[0].Used != 1 || x[1].Used != 1 {
			t.Errorf("%+v", x)
		}
	}
	large := window("large")
	large.Amount, large.Fit = 9, 9
	if x := reserve(t, s, large)[0]; x.Full {
		t.Errorf("what is larger than a window does not pass when that is empty: %+v", x)
	}
	if x := reserve(t, s, large)[0]; !x.Full {
		t.Errorf("it passes a second time: %+v", x)
	}
}

// A counter that has forgotten, or that others draw from without telling, is told what the replica knows.
func TestWhatAReplicaKnows(t *testing.T) {
	r := startRedis(t)
	s := open(t, r)
	d := window("a")
	d.Used = 2
	if x := reserve(t, s, d)[0]; x.Used != 3 {
		t.Errorf("a window that nobody knows begins with %+v", x)
	}
	d.Used = 4
	if x := reserve(t, s, d)[0]; x.Used != 4 {
		t.Errorf("one that is known takes it: %+v", x)
	}
	d.Heard = 5
	if x := reserve(t, s, d)[0]; !x.Full || x.Used != 5 {
		t.Errorf("the provider's word: %+v", x)
	}
	r.say("SCRIPT", "FLUSH")
	if x := reserve(t, s, d)[0]; !x.Full || x.Used != 5 {
		t.Errorf("after the scripts were lost: %+v", x)
	}
}

// Windows end: what slides leaves, what turns begins anew with what was drawn just before, what is filled comes back, and all by the clock of Redis.
func TestWindowsEnd(t *testing.T) {
	s := open(t, startRedis(t))
	for name, kind := range map[string]func(*fallback.Draw){
		"sliding": func(*fallback.Draw) {},
		"fixed":   func(d *fallback.Draw) { d.Cycle = fallback.Fixed },
		"bucket":  func(d *fallback.Draw) { d.Cycle = fallback.Bucket },
	} {
		d := window(name)
		kind(&d)
		d.Limit, d.Per = 1, 300*time.Millisecond
		reserve(t, s, d)
		eventually(t, name+" has room again", func() bool { return !reserve(t, s, d)[0].Full })
	}
	const turn = 400 * time.Millisecond
	nth := func() int64 { return time.Now().UnixNano() / int64(turn) }
	tries := 0
	eventually(t, "what is drawn at the end of a turn counts in the next", func() bool {
		tries++
		late := window(fmt.Sprint("late ", tries)) // it is always within the margin of the turn's end
		late.Cycle, late.Limit, late.Per, late.Margin = fallback.Fixed, 5, turn, turn
		begun := nth()
		reserve(t, s, late)
		reserve(t, s, late)
		for nth() == begun {
			time.Sleep(10 * time.Millisecond)
		}
		late.Amount = 0
		x := reserve(t, s, late)[0]
		return nth() == begun+1 && x.Used == 2
	})
	behind := window("behind") // our clock is ahead by an hour: for us the day has begun
	behind.Cycle, behind.Per, behind.Turns = fallback.Daily, 24*time.Hour, turns(-23*time.Hour, time.Hour, 25*time.Hour)
	if x := reserve(t, s, behind)[0]; x.Opens < 50*time.Minute || x.Opens > time.Hour {
		t.Errorf("the turn before: %+v", x)
	}
	ahead := window("ahead")
	ahead.Cycle, ahead.Per, ahead.Turns = fallback.Daily, 24*time.Hour, turns(-48*time.Hour, -24*time.Hour, -time.Hour)
	if x := reserve(t, s, ahead)[0]; x.Opens < 22*time.Hour || x.Opens > 23*time.Hour {
		t.Errorf("the turn after: %+v", x)
	}
}

// However much is drawn, a window takes little room, and its count is right.
func TestManyDraws(t *testing.T) {
	r := startRedis(t)
	s := open(t, r)
	d := window("many")
	d.Limit = 100_000
	var last int64
	for begun := time.Now(); last < 700 || time.Since(begun) < 500*time.Millisecond; { // of more milliseconds than are kept apart
		last = reserve(t, s, d)[0].Used
	}
	fields, _ := strconv.Atoi(r.say("HLEN", "freefall:window many"))
	if last < 700 || fmt.Sprint(last) != r.say("HGET", "freefall:window many", "sum") || fields > 260 {
		t.Errorf("%d are drawn, in %d fields, sum %s", last, fields, r.say("HGET", "freefall:window many", "sum"))
	}
}
