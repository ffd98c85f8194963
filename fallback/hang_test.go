package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

// A model that keeps one request waiting gets no more until that one is over, unless nobody else is left.
func TestOthersDoNotQueueBehindAHang(t *testing.T) {
	for _, stream := range []bool{true, false} {
		p := byPriority(chain("A B"))
		need := fallback.Need{Stream: stream}
		pick := func(at time.Duration) (*fallback.Attempt, string) {
			a, _ := p.Pick(t0.Add(at), &fallback.Walk{Need: need})
			return a, a.Model.ID
		}
		hung, _ := pick(0)
		limit := 4 * s
		if !stream {
			limit = 15 * s
		}
		if a, id := pick(limit); id != "A" {
			t.Errorf("stream %v: after %v %s is asked", stream, limit, id)
		} else {
			a.End(t0.Add(limit), outcomeOf("left"))
		}
		if _, id := pick(limit + 1); id != "B" {
			t.Errorf("stream %v: a second request goes to %s", stream, id)
		}
		if got := current(p.Snapshot(t0.Add(limit + 1))); got != "B" {
			t.Errorf("current is %s", got)
		}
		only := &fallback.Walk{Need: need, Ask: fallback.Ask{Model: "A", Only: true}}
		if a, ok := p.Pick(t0.Add(limit+1), only); !ok {
			t.Error("there is nobody else, and A is not asked")
		} else {
			a.End(t0.Add(limit+2), outcomeOf("left"))
		}
		hung.Committed(t0.Add(limit + 3))
		if _, id := pick(limit + 3); id != "A" {
			t.Errorf("stream %v: after its first content %s is asked", stream, id)
		}
	}
}

// How long is too long is learned from how long it usually takes.
func TestPatienceIsLearned(t *testing.T) {
	for _, usual := range []time.Duration{100 * time.Millisecond, 10 * s} {
		p := byPriority(chain("A B"))
		now := t0
		for range 10 {
			a, _ := p.Pick(now, &fallback.Walk{Need: fallback.Need{Stream: true}})
			now = now.Add(usual)
			a.Committed(now)
			a.End(now, outcomeOf("ok"))
		}
		p.Pick(now, &fallback.Walk{Need: fallback.Need{Stream: true}})
		a, _ := p.Pick(now.Add(3*s), &fallback.Walk{Need: fallback.Need{Stream: true}})
		if want := map[bool]string{true: "B", false: "A"}[usual < s]; a.Model.ID != want {
			t.Errorf("usually it takes %v: after 3 s the next request goes to %s", usual, a.Model.ID)
		}
	}
}

// Attempts of before the model rested tell nothing of how it is now.
func TestAHangOfBeforeIsForgotten(t *testing.T) {
	p := byPriority(chain("A B"))
	p.Pick(t0, &fallback.Walk{})
	for range 3 {
		a, _ := p.Pick(t0, &fallback.Walk{Ask: fallback.Ask{Model: "A"}})
		a.End(t0, outcomeOf("fault"))
	}
	if a, _ := p.Pick(t0.Add(31*s), &fallback.Walk{}); a.Model.ID != "A" {
		t.Errorf("the trial goes to %s", a.Model.ID)
	}
}

// Who leaves a model that kept him waiting comes back soon, and is not made to wait for it again; a client that changes its mind says
// nothing of it.
func TestWhoLeftAHangDoesNotMeetItAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		stream bool
		waits  []time.Duration
		want   string
	}{
		"longer than it uses to":    {true, []time.Duration{5 * s}, "B"},
		"a client's own short time": {false, []time.Duration{10 * s, 10 * s}, "B"},
		"other wishes":              {false, []time.Duration{s, s, s, s}, "A"},
	} {
		p := byPriority(chain("A B"))
		w := func() *fallback.Walk { return &fallback.Walk{Need: fallback.Need{Stream: tc.stream}} }
		now := t0
		for _, wait := range tc.waits {
			a, _ := p.Pick(now, w())
			now = now.Add(wait)
			if e := a.End(now, outcomeOf("left")); a.Model.ID != "A" || e.FailureCount != 0 {
				t.Fatalf("%s: %s, %+v", name, a.Model.ID, e)
			}
		}
		a, _ := p.Pick(now, w())
		if a.Model.ID != tc.want {
			t.Errorf("%s: then %s is asked", name, a.Model.ID)
		}
		a.End(now, outcomeOf("left"))
		if a, _ = p.Pick(now.Add(31*s), w()); a.Model.ID != "A" {
			t.Errorf("%s: after a while %s is asked", name, a.Model.ID)
		}
		a.Committed(now.Add(32 * s))
		a, _ = p.Pick(now.Add(32*s), w())
		if a.Model.ID != "A" {
			t.Errorf("%s: after its content %s is asked", name, a.Model.ID)
		}
		a.End(now.Add(33*s), outcomeOf("left"))
		if a, _ := p.Pick(now.Add(33*s), w()); a.Model.ID != "A" {
			t.Errorf("%s: what was waited before its content still counts: %s is asked", name, a.Model.ID)
		}
	}
}

// A model that was left is not avoided any longer once it fails, which counts by itself, or once a person resets it.
func TestHowAModelIsEndsItsBeingAvoided(t *testing.T) {
	for name, tell := range map[string]func(*fallback.Pool, time.Time){
		"a failure": func(p *fallback.Pool, now time.Time) {
			a, _ := p.Pick(now, &fallback.Walk{Ask: fallback.Ask{Model: "A", Only: true}})
			a.End(now, outcomeOf("fault"))
		},
		"a reset": func(p *fallback.Pool, now time.Time) { p.ResetModel(now, chain("A")[0].Provider, "A") },
	} {
		p := byPriority(chain("A B"))
		a, _ := p.Pick(t0, &fallback.Walk{})
		now := t0.Add(20 * s)
		a.End(now, outcomeOf("left"))
		for _, want := range []string{"B", "A"} {
			if a, _ := p.Pick(now, &fallback.Walk{}); a.Model.ID != want {
				t.Errorf("%s: %s is asked, not %s", name, a.Model.ID, want)
			}
			tell(p, now)
		}
	}
}

// Many who leave at one time have seen one moment of the model.
func TestACrowdThatLeavesSaysLittle(t *testing.T) {
	p := byPriority(chain("A B"))
	var crowd []*fallback.Attempt
	for range 20 {
		a, _ := p.Pick(t0, &fallback.Walk{})
		crowd = append(crowd, a)
	}
	for _, a := range crowd {
		a.End(t0.Add(s), outcomeOf("left"))
	}
	if a, _ := p.Pick(t0.Add(s), &fallback.Walk{}); a.Model.ID != "A" {
		t.Errorf("%s is asked", a.Model.ID)
	}
}
