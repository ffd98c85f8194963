package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

// askOnce asks for one attempt and ends it.
func askOnce(p *fallback.Pool, now time.Time, o fallback.Outcome) (asked bool) {
	a, ok := p.Pick(now, &fallback.Walk{})
	if !ok {
		return false
	}
	if o.Class == fallback.OK {
		a.Committed(now)
	}
	a.End(now, o)
	return true
}

// After a refusal that said nothing a request that nobody else could answer goes there all the same, if enough have been answered before. When
// it is taken on the rest is over; when it is not, all is as it was.
func TestDares(t *testing.T) {
	const soon = 2500 * time.Millisecond
	stated := outcomeOf("429")
	stated.Until, stated.Stated, stated.RetryAfter = fallback.UntilRetryAfter, true, time.Minute
	for name, tt := range map[string]struct {
		before  int              // answers
		refusal fallback.Outcome // what it rests for
		dared   fallback.Outcome
		asked   bool
		next    bool // whether the next one is taken on a second later
		late    bool // and one after the rest
	}{
		"taken on":          {100, outcomeOf("429"), outcomeOf("ok"), true, true, true},
		"refused":           {100, outcomeOf("429"), outcomeOf("429"), true, false, true},
		"nothing earned":    {20, outcomeOf("429"), outcomeOf("ok"), false, false, true},
		"the wait was said": {100, stated, outcomeOf("ok"), false, false, false},
	} {
		p := byPriority(chain("A"))
		now := t0
		for range tt.before {
			askOnce(p, now, outcomeOf("ok"))
			now = now.Add(time.Second)
		}
		if !askOnce(p, now, tt.refusal) {
			t.Fatal("it rests before it was refused")
		}
		if askOnce(p, now.Add(time.Second), outcomeOf("ok")) {
			t.Errorf("%s: asked at once", name)
		}
		if got := askOnce(p, now.Add(soon), tt.dared); got != tt.asked {
			t.Errorf("%s: asked %v", name, got)
		}
		if got := askOnce(p, now.Add(soon+time.Second), outcomeOf("ok")); got != tt.next {
			t.Errorf("%s: the next one is asked: %v", name, got)
		}
		if got := askOnce(p, now.Add(31*time.Second), outcomeOf("ok")); got != tt.late {
			t.Errorf("%s: when a cooldown is over it is asked: %v", name, got)
		}
		if n := p.Snapshot(now.Add(32 * time.Second))[0].FailureCount; n > 1 {
			t.Errorf("%s: %d failures are counted", name, n)
		}
	}
}

// What a window explains that is open again within a second may be tried then, unless the provider said how long it takes.
func TestDaresWhenTheWindowOpens(t *testing.T) {
	stated := outcomeOf("429")
	stated.Until, stated.Stated, stated.RetryAfter = fallback.UntilRetryAfter, true, time.Minute
	for name, tt := range map[string]struct {
		per     time.Duration
		refusal fallback.Outcome
		want    bool
	}{"within a second": {s, outcomeOf("429"), true}, "later": {5 * s, outcomeOf("429"), false}, "stated": {s, stated, false}} {
		rows := chain("A")
		rows[0].Limits = []fallback.Window{{Per: tt.per, Limit: 1}}
		p := byPriority(rows)
		now := t0
		for range 100 {
			askOnce(p, now, outcomeOf("ok"))
			now = now.Add(2 * tt.per)
		}
		askOnce(p, now, tt.refusal)
		if got := askOnce(p, now.Add(1500*time.Millisecond), outcomeOf("ok")); got != tt.want {
			t.Errorf("%s: asked %v", name, got)
		}
	}
}

// What is refused since it is larger than its whole window is not dared again at once: the window is open as soon as it is empty.
func TestNobodyDaresAtOnceWhatIsLargerThanTheWindow(t *testing.T) {
	p := byPriority(limited("A", []fallback.Window{{Unit: fallback.Tokens, Per: 10 * s, Limit: 500}}))
	now := t0
	for range 100 {
		askOnce(p, now, outcomeOf("ok"))
		now = now.Add(20 * s)
	}
	large := fallback.Need{Tokens: 450} // and the answer
	a, ok := p.Pick(now, &fallback.Walk{Need: large})
	if !ok {
		t.Fatal("an empty window keeps it out")
	}
	a.End(now, outcomeOf("account429"))
	if _, ok := p.Pick(now.Add(50*time.Millisecond), &fallback.Walk{Need: large}); ok {
		t.Error("asked at once")
	}
	if _, ok := p.Pick(now.Add(2500*time.Millisecond), &fallback.Walk{Need: large}); !ok {
		t.Error("not asked after the first dare's time")
	}
}

// However long everybody refuses, no more dare in vain than answers have earned.
func TestDaresAreBounded(t *testing.T) {
	p := byPriority(chain("A B C"))
	now := t0
	for range 1000 {
		askOnce(p, now, outcomeOf("ok"))
		now = now.Add(time.Second)
	}
	calls := 0
	for end := now.Add(29 * time.Second); now.Before(end); now = now.Add(100 * time.Millisecond) {
		for range 3 {
			if askOnce(p, now, outcomeOf("429")) {
				calls++
			}
		}
	}
	if calls < 4 || calls > 3+5 { // one each, and then those that dare
		t.Errorf("%d calls in vain", calls)
	}
}

// A request that leaves to others what they need more does so until a sixth of its wait is left: what it would take at the end it may take then.
func TestSparingEndsBeforeTheWait(t *testing.T) {
	rows := chain("T P")
	rows[0].Tools, rows[1].Tools = true, false
	rows[1].Limits = []fallback.Window{{Per: time.Minute, Limit: 1}}
	p := fallback.New(fallback.Config{Models: rows, Order: fallback.Adaptive, MaxWaiting: 10})
	var alarm time.Time
	p.SetAlarm(func(at time.Time) { alarm = at })
	for range 10 {
		a, _ := p.Pick(t0, &fallback.Walk{Need: fallback.Need{Tools: true}})
		a.End(t0, outcomeOf("ok"))
	}
	plain := func(now time.Time) (*fallback.Walk, *fallback.Attempt) {
		w := &fallback.Walk{Ask: fallback.Ask{MaxWait: 15 * time.Second}}
		a, _ := p.Pick(now, w)
		return w, a
	}
	if _, a := plain(t0); a == nil || a.Model.ID != "P" {
		t.Fatal("the plain one is not asked first")
	}
	from := t0.Add(46 * time.Second)
	w, a := plain(from)
	woken := false
	if a != nil || !p.Wait(from, w, from.Add(15*time.Second), func() { woken = true }) {
		t.Fatal("it does not wait for the plain one")
	}
	late := from.Add(12500 * time.Millisecond)
	if !alarm.Equal(late) {
		t.Errorf("the alarm is set to %v", alarm.Sub(from))
	}
	p.Dispatch(late.Add(-time.Millisecond))
	if woken {
		t.Error("it spares nothing")
	}
	if p.Dispatch(late); !woken {
		t.Error("it spares to the end")
	}
	if a, ok := p.Turn(late, w); !ok || a.Model.ID != "T" {
		t.Error("it got nothing")
	}
}

// Of many that wait one dares while all still have time: if it was right the others follow it, one, two, four at a time.
func TestOneDaresWhileOthersStillWait(t *testing.T) {
	rows := chain("A B")
	rows[1].Limits = []fallback.Window{{Per: 15 * s, Limit: 1}}
	l := newLine(fallback.New(fallback.Config{Models: rows, MaxWaiting: 10}))
	now := t0
	for range 100 {
		askOnce(l.p, now, outcomeOf("ok"))
		now = now.Add(s)
	}
	askOnce(l.p, now, outcomeOf("429")) // A rests for half a minute
	askOnce(l.p, now, outcomeOf("ok"))
	for name, client := range map[string]string{"first": "a", "second": "b", "third": "c"} {
		if got := l.join(now.Add(s), name, client, fallback.Need{}); got != "waits" {
			t.Fatal(got)
		}
	}
	late := now.Add(s + 12500*time.Millisecond)
	if l.alarm.After(late) {
		t.Errorf("the alarm is set to %v after the refusal", l.alarm.Sub(now))
	}
	l.p.Dispatch(late.Add(-s))
	if len(l.woken) > 0 {
		t.Errorf("%v dares, and has time", l.woken)
	}
	if l.p.Dispatch(late); len(l.woken) != 1 {
		t.Fatalf("%v dare", l.woken)
	}
	a, ok := l.p.Turn(late, l.walks[l.woken[0]])
	if !ok || a.Model.ID != "A" {
		t.Fatal("it has not got A")
	}
	if a.Committed(late.Add(s)); len(l.woken) != 3 {
		t.Errorf("it was taken on, and %d follow", len(l.woken)-1)
	}
	a.End(late.Add(s), outcomeOf("ok"))
}

// A stated end holds although the trial at half of it meets a limit that does not say how long.
func TestNobodyDaresBeforeAStatedEnd(t *testing.T) {
	p := byPriority(chain("A B"))
	now := t0
	for range 200 {
		askOnce(p, now, outcomeOf("ok"))
		now = now.Add(s)
	}
	// A says three hours; B is gone for good by now
	w := &fallback.Walk{}
	a, _ := p.Pick(now, w)
	o := outcomeOf("429/3h")
	e := a.End(now, o)
	t.Log("A rests", e.Until.Sub(now), a.Model.ID)
	end := e.Until
	b, _ := p.Pick(now, w)
	b.End(now, outcomeOf("429/20h"))
	half := now.Add(91 * m)
	c, ok := p.Pick(half, &fallback.Walk{})
	if !ok {
		t.Fatal("no trial")
	}
	c.End(half, outcomeOf("429"))
	for _, after := range []time.Duration{1 * s, 3 * s, 8 * s, 20 * s, 60 * s} {
		at := half.Add(after)
		if d, ok := p.Pick(at, &fallback.Walk{}); ok {
			t.Errorf("%v after the trial %s is asked, %v before its stated end", after, d.Model.ID, end.Sub(at))
			d.End(at, outcomeOf("429"))
		}
	}
}

// Who joins with a shorter wait is late before the others are.
func TestTheFirstWhoIsLateSetsTheAlarm(t *testing.T) {
	rows := chain("A")
	l := newLine(fallback.New(fallback.Config{Models: rows, MaxWaiting: 10}))
	now := t0
	for range 100 {
		askOnce(l.p, now, outcomeOf("ok"))
		now = now.Add(s)
	}
	askOnce(l.p, now, outcomeOf("429")) // half a minute
	join := func(wait time.Duration) bool {
		w := &fallback.Walk{Ask: fallback.Ask{MaxWait: wait}}
		if a, ok := l.p.Pick(now, w); ok {
			a.End(now, outcomeOf("ok"))
			t.Fatal("served")
		}
		return l.p.Wait(now, w, now.Add(wait), func() {})
	}
	if !join(40 * s) {
		t.Fatal("no wait")
	}
	t.Log("alarm", l.alarm.Sub(now))
	if !join(31 * s) {
		t.Fatal("no wait")
	}
	t.Log("alarm", l.alarm.Sub(now))
	if want := now.Add(31*s - 31*s/6); l.alarm.After(want) {
		t.Errorf("alarm at %v, the second one is late at %v", l.alarm.Sub(now), want.Sub(now))
	}
}

// Who will see the end of the rest does not give it away for a dare.
func TestNobodyDaresWhoseWaitIsLongEnough(t *testing.T) {
	l := newLine(fallback.New(fallback.Config{Models: chain("A"), MaxWaiting: 10}))
	now := t0
	for range 100 {
		askOnce(l.p, now, outcomeOf("ok"))
		now = now.Add(s)
	}
	askOnce(l.p, now, outcomeOf("429")) // half a minute
	opens, until := now.Add(30*s), now.Add(33*s)
	w := &fallback.Walk{Ask: fallback.Ask{MaxWait: 33 * s}}
	if _, ok := l.p.Pick(now, w); ok {
		t.Fatal("served")
	}
	woken := false
	if !l.p.Wait(now, w, until, func() { woken = true }) {
		t.Fatal("does not wait")
	}
	for ; !now.After(until); now = now.Add(s / 4) {
		l.p.Dispatch(now)
		if !woken {
			continue
		}
		woken = false
		a, ok := l.p.Turn(now, w)
		if !ok {
			t.Fatalf("woken for nothing, %v before A opens", opens.Sub(now))
		}
		if !now.Before(opens) {
			a.End(now, outcomeOf("ok"))
			return
		}
		a.End(now, outcomeOf("429"))
		if _, ok := l.p.Pick(now, w); !ok && !l.p.Wait(now, w, until, func() { woken = true }) {
			t.Fatalf("an error %v before A opens, and %v before the end of the wait", opens.Sub(now), until.Sub(now))
		}
	}
	t.Fatal("nothing")
}

// Who was given up by our side has lost nothing.
func TestTheCreditOfWhoLeft(t *testing.T) {
	p := byPriority(chain("A"))
	now := t0
	for range 60 { // one credit and a bit
		askOnce(p, now, outcomeOf("ok"))
		now = now.Add(s)
	}
	askOnce(p, now, outcomeOf("429"))
	a, ok := p.Pick(now.Add(3*s), &fallback.Walk{})
	if !ok {
		t.Fatal("nobody dares")
	}
	a.End(now.Add(4*s), fallback.Outcome{Class: fallback.ClientLeft})
	if b, ok := p.Pick(now.Add(20*s), &fallback.Walk{}); !ok {
		t.Error("the credit is gone, although nothing was refused")
	} else {
		b.End(now.Add(20*s), outcomeOf("ok"))
	}
}
