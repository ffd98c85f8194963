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
