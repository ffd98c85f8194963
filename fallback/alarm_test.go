package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

// waiter puts a walk into the queue of a pool.
func waiter(t *testing.T, p *fallback.Pool, now time.Time) *fallback.Walk {
	t.Helper()
	w := &fallback.Walk{}
	if a, ok := p.Pick(now, w); ok {
		t.Fatalf("%s is open", a.Model.ID)
	}
	if !p.Wait(now, w, now.Add(time.Hour), func() {}) {
		t.Fatal("it may not wait")
	}
	return w
}

// An alarm that goes off too early, since clocks differ, is set again: those that wait are not forgotten.
func TestAnEarlyAlarmIsSetAgain(t *testing.T) {
	rows := chain("A")
	rows[0].Limits = []fallback.Window{{Per: time.Minute, Limit: 1}}
	p := fallback.New(fallback.Config{Models: rows, MaxWaiting: 1})
	var alarms []time.Time
	p.SetAlarm(func(at time.Time) { alarms = append(alarms, at) })
	var first fallback.Walk
	a, _ := p.Pick(t0, &first)
	a.End(t0, outcomeOf("ok"))
	w := waiter(t, p, t0)
	if len(alarms) != 1 {
		t.Fatalf("alarms: %v", alarms)
	}
	p.Dispatch(alarms[0].Add(-time.Millisecond))
	if len(alarms) != 2 || !alarms[1].Equal(alarms[0]) {
		t.Fatalf("alarms: %v", alarms)
	}
	p.Dispatch(alarms[1])
	if _, ok := p.Turn(alarms[1], w); !ok {
		t.Error("nobody was served")
	}
}

// What is open but has as many as may find out what is free opens when one of them ends, or when they take too long.
func TestNoAlarmForWhatIsCrowded(t *testing.T) {
	p := fallback.New(fallback.Config{Models: chain("A"), MaxWaiting: 3})
	var alarms []time.Time
	p.SetAlarm(func(at time.Time) { alarms = append(alarms, at) })
	var first fallback.Walk
	a, _ := p.Pick(t0, &first)
	a.End(t0, outcomeOf("429/1m"))
	walks := []*fallback.Walk{waiter(t, p, t0), waiter(t, p, t0), waiter(t, p, t0)}
	open := t0.Add(time.Minute)
	p.Dispatch(open)
	alarms = nil
	var served *fallback.Attempt
	for _, w := range walks {
		if p.Dispatch(open); served == nil {
			served, _ = p.Turn(open, w)
		}
	}
	if served == nil || p.Waiting() != 2 {
		t.Fatalf("%v was served, %d wait", served, p.Waiting())
	}
	for _, at := range alarms {
		if at.Sub(open) != 2*s {
			t.Errorf("an alarm after %v", at.Sub(open))
		}
	}
	served.End(open, outcomeOf("ok"))
	if p.Waiting() != 0 {
		t.Errorf("%d wait although it is open", p.Waiting())
	}
}
