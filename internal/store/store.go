package store

import (
	"database/sql"
	"errors"
	"maps"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"freefall/fallback"
)

const (
	interval   = 500 * time.Millisecond // between two looks at the state
	retryAfter = 5 * time.Second        // when the file could not be opened or written
	closeBound = 5 * time.Second        // for the last write: a disk that hangs must not keep the process
)

// Config says what is kept, and where.
type Config struct {
	// Dir is the folder of the file. It is made, for its owner alone, when it is not there.
	Dir string
	// Save gives the state. It is asked from the Store's own goroutine.
	Save func() fallback.Saved
	// Restore takes what the file holds, before Open returns if the file can be read by then. What Save gives at that moment
	// is newer than the file and is left out.
	Restore func(fallback.Saved)
	// Log is told of trouble, and of its end.
	Log zerolog.Logger
}

// Store writes the state of a pool to a file.
type Store struct {
	config   Config
	db       *sql.DB // nil while the state is in memory only
	written  rows    // what the file holds
	restored bool
	trouble  string // what was complained of last; empty = all is well
	retry    time.Time

	writable  atomic.Bool
	writes    atomic.Int64
	lastWrite atomic.Int64 // in nanoseconds since 1970

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
	if abs, err := filepath.Abs(c.Dir); err == nil {
		c.Dir = abs // so that messages name a place that can be found
	}
	s := &Store{config: c, closing: make(chan struct{}), closed: make(chan struct{})}
	s.open(time.Now())
	return s
}

func (s *Store) run() {
	defer close(s.closed)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			s.step(now)
		case <-s.closing:
			s.finish()
			return
		}
	}
}

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

// step writes the state if it has changed.
func (s *Store) step(now time.Time) {
	if s.db == nil && !now.Before(s.retry) {
		s.open(now)
	}
	if s.db == nil {
		return
	}
	next, err := rowsOf(s.config.Save())
	if err != nil {
		s.fail(now, err)
		return
	}
	if maps.Equal(next, s.written) {
		return
	}
	if err := write(s.db, s.written, next); err != nil {
		s.fail(now, err)
		return
	}
	s.written = next
	s.writes.Add(1)
	s.lastWrite.Store(now.UnixNano())
	s.well()
}

// finish is the last step.
func (s *Store) finish() {
	s.retry = time.Time{}
	s.step(time.Now())
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
	s.well()
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
