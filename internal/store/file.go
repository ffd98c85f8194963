package store

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

const (
	fileName      = "freefall.db"
	applicationID = 0x66726565 // "free": whose file it is
)

// migrations make a file of one schema into one of the next: the first makes version 1 of an empty one. What was released
// is never changed; a new schema is a new entry.
var migrations = []string{
	`CREATE TABLE models (provider TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL,
		PRIMARY KEY (provider, id)) STRICT, WITHOUT ROWID;
	 CREATE TABLE rests (target TEXT NOT NULL, provider TEXT NOT NULL, account TEXT NOT NULL, nth INTEGER NOT NULL,
		id TEXT NOT NULL, state TEXT NOT NULL,
		PRIMARY KEY (target, provider, account, nth, id)) STRICT, WITHOUT ROWID;`,

	`CREATE TABLE state (kind TEXT NOT NULL, target TEXT NOT NULL, provider TEXT NOT NULL, account TEXT NOT NULL, nth INTEGER NOT NULL,
		id TEXT NOT NULL, part TEXT NOT NULL, state TEXT NOT NULL,
		PRIMARY KEY (kind, target, provider, account, nth, id, part)) STRICT, WITHOUT ROWID;
	 INSERT INTO state SELECT 'model', '', provider, '', 0, id, '', state FROM models;
	 INSERT INTO state SELECT 'rest', target, provider, account, nth, id, '', state FROM rests;
	 DROP TABLE models;
	 DROP TABLE rests;
	 CREATE TABLE history (hour INTEGER NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL, counts TEXT NOT NULL,
		PRIMARY KEY (hour, provider, model)) STRICT, WITHOUT ROWID;`,
}

var (
	errLocked  = errors.New("is in use by another freefall")
	errNewer   = errors.New("was written by a newer freefall")
	errForeign = errors.New("is not freefall's")
	errDamaged = errors.New("is damaged")
)

// setAside is a file that was moved out of the way.
type setAside struct {
	path string // where it is now; empty = there was none
	why  string
}

// file is the open file and what it held.
type file struct {
	db   *sql.DB
	rows rows
}

// openFile opens the file in dir, which it makes, and brings it to the newest schema. What is no file of freefall is set
// aside for a person to look at.
func openFile(dir string, migrations []string) (*file, setAside, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, setAside{}, err
	}
	path := filepath.Join(dir, fileName)
	f, err := openChecked(path, migrations)
	if !errors.Is(err, errForeign) && !errors.Is(err, errDamaged) {
		return f, setAside{}, placed(dir, err)
	}
	aside := setAside{why: err.Error()}
	if aside.path, err = moveAside(path, time.Now()); err != nil {
		return nil, setAside{}, fmt.Errorf("%s %s, and cannot be set aside: %w", path, aside.why, err)
	}
	f, err = openChecked(path, migrations)
	return f, aside, placed(dir, err)
}

// placed names the folder in an error that does not.
func placed(dir string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errLocked):
		return fmt.Errorf("the folder %s %w", dir, err)
	case strings.Contains(err.Error(), dir):
		return err
	}
	return fmt.Errorf("%s: %w", filepath.Join(dir, fileName), err)
}

func openChecked(path string, migrations []string) (*file, error) {
	if err := create(path); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", address(path))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // the lock and the pragmas are the connection's
	held, err := rows(nil), prepare(db, migrations)
	if err == nil {
		held, err = read(db)
		if err == nil {
			_, err = db.Exec(`SELECT hour, provider, model, counts FROM history LIMIT 0`)
		}
		if code(err) == lib.SQLITE_ERROR {
			err = errDamaged // a table is not what its version says
		}
	}
	if err != nil {
		_ = db.Close()
		return nil, verdict(err)
	}
	return &file{db, held}, nil
}

// create makes the file for its owner alone, whatever the umask; SQLite gives its companions the same mode.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// address is the file as SQLite opens it. The exclusive lock is held until the connection or the process ends, by whatever
// end, so that no second process shares the folder. NORMAL syncs the disk at checkpoints only: a power cut may cost the last
// seconds, a kill nothing.
func address(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/...
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: "_pragma=locking_mode(EXCLUSIVE)&_pragma=synchronous(NORMAL)&_txlock=immediate"}
	return u.String()
}

// prepare looks whose file it is before it changes anything of it.
func prepare(db *sql.DB, migrations []string) error {
	var id, version, tables int
	var sound string
	err := cmp.Or(
		db.QueryRow(`PRAGMA application_id`).Scan(&id),
		db.QueryRow(`PRAGMA user_version`).Scan(&version),
		db.QueryRow(`SELECT count(*) FROM sqlite_schema`).Scan(&tables))
	switch {
	case err != nil:
		return err
	case id != applicationID && (id != 0 || version != 0 || tables != 0):
		return errForeign
	case version > len(migrations):
		return fmt.Errorf("%w: its schema is %d, this one knows %d", errNewer, version, len(migrations))
	}
	if err := db.QueryRow(`PRAGMA quick_check(1)`).Scan(&sound); err != nil {
		return err
	}
	if sound != "ok" {
		return errDamaged
	}
	if _, err := db.Exec(`PRAGMA journal_mode = WAL`); err != nil {
		return err
	}
	return migrate(db, version, migrations)
}

// migrate takes the file from its version to the newest, whole or not at all. The transaction is begun even when there is
// nothing to do: it is what tells that the file can be written.
func migrate(db *sql.DB, version int, migrations []string) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a Commit it does nothing
	for i := version; i < len(migrations); i++ {
		if _, err := tx.Exec(migrations[i]); err != nil {
			return fmt.Errorf("schema %d: %w", i+1, err)
		}
	}
	if version < len(migrations) {
		if _, err := tx.Exec(fmt.Sprintf(`PRAGMA application_id = %d; PRAGMA user_version = %d`, applicationID, len(migrations))); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// verdict words the errors of SQLite that mean something to us.
func verdict(err error) error {
	switch code(err) {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return errLocked
	case lib.SQLITE_NOTADB, lib.SQLITE_CORRUPT:
		return errDamaged
	}
	return err
}

// code is SQLite's own code of an error without its details; 0 = it is none of SQLite's.
func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

// moveAside renames the file and what SQLite keeps beside it, over nothing that is there already.
func moveAside(path string, now time.Time) (string, error) {
	name := path + ".corrupt-" + now.UTC().Format("20060102T150405Z")
	aside := name
	for n := 2; exists(aside); n++ {
		aside = fmt.Sprintf("%s-%d", name, n)
	}
	for _, companion := range []string{"-wal", "-shm", "-journal"} {
		if err := os.Rename(path+companion, aside+companion); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return aside, os.Rename(path, aside)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
