package fallback_test

import (
	"testing"
	"time"

	"freefall/fallback"
)

func rpm(n int64) []fallback.Window { return []fallback.Window{{Per: m, Limit: n}} }

func rpd(n int64) []fallback.Window {
	return []fallback.Window{{Per: 24 * h, Cycle: fallback.Daily, Limit: n}}
}

// limited is a chain whose models share an account with these windows.
func limited(text string, account []fallback.Window) []fallback.Model {
	rows := chain(text)
	for i := range rows {
		rows[i].Keys = []fallback.Key{{Account: "one", Limits: account}}
	}
	return rows
}

// burst asks n times at once and gives how many calls were allowed; all are ended with the outcome.
func burst(p *fallback.Pool, now time.Time, n int, outcome string) (calls int) {
	var attempts []*fallback.Attempt
	for range n {
		if a, ok := p.Pick(now, &fallback.Walk{}); ok {
			attempts = append(attempts, a)
		}
	}
	for _, a := range attempts {
		a.End(now, outcomeOf(outcome))
	}
	return len(attempts)
}

func TestTwoHundredAtOnceAgainstFive(t *testing.T) {
	for name, rows := range map[string][]fallback.Model{
		"of the account":           limited("A", rpm(5)),
		"of an account of several": limited("A B C", rpm(5)),
		"of the model":             func() []fallback.Model { r := chain("A"); r[0].Limits = rpm(5); return r }(),
		"the stricter of two":      func() []fallback.Model { r := limited("A", rpm(5)); r[0].Limits = rpm(7); return r }(),
	} {
		p := byPriority(rows)
		if n := burst(p, t0, 200, "ok"); n != 5 {
			t.Errorf("%s: %d calls", name, n)
		}
		if n := burst(p, t0.Add(m), 200, "ok"); n != 0 {
			t.Errorf("%s: %d calls at the very edge", name, n)
		}
		if n := burst(p, t0.Add(m+s), 200, "ok"); n != 5 {
			t.Errorf("%s: %d calls a minute later", name, n)
		}
	}
}

// What does not fit one window is drawn from none.
func TestAllWindowsOrNone(t *testing.T) {
	rows := limited("A B", rpm(3))
	rows[0].Limits = rpm(1)
	p := byPriority(rows)
	if n := burst(p, t0, 10, "ok"); n != 3 {
		t.Fatalf("%d calls", n)
	}
	for _, row := range p.Snapshot(t0) {
		for _, q := range row.Quota {
			if q.Used != q.Limit {
				t.Errorf("%s: %s of the %s %d/%d", row.Model.ID, q.Window, q.Scope, q.Used, q.Limit)
			}
		}
	}
}

// The walk goes on to whoever has room, and the answer when nobody has says when that changes.
func TestFullWindowsArePassedOver(t *testing.T) {
	rows := append(limited("A", rpm(1)), chain("B")...)
	rows[1].Limits = rpd(2)
	p := byPriority(rows)
	play(t, p, []step{
		{0, "plain", "A=ok", "A 0 rests: rate_limited until 1m0.25s"},
		{1 * s, "plain", "B=ok", ""},
		{2 * s, "plain", "B=ok", "B 0 rests: quota_exhausted until 14h0m1s"},
		{3 * s, "plain", "none", ""},
	})
	var w fallback.Walk
	p.Pick(t0.Add(3*s), &w)
	if x := p.Exhausted(t0.Add(3*s), &w); !x.Limited || !x.Fits || x.Ready.Sub(t0) != m+250*time.Millisecond {
		t.Errorf("exhausted: %+v", x)
	}
}

// What a provider does not count is given back; what it does count is not.
func TestWhatCounts(t *testing.T) {
	both, none, account := [2]int64{1, 1}, [2]int64{}, [2]int64{1, 0}
	for _, c := range []struct {
		outcome  string
		counting fallback.Counting
		want     [2]int64 // of the account, of the model
	}{
		{"ok", fallback.CountsAccepted, both},
		{"fault", fallback.CountsAccepted, both},
		{"fault", fallback.CountsAnswers, none},
		{"429/5s", fallback.CountsAccepted, none},
		{"429/5s", fallback.CountsAll, both},
		{"upstream429", fallback.CountsAccepted, none},
		{"upstream429", fallback.CountsUpstream, account},
		{"account429/5s", fallback.CountsUpstream, none},
		{"402", fallback.CountsAccepted, none},
		{"auth", fallback.CountsAccepted, none},
		{"left", fallback.CountsAccepted, both},
		{"hedge", fallback.CountsAnswers, both},
	} {
		rows := limited("A", rpm(5))
		rows[0].Limits, rows[0].Counting = rpm(5), c.counting
		p := byPriority(rows)
		a, _ := p.Pick(t0, &fallback.Walk{})
		o := outcomeOf(c.outcome)
		if c.outcome == "upstream429" {
			o.Scope = fallback.ScopeModelUpstream
		}
		a.End(t0.Add(s), o)
		got := [2]int64{}
		for _, q := range p.Snapshot(t0.Add(2 * s))[0].Quota {
			if q.Scope == "account" {
				got[0] = q.Used
			} else {
				got[1] = q.Used
			}
		}
		if got != c.want {
			t.Errorf("%s, %d: account and model count %v, want %v", c.outcome, c.counting, got, c.want)
		}
	}
}

func TestUnsentIsGivenBack(t *testing.T) {
	p := byPriority(limited("A", rpm(1)))
	a, _ := p.Pick(t0, &fallback.Walk{})
	o := outcomeOf("fault")
	o.Unsent = true
	a.End(t0, o)
	if n := burst(p, t0, 3, "ok"); n != 1 {
		t.Errorf("%d calls", n)
	}
}

func TestConcurrency(t *testing.T) {
	rows := chain("A")
	rows[0].Limits = []fallback.Window{{Unit: fallback.Running, Limit: 2}}
	p := byPriority(rows)
	first, _ := p.Pick(t0, &fallback.Walk{})
	p.Pick(t0, &fallback.Walk{})
	if _, ok := p.Pick(t0, &fallback.Walk{}); ok {
		t.Fatal("three run at once")
	}
	first.End(t0.Add(s), outcomeOf("ok"))
	if _, ok := p.Pick(t0.Add(s), &fallback.Walk{}); !ok {
		t.Fatal("one has ended, and no other may run")
	}
}

func TestTokens(t *testing.T) {
	rows := chain("A")
	rows[0].Limits = []fallback.Window{{Unit: fallback.Tokens, Per: m, Limit: 6000}}
	p := byPriority(rows)
	used := func(now time.Time) int64 { return p.Snapshot(now)[0].Quota[0].Used }
	ask := func(now time.Time, tokens int) (*fallback.Attempt, bool) {
		return p.Pick(now, &fallback.Walk{Need: fallback.Need{Tokens: tokens, MaxOutput: 100}})
	}
	a, _ := ask(t0, 2000)
	if n := used(t0); n < 2000 || n > 4000 {
		t.Errorf("%d tokens are reserved for 2,000 and an answer", n)
	}
	o := outcomeOf("ok")
	o.InputTokens, o.OutputTokens = 4000, 60
	a.End(t0, o)
	if n := used(t0); n != 4060 {
		t.Errorf("%d tokens are counted after 4,060 were reported", n)
	}
	if _, ok := ask(t0, 2000); ok {
		t.Error("2,000 tokens fit beside 4,060 of 6,000")
	}
	b, ok := ask(t0, 500)
	if !ok {
		t.Fatal("500 tokens do not fit beside 4,060 of 6,000")
	}
	refused := outcomeOf("declined")
	refused.Status = 400
	b.End(t0, refused)
	if n := used(t0); n != 4060 {
		t.Errorf("%d tokens are counted after a refusal", n)
	}
	now := t0
	for range 20 { // the model needs twice what is estimated: that is learned
		now = now.Add(2 * m)
		a, _ := ask(now, 1000)
		o.InputTokens = 2000
		a.End(now, o)
	}
	ask(now.Add(2*m), 1000)
	if n := used(now.Add(2 * m)); n < 2000 || n > 2200 {
		t.Errorf("%d tokens are reserved for what used to need 2,060", n)
	}
}

// What is larger than a window could ever hold does not fit the model; what only might be passes when the window is empty.
func TestTokensBeyondTheWindow(t *testing.T) {
	rows := chain("A")
	rows[0].Limits = []fallback.Window{{Unit: fallback.Tokens, Per: m, Limit: 6000}}
	p := byPriority(rows)
	var w fallback.Walk
	w.Need.Tokens = 6001
	if _, ok := p.Pick(t0, &w); ok {
		t.Error("6,001 tokens are sent to 6,000 a minute")
	}
	if x := p.Exhausted(t0, &w); !x.TooLarge {
		t.Errorf("exhausted: %+v", x)
	}
	if _, ok := p.Pick(t0, &fallback.Walk{Need: fallback.Need{Tokens: 5900}}); !ok {
		t.Error("5,900 tokens are not sent to 6,000 a minute")
	}
}

func TestReadings(t *testing.T) {
	minute := fallback.Window{Per: m, Limit: 20}
	firm := minute
	firm.Firm = true
	read := fallback.Reading{Target: fallback.TargetPair, Per: m, Limit: -1, Remaining: -1}
	with := func(change func(*fallback.Reading)) fallback.Reading { r := read; change(&r); return r }
	for _, c := range []struct {
		name    string
		window  []fallback.Window
		reading fallback.Reading
		want    string
	}{
		{"nothing", rpm(20), read, "rpm 1/20"},
		{"less is left", rpm(20), with(func(r *fallback.Reading) { r.Remaining = 5 }), "rpm 15/20"},
		{"the limit is higher", rpm(20), with(func(r *fallback.Reading) { r.Limit = 30 }), "rpm 1/30"},
		{"the operator's is firm", []fallback.Window{firm}, with(func(r *fallback.Reading) { r.Limit = 30 }), "rpm 1/20"},
		{"but not above the provider's", []fallback.Window{firm}, with(func(r *fallback.Reading) { r.Limit = 10 }), "rpm 1/10"},
		{"both", rpm(20), with(func(r *fallback.Reading) { r.Limit, r.Remaining = 40, 30 }), "rpm 10/40"},
		{"unknown window", nil, with(func(r *fallback.Reading) { r.Limit, r.Remaining = 40, 30 }), "rpm 10/40"},
		{"unknown window without a limit", nil, with(func(r *fallback.Reading) { r.Remaining = 30 }), ""},
		{"without a length", rpm(20), with(func(r *fallback.Reading) { r.Per, r.Remaining, r.Reset = 0, 3, 7*s }), "rpm 17/20"},
		{"more left than there is", rpm(20), with(func(r *fallback.Reading) { r.Remaining = 1 << 40 }), "rpm 0/20"},
		{"other unit", rpm(20), with(func(r *fallback.Reading) { r.Unit, r.Remaining = fallback.Tokens, 0 }), "rpm 1/20"},
	} {
		rows := chain("A")
		rows[0].Limits = c.window
		p := byPriority(rows)
		a, _ := p.Pick(t0, &fallback.Walk{})
		a.Observe(t0.Add(s), []fallback.Reading{c.reading})
		a.End(t0.Add(s), outcomeOf("ok"))
		if got := quotas(p, t0.Add(s)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// A word about a key is about its account: all its models know.
func TestReadingOfAnAccount(t *testing.T) {
	p := byPriority(limited("A B", rpd(50)))
	p.Observe(t0, "p", "one", []fallback.Reading{{Target: fallback.TargetAccount, Per: 24 * h, Limit: 1000, Remaining: 0, Reset: 14 * h}})
	play(t, p, []step{{0, "plain", "none", "A 0 rests: quota_exhausted until 14h0m1s"}})
	p.Observe(t0, "p", "nobody", []fallback.Reading{{Target: fallback.TargetAccount, Per: 24 * h, Limit: 1, Remaining: 0}})
	if got := quotas(p, t0); got != "rpd 1000/1000" {
		t.Errorf("%q", got)
	}
}

// Limits that a new configuration changes keep what was drawn.
func TestReconfigureKeepsWhatWasDrawn(t *testing.T) {
	p := byPriority(limited("A", rpm(20)))
	burst(p, t0, 7, "ok")
	p.Reconfigure(fallback.Config{Models: limited("A", append(rpm(9), rpd(50)...)), Order: fallback.Priority})
	if n := burst(p, t0.Add(s), 20, "ok"); n != 2 {
		t.Errorf("%d calls", n)
	}
	p.Reconfigure(fallback.Config{Models: limited("A", nil), Order: fallback.Priority})
	if n := burst(p, t0.Add(s), 20, "ok"); n != 20 {
		t.Errorf("%d calls without a limit", n)
	}
}

// A paced day grants by the hour, an hour in advance.
func TestPace(t *testing.T) {
	midnight := t0.Add(-10 * h)
	p := fallback.New(fallback.Config{Models: limited("A", rpd(48)), Pace: true})
	if n := burst(p, midnight, 48, "ok"); n != 2 {
		t.Errorf("%d calls at midnight", n)
	}
	if row := p.Snapshot(midnight)[0]; row.Reason != "paced" || row.AvailableAt.Sub(midnight) > 31*m || row.AvailableAt.Sub(midnight) < 29*m {
		t.Errorf("%s until %v", row.Reason, row.AvailableAt.Sub(midnight))
	}
	total := 2
	for now := midnight; now.Before(midnight.Add(24 * h)); now = now.Add(m) {
		total += burst(p, now, 48, "ok")
	}
	if total != 48 {
		t.Errorf("%d calls in a day", total)
	}
}

// A fault, a success and a limit teach nothing about windows that are not spent: pausing and resetting a model neither gives back
// nor takes quota.
func TestOperate(t *testing.T) {
	p := byPriority(append(limited("A", rpm(5)), chain("B")...))
	burst(p, t0, 2, "fault")
	p.Pause("p", "A")
	play(t, p, []step{{0, "plain", "B=ok", "A 2 rests: paused"}})
	saved := p.Save(t0)
	q := byPriority(append(limited("A", rpm(5)), chain("B")...))
	q.Restore(saved)
	play(t, q, []step{{0, "plain", "B=ok", "A 2 rests: paused"}})
	p.Resume(t0, "p", "A")
	p.ResetModel(t0, "p", "A")
	play(t, p, []step{{0, "plain", "A=ok", "A 0 ready"}})
	if got := quotas(p, t0); got != "rpm 3/5" {
		t.Errorf("%q", got)
	}
	if p.Pause("p", "nobody") || p.ResetModel(t0, "q", "A") {
		t.Error("somebody was found")
	}
}
