package store

import (
	"database/sql"
	"encoding/json"
	"fmt"

	"freefall/fallback"
)

// key names a row of one of the tables. A row of models has no target, account and nth.
type key struct {
	target, provider, account string
	nth                       int
	id                        string
}

func modelKey(m *fallback.SavedModel) key { return key{provider: m.Provider, id: m.ID} }

func restKey(r *fallback.SavedRest) key { return key{r.Target, r.Provider, r.Account, r.Nth, r.ID} }

// rows are the state as the tables hold it: the names as columns, the whole as JSON, so that a field that is added needs no
// new schema.
type rows map[key]string

func rowsOf(s fallback.Saved) (rows, error) {
	out := make(rows, len(s.Models)+len(s.Rests))
	for i := range s.Models {
		if err := out.add(modelKey(&s.Models[i]), &s.Models[i]); err != nil {
			return nil, err
		}
	}
	for i := range s.Rests {
		if err := out.add(restKey(&s.Rests[i]), &s.Rests[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r rows) add(k key, state any) error {
	text, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("state of %s at %s: %w", k.id, k.provider, err)
	}
	r[k] = string(text)
	return nil
}

// saved is the way back from rowsOf. The names are those of the columns.
func (r rows) saved() (s fallback.Saved, err error) {
	for k, text := range r {
		if k.target == "" {
			m := fallback.SavedModel{}
			err = json.Unmarshal([]byte(text), &m)
			m.Provider, m.ID = k.provider, k.id
			s.Models = append(s.Models, m)
		} else {
			rest := fallback.SavedRest{}
			err = json.Unmarshal([]byte(text), &rest)
			rest.Target, rest.Provider, rest.Account, rest.Nth, rest.ID = k.target, k.provider, k.account, k.nth, k.id
			s.Rests = append(s.Rests, rest)
		}
		if err != nil {
			return fallback.Saved{}, errDamaged
		}
	}
	return s, nil
}

// read gives all rows of the file. What it gives can be read.
func read(db *sql.DB) (rows, error) {
	out := rows{}
	found, err := db.Query(`SELECT '', provider, '', 0, id, state FROM models
		UNION ALL SELECT target, provider, account, nth, id, state FROM rests`)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	for found.Next() {
		var k key
		var state string
		if err := found.Scan(&k.target, &k.provider, &k.account, &k.nth, &k.id, &state); err != nil {
			return nil, err
		}
		out[k] = state
	}
	if err := found.Err(); err != nil {
		return nil, err
	}
	_, err = out.saved()
	return out, err
}

// write makes the file hold next instead of old, whole or not at all.
func write(db *sql.DB, old, next rows) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a Commit it does nothing
	for k, state := range next {
		if before, ok := old[k]; ok && before == state {
			continue
		}
		if err := put(tx, k, state); err != nil {
			return err
		}
	}
	for k := range old {
		if _, ok := next[k]; ok {
			continue
		}
		if err := remove(tx, k); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func put(tx *sql.Tx, k key, state string) error {
	if k.target == "" {
		_, err := tx.Exec(`INSERT OR REPLACE INTO models (provider, id, state) VALUES (?, ?, ?)`, k.provider, k.id, state)
		return err
	}
	_, err := tx.Exec(`INSERT OR REPLACE INTO rests (target, provider, account, nth, id, state) VALUES (?, ?, ?, ?, ?, ?)`,
		k.target, k.provider, k.account, k.nth, k.id, state)
	return err
}

func remove(tx *sql.Tx, k key) error {
	if k.target == "" {
		_, err := tx.Exec(`DELETE FROM models WHERE provider = ? AND id = ?`, k.provider, k.id)
		return err
	}
	_, err := tx.Exec(`DELETE FROM rests WHERE target = ? AND provider = ? AND account = ? AND nth = ? AND id = ?`,
		k.target, k.provider, k.account, k.nth, k.id)
	return err
}
