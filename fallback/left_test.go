package fallback_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"freefall/fallback"
)

// answer lets the pool's next model answer n times.
func answer(t *testing.T, p *fallback.Pool, now time.Time, n int) {
	t.Helper()
	for range n {
		a, ok := p.Pick(now, &fallback.Walk{})
		if !ok {
			t.Fatal("nobody can be asked")
		}
		a.Committed(now)
		a.End(now, fallback.Outcome{Class: fallback.OK, InputTokens: 30, OutputTokens: 12})
	}
}

func TestLeft(t *testing.T) {
	chat := func(provider, id string, limits []fallback.Window, keys ...fallback.Key) fallback.Model {
		return fallback.Model{Provider: provider, ID: id, Proof: fallback.ProvenListed, Limits: limits, Keys: keys}
	}
	off := chat("o", "off", rpd(5000), fallback.Key{})
	off.Off = "no_key"
	p := byPriority([]fallback.Model{
		chat("a", "one", nil, fallback.Key{Account: "x", Limits: rpd(50)}, fallback.Key{Account: "y", Limits: rpd(50)}),
		chat("a", "two", nil, fallback.Key{Account: "x", Limits: rpd(50)}, fallback.Key{Account: "y", Limits: rpd(50)}),
		chat("b", "three", rpd(20), fallback.Key{}), chat("b", "four", rpd(30), fallback.Key{}),
		chat("c", "five", nil, fallback.Key{}), off,
	})
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	midnight := noon.Add(12 * h)
	got := p.Left(noon)
	want := fallback.Left{Requests: 150, Limit: 150, Bounded: 3, Unbounded: 1, ResetsAt: midnight}
	if got != want {
		t.Errorf("before the first: %+v, want %+v", got, want)
	}
	answer(t, p, noon, 30)
	got = p.Left(noon)
	if got.Requests != 120 || math.Abs(got.PerHour-360) > 1e-6 || !got.LastsUntil.Equal(noon.Add(20*time.Minute)) {
		t.Errorf("after 30: %+v", got)
	}
	if later := p.Left(noon.Add(61 * time.Minute)); later.PerHour != 0 || !later.LastsUntil.IsZero() {
		t.Errorf("an hour later: %+v", later)
	}
	a, _ := p.Pick(noon, &fallback.Walk{})
	a.End(noon, fallback.Outcome{Class: fallback.QuotaExhausted, Target: fallback.TargetAccount, Action: fallback.NextModel, Until: fallback.UntilUTCMidnight})
	if got := p.Left(noon); got.Requests < 50+20 || got.Requests > 50+49 {
		t.Errorf("one account says that it has nothing left: %+v", got)
	}
	if next := p.Left(midnight.Add(2 * time.Second)); next.Requests != 150 {
		t.Errorf("the next day: %+v", next)
	}
}

// The rows tell their last results one by one, and what they did today.
func TestRecentAndToday(t *testing.T) {
	p := byPriority(chain("A B"))
	play(t, p, []step{{0, "plain", "A=ok", ""}, {0, "plain", "A=fault B=ok", ""}, {0, "plain", "A=429/1m B=ok", ""}})
	rows := p.Snapshot(t0)
	if rows[0].Recent != "ofl" || rows[1].Recent != "oo" || rows[0].Requests != 1 || rows[1].Requests != 2 {
		t.Errorf("%q %d, %q %d", rows[0].Recent, rows[0].Requests, rows[1].Recent, rows[1].Requests)
	}
	answer(t, p, t0, 100)
	row := p.Snapshot(t0)[1]
	if row.Recent != strings.Repeat("o", 60) || row.Tokens != 4200 {
		t.Errorf("after 100 more: %q, %d tokens", row.Recent, row.Tokens)
	}
	if row = p.Snapshot(t0.Add(24 * h))[1]; row.Tokens != 0 || row.Requests != 0 {
		t.Errorf("the next day: %d requests, %d tokens", row.Requests, row.Tokens)
	}
}

// Positions are those that Explain gives.
func TestPositions(t *testing.T) {
	p := lastGood(chain("A B C"))
	play(t, p, []step{{0, "plain", "A=429/1m B=ok", ""}})
	rows := p.Snapshot(t0)
	for n, c := range p.Explain(t0, fallback.Need{}, fallback.Ask{}) {
		for i := range rows {
			if rows[i].Model.ID == c.Model.ID && rows[i].Position != n+1 {
				t.Errorf("%s is %d., explained as %d.", c.Model.ID, rows[i].Position, n+1)
			}
		}
	}
	if rows[1].Position != 1 {
		t.Errorf("B answered last, but is %d.", rows[1].Position)
	}
}
