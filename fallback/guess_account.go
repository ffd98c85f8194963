package fallback

import "time"

// A provider may refuse a model for a limit of the whole account without saying so. So what no window of a model explains is told to the
// account, too, if it has several models and this one has answered since it refused first. Models that are full one after the other look like
// that as well, hence an account has to be convinced by more refusals in a row than a model.

// surprise learns from a refusal that no known window explains. named is when the provider says that it has room again, zero if it
// does not say.
func (a *Attempt) surprise(now, named time.Time, target Target, q *quota) {
	tokens := a.arrival()
	if clear := q.surprised(now, a.begun, named, tokens); clear || target != TargetPair || !q.guess.answers {
		return
	}
	if acc := a.row.pairs[a.Key].account; a.pool.table.shared(acc) {
		fresh := acc.quota.guess == nil
		acc.quota.surprised(now, a.begun, named, tokens)
		if fresh {
			acc.quota.guess.enough, acc.quota.guess.known = certain, false
		}
	}
}

// shared says whether an account has several models.
func (t *table) shared(acc *accountState) bool {
	n := 0
	for i := range t.rows {
		for k := range t.rows[i].pairs {
			if t.rows[i].pairs[k].account == acc {
				n++
			}
		}
	}
	return n > 1
}
