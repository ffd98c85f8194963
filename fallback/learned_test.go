package fallback_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"freefall/fallback"
)

// wall is where replicas write what they have learned, each row with a version.
type wall struct {
	rows    map[string]string
	version map[string]int
	newest  int
}

// member is a replica with what it has last seen there.
type member struct {
	p      *fallback.Pool
	agreed map[string]string
	had    map[string]bool
	seen   int
}

func learned(p *fallback.Pool, now time.Time) map[string]string {
	out := map[string]string{}
	s := p.Learned(now)
	put := func(name string, row any) {
		b, err := json.Marshal(row)
		if err != nil {
			panic(err)
		}
		out[name] = string(b)
	}
	for _, m := range s.Models {
		put("model "+m.Provider+" "+m.ID, m)
	}
	for _, r := range s.Rests {
		put(fmt.Sprintf("rest %s %s %s %d %s", r.Target, r.Provider, r.Account, r.Nth, r.ID), r)
	}
	for _, w := range s.Windows {
		put(fmt.Sprintf("window %s %s %s %s %s %v", w.Target, w.Account, w.ID, w.Unit, w.Cycle, w.Per), w)
	}
	return out
}

func saved(rows map[string]string) (s fallback.Saved) {
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		var m fallback.SavedModel
		var r fallback.SavedRest
		var w fallback.SavedWindow
		one := map[string]any{"model": &m, "rest": &r, "window": &w}[strings.Fields(name)[0]]
		if err := json.Unmarshal([]byte(rows[name]), one); err != nil {
			panic(err)
		}
		switch one {
		case &m:
			s.Models = append(s.Models, m)
		case &r:
			s.Rests = append(s.Rests, r)
		case &w:
			s.Windows = append(s.Windows, w)
		}
	}
	return s
}

// blank is the row that says that nothing is known.
func blank(row string) string {
	var m struct {
		Target, Provider, Account, ID string
		Nth                           int
	}
	if err := json.Unmarshal([]byte(row), &m); err != nil {
		panic(err)
	}
	var b []byte
	if m.Target == "" {
		b, _ = json.Marshal(fallback.SavedModel{Provider: m.Provider, ID: m.ID})
	} else {
		b, _ = json.Marshal(fallback.SavedRest{Target: m.Target, Provider: m.Provider, Account: m.Account, Nth: m.Nth, ID: m.ID})
	}
	return string(b)
}

// exchange hears, then tells what nobody else has changed meanwhile. It says how many rows were told.
func (m *member) exchange(w *wall, now time.Time) (told int) {
	agreed, news := map[string]string{}, map[string]string{}
	for name, row := range w.rows {
		if w.version[name] > m.seen && m.agreed[name] != row {
			if before, ok := m.agreed[name]; ok {
				agreed[name] = before
			}
			news[name], m.agreed[name] = row, row
		}
	}
	m.seen = w.newest
	m.p.Adopt(now, fallback.News{Agreed: saved(agreed), Now: saved(news)})
	own := learned(m.p, now)
	for name := range own {
		m.had[name] = true
	}
	for name, row := range m.agreed {
		if own[name] == "" && m.had[name] && !strings.HasPrefix(name, "window") {
			own[name] = blank(row)
		}
	}
	for name, row := range own {
		if row != m.agreed[name] {
			w.newest++
			w.rows[name], w.version[name] = row, w.newest
			m.agreed[name] = row
			told++
		}
	}
	return told
}

func members(n int, c fallback.Config) (all []*member, w *wall) {
	for range n {
		all = append(all, &member{p: fallback.New(c), agreed: map[string]string{}, had: map[string]bool{}})
	}
	return all, &wall{rows: map[string]string{}, version: map[string]int{}}
}

func TestWhatOneHasLearned(t *testing.T) {
	config := fallback.Config{Models: chain("A B"), Order: fallback.Priority}
	config.Models[0].Keys, config.Models[1].Keys = keys("one two"), keys("one two")
	try := func(p *fallback.Pool, now time.Time, outcomes ...string) {
		for _, o := range outcomes {
			a, ok := p.Pick(now, &fallback.Walk{Ask: fallback.Ask{Model: "A", Only: true}})
			if !ok {
				t.Fatalf("nobody is left for %s", o)
			}
			a.End(now, outcomeOf(o))
		}
	}
	for name, tt := range map[string]struct {
		does       func(a, b *fallback.Pool)
		want       string // of A, as the other one sees it
		then       func(a, b *fallback.Pool)
		afterwards string
	}{
		"a pause": {func(a, _ *fallback.Pool) { a.Pause("p", "A") }, "A 0 rests: paused",
			func(_, b *fallback.Pool) { b.Resume(t0, "p", "A") }, "A 0 ready"},
		"failures": {func(a, _ *fallback.Pool) { try(a, t0, "fault", "fault", "fault") }, "A 3 rests: failures until 30s",
			func(_, b *fallback.Pool) { b.ResetModel(t0, "p", "A") }, "A 0 ready"},
		"a success": {func(a, b *fallback.Pool) { try(a, t0, "fault", "fault") }, "A 2 ready",
			func(_, b *fallback.Pool) { try(b, t0, "ok") }, "A 1 ready"},
		"failures of both": {func(a, b *fallback.Pool) { try(a, t0, "fault"); try(b, t0, "fault", "fault") }, "A 2 ready",
			func(_, b *fallback.Pool) { try(b, t0, "fault") }, "A 3 rests: failures until 30s"},
		"a limit of a model": {func(a, _ *fallback.Pool) { try(a, t0, "upstream429/1m") }, "A 1 rests: rate_limited until 1m0s",
			func(_, b *fallback.Pool) { b.ResetModel(t0, "p", "A") }, "A 0 ready"},
		"the later of two ends":       {func(a, b *fallback.Pool) { try(a, t0, "upstream429/5m"); try(b, t0, "upstream429/1m") }, "A 1 rests: rate_limited until 5m0s", nil, ""},
		"an endless rest and another": {func(a, b *fallback.Pool) { try(a, t0, "upstream429/5m"); try(b, t0, "limitzero") }, "A 1 rests: quota_exhausted", nil, ""},
		"a provider's":                {func(a, _ *fallback.Pool) { try(a, t0, "provider429/1m") }, "A 0 rests: rate_limited until 1m0s", nil, ""},
		"a refused key": {func(a, _ *fallback.Pool) { try(a, t0, "auth", "auth") }, "A 0 rests: auth",
			func(_, b *fallback.Pool) { b.Reconfigure(config) }, "A 0 ready"},
	} {
		all, w := members(2, config)
		a, b := all[0], all[1]
		quiet := func() {
			for range 3 {
				a.exchange(w, t0)
				b.exchange(w, t0)
			}
			if n := a.exchange(w, t0) + b.exchange(w, t0); n > 0 {
				t.Errorf("%s: they do not come to rest, %d rows", name, n)
			}
		}
		quiet()
		tt.does(a.p, b.p)
		quiet()
		if x, y := describe(a.p, t0, tt.want), describe(b.p, t0, tt.want); x != tt.want || y != tt.want {
			t.Errorf("%s: one says %q, the other %q, not %q", name, x, y, tt.want)
		}
		if tt.then == nil {
			continue
		}
		tt.then(a.p, b.p)
		quiet()
		if x, y := describe(a.p, t0, tt.afterwards), describe(b.p, t0, tt.afterwards); x != tt.afterwards || y != tt.afterwards {
			t.Errorf("%s, afterwards: one says %q, the other %q, not %q", name, x, y, tt.afterwards)
		}
	}
}

// Each of two things that were learned at one time holds.
func TestTwoHaveLearned(t *testing.T) {
	zone := time.FixedZone("", 9*60*60)
	now := time.Now().In(zone) // with all that a moment has which is not written
	all, w := members(2, fallback.Config{Models: chain("A"), Order: fallback.Priority})
	a, b := all[0], all[1]
	end := func(p *fallback.Pool, o fallback.Outcome) {
		x, ok := p.Pick(now, &fallback.Walk{})
		if !ok {
			t.Fatal("nobody is left")
		}
		x.End(now, o)
	}
	end(a.p, outcomeOf("fault"))
	end(a.p, outcomeOf("fault"))
	a.exchange(w, now)
	if n := b.exchange(w, now); n > 0 {
		t.Errorf("what was heard is told back, %d rows", n)
	}
	a.p.Pause("p", "A")
	end(b.p, outcomeOf("ok"))
	end(b.p, fallback.Outcome{Class: fallback.UnsupportedFeature, Action: fallback.NextModelNoPenalty, Feature: fallback.FeatureTools, Status: 400})
	for range 2 {
		a.exchange(w, now)
		b.exchange(w, now)
	}
	for _, m := range all {
		if got := m.p.Snapshot(now)[0]; got.FailureCount != 1 || got.Reason != "paused" || got.Tools {
			t.Errorf("%+v", got)
		}
	}
}

func TestAStricterReplica(t *testing.T) {
	all, w := members(1, fallback.Config{Models: chain("A"), Breaker: fallback.Breaker{Failures: 9}})
	strict := &member{p: fallback.New(fallback.Config{Models: chain("A"), Breaker: fallback.Breaker{Failures: 2}}), agreed: map[string]string{}, had: map[string]bool{}}
	for range 7 {
		a, _ := all[0].p.Pick(t0, &fallback.Walk{})
		a.End(t0, outcomeOf("fault"))
	}
	all[0].exchange(w, t0)
	strict.exchange(w, t0)
	if n := strict.p.Snapshot(t0)[0].FailureCount; n != 1 {
		t.Errorf("it counts %d of 2", n)
	}
}

func TestLimitsAreTold(t *testing.T) {
	all, w := members(2, fallback.Config{Models: limited("A", nil)})
	all[0].p.Observe(t0, "p", "one", []fallback.Reading{{Target: fallback.TargetAccount, Per: m, Limit: 20, Remaining: 3}})
	all[0].exchange(w, t0)
	all[1].exchange(w, t0)
	got := all[1].p.Snapshot(t0)[0].Quota
	if len(got) != 1 || got[0].Limit != 20 || got[0].Window != "rpm" || got[0].Used != 0 || !got[0].Learned {
		t.Errorf("%+v", got)
	}
	if n := all[1].exchange(w, t0) + all[0].exchange(w, t0); n != 0 {
		t.Errorf("%d rows are told back", n)
	}
}

// A trial that is under way goes on, whatever is heard meanwhile, and what began before a model closed tells nothing afterwards.
func TestTrialsAreNotDisturbed(t *testing.T) {
	all, w := members(2, fallback.Config{Models: chain("A"), Order: fallback.Priority})
	a, b := all[0], all[1]
	old, _ := b.p.Pick(t0, &fallback.Walk{})
	for range 3 {
		x, _ := a.p.Pick(t0, &fallback.Walk{})
		x.End(t0, outcomeOf("fault"))
	}
	a.exchange(w, t0)
	b.exchange(w, t0)
	if e := old.End(t0, outcomeOf("ok")); !e.Stale {
		t.Error("what began before the model closed counts")
	}
	later := t0.Add(31 * s)
	trial, ok := b.p.Pick(later, &fallback.Walk{})
	if !ok {
		t.Fatal("no trial is made")
	}
	x, _ := a.p.Pick(later, &fallback.Walk{})
	x.End(later, outcomeOf("fault")) // its own trial
	a.exchange(w, later)
	b.exchange(w, later)
	if _, ok := b.p.Pick(later.Add(h), &fallback.Walk{}); ok {
		t.Error("a second trial begins beside the first")
	}
	if e := trial.End(later, outcomeOf("ok")); !e.Available {
		t.Errorf("the good trial: %+v", e)
	}
	b.exchange(w, later)
	a.exchange(w, later)
	if got := describe(a.p, later, "A 2 ready"); got != "A 2 ready" {
		t.Error(got)
	}
}

// Whatever several replicas learn in whatever order, in the end they know the same and come to rest.
func TestReplicasAgree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		config := fallback.Config{Models: chain("A B"), Order: fallback.Priority}
		config.Models[0].Keys, config.Models[1].Keys = keys("one two"), keys("one two")
		all, w := members(3, config)
		now := t0
		var running []*fallback.Attempt
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(rt, "pause")) * s)
			m := all[rapid.IntRange(0, 2).Draw(rt, "who")]
			switch rapid.IntRange(0, 4).Draw(rt, "does") {
			case 0:
				m.exchange(w, now)
			case 1:
				m.p.Pause("p", "A")
			case 2:
				m.p.ResetModel(now, "p", "A")
				m.p.Resume(now, "p", "A")
			default:
				if a, ok := m.p.Pick(now, &fallback.Walk{}); ok {
					running = append(running, a)
				}
				if n := len(running); n > 0 && rapid.Bool().Draw(rt, "ends") {
					words := []string{"ok", "fault", "429", "429/1m", "upstream429/3m", "key429/2h", "auth", "day", "limitzero"}
					running[n-1].End(now, outcomeOf(rapid.SampledFrom(words).Draw(rt, "outcome")))
					running = running[:n-1]
				}
			}
			for _, row := range m.p.Snapshot(now) {
				if row.FailureCount > 3 || row.FailureCount < 0 {
					rt.Fatalf("a count of %d", row.FailureCount)
				}
			}
		}
		for round := 0; ; round++ {
			told := 0
			for _, m := range all {
				told += m.exchange(w, now)
			}
			if told == 0 && round > 0 {
				break
			}
			if round > 10 {
				rt.Fatal("they tell each other for ever")
			}
		}
		for _, m := range all[1:] {
			if a, b := learned(all[0].p, now), learned(m.p, now); !maps.Equal(a, b) {
				rt.Fatalf("one knows %v,\nanother %v", a, b)
			}
		}
	})
}

// After a limit that another replica has met one goes first here, too.
func TestALimitThatAnotherMet(t *testing.T) {
	all, w := members(2, fallback.Config{Models: chain("A B"), Order: fallback.Priority})
	limited := outcomeOf("429")
	limited.Stated, limited.RetryAfter, limited.Until = true, 12*s, fallback.UntilRetryAfter
	askOnce(all[0].p, t0, limited)
	for _, m := range all {
		m.exchange(w, t0)
	}
	now := t0.Add(13 * s)
	for _, want := range []string{"A", "B"} { // both are under way at one time
		if a, ok := all[1].p.Pick(now, &fallback.Walk{}); !ok || a.Model.ID != want {
			t.Fatalf("%v, want %s", a, want)
		}
	}
}
