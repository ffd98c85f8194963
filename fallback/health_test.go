package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

// The rule as a whole: three failures close the model, one trial decides, successes count down.
func TestThreeFailuresRestOneTrial(t *testing.T) {
	play(t, byPriority(chain("A B")), []step{
		{0, "plain", "A=fault B=ok", "A 1 ready"},
		{1 * s, "plain", "A=fault B=ok", "A 2 ready"},
		{2 * s, "plain", "A=fault B=ok", "A 3 rests: failures until 32s"},
		{3 * s, "plain", "B=ok", "A 3 rests: failures until 32s"},
		{32*s - 1, "plain", "B=ok", "A 3 rests: failures until 32s"},
		{32 * s, "trial: plain", "A=...", "A 3 rests: trial"},
		{33 * s, "plain", "B=ok", "A 3 rests: trial"},
		{34 * s, "trial", "A=ok", "A 2 ready"},
		{35 * s, "plain", "A=ok", "A 1 ready"},
		{36 * s, "plain", "A=ok", "A 0 ready"},
		{37 * s, "plain", "A=ok", "A 0 ready"},
	})
}

// Each row of the table of outcomes: what one of them does to the count, and what rests.
func TestOneOutcome(t *testing.T) {
	for outcome, want := range map[string]string{
		"ok":             "A 0 ready",
		"fault":          "A 1 ready",
		"timeout":        "A 1 ready",
		"edge":           "A 1 ready",
		"busy503":        "A 1 ready",
		"fault/20s":      "A 1 rests: upstream_fault until 20s",
		"fault/-20s":     "A 1 ready",
		"429":            "A 1 rests: rate_limited until 30s",
		"429/7s":         "A 1 rests: rate_limited until 7s",
		"busy429":        "A 1 rests: overloaded until 30s",
		"upstream429":    "A 1 rests: rate_limited until 30s",
		"upstream429/9s": "A 1 rests: rate_limited until 9s",
		"spent":          "A 1 rests: quota_exhausted",
		"key429":         "A 0 rests: rate_limited until 30s",
		"account429/8s":  "A 0 rests: rate_limited until 8s",
		"provider429/8s": "A 0 rests: rate_limited until 8s",
		"402":            "A 0 rests: payment_required",
		"nosub":          "A 0 rests: payment_required",
		"auth":           "A 0 rests: auth",
		"403":            "A 0 rests: auth",
		"404":            "A 0 rests: gone until 24h0m0s",
		"gone":           "A 0 rests: gone",
		"cost":           "A 0 rests: not_free",
		"toolong":        "A 0 ready",
		"declined":       "A 0 ready",
		"notools":        "A 0 ready",
		"badrequest":     "A 0 ready",
		"unsure":         "A 0 ready",
		"left":           "A 0 ready",
		"hedge":          "A 0 ready",
		"stopped":        "A 0 ready",
	} {
		t.Run(outcome, func(t *testing.T) {
			play(t, byPriority(chain("A B")), []step{{0, "plain", "A=" + outcome, want}})
		})
	}
}

func TestThirdFailure(t *testing.T) {
	two := []step{
		{0, "plain", "A=fault B=ok", "A 1 ready"},
		{1 * s, "plain", "A=timeout B=ok", "A 2 ready"},
	}
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"a 429 that names its reset: until then", []step{
			{2 * s, "plain", "A=429/5s B=ok", "A 3 rests: rate_limited until 7s"},
			{7 * s, "plain", "A=ok", "A 2 ready"}}},
		{"a 429 that names a later reset", []step{
			{2 * s, "plain", "A=429/5m B=ok", "A 3 rests: rate_limited until 5m2s"},
			{5*m + 1*s, "plain", "B=ok", "A 3 rests: rate_limited until 5m2s"},
			{5*m + 2*s, "", "", "A 3 ready: trial"}}},
		{"a 429 that names none: the cooldown", []step{
			{2 * s, "plain", "A=429 B=ok", "A 3 rests: rate_limited until 32s"},
			{32 * s, "", "", "A 3 ready: trial"}}},
		{"a fault with a shorter Retry-After: the cooldown", []step{
			{2 * s, "plain", "A=fault/5s B=ok", "A 3 rests: upstream_fault until 32s"},
			{10 * s, "plain", "B=ok", "A 3 rests: failures until 32s"}}},
		{"a fault with a longer Retry-After: the pair's rest", []step{
			{2 * s, "plain", "A=fault/5m B=ok", "A 3 rests: upstream_fault until 5m2s"}}},
		{"a limit of the account is none of the model's", []step{
			{2 * s, "plain", "A=account429/5s none", "A 2 rests: rate_limited until 7s"},
			{7 * s, "plain", "A=ok", "A 1 ready"}}},
	} {
		t.Run(c.name, func(t *testing.T) { play(t, byPriority(chain("A B")), append(two[:2:2], c.steps...)) })
	}
}

// A failed trial doubles the cooldown up to max_cooldown; the doubling is forgotten when the count is 0 again, not before.
func TestCooldownDoubles(t *testing.T) {
	p := fallback.New(fallback.Config{Models: chain("A B"), Order: fallback.Priority,
		Breaker: fallback.Breaker{Failures: 3, Cooldown: 30 * s, MaxCooldown: 100 * s}})
	play(t, p, []step{
		{0, "plain", "A=fault B=ok", "A 1 ready"},
		{0, "plain", "A=fault B=ok", "A 2 ready"},
		{0, "plain", "A=fault B=ok", "A 3 rests: failures until 30s"},
		{30 * s, "plain", "A=fault B=ok", "A 3 rests: failures until 1m30s"},
		{90 * s, "plain", "A=fault B=ok", "A 3 rests: failures until 3m10s"},
		{190 * s, "plain", "A=fault B=ok", "A 3 rests: failures until 4m50s"},
		{290 * s, "plain", "A=ok", "A 2 ready"},
		{291 * s, "plain", "A=fault B=ok", "A 3 rests: failures until 6m31s"},
		{391 * s, "plain", "A=ok", "A 2 ready"},
		{392 * s, "plain", "A=ok", "A 1 ready"},
		{393 * s, "plain", "A=ok", "A 0 ready"},
		{394 * s, "plain", "A=fault B=ok", "A 1 ready"},
		{394 * s, "plain", "A=fault B=ok", "A 2 ready"},
		{394 * s, "plain", "A=fault B=ok", "A 3 rests: failures until 7m4s"},
	})
}

// A trial that tells nothing about the model leaves the door half open for the next request.
func TestTrialWithoutVerdict(t *testing.T) {
	for _, outcome := range []string{"left", "hedge", "stopped", "declined", "badrequest"} {
		t.Run(outcome, func(t *testing.T) {
			play(t, byPriority(chain("A B")), []step{
				{0, "plain", "A=fault", ""},
				{0, "plain", "A=fault", ""},
				{0, "plain", "A=fault", "A 3 rests: failures until 30s"},
				{30 * s, "plain", "A=" + outcome, "A 3 ready: trial"},
				{31 * s, "plain", "A=ok", "A 2 ready"},
			})
		})
	}
}

// What began before the model closed or opened tells nothing about it now.
func TestLateResultsAreDropped(t *testing.T) {
	play(t, byPriority(chain("A B")), []step{
		{0, "early good: plain", "A=...", ""},
		{0, "early bad: plain", "A=...", ""},
		{0, "early limit: plain", "A=...", ""},
		{0, "early auth: plain", "A=...", ""},
		{1 * s, "plain", "A=fault", ""},
		{1 * s, "plain", "A=fault", ""},
		{1 * s, "plain", "A=fault", "A 3 rests: failures until 31s"},
		{2 * s, "early good", "A=ok", "A 3 rests: failures until 31s"},
		{31 * s, "plain", "A=ok", "A 2 ready"},
		{32 * s, "early bad", "A=fault", "A 2 ready"},
		{33 * s, "early limit", "A=429/1m", "A 2 ready"},
		{34 * s, "early auth", "A=auth", "A 2 rests: auth"}, // the key is wrong whatever became of the model
	})
}

// Ten requests at once meet a dead model: three count, the others speak of the same outage.
func TestHerdCountsToTheLimitOnly(t *testing.T) {
	steps := []step{}
	for range 10 {
		steps = append(steps, step{0, string(rune('a'+len(steps))) + ": plain", "A=...", "A 0 ready"})
	}
	for n := range 10 {
		steps = append(steps, step{1 * s, string(rune('a' + n)), "A=fault B=ok", ""})
	}
	play(t, byPriority(chain("A B")), append(steps,
		step{1 * s, "", "", "A 3 rests: failures until 31s"},
		step{31 * s, "plain", "A=ok", "A 2 ready"}))
}

// One request counts once for a model, however many of its keys fail; but a trial is always decided.
func TestOncePerRequestAndModel(t *testing.T) {
	rows := chain("A B")
	rows[0].Keys = keys("a b")
	play(t, byPriority(rows), []step{
		{0, "plain", "A#0=fault B=fault A#1=fault none", "A 1 ready; B 1 ready"},
		{1 * s, "plain", "A#0=429 A#1=429 B=ok", "A 2 rests: rate_limited until 31s"},
		{31 * s, "x: plain", "A#0=429/1s B=...", "A 3 rests: failures until 32s"},
		{40 * s, "x", "B=fault A#1=fault none", "A 3 rests: failures until 1m40s"},
	})
}

func TestEffect(t *testing.T) {
	p := byPriority(chain("A B"))
	at := func(d time.Duration) time.Time { return t0.Add(d) }
	late := fallback.Walk{}
	first, _ := p.Pick(t0, &late)
	for n, c := range []struct {
		at      time.Duration
		outcome string
		want    fallback.Effect
	}{
		{0, "fault", fallback.Effect{FailureCount: 1}},
		{1 * s, "429/2s", fallback.Effect{FailureCount: 2, Rested: fallback.TargetPair, Until: at(3 * s)}},
		{3 * s, "fault", fallback.Effect{FailureCount: 3, Rested: fallback.TargetModel, Until: at(33 * s), Unavailable: true}},
		{33 * s, "fault", fallback.Effect{FailureCount: 3, Rested: fallback.TargetModel, Until: at(93 * s), Unavailable: true}},
		{93 * s, "ok", fallback.Effect{FailureCount: 2, Available: true}},
		{94 * s, "ok", fallback.Effect{FailureCount: 1}},
		{95 * s, "left", fallback.Effect{FailureCount: 1}},
		{96 * s, "account429/5s", fallback.Effect{FailureCount: 1, Rested: fallback.TargetAccount, Until: at(101 * s)}},
		{101 * s, "gone", fallback.Effect{FailureCount: 1, Rested: fallback.TargetModel}},
	} {
		a, ok := p.Pick(at(c.at), &fallback.Walk{})
		if !ok || a.Model.ID != "A" {
			t.Fatalf("step %d: A is not picked", n+1)
		}
		if got := a.End(at(c.at), outcomeOf(c.outcome)); got != c.want {
			t.Errorf("step %d, %s: %+v, want %+v", n+1, c.outcome, got, c.want)
		}
	}
	if got := first.End(at(2*m), outcomeOf("fault")); !got.Stale || got.FailureCount != 1 {
		t.Errorf("late result: %+v", got)
	}
}

func TestSecondEndPanics(t *testing.T) {
	p := byPriority(chain("A"))
	a, _ := p.Pick(t0, &fallback.Walk{})
	a.End(t0, fallback.Outcome{})
	defer func() {
		if recover() == nil {
			t.Error("an attempt ended twice")
		}
		p.Snapshot(t0) // and the pool goes on
	}()
	a.End(t0, fallback.Outcome{})
}
