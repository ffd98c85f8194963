package fallback_test

import (
	"fmt"
	"testing"
	"time"

	"freefall/fallback"
)

// fifty models with four accounts each.
func fifty() []fallback.Model {
	var rows []fallback.Model
	for i := range 50 {
		row := chain(fmt.Sprintf("org/model-%02d:free", i))[0]
		row.Keys = keys("a b c d")
		rows = append(rows, row)
	}
	return rows
}

// A request that the first model answers.
func BenchmarkPickEnd(b *testing.B) {
	for _, model := range []string{"gpt-4o", "org/model-49:free"} {
		b.Run(model, func(b *testing.B) {
			p := fallback.New(fallback.Config{Models: fifty()})
			w := new(fallback.Walk)
			b.ReportAllocs()
			for now := t0; b.Loop(); now = now.Add(time.Millisecond) {
				w.Reset()
				w.Ask.Model = model
				a, _ := p.Pick(now, w)
				a.End(now, fallback.Outcome{})
			}
		})
	}
}

// A request that finds the first 25 models resting, and falls over once.
func BenchmarkFallOver(b *testing.B) {
	p := fallback.New(fallback.Config{Models: fifty(), Order: fallback.Priority})
	for i := range 25 {
		a, _ := p.Pick(t0, &fallback.Walk{Ask: fallback.Ask{Model: fmt.Sprintf("org/model-%02d:free", i)}})
		a.End(t0, outcomeOf("gone"))
	}
	w := new(fallback.Walk)
	fault, ok := outcomeOf("declined"), fallback.Outcome{}
	b.ReportAllocs()
	for now := t0; b.Loop(); now = now.Add(time.Millisecond) {
		w.Reset()
		a, _ := p.Pick(now, w)
		a.End(now, fault)
		a, _ = p.Pick(now, w)
		a.End(now, ok)
	}
}

// What GET /api/chat/models costs.
func BenchmarkSnapshot(b *testing.B) {
	p := fallback.New(fallback.Config{Models: fifty()})
	b.ReportAllocs()
	for b.Loop() {
		p.Snapshot(t0)
	}
}

// windowed gives every account and every model the windows that a provider may have, too wide to be met.
func windowed(rows []fallback.Model) []fallback.Model {
	windows := []fallback.Window{{Per: m, Limit: 1 << 40}, {Per: 24 * h, Cycle: fallback.Daily, Limit: 1 << 40},
		{Unit: fallback.Tokens, Per: m, Limit: 1 << 40}, {Unit: fallback.Running, Limit: 1 << 40}}
	for i := range rows {
		rows[i].Limits = windows
		for k := range rows[i].Keys {
			rows[i].Keys[k].Limits = windows
		}
	}
	return rows
}

// A request of each order, all windows counting.
func BenchmarkPickEndWindows(b *testing.B) {
	for name, order := range map[string]fallback.Order{"last_good": fallback.LastGood, "adaptive": fallback.Adaptive} {
		b.Run(name, func(b *testing.B) {
			p := fallback.New(fallback.Config{Models: windowed(fifty()), Order: order, Chance: func() float64 { return 0.5 }})
			w := new(fallback.Walk)
			b.ReportAllocs()
			for now := t0; b.Loop(); now = now.Add(time.Millisecond) {
				w.Reset()
				a, _ := p.Pick(now, w)
				a.End(now, fallback.Outcome{})
			}
		})
	}
}

// A request that finds the windows of 49 models full.
func BenchmarkPickEndFull(b *testing.B) {
	rows := windowed(fifty())
	for i := range rows[:49] {
		rows[i].Limits = []fallback.Window{{Per: 24 * h, Limit: 1}}
	}
	p := fallback.New(fallback.Config{Models: rows, Order: fallback.Priority})
	for range 49 * 4 {
		a, _ := p.Pick(t0, &fallback.Walk{})
		a.End(t0, fallback.Outcome{})
	}
	w := new(fallback.Walk)
	b.ReportAllocs()
	for now := t0.Add(s); b.Loop(); now = now.Add(time.Millisecond / 8) {
		w.Reset()
		a, _ := p.Pick(now, w)
		a.End(now, fallback.Outcome{})
	}
}

// A full queue whose head is served by every end.
func BenchmarkDispatch(b *testing.B) {
	rows := fifty()
	for i := range rows {
		rows[i].Limits = []fallback.Window{{Unit: fallback.Running, Limit: 1}}
	}
	p := fallback.New(fallback.Config{Models: rows, MaxWaiting: 200})
	var running []*fallback.Attempt
	for {
		a, ok := p.Pick(t0, &fallback.Walk{})
		if !ok {
			break
		}
		running = append(running, a)
	}
	var woken *fallback.Walk
	wait := func() {
		w := new(fallback.Walk)
		p.Pick(t0, w)
		p.Wait(t0, w, t0.Add(15*s), func() { woken = w })
	}
	for range 200 {
		wait()
	}
	for i := 0; b.Loop(); i = (i + 1) % len(running) {
		running[i].End(t0, fallback.Outcome{})
		running[i], _ = p.Turn(t0, woken)
		wait()
	}
}
