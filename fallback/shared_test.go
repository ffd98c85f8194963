package fallback_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"freefall/fallback"
)

// book is what several pools draw from: windows that slide, that turn, and slots.
type book struct {
	drawn map[string][]entry
}

type entry struct {
	at time.Time
	n  int64
}

func (b *book) reserve(now time.Time, draws []fallback.Draw) (counts []fallback.Count) {
	full := false
	for _, d := range draws {
		live := b.drawn[d.Name]
		if d.Unit != fallback.Running {
			live = slices.DeleteFunc(live, func(e entry) bool { return !e.at.After(now.Add(-d.Per)) })
		}
		b.drawn[d.Name] = live
		x := fallback.Count{Opens: s}
		for _, e := range live {
			x.Used += e.n
		}
		if len(live) > 0 && d.Unit != fallback.Running {
			x.Opens = live[0].at.Add(d.Per).Sub(now)
		}
		x.Full = x.Used > 0 && x.Used+d.Fit > d.Limit
		full = full || x.Full
		counts = append(counts, x)
	}
	for i, d := range draws {
		if !full && d.Amount > 0 {
			b.drawn[d.Name] = append(b.drawn[d.Name], entry{now, d.Amount})
			counts[i].Used += d.Amount
		}
	}
	return counts
}

func (b *book) settle(draws []fallback.Draw) {
	for _, d := range draws {
		for i, e := range b.drawn[d.Name] {
			if e.n == d.Amount && d.Kept < d.Amount {
				b.drawn[d.Name] = slices.Delete(b.drawn[d.Name], i, i+1)
				break
			}
		}
	}
}

// draws gives what a walk of a pool would draw, and its attempt.
func draws(t *testing.T, p *fallback.Pool, now time.Time, w *fallback.Walk) (*fallback.Attempt, []fallback.Draw) {
	t.Helper()
	a, ok := p.Pick(now, w)
	if !ok {
		t.Fatal("nobody is left")
	}
	return a, a.Draws(now)
}

func TestWhatOthersHaveDrawn(t *testing.T) {
	ten := 10 * s
	for name, tt := range map[string]struct {
		windows []fallback.Window
		says    fallback.Count
		open    time.Duration // when the walk may ask again
	}{
		"of a minute":      {rpm(5), fallback.Count{Used: 5, Full: true, Opens: ten}, ten},
		"of a day":         {rpd(5), fallback.Count{Used: 5, Full: true, Opens: 12 * h}, 12 * h},
		"of another turn":  {rpd(5), fallback.Count{Used: 5, Full: true, Opens: 200 * ms}, 200 * ms},
		"at once":          {rpm(5), fallback.Count{Used: 5, Full: true}, 20 * ms},
		"slots":            {[]fallback.Window{{Unit: fallback.Running, Limit: 2}}, fallback.Count{Used: 2, Full: true, Opens: s}, s},
		"of a bucket":      {[]fallback.Window{{Per: m, Cycle: fallback.Bucket, Limit: 5}}, fallback.Count{Used: 5, Full: true, Opens: ten}, ten},
		"of a fixed turn":  {[]fallback.Window{{Per: h, Cycle: fallback.Fixed, Limit: 5}}, fallback.Count{Used: 5, Full: true, Opens: h}, h},
		"only of our size": {[]fallback.Window{{Unit: fallback.Tokens, Per: m, Limit: 5000}}, fallback.Count{Used: 4990, Full: true, Opens: ten}, ten},
	} {
		p := fallback.New(fallback.Config{Models: limited("A", tt.windows), Order: fallback.Priority, MaxWaiting: 9})
		w := &fallback.Walk{Need: fallback.Need{Tokens: 40}}
		a, list := draws(t, p, t0, w)
		if len(list) != 1 || list[0].Amount < 1 || list[0].Fit != list[0].Amount || list[0].Used != 0 || list[0].Free {
			t.Errorf("%s: it draws %+v", name, list)
		}
		if a.Share(t0, []fallback.Count{tt.says}) {
			t.Errorf("%s: it was granted", name)
		}
		if n := w.Attempts(); n != 0 {
			t.Errorf("%s: %d attempts were made", name, n)
		}
		if _, ok := p.Pick(t0, w); ok {
			t.Errorf("%s: it is asked again at once", name)
		}
		x := p.Exhausted(t0, w)
		if !x.Limited || x.Ready.Before(t0.Add(tt.open)) || x.Ready.After(t0.Add(tt.open+3*s)) {
			t.Errorf("%s: %+v, ready after %v", name, x, x.Ready.Sub(t0))
		}
		if !p.Wait(t0, w, t0.Add(24*h), func() {}) {
			t.Errorf("%s: it does not wait", name)
		}
		if shut := p.Shut(x.Ready, 9); len(shut) > 0 { // of slots only another word tells
			p.Heed(x.Ready, shut, []fallback.Count{{Used: 1}})
		}
		p.Dispatch(x.Ready)
		b, ok := p.Turn(x.Ready, w)
		if !ok {
			t.Errorf("%s: it is not asked afterwards", name)
			continue
		}
		if n := w.Attempts(); n != 1 {
			t.Errorf("%s: %d attempts", name, n)
		}
		b.End(x.Ready, outcomeOf("ok"))
		if list := b.Drawn(); len(list) != 0 {
			t.Errorf("%s: what was not shared is settled: %+v", name, list)
		}
	}
}

const ms = time.Millisecond

// A refusal by the shared counter is nobody's failure, and the next model is asked.
func TestOthersHaveDrawnFromOneModel(t *testing.T) {
	rows := chain("A B")
	rows[0].Limits, rows[1].Limits = rpm(5), rpm(5)
	p := byPriority(rows)
	w := &fallback.Walk{}
	a, _ := draws(t, p, t0, w)
	if a.Model.ID != "A" || a.Share(t0, []fallback.Count{{Used: 5, Full: true, Opens: 10 * s}}) {
		t.Fatal("A was granted")
	}
	b, _ := draws(t, p, t0, w)
	if b.Model.ID != "B" || !b.Share(t0, []fallback.Count{{Used: 3, Opens: 30 * s}}) {
		t.Fatalf("%s was not granted", b.Model.ID)
	}
	b.End(t0, outcomeOf("ok"))
	for i, row := range p.Snapshot(t0) {
		if want := []int64{5, 3}[i]; row.FailureCount != 0 || row.LastError != "" || row.Quota[0].Used != want {
			t.Errorf("%s: %+v", row.Model.ID, row)
		}
	}
	if p.Snapshot(t0)[0].Available {
		t.Error("what others have filled is called available")
	}
	// There is room again before it was said to be.
	shut := p.Shut(t0, 10)
	if len(shut) != 1 || shut[0].Amount != 0 || shut[0].Fit != 1 || len(p.Shut(t0, 0)) != 0 {
		t.Fatalf("%+v", shut)
	}
	p.Heed(t0, shut, []fallback.Count{{Used: 4, Opens: 10 * s}})
	if row := p.Snapshot(t0)[0]; !row.Available || row.Quota[0].Used != 4 || len(p.Shut(t0, 10)) != 0 {
		t.Errorf("%+v", row)
	}
}

// What is Kept of what was drawn.
func TestKept(t *testing.T) {
	windows := []fallback.Window{{Per: m, Limit: 5}, {Unit: fallback.Tokens, Per: m, Limit: 5000}, {Unit: fallback.Running, Limit: 2}}
	ok := outcomeOf("ok")
	ok.InputTokens, ok.OutputTokens = 30, 70
	for name, tt := range map[string]struct {
		o    fallback.Outcome
		want []int64
	}{
		"answered":   {ok, []int64{1, 100, 0}},
		"never sent": {fallback.Outcome{Class: fallback.Stopped, Unsent: true}, []int64{0, 0, 0}},
		"refused":    {outcomeOf("429/1m"), []int64{0, 0, 0}},
	} {
		p := byPriority(limited("A", windows))
		a, list := draws(t, p, t0, &fallback.Walk{Need: fallback.Need{Tokens: 40}})
		if !a.Share(t0, make([]fallback.Count, len(list))) {
			t.Fatal("it was not granted")
		}
		a.End(t0, tt.o)
		var kept []int64
		for _, d := range a.Drawn() {
			kept = append(kept, d.Kept)
		}
		if !slices.Equal(kept, tt.want) {
			t.Errorf("%s: %v is kept, not %v", name, kept, tt.want)
		}
	}
}

// The account may have counted what the model has not.
func TestKeptOfTheAccount(t *testing.T) {
	rows := limited("A", rpm(5))
	rows[0].Limits, rows[0].Counting = rpm(5), fallback.CountsUpstream
	a, list := draws(t, byPriority(rows), t0, &fallback.Walk{})
	if !a.Share(t0, make([]fallback.Count, len(list))) {
		t.Fatal("it was not granted")
	}
	o := outcomeOf("429")
	o.Scope = fallback.ScopeModelUpstream
	a.End(t0, o)
	for _, d := range a.Drawn() {
		if want := map[bool]int64{true: 1}[strings.HasPrefix(d.Name, "account ")]; d.Kept != want {
			t.Errorf("of %s %d is kept", d.Name, d.Kept)
		}
	}
}

func TestSlotsOfOthersStand(t *testing.T) {
	p := byPriority(limited("A", []fallback.Window{{Unit: fallback.Running, Limit: 2}}))
	a, _ := draws(t, p, t0, &fallback.Walk{})
	a.Share(t0, []fallback.Count{{Used: 2, Full: true, Opens: s}})
	if _, ok := p.Pick(t0.Add(5*s), &fallback.Walk{}); ok {
		t.Error("without another word the slots are taken to be free")
	}
	if _, ok := p.Pick(t0.Add(11*s), &fallback.Walk{}); !ok {
		t.Error("whoever may have been killed is waited for")
	}
}

// What is too large for the room that is left keeps out nothing that is smaller.
func TestOthersHaveLeftSome(t *testing.T) {
	p := byPriority(limited("A", []fallback.Window{{Unit: fallback.Tokens, Per: m, Limit: 5000}}))
	a, _ := draws(t, p, t0, &fallback.Walk{Need: fallback.Need{Tokens: 4000}})
	a.Share(t0, []fallback.Count{{Used: 2000, Full: true, Opens: 10 * s}})
	if _, ok := p.Pick(t0, &fallback.Walk{Need: fallback.Need{Tokens: 2900}}); ok {
		t.Error("what does not fit is asked for")
	}
	if _, ok := p.Pick(t0, &fallback.Walk{Need: fallback.Need{Tokens: 10}}); !ok {
		t.Error("what fits is kept out")
	}
}

// The same window has the same name in all replicas, and no two have one name.
func TestNamesOfWindows(t *testing.T) {
	windows := []fallback.Window{{Per: m, Limit: 5}, {Per: h, Limit: 5}, {Per: h, Cycle: fallback.Fixed, Limit: 5}, {Unit: fallback.Tokens, Per: m, Limit: 5000},
		{Per: 24 * h, Cycle: fallback.Daily, Limit: 7}, {Per: 24 * h, Cycle: fallback.Daily, At: 8 * h, Limit: 7}, {Unit: fallback.Running, Limit: 2}}
	rows := limited("A B", windows)
	for i := range rows {
		rows[i].Limits = windows
	}
	names := func(id string) (all []string) {
		_, list := draws(t, byPriority(rows), t0, &fallback.Walk{Ask: fallback.Ask{Model: id}})
		for _, d := range list {
			all = append(all, d.Name)
		}
		return all
	}
	a, b := names("A"), names("B")
	if !slices.Equal(a, names("A")) {
		t.Error("the names change")
	}
	once := slices.Clone(a)
	slices.Sort(once)
	if len(slices.Compact(once)) != 2*len(windows) {
		t.Errorf("%d windows: %q", 2*len(windows), a)
	}
	for _, name := range b {
		if ofAccount := strings.HasPrefix(name, "account "); ofAccount != slices.Contains(a, name) {
			t.Errorf("A and B are of one account: %q", name)
		}
	}
}

func TestSharesOfClientsAreShared(t *testing.T) {
	p := fallback.New(fallback.Config{Models: chain("A"), Shares: []fallback.Share{{Client: "ana", Windows: rpm(2)}}})
	admit := func(says fallback.Count) (fallback.Denial, bool) {
		w := &fallback.Walk{Ask: fallback.Ask{Client: "ana"}}
		if d, ok := p.Admit(t0, w); !ok {
			return d, false
		}
		if list := p.Draws(t0, w); len(list) != 1 {
			t.Fatalf("%+v", list)
		}
		d, ok := p.Share(t0, w, []fallback.Count{says})
		p.Discharge(t0, w, false, 0)
		if list := w.Drawn(); ok && (len(list) != 1 || list[0].Kept != 0) || !ok && list != nil {
			t.Errorf("%v: drawn are %+v", ok, list)
		}
		return d, ok
	}
	if _, ok := admit(fallback.Count{Used: 1, Opens: m}); !ok {
		t.Error("the first of two is denied")
	}
	if d, ok := admit(fallback.Count{Used: 2, Full: true, Opens: 10 * s}); ok || d.Window != "rpm" || d.Limit != 2 || d.Ready.Sub(t0) < 10*s || d.Ready.Sub(t0) > 11*s {
		t.Errorf("what was had elsewhere is not counted: %+v", d)
	}
	p.Heed(t0, p.Shut(t0, 9), []fallback.Count{{Used: 0}})
	if got := p.Clients(t0); got[0].Used != 0 {
		t.Errorf("what was denied stays drawn: %+v", got)
	}
	if got := p.Draws(t0, &fallback.Walk{}); got != nil {
		t.Errorf("who has no share draws %+v", got)
	}
}

// What the provider itself has counted is told once, as long as it is so.
func TestHeardIsTold(t *testing.T) {
	p := byPriority(limited("A", rpm(20)))
	heard := func(after time.Duration) int64 {
		a, list := draws(t, p, t0.Add(after), &fallback.Walk{})
		defer a.End(t0.Add(after), outcomeOf("ok"))
		return list[0].Heard
	}
	if n := heard(0); n != 0 {
		t.Errorf("%d was said before anything was", n)
	}
	say := func(after time.Duration) {
		p.Observe(t0.Add(after), "p", "one", []fallback.Reading{{Target: fallback.TargetAccount, Per: m, Limit: 20, Remaining: 8}})
	}
	say(s)
	if a, b := heard(2*s), heard(2*s); a != 12 || b != 0 {
		t.Errorf("it is told as %d, then as %d", a, b)
	}
	say(3 * s)
	if n := heard(30 * s); n != 0 {
		t.Errorf("half a minute later %d is told", n)
	}
}

// Several pools never draw more than one window grants, and what is given back is there for all.
func TestSeveralPoolsAreOne(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		limit := rapid.Int64Range(1, 6).Draw(rt, "limit")
		windows := [][]fallback.Window{rpm(limit), {{Unit: fallback.Running, Limit: limit}}}[rapid.IntRange(0, 1).Draw(rt, "which")]
		var pools []*fallback.Pool
		for range 3 {
			pools = append(pools, byPriority(limited("A B", windows)))
		}
		b := &book{drawn: map[string][]entry{}}
		var sent []time.Time
		running := map[*fallback.Attempt]bool{}
		now := t0
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 9000).Draw(rt, "pause")) * ms)
			p := pools[rapid.IntRange(0, 2).Draw(rt, "pool")]
			w := &fallback.Walk{}
			for rounds := 0; ; rounds++ {
				a, ok := p.Pick(now, w)
				if !ok {
					break
				}
				if rounds > 4 {
					rt.Fatal("a walk goes round in circles")
				}
				if a.Share(now, b.reserve(now, a.Draws(now))) {
					running[a] = true
					sent = append(sent, now)
					break
				}
			}
			for a := range running {
				if rapid.Bool().Draw(rt, "ends") {
					a.End(now, outcomeOf("ok"))
					b.settle(a.Drawn())
					delete(running, a)
				}
			}
			n := int64(0)
			for _, at := range sent {
				n += int64(map[bool]int{true: 1}[at.After(now.Add(-m))])
			}
			if windows[0].Unit == fallback.Running {
				n = int64(len(running))
			}
			if n > limit {
				rt.Fatalf("%d of %d", n, limit)
			}
		}
	})
}
