package fallback_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"freefall/fallback"
)

// current is the one row that is marked, and a word of alarm if there is not exactly one.
func current(rows []fallback.Status) string {
	var marked []string
	for _, row := range rows {
		if row.Current {
			marked = append(marked, row.Model.ID)
		}
	}
	return strings.Join(marked, "+")
}

func TestCurrentModel(t *testing.T) {
	f := newPlayer(lastGood(chain("A B C")))
	for _, c := range []struct {
		step
		current string
	}{
		{step{0, "", "", ""}, "A"},
		{step{0, "plain", "A=fault B=ok", ""}, "B"},
		{step{60 * s, "", "", ""}, "A"}, // the next plain request is the probe
		{step{60 * s, "probe: plain", "A=...", ""}, "B"},
		{step{61 * s, "probe", "A=429/1m B=429/2m C=429/20s none", ""}, "C"}, // none is open: who is ready first
		{step{82 * s, "", "", ""}, "C"},
		{step{82 * s, "plain", "C=gone none", ""}, "A"},
		{step{82 * s, "list=B", "none", ""}, "A"},
	} {
		f.play(t, []step{c.step})
		if got := current(f.p.Snapshot(t0.Add(c.at))); got != c.current {
			t.Errorf("%v, %s %s: current is %s, want %s", c.at, c.ask, c.trail, got, c.current)
		}
	}
}

// There is a current model before any key exists, and when all rest without end.
func TestCurrentIsNeverNull(t *testing.T) {
	rows := chain("A B")
	rows[0].Off, rows[1].Off = "no_key", "no_key"
	p := lastGood(rows)
	if got := current(p.Snapshot(t0)); got != "A" || p.Ready() {
		t.Errorf("current is %q, ready %v", got, p.Ready())
	}
	p = lastGood(chain("A B"))
	play(t, p, []step{{0, "plain", "A=auth none", "A 0 rests: auth; B 0 rests: auth"}})
	if got := current(p.Snapshot(t0)); got != "A" || !p.Ready() {
		t.Errorf("current is %q, ready %v", got, p.Ready())
	}
}

// The trial of a long rest is what the next request would try first, although the model is not available yet.
func TestCurrentIsATrial(t *testing.T) {
	p := byPriority(chain("A B"))
	play(t, p, []step{{0, "plain", "A=429/10h B=ok", ""}})
	if got := current(p.Snapshot(t0.Add(5 * h))); got != "A" {
		t.Errorf("current is %s", got)
	}
	if c := p.Explain(t0.Add(5*h), fallback.Need{}, fallback.Ask{}); c[0].Skip != "" {
		t.Errorf("A would be tried, but is skipped for %q", c[0].Skip)
	}
}

func TestStatistics(t *testing.T) {
	p := byPriority(chain("A"))
	row := p.Snapshot(t0)[0]
	if row.SuccessRate != -1 || row.TTFTp50 != 0 || row.LastError != "" || !row.LastErrorAt.IsZero() {
		t.Errorf("before the first attempt: %+v", row)
	}
	for n := range 100 {
		a, _ := p.Pick(t0, &fallback.Walk{})
		a.Committed(t0.Add(time.Duration(n+1) * time.Millisecond))
		o := outcomeOf("ok")
		if n%4 == 0 {
			o = outcomeOf("fault")
			o.Message = fmt.Sprint("number ", n)
		}
		a.End(t0.Add(s), o)
	}
	a, _ := p.Pick(t0, &fallback.Walk{})
	a.End(t0.Add(2*s), outcomeOf("left"))
	row = p.Snapshot(t0)[0]
	if row.SuccessRate != 0.75 || row.LastError != "upstream_fault: number 96" || !row.LastErrorAt.Equal(t0.Add(s)) {
		t.Errorf("after 100: %v %q %v", row.SuccessRate, row.LastError, row.LastErrorAt)
	}
	if row.TTFTp50 != 69*time.Millisecond || row.TTFTp95 != 97*time.Millisecond { // of the last 64: 37 to 100 ms
		t.Errorf("after 100: p50 %v, p95 %v", row.TTFTp50, row.TTFTp95)
	}
}

// Explain names each candidate in order with one reason, and changes nothing.
func TestExplain(t *testing.T) {
	rows := chain("A B C D E")
	rows[2].Tools = false
	rows[3].Off, rows[3].Why = "no_key", "set D_API_KEY"
	p := lastGood(rows)
	play(t, p, []step{
		{0, "tools", "A=429/1m B=ok", ""},
		{1 * s, "tools", "B=fault E=404 none", ""},
	})
	need, ask := ask("tools model=E")
	before := fmt.Sprint(p.Snapshot(t0.Add(s)))
	var got []string
	for range 3 {
		got = nil
		for _, c := range p.Explain(t0.Add(s), need, ask) {
			text := c.Model.ID + ":" + c.Skip
			if c.Unfit {
				text += "!"
			}
			if !c.Ready.IsZero() {
				text += "@" + c.Ready.Sub(t0).String()
			}
			if c.Detail != "" {
				text += " (" + c.Detail + ")"
			}
			got = append(got, text)
		}
	}
	want := "E:gone@24h0m1s (model_gone), A:rate_limited@1m0s (rate_limited), B:, C:no_tools!, D:no_key! (set D_API_KEY)"
	if got := strings.Join(got, ", "); got != want {
		t.Errorf("explained as %s\nwant         %s", got, want)
	}
	if after := fmt.Sprint(p.Snapshot(t0.Add(s))); after != before {
		t.Errorf("explain has changed\n%s\nto\n%s", before, after)
	}
}

// Explaining takes no probe and no trial: the next request still gets them.
func TestExplainTakesNothing(t *testing.T) {
	p := lastGood(chain("A B"))
	play(t, p, []step{{0, "plain", "A=429/10h B=ok", ""}})
	now := t0.Add(11 * h)
	for range 3 {
		if got := p.Explain(now, fallback.Need{}, fallback.Ask{}); got[0].Model.ID != "A" || current(p.Snapshot(now)) != "A" {
			t.Fatal("A is not the next one")
		}
	}
	play(t, p, []step{{11 * h, "plain", "A=ok", ""}})
}

func TestExhausted(t *testing.T) {
	type x = fallback.Exhausted
	at := func(d time.Duration) time.Time { return t0.Add(d) }
	off := func(rows []fallback.Model, reasons ...string) []fallback.Model {
		for i, reason := range reasons {
			rows[i].Off = reason
		}
		return rows
	}
	for name, c := range map[string]struct {
		rows       []fallback.Model
		ask, trail string
		want       x
	}{
		"a limit with its end":         {chain("A B"), "plain", "A=429/41s B=fault none", x{Fits: true, Limited: true, Ready: at(0)}},
		"two limits: the first end":    {chain("A B"), "plain", "A=429/41s B=429/9s none", x{Fits: true, Limited: true, Ready: at(9 * s)}},
		"one with an end, one without": {chain("A B"), "plain", "A=429/9s B=spent none", x{Fits: true, Limited: true, Ready: at(9 * s)}},
		"the first end comes first":    {chain("A B"), "plain", "A=429/9s B=429/41s none", x{Fits: true, Limited: true, Ready: at(9 * s)}},
		"faults only":                  {chain("A B"), "plain", "A=fault B=timeout none", x{Fits: true, Ready: at(0)}},
		"faults that state a wait":     {chain("A B"), "plain", "A=fault/9s B=fault/7s none", x{Fits: true, Ready: at(7 * s)}},
		"a limit without end":          {chain("A"), "plain", "A=spent none", x{Fits: true, Limited: true}},
		"a wrong key":                  {chain("A B"), "plain", "A=auth none", x{Fits: true}},
		"a limit of the account":       {chain("A B"), "plain", "A=account429/9s none", x{Fits: true, Limited: true, Ready: at(9 * s)}},
		"gone for a day":               {chain("A"), "plain", "A=404 none", x{Fits: true, Ready: at(24 * h)}},
		"gone for good":                {chain("A"), "plain", "A=gone none", x{}},
		"no key at all":                {off(chain("A B"), "no_key", "no_key"), "plain", "none", x{NoKey: true}},
		"no key or not free":           {off(chain("A B"), "no_key", "not_free"), "plain", "none", x{NoKey: true}},
		"a key, but what has it rests": {off(chain("A B"), "no_key"), "plain", "B=429/5s none", x{Fits: true, Limited: true, Ready: at(5 * s)}},
		"a key, but what has it lacks": {off(chain("A B"), "no_key"), "embed", "none", x{}},
		"none has tools":               {toolless("A B"), "tools", "none", x{}},
		"one refused tools":            {chain("A"), "tools", "A=notools none", x{}},
		"too large for all":            {windows("A B"), "tokens=9000", "none", x{TooLarge: true}},
		"too large for what has tools": {append(windows("A"), toolless("B")...), "tools tokens=9000", "none", x{TooLarge: true}},
		"too large for the open one":   {append(windows("A"), chain("B")...), "tokens=9000", "B=429/5s none", x{Fits: true, Limited: true, Ready: at(5 * s)}},
		"refused for size by all":      {chain("A B"), "plain", "A=toolong B=413 none", x{TooLarge: true}},
		"a mismatch with all":          {chain("A"), "plain", "A=declined none", x{Fits: true}},
		"one id only":                  {chain("A B"), "model=B only", "B=429/3s none", x{Fits: true, Limited: true, Ready: at(3 * s)}},
	} {
		t.Run(name, func(t *testing.T) {
			p := byPriority(c.rows)
			var w fallback.Walk
			w.Need, w.Ask = ask(c.ask)
			for word := range strings.FieldsSeq(c.trail) {
				want, outcome, _ := strings.Cut(word, "=")
				a, _ := p.Pick(t0, &w)
				if got := pickedName(a); got != want {
					t.Fatalf("picked %s, want %s", got, want)
				}
				if a != nil {
					a.End(t0, outcomeOf(outcome))
				}
			}
			got := p.Exhausted(t0, &w)
			if len(got.Candidates) == 0 {
				t.Error("no candidates")
			}
			got.Candidates = nil
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("%+v\nwant %+v", got, c.want)
			}
		})
	}
}

func toolless(ids string) []fallback.Model {
	rows := chain(ids)
	for i := range rows {
		rows[i].Tools = false
	}
	return rows
}

func windows(ids string) []fallback.Model {
	rows := chain(ids)
	for i := range rows {
		rows[i].Context = 8000
	}
	return rows
}

// The refusal of a limit is told even when its rest is over before the walk is.
func TestExhaustedRemembersALimit(t *testing.T) {
	p := byPriority(chain("A B"))
	var w fallback.Walk
	for _, outcome := range []string{"429/1s", "fault"} {
		a, _ := p.Pick(t0, &w)
		a.End(t0, outcomeOf(outcome))
	}
	if got := p.Exhausted(t0.Add(30*s), &w); !got.Limited || !got.Ready.Equal(t0.Add(30*s)) {
		t.Errorf("%+v", got)
	}
}
