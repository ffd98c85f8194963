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

// So many are taken on at once as have room without their answers, however much more is expected of those.
func TestAnswersOfManyNeedNoRoomBeforehand(t *testing.T) {
	p := byPriority(limited("A", []fallback.Window{{Unit: fallback.Tokens, Per: m, Limit: 2000}}))
	taken := 0
	for range 20 {
		a, ok := p.Pick(t0, &fallback.Walk{Need: fallback.Need{Tokens: 100, MaxOutput: 300}}) // 131 and 300
		if !ok {
			break
		}
		defer a.End(t0, outcomeOf("ok"))
		taken++
	}
	if taken != 2000/131 {
		t.Errorf("%d are taken on", taken)
	}
}

// What the operator grants for a day is not gone beyond by more than one answer, however many are under way.
func TestAnswersNeedRoomInABudget(t *testing.T) {
	const limit, each = 2000, 27 + 300
	p := byPriority(limited("A", []fallback.Window{{Unit: fallback.Tokens, Cycle: fallback.Daily, Per: 24 * h, Limit: limit, Firm: true}}))
	var under []*fallback.Attempt
	for len(under) < 100 {
		a, ok := p.Pick(t0, &fallback.Walk{Need: fallback.Need{Tokens: 20, MaxOutput: 300}})
		if !ok {
			break
		}
		under = append(under, a)
	}
	for _, a := range under {
		o := outcomeOf("ok")
		o.InputTokens, o.OutputTokens = 27, 300
		a.End(t0, o)
	}
	if used := p.Accounts(t0)[0].Quota[0].Used; used > limit+each {
		t.Errorf("%d of %d are used by %d", used, limit, len(under))
	}
}

// What many requests drew by our count may be more than what their provider counted. By a little of it one may go further, once.
func TestCountOfManyIsInDoubt(t *testing.T) {
	for name, tt := range map[string]struct {
		before, after int // requests that are answered: until our count is full, and beyond
	}{"few": {10, 0}, "many": {100, 1}} {
		const each = 1131
		rows := limited("A", []fallback.Window{{Unit: fallback.Tokens, Per: 24 * h, Cycle: fallback.Daily, Limit: int64(tt.before * each)}})
		rows[0].Reserves = true
		p := byPriority(rows)
		answered := 0
		for range tt.before + 5 {
			a, ok := p.Pick(t0, &fallback.Walk{Need: fallback.Need{Tokens: 100, MaxOutput: 1000}})
			if !ok {
				break
			}
			o := outcomeOf("ok")
			o.InputTokens, o.OutputTokens = 131, 1000
			a.Committed(t0)
			a.End(t0, o)
			answered++
		}
		if answered != tt.before+tt.after {
			t.Errorf("%s: %d of %d were answered", name, answered, tt.before)
		}
	}
}

// However long a window has not been full, no more of it is in doubt than what is in it brings: a burst goes no further than ever.
func TestDoubtDoesNotPileUp(t *testing.T) {
	const each, most = 1131, 100
	rows := limited("A", []fallback.Window{{Unit: fallback.Tokens, Per: h, Limit: most * each, Firm: true}})
	rows[0].Reserves = true
	p := byPriority(rows)
	ask := func(now time.Time) bool {
		a, ok := p.Pick(now, &fallback.Walk{Need: fallback.Need{Tokens: 100, MaxOutput: 1000}})
		if ok {
			o := outcomeOf("ok")
			o.InputTokens, o.OutputTokens = 131, 1000
			a.Committed(now)
			a.End(now, o)
		}
		return ok
	}
	now := t0
	for range 100 * 50 {
		now = now.Add(h / 50)
		ask(now)
	}
	burst := 0
	for burst < 2*most && ask(now) {
		burst++
	}
	if burst > most/2+3 {
		t.Errorf("%d more where 50 of %d have been", burst, most)
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
