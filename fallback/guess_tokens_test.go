package fallback_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"freefall/fallback"
)

// budget is a provider's budget of tokens that it never names: it refuses what would go beyond it when it comes, and counts what was
// used when it has answered.
type budget struct {
	fixed bool
	per   time.Duration
	n     int
	drawn []draft
}

type draft struct {
	at time.Time
	n  int
}

func (b *budget) take(now time.Time, n int) bool {
	from := now.Add(-b.per)
	if b.fixed {
		from = now.Truncate(b.per).Add(-1)
	}
	sum := 0
	for _, d := range b.drawn {
		if d.at.After(from) {
			sum += d.n
		}
	}
	if sum+n > b.n {
		return false
	}
	b.drawn = append(b.drawn, draft{now, n})
	return true
}

// spend asks every step for so long for requests of many sizes, and gives how many tokens were used and how many requests refused.
func (b *budget) spend(p *fallback.Pool, rng *rand.Rand, from time.Time, step, length time.Duration) (used, refused int) {
	for now := from; now.Before(from.Add(length)); now = now.Add(step) {
		estimate := 50 + int(rng.ExpFloat64()*float64(b.n)/12)
		in, out := estimate*5/4+rng.IntN(1+estimate/5), 20+rng.IntN(40)
		a, ok := p.Pick(now, &fallback.Walk{Need: fallback.Need{Tokens: estimate}})
		switch {
		case !ok:
		case !b.take(now.Add(5*time.Millisecond), in):
			refused++
			a.End(now.Add(20*time.Millisecond), outcomeOf("429"))
		default:
			used += in + out
			b.drawn[len(b.drawn)-1].n = in + out
			a.Committed(now.Add(10 * time.Millisecond))
			a.End(now.Add(30*time.Millisecond), fallback.Outcome{InputTokens: in, OutputTokens: out})
		}
	}
	return used, refused
}

// A budget of tokens that nobody names is found by its refusals: hardly anything is refused then, and most of it is used.
func TestUnknownBudgetsAreFound(t *testing.T) {
	for name, b := range map[string]budget{
		"a minute":       {per: m, n: 10_000},
		"a minute, turn": {per: m, n: 10_000, fixed: true},
		"ten seconds":    {per: 10 * s, n: 6_000},
	} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			p := byPriority(chain("A"))
			step := b.per / 20 // twice as much as there is
			b.spend(p, rng, t0, step, 60*b.per)
			used, refused := b.spend(p, rng, t0.Add(60*b.per), step, 200*b.per)
			if share := float64(used) / float64(200*b.n); share < 0.8 || refused > 90 {
				t.Errorf("%.3f of it was used, %d requests were refused", share, refused)
			}
		})
	}
}

// What is left of a budget is for those who are small enough; who is larger is kept for later instead of being refused.
func TestABudgetTakesTheSmall(t *testing.T) {
	b := budget{per: m, n: 10_000}
	p := byPriority(chain("A"))
	b.spend(p, rand.New(rand.NewPCG(1, 2)), t0, 3*s, 2*h)
	now := t0.Add(3 * h)
	for range 4 { // 9,000 to 9,600
		a, ok := p.Pick(now, &fallback.Walk{Need: fallback.Need{Tokens: 1_900}})
		if !ok || !b.take(now, 2_280) {
			t.Fatal("a fourth of the budget does not go")
		}
		a.Committed(now.Add(s))
		a.End(now.Add(s), fallback.Outcome{InputTokens: 2_280, OutputTokens: 30})
		now = now.Add(2 * s)
	}
	if _, ok := p.Pick(now, &fallback.Walk{Need: fallback.Need{Tokens: 1_900}}); ok {
		t.Error("a request goes that is larger than what is left")
	}
	if got := quotas(p, now); got != "tpm 9240/9994" {
		t.Errorf("%q", got)
	}
	if _, ok := p.Pick(now, &fallback.Walk{Need: fallback.Need{Tokens: 300}}); !ok {
		t.Error("a small request does not go although there is room for it")
	}
	q := byPriority(chain("A"))
	q.Restore(p.Save(now))
	if _, ok := q.Pick(now, &fallback.Walk{Need: fallback.Need{Tokens: 1_900}}); ok {
		t.Error("after a restart a request goes that is larger than what is left")
	}
}

// Requests of many sizes do not make a budget of what is a limit of requests.
func TestNoBudgetWhereRequestsAreCounted(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	l := secret{per: m, n: 20}
	p := byPriority(chain("A"))
	hour := func(from time.Time) (good, refused int) {
		for now := from; now.Before(from.Add(h)); now = now.Add(2 * s) {
			estimate := 50 + int(rng.ExpFloat64()*1000)
			a, ok := p.Pick(now, &fallback.Walk{Need: fallback.Need{Tokens: estimate}})
			if !ok {
				continue
			}
			if taken, _ := l.take(now); !taken {
				refused++
				a.End(now, outcomeOf("429"))
				continue
			}
			good++
			a.End(now.Add(s), fallback.Outcome{InputTokens: estimate * 5 / 4, OutputTokens: 100})
		}
		return good, refused
	}
	hour(t0)
	if good, refused := hour(t0.Add(h)); good < 1080 || refused > 10 {
		t.Errorf("%d of 1200 answered, %d refused", good, refused)
	}
	if got := quotas(p, t0.Add(2*h)); got != "rpm 19/20" {
		t.Errorf("%q", got)
	}
}

// Who cannot wait does not pass by a budget that was found because long answers are expected: those are not counted before they are there.
func TestABudgetHoldsWhereAnswersAreLong(t *testing.T) {
	b := budget{per: m, n: 40_000}
	p := byPriority(chain("A"))
	refused := 0
	for now := t0; now.Before(t0.Add(6 * h)); now = now.Add(2 * s) {
		estimate := 100 + int(now.Unix()*7919%3000)
		a, ok := p.Pick(now, &fallback.Walk{Need: fallback.Need{Tokens: estimate}})
		switch {
		case !ok:
		case !b.take(now.Add(5*time.Millisecond), estimate*13/10):
			a.End(now.Add(20*time.Millisecond), outcomeOf("429"))
			if now.After(t0.Add(3 * h)) {
				refused++
			}
		default:
			b.drawn[len(b.drawn)-1].n = estimate*13/10 + 2000
			a.Committed(now.Add(10 * time.Millisecond))
			a.End(now.Add(30*time.Millisecond), fallback.Outcome{InputTokens: estimate * 13 / 10, OutputTokens: 2000})
		}
	}
	if refused > 20 {
		t.Errorf("%d were refused in three hours", refused)
	}
}
