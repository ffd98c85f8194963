package fallback

import "time"

// Share bounds what one client may draw, whatever the providers grant.
type Share struct {
	Client  string
	Windows []Window
}

// Denial says that a client's share is spent.
type Denial struct {
	Window string    // its name, as in models.yaml
	Limit  int64     // what it grants
	Ready  time.Time // when it has room again
}

// Admit draws one request from the share of the walk's client; a client without a share is always admitted. Whoever was
// admitted is to be settled by Discharge.
func (p *Pool) Admit(now time.Time, w *Walk) (Denial, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	share, ok := p.state.shares[w.Ask.Client]
	if !ok {
		return Denial{}, true
	}
	tokens := int64(w.Need.Tokens)
	if by, at := share.shut(now, tokens); by != nil {
		return Denial{Window: by.Name(), Limit: by.limit(), Ready: at}, false
	}
	share.draw(now, tokens, 0)
	w.share, w.admitted = share, now
	return Denial{}, true
}

// Discharge ends what Admit drew: with the tokens that were used, or wholly when the request got no answer.
func (p *Pool) Discharge(now time.Time, w *Walk, answered bool, tokens int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.share == nil {
		return
	}
	if tokens == 0 {
		tokens = w.Need.Tokens
	}
	w.share.settle(now, w.admitted, answered, int64(w.Need.Tokens), 0, int64(tokens))
	keep(w.draws, w.share, answered, int64(tokens))
	w.share = nil
}
