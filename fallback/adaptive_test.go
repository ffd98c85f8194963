package fallback_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"freefall/fallback"
)

func adaptive(rows []fallback.Model) *fallback.Pool {
	dice := rand.New(rand.NewPCG(1, 2))
	return fallback.New(fallback.Config{Models: rows, Order: fallback.Adaptive, Chance: dice.Float64, Breaker: fallback.Breaker{Failures: 1000}})
}

// firsts asks n times, a second apart, and counts who is asked first. bad gives the share of attempts of a model that fail.
func firsts(p *fallback.Pool, from time.Time, n int, need fallback.Need, bad map[string]float64, ttft map[string]time.Duration) map[string]int {
	dice := rand.New(rand.NewPCG(3, 4))
	count := map[string]int{}
	for i := range n {
		now := from.Add(time.Duration(i) * s)
		w := fallback.Walk{Need: need}
		a, _ := p.Pick(now, &w)
		count[a.Model.ID]++
		outcome := "ok"
		if dice.Float64() < bad[a.Model.ID] {
			outcome = "fault"
		} else {
			a.Committed(now.Add(ttft[a.Model.ID]))
		}
		a.End(now.Add(ttft[a.Model.ID]), outcomeOf(outcome))
	}
	return count
}

// A model that fails half of its attempts soon gets less than a tenth of the first tries, is not starved, and comes back when
// it has recovered.
func TestAdaptiveAvoidsTheUnreliable(t *testing.T) {
	p := adaptive(chain("A B C"))
	bad := map[string]float64{"A": 0.5}
	warm := firsts(p, t0, 50, fallback.Need{}, bad, nil)
	then := firsts(p, t0.Add(50*s), 1000, fallback.Need{}, bad, nil)
	if warm["A"] >= 15 || then["A"] >= 100 || then["A"] < 5 {
		t.Errorf("A is asked first %d times of 50, %d of the next 1000", warm["A"], then["A"])
	}
	good := firsts(p, t0.Add(1050*s), 600, fallback.Need{}, nil, nil)
	later := firsts(p, t0.Add(1650*s), 300, fallback.Need{}, nil, nil)
	if later["A"] < 60 {
		t.Errorf("after its recovery A is asked first %d times of 600, %d of the next 300", good["A"], later["A"])
	}
}

// The quick one is asked first.
func TestAdaptivePrefersTheQuick(t *testing.T) {
	p := adaptive(chain("A B"))
	got := firsts(p, t0, 300, fallback.Need{Stream: true}, nil, map[string]time.Duration{"A": 4 * s, "B": 300 * time.Millisecond})
	if got["B"] < 250 {
		t.Errorf("B is asked first %d times of 300", got["B"])
	}
}

// Among equals a plain request leaves what can do tools, or holds long texts, to those who need it, and uses first what lapses soonest.
func TestAdaptiveSparesWhatIsScarce(t *testing.T) {
	rows := chain("tools plain")
	rows[1].Tools, rows[1].Vision = false, false
	rows[0].Limits, rows[1].Limits = rpd(1000), rpd(1000)
	if got := firsts(adaptive(rows), t0, 200, fallback.Need{}, nil, nil); got["plain"] < 180 {
		t.Errorf("plain requests go first to %v", got)
	}
	rows = chain("long short")
	rows[0].Context, rows[1].Context = 1<<20, 32000
	rows[0].Limits, rows[1].Limits = rpd(1000), rpd(1000)
	if got := firsts(adaptive(rows), t0, 200, fallback.Need{}, nil, nil); got["short"] < 150 {
		t.Errorf("short requests go first to %v", got)
	}
	rows = chain("late soon")
	rows[0].Limits = rpd(1000) // its day ends in 14 hours
	rows[1].Limits = []fallback.Window{{Per: 24 * h, Cycle: fallback.Daily, At: 12 * h, Limit: 1000}}
	if got := firsts(adaptive(rows), t0, 200, fallback.Need{}, nil, nil); got["soon"] < 180 {
		t.Errorf("first are asked %v", got)
	}
}

// What the state API calls current is what a plain request gets when nothing is left to chance.
func TestAdaptiveCurrent(t *testing.T) {
	p := adaptive(chain("A B C"))
	firsts(p, t0, 20, fallback.Need{}, map[string]float64{"A": 1}, nil)
	now := t0.Add(30 * s)
	rows := p.Snapshot(now)
	for range 50 {
		if again := p.Snapshot(now); current(again) != current(rows) || current(rows) == "A" {
			t.Fatalf("current is %s, then %s", current(rows), current(again))
		}
	}
	if c := p.Explain(now, fallback.Need{}, fallback.Ask{}); c[0].Model.ID != current(rows) {
		t.Errorf("explained is %s, current %s", c[0].Model.ID, current(rows))
	}
}
