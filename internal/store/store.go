package store

import (
	"database/sql"
	"errors"
	"maps"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	lib "modernc.org/sqlite/lib"

	"freefall/fallback"
)

const (
	interval   = 500 * time.Millisecond // between two looks at the state
	longest    = 900 * time.Millisecond // likewise, when a look takes long: a kill -9 may cost a second
	idleShare  = 30                     // the writer rests so many times as long as it has worked
	retryAfter = 5 * time.Second        // when the file could not be opened or written
	closeBound = 5 * time.Second        // for the last write: a disk that hangs must not keep the process
)

// Config says what is kept, and where.
type Config struct {
	// Dir is the folder of the file. It is made, for its owner alone, when it is not there. Empty = memory, by choice.
	Dir string
	// Save gives the state. It is asked from the Store's own goroutine.
	Save func() fallback.Saved
	// Restore takes what the file holds, before Open returns if the file can be read by then. What Save gives at that moment
	// is newer than the file and is left out.
	Restore func(fallback.Saved)
	// Log is told of trouble, and of its end.
	Log zerolog.Logger
}

// Store writes the state of a pool to a file, and the history of its models.
type Store struct {
	config   Config
	history  history
	db       *sql.DB // nil while the state is in memory only
	written  rows    // what the file holds
	restored bool
	trouble  string // what was complained of last; empty = all is well
	retry    time.Time
	tidied   int64 // the hour in which what is too old was last removed from memory,
	pruned   int64 // and from the file

	writable  atomic.Bool
	writes    atomic.Int64
	lastWrite atomic.Int64 // in nanoseconds since 1970

	reads   chan func() // what run does for others
	closing chan struct{}
	closed  chan struct{}
}

// Open restores the state and begins to keep it.
func Open(c Config) *Store {
	s := open(c)
	go s.run()
	return s
}

// open is Open without the goroutine.
func open(c Config) *Store {
	if abs, err := filepath.Abs(c.Dir); err == nil && c.Dir != "" {
		c.Dir = abs // so that messages name a place that can be found
	}
	s := &Store{config: c, reads: make(chan func()), closing: make(chan struct{}), closed: make(chan struct{})}
	if c.Dir != "" {
		s.open(time.Now())
	}
	return s
}

func (s *Store) run() {
	defer close(s.closed)
	next := time.NewTimer(interval)
	defer next.Stop()
	for {
		select {
		case now := <-next.C:
			s.step(now)
			next.Reset(pause(time.Since(now)))
		case read := <-s.reads:
			read()
		case <-s.closing:
			s.finish()
			return
		}
	}
}

// pause is how long the writer rests after it has worked so long: much to write is written less often.
func pause(worked time.Duration) time.Duration { return min(max(interval, idleShare*worked), longest) }

// Close writes what is left to write. It is called once.
func (s *Store) Close() {
	close(s.closing)
	select {
	case <-s.closed:
	case <-time.After(closeBound):
		s.config.Log.Warn().Msg("The disk does not answer: the last second of the state is lost")
	}
}

// Writable says whether the state reaches the disk.
func (s *Store) Writable() bool { return s.writable.Load() }

// Writes counts what was written, LastWrite says when that was last; zero = not yet.
func (s *Store) Writes() int64 { return s.writes.Load() }

// LastWrite is when the state was last written.
func (s *Store) LastWrite() time.Time {
	if n := s.lastWrite.Load(); n != 0 {
		return time.Unix(0, n)
	}
	return time.Time{}
}

// step writes what has changed. It says whether there is more to write at once.
func (s *Store) step(now time.Time) (more bool) {
	if s.db == nil && s.config.Dir != "" && !now.Before(s.retry) {
		s.open(now)
	}
	if hour := hourOf(now); hour != s.tidied {
		s.history.tidy(now)
		s.tidied = hour
	}
	if s.db == nil {
		return false
	}
	next, err := rowsOf(s.config.Save())
	if err != nil {
		s.fail(now, err)
		return false
	}
	hours := s.history.unwritten()
	if len(hours) == 0 && maps.Equal(next, s.written) && s.trouble == "" { // after trouble a write shows that it is over
		return false
	}
	if err := s.write(now, next, hours); err != nil {
		s.fail(now, err)
		return false
	}
	s.written = next
	s.history.wrote(hours)
	s.writes.Add(1)
	s.lastWrite.Store(now.UnixNano())
	s.well()
	return len(hours) == maxBatch
}

// write makes the file hold all of that, or nothing of it.
func (s *Store) write(now time.Time, next rows, hours []hourRow) error {
	tx, err := s.db.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a Commit it does nothing
	if err := writeRows(tx, s.written, next); err != nil {
		return err
	}
	if err := addHours(tx, hours); err != nil {
		return err
	}
	hour := hourOf(now)
	if hour != s.pruned {
		if err := prune(tx, now); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.pruned = hour
	return nil
}

// finish takes the last steps.
func (s *Store) finish() {
	s.retry = time.Time{}
	for s.step(time.Now()) {
	}
	if s.db != nil {
		_ = s.db.Close()
	}
	s.db = nil
}

// open takes the file and what it holds.
func (s *Store) open(now time.Time) {
	f, aside, err := openFile(s.config.Dir, migrations)
	if aside.path != "" {
		s.config.Log.Warn().Str("file", aside.path).Msg("The state file " + aside.why + "; it was set aside as " + filepath.Base(aside.path) + ", and the state begins anew")
	}
	if err != nil {
		s.fail(now, err)
		return
	}
	s.db, s.written = f.db, f.rows
	if err := s.restore(f.rows); err != nil {
		s.fail(now, err)
		return
	}
	s.writable.Store(s.trouble == "") // a full disk lets it be opened, and takes nothing
}

// restore gives the pool, once, what the file knows and the pool does not. A file that could be opened only later, because
// another process held it, must not undo what this one has learned since its start.
func (s *Store) restore(disk rows) error {
	if s.restored {
		return nil
	}
	own, err := rowsOf(s.config.Save())
	if err != nil {
		return err
	}
	older := maps.Clone(disk)
	maps.DeleteFunc(older, func(k key, _ string) bool {
		_, known := own[k]
		return known
	})
	saved, err := older.saved()
	if err != nil {
		return err
	}
	s.config.Restore(saved)
	s.restored = true
	return nil
}

// fail goes on in memory. The same trouble is told once, not every few seconds.
func (s *Store) fail(now time.Time, err error) {
	if s.db != nil {
		_ = s.db.Close()
		s.db = nil
	}
	s.writable.Store(false)
	s.retry = now.Add(retryAfter)
	text := err.Error() + advice(err)
	if text == s.trouble {
		return
	}
	s.trouble = text
	s.config.Log.Warn().Str("data_dir", s.config.Dir).Msg("The state is kept in memory only, and is lost at the end of the process: " + text)
}

// advice says what a person can do.
func advice(err error) string {
	switch {
	case errors.Is(err, errLocked):
		return "; give each its own data_dir in models.yaml"
	case errors.Is(err, errNewer):
		return "; run that version, or move the file away"
	case errors.Is(err, syscall.ENOSPC), code(err) == lib.SQLITE_FULL:
		return "; make room on the disk"
	}
	return `; make the folder writable, or set data_dir in models.yaml to another one ("" = memory)`
}

func (s *Store) well() {
	s.writable.Store(true)
	if s.trouble != "" {
		s.trouble = ""
		s.config.Log.Info().Str("data_dir", s.config.Dir).Msg("The state is kept in " + filepath.Join(s.config.Dir, fileName) + " again")
	}
}
