//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	journalTurns    = 16 // in a round: the difference is less than what one turn differs from the next
	journalRequests = 2500
)

// journal measures which share of a request's processor time goes into the journal, the metrics and the history: freefall and one
// that keeps no such books take turns.
func (b *bench) journal() error {
	at := slices.IndexFunc(b.running, func(r *running) bool { return r.name == "freefall" })
	if at < 0 {
		return errors.New("freefall does not run")
	}
	if b.bare == nil {
		binary, err := b.muted()
		if err != nil {
			return err
		}
		p := own("bare", binary)
		if b.bare, err = p.run(&b.world, b.dir); err != nil {
			return err
		}
	}
	var spent [2]time.Duration
	n := b.fewer(journalRequests)
	for i := range journalTurns {
		which := (i + 1) / 2 % 2 // 0 1 1 0 0 1 1 0
		r := []*running{b.running[at], b.bare}[which]
		if i < 2 {
			if err := load(b.ctx, r, &small, 32, n, new(tally)); err != nil { // connections, buffers, caches
				return err
			}
		}
		d, err := r.spent(func() error { return load(b.ctx, r, &small, 32, n, new(tally)) })
		if err != nil {
			return err
		}
		spent[which] += d
	}
	if err := b.bare.keepsNoBooks(); err != nil {
		return err
	}
	b.figures.add("journal", "freefall", 100*(1-float64(spent[1])/float64(spent[0])))
	return nil
}

// keepsNoBooks looks whether all that a freefall has done is unknown to it.
func (r *running) keepsNoBooks() error {
	client := http.Client{Timeout: bound}
	defer client.CloseIdleConnections()
	resp, err := client.Get("http://" + r.addr + "/metrics")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	for _, none := range []string{`freefall_requests_total{status="2xx"} 0`, "freefall_request_duration_seconds_count 0", "freefall_journal_requests 0"} {
		if !strings.Contains(string(page), "\n"+none+"\n") {
			return fmt.Errorf("what should keep no books does: its metrics lack %q", none)
		}
	}
	return nil
}
