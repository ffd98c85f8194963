package store

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"freefall/fallback"
)

// written is how many bytes this process has handed to the system, 0 where that is not told.
func written() (n int64) {
	text, _ := os.ReadFile("/proc/self/io")
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "wchar: %d", &n); err == nil {
			return n
		}
	}
	return 0
}

// BenchmarkSecond is what a second of 500 requests costs the writer, on a folder in memory: 50 models with 4 accounts, each of
// which counts requests and tokens by the minute and by the day.
func BenchmarkSecond(b *testing.B) {
	windows := []fallback.Window{
		{Unit: fallback.Requests, Per: time.Minute, Limit: 1e6}, {Unit: fallback.Requests, Cycle: fallback.Daily, Per: 24 * time.Hour, Limit: 1e9},
		{Unit: fallback.Tokens, Per: time.Minute, Limit: 1e9}, {Unit: fallback.Tokens, Cycle: fallback.Daily, Per: 24 * time.Hour, Limit: 1e12}}
	var c fallback.Config
	for i := range 50 {
		m := fallback.Model{Provider: "openrouter", ID: fmt.Sprintf("organisation/model-%d:free", i), Proof: fallback.ProvenListed, Limits: windows}
		for k := range 4 {
			m.Keys = append(m.Keys, fallback.Key{Account: fmt.Sprint("openrouter/#", k), Limits: windows})
		}
		c.Models = append(c.Models, m)
	}
	pool, now := fallback.New(c), time.Now()
	var took time.Duration
	s := open(Config{Dir: b.TempDir(), Log: zerolog.Nop(), Save: func() fallback.Saved {
		defer func(begun time.Time) { took += time.Since(begun) }(time.Now())
		return pool.Save(now)
	}, Restore: func(fallback.Saved) {}})
	defer s.finish()
	requests := func(n int) {
		for i := range n {
			now = now.Add(2 * time.Millisecond)
			w := fallback.Walk{Ask: fallback.Ask{Model: c.Models[i%50].ID}, Need: fallback.Need{Tokens: 300}}
			a, ok := pool.Pick(now, &w)
			if !ok {
				b.Fatal("nobody is left")
			}
			o := fallback.Outcome{InputTokens: 290, OutputTokens: 200}
			a.End(now, o)
			s.Count(now, a.Model, &o, 300*time.Millisecond, false)
		}
	}
	requests(60 * 500) // all windows are full of charges
	s.step(now)
	took = 0
	before, writes := written(), s.Writes()
	b.ReportAllocs()
	for b.Loop() {
		for range time.Second / interval {
			b.StopTimer()
			requests(500 / int(time.Second/interval))
			b.StartTimer()
			s.step(now)
		}
	}
	b.ReportMetric(float64(written()-before)/float64(b.N), "B/s")
	b.ReportMetric(float64(took.Nanoseconds())/float64(b.N), "ns-locked/s")
	b.ReportMetric(float64(s.Writes()-writes)/float64(b.N), "writes/s")
}

// BenchmarkCount is what an attempt pays for the history.
func BenchmarkCount(b *testing.B) {
	s := open(Config{Log: zerolog.Nop()})
	m, o, now := &fallback.Model{Provider: "openrouter", ID: "organisation/model:free"}, &fallback.Outcome{InputTokens: 290, OutputTokens: 200}, time.Now()
	b.ReportAllocs()
	for b.Loop() {
		s.Count(now, m, o, 300*time.Millisecond, false)
	}
}
