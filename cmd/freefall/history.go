package main

import (
	"math"
	"time"

	"freefall/internal/store"
	"freefall/proxy"
)

// history is the store's history as the proxy asks for it.
type history struct{ *store.Store }

func (h history) Hours(from, to time.Time) (proxy.Past, error) {
	past, err := h.History(from, to)
	return proxy.Past{Hours: pastRows(past.Hours), Sums: pastRows(past.Sums), Cut: past.Cut}, err
}

func pastRows(rows []store.HourRow) []proxy.HourRow {
	out := make([]proxy.HourRow, len(rows))
	for i := range rows {
		out[i] = proxy.HourRow(rows[i])
	}
	return out
}

// price is what the tokens of a free model cost on the paid plan, by the provider's own list.
func (s *server) price(provider, id string) (proxy.Price, bool) {
	s.rows.Lock()
	defer s.rows.Unlock()
	p := s.built.providers[provider]
	if p == nil || p.list == nil {
		return proxy.Price{}, false
	}
	of, rate, ok := p.list.Worth(id)
	return proxy.Price{Of: of, Input: perMillion(rate.Prompt), Output: perMillion(rate.Completion)}, ok
}

// perMillion is the price of a million tokens as people write it: 0.27, not 0.26999999999999996.
func perMillion(price float64) float64 { return math.Round(price*1e12) / 1e6 }
