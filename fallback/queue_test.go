package fallback_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"freefall/fallback"
)

// line is a queue as a test sees it: who waits, and the order in which they were woken.
type line struct {
	p     *fallback.Pool
	walks map[string]*fallback.Walk
	woken []string
	alarm time.Time
}

func newLine(p *fallback.Pool) *line {
	l := &line{p: p, walks: map[string]*fallback.Walk{}}
	p.SetAlarm(func(at time.Time) { l.alarm = at })
	return l
}

// join asks, and waits when nobody is open; it says what came of it.
func (l *line) join(now time.Time, name, client string, need fallback.Need) string {
	w := &fallback.Walk{Need: need, Ask: fallback.Ask{Client: client}}
	if a, ok := l.p.Pick(now, w); ok {
		a.End(now, outcomeOf("ok"))
		return "served"
	}
	l.walks[name] = w
	if l.p.Wait(now, w, now.Add(15*s), func() { l.woken = append(l.woken, name) }) {
		return "waits"
	}
	return "refused"
}

// served ends the attempts of those that were woken since the last look.
func (l *line) served(now time.Time) string {
	var out []string
	for _, name := range l.woken {
		if a, ok := l.p.Turn(now, l.walks[name]); ok {
			out = append(out, name)
			a.End(now, outcomeOf("ok"))
		}
	}
	l.woken = nil
	return strings.Join(out, " ")
}

func per10(n int64) []fallback.Window { return []fallback.Window{{Per: 10 * s, Limit: n}} }

// Who waits is served when the window opens, in the order of coming, and nobody overtakes.
func TestWaitUntilTheWindowOpens(t *testing.T) {
	l := newLine(fallback.New(fallback.Config{Models: limited("A", per10(2)), MaxWaiting: 10}))
	got := ""
	for i := range 6 {
		got += l.join(t0.Add(time.Duration(i)*s), fmt.Sprint(i), "", fallback.Need{}) + " "
	}
	if got != "served served waits waits waits waits " {
		t.Fatal(got)
	}
	opens := t0.Add(10*s + 100*time.Millisecond)
	if !l.alarm.Equal(opens) {
		t.Errorf("the alarm is set to %v", l.alarm.Sub(t0))
	}
	l.p.Dispatch(opens.Add(-1))
	if l.woken != nil {
		t.Errorf("%v are woken too early", l.woken)
	}
	l.p.Dispatch(opens)
	if got := l.served(opens); got != "2" {
		t.Errorf("%q are served first", got)
	}
	if !l.alarm.Equal(opens.Add(s)) {
		t.Errorf("the alarm is then set to %v", l.alarm.Sub(t0))
	}
	if got := l.join(opens.Add(s), "late", "", fallback.Need{}); got != "waits" {
		t.Errorf("a newcomer is %s", got)
	}
	if got := l.served(opens.Add(s)); got != "3" {
		t.Errorf("%q are served next", got)
	}
}

// There is no waiting for what does not end in time, for faults, for the sick and for ever.
func TestNoUseInWaiting(t *testing.T) {
	for outcome, want := range map[string]string{
		"429/10s": "waits", "429/16s": "refused", "429": "refused", "fault/10s": "refused", "gone": "refused", "auth": "refused",
		"account429/10s": "waits", "upstream429": "refused",
	} {
		l := newLine(fallback.New(fallback.Config{Models: chain("A"), MaxWaiting: 10}))
		a, _ := l.p.Pick(t0, &fallback.Walk{})
		a.End(t0, outcomeOf(outcome))
		if got := l.join(t0, "x", "", fallback.Need{}); got != want {
			t.Errorf("after %s a request %s, want %s", outcome, got, want)
		}
	}
}

// A pair that refused the walk itself may be asked once more, after its stated reset; no other is asked twice.
func TestOneMoreRound(t *testing.T) {
	p := fallback.New(fallback.Config{Models: chain("A B"), MaxWaiting: 10})
	var w fallback.Walk
	for _, outcome := range []string{"429/5s", "fault"} {
		a, _ := p.Pick(t0, &w)
		a.End(t0, outcomeOf(outcome))
	}
	if _, ok := p.Pick(t0, &w); ok {
		t.Fatal("somebody is asked twice")
	}
	woken := 0
	if !p.Wait(t0, &w, t0.Add(15*s), func() { woken++ }) {
		t.Fatal("there is no waiting")
	}
	p.Dispatch(t0.Add(5*s - 1))
	p.Dispatch(t0.Add(5 * s))
	a, ok := p.Turn(t0.Add(5*s), &w)
	if woken != 1 || !ok || a.Model.ID != "A" {
		t.Fatalf("woken %d times, granted %v", woken, ok)
	}
	a.End(t0.Add(5*s), outcomeOf("429/5s"))
	if _, ok := p.Pick(t0.Add(5*s), &w); ok {
		t.Error("somebody is asked a third time")
	}
	if p.Wait(t0.Add(5*s), &w, t0.Add(15*s), func() {}) {
		t.Error("it waits twice")
	}
}

// The rests of several end one after the other: the round goes on until each was asked once more, or the time is up.
func TestOneMoreRoundOfSeveral(t *testing.T) {
	p := fallback.New(fallback.Config{Models: chain("A B C"), MaxWaiting: 10})
	var w fallback.Walk
	for _, outcome := range []string{"429/5s", "429/8s", "429/20s"} {
		a, _ := p.Pick(t0, &w)
		a.End(t0, outcomeOf(outcome))
	}
	until := t0.Add(15 * s)
	for _, next := range []struct {
		model string
		at    time.Time
	}{{"A", t0.Add(5 * s)}, {"B", t0.Add(8 * s)}} {
		if !p.Wait(next.at.Add(-s), &w, until, func() {}) {
			t.Fatalf("there is no waiting for %s", next.model)
		}
		p.Dispatch(next.at)
		a, ok := p.Turn(next.at, &w)
		if !ok || a.Model.ID != next.model {
			t.Fatalf("%s is not granted", next.model)
		}
		a.End(next.at, outcomeOf("429/2s"))
	}
	if p.Wait(t0.Add(8*s), &w, until, func() {}) {
		t.Error("it waits for those that it has asked once more, or for one that opens too late")
	}
}

// Clients take turns: who floods waits for himself.
func TestFairTurns(t *testing.T) {
	l := newLine(fallback.New(fallback.Config{Models: limited("A", per10(4)), MaxWaiting: 200}))
	for i := range 200 {
		l.join(t0, fmt.Sprintf("a%d", i), "a", fallback.Need{})
	}
	for i := range 5 {
		if got := l.join(t0.Add(s), fmt.Sprintf("b%d", i), "b", fallback.Need{}); got != "waits" {
			t.Fatalf("b is %s", got)
		}
	}
	now := t0.Add(11 * s)
	l.p.Dispatch(now)
	if got := l.served(now); got != "b0 a4 b1 a5" {
		t.Errorf("%q are served", got)
	}
}

// A full queue takes in who holds little of it, at the cost of who holds most.
func TestFullQueue(t *testing.T) {
	l := newLine(fallback.New(fallback.Config{Models: limited("A", per10(1)), MaxWaiting: 4}))
	var got []string
	for client := range strings.FieldsSeq("a a a a a a b b b c") {
		got = append(got, l.join(t0, fmt.Sprintf("%s%d", client, len(got)), client, fallback.Need{}))
	}
	if text := strings.Join(got, " "); text != "served waits waits waits waits refused waits waits refused waits" {
		t.Error(text)
	}
	if l.p.Waiting() != 4 || l.served(t0) != "" {
		t.Errorf("%d wait", l.p.Waiting())
	}
}

// What can do tools goes first to who needs them.
func TestToolsFirst(t *testing.T) {
	l := newLine(fallback.New(fallback.Config{Models: limited("A", per10(1)), MaxWaiting: 9}))
	l.join(t0, "first", "", fallback.Need{})
	for _, name := range []string{"plain", "tools"} {
		l.join(t0.Add(s), name, "", fallback.Need{Tools: name == "tools"})
	}
	l.p.Dispatch(t0.Add(11 * s))
	if got := l.served(t0.Add(11 * s)); got != "tools" {
		t.Errorf("%q is served", got)
	}
}

// Who leaves gives up the place, and what was granted meanwhile goes back.
func TestLeavingTheQueue(t *testing.T) {
	l := newLine(fallback.New(fallback.Config{Models: limited("A", per10(1)), MaxWaiting: 9}))
	for name := range strings.FieldsSeq("0 1 2") {
		l.join(t0, name, "", fallback.Need{})
	}
	now := t0.Add(11 * s)
	l.p.Dispatch(now)
	a, ok := l.p.Turn(now, l.walks["1"])
	if !ok {
		t.Fatal("the first is not granted anything")
	}
	if _, ok := l.p.Turn(now, l.walks["1"]); ok {
		t.Error("it is granted twice")
	}
	l.woken = nil
	a.End(now, fallback.Outcome{Class: fallback.Stopped, Unsent: true})
	if got := l.served(now); got != "2" {
		t.Errorf("%q gets what came back", got)
	}
	if l.p.Waiting() != 0 {
		t.Errorf("%d wait", l.p.Waiting())
	}
}

// After a limit that nobody can measure those that wait do not all come at once: one finds out, then twice as many.
func TestSlowStart(t *testing.T) {
	l := newLine(fallback.New(fallback.Config{Models: chain("A"), MaxWaiting: 100}))
	a, _ := l.p.Pick(t0, &fallback.Walk{})
	a.End(t0, outcomeOf("429/10s"))
	for i := range 20 {
		if got := l.join(t0, fmt.Sprint(i), "", fallback.Need{}); got != "waits" {
			t.Fatal(got)
		}
	}
	now := t0.Add(10 * s)
	l.p.Dispatch(now)
	let := func() (in []*fallback.Attempt) {
		for _, name := range l.woken {
			if a, ok := l.p.Turn(now, l.walks[name]); ok {
				in = append(in, a)
			}
		}
		l.woken = nil
		return in
	}
	one := let()
	if len(one) != 1 {
		t.Fatalf("%d are let in first", len(one))
	}
	one[0].Committed(now)
	two := let()
	if len(two) != 2 {
		t.Fatalf("%d are let in after one success", len(two))
	}
	two[0].End(now, outcomeOf("429/2s"))
	if more := let(); len(more) != 0 {
		t.Fatalf("%d are let in after a refusal", len(more))
	}
	two[1].End(now, outcomeOf("ok"))
	now = now.Add(2 * s)
	l.p.Dispatch(now)
	if more := let(); len(more) == 0 || len(more) > 2 {
		t.Fatalf("%d are let in after the second limit", len(more))
	}
}

// Those that go along different lists want different things, however alike they are: one whose chain is spent keeps nobody else
// waiting.
func TestWaitingInAnotherList(t *testing.T) {
	rows := chain("A B")
	rows[0].Limits, rows[1].Limits = per10(1), []fallback.Window{{Per: 5 * s, Limit: 1}}
	p := fallback.New(fallback.Config{Models: rows, MaxWaiting: 10, Order: fallback.Priority, Chains: []fallback.Chain{
		{Name: "talk", Models: []string{"A"}, Match: fallback.Match{Task: "talk"}}}})
	play(t, p, []step{{0, "plain", "A=ok", ""}, {0, "plain", "B=ok", ""}})
	woken := ""
	wait := func(name, task string) *fallback.Walk {
		w := &fallback.Walk{Ask: fallback.Ask{Task: task}}
		if _, ok := p.Pick(t0, w); ok || !p.Wait(t0, w, t0.Add(15*s), func() { woken += name }) {
			t.Fatalf("%s does not wait", name)
		}
		return w
	}
	wait("talk ", "talk")
	wait("plain ", "")
	if p.Dispatch(t0.Add(6 * s)); woken != "plain " {
		t.Errorf("B is open, and woken are %q", woken)
	}
	if p.Dispatch(t0.Add(11 * s)); woken != "plain talk " {
		t.Errorf("A is open, and woken are %q", woken)
	}
}
