package fallback

import "time"

// Pause takes a model out until Resume; false when there is no such row. It outlives a restart.
func (p *Pool) Pause(provider, id string) bool {
	return p.operate(provider, id, func(m *modelState) { m.paused = true })
}

// Resume lets a paused model be asked again.
func (p *Pool) Resume(now time.Time, provider, id string) bool {
	ok := p.operate(provider, id, func(m *modelState) { m.paused = false })
	p.Dispatch(now)
	return ok
}

// ResetModel forgets what speaks against a model: failures, rests of it and of its keys with it, what it refused, and limits that
// were only guessed. What was drawn from windows stays drawn, and rests of whole keys, accounts and providers stay.
func (p *Pool) ResetModel(now time.Time, provider, id string) bool {
	ok := p.operate(provider, id, func(m *modelState) {
		m.health = health{gen: m.health.gen + 1}
		m.rest.lift()
		m.vain = vain{}
		m.rest.level, m.rest.slow = 0, 0
		m.lacks = [numFeatures]time.Time{}
		m.lastError, m.lastErrorAt, m.lastBad = "", time.Time{}, time.Time{}
		for name, r := range p.state.pairs {
			if name.provider == provider && name.id == id {
				r.lift()
				r.level, r.slow = 0, 0
			}
		}
		for name, q := range p.state.quotas {
			if name.provider == provider && name.id == id {
				q.guess = nil
			}
		}
	})
	p.Dispatch(now)
	return ok
}

func (p *Pool) operate(provider, id string, do func(*modelState)) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.table.rows {
		if r := &p.table.rows[i]; r.Provider == provider && r.ID == id {
			do(r.model)
			return true
		}
	}
	return false
}

// Providers of an id, in the order of the rows: an id may stand at several.
func (p *Pool) Providers(id string) (names []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.table.rows {
		if r := &p.table.rows[i]; r.ID == id {
			names = append(names, r.Provider)
		}
	}
	return names
}
