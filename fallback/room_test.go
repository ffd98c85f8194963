package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

// Some count the longest answer when a request comes, and refuse what could become longer than their window: that is learned from the first
// refusal, so that the next requests of the kind go elsewhere at once.
func TestLongAnswersThatAreCounted(t *testing.T) {
	short, long, wordy := fallback.Need{Tokens: 10, MaxOutput: 4000}, fallback.Need{Tokens: 10, MaxOutput: 32000}, fallback.Need{Tokens: 9000, MaxOutput: 32000}
	for name, tt := range map[string]struct {
		limit    int64
		reserves bool
		refused  fallback.Need
		outcome  string
		skip     string // of a request for a long answer, later
	}{
		"refused":                        {12000, false, long, "413", "max_tokens"},
		"not refused":                    {12000, true, short, "ok", ""},
		"a long prompt may be the cause": {12000, false, wordy, "413", ""},
		"a short answer is not":          {12000, false, short, "toolong", ""},
		"a window that holds it":         {40000, false, long, "toolong", ""},
		"a limit":                        {12000, false, long, "429", ""},
		"a window that nobody named":     {0, false, long, "toolong", ""},
	} {
		rows := chain("A")
		rows[0].Reserves = tt.reserves
		if tt.limit > 0 {
			rows[0].Limits = []fallback.Window{{Unit: fallback.Tokens, Per: time.Minute, Limit: tt.limit}}
		}
		p := byPriority(rows)
		a, ok := p.Pick(t0, &fallback.Walk{Need: tt.refused})
		if !ok {
			t.Fatalf("%s: nobody at first", name)
		}
		a.End(t0, outcomeOf(tt.outcome))
		now := t0.Add(2 * h)
		if got := p.Explain(now, long, fallback.Ask{})[0].Skip; got != tt.skip {
			t.Errorf("%s: skipped for %q, want %q", name, got, tt.skip)
		}
		if got := p.Explain(now, short, fallback.Ask{})[0].Skip; got != "" {
			t.Errorf("%s: a short answer is skipped for %q", name, got)
		}
		if got := p.Explain(t0.Add(8*24*h), long, fallback.Ask{})[0].Skip; !tt.reserves && got != "" {
			t.Errorf("%s: after a week it is skipped for %q", name, got)
		}
	}
}

// A long prompt beside a long answer is refused for the context of the model: that says nothing of its windows.
func TestContextIsNoWindow(t *testing.T) {
	rows := chain("A")
	rows[0].Context = 40000
	rows[0].Limits = []fallback.Window{{Unit: fallback.Tokens, Per: m, Limit: 30000}}
	p := byPriority(rows)
	a, ok := p.Pick(t0, &fallback.Walk{Need: fallback.Need{Tokens: 9000, MaxOutput: 32000}}) // 41,000: more than the context
	if !ok {
		t.Fatal("nobody")
	}
	o := outcomeOf("413")
	o.Status = 400
	a.End(t0, o)
	for _, n := range []fallback.Need{{Tokens: 10, MaxOutput: 32000}} {
		if got := p.Explain(t0.Add(24*h), n, fallback.Ask{})[0].Skip; got != "" {
			t.Errorf("a day later %+v, which fits into the context, is skipped for %q", n, got)
		}
	}
}

// What one request may not ask for is nothing that the next ones should go elsewhere for.
func TestALongAnswerMovesNoMemory(t *testing.T) {
	for name, need := range map[string]fallback.Need{"context": {Tokens: 9000}, "max_tokens": {Tokens: 10, MaxOutput: 9000}} {
		rows := chain("A B")
		rows[0].Limits = []fallback.Window{{Unit: fallback.Tokens, Per: m, Limit: 8000}}
		p := fallback.New(fallback.Config{Models: rows, Order: fallback.LastGood, Stick: 10 * m})
		now := t0
		large, _ := p.Pick(now, &fallback.Walk{Need: fallback.Need{Tokens: 10, MaxOutput: 9000}})
		large.End(now, outcomeOf("413")) // so it counts the longest answer
		ask := func(n fallback.Need) string {
			a, ok := p.Pick(now, &fallback.Walk{Need: n})
			if !ok {
				return "none"
			}
			a.End(now, outcomeOf("ok"))
			return a.Model.ID
		}
		first, _ := p.Pick(now, &fallback.Walk{})
		first.End(now, outcomeOf("429/1s"))
		now = now.Add(2 * s)
		x := ask(fallback.Need{Tokens: 10})
		now = now.Add(s)
		y := ask(need)
		now = now.Add(s)
		z := ask(fallback.Need{Tokens: 10})
		if x+y+z != "ABA" {
			t.Errorf("%s: %s %s %s", name, x, y, z)
		}
	}
}

// Answers that began in an earlier turn are not in the count of this one, so nothing is taken off for them.
func TestAnswersOfAnEarlierTurn(t *testing.T) {
	for _, cycle := range []fallback.Cycle{fallback.Fixed, fallback.Sliding} {
		rows := limited("A", []fallback.Window{{Unit: fallback.Tokens, Cycle: cycle, Per: m, Limit: 2000}})
		p := byPriority(rows)
		now := t0.Truncate(m).Add(m + 10*s)
		a, ok := p.Pick(now, &fallback.Walk{Need: fallback.Need{Tokens: 100, MaxOutput: 300}}) // a long answer
		if !ok {
			t.Fatal("no a")
		}
		now = now.Add(2 * m) // it has left the window
		for i := range 6 {   // 1900 and more, all answered and counted
			w := &fallback.Walk{Need: fallback.Need{Tokens: 100, MaxOutput: 100}}
			b, ok := p.Pick(now, w)
			if !ok {
				t.Logf("%d answered", i)
				break
			}
			o := outcomeOf("ok")
			o.InputTokens, o.OutputTokens = 280, 50
			b.End(now, o)
		}
		t.Log(cycle, quotas(p, now))
		n := 0
		for range 5 {
			b, ok := p.Pick(now, &fallback.Walk{Need: fallback.Need{Tokens: 100, MaxOutput: 100}})
			if !ok {
				break
			}
			n++
			o := outcomeOf("ok")
			o.InputTokens, o.OutputTokens = 280, 50
			b.End(now, o)
		}
		t.Log(cycle, quotas(p, now))
		if n > 0 {
			t.Errorf("%v: %d more than the window holds", cycle, n)
		}
		a.End(now, outcomeOf("ok"))
	}
}
