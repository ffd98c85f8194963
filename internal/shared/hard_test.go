//go:build linux && redis

package shared

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"freefall/fallback"
)

// Whatever numbers a provider names, the script does what it is asked.
func TestNumbersThatNobodyMeans(t *testing.T) {
	r := startRedis(t)
	s := open(t, r)
	eventually(t, "it answers", s.Up)
	for _, cycle := range []fallback.Cycle{fallback.Sliding, fallback.Fixed, fallback.Daily, fallback.Bucket} {
		for _, n := range []int64{1, math.MaxInt64 / 4, math.MaxInt64} {
			for _, limit := range []int64{1, math.MaxInt64} {
				d := window(fmt.Sprint(cycle, n, limit), cycle, 366*24*time.Hour, limit)
				d.Turns = [3]time.Time{time.Now().Add(-400 * 24 * time.Hour), time.Now().Add(-34 * 24 * time.Hour), time.Now().Add(332 * 24 * time.Hour)}
				for range 3 {
					d.Heard, d.Unit = n, fallback.Tokens
					got := s.Reserve([]fallback.Draw{d})
					if got == nil || got[0].Used < 0 || got[0].Opens < 0 {
						t.Errorf("%v heard %d of %d: %+v", cycle, n, limit, got)
					}
				}
			}
		}
	}
}

func hang(t *testing.T, r *redis) {
	t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.cmd.Process.Signal(syscall.SIGCONT) })
}

func goOn(r *redis) { _ = r.cmd.Process.Signal(syscall.SIGCONT) }

// A slot that was given back while slots were lent on is not lent on.
func TestGivenBackWhileLentOn(t *testing.T) {
	r := startRedis(t)
	s := open(t, r)
	eventually(t, "it answers", s.Up)
	for range 20 {
		one := []fallback.Draw{{Name: "w", Unit: fallback.Running, Limit: 1000, Amount: 1, Fit: 1}}
		if s.Reserve(one) == nil {
			t.Fatal("late")
		}
		r.say("SCRIPT", "FLUSH") // so that it takes two ways
		s.settle([]fallback.Draw{{Name: "other", Unit: fallback.Running}})
		done := make(chan struct{})
		go func() {
			_ = s.renew()
			close(done)
		}()
		time.Sleep(50 * time.Microsecond)
		s.Settle(one)
		<-done
	}
	time.Sleep(300 * time.Millisecond)
	if got := r.say("HGETALL", prefix+"window w"); got != "" {
		t.Errorf("%d are held", (strings.Count(got, "\n")+1)/2)
	}
}

// Tokens that were used beyond what was drawn count, even if Redis is away when that is known.
func TestMoreThanDrawn(t *testing.T) {
	r := startRedis(t)
	s := open(t, r)
	eventually(t, "it answers", s.Up)
	d := window("w", fallback.Sliding, time.Hour, 9000)
	d.Unit, d.Amount = fallback.Tokens, 100
	one := []fallback.Draw{d}
	if s.Reserve(one) == nil {
		t.Fatal("late")
	}
	hang(t, r)
	eventually(t, "it is away", func() bool { s.Reserve([]fallback.Draw{window("x", fallback.Sliding, time.Hour, 9)}); return !s.Up() })
	one[0].Kept = 700
	s.Settle(one)
	goOn(r)
	eventually(t, "it is back", s.Up)
	d.Amount = 0
	if got := s.Reserve([]fallback.Draw{d}); got == nil || got[0].Used != 700 {
		t.Errorf("%+v", got)
	}
}

// Those who asked while Redis hung are counted once, when it is told: what it finds to do when it goes on is too late.
func TestLateIsCountedOnce(t *testing.T) {
	const n = 200
	r := startRedis(t)
	s := open(t, r)
	eventually(t, "it answers", s.Up)
	hang(t, r)
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			slot := fallback.Draw{Name: "slots", Unit: fallback.Running, Limit: 9000, Amount: 1, Fit: 1}
			draws := []fallback.Draw{window("w", fallback.Sliding, time.Hour, 9000), slot}
			if got := s.Reserve(draws); got != nil {
				t.Error("it answers")
			}
			draws[0].Kept = 1
			s.Settle(draws)
		})
	}
	all.Wait()
	goOn(r)
	eventually(t, "it is back", s.Up)
	eventually(t, "it is told", func() bool { return r.say("HGET", prefix+"window w", "sum") != "" })
	time.Sleep(300 * time.Millisecond)
	if sum, slots := r.say("HGET", prefix+"window w", "sum"), r.say("HLEN", prefix+"window slots"); sum != fmt.Sprint(n) || slots != "0" {
		t.Errorf("%s are counted, %s run", sum, slots)
	}
}
