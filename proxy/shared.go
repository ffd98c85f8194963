package proxy

import (
	"time"

	"freefall/fallback"
)

// Shared counts for several replicas what they draw from the same windows.
type Shared interface {
	// Reserve draws all of it or nothing, and says of each window how it is; nil when nobody answers, which takes 100 ms at most.
	Reserve([]fallback.Draw) []fallback.Count
	// Remember is what is told of what was drawn without asking anybody.
	Remember([]fallback.Draw)
	// Settle puts right what was drawn, once it is Kept. It does not wait.
	Settle([]fallback.Draw)
	// Up says whether anybody answers.
	Up() bool
}

// granted asks the shared counter whether what an attempt has drawn is still there. False when others have drawn it: the attempt has come to
// nothing, and was none. Without an answer this replica goes by its own counts.
func (x *exchange) granted(a *fallback.Attempt) bool {
	s := x.proxy.shared
	if s == nil {
		return true
	}
	draws := a.Draws(time.Now())
	if len(draws) == 0 {
		return true
	}
	return a.Share(time.Now(), x.reserve(draws))
}

// ended ends an attempt, and with it what it has drawn.
func (p *Proxy) ended(now time.Time, a *fallback.Attempt, o fallback.Outcome) fallback.Effect {
	effect := a.End(now, o)
	if p.shared != nil {
		p.shared.Settle(a.Drawn())
	}
	return effect
}

// draw draws the request from its client's share.
func (x *exchange) draw(now time.Time) (fallback.Denial, bool) {
	p := x.proxy
	denial, ok := p.pool.Admit(now, x.walk)
	if !ok || p.shared == nil {
		return denial, ok
	}
	draws := p.pool.Draws(now, x.walk)
	if len(draws) == 0 {
		return denial, ok
	}
	return p.pool.Share(time.Now(), x.walk, x.reserve(draws))
}

// reserve asks the shared counter. A request that has waited for it in vain does not ask again: the rest of it goes by
// this replica's own counts.
func (x *exchange) reserve(draws []fallback.Draw) []fallback.Count {
	s := x.proxy.shared
	if x.unheard {
		s.Remember(draws)
		return nil
	}
	waits := s.Up()
	counts := s.Reserve(draws)
	x.unheard = waits && counts == nil
	return counts
}
