package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"freefall/fallback"
)

var (
	modelA = &fallback.Model{Provider: "p", ID: "a"}
	modelB = &fallback.Model{Provider: "q", ID: "b"}
	good   = &fallback.Outcome{Class: fallback.OK, InputTokens: 10, OutputTokens: 3}
	bad    = &fallback.Outcome{Class: fallback.UpstreamFault}
)

// hist gives the hours of a store that no goroutine serves.
func (w *world) hist(from, to time.Time) ([]HourRow, bool) {
	w.t.Helper()
	past := w.read(from, to)
	return past.Hours, past.Cut
}

func (w *world) read(from, to time.Time) Past {
	w.t.Helper()
	over := make(chan struct{})
	defer close(over)
	go func() {
		for {
			select {
			case read := <-w.reads:
				read()
			case <-over:
				return
			}
		}
	}()
	past, err := w.History(from, to)
	if err != nil {
		w.t.Error(err)
	}
	return past
}

// lately is the history of the last days.
func (w *world) lately() []HourRow {
	w.t.Helper()
	rows, cut := w.hist(time.Time{}, time.Now().Add(time.Minute))
	if cut {
		w.t.Error("rows are missing")
	}
	return rows
}

func (w *world) counted(want ...HourRow) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.lately()); diff != "" {
		w.t.Errorf("history (wanted, got):\n%s", diff)
	}
}

// n attempts that all were good, as the history shows them.
func answersOf(at time.Time, m *fallback.Model, n int64) HourRow {
	return HourRow{Hour: at.UTC().Truncate(time.Hour), Provider: m.Provider, Model: m.ID, Attempts: n, Answers: n, InputTokens: 10 * n, OutputTokens: 3 * n}
}

func TestWhatCounts(t *testing.T) {
	w := openIn(t, "")
	outcomes := []*fallback.Outcome{good, {Class: fallback.OK}, bad, {Class: fallback.Timeout}, {Class: fallback.Overloaded, Status: 503},
		{Class: fallback.Overloaded, Status: 429}, {Class: fallback.RateLimited}, {Class: fallback.QuotaExhausted}, {Class: fallback.ClientLeft},
		{Class: fallback.Auth}, {Class: fallback.InvalidRequest}, {Class: fallback.OK, InputTokens: -5, OutputTokens: -5}}
	for i, o := range outcomes {
		w.Count(w.now, modelA, o, time.Duration(i)*100*time.Millisecond, i == 1)
	}
	got := w.lately()
	if len(got) != 1 || got[0].TTFTMax != 1100*time.Millisecond || got[0].TTFTp50 < 400*time.Millisecond || got[0].TTFTp50 > 800*time.Millisecond {
		t.Fatalf("%+v", got)
	}
	got[0].TTFTp50, got[0].TTFTp95, got[0].TTFTMax = 0, 0, 0
	want := HourRow{Hour: w.now.UTC().Truncate(time.Hour), Provider: "p", Model: "a", Attempts: 12, Answers: 3, Faults: 3, Limits: 3, Fallovers: 1,
		InputTokens: 10, OutputTokens: 3}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("wanted, got:\n%s", diff)
	}
}

// What the file and the memory hold is one, at each moment and over restarts.
func TestHistoryOutlivesTheProcess(t *testing.T) {
	dir := t.TempDir()
	w := openIn(t, dir)
	earlier := w.now.Add(-5 * time.Hour)
	w.Count(earlier, modelB, good, 0, false)
	w.Count(w.now, modelA, good, 0, false)
	w.Count(w.now, modelB, good, 0, false)
	w.counted(answersOf(earlier, modelB, 1), answersOf(w.now, modelA, 1), answersOf(w.now, modelB, 1))
	w.step(w.now)
	if n := w.Writes(); n != 1 || len(w.history.unwritten()) > 0 {
		t.Errorf("%d writes", n)
	}
	w.counted(answersOf(earlier, modelB, 1), answersOf(w.now, modelA, 1), answersOf(w.now, modelB, 1))
	w.step(w.now)
	if n := w.Writes(); n != 1 {
		t.Errorf("what had not changed was written again: %d writes", n)
	}
	w.Count(w.now, modelA, good, 0, false)
	w.counted(answersOf(earlier, modelB, 1), answersOf(w.now, modelA, 2), answersOf(w.now, modelB, 1))
	w.finish()

	w = openIn(t, dir)
	w.counted(answersOf(earlier, modelB, 1), answersOf(w.now, modelA, 2), answersOf(w.now, modelB, 1))
	w.Count(w.now, modelA, good, 0, false)
	w.counted(answersOf(earlier, modelB, 1), answersOf(w.now, modelA, 3), answersOf(w.now, modelB, 1))
	w.quiet()
}

func TestHistoryOfSomeHours(t *testing.T) {
	w := openIn(t, t.TempDir())
	hour := w.now.Truncate(time.Hour)
	for ago := range 5 {
		w.Count(hour.Add(-time.Duration(ago)*time.Hour), modelA, good, 0, false)
	}
	for _, c := range []struct {
		from, to time.Duration
		want     []int // hours ago
	}{
		{-time.Hour, time.Nanosecond, []int{1, 0}},
		{-time.Hour, 0, []int{1}},
		{-time.Hour + 1, 1, []int{0}},
		{-2 * time.Hour, -time.Hour, []int{2}},
		{0, 0, nil},
		{time.Hour, -time.Hour, nil},
		{-1e6 * time.Hour, 1e6 * time.Hour, []int{4, 3, 2, 1, 0}},
	} {
		for range 2 { // from memory, then from the file
			got, cut := w.hist(hour.Add(c.from), hour.Add(c.to))
			var want []HourRow
			for _, ago := range c.want {
				want = append(want, answersOf(hour.Add(-time.Duration(ago)*time.Hour), modelA, 1))
			}
			if diff := cmp.Diff(want, got); diff != "" || cut {
				t.Errorf("%v to %v: cut %v (wanted, got):\n%s", c.from, c.to, cut, diff)
			}
			w.step(w.now)
		}
	}
}

func TestAFailedWriteCountsNothingTwice(t *testing.T) {
	dir := t.TempDir()
	w := openIn(t, dir)
	w.Count(w.now, modelA, good, 0, false)
	w.step(w.now)
	if _, err := w.db.Exec(`PRAGMA max_page_count = 6`); err != nil {
		t.Fatal(err)
	}
	w.Count(w.now, modelA, good, 0, false)
	for i := range 500 {
		w.Count(w.now.Add(-time.Hour), &fallback.Model{Provider: "p", ID: fmt.Sprintf("%03d", i)}, good, 0, false)
	}
	w.step(w.now)
	w.said("in memory only", "full")
	if got := w.lately(); len(got) != 501 || got[500].Attempts != 1 { // of the file's nothing is known now
		t.Errorf("%d rows, the last %+v", len(got), got[500])
	}
	w.Count(w.now, modelA, good, 0, false)
	w.step(w.now.Add(retryAfter))
	w.said("again")
	if got := w.lately(); len(got) != 501 || got[0].Attempts != 1 || got[500].Attempts != 3 {
		t.Errorf("%d rows, the last %+v", len(got), got[500])
	}
}

// What a process counted while another held the file is added to it.
func TestHistoryOfTwoProcesses(t *testing.T) {
	dir := t.TempDir()
	first, second := openIn(t, dir), openIn(t, dir)
	second.said("in use")
	first.Count(first.now, modelA, good, 0, false)
	second.Count(first.now, modelA, good, 0, false)
	second.counted(answersOf(first.now, modelA, 1))
	first.finish()
	second.step(second.now.Add(retryAfter))
	second.said("again")
	second.counted(answersOf(first.now, modelA, 2))
}

func TestAClockThatJumps(t *testing.T) {
	dir := t.TempDir()
	w := openIn(t, dir)
	back := w.now.Add(-3 * time.Hour)
	for _, at := range []time.Time{w.now, back, time.Unix(0, 0), time.Unix(-1, 0), {}, w.now} {
		w.Count(at, modelA, good, 0, false)
		w.step(at)
	}
	w.counted(answersOf(back, modelA, 1), answersOf(w.now, modelA, 2))
	w.finish()
	openIn(t, dir).counted(answersOf(back, modelA, 1), answersOf(w.now, modelA, 2))
	for at, want := range map[int64]int64{-7201: -10800, -3600: -3600, -1: -3600, 0: 0, 3599: 0, 3600: 3600} {
		if got := hourOf(time.Unix(at, 1)); got != want {
			t.Errorf("the hour of %d is %d, not %d", at, got, want)
		}
	}
}

func TestOldHoursAreForgotten(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		w := openIn(t, dir)
		old := w.now.Add(-keptFor)
		w.Count(old, modelA, good, 0, false)
		w.Count(w.now, modelA, good, 0, false)
		w.step(w.now)
		later := w.now.Add(2 * time.Hour)
		w.Count(later, modelB, good, 0, false)
		w.step(later)
		for hour, want := range map[time.Time]int{old: 0, w.now: 1, later: 1} {
			if rows, err := w.hour(hourOf(hour)); err != nil || len(rows) != want {
				t.Errorf("%q: %d rows of %v, %v", dir, len(rows), hour.Sub(w.now), err)
			}
		}
		w.step(later.Add(time.Hour))
		if left := len(w.history.hours); dir != "" && (left != 0 || w.history.size != 0) {
			t.Errorf("%d hours that were written are in memory still, size %d", left, w.history.size)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	w := openIn(t, "")
	name := make([]fallback.Model, maxRows/4)
	for i := range name {
		name[i] = fallback.Model{Provider: "p", ID: fmt.Sprint(i)}
	}
	for ago := 4; ago >= 0; ago-- {
		for i := range name {
			w.Count(w.now.Add(-time.Duration(ago)*time.Hour), &name[i], good, 0, false)
		}
	}
	if w.history.size != maxRows || len(w.history.hours) != 4 {
		t.Errorf("%d rows in %d hours", w.history.size, len(w.history.hours))
	}
	rows, cut := w.hist(time.Time{}, w.now.Add(1)) // and what one answer holds is, too
	if len(rows) != maxRead || !cut || !rows[0].Hour.Equal(w.now.Add(-time.Hour).UTC().Truncate(time.Hour)) {
		t.Errorf("%d rows from %v, cut %v", len(rows), rows[0].Hour, cut)
	}
}

// After a long time without a disk the file gets all, in parts that do not keep the state waiting.
func TestLargeHistoryIsWrittenInParts(t *testing.T) {
	dir := t.TempDir()
	w := openIn(t, dir)
	for i := range 2*maxBatch + 1 {
		w.Count(w.now, &fallback.Model{Provider: "p", ID: fmt.Sprint(i)}, good, 0, false)
	}
	if !w.step(w.now) || len(w.history.unwritten()) != maxBatch {
		t.Errorf("%d rows are left", len(w.history.unwritten()))
	}
	if n := len(w.lately()); n != 2*maxBatch+1 {
		t.Errorf("%d rows", n)
	}
	w.finish()
	if n := len(openIn(t, dir).lately()); n != 2*maxBatch+1 {
		t.Errorf("%d rows", n)
	}
}

func TestCountAllocatesNothing(t *testing.T) {
	w := openIn(t, t.TempDir())
	at, ttft := w.now, 250*time.Millisecond
	w.Count(at, modelA, good, ttft, false)
	w.step(at)
	if n := testing.AllocsPerRun(100, func() { w.Count(at, modelA, good, ttft, true) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Many count while the Store writes and others read: nothing is lost, nothing counts twice.
func TestCountWhileWritten(t *testing.T) {
	w := &world{t: t}
	s := open(w.config(t.TempDir()))
	const goroutines, each = 8, 2000
	at := time.Now()
	var counting sync.WaitGroup
	for range goroutines {
		counting.Go(func() {
			for range each {
				s.Count(at, modelA, good, 100*time.Millisecond, false)
			}
		})
	}
	done := make(chan struct{})
	go func() { counting.Wait(); close(done) }()
	last := int64(0)
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		s.step(at)
		rows, err := s.hour(hourOf(at))
		if err != nil || len(rows) > 0 && rows[0].Attempts < last {
			t.Fatalf("%d attempts after %d, %v", rows[0].Attempts, last, err)
		}
		if len(rows) > 0 {
			last = rows[0].Attempts
		}
	}
	if last != goroutines*each {
		t.Errorf("%d attempts of %d", last, goroutines*each)
	}
	s.finish()
}

// A disk that hangs keeps nobody waiting for long.
func TestHistoryIsBoundedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(Config{Log: zerolog.Nop()}) // nobody answers
		began := time.Now()
		if _, err := s.History(began.Add(-time.Hour), began); !errors.Is(err, errNoAnswer) || time.Since(began) != readBound {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		release := make(chan struct{})
		go func() { read := <-s.reads; <-release; read() }() // hung within
		if _, err := s.History(began.Add(-time.Hour), began); !errors.Is(err, errNoAnswer) || time.Since(began) != 2*readBound {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		close(release)
		close(s.closed)
		began = time.Now()
		if _, err := s.History(began.Add(-time.Hour), began); !errors.Is(err, errNoAnswer) || time.Since(began) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// Without a folder there is no file, and no warning.
func TestMemoryByChoice(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	w := &world{t: t, state: some}
	s := Open(w.config(""))
	s.Count(time.Now(), modelA, good, 0, false)
	past, err := s.History(time.Time{}, time.Now())
	if err != nil || len(past.Hours) != 1 || s.Writable() {
		t.Errorf("%v, %v, writable %v", past, err, s.Writable())
	}
	s.Close()
	w.quiet()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestQuantiles(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var c counts
		var all []time.Duration
		for range 1 + r.IntN(300) {
			d := time.Duration(float64(20*time.Millisecond) * (1 + r.ExpFloat64()*float64(1+r.IntN(1000))))
			c.count(good, d, false)
			all = append(all, d)
		}
		slices.Sort(all)
		for _, share := range []float64{0.5, 0.95, 1} {
			got, want := c.quantile(share), all[max(0, int(share*float64(len(all))+0.999)-1)]
			inSlot := slot(want)
			if inSlot < len(slotEnds) && inSlot > 0 && (float64(got) > float64(want)*1.42 || float64(got) < float64(want)/1.42) || got > all[len(all)-1] {
				t.Fatalf("quantile %v of %d times: %v, not %v", share, len(all), got, want)
			}
		}
	}
	var none counts
	if q := none.quantile(0.5); q != 0 {
		t.Errorf("quantile of nothing: %v", q)
	}
	text, err := json.Marshal(none)
	if err != nil || string(text) != "{}" {
		t.Errorf("%s, %v", text, err)
	}
}

func TestSpoiltCountsCountNothing(t *testing.T) {
	dir := t.TempDir()
	w := openIn(t, dir)
	w.Count(w.now, modelA, good, 0, false)
	w.Count(w.now, modelB, good, 0, false)
	w.finish()
	exec(t, filepath.Join(dir, fileName), `UPDATE history SET counts = '{"Attempts":' WHERE model = 'a'`)
	w = openIn(t, dir)
	w.Count(w.now, modelA, good, 0, false)
	w.step(w.now)
	w.counted(answersOf(w.now, modelA, 1), answersOf(w.now, modelB, 1))
}

func TestWhatIsCountedDuringAWriteStays(t *testing.T) {
	var h history
	at, name := time.Now(), modelName{"p", "a"}
	h.count(at, name, good, time.Second, false)
	batch := h.unwritten()
	h.count(at, name, bad, 0, true)
	h.count(at, modelName{"p", "b"}, good, 0, false)
	h.wrote(batch)
	left := h.unwritten()
	slices.SortFunc(left, func(a, b hourRow) int { return strings.Compare(a.name.id, b.name.id) })
	if len(left) != 2 || left[0].counts != (counts{Attempts: 1, Faults: 1, Fallovers: 1, MaxTTFT: 1000}) || left[1].Attempts != 1 {
		t.Errorf("left: %+v", left)
	}
	h.dropOldest() // likewise during a write: nothing is taken away twice
	h.wrote(left)
	if h.size != 0 || len(h.unwritten()) != 0 {
		t.Errorf("%d rows, %v", h.size, h.hours)
	}
}

// The sums are of all hours, and their quantiles are those of all times together.
func TestHistoryAddsUp(t *testing.T) {
	w := openIn(t, "")
	now := time.Now()
	for n := range 99 {
		w.Count(now.Add(-time.Duration(n%3)*time.Hour), modelA, good, 200*time.Millisecond, n == 7)
	}
	w.Count(now.Add(-2*time.Hour), modelA, good, 20*time.Second, false)
	w.Count(now, modelB, good, 0, false)
	past := w.read(time.Time{}, now.Add(time.Minute)).Sums
	if len(past) != 2 || past[0].Model != modelA.ID || past[1].Attempts != 1 || !past[0].Hour.IsZero() {
		t.Fatalf("%+v", past)
	}
	a := past[0]
	if a.Attempts != 100 || a.Answers != 100 || a.Fallovers != 1 || a.InputTokens != 1000 || a.OutputTokens != 300 {
		t.Errorf("%+v", a)
	}
	if a.TTFTp95 > 300*time.Millisecond || a.TTFTMax != 20*time.Second {
		t.Errorf("p95 %v, at most %v: one hour of three says otherwise, all together do not", a.TTFTp95, a.TTFTMax)
	}
}
