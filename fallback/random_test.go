package fallback_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"freefall/fallback"
)

// The lives of random pools. The world keeps its own books of what was said, and holds the pool to them.
type world struct {
	p        *fallback.Pool
	rows     []fallback.Model
	failures int
	now      time.Time
	walks    []*wanderer
	closed   map[string]time.Time // model -> no attempt before
	rests    map[string]*pause    // door -> its rest
	trials   map[string]bool      // models and doors with a trial under way
	endless  bool                 // something was said to rest without end
}

// wanderer is one request, with its attempt if one is under way.
type wanderer struct {
	walk    fallback.Walk
	attempt *fallback.Attempt
	tried   map[string]bool
	most    int      // attempts, by the pairs that the configuration lets it ask
	trials  []string // that the attempt holds
}

type pause struct {
	from, until, tried time.Time
	proven, endless    bool
}

const cooldown = 30 * time.Second

func newWorld(t *rapid.T) *world {
	w := &world{now: t0, failures: rapid.IntRange(1, 4).Draw(t, "failures"),
		closed: map[string]time.Time{}, rests: map[string]*pause{}, trials: map[string]bool{}}
	accounts := []string{"a", "a b", "x x y", ""}
	for i := range rapid.IntRange(1, 5).Draw(t, "models") {
		row := chain(string(rune('A' + i)))[0]
		row.Provider = rapid.SampledFrom([]string{"p", "q"}).Draw(t, "provider")
		row.Keys = keys(accounts[map[string]int{"p": 1, "q": 2}[row.Provider]])
		row.Tools, row.JSONSchema = rapid.Bool().Draw(t, "tools"), rapid.Bool().Draw(t, "schema")
		row.Context = rapid.SampledFrom([]int{0, 1000}).Draw(t, "context")
		w.rows = append(w.rows, row)
	}
	w.p = fallback.New(w.config(t))
	return w
}

func (w *world) config(t *rapid.T) fallback.Config {
	return fallback.Config{Models: w.rows, Breaker: fallback.Breaker{Failures: w.failures, Cooldown: cooldown},
		Order:  rapid.SampledFrom([]fallback.Order{fallback.LastGood, fallback.Priority}).Draw(t, "order"),
		Spread: rapid.SampledFrom([]fallback.Spread{fallback.SpreadEven, fallback.SpreadFill}).Draw(t, "spread")}
}

func (w *world) row(a *fallback.Attempt) string { return a.Model.Provider + "/" + a.Model.ID }

// door is the name of what a target means for an attempt.
func (w *world) door(a *fallback.Attempt, target fallback.Target) string {
	account, nth := a.Model.Keys[a.Key].Account, 0
	for _, k := range a.Model.Keys[:a.Key] {
		if k.Account == account {
			nth++
		}
	}
	key := fmt.Sprint(a.Model.Provider, " ", account, nth)
	return map[fallback.Target]string{fallback.TargetPair: "pair " + key + a.Model.ID, fallback.TargetModel: "model " + w.row(a),
		fallback.TargetKey: "key " + key, fallback.TargetAccount: "account " + a.Model.Provider + " " + account,
		fallback.TargetProvider: "provider " + a.Model.Provider}[target]
}

func (w *world) wait(t *rapid.T) {
	w.now = w.now.Add(rapid.SampledFrom([]time.Duration{1, s, 10 * s, 31 * s, m, 5 * m, 40 * m, h, 5 * h}).Draw(t, "wait"))
}

// set out with a new request.
func (w *world) begin(t *rapid.T) {
	one := &wanderer{tried: map[string]bool{}}
	one.walk.Need, one.walk.Ask = ask(rapid.SampledFrom([]string{"plain", "plain", "plain", "tools", "schema", "tokens=2000",
		"model=B", "model=A only", "plain only", "list=C,A", "tools model=q/A"}).Draw(t, "request"))
	for _, row := range w.rows {
		if n := one.walk.Need; (row.Tools || !n.Tools) && (row.JSONSchema || !n.JSONSchema) && (row.Context == 0 || n.Tokens <= row.Context) {
			one.most += len(row.Keys)
		}
	}
	w.walks = append(w.walks, one)
	w.step(t, one)
}

// step picks the next attempt of a request and checks that it was allowed.
func (w *world) step(t *rapid.T, one *wanderer) {
	a, ok := w.p.Pick(w.now, &one.walk)
	if !ok {
		return
	}
	one.attempt, one.trials = a, nil
	pair := w.door(a, fallback.TargetPair) + a.Model.Provider
	if one.tried[pair] {
		t.Fatalf("%s is asked twice", pair)
	}
	if one.tried[pair] = true; len(one.tried) > one.most {
		t.Fatalf("attempt %d of a request that fits %d pairs", len(one.tried), one.most)
	}
	if one.walk.Attempts() != len(one.tried) {
		t.Fatalf("%d attempts counted, %d made", one.walk.Attempts(), len(one.tried))
	}
	if until := w.closed[w.row(a)]; w.now.Before(until) {
		t.Fatalf("%s is closed until %v", w.row(a), until)
	}
	if w.status(a).FailureCount == w.failures {
		w.hold(t, one, w.row(a))
	}
	for target := fallback.TargetPair; target <= fallback.TargetProvider; target++ {
		door := w.door(a, target)
		r := w.rests[door]
		if r == nil || !r.endless && !w.now.Before(r.until) {
			continue
		}
		if r.endless || r.proven || r.until.Sub(r.from) <= h || w.now.Sub(r.from) < h/2 || w.now.Sub(r.tried) < h {
			t.Fatalf("%s rests until %v", door, r.until)
		}
		w.hold(t, one, door)
	}
}

func (w *world) hold(t *rapid.T, one *wanderer, door string) {
	if w.trials[door] {
		t.Fatalf("a second trial of %s", door)
	}
	w.trials[door] = true
	one.trials = append(one.trials, door)
}

func (w *world) status(a *fallback.Attempt) fallback.Status {
	for _, row := range w.p.Snapshot(w.now) {
		if row.Model.ID == a.Model.ID && row.Model.Provider == a.Model.Provider {
			return row
		}
	}
	return fallback.Status{}
}

// end reports an outcome and writes down what it says.
func (w *world) end(t *rapid.T, one *wanderer, word string) {
	a, o := one.attempt, outcomeOf(word)
	one.attempt = nil
	before := w.p.Snapshot(w.now)
	e := a.End(w.now, o)
	for _, door := range one.trials {
		delete(w.trials, door)
		switch r := w.rests[door]; {
		case r == nil:
		case word == "ok":
			delete(w.rests, door)
		case !harmless(word):
			r.tried = w.now
		}
	}
	if word != "ok" && !harmless(word) {
		w.noEarlier(t, before, word)
	}
	if e.Unavailable {
		w.closed[w.row(a)] = w.now.Add(s)
		if !o.Limit() || !o.Stated {
			w.closed[w.row(a)] = w.now.Add(cooldown)
		}
	} else if e.Rested != fallback.TargetNone {
		w.rest(t, w.door(a, e.Rested), e.Until, &o)
	}
	if !mustPanic(func() { a.End(w.now, o) }) {
		t.Fatal("an attempt ended twice")
	}
}

func harmless(word string) bool { return word == "left" || word == "hedge" }

func (w *world) rest(t *rapid.T, door string, until time.Time, o *fallback.Outcome) {
	r := w.rests[door]
	if r == nil || !r.endless && !w.now.Before(r.until) {
		r = &pause{from: w.now}
		w.rests[door] = r
	}
	switch {
	case until.IsZero():
		r.endless, w.endless = true, true
	case until.Before(r.until):
		t.Fatalf("the end of %s moves from %v to %v", door, r.until, until)
	case until.Before(w.now.Add(s)):
		t.Fatalf("%s rests for %v", door, until.Sub(w.now))
	case until.After(r.until):
		r.until, r.proven = until, o.Proven
	}
}

// noEarlier holds that nobody is ready sooner because of what is no success.
func (w *world) noEarlier(t *rapid.T, before []fallback.Status, word string) {
	for i, row := range w.p.Snapshot(w.now) {
		was := before[i]
		if was.Available || was.Reason == "trial" {
			continue
		}
		if row.Available || !row.AvailableAt.IsZero() && row.AvailableAt.Before(was.AvailableAt) {
			t.Fatalf("%s: %s is ready at %v, before at %v", word, row.Model.ID, row.AvailableAt, was.AvailableAt)
		}
	}
}

// check is what holds after each step.
func (w *world) check(t *rapid.T) {
	rows := w.p.Snapshot(w.now)
	for _, row := range rows {
		if row.FailureCount < 0 || row.FailureCount > w.failures {
			t.Fatalf("%s counts %d of %d", row.Model.ID, row.FailureCount, w.failures)
		}
		if !row.Available && row.Reason == "" || !row.AvailableAt.IsZero() && (row.Available || !row.AvailableAt.After(w.now)) {
			t.Fatalf("%s is told as %+v", row.Model.ID, row)
		}
	}
	marked := current(rows)
	explained := w.p.Explain(w.now, fallback.Need{}, fallback.Ask{})
	var walk fallback.Walk
	a, ok := w.p.Pick(w.now, &walk)
	if len(marked) != 1 || ok && a.Model.ID != marked {
		t.Fatalf("current is %q, a plain request gets %s", marked, pickedName(a))
	}
	for _, c := range explained {
		if c.Skip == "" {
			if !ok || c.Model.ID != a.Model.ID {
				t.Fatalf("explained %s, a plain request gets %s", c.Model.ID, pickedName(a))
			}
			break
		}
	}
	if ok {
		a.End(w.now, outcomeOf("left"))
	} else if x := w.p.Exhausted(w.now, &walk); !x.Ready.IsZero() && !x.Ready.After(w.now) {
		t.Fatalf("nobody is left, but %v is ready", x.Ready)
	}
}

func mustPanic(do func()) (panicked bool) {
	defer func() { panicked = strings.HasPrefix(fmt.Sprint(recover()), "BUG") }()
	do()
	return false
}

// words that random attempts come to; ends are those that pass by themselves.
var words = strings.Fields(`ok ok ok fault fault timeout edge busy429 fault/20s 429 429/5s 429/3h proven429/2h upstream429 upstream429/90m
	key429 key429/1m account429/7s account429/5h provider429/9s toolong declined notools noschema badrequest unsure left hedge 404 day`)

func TestRandomLives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		w.live(t, words)
		// After all rests have ended everything is available again, and successes count down to 0.
		w.now = w.now.Add(400 * 24 * h)
		for _, row := range w.p.Snapshot(w.now) {
			if !row.Available {
				t.Fatalf("%s is not available: %s", row.Model.ID, row.Reason)
			}
			for range w.failures {
				a, ok := w.p.Pick(w.now, &fallback.Walk{Ask: fallback.Ask{Model: row.Model.ID, Only: true}})
				if !ok {
					t.Fatalf("%s is not asked", row.Model.ID)
				}
				a.End(w.now, fallback.Outcome{})
			}
		}
		for _, row := range w.p.Snapshot(w.now) {
			if row.FailureCount != 0 || !row.Available || row.Reason != "" {
				t.Fatalf("%s has %d failures: %s", row.Model.ID, row.FailureCount, row.Reason)
			}
		}
	})
}

// With rests that only a person ends the same holds, but for the end.
func TestRandomLivesWithoutEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		newWorld(t).live(t, append(strings.Fields("auth 402 nosub spent gone cost"), words...))
	})
}

func (w *world) live(t *rapid.T, words []string) {
	t.Repeat(map[string]func(*rapid.T){
		"":      w.check,
		"wait":  w.wait,
		"begin": w.begin,
		"step": func(t *rapid.T) {
			if one := w.draw(t, false); one != nil {
				w.step(t, one)
			}
		},
		"end": func(t *rapid.T) {
			if one := w.draw(t, true); one != nil {
				w.end(t, one, rapid.SampledFrom(words).Draw(t, "outcome"))
			}
		},
		"reorder": func(t *rapid.T) { // a reload that changes the order alone
			if !w.endless {
				w.rows = rapid.Permutation(w.rows).Draw(t, "rows")
				w.p.Reconfigure(w.config(t))
			}
		},
	})
	for _, one := range w.walks {
		if one.attempt != nil {
			w.end(t, one, "left")
		}
	}
}

// draw is one request whose attempt is under way, or is not.
func (w *world) draw(t *rapid.T, busy bool) *wanderer {
	var some []*wanderer
	for _, one := range w.walks {
		if (one.attempt != nil) == busy {
			some = append(some, one)
		}
	}
	if len(some) == 0 {
		return nil
	}
	return some[rapid.IntRange(0, len(some)-1).Draw(t, "nth request")]
}

// 32 goroutines at one pool: the race detector watches, and each attempt that was given ends.
func TestManyAtOnce(t *testing.T) {
	rows := chain("A B C D")
	for i := range rows {
		rows[i].Keys = keys("a b")
	}
	p := lastGood(rows)
	var all sync.WaitGroup
	for n := range 32 {
		all.Go(func() {
			var w fallback.Walk
			for i := range 300 {
				now := t0.Add(time.Duration(i) * s)
				for a, ok := p.Pick(now, &w); ok && w.Attempts() <= 8; a, ok = p.Pick(now, &w) {
					a.Committed(now)
					o := outcomeOf(words[(n+i*7)%len(words)])
					if a.End(now, o); o.Class == fallback.OK {
						break
					}
				}
				if w.Attempts() > 8 {
					t.Errorf("%d attempts at 8 pairs", w.Attempts())
					return
				}
				switch {
				case i%50 == 0:
					p.Snapshot(now)
				case i%50 == 1:
					p.Explain(now, fallback.Need{}, fallback.Ask{Model: "B"})
				case i%50 == 2:
					p.Exhausted(now, &w)
				case i%50 == 3:
					p.Reconfigure(fallback.Config{Models: rows})
				}
				w.Reset()
			}
		})
	}
	all.Wait()
	for _, row := range p.Snapshot(t0.Add(1000 * h)) {
		if !row.Available || row.FailureCount > 3 {
			t.Errorf("%s: %+v", row.Model.ID, row)
		}
	}
}
