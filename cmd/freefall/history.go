package main

import (
	"time"

	"freefall/internal/store"
	"freefall/proxy"
)

// history is the store's history as the proxy asks for it.
type history struct{ *store.Store }

func (h history) Hours(from, to time.Time) ([]proxy.HourRow, bool, error) {
	found, cut, err := h.History(from, to)
	rows := make([]proxy.HourRow, len(found))
	for i := range found {
		rows[i] = proxy.HourRow(found[i])
	}
	return rows, cut, err
}
