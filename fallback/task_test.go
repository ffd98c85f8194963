package fallback_test

import (
	"fmt"
	"strings"
	"testing"

	"freefall/fallback"
)

// first is who a request is sent to first.
func first(p *fallback.Pool, need fallback.Need, ask fallback.Ask) string {
	for _, c := range p.Explain(t0, need, ask) {
		if c.Skip == "" {
			return c.Model.ID
		}
	}
	return "none"
}

func TestTasksAndStrengths(t *testing.T) {
	rows := chain("A B C")
	rows[1].Strengths, rows[2].Strengths = []string{"korean"}, []string{"korean", "code"}
	p := fallback.New(fallback.Config{Models: rows, Chains: []fallback.Chain{
		{Name: "talk", Models: []string{"B"}, Match: fallback.Match{Tools: fallback.No, Task: "talk"}},
		{Name: "sum", Models: []string{"C", "A"}, Match: fallback.Match{MinTokens: 5000}},
	}})
	for _, c := range []struct {
		task string
		need fallback.Need
		want string
	}{
		{"", fallback.Need{}, "A"},
		{"korean", fallback.Need{}, "B"},
		{"code", fallback.Need{}, "C"},
		{"dance", fallback.Need{}, "A"},
		{"talk", fallback.Need{}, "B"},
		{"talk", fallback.Need{Tools: true}, "A"},
		{"", fallback.Need{Tokens: 5000}, "C"},
	} {
		if got := first(p, c.need, fallback.Ask{Task: c.task}); got != c.want {
			t.Errorf("%q %+v: %s is first, want %s", c.task, c.need, got, c.want)
		}
	}
}

// Each decision about the list is told.
func TestDecisions(t *testing.T) {
	rows := chain("A B")
	rows[1].Strengths, rows[1].Training = []string{"korean"}, fallback.NeverTrains
	p := fallback.New(fallback.Config{Models: rows, Order: fallback.Adaptive, Chains: []fallback.Chain{
		{Name: "talk", Models: []string{"B"}, Match: fallback.Match{Task: "talk"}, NoTrain: true}}})
	a, _ := p.Pick(t0, &fallback.Walk{Ask: fallback.Ask{Talk: 7}})
	a.End(t0, outcomeOf("ok"))
	for want, ask := range map[string]fallback.Ask{
		"":                                     {Task: "dance"},
		"what the request names comes first":   {Model: "B"},
		"models of strength korean come first": {Task: "korean"},
		"the conversation goes on with A":      {Talk: 7, TalkGoesOn: true},
		"chain talk matches the request; only models that are never trained on prompts":  {Task: "talk"},
		"the request asks for chain talk; only models that are never trained on prompts": {Model: "freefall/talk", Talk: 7, TalkGoesOn: true},
	} {
		if got := strings.Join(p.Decisions(t0, fallback.Need{}, ask), "; "); got != want {
			t.Errorf("%+v: %q, want %q", ask, got, want)
		}
	}

	p = fallback.New(fallback.Config{Models: rows})
	play(t, p, []step{{0, "plain", "A=fault B=ok", ""}})
	if got := p.Decisions(t0, fallback.Need{}, fallback.Ask{}); len(got) != 1 || got[0] != "B answered the last request of this kind" {
		t.Errorf("%q", got)
	}
	if got := p.Decisions(t0, fallback.Need{Tools: true}, fallback.Ask{}); len(got) != 0 {
		t.Errorf("of another kind: %q", got)
	}
}

// What must not be trained on goes only to who is known not to, by whichever of the three ways it is asked for.
func TestPrivacy(t *testing.T) {
	rows := chain("A B C")
	rows[1].Training, rows[2].Training = fallback.MayTrain, fallback.NeverTrains
	config := fallback.Config{Models: rows, Chains: []fallback.Chain{{Name: "discreet", Models: []string{"*"}, NoTrain: true}}}
	p := fallback.New(config)
	for want, c := range map[string]fallback.Ask{"A": {}, "C": {Model: "freefall/discreet"}} {
		if got := first(p, fallback.Need{}, c); got != want {
			t.Errorf("%+v: %s is first", c, got)
		}
	}
	if got := first(p, fallback.Need{NoTrain: true}, fallback.Ask{}); got != "C" {
		t.Errorf("a discreet request goes to %s", got)
	}
	config.NoTrain = true
	p.Reconfigure(config)
	if got := first(p, fallback.Need{}, fallback.Ask{Model: "A"}); got != "C" {
		t.Errorf("with a discreet configuration %s is first", got)
	}
	c := p.Explain(t0, fallback.Need{}, fallback.Ask{})
	for i, want := range []string{"nobody says whether who serves it trains on prompts", "who serves it for free may train on prompts"} {
		if c[i].Skip != "may_train" || !c[i].Unfit || c[i].Detail != want {
			t.Errorf("explained: %+v", c[i])
		}
	}
}

// A refused feature is forgotten after a week: models learn.
func TestRefusalsAreForgotten(t *testing.T) {
	p := byPriority(chain("A"))
	play(t, p, []step{
		{0, "tools", "A=notools", ""},
		{6 * 24 * h, "tools", "none", ""},
		{7 * 24 * h, "tools", "A=ok", ""},
	})
}

// A conversation stays with the model that began it while that one is well: a named one in every order, others when the order is
// adaptive.
func TestConversations(t *testing.T) {
	for _, c := range []struct {
		order fallback.Order
		named bool
		keeps bool
	}{{fallback.Adaptive, false, true}, {fallback.Adaptive, true, true}, {fallback.LastGood, false, false}, {fallback.LastGood, true, true}} {
		p := fallback.New(fallback.Config{Models: chain("A B"), Order: c.order})
		ask := func(talk uint64) fallback.Ask { return fallback.Ask{Talk: talk, NamedTalk: c.named, TalkGoesOn: true} }
		w := fallback.Walk{Ask: fallback.Ask{Talk: 7, NamedTalk: c.named}}
		a, _ := p.Pick(t0, &w)
		a.End(t0, outcomeOf("fault"))
		b, _ := p.Pick(t0, &w)
		b.End(t0, outcomeOf("ok"))
		if b.Model.ID != "B" {
			t.Fatal("B did not answer")
		}
		for range 10 { // others bring A back
			now := t0.Add(10 * m)
			a, _ := p.Pick(now, &fallback.Walk{Ask: fallback.Ask{Model: "A"}})
			a.End(now, outcomeOf("ok"))
			a, _ = p.Pick(now, &fallback.Walk{})
			a.End(now, outcomeOf("ok"))
		}
		pick := func(talk uint64) string {
			a, _ := p.Pick(t0.Add(11*m), &fallback.Walk{Ask: ask(talk)})
			defer a.End(t0.Add(11*m), outcomeOf("left"))
			return a.Model.ID
		}
		if got := pick(7); (got == "B") != c.keeps {
			t.Errorf("%+v: the conversation goes on with %s", c, got)
		}
		if a, _ := p.Pick(t0.Add(11*m), &fallback.Walk{Ask: fallback.Ask{Talk: 7}}); a.Model.ID != "A" {
			t.Errorf("%+v: one that only begins alike goes to %s", c, a.Model.ID)
		} else {
			a.End(t0.Add(11*m), outcomeOf("left"))
		}
		if got := pick(8); got != "A" {
			t.Errorf("%+v: another one begins with %s", c, got)
		}
		for i := range uint64(9000) { // it has been silent for long
			a, _ := p.Pick(t0.Add(11*m), &fallback.Walk{Ask: ask(100 + i)})
			a.End(t0.Add(11*m), outcomeOf("ok"))
		}
		if got := pick(7); got != "A" {
			t.Errorf("%+v: a conversation of long ago goes on with %s", c, got)
		}
	}
}

// Under adaptive a model that is bad at one task is still asked for others.
func TestAdaptiveLearnsByTask(t *testing.T) {
	p := fallback.New(fallback.Config{Models: chain("A B"), Order: fallback.Adaptive, Breaker: fallback.Breaker{Failures: 1000}})
	for i := range 40 {
		need, outcome := fallback.Need{Tools: i > 10 && i%2 == 0}, "ok"
		a, _ := p.Pick(t0, &fallback.Walk{Need: need})
		if need.Tools && a.Model.ID == "A" {
			outcome = "fault"
		}
		a.End(t0, outcomeOf(outcome))
	}
	if got := fmt.Sprint(first(p, fallback.Need{}, fallback.Ask{}), first(p, fallback.Need{Tools: true}, fallback.Ask{})); got != "AB" {
		t.Errorf("plain and tools go to %s", got)
	}
}
