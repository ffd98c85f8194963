package fallback_test

import (
	"math"
	"testing"
	"time"

	"freefall/fallback"
)

// How long a limit rests its pair, by what it states. A wait that cannot be believed is none: then the cooldown.
func TestStatedWait(t *testing.T) {
	for _, c := range []struct {
		name   string
		wait   time.Duration
		stated bool
		until  time.Duration
	}{
		{"nothing stated", 0, false, 30 * s},
		{"a wait without Stated is nothing", 10 * s, false, 30 * s},
		{"zero is no licence to hammer", 0, true, 1 * s},
		{"a moment", 20 * time.Millisecond, true, 1 * s},
		{"a second", 1 * s, true, 1 * s},
		{"a fraction", 1500 * time.Millisecond, true, 1500 * time.Millisecond},
		{"negative", -1 * s, true, 30 * s},
		{"most negative", math.MinInt64, true, 30 * s},
		{"32 days", 32 * 24 * h, true, 32 * 24 * h},
		{"beyond 32 days", 32*24*h + 1, true, 30 * s},
		{"huge", math.MaxInt64, true, 30 * s},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := byPriority(chain("A"))
			a, _ := p.Pick(t0, &fallback.Walk{})
			o := outcomeOf("429")
			o.Until, o.RetryAfter, o.Stated = fallback.UntilRetryAfter, c.wait, c.stated
			a.End(t0, o)
			if at := p.Snapshot(t0)[0].AvailableAt; !at.Equal(t0.Add(c.until)) {
				t.Errorf("rests for %v, want %v", at.Sub(t0), c.until)
			}
		})
	}
}

func TestLimitWithoutResetDoubles(t *testing.T) {
	play(t, fallback.New(fallback.Config{Models: chain("A"), Breaker: fallback.Breaker{Failures: 9, Cooldown: 30 * s, MaxCooldown: 100 * s}}), []step{
		{0, "plain", "A=429", "A 1 rests: rate_limited until 30s"},
		{30 * s, "plain", "A=429", "A 2 rests: rate_limited until 1m30s"},
		{90 * s, "plain", "A=429", "A 3 rests: rate_limited until 3m10s"},
		{190 * s, "plain", "A=429", "A 4 rests: rate_limited until 4m50s"},
		{290 * s, "plain", "A=429/3s", "A 5 rests: rate_limited until 4m53s"}, // what is stated is believed
		{293 * s, "plain", "A=ok", "A 4 ready"},
		{294 * s, "plain", "A=429", "A 5 rests: rate_limited until 6m34s"}, // the count is not 0 yet
		{394 * s, "plain", "A=ok", "A 4 ready"},
		{394 * s, "plain", "A=ok", "A 3 ready"},
		{394 * s, "plain", "A=ok", "A 2 ready"},
		{394 * s, "plain", "A=ok", "A 1 ready"},
		{394 * s, "plain", "A=ok", "A 0 ready"},
		{395 * s, "plain", "A=429", "A 1 rests: rate_limited until 7m5s"},
	})
}

// A wider limit has no count; its doubling ends with any success through that door.
func TestAccountLimitDoubles(t *testing.T) {
	play(t, byPriority(chain("A")), []step{
		{0, "plain", "A=account429", "A 0 rests: rate_limited until 30s"},
		{30 * s, "plain", "A=account429", "A 0 rests: rate_limited until 1m30s"},
		{90 * s, "plain", "A=ok", "A 0 ready"},
		{91 * s, "plain", "A=account429", "A 0 rests: rate_limited until 2m1s"},
	})
}

// Attempts that were under way when the rest began tell the same story: one failure, one backoff, the later end.
func TestConcurrentLimitsCountOnce(t *testing.T) {
	play(t, byPriority(chain("A B")), []step{
		{0, "x: plain", "A=...", ""},
		{0, "y: plain", "A=...", ""},
		{0, "z: plain", "A=...", ""},
		{1 * s, "v: plain", "A=...", ""},
		{1 * s, "x", "A=429 B=ok", "A 1 rests: rate_limited until 31s"},
		{2 * s, "y", "A=429 B=ok", "A 1 rests: rate_limited until 31s"},
		{3 * s, "z", "A=429/2m B=ok", "A 1 rests: rate_limited until 2m3s"},
		{4 * s, "v", "A=429/2s B=ok", "A 1 rests: rate_limited until 2m3s"},
		{123 * s, "plain", "A=429 B=ok", "A 2 rests: rate_limited until 3m3s"},
	})
}

// Faults are not merged: each of them is one more, whatever wait it states.
func TestConcurrentFaultsCountEach(t *testing.T) {
	play(t, byPriority(chain("A B")), []step{
		{0, "x: plain", "A=...", ""},
		{0, "y: plain", "A=...", ""},
		{0, "z: plain", "A=...", ""},
		{1 * s, "x", "A=fault/5s", "A 1 rests: upstream_fault until 6s"},
		{1 * s, "y", "A=fault/5s", "A 2 rests: upstream_fault until 6s"},
		{1 * s, "z", "A=fault/5s", "A 3 rests: upstream_fault until 31s"},
	})
}

// Of two ends the later one holds, and with it its reason.
func TestLaterEndHolds(t *testing.T) {
	play(t, byPriority(chain("A B")), []step{
		{0, "u: plain", "A=...", ""},
		{0, "v: plain", "A=...", ""},
		{0, "w: plain", "A=...", ""},
		{0, "x: plain", "A=...", ""},
		{0, "y: plain", "A=...", ""},
		{0, "u", "A=day", "A 1 rests: rate_limited until 14h0m0s"},
		{1 * s, "v", "A=429/39s", "A 1 rests: rate_limited until 14h0m0s"},
		{2 * s, "w", "A=nosub", "A 1 rests: payment_required"},
		{3 * s, "x", "A=month", "A 1 rests: payment_required"},
		{4 * s, "y", "A=429/1s", "A 1 rests: payment_required"},
	})
}

// What only the roster lifts stays gone through later limits and through a new configuration.
func TestGoneStaysGone(t *testing.T) {
	for _, outcome := range []string{"gone", "cost"} {
		p := byPriority(chain("A B"))
		reason := map[string]string{"gone": "gone", "cost": "not_free"}[outcome]
		play(t, p, []step{
			{0, "x: plain", "A=...", ""},
			{0, "y: plain", "A=...", ""},
			{0, "z: plain", "A=...", ""},
			{0, "plain", "A=" + outcome + " B=ok", "A 0 rests: " + reason},
			{1 * s, "x", "A=upstream429/5s B=ok", "A 0 rests: " + reason},
			{2 * s, "y", "A=404 B=ok", "A 0 rests: " + reason},
			{3 * s, "z", "A=limitzero B=ok", "A 0 rests: " + reason},
		})
		p.Reconfigure(fallback.Config{Models: chain("A B")})
		play(t, p, []step{{1000 * h, "plain", "B=ok", "A 0 rests: " + reason}})
	}
}

func TestGoneAfterLimitZero(t *testing.T) {
	p := byPriority(chain("A B"))
	play(t, p, []step{
		{0, "x: plain", "A=...", ""},
		{0, "plain", "A=limitzero B=ok", "A 1 rests: quota_exhausted"},
		{1 * s, "x", "A=gone B=ok", "A 1 rests: gone"},
	})
	p.Reconfigure(fallback.Config{Models: chain("A B")})
	play(t, p, []step{{2 * s, "plain", "B=ok", "A 1 rests: gone"}})
}

func TestNamedMoments(t *testing.T) {
	pacific, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, outcome, now, until string }{
		{"UTC, late", "day", "2026-11-22T23:59:59Z", "2026-11-23T00:00:00Z"},
		{"UTC, at midnight the whole day", "day", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"},
		{"UTC, last day of the year", "day", "2026-12-31T12:00:00Z", "2027-01-01T00:00:00Z"},
		{"a day beats a short hint", "day/39s", "2026-11-22T10:00:00Z", "2026-11-23T00:00:00Z"},
		{"Pacific, standard time", "pacificday", "2026-11-22T10:00:00Z", "2026-11-23T08:00:00Z"},
		{"Pacific, still yesterday there", "pacificday", "2026-11-22T07:59:59Z", "2026-11-22T08:00:00Z"},
		{"Pacific, summer time", "pacificday", "2026-07-04T12:00:00Z", "2026-07-05T07:00:00Z"},
		{"Pacific, the day of 23 hours", "pacificday", "2026-03-08T08:00:00Z", "2026-03-09T07:00:00Z"},
		{"Pacific, the day of 25 hours", "pacificday", "2026-11-01T07:00:00Z", "2026-11-02T08:00:00Z"},
		{"month end", "month", "2026-11-22T10:00:00Z", "2026-12-01T00:00:00Z"},
		{"month end, December", "month", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"},
		{"month end, January the 31st", "month", "2027-01-31T10:00:00Z", "2027-02-01T00:00:00Z"},
		{"month end, UTC whatever the clock's zone", "month", "2026-11-30T20:00:00-08:00", "2027-01-01T00:00:00Z"},
		{"an hour", "hour", "2026-11-22T10:00:00Z", "2026-11-22T11:00:00Z"},
		{"24 hours", "24h", "2026-03-08T08:00:00Z", "2026-03-09T08:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			now, _ := time.Parse(time.RFC3339, c.now)
			for _, now := range []time.Time{now, now.In(pacific)} { // the zone of the caller's clock changes nothing
				p := byPriority(chain("A"))
				a, _ := p.Pick(now, &fallback.Walk{})
				a.End(now, outcomeOf(c.outcome))
				if got := p.Snapshot(now)[0].AvailableAt.UTC().Format(time.RFC3339); got != c.until {
					t.Errorf("until %s, want %s", got, c.until)
				}
			}
		})
	}
}

// Two providers with two accounts of two keys each: a limit rests exactly what it speaks of.
func TestScopes(t *testing.T) {
	const all = "p/A#0 p/A#1 p/A#2 p/A#3 p/B#0 p/B#1 p/B#2 p/B#3 q/A#0 q/A#1 q/A#2 q/A#3"
	for outcome, open := range map[string]string{
		"ok":            all,
		"fault":         all,
		"edge":          all,
		"429/1m":        "p/A#1 p/A#2 p/A#3 p/B#0 p/B#1 p/B#2 p/B#3 q/A#0 q/A#1 q/A#2 q/A#3",
		"fault/1m":      "p/A#1 p/A#2 p/A#3 p/B#0 p/B#1 p/B#2 p/B#3 q/A#0 q/A#1 q/A#2 q/A#3",
		"nosub":         "p/A#1 p/A#2 p/A#3 p/B#0 p/B#1 p/B#2 p/B#3 q/A#0 q/A#1 q/A#2 q/A#3",
		"upstream429":   "p/B#0 p/B#1 p/B#2 p/B#3 q/A#0 q/A#1 q/A#2 q/A#3",
		"404":           "p/B#0 p/B#1 p/B#2 p/B#3 q/A#0 q/A#1 q/A#2 q/A#3",
		"gone":          "p/B#0 p/B#1 p/B#2 p/B#3 q/A#0 q/A#1 q/A#2 q/A#3",
		"key429":        "p/A#1 p/A#2 p/A#3 p/B#1 p/B#2 p/B#3 q/A#0 q/A#1 q/A#2 q/A#3",
		"auth":          "p/A#1 p/A#2 p/A#3 p/B#1 p/B#2 p/B#3 q/A#0 q/A#1 q/A#2 q/A#3",
		"account429/1m": "p/A#2 p/A#3 p/B#2 p/B#3 q/A#0 q/A#1 q/A#2 q/A#3",
		"402":           "p/A#2 p/A#3 p/B#2 p/B#3 q/A#0 q/A#1 q/A#2 q/A#3",
		"provider429":   "q/A#0 q/A#1 q/A#2 q/A#3",
	} {
		t.Run(outcome, func(t *testing.T) {
			p := fallback.New(fallback.Config{Models: twoProviders(), Order: fallback.Priority, Spread: fallback.SpreadFill})
			a, _ := p.Pick(t0, &fallback.Walk{})
			a.End(t0, outcomeOf(outcome))
			if got := openPairs(p, t0.Add(s)); got != open {
				t.Errorf("open are %s\nwant     %s", got, open)
			}
		})
	}
}

// Within one request the same holds even when the rest is over before the walk is.
func TestScopesWithinOneRequest(t *testing.T) {
	for _, c := range []struct{ outcome, then string }{
		{"429/1s", "A#1=ok"},
		{"key429/1s", "A#1=ok"},
		{"account429/1s", "A#2=ok"},
		{"provider429/1s", "C#0=ok"},
		{"upstream429/1s", "B#0=ok"},
		{"declined", "B#0=ok"},
		{"fault", "B#0=fault C#0=fault A#1=fault A#2=ok"},
	} {
		t.Run(c.outcome, func(t *testing.T) {
			rows := twoProviders()
			rows[2].ID = "C"
			p := fallback.New(fallback.Config{Models: rows, Order: fallback.Priority, Spread: fallback.SpreadFill})
			play(t, p, []step{
				{0, "x: plain", "A#0=...", ""},
				{0, "x", "A#0=" + c.outcome, ""},
				{5 * s, "x", c.then, ""},
			})
		})
	}
}

func twoProviders() []fallback.Model {
	rows := chain("A B A")
	rows[2].Provider = "q"
	for i := range rows {
		rows[i].Keys = keys("one one two two")
	}
	rows[2].Keys = keys("three three four four")
	return rows
}

// openPairs walks along all pairs that are open, failing each.
func openPairs(p *fallback.Pool, now time.Time) string {
	open := map[string]bool{}
	var w fallback.Walk
	for len(open) <= 12 {
		a, ok := p.Pick(now, &w)
		if !ok {
			break
		}
		open[a.Model.Provider+"/"+pickedName(a)] = true
		defer a.End(now, outcomeOf("left"))
	}
	return sortedWords(open)
}

// A rest beyond an hour may have been a mistake: one request tries it at half time, then one an hour.
func TestLongRestHasTrials(t *testing.T) {
	play(t, byPriority(chain("A B")), []step{
		{0, "plain", "A=429/10h B=ok", "A 1 rests: rate_limited until 10h0m0s"},
		{5*h - 1, "plain", "B=ok", ""},
		{5 * h, "x: plain", "A=...", "A 1 rests: rate_limited until 10h0m0s"},
		{5*h + 1*s, "plain", "B=ok", ""}, // one at a time
		{5*h + 2*s, "x", "A=429/5s B=ok", "A 2 rests: rate_limited until 10h0m0s"},
		{6*h + 1*s, "plain", "B=ok", ""},
		{6*h + 2*s, "plain", "A=left", "A 2 rests: rate_limited until 10h0m0s"},
		{6*h + 3*s, "plain", "A=declined B=ok", "A 2 rests: rate_limited until 10h0m0s"},
		{6*h + 4*s, "plain", "B=ok", ""},
		{7*h + 3*s, "plain", "A=ok", "A 1 ready"},
		{7*h + 4*s, "plain", "A=ok", "A 0 ready"},
	})
}

func TestTrialsOfWiderRests(t *testing.T) {
	for outcome, other := range map[string]string{"upstream429/4h": "", "key429/4h": "B", "account429/4h": "B", "provider429/4h": "B"} {
		t.Run(outcome, func(t *testing.T) {
			p := byPriority(chain("A B"))
			steps := []step{
				{0, "model=A only", "A=" + outcome, ""},
				{2*h - 1, "model=A only", "none", ""},
				{2 * h, "x: model=A only", "A=...", ""},
				{2 * h, "model=A only", "none", ""},
			}
			if other != "" { // behind the same door
				steps = append(steps, step{2 * h, "model=B only", "none", ""}, step{2*h + s, "x", "A=ok", ""}, step{2*h + s, "model=B only", "B=ok", ""})
			} else {
				steps = append(steps, step{2 * h, "model=B only", "B=ok", ""}, step{2*h + s, "x", "A=ok", ""})
			}
			play(t, p, append(steps, step{2*h + 2*s, "model=A only", "A=ok", ""}))
		})
	}
}

func TestNoTrials(t *testing.T) {
	for name, c := range map[string]struct {
		outcome string
		until   time.Duration
	}{
		"the provider's own counter": {"proven429/10h", 10 * h},
		"no longer than an hour":     {"429/1h", 1 * h},
		"no end in sight":            {"nosub", 1000 * h},
	} {
		t.Run(name, func(t *testing.T) {
			p := byPriority(chain("A B"))
			play(t, p, []step{{0, "plain", "A=" + c.outcome + " B=ok", ""}})
			for at := time.Duration(0); at < c.until; at += c.until / 40 {
				play(t, p, []step{{at, "plain", "B=ok", ""}})
			}
		})
	}
}

// A trial that meets the provider's own counter is the last one.
func TestTrialThatProvesTheEnd(t *testing.T) {
	play(t, byPriority(chain("A B")), []step{
		{0, "plain", "A=429/10h B=ok", "A 1 rests: rate_limited until 10h0m0s"},
		{5 * h, "plain", "A=proven429/10h B=ok", "A 2 rests: rate_limited until 15h0m0s"},
		{6 * h, "plain", "B=ok", ""},
		{15*h - 1, "plain", "B=ok", ""},
		{15 * h, "plain", "A=ok", "A 1 ready"},
	})
}

// An end that a late report moved far out gets its trials too.
func TestTrialsOfAMovedEnd(t *testing.T) {
	play(t, byPriority(chain("A B")), []step{
		{0, "x: plain", "A=...", ""},
		{0, "plain", "A=429 B=ok", "A 1 rests: rate_limited until 30s"},
		{1 * s, "x", "A=429/8h B=ok", "A 1 rests: rate_limited until 8h0m1s"},
		{4 * h, "plain", "B=ok", ""},
		{4*h + 1*s, "plain", "A=ok", "A 0 ready"},
	})
}
