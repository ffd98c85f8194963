package proxy

import (
	"cmp"
	"time"

	"freefall/fallback"
)

// Price is what tokens cost on the provider's paid plan, as it lists it.
type Price struct {
	Of     string  `json:"of"`    // the id that has this price in the provider's list
	Input  float64 `json:"input"` // USD per million tokens
	Output float64 `json:"output"`
}

// pastSum is a model in all hours of GET /api/chat/history together, and what to hold against it.
type pastSum struct {
	pastModel
	Day   grant  `json:"day"`   // what its windows of a day grant, as the limits are now
	Price *Price `json:"price"` // null: nobody knows one
}

// grant is what a day gives; null where no limit of a day is known.
type grant struct {
	Requests *int64 `json:"requests"`
	Tokens   *int64 `json:"tokens"`
}

// sums are the models with what a day grants them, and the day of all accounts together.
func (p *Proxy) sums(now time.Time, rows []HourRow) (out []pastSum, day *grant) {
	grants := map[[2]string]grant{}
	states := p.pool.Snapshot(now)
	for i := range states {
		s := &states[i]
		grants[[2]string{s.Model.Provider, s.Model.ID}] = grant{ofDay(s, "rpd"), ofDay(s, "tpd")}
	}
	for i := range rows {
		r := &rows[i]
		sum := pastSum{pastModel: r.shown(), Day: grants[[2]string{r.Provider, r.Model}]}
		if price, ok := p.prices(r.Provider, r.Model); ok {
			sum.Price = &price
		}
		out = append(out, sum)
	}
	day = &grant{}
	if l := p.pool.Left(now); l.Bounded > 0 {
		day.Requests = &l.Limit
	}
	return out, day
}

// ofDay is what that window grants a model: of each account the smaller of the account's and the model's, added up. It is unknown
// when it is unknown of one account.
func ofDay(s *fallback.Status, window string) *int64 {
	least := map[string]int64{}
	for _, q := range s.Quota {
		if limit, known := least[q.Account]; q.Window == window && (!known || q.Limit < limit) {
			least[q.Account] = q.Limit
		}
	}
	var all int64
	seen := map[string]bool{}
	for _, key := range s.Model.Keys {
		name := cmp.Or(key.Account, s.Model.Provider)
		limit, known := least[name]
		if !known {
			return nil
		}
		if !seen[name] {
			seen[name] = true
			all += limit
		}
	}
	if len(seen) == 0 {
		return nil
	}
	return &all
}
