package fakellm

import (
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// demoWindow is as long as a limit of the demo holds: short enough to watch it end.
const demoWindow = 10 * time.Second

// Demo is the world of freefall demo: the catalog behind limits with windows of ten seconds, one slow model, and outages
// that come and go, the same for the same seed. The first model is at its limit when it is first asked, whenever that is.
func Demo(seed uint64) *Server {
	catalog := Catalog()
	first := Limited(Limit{Scope: Upstream, Per: Duration(demoWindow), Hint: true}).Lasting(demoWindow)
	return New(Options{
		Models: catalog,
		Limits: []Limit{
			{Scope: Account, Requests: 30, Per: Duration(demoWindow)},
			{Scope: Account, Requests: 50_000, Per: Duration(24 * time.Hour), Fixed: true},
			{Scope: Upstream, Requests: 25, Per: Duration(demoWindow), Hint: true},
		},
		Script:  map[string][]Step{catalog[0].ID: {first}},
		Weather: func(model string, age time.Duration) (Step, bool) { return weather(seed, catalog, model, age) },
		Keep:    200,
	})
}

// weather gives each model an outage in every spell of forty seconds, at a moment and of a kind that chance chose once.
// The backup has none, so that somebody always answers.
func weather(seed uint64, catalog []Model, model string, age time.Duration) (Step, bool) {
	const spell, outage = 40 * time.Second, 8 * time.Second
	switch model {
	case catalog[4].ID:
		return OK(), true
	case catalog[3].ID:
		return slow(), true
	}
	name := fnv.New64a()
	_, _ = name.Write([]byte(model))
	chance := rand.New(rand.NewPCG(seed^name.Sum64(), uint64(age/spell)))
	begin := time.Duration(chance.Int64N(int64(spell - outage)))
	trouble := troubles[chance.IntN(len(troubles))]
	if at := age % spell; at >= begin && at < begin+outage {
		return trouble, true
	}
	return paced(), true
}

// paced is the speed of a good model, slow that of one in need of patience.
func paced() Step { return Slow(80*time.Millisecond, 120*time.Millisecond, 25*time.Millisecond) }

func slow() Step {
	s := Slow(200*time.Millisecond, 2*time.Second, 150*time.Millisecond)
	s.Comments = 2
	return s
}

var troubles = []Step{Fault(500), Fault(502), Fault(503), Fault(529), Error200(), ErrorAt(1), Cut(1, Close), Empty(), HTML()}
