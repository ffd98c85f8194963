package store

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"freefall/fallback"
)

const (
	keptFor   = 30 * 24 * time.Hour
	maxRows   = 100_000 // in memory: a month without a disk of 138 models that are asked in every hour
	maxBatch  = 2_000   // rows of one write, however long the disk was away
	maxRead   = 50_000  // rows of one answer
	readBound = 3 * time.Second
)

// HourRow is what came of the attempts at one model in one hour.
type HourRow struct {
	Hour            time.Time // when it began, in UTC
	Provider, Model string

	Attempts, Answers, Faults, Limits int64
	Fallovers                         int64 // requests that came here after another model had failed them
	InputTokens, OutputTokens         int64

	TTFTp50, TTFTp95, TTFTMax time.Duration // zero = none was timed
}

// Past is what came of attempts in some hours.
type Past struct {
	Hours []HourRow // by hour, provider and model
	Sums  []HourRow // of all these hours together, by provider and model; without an hour
	Cut   bool      // there were too many rows: the oldest hours are missing
}

// modelName names a row of an hour.
type modelName struct{ provider, id string }

// history holds what the file does not hold yet; without a file, all there is. Its rows are always added to those of the file,
// never put in their place: so it does not matter when they get there, nor whether the clock has jumped meanwhile.
type history struct {
	mu    sync.Mutex // guards all below
	hours map[int64]map[modelName]*counts
	size  int // rows in all hours
}

// hourOf is the beginning of an hour, in seconds since 1970.
func hourOf(at time.Time) int64 {
	s := at.Unix()
	return s - ((s%3600)+3600)%3600
}

// count adds one attempt. Only the first of an hour allocates.
func (h *history) count(at time.Time, name modelName, o *fallback.Outcome, ttft time.Duration, fellOver bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.row(hourOf(at), name).count(o, ttft, fellOver)
}

func (h *history) row(hour int64, name modelName) *counts {
	if c := h.hours[hour][name]; c != nil {
		return c
	}
	if h.size >= maxRows {
		h.dropOldest()
	}
	if h.hours == nil {
		h.hours = map[int64]map[modelName]*counts{}
	}
	if h.hours[hour] == nil {
		h.hours[hour] = map[modelName]*counts{}
	}
	c := &counts{}
	h.hours[hour][name] = c
	h.size++
	return c
}

func (h *history) dropOldest() {
	oldest, found := int64(0), false
	for hour := range h.hours {
		if !found || hour < oldest {
			oldest, found = hour, true
		}
	}
	h.size -= len(h.hours[oldest])
	delete(h.hours, oldest)
}

// hourRow is a row as it stands in the table.
type hourRow struct {
	hour int64
	name modelName
	counts
}

// unwritten gives rows that the file lacks, at most maxBatch.
func (h *history) unwritten() (out []hourRow) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for hour, models := range h.hours {
		for name, c := range models {
			if c.Attempts == 0 {
				continue
			}
			if len(out) == maxBatch {
				return out
			}
			out = append(out, hourRow{hour, name, *c})
		}
	}
	return out
}

// wrote takes away what is in the file now. What was counted since stays.
func (h *history) wrote(batch []hourRow) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range batch {
		r := &batch[i]
		if c := h.hours[r.hour][r.name]; c != nil { // it may have been dropped meanwhile
			c.add(&r.counts, -1)
		}
	}
}

// tidy forgets what is too old, and what was written of hours that are over.
func (h *history) tidy(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for hour, models := range h.hours {
		for name, c := range models {
			if hour < hourOf(now.Add(-keptFor)) || c.Attempts == 0 && hour != hourOf(now) {
				delete(models, name)
				h.size--
			}
		}
		if len(models) == 0 {
			delete(h.hours, hour)
		}
	}
}

// in gives the rows of one hour.
func (h *history) in(hour int64) (out []hourRow) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, c := range h.hours[hour] {
		if c.Attempts > 0 {
			out = append(out, hourRow{hour, name, *c})
		}
	}
	return out
}

// Count adds an attempt to the history. ttft is zero when none was timed; fellOver says that another model was asked before it.
// It waits for nothing.
func (s *Store) Count(at time.Time, m *fallback.Model, o *fallback.Outcome, ttft time.Duration, fellOver bool) {
	s.history.count(at, modelName{m.Provider, m.ID}, o, ttft, fellOver)
}

var errNoAnswer = errors.New("the state file does not answer")

// History tells of all hours that begin in that time. It returns within seconds, whatever the disk does.
func (s *Store) History(from, to time.Time) (Past, error) {
	bound := time.NewTimer(readBound)
	defer bound.Stop()
	var rows []hourRow
	cut := false
	first, last := hours(from, to, time.Now())
	for hour := last; hour >= first && !cut; hour -= 3600 {
		part, err := s.ask(hour, bound.C)
		if err != nil {
			return Past{}, err
		}
		if cut = len(rows)+len(part) > maxRead; !cut {
			rows = append(rows, part...)
		}
	}
	return Past{Hours: public(rows), Sums: public(sums(rows)), Cut: cut}, nil
}

// sums adds the hours up, model by model.
func sums(rows []hourRow) (out []hourRow) {
	at := map[modelName]int{}
	for i := range rows {
		r := &rows[i]
		n, ok := at[r.name]
		if !ok {
			n = len(out)
			at[r.name] = n
			out = append(out, hourRow{name: r.name})
		}
		out[n].add(&r.counts, 1)
	}
	return out
}

// public gives rows in their order.
func public(rows []hourRow) (out []HourRow) {
	slices.SortStableFunc(rows, func(a, b hourRow) int {
		return cmp.Or(cmp.Compare(a.hour, b.hour), cmp.Compare(a.name.provider, b.name.provider), cmp.Compare(a.name.id, b.name.id))
	})
	for i := range rows {
		out = append(out, rows[i].public())
	}
	return out
}

// hours are the first and the last hour to read: of those that begin in that time, the ones that can be there.
func hours(from, to, now time.Time) (first, last int64) {
	if oldest := now.Add(-keptFor); from.Before(oldest) {
		from = oldest
	}
	if newest := now.Add(time.Hour); to.After(newest) {
		to = newest
	}
	return hourOf(from.Add(time.Hour - 1)), hourOf(to.Add(-1))
}

// ask has the Store's goroutine, which alone uses the file, read an hour. Between two hours it may write.
func (s *Store) ask(hour int64, bound <-chan time.Time) ([]hourRow, error) {
	var rows []hourRow
	var err error
	done := make(chan struct{})
	read := func() {
		defer close(done)
		rows, err = s.hour(hour)
	}
	select {
	case s.reads <- read:
	case <-bound:
		return nil, errNoAnswer
	case <-s.closed:
		return nil, errNoAnswer
	}
	select {
	case <-done:
		return rows, err
	case <-bound:
		return nil, errNoAnswer
	}
}

// hour joins what the file and the memory hold of an hour.
func (s *Store) hour(hour int64) ([]hourRow, error) {
	rows := s.history.in(hour)
	if s.db == nil {
		return rows, nil
	}
	found, err := s.db.Query(`SELECT provider, model, counts FROM history WHERE hour = ?`, hour)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	at := make(map[modelName]int, len(rows))
	for i := range rows {
		at[rows[i].name] = i
	}
	for found.Next() {
		r := hourRow{hour: hour}
		var text string
		if err := found.Scan(&r.name.provider, &r.name.id, &text); err != nil {
			return nil, err
		}
		r.counts = parse(text)
		if i, ok := at[r.name]; ok {
			rows[i].add(&r.counts, 1)
		} else if rows = append(rows, r); len(rows) > maxRead {
			break // History leaves out the hour
		}
	}
	return rows, found.Err()
}

// parse reads counts as they are in the file; what cannot be read counts nothing.
func parse(text string) counts {
	var c counts
	if json.Unmarshal([]byte(text), &c) != nil {
		return counts{}
	}
	return c
}

// addHours adds the rows to those in the file.
func addHours(tx *sql.Tx, batch []hourRow) error {
	if len(batch) == 0 {
		return nil
	}
	get, err := tx.Prepare(`SELECT counts FROM history WHERE hour = ? AND provider = ? AND model = ?`)
	if err != nil {
		return err
	}
	put, err := tx.Prepare(`INSERT OR REPLACE INTO history (hour, provider, model, counts) VALUES (?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	for i := range batch {
		r := &batch[i]
		var text string
		if err := get.QueryRow(r.hour, r.name.provider, r.name.id).Scan(&text); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		sum := parse(text)
		sum.add(&r.counts, 1)
		after, err := json.Marshal(&sum)
		if err != nil {
			return err
		}
		if _, err := put.Exec(r.hour, r.name.provider, r.name.id, string(after)); err != nil {
			return err
		}
	}
	return nil
}

// prune removes from the file what is too old.
func prune(tx *sql.Tx, now time.Time) error {
	_, err := tx.Exec(`DELETE FROM history WHERE hour < ?`, hourOf(now.Add(-keptFor)))
	return err
}

func (r *hourRow) public() HourRow {
	var hour time.Time
	if r.hour != 0 {
		hour = time.Unix(r.hour, 0).UTC()
	}
	return HourRow{Hour: hour, Provider: r.name.provider, Model: r.name.id,
		Attempts: r.Attempts, Answers: r.Answers, Faults: r.Faults, Limits: r.Limits, Fallovers: r.Fallovers,
		InputTokens: r.InputTokens, OutputTokens: r.OutputTokens,
		TTFTp50: r.quantile(0.5), TTFTp95: r.quantile(0.95), TTFTMax: time.Duration(r.MaxTTFT) * time.Millisecond}
}
