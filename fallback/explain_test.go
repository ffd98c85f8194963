package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

// A window of tokens that has room for a small request and none for this one is why it is not asked, and says when it will be.
func TestALargeRequestIsToldOfItsWindow(t *testing.T) {
	rows := chain("A")
	rows[0].Limits = []fallback.Window{{Unit: fallback.Tokens, Per: time.Minute, Limit: 10_000}}
	p := fallback.New(fallback.Config{Models: rows})
	large := fallback.Need{Tokens: 6000}
	first := fallback.Walk{Need: large}
	a, ok := p.Pick(t0, &first)
	if !ok {
		t.Fatal("nobody is there")
	}
	a.End(t0, outcomeOf("ok"))
	now := t0.Add(10 * time.Second)

	if c := p.Explain(now, fallback.Need{Tokens: 10}, fallback.Ask{})[0]; c.Skip != "" {
		t.Errorf("a small request: %+v", c)
	}
	ready := t0.Add(time.Minute + 250*time.Millisecond)
	if c := p.Explain(now, large, fallback.Ask{})[0]; c.Skip != "rate_limited" || !c.Ready.Equal(ready) {
		t.Errorf("a large request: skipped for %q until %v, want %v", c.Skip, c.Ready, ready)
	}
	second := fallback.Walk{Need: large}
	if a, ok := p.Pick(now, &second); ok {
		t.Fatalf("%s was picked", a.Model.ID)
	}
	if x := p.Exhausted(now, &second); !x.Limited || !x.Ready.Equal(ready) {
		t.Errorf("limited is %v, ready %v, want %v", x.Limited, x.Ready, ready)
	}
}
