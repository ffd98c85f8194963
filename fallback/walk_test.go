package fallback_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"freefall/fallback"
)

// What a client's name comes to, when everything that is asked fails.
func TestNames(t *testing.T) {
	rows := chain("org/A B B C")
	rows[2].Provider = "q"
	rows[3].ID = "E"
	rows[3].Kind = fallback.Embedding
	chains := []fallback.Chain{
		{Name: "code", Models: []string{"B", "org/*"}},
		{Name: "one", Models: []string{"q/B"}},
		{Name: "none", Models: []string{"nobody"}},
	}
	for request, want := range map[string]string{
		"plain":                       "org/A B q/B",
		"model=auto":                  "org/A B q/B",
		"model=freefall/auto":         "org/A B q/B",
		"model=gpt-4o":                "org/A B q/B",
		"model=claude-sonnet-4":       "org/A B q/B",
		"model=org/A":                 "org/A B q/B",
		"model=p/org/A":               "org/A B q/B",
		"model=B":                     "B q/B org/A",
		"model=p/B":                   "B org/A q/B",
		"model=q/B":                   "q/B org/A B",
		"model=Q/B":                   "org/A B q/B",
		"model=/B":                    "org/A B q/B",
		"model=freefall/code":         "B q/B org/A",
		"model=freefall/one":          "q/B",
		"model=freefall/none":         "none",
		"model=E":                     "org/A B q/B", // kinds never mix
		"model=B only":                "B",
		"model=q/B only":              "q/B",
		"model=freefall/code only":    "B",
		"model=gpt-4o only":           "org/A",
		"list=q/B,org/A":              "q/B org/A",
		"list=q/B,gpt-4o,q/B":         "q/B",
		"list=B,org/A,B":              "B q/B org/A",
		"list=B,org/A only":           "B",
		"list=gpt-4o,auto":            "org/A B q/B",
		"list=gpt-4o model=q/B":       "q/B org/A B",
		"list=org/A model=B":          "org/A",
		"embed":                       "E",
		"embed model=E":               "E",
		"embed model=text-embedding":  "E",
		"embed model=B":               "none",
		"embed list=B,E":              "none",
		"embed model=freefall/none":   "none",
		"list=freefall/code model=p/": "org/A B q/B",
	} {
		t.Run(request, func(t *testing.T) {
			p := fallback.New(fallback.Config{Models: rows, Chains: chains, Order: fallback.Priority})
			if got := picks(p, request); got != want {
				t.Errorf("picks %s, want %s", got, want)
			}
		})
	}
}

// picks are the models that a request is given when each fails; those of provider q with its name.
func picks(p *fallback.Pool, request string) string {
	var w fallback.Walk
	w.Need, w.Ask = ask(request)
	var out []string
	for len(out) < 9 {
		a, ok := p.Pick(t0, &w)
		if !ok {
			break
		}
		name := pickedName(a)
		if a.Model.Provider != "p" {
			name = a.Model.Provider + "/" + name
		}
		out = append(out, name)
		a.End(t0, outcomeOf("fault"))
	}
	if len(out) == 0 {
		return "none"
	}
	if len(out) != w.Attempts() {
		return "attempts are counted wrongly"
	}
	return strings.Join(out, " ")
}

func TestKnown(t *testing.T) {
	p := fallback.New(fallback.Config{Models: chain("A freefall/odd"), Chains: []fallback.Chain{{Name: "code"}}})
	for name, want := range map[string]bool{"": true, "auto": true, "freefall/auto": true, "A": true, "gpt-4o": true, "freefall": true,
		"freefall/code": true, "freefall/odd": true, "freefall/cod": false, "freefall/": false, "freefall/code/": false} {
		if got := p.Known(name); got != want {
			t.Errorf("Known(%q) = %v", name, got)
		}
	}
}

// An embedding keeps to one id, at all its providers and keys, even while that id rests.
func TestEmbeddingKeepsItsID(t *testing.T) {
	rows := chain("off X Y X")
	rows[0].Off = "no_key"
	rows[1].Keys = keys("a b")
	rows[3].Provider = "q"
	for i := range rows {
		rows[i].Kind = fallback.Embedding
	}
	p := fallback.New(fallback.Config{Models: append(chain("A"), rows...)})
	play(t, p, []step{
		{0, "embed", "X#0=429/1m X#1=429/1m X=429/1m none", ""},
		{1 * s, "embed model=gpt-4o", "none", ""},
		{1 * s, "embed model=Y", "Y=fault none", ""},
		{1 * s, "embed list=Y,X", "Y=ok", ""},
		{1 * s, "plain", "A=fault none", ""}, // no memory of embeddings moves a chat
		{2 * m, "embed", "X#1=ok", ""},       // Y has used key 0 since
	})
}

// Under adaptive too, whatever is quicker or has more left: an index that was begun with one model is of no use with another.
func TestAdaptiveEmbeddingsKeepTheirID(t *testing.T) {
	rows := chain("X Y X")
	rows[0].Provider, rows[2].Provider = "p", "q"
	for i := range rows {
		rows[i].Kind = fallback.Embedding
	}
	dice := rand.New(rand.NewPCG(1, 2))
	p := fallback.New(fallback.Config{Models: rows, Order: fallback.Adaptive, Chance: dice.Float64})
	now := time.Unix(1e9, 0)
	for i := range 200 {
		y := fallback.Walk{Need: fallback.Need{Kind: fallback.Embedding}, Ask: fallback.Ask{Model: "Y"}}
		a, _ := p.Pick(now, &y)
		a.End(now, fallback.Outcome{Class: fallback.OK})
		w := fallback.Walk{Need: fallback.Need{Kind: fallback.Embedding}, Ask: fallback.Ask{Model: []string{"", "gpt-4o", "freefall/auto"}[i%3]}}
		for range 3 {
			a, ok := p.Pick(now, &w)
			if !ok {
				break
			}
			if a.Model.ID != "X" {
				t.Fatalf("request %d went to %s", i, a.Model.ID)
			}
			a.End(now, fallback.Outcome{Class: fallback.UpstreamFault, Scope: fallback.ScopeModel, Action: fallback.NextModel, Target: fallback.TargetModel})
		}
		now = now.Add(time.Minute)
	}
}

// A named chain may serve plain requests that match it.
func TestMatchingChain(t *testing.T) {
	c := fallback.Config{Models: chain("A B C"), Order: fallback.Priority, Chains: []fallback.Chain{
		{Name: "never", Models: []string{"C"}},
		{Name: "code", Models: []string{"B", "*"}, Match: fallback.Match{Tools: fallback.Yes}},
		{Name: "eyes", Models: []string{"C"}, Match: fallback.Match{Vision: fallback.Yes}},
		{Name: "long", Models: []string{"C", "B"}, Match: fallback.Match{JSONSchema: fallback.Yes, MinTokens: 1000}},
	}}
	for request, want := range map[string]string{
		"plain":                "A B C",
		"tools":                "B A C",
		"tools vision":         "B A C",
		"vision":               "C",
		"schema":               "A B C",
		"schema tokens=1000":   "C B",
		"tokens=1000":          "A B C",
		"tools model=C":        "C B A",
		"vision model=A":       "A C",
		"tools model=gpt-4o":   "B A C",
		"tools list=C":         "C",
		"model=freefall/never": "C",
	} {
		if got := picks(fallback.New(c), request); got != want {
			t.Errorf("%s: picks %s, want %s", request, got, want)
		}
	}
}

func TestPatterns(t *testing.T) {
	long := strings.Repeat("a", 200)
	for _, c := range []struct {
		pattern, id string
		want        bool
	}{
		{"A", "A", true}, {"A", "AB", false}, {"", "A", false},
		{"*", "A", true}, {"**", "A", true},
		{"google/*", "google/x:free", true}, {"google/*", "googly/x", false},
		{"*:free", "google/x:free", true}, {"*:free", "google/x", false},
		{"g*x*free", "google/x:free", true}, {"g*free*x", "google/x:free", false},
		{"p/*", "A", true}, {"p/A", "A", true}, {"q/*", "A", false}, // "provider/id" matches too
		{"a*a", "a", false}, {"aa*", "aa", true}, {"a*b*a", "aba", true}, {"a*b*a", "ab", false},
		{strings.Repeat("*a", 60) + "*b", long, false}, // in no time
	} {
		begun := time.Now()
		p := fallback.New(fallback.Config{Models: chain(c.id), Chains: []fallback.Chain{{Name: "c", Models: []string{c.pattern}}}})
		_, got := p.Pick(t0, &fallback.Walk{Ask: fallback.Ask{Model: "freefall/c"}})
		if got != c.want {
			t.Errorf("%q matches %q: %v", c.pattern, c.id, got)
		}
		if took := time.Since(begun); took > 5*s {
			t.Errorf("%q took %v", c.pattern, took)
		}
	}
}

// Other models come before the other keys of one that failed; a refusal by all of a model ends it for this request.
func TestOrderWithinOneRequest(t *testing.T) {
	for name, c := range map[string]struct{ asks, trail string }{
		"after a fault":                   {"plain", "A#0=fault B#0=fault C=fault A#1=fault B#1=ok"},
		"after a limit of the pair":       {"plain", "A#0=429 A#1=429 B#0=429 B#1=429 C=429 none"},
		"after a wrong key":               {"plain", "A#0=auth A#1=ok"},
		"after a mismatch":                {"plain", "A#0=declined B#0=declined C=ok"},
		"after a 404":                     {"plain", "A#0=404 B#0=ok"},
		"the faulty one comes last":       {"plain", "A#0=fault B#0=429 B#1=429 C=fault A#1=ok"},
		"named and faulty":                {"model=B", "B#0=fault A#0=fault C=fault B#1=ok"},
		"named only, its keys may change": {"model=B only", "B#0=fault B#1=fault none"},
		"any one only, its keys as well":  {"plain only", "A#0=fault A#1=fault none"},
	} {
		t.Run(name, func(t *testing.T) {
			rows := chain("A B C")
			rows[0].Keys, rows[1].Keys = keys("a b"), keys("a b")
			p := fallback.New(fallback.Config{Models: rows, Order: fallback.Priority, Spread: fallback.SpreadFill})
			play(t, p, []step{{0, c.asks, c.trail, ""}})
		})
	}
}

// After a refusal for size the walk goes first to models that may take more. An unknown window may.
func TestTooLongPrefersLarger(t *testing.T) {
	rows := chain("A small same unknown large")
	for i, context := range []int{8000, 4000, 8000, 0, 32000} {
		rows[i].Context = context
	}
	for outcome, then := range map[string]string{
		"toolong": "unknown=toolong large=toolong small=toolong same=toolong none",
		"413":     "small=ok", // an allowance, not the window
	} {
		play(t, byPriority(rows), []step{{0, "plain", "A=" + outcome + " " + then, "A 0 ready"}})
	}
}

// An ambiguous refusal: another provider first, else another model of the same one.
func TestAvoid(t *testing.T) {
	pick := func(rows []fallback.Model) string {
		p := byPriority(rows)
		var w fallback.Walk
		a, _ := p.Pick(t0, &w)
		a.End(t0, outcomeOf("unsure"))
		w.Avoid(a.Model.Provider)
		if a, _ = p.Pick(t0, &w); a == nil {
			return "none"
		}
		defer a.End(t0, outcomeOf("unsure"))
		return a.Model.ID
	}
	rows := chain("A B C")
	rows[2].Provider = "q"
	if got := pick(rows); got != "C" {
		t.Errorf("after A of p comes %s, want C of q", got)
	}
	if got := pick(rows[:2]); got != "B" {
		t.Errorf("with one provider comes %s, want B", got)
	}
	rows[0].Keys = keys("a b")
	if got := pick(rows[:1]); got != "none" {
		t.Errorf("the same model is asked again: %s", got)
	}
}

func TestSpread(t *testing.T) {
	rows := chain("A B")
	rows[0].Keys, rows[1].Keys = keys("a b c"), keys("a b c")
	for spread, want := range map[fallback.Spread]string{
		fallback.SpreadEven: "A#0 B#1 A#2 A#0 B#1",
		fallback.SpreadFill: "A#0 B#0 A#0 A#0 B#0",
	} {
		p := fallback.New(fallback.Config{Models: rows, Order: fallback.Priority, Spread: spread})
		var got []string
		for n, model := range []string{"A", "B", "A", "A", "B"} {
			a, _ := p.Pick(t0.Add(time.Duration(n)*s), &fallback.Walk{Ask: fallback.Ask{Model: model}})
			got = append(got, pickedName(a))
			a.End(t0.Add(time.Duration(n)*s), fallback.Outcome{})
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("spread %d: %s, want %s", spread, got, want)
		}
	}
}

// A walk keeps its memory, not its past.
func TestReset(t *testing.T) {
	p := byPriority(chain("A B"))
	var w fallback.Walk
	for range 10 {
		w.Need, w.Ask = ask("list=B,A")
		for _, want := range []string{"B", "A"} {
			a, _ := p.Pick(t0, &w)
			if got := pickedName(a); got != want {
				t.Fatalf("picked %s, want %s", got, want)
			}
			a.End(t0, outcomeOf("declined"))
		}
		if w.Attempts() != 2 {
			t.Fatalf("%d attempts", w.Attempts())
		}
		w.Reset()
		if w.Attempts() != 0 || w.Ask.Models != nil {
			t.Fatal("the walk remembers")
		}
	}
}
