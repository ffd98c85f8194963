package store

import (
	"database/sql"
	"encoding/json"
	"fmt"

	"freefall/fallback"
)

// key names a row of the table of states. What does not matter to its kind is empty.
type key struct {
	kind, target, provider, account string
	nth                             int
	id                              string
	part                            string // tells several of one name apart
}

// kinds are all that a Saved holds, by the name in their rows. A new one is an entry here, and neither a table nor a schema.
var kinds = map[string]kind{
	"model": listed(func(s *fallback.Saved) *[]fallback.SavedModel { return &s.Models }, func(m *fallback.SavedModel) key {
		return key{provider: m.Provider, id: m.ID}
	}),
	"rest": listed(func(s *fallback.Saved) *[]fallback.SavedRest { return &s.Rests }, func(r *fallback.SavedRest) key {
		return key{target: r.Target, provider: r.Provider, account: r.Account, nth: r.Nth, id: r.ID}
	}),
	"window": listed(func(s *fallback.Saved) *[]fallback.SavedWindow { return &s.Windows }, func(w *fallback.SavedWindow) key {
		return key{target: w.Target, provider: w.Provider, account: w.Account, id: w.ID,
			part: fmt.Sprint(w.Unit, " ", w.Cycle, " ", w.Per, " ", w.At, " ", w.Zone, " ", w.Guessed > 0)}
	}),
	"note": listed(func(s *fallback.Saved) *[]fallback.Note { return &s.Notes }, func(n *fallback.Note) key {
		return key{target: n.Kind, provider: n.Name}
	}),
}

// kind is how one sort of things in a Saved becomes rows, and comes back.
type kind struct {
	save func(*fallback.Saved, func(key, any) error) error // gives each of them and its name
	load func(*fallback.Saved, string) error               // adds the one that is written so
}

// listed is the kind of what stands in a list of a Saved.
func listed[T any](list func(*fallback.Saved) *[]T, name func(*T) key) kind {
	return kind{
		save: func(s *fallback.Saved, add func(key, any) error) error {
			all := *list(s)
			for i := range all {
				if err := add(name(&all[i]), &all[i]); err != nil {
					return err
				}
			}
			return nil
		},
		load: func(s *fallback.Saved, state string) error {
			var one T
			err := json.Unmarshal([]byte(state), &one)
			all := list(s)
			*all = append(*all, one)
			return err
		},
	}
}

// rows are the state as the table holds it: the names as columns, the whole as JSON, so that a field that is added needs no
// new schema.
type rows map[key]string

func rowsOf(s fallback.Saved) (rows, error) {
	out := rows{}
	for name, kind := range kinds {
		err := kind.save(&s, func(k key, one any) error {
			state, err := json.Marshal(one)
			k.kind = name
			out[k] = string(state)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("state of a %s: %w", name, err)
		}
	}
	return out, nil
}

// saved is the way back from rowsOf.
func (r rows) saved() (s fallback.Saved, err error) {
	for k, state := range r {
		if err := kinds[k.kind].load(&s, state); err != nil {
			return fallback.Saved{}, errDamaged
		}
	}
	return s, nil
}

// read gives the rows of the file. What it gives can be read. Kinds that only a newer freefall knows stay in the file.
func read(db *sql.DB) (rows, error) {
	out := rows{}
	found, err := db.Query(`SELECT kind, target, provider, account, nth, id, part, state FROM state`)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	for found.Next() {
		var k key
		var state string
		if err := found.Scan(&k.kind, &k.target, &k.provider, &k.account, &k.nth, &k.id, &k.part, &state); err != nil {
			return nil, err
		}
		if _, known := kinds[k.kind]; known {
			out[k] = state
		}
	}
	if err := found.Err(); err != nil {
		return nil, err
	}
	_, err = out.saved()
	return out, err
}

// writeRows makes the file hold next instead of old. It touches no row that is the same in both.
func writeRows(tx *sql.Tx, old, next rows) error {
	put, err := tx.Prepare(`INSERT OR REPLACE INTO state (kind, target, provider, account, nth, id, part, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	for k, state := range next {
		if before, ok := old[k]; ok && before == state {
			continue
		}
		if _, err := put.Exec(k.kind, k.target, k.provider, k.account, k.nth, k.id, k.part, state); err != nil {
			return err
		}
	}
	for k := range old {
		if _, ok := next[k]; ok {
			continue
		}
		if _, err := tx.Exec(`DELETE FROM state WHERE kind = ? AND target = ? AND provider = ? AND account = ? AND nth = ? AND id = ? AND part = ?`,
			k.kind, k.target, k.provider, k.account, k.nth, k.id, k.part); err != nil {
			return err
		}
	}
	return nil
}
