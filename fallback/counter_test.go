package fallback

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// drawn is what the reference remembers: every charge for ever.
type drawn struct {
	at time.Time
	n  int64
}

// counts says whether the provider still counts a charge made at that moment.
func counts(w *Window, at, now time.Time) bool {
	if w.Cycle == Sliding {
		return at.After(now.Add(-w.Per))
	}
	from, to := w.period(now)
	return !at.Before(from) && at.Before(to)
}

// A bucket grants its limit at once and then what comes in, like one that is computed from its whole past.
func TestBucket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := Window{Unit: Requests, Cycle: Bucket, Limit: int64(rapid.IntRange(1, 40).Draw(t, "limit")),
			Per: rapid.SampledFrom([]time.Duration{time.Second, time.Minute, day}).Draw(t, "per")}
		c := counter{Window: w}
		now, left, since := noon, float64(w.Limit), noon
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(w.Per)/w.Limit*2).Draw(t, "pause")))
			left = min(float64(w.Limit), left+float64(now.Sub(since))/float64(w.Per)*float64(w.Limit))
			since = now
			if !c.room(now, 1) {
				if left >= 1+1e-6 {
					t.Fatalf("%v are left, and one is refused", left)
				}
				early, late := c, c
				opens := c.open(now, 1)
				if early.room(opens.Add(-w.margin()-w.Per/1e6), 1) || !late.room(opens, 1) {
					t.Fatal("it opens earlier than it says")
				}
				continue
			}
			if left < 1-1e-6 {
				t.Fatalf("%v are left, and one is granted", left)
			}
			c.draw(now, 1)
			left--
		}
	})
}

// A provider tells what is left in whole ones. What has come in since the last of them is not taken back by its word, else a bucket of one
// a second would grant one whenever nothing was said for a second.
func TestABucketIsToldInWholeOnes(t *testing.T) {
	w := Window{Unit: Requests, Cycle: Bucket, Limit: 1, Per: time.Second}
	for name, step := range map[string]struct {
		after time.Duration // the draw
		used  int64
		opens time.Duration
	}{
		"half of it has come":     {time.Second / 2, 1, time.Second},
		"others have drawn":       {2 * time.Second, 2, 4 * time.Second},
		"less than we know of":    {time.Second / 10, 0, time.Second / 10},
		"all of it has come back": {time.Second, 1, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			c := counter{Window: w}
			c.draw(noon, 1)
			at := noon.Add(step.after)
			c.believe(at, step.used, 0, 1)
			if off := c.open(at, 1).Sub(noon.Add(step.opens)); off < 0 || off > w.margin() {
				t.Errorf("it opens %v after it should", off)
			}
		})
	}
}

func drawWindow(t *rapid.T) Window {
	w := Window{Unit: Requests, Limit: int64(rapid.IntRange(1, 40).Draw(t, "limit")),
		Cycle: rapid.SampledFrom([]Cycle{Sliding, Fixed, Daily}).Draw(t, "cycle")}
	w.Per = rapid.SampledFrom([]time.Duration{time.Second, 5 * time.Second, time.Minute, time.Hour, day}).Draw(t, "per")
	if w.Cycle == Daily {
		w.Per, w.At = day, time.Duration(rapid.IntRange(0, 23).Draw(t, "at"))*time.Hour
		w.Zone = rapid.SampledFrom([]*time.Location{nil, pacific()}).Draw(t, "zone")
	}
	return w
}

// Whatever is drawn, given back and amended, a counter never counts less than a provider that remembers everything, is exact
// but for its margin, and tells the moment at which it opens.
func TestCounterLikeOneThatRemembersEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWindow(t)
		c := counter{Window: w}
		now := noon
		var all []drawn
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(w.Per/4)).Draw(t, "pause")))
			if rapid.IntRange(0, 4).Draw(t, "what") == 0 && len(all) > 0 {
				i := rapid.IntRange(0, len(all)-1).Draw(t, "which")
				c.end()
				c.amend(now, all[i].at, -all[i].n)
				all = slices.Delete(all, i, i+1)
			} else if n := int64(rapid.IntRange(1, 3).Draw(t, "n")); c.room(now, n) {
				c.draw(now, n)
				all = append(all, drawn{now, n})
			}
			c.advance(now)
			var least, most int64
			for _, d := range all {
				if counts(&w, d.at, now) {
					least += d.n
				}
				if counts(&w, d.at, now) || counts(&w, d.at.Add(w.margin()), now) {
					most += d.n
				}
			}
			if c.used < least || c.used > most {
				t.Fatalf("%d are counted, the provider counts %d to %d", c.used, least, most)
			}
			if c.used > w.Limit && len(all) > 0 && all[len(all)-1].n <= w.Limit {
				t.Fatalf("%d of %d are drawn", c.used, w.Limit)
			}
			opens := c.open(now, 1)
			later := c
			later.log = slices.Clone(c.log)
			if opens.Before(now) || !later.room(opens, 1) {
				t.Fatalf("opens at %v, which is %v from now, and does not", opens, opens.Sub(now))
			}
			early := c
			early.log = slices.Clone(c.log)
			if opens.After(now) && early.room(opens.Add(-w.margin()-1), 1) {
				t.Fatalf("opens at %v and did before", opens)
			}
		}
	})
}

// A provider that counts what arrives a little later than we sent it never sees more than it grants.
func TestCounterNeverOverdraws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWindow(t)
		c := counter{Window: w}
		var arrived []drawn
		now := noon
		for range 300 {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(w.Per)/w.Limit).Draw(t, "pause")))
			if !c.room(now, 1) {
				continue
			}
			c.draw(now, 1)
			at := now.Add(time.Duration(rapid.Int64Range(0, int64(w.margin())).Draw(t, "way")))
			arrived = append(arrived, drawn{at, 1})
			seen := 0
			for _, d := range arrived {
				seen += bit(counts(&w, d.at, at) && !d.at.After(at))
			}
			if seen > int(w.Limit) {
				t.Fatalf("the provider sees %d of %d", seen, w.Limit)
			}
		}
	})
}

// A provider whose clock is behind refuses what comes in a turn that has only begun here, if the one before was spent.
func TestCounterWaitsForTheProvidersTurn(t *testing.T) {
	w := Window{Unit: Requests, Cycle: Fixed, Per: time.Hour, Limit: 2}
	turn := noon.Add(time.Hour)
	for drawn, open := range map[int64]time.Time{1: turn, 2: turn.Add(w.margin())} {
		c := counter{Window: w}
		c.draw(noon, drawn)
		if opens := c.open(turn, 1); !opens.Equal(open) || c.room(open.Add(-1), 1) && !open.Equal(turn) || !c.room(open, 1) {
			t.Errorf("after %d of 2 the next turn opens at %v, want %v", drawn, opens, open)
		}
	}
}

// Beyond the charges that are kept one by one the count stays on the safe side, and nearly exact.
func TestCounterOfManyIsSafeAndNearlyExact(t *testing.T) {
	w := Window{Unit: Requests, Per: day, Limit: 14400}
	c := counter{Window: w}
	granted := 0
	for now := noon; now.Before(noon.Add(4 * day)); now = now.Add(2 * time.Second) {
		if c.room(now, 1) {
			c.draw(now, 1)
			granted++
		}
	}
	if most := 4 * 14400; granted > most || granted < most*98/100 {
		t.Errorf("%d of %d were granted in four days", granted, most)
	}
	if n := len(c.log); n > 4*exact {
		t.Errorf("%d charges are kept", n)
	}
}

// Of requests that were all given back nothing is kept, in whatever order; what a count of tokens gave back may come again.
func TestCounterForgetsWhatWasGivenBack(t *testing.T) {
	for _, unit := range []Unit{Requests, Tokens} {
		c := counter{Window: Window{Unit: unit, Per: time.Hour, Limit: 1000}}
		c.draw(noon, 1)
		for _, i := range []int{1, 3, 2} {
			c.draw(noon.Add(time.Duration(i)*time.Second), 1)
		}
		for _, i := range []int{2, 3, 1} {
			c.amend(noon.Add(9*time.Second), noon.Add(time.Duration(i)*time.Second), -1)
		}
		c.amend(noon.Add(10*time.Second), noon.Add(3*time.Second), 5)
		switch {
		case unit == Requests && (len(c.log) != 1 || c.used != 1):
			t.Errorf("%d charges are kept: %v", len(c.log), c.log)
		case unit == Tokens && c.used != 6:
			t.Errorf("%d are counted", c.used)
		}
	}
}

func TestCounterBelieves(t *testing.T) {
	for _, c := range []struct {
		name               string
		drawn, under, said int64
		want               int64
	}{
		{"the same", 5, 0, 5, 5},
		{"somebody else draws, too", 5, 0, 8, 8},
		{"phantoms are forgotten", 5, 0, 2, 2},
		{"what is under way may not be counted yet", 5, 3, 2, 5},
		{"or may be", 5, 3, 5, 5},
		{"phantoms beside what is under way", 9, 3, 2, 5},
	} {
		for _, cycle := range []Cycle{Sliding, Fixed} {
			x := counter{Window: Window{Per: time.Minute, Cycle: cycle, Limit: 20}}
			for range c.drawn {
				x.draw(noon, 1)
			}
			x.running = c.under
			x.believe(noon.Add(time.Second), c.said, 0, 0)
			if x.used != c.want {
				t.Errorf("%s, %v: %d are counted, want %d", c.name, cycle, x.used, c.want)
			}
		}
	}
}

// Somebody else's charge leaves when the provider says, not a whole window later.
func TestCounterBelievesTheReset(t *testing.T) {
	c := counter{Window: Window{Per: time.Minute, Limit: 10}}
	c.believe(noon, 10, 5*time.Second, 0)
	if opens := c.open(noon, 1); opens.Sub(noon) > 6*time.Second || opens.Sub(noon) < 5*time.Second {
		t.Errorf("opens after %v", opens.Sub(noon))
	}
}

func TestPeriods(t *testing.T) {
	seoul, _ := time.LoadLocation("Asia/Seoul")
	for _, c := range []struct {
		window        Window
		now, from, to string
	}{
		{Window{Cycle: Fixed, Per: 5 * time.Second}, "2026-11-22T12:00:07Z", "2026-11-22T12:00:05Z", "2026-11-22T12:00:10Z"},
		{Window{Cycle: Fixed, Per: time.Hour}, "1969-12-31T22:30:00Z", "1969-12-31T22:00:00Z", "1969-12-31T23:00:00Z"},
		{Window{Cycle: Daily, Per: day}, "2026-11-22T12:00:07Z", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"},
		{Window{Cycle: Daily, Per: day}, "2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"},
		{Window{Cycle: Daily, Per: day, Zone: pacific()}, "2026-11-22T07:59:59Z", "2026-11-21T08:00:00Z", "2026-11-22T08:00:00Z"},
		{Window{Cycle: Daily, Per: day, Zone: pacific()}, "2026-03-08T12:00:00Z", "2026-03-08T08:00:00Z", "2026-03-09T07:00:00Z"},
		{Window{Cycle: Daily, Per: day, Zone: seoul, At: 6*time.Hour + 30*time.Minute}, "2026-11-22T12:00:00Z", "2026-11-21T21:30:00Z", "2026-11-22T21:30:00Z"},
	} {
		now, _ := time.Parse(time.RFC3339, c.now)
		from, to := c.window.period(now)
		if from.UTC().Format(time.RFC3339) != c.from || to.UTC().Format(time.RFC3339) != c.to {
			t.Errorf("%v of %s: %s to %s, want %s to %s", c.window.Cycle, c.now, from.UTC(), to.UTC(), c.from, c.to)
		}
	}
}

func TestWindowNames(t *testing.T) {
	for want, w := range map[string]Window{
		"rpm": {Per: time.Minute}, "rpd": {Per: day, Cycle: Daily}, "tpm": {Unit: Tokens, Per: time.Minute}, "tpd": {Unit: Tokens, Per: day},
		"concurrency": {Unit: Running}, "requests/5s": {Per: 5 * time.Second}, "tokens/1h": {Unit: Tokens, Per: time.Hour, Cycle: Fixed},
		"requests/1.5s": {Per: 1500 * time.Millisecond}, "requests/7d": {Per: 7 * day},
	} {
		if got := w.Name(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What is given back is never more than what was drawn at that time, whatever became of it meanwhile.
func TestCounterGivesBackWhatWasDrawn(t *testing.T) {
	c := counter{Window: Window{Per: time.Minute, Limit: 100}}
	c.draw(noon, 50)
	c.draw(noon.Add(time.Second), 10)
	c.believe(noon.Add(2*time.Second), 5, 0, 2) // the provider has taken back the older one
	c.amend(noon.Add(3*time.Second), noon, -50)
	c.amend(noon.Add(3*time.Second), noon.Add(time.Second), -10)
	if c.advance(noon.Add(4 * time.Second)); c.used < 0 || slices.ContainsFunc(c.log[c.head:], func(x charge) bool { return x.n < 0 }) {
		t.Errorf("used %d, log %v", c.used, c.log)
	}
}
