package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

// Failures that the provider did not count do not keep its day shut, and those that it did count cost one refusal.
func TestChargesInDoubt(t *testing.T) {
	for _, counted := range []bool{false, true} {
		p := byPriority(limited("A", rpd(10)))
		for range 4 {
			a, _ := p.Pick(t0, &fallback.Walk{})
			a.End(t0, outcomeOf("fault"))
			p.ResetModel(t0, "p", "A")
		}
		left := 10
		if counted {
			left = 6
		}
		refused := 0
		for range 30 {
			a, ok := p.Pick(t0.Add(s), &fallback.Walk{})
			if !ok {
				continue
			}
			if left--; left >= 0 {
				a.Committed(t0.Add(s))
				a.End(t0.Add(s), outcomeOf("ok"))
			} else {
				refused++
				a.End(t0.Add(s), outcomeOf("account429/5s"))
			}
		}
		if left > 0 || refused > 1 {
			t.Errorf("counted %v: %d are left over, %d were refused", counted, left, refused)
		}
		if _, ok := p.Pick(t0.Add(m), &fallback.Walk{}); ok {
			t.Errorf("counted %v: a spent day is asked again", counted)
		}
	}
}

// A refusal that names no end, by a provider whose turn we know to be spent, lasts until that turn is over and no longer.
func TestRefusalEndsWithTheKnownTurn(t *testing.T) {
	rows := limited("A", []fallback.Window{{Per: 5 * h, Cycle: fallback.Fixed, Limit: 3}})
	end := time.Unix(t0.Unix()/18000*18000+18000, 0)
	p := byPriority(rows)
	now := end.Add(-10 * m)
	for range 2 {
		a, _ := p.Pick(now, &fallback.Walk{})
		a.End(now, outcomeOf("fault"))
	}
	earlier, _ := p.Pick(now, &fallback.Walk{})
	now = now.Add(s)
	a, ok := p.Pick(now, &fallback.Walk{})
	if !ok {
		t.Fatal("a charge in doubt keeps it shut")
	}
	earlier.Committed(now) // that was taken on before anything was taken back, and proves nothing
	spent := outcomeOf("hour")
	spent.Target = fallback.TargetAccount
	a.End(now, spent)
	if got := p.Snapshot(now)[0].AvailableAt; got.Before(end) || got.After(end.Add(s)) {
		t.Errorf("it rests until %v, the turn ends at %v", got, end)
	}
}

// Where the answer is counted when it is there, the request alone has to find room beside the requests alone of others, once nobody else is left
// and nothing can be waited for.
func TestAnswersNeedNoRoomBeforehand(t *testing.T) {
	for _, c := range []struct {
		limit    int64
		reserves bool
		wait     time.Duration
		want     bool
	}{
		{2000, false, 0, true}, {2000, false, s, false}, {2000, true, 0, false},
		{1500, false, 0, true}, {1500, true, 0, false}, // the answer of the other one, which is under way, is not counted either
		{1400, false, 0, false},
	} {
		rows := limited("A", []fallback.Window{{Unit: fallback.Tokens, Per: m, Limit: c.limit}})
		rows[0].Reserves = c.reserves
		p := byPriority(rows)
		a, _ := p.Pick(t0, &fallback.Walk{Need: fallback.Need{Tokens: 100, MaxOutput: 300}})
		defer a.End(t0, outcomeOf("ok"))
		b, ok := p.Pick(t0, &fallback.Walk{Need: fallback.Need{Tokens: 1000, MaxOutput: 300}, Ask: fallback.Ask{MaxWait: c.wait}})
		if ok {
			b.End(t0, outcomeOf("ok"))
		}
		if ok != c.want {
			t.Errorf("%+v: %v", c, ok)
		}
	}
}

// In a bucket, too, as long as more is missing than has come since: if it has been full meanwhile nobody knows what of the answer it lacks.
func TestAnswersNeedNoRoomInABucket(t *testing.T) {
	for _, c := range []struct {
		limit int64
		after time.Duration
		want  bool
	}{{1500, 0, true}, {1400, 2 * s, true}, {1400, 12 * s, false}} {
		p := byPriority(limited("A", []fallback.Window{{Unit: fallback.Tokens, Cycle: fallback.Bucket, Per: m, Limit: c.limit}}))
		a, _ := p.Pick(t0, &fallback.Walk{Need: fallback.Need{Tokens: 100, MaxOutput: 300}})
		defer a.End(t0, outcomeOf("ok"))
		if b, ok := p.Pick(t0.Add(c.after), &fallback.Walk{Need: fallback.Need{Tokens: 1000, MaxOutput: 300}}); ok != c.want {
			t.Errorf("%+v: %v", c, ok)
		} else if ok {
			b.End(t0.Add(c.after), outcomeOf("ok"))
		}
	}
}

// A provider that has counted one more than we have refuses twice at most, not after every rest: the day is spent.
func TestDayThatIsSpentBeforeOurCount(t *testing.T) {
	rows := chain("A")
	rows[0].Limits = []fallback.Window{{Per: s, Limit: 1}, {Per: 24 * h, Cycle: fallback.Daily, Limit: 10}}
	p := byPriority(rows)
	answered, refused := 0, 0
	for now := t0; now.Before(t0.Add(12 * h)); now = now.Add(11 * m) {
		a, ok := p.Pick(now, &fallback.Walk{})
		switch {
		case !ok:
		case answered < 9:
			a.Committed(now)
			a.End(now, outcomeOf("ok"))
			answered++
		default:
			a.End(now, outcomeOf("429"))
			refused++
		}
	}
	if answered != 9 || refused > 2 {
		t.Errorf("%d of 9 were answered, %d refused", answered, refused)
	}
}

// A refusal of what just fits by our count says that the count is behind by a little: what comes back all the time is asked again when that little
// has come, not when half of the request has.
func TestRefusalAtTheEdgeOfABucket(t *testing.T) {
	const perSecond = 10
	for name, tt := range map[string]struct {
		left int64 // by our count, of which the request needs a thousand
		want time.Duration
	}{"as much as is asked": {1000, 40 * s}, "far more": {5000, 50 * s}} {
		rows := limited("A", []fallback.Window{{Unit: fallback.Tokens, Cycle: fallback.Bucket, Per: 24 * h, Limit: perSecond * 86400}})
		rows[0].Reserves = true
		p := byPriority(rows)
		p.Observe(t0, "p", "one", []fallback.Reading{{Target: fallback.TargetAccount, Unit: fallback.Tokens, Per: 24 * h, Limit: perSecond * 86400, Remaining: tt.left}})
		request := fallback.Need{Tokens: 99, MaxOutput: 871} // 129 and 871
		a, ok := p.Pick(t0, &fallback.Walk{Need: request})
		if !ok {
			t.Fatalf("%s: there is room for a thousand", name)
		}
		a.End(t0, outcomeOf("account429"))
		again := 30 * s // the cooldown
		for ; again < 10*m; again += s {
			if _, ok := p.Pick(t0.Add(again), &fallback.Walk{Need: request, Ask: fallback.Ask{MaxWait: s}}); ok {
				break
			}
		}
		if again > tt.want {
			t.Errorf("%s: asked again after %v", name, again)
		}
	}
}
