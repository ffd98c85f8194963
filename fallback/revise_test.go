package fallback

import (
	"fmt"
	"testing"
	"time"
)

func listed(ids ...string) (c Config) {
	for _, id := range ids {
		c.Models = append(c.Models, Model{Provider: "p", ID: id, Proof: ProvenPlan, Keys: []Key{{}}, Limits: []Window{{Unit: Requests, Per: time.Minute, Limit: 5}}})
	}
	return c
}

// What an answer called gone comes back with its row, what waits for a person does not, and a row that stayed is as it was.
func TestReviseLiftsWhatListsKnowBetter(t *testing.T) {
	now := time.Unix(1e9, 0)
	all := listed("a", "b", "c")
	p := New(all)
	rest := func(id string, class Class, until Until, target Target) {
		a, ok := p.Pick(now, &Walk{Ask: Ask{Model: id, Only: true}})
		if !ok {
			t.Fatal(id)
		}
		a.End(now, Outcome{Class: class, Target: target, Until: until})
	}
	rest("a", ModelGone, UntilForever, TargetModel)
	rest("b", ModelGone, UntilForever, TargetModel)
	rest("c", NotFree, UntilForever, TargetModel)
	reasons := func() (out string) {
		for _, s := range p.Snapshot(now) {
			out += s.Model.ID + ":" + s.Reason + " "
		}
		return out
	}
	off := listed("a", "b", "c")
	off.Models[0].Off = "gone"
	p.Revise(off)
	if got := reasons(); got != "a:gone b:gone c:not_free " {
		t.Errorf("with a off: %s", got)
	}
	p.Revise(all)
	if got := reasons(); got != "a: b:gone c:not_free " {
		t.Errorf("a came back: %s", got)
	}
	p.Revise(listed("a", "c"))
	p.Revise(all)
	if got := reasons(); got != "a: b: c:not_free " {
		t.Errorf("b came back: %s", got)
	}
}

// What has had no row for 30 days is forgotten, over restarts too, and what comes back in time is not. Lists that name others each
// time are forgotten sooner.
func TestWhatLeftIsForgotten(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := New(listed("a", "b"))
	p.Pause("p", "a")
	p.Pause("p", "b")
	p.Reconfigure(listed("b"))
	saved := p.Save(now)
	if len(saved.Models) != 2 {
		t.Fatalf("%+v", saved.Models)
	}
	p = New(listed("b"))
	p.Restore(saved)
	if got := p.Save(now.Add(29 * day)).Models; len(got) != 2 {
		t.Errorf("after 29 days: %+v", got)
	}
	if got := p.Save(now.Add(31 * day)).Models; len(got) != 1 || got[0].ID != "b" {
		t.Errorf("after 31 days: %+v", got)
	}
	if n := len(p.state.pairs) + len(p.state.quotas); n != 2 {
		t.Errorf("%d of its pairs and quotas are left", n-2)
	}
	for i := range 2*manyLeft + 1 {
		p.Reconfigure(listed("b", fmt.Sprint(i)))
	}
	p.Reconfigure(listed("b"))
	p.Save(now)
	p.Save(now.Add(day + time.Second))
	if n := len(p.state.models); n != 1 {
		t.Errorf("%d models are remembered", n)
	}
}
