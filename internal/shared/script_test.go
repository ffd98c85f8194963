//go:build linux && redis

package shared

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"pgregory.net/rapid"

	"freefall/fallback"
)

// clocked is a client of a Redis whose scripts go by a clock that set moves, in ms.
func clocked(t *testing.T) (s *Store, set func(ms int64)) {
	t.Helper()
	r := startRedis(t)
	s = patient(t, r, time.Minute) // a busy machine is no reason to know nothing
	eventually(t, "it answers", s.Up)
	client := *s.client.Load()
	clock := strings.NewReplacer("redis.call('TIME')", "redis.call('LRANGE', 'clock', 0, 1)",
		"redis.call('PEXPIRE'", "redis.call('EXISTS'") // nothing lapses by the clock on the wall
	by := func(lua string) *rueidis.Lua { return rueidis.NewLuaScript(clock.Replace(lua)) }
	oldDraw, oldSettle := drawScript, settleScript
	drawScript, settleScript = by(drawLua), by(settleLua)
	t.Cleanup(func() { drawScript, settleScript = oldDraw, oldSettle })
	return s, func(ms int64) {
		s.ahead.Store(ms - time.Now().UnixMilli())
		ctx := context.Background()
		client.Do(ctx, client.B().Del().Key("clock").Build())
		client.Do(ctx, client.B().Rpush().Key("clock").Element(strconv.FormatInt(ms/1000, 10), strconv.FormatInt(ms%1000*1000, 10)).Build())
	}
}

// What an answer used beyond what it had drawn counts in the turn that it was drawn in, also when that is over: just after a turn nobody knows
// whether the provider's clock has turned, too.
func TestAnAnswerOfTheTurnBefore(t *testing.T) {
	s, set := clocked(t)
	const turn = 1_700_000_000_000
	at := func(ms, amount int64) (fallback.Draw, bool) {
		set(turn + ms)
		d := []fallback.Draw{{Name: "t", Unit: fallback.Tokens, Cycle: fallback.Fixed, Per: time.Second, Margin: 50 * time.Millisecond, Limit: 6, Amount: amount, Fit: amount}}
		_, granted, err := s.draw(1, d)
		if err != nil {
			t.Fatal(err)
		}
		return d[0], granted
	}
	before, _ := at(500, 3)
	if _, granted := at(1005, 1); !granted {
		t.Fatal("three of six were drawn, and there is no room for one")
	}
	before.Kept = 6
	s.settle([]fallback.Draw{before})
	if _, granted := at(1010, 1); granted {
		t.Error("the turn before came to six of six, and by the provider's clock it may go on")
	}
	if _, granted := at(1100, 1); !granted {
		t.Error("by both clocks the turn is over")
	}
}

// The scripts count as windows do: by a clock of the test they give what a plain reckoning gives.
func TestScriptsCountAsWindowsDo(t *testing.T) {
	s, set := clocked(t)
	type one struct {
		at, n int64
		draw  fallback.Draw
	}
	nth := 0
	rapid.Check(t, func(rt *rapid.T) {
		nth++
		cycle := fallback.Cycle(rapid.IntRange(0, 3).Draw(rt, "cycle"))
		per := rapid.SampledFrom([]int64{1000, 10000, 60000}).Draw(rt, "per")
		margin := min(max(per/100, 50), 250)
		limit := rapid.Int64Range(1, 12).Draw(rt, "limit")
		now := 1_700_000_000_000 + rapid.Int64Range(0, per).Draw(rt, "start")
		turn := func(at int64) int64 { return at - at%per }
		var all []*one
		level, filled := 0.0, now
		used := func() (n, last int64) {
			followed := slices.ContainsFunc(all, func(o *one) bool { return turn(o.at) == turn(now)-per }) // else nothing was carried over to now
			for _, o := range all {
				switch {
				case cycle == fallback.Sliding && o.at > now-per-margin:
					n += o.n
				case cycle == fallback.Fixed || cycle == fallback.Daily:
					if turn(o.at) == turn(now) || turn(o.at+margin) == turn(now) && turn(o.at) == turn(now)-per {
						n += o.n
					}
					if turn(o.at) == turn(now)-per || followed && turn(o.at+margin) == turn(now)-per {
						last += o.n
					}
				}
			}
			if cycle == fallback.Bucket {
				level = max(0, level-float64(now-filled)/float64(per)*float64(limit))
				filled = now
				n = int64(math.Ceil(level - 1e-9))
			}
			return n, last
		}
		name := "t" + strconv.Itoa(nth)
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			now += rapid.Int64Range(0, rapid.SampledFrom([]int64{3, per / 20, per / 3, per * 2}).Draw(rt, "most")).Draw(rt, "pause")
			set(now)
			n, last := used()
			if len(all) > 0 && rapid.Bool().Draw(rt, "settles") {
				o := all[rapid.IntRange(0, len(all)-1).Draw(rt, "which")]
				if o.draw.Kept = rapid.Int64Range(0, 4).Draw(rt, "kept"); o.draw.Kept != o.n && o.draw.Amount == o.n {
					s.settle([]fallback.Draw{o.draw})
					change := o.draw.Kept - o.n
					o.draw.Amount = -1 // once
					if cycle == fallback.Bucket {
						level = max(0, level+float64(change))
					}
					o.n += change
					n, last = used()
				}
			}
			d := fallback.Draw{Name: name, Unit: fallback.Tokens, Cycle: cycle, Per: time.Duration(per) * time.Millisecond, Margin: time.Duration(margin) * time.Millisecond, Limit: limit,
				Amount: rapid.Int64Range(0, 3).Draw(rt, "amount")}
			d.Fit = max(1, d.Amount)
			if cycle == fallback.Daily { // our clock is off
				off := now + rapid.Int64Range(-per/4, per/4).Draw(rt, "off")
				for i := range d.Turns {
					d.Turns[i] = time.UnixMilli(turn(off) + int64(i-1)*per)
				}
			}
			draws := []fallback.Draw{d}
			counts, granted, err := s.draw(1, draws)
			if err != nil {
				rt.Fatal(err)
			}
			room := n+d.Fit <= limit || n <= 0
			young := (cycle == fallback.Fixed || cycle == fallback.Daily) && last > 0 && last+d.Fit > limit && now-turn(now) < margin
			if granted != (room && !young) {
				rt.Fatalf("%v at %d: %d+%d of %d, last %d: granted %v, %+v", cycle, now%per, n, d.Fit, limit, last, granted, counts)
			}
			if granted && d.Amount > 0 {
				all = append(all, &one{now, d.Amount, draws[0]})
				level += float64(d.Amount)
				n, _ = used()
			}
			if counts[0].Used != n {
				rt.Fatalf("%v at %d: %d are used, not %d", cycle, now%per, counts[0].Used, n)
			}
			if !granted { // there is room when it says
				opens := now + counts[0].Opens.Milliseconds()
				save := now
				now = opens
				m, last := used()
				room := m+d.Fit <= limit || m <= 0
				if !room && cycle != fallback.Bucket || counts[0].Opens <= 0 {
					rt.Fatalf("%v at %d: after %v there are %d (%d)", cycle, save%per, counts[0].Opens, m, last)
				}
				if cycle == fallback.Bucket {
					return // the reckoning has gone on
				}
				now = save
			}
		}
	})
}
