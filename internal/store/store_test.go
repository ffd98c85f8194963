package store

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rs/zerolog"

	"freefall/fallback"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 123456789, time.UTC)

// world is what a pool would be to the store: a state that a test sets, and what the store gave back.
type world struct {
	*Store
	t        *testing.T
	now      time.Time
	state    fallback.Saved
	restored []fallback.Saved
	log      bytes.Buffer
}

func openIn(t *testing.T, dir string) *world {
	t.Helper()
	w := &world{t: t}
	w.Store = open(w.config(dir))
	w.now = time.Now()
	t.Cleanup(w.finish)
	return w
}

func (w *world) config(dir string) Config {
	return Config{Dir: dir, Log: zerolog.New(&w.log), Save: func() fallback.Saved { return w.state },
		Restore: func(s fallback.Saved) { w.restored = append(w.restored, s) }}
}

// write sets the state and takes the next step.
func (w *world) write(s fallback.Saved) {
	w.state = s
	w.step(w.now)
}

// changes is how many rows were written, or removed, since the file was opened.
func (w *world) changes() (n int) {
	w.t.Helper()
	if err := w.db.QueryRow(`SELECT total_changes()`).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// said tells whether the log holds one line, with all of these words.
func (w *world) said(words ...string) {
	w.t.Helper()
	if strings.Count(w.log.String(), "\n") != 1 {
		w.t.Errorf("wanted one line, the log is:\n%s", &w.log)
	}
	for _, word := range words {
		if !strings.Contains(w.log.String(), word) {
			w.t.Errorf("the log does not say %q:\n%s", word, &w.log)
		}
	}
	w.log.Reset()
}

func (w *world) quiet() {
	w.t.Helper()
	if w.log.Len() > 0 {
		w.t.Errorf("wanted no line, the log is:\n%s", &w.log)
		w.log.Reset()
	}
}

func model(id string, failures int) fallback.SavedModel {
	return fallback.SavedModel{Provider: "p", ID: id, FailureCount: failures, LastError: "it said “no”\x00", LastErrorAt: noon}
}

func rest(target, id string) fallback.SavedRest {
	return fallback.SavedRest{Target: target, Provider: "p", Account: "p/#1", Nth: 2, ID: id, From: noon, Until: noon.Add(time.Hour), Limit: true, Class: "rate_limited"}
}

var some = fallback.Saved{
	Models: []fallback.SavedModel{model("a", 1), {Provider: "p", ID: "b'; DROP TABLE models; --", FailureCount: 3, Closed: true, Until: noon, Level: 2, LastBad: noon, Lacks: []string{"tools"}}},
	Rests:  []fallback.SavedRest{rest("pair", "a"), rest("account", ""), {Target: "provider", Provider: "q", From: noon, Endless: true, Proven: true, Class: "gone", Level: 3, NextTrial: noon}},
}

// same compares states, whose order means nothing.
func same(t *testing.T, got, want fallback.Saved) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(),
		cmpopts.SortSlices(func(a, b fallback.SavedModel) bool { return a.ID < b.ID }),
		cmpopts.SortSlices(func(a, b fallback.SavedRest) bool { return a.Target+a.ID < b.Target+b.ID }),
		cmpopts.SortSlices(func(a, b fallback.SavedWindow) bool { return a.Target+a.ID < b.Target+b.ID }),
		cmpopts.SortSlices(func(a, b fallback.Note) bool { return a.Kind+a.Name < b.Kind+b.Name })); diff != "" {
		t.Errorf("state (wanted, got):\n%s", diff)
	}
}

func TestWhatIsWrittenComesBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not there yet", "100% data?#")
	first := openIn(t, dir)
	same(t, first.restored[0], fallback.Saved{})
	first.write(some)
	if first.Writes() != 1 || !first.Writable() || !first.LastWrite().Equal(first.now) {
		t.Errorf("writes %d, writable %v, last %v", first.Writes(), first.Writable(), first.LastWrite())
	}
	first.step(first.now)
	if first.Writes() != 1 {
		t.Errorf("what had not changed was written again")
	}
	before := first.changes()
	first.write(fallback.Saved{Models: some.Models[:1], Rests: append(some.Rests[1:], rest("key", "a")), Notes: []fallback.Note{{Kind: "list", Name: "p", Text: `{"of":"“models”"}`}}})
	if n := first.changes() - before; n != 4 { // a model and a rest less, a rest and a note more
		t.Errorf("%d rows were written", n)
	}
	first.finish()

	second := openIn(t, dir)
	same(t, second.restored[0], first.state)
	second.write(some) // as it is by the time of the last write
	second.finish()
	same(t, openIn(t, dir).restored[0], some)
	first.quiet()
	second.quiet()
}

func TestOnlyTheOwnerMayRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not there yet", "100% data?#")
	w := openIn(t, dir)
	w.write(some)
	for _, name := range []string{"", fileName, fileName + "-wal"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%q: %v, %v", name, info.Mode(), err)
		}
	}
}

func TestTheGoroutineWritesByItself(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var state atomic.Pointer[fallback.Saved]
		state.Store(&some)
		c := (&world{t: t}).config(dir)
		c.Save = func() fallback.Saved { return *state.Load() }
		s := Open(c)
		for n, next := range []*fallback.Saved{{Models: some.Models}, {Rests: some.Rests}} {
			time.Sleep(interval + time.Millisecond)
			synctest.Wait()
			if s.Writes() != int64(n+1) {
				t.Errorf("%d writes after %d times %v", s.Writes(), n+1, interval)
			}
			state.Store(next)
		}
		s.Close()
		if s.Writes() != 3 {
			t.Errorf("the last state was not written")
		}
	})
	same(t, openIn(t, dir).restored[0], fallback.Saved{Rests: some.Rests})
}

// A pool is read back as it was, through the file.
func TestPoolRoundTrip(t *testing.T) {
	dir := t.TempDir()
	windows := []fallback.Window{{Unit: fallback.Requests, Per: time.Minute, Limit: 20}, {Unit: fallback.Tokens, Cycle: fallback.Daily, Per: 24 * time.Hour, Limit: 1e6}}
	keys := []fallback.Key{{Account: "x", Limits: windows}}
	config := fallback.Config{Models: []fallback.Model{
		{Provider: "p", ID: "a", Proof: fallback.ProvenListed, Keys: keys, Limits: windows},
		{Provider: "p", ID: "b", Proof: fallback.ProvenListed, Keys: keys, Limits: windows},
	}}
	now := time.Now().Truncate(time.Millisecond)
	first := fallback.New(config)
	var walk fallback.Walk
	a, _ := first.Pick(now, &walk)
	a.End(now, fallback.Outcome{Class: fallback.RateLimited, Target: fallback.TargetPair, Until: fallback.UntilRetryAfter, RetryAfter: time.Hour, Stated: true, Message: "slow down"})
	b, _ := first.Pick(now, &walk)
	b.End(now, fallback.Outcome{InputTokens: 100, OutputTokens: 20})
	keep := func(p *fallback.Pool) Config {
		return Config{Dir: dir, Log: zerolog.Nop(), Save: func() fallback.Saved { return p.Save(now) }, Restore: p.Restore}
	}
	open(keep(first)).finish()
	second := fallback.New(config)
	s := open(keep(second))
	defer s.finish()
	for i, want := range first.Snapshot(now) {
		got := second.Snapshot(now)[i]
		want.SuccessRate, want.TTFTp50, want.TTFTp95, want.Recent, want.Position = got.SuccessRate, got.TTFTp50, got.TTFTp95, got.Recent, got.Position // of this process only
		if len(got.Quota) != 4 || want.Model.ID == "b" && got.Quota[0].Used != 1 {
			t.Errorf("quota %+v", got.Quota)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("status (wanted, got):\n%s", diff)
		}
	}
}

func TestASecondProcessGoesOnInMemory(t *testing.T) {
	dir := t.TempDir()
	first := openIn(t, dir)
	first.write(some)
	second := openIn(t, dir)
	second.said("the folder "+dir+" is in use by another freefall", "in memory only", "data_dir")
	if second.Writable() || len(second.restored) != 0 {
		t.Errorf("writable %v, restored %v", second.Writable(), second.restored)
	}
	mine := fallback.Saved{Models: []fallback.SavedModel{model("a", 2), model("c", 1)}}
	second.write(mine)
	second.now = second.now.Add(time.Minute)
	second.step(second.now)
	second.quiet() // the same trouble is told once

	// The first ends: the second takes over the file, and learns what it does not know better.
	first.finish()
	second.now = second.now.Add(retryAfter)
	second.step(second.now)
	second.said("again")
	same(t, second.restored[0], fallback.Saved{Models: some.Models[1:], Rests: some.Rests})
	second.finish()
	same(t, openIn(t, dir).restored[0], mine) // its pool did not take what it was given
}

// spoilt writes what a test makes of a good file.
func spoilt(t *testing.T, spoil func(path string)) string {
	t.Helper()
	dir := t.TempDir()
	w := openIn(t, dir)
	w.write(some)
	w.finish()
	spoil(filepath.Join(dir, fileName))
	return dir
}

func exec(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func overwrite(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSpoiltFilesAreSetAside(t *testing.T) {
	for name, c := range map[string]struct {
		why   string
		spoil func(t *testing.T, path string)
	}{
		"text": {errDamaged.Error(), func(t *testing.T, path string) {
			overwrite(t, path, func([]byte) []byte { return []byte(strings.Repeat("not a database\n", 100)) })
		}},
		"cut": {errDamaged.Error(), func(t *testing.T, path string) {
			overwrite(t, path, func(b []byte) []byte { return b[:len(b)/2] })
		}},
		"holes": {errDamaged.Error(), func(t *testing.T, path string) {
			overwrite(t, path, func(b []byte) []byte { clear(b[4096:]); return b })
		}},
		"odd count": {errDamaged.Error(), func(t *testing.T, path string) { // all rows can be read still
			overwrite(t, path, func(b []byte) []byte { b[39]++; return b }) // pages on the free list
		}},
		"foreign": {errForeign.Error(), func(t *testing.T, path string) {
			exec(t, path, `PRAGMA application_id = 7`)
		}},
		"foreign without id": {errForeign.Error(), func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			exec(t, path, `CREATE TABLE recipes (name TEXT)`)
		}},
		"no table":   {errDamaged.Error(), func(t *testing.T, path string) { exec(t, path, `DROP TABLE state`) }},
		"no history": {errDamaged.Error(), func(t *testing.T, path string) { exec(t, path, `ALTER TABLE history RENAME COLUMN counts TO numbers`) }},
		"no JSON": {errDamaged.Error(), func(t *testing.T, path string) {
			exec(t, path, `UPDATE state SET state = '{"From":' WHERE kind = 'rest'`)
		}},
		"odd JSON": {errDamaged.Error(), func(t *testing.T, path string) {
			exec(t, path, `UPDATE state SET state = '{"FailureCount":"many"}' WHERE kind = 'model'`)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := spoilt(t, func(path string) { c.spoil(t, path) })
			before, err := os.ReadFile(filepath.Join(dir, fileName))
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // twice in a second: the first one is not lost
				w := openIn(t, dir)
				w.said(c.why, "set aside as "+fileName+".corrupt-20")
				same(t, w.restored[0], fallback.Saved{})
				w.write(some)
				if !w.Writable() || w.Writes() != 1 {
					t.Errorf("writable %v, %d writes", w.Writable(), w.Writes())
				}
				w.finish()
				same(t, openOnce(t, dir), some)
				c.spoil(t, filepath.Join(dir, fileName))
			}
			kept, err := filepath.Glob(filepath.Join(dir, fileName+".corrupt-*"))
			kept = slices.DeleteFunc(kept, func(path string) bool { return strings.HasSuffix(path, "-wal") || strings.HasSuffix(path, "-shm") })
			if err != nil || len(kept) != 2 {
				t.Fatalf("set aside: %v, %v", kept, err)
			}
			if after, err := os.ReadFile(kept[0]); err != nil || !bytes.Equal(before, after) {
				t.Errorf("what was set aside is not what was there (%v)", err)
			}
		})
	}
}

// openOnce gives what the file holds.
func openOnce(t *testing.T, dir string) fallback.Saved {
	t.Helper()
	w := openIn(t, dir)
	defer w.finish()
	w.quiet()
	w.state = w.restored[0]
	return w.restored[0]
}

func TestANewerSchemaIsLeftAlone(t *testing.T) {
	dir := spoilt(t, func(path string) { exec(t, path, `PRAGMA user_version = 99`) })
	before, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	w := openIn(t, dir)
	w.said("was written by a newer freefall: its schema is 99, this one knows 2", dir, "run that version")
	w.write(fallback.Saved{})
	w.finish()
	after, err := os.ReadFile(filepath.Join(dir, fileName))
	if w.Writable() || err != nil || !bytes.Equal(before, after) {
		t.Errorf("writable %v, changed %v, %v", w.Writable(), !bytes.Equal(before, after), err)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); len(names) != 1 {
		t.Errorf("the folder holds %v", names)
	}
}

// A folder that cannot be is the same for root.
func TestUnwritableFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(file, "data")
	w := openIn(t, dir)
	w.said("in memory only", dir, "not a directory", "make the folder writable")
	w.write(some)
	if w.Writable() || w.Writes() != 0 {
		t.Errorf("writable %v, %d writes", w.Writable(), w.Writes())
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	w.step(w.now.Add(retryAfter - time.Second))
	if w.Writable() {
		t.Error("it was tried again too soon")
	}
	w.step(w.now.Add(retryAfter))
	w.said("again")
	if !w.Writable() || w.Writes() != 1 {
		t.Errorf("writable %v, %d writes", w.Writable(), w.Writes())
	}
	w.finish()
	same(t, openOnce(t, dir), some)
}

// What SQLite says of a file is said once, in one line.
func TestAFileThatIsAFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, fileName), 0o700); err != nil {
		t.Fatal(err)
	}
	w := openIn(t, dir)
	if text := w.log.String(); strings.Count(text, "unable to open") != 1 {
		t.Errorf("the log is:\n%s", text)
	}
}

// A disk that is full is a file that may not grow.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	w := openIn(t, dir)
	w.write(some)
	if _, err := w.db.Exec(`PRAGMA max_page_count = 6`); err != nil {
		t.Fatal(err)
	}
	large := some
	for i := range 500 {
		large.Models = append(large.Models, model(fmt.Sprint("large", i), 1))
	}
	w.write(large)
	w.said("in memory only", "database or disk is full", dir, "make room on the disk")
	if w.Writable() || w.Writes() != 1 {
		t.Errorf("writable %v, %d writes", w.Writable(), w.Writes())
	}
	w.step(w.now.Add(time.Second)) // not yet
	if w.Writable() {
		t.Error("it was tried again too soon")
	}
	large.Rests = nil // ended meanwhile: the file's older word is not given back
	w.state = large
	w.step(w.now.Add(retryAfter))
	w.said("again")
	if !w.Writable() || w.Writes() != 2 || len(w.restored) != 1 {
		t.Errorf("writable %v, %d writes, restored %d times", w.Writable(), w.Writes(), len(w.restored))
	}
	w.finish()
	same(t, openOnce(t, dir), large)
}

// A disk that stays full lets the file be opened, and writes nothing into it.
func TestAFileThatOpensAndTakesNothing(t *testing.T) {
	w := openIn(t, t.TempDir())
	if _, err := w.db.Exec(`CREATE TRIGGER full BEFORE INSERT ON state BEGIN SELECT RAISE(FAIL, 'no room'); END`); err != nil {
		t.Fatal(err)
	}
	w.write(some)
	w.said("in memory only", "no room")
	for n := range 3 {
		w.step(w.now.Add(time.Duration(n+1) * retryAfter))
		w.quiet()
		if w.Writable() {
			t.Error("writable, since it could be opened")
		}
	}
	w.write(fallback.Saved{}) // nothing that the file would have to take
	w.step(w.now.Add(5 * retryAfter))
	w.said("again")
	if !w.Writable() {
		t.Error("not writable")
	}
}

func TestMigration(t *testing.T) {
	dir := spoilt(t, func(string) {})
	path := filepath.Join(dir, fileName)
	wrong := append(slices.Clone(migrations), `CREATE TABLE half (x TEXT)`, `ALTER TABLE nowhere ADD COLUMN x TEXT`)
	f, aside, err := openFile(dir, wrong)
	if err == nil || !strings.Contains(err.Error(), "schema 4") || aside.path != "" {
		t.Fatalf("a wrong migration: %v, %v, %v", f, aside, err)
	}
	same(t, openOnce(t, dir), some) // and nothing of it was done

	next := append(slices.Clone(migrations), `ALTER TABLE state ADD COLUMN note TEXT NOT NULL DEFAULT ''`, `CREATE TABLE other (x TEXT); UPDATE state SET note = 'moved'`)
	for range 2 { // the second time there is nothing to do
		f, aside, err = openFile(dir, next)
		if err != nil || aside.path != "" {
			t.Fatal(err, aside)
		}
		var version, id, moved int
		if err := f.db.QueryRow(`SELECT (SELECT user_version FROM pragma_user_version), (SELECT application_id FROM pragma_application_id),
			(SELECT count(*) FROM state WHERE note = 'moved')`).Scan(&version, &id, &moved); err != nil {
			t.Fatal(err)
		}
		if version != 4 || id != applicationID || moved != len(some.Models)+len(some.Rests) {
			t.Errorf("version %d, application %x, %d rows moved", version, id, moved)
		}
		saved, err := f.rows.saved()
		if err != nil {
			t.Fatal(err)
		}
		same(t, saved, some)
		if err := f.db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		t.Error(info, err)
	}
	w := openIn(t, dir) // this version meets a file of that one
	w.said("schema is 4")
}

// A file of the first schema keeps what it holds, and gains a history.
func TestSchema1(t *testing.T) {
	old, err := os.ReadFile(filepath.Join("testdata", "schema1.db"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, fileName), old, 0o600); err != nil {
		t.Fatal(err)
	}
	want := some
	want.Rests = append(slices.Clone(some.Rests), rest("key", ""), rest("model", "a"), rest("key+model", "a"))
	same(t, openOnce(t, dir), want)
	w := openIn(t, dir)
	same(t, w.restored[0], want)
	w.state = want
	w.step(w.now)
	if w.Writes() != 0 {
		t.Errorf("rows were written that are the same as before")
	}
	w.Count(w.now, modelA, good, 0, false)
	w.step(w.now)
	w.counted(answersOf(w.now, modelA, 1))
	same(t, w.restored[0], want)
	w.quiet()
}

// What a newer freefall with the same schema has learned is still there when it comes back.
func TestUnknownKindsStay(t *testing.T) {
	dir := spoilt(t, func(path string) {
		exec(t, path, `INSERT INTO state VALUES ('mood', '', 'p', '', 0, 'a', '', 'not even JSON')`)
	})
	w := openIn(t, dir)
	same(t, w.restored[0], some)
	w.write(fallback.Saved{})
	var kinds string
	if err := w.db.QueryRow(`SELECT group_concat(kind) FROM state`).Scan(&kinds); err != nil || kinds != "mood" {
		t.Errorf("the file holds %q, %v", kinds, err)
	}
}

// Every list of a Saved is a kind, and comes back with all of its fields.
func TestEachListIsKept(t *testing.T) {
	var want fallback.Saved
	fill(t, reflect.ValueOf(&want).Elem(), 1)
	dir := t.TempDir()
	w := openIn(t, dir)
	w.write(want)
	w.finish()
	same(t, openOnce(t, dir), want)
}

// fill gives a value, and all that is in it, values that are not zero.
func fill(t *testing.T, v reflect.Value, n int) {
	t.Helper()
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(noon.Add(time.Duration(n))))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), n+i)
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0), n)
		fill(t, v.Index(1), n+100)
	case v.Kind() == reflect.String:
		v.SetString(fmt.Sprint("text ", n))
	case v.CanInt():
		v.SetInt(int64(n))
	case v.CanFloat():
		v.SetFloat(float64(n) + 0.1)
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	default:
		t.Fatalf("a Saved holds a %v", v.Type())
	}
}

// What differs in one name only is two rows.
func TestNamesTellRowsApart(t *testing.T) {
	var s fallback.Saved
	for i := range 6 { // the last one is as all others but for that one name
		r := fallback.SavedRest{Target: "key+model", Provider: "p", Account: "x", Nth: 1, ID: "a"}
		*[]*string{&r.Target, &r.Provider, &r.Account, new(string), &r.ID, new(string)}[i] += "2"
		if i == 3 {
			r.Nth = 2
		}
		s.Rests = append(s.Rests, r)
	}
	for i := range 10 {
		w := fallback.SavedWindow{Target: "account", Provider: "p", Account: "x", ID: "a", Unit: "requests", Cycle: "daily", Per: time.Hour, Zone: "UTC"}
		*[]*string{&w.Target, &w.Provider, &w.Account, &w.ID, &w.Unit, &w.Cycle, &w.Zone, new(string), new(string), new(string)}[i] += "2"
		switch i {
		case 7:
			w.At = time.Hour
		case 8:
			w.Guessed = 5
		}
		s.Windows = append(s.Windows, w)
	}
	s.Models = []fallback.SavedModel{{Provider: "p", ID: "a"}, {Provider: "q", ID: "a"}, {Provider: "p", ID: "b"}}
	s.Notes = []fallback.Note{{Kind: "list", Name: "p"}, {Kind: "list", Name: "q"}, {Kind: "other", Name: "p"}}
	if rows, err := rowsOf(s); err != nil || len(rows) != 22 {
		t.Errorf("%d rows of 22, %v", len(rows), err)
	}
}

func TestMuchToWriteIsWrittenLessOften(t *testing.T) {
	for worked, want := range map[time.Duration]time.Duration{0: interval, time.Millisecond: interval, 20 * time.Millisecond: 600 * time.Millisecond,
		time.Second: longest, -time.Hour: interval} {
		if got := pause(worked); got != want {
			t.Errorf("after %v of work %v, not %v", worked, got, want)
		}
	}
}
