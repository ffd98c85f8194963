//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// figures are what was measured: by measure and program, a figure a round.
type figures map[string]map[string][]float64

func (f figures) add(measure, program string, v float64) {
	if f[measure] == nil {
		f[measure] = map[string][]float64{}
	}
	f[measure][program] = append(f[measure][program], v)
}

// line is one of the table.
type line struct {
	measure string
	text    string
	unit    string
	digits  int
	goal    float64 // of freefall: as a ratio, or as a figure where absolute; 0 = none
	// absolute: the goal is a figure, and ratios say nothing.
	absolute bool
	to       string // whose figure the ratio is to: "" = nginx's, else freefall's own of that measure
}

var lines = []line{
	{measure: "small", text: "CPU, 1 KB request", unit: "µs", digits: 1, goal: 1.2},
	{measure: "tools", text: "CPU, 50 KB request with tools", unit: "µs", digits: 1, goal: 1.5},
	{measure: "other tools", text: "CPU, 50 KB request with tools never seen before", unit: "µs", digits: 1},
	{measure: "stream", text: "CPU, stream of 100 events", unit: "µs", digits: 0, goal: 1.3},
	{measure: "event", text: "CPU, event at 1,000 slow streams", unit: "µs", digits: 1, goal: 1.3},
	{measure: "plain", text: "CPU, 1 KB request over 8 connections", unit: "µs", digits: 1},
	{measure: "fallover", text: "CPU, fall-over after a 429, to that of its own", unit: "µs", digits: 1, goal: 1.6, to: "plain"},
	{measure: "journal", text: "of a 1 KB request, journal, metrics and history", unit: "%", digits: 1, goal: 10, absolute: true},
	{measure: "p50", text: "answer over one connection, p50", unit: "µs", digits: 0},
	{measure: "added", text: "added latency, p50", unit: "µs", digits: 0, goal: 2},
	{measure: "added99", text: "added latency, p99", unit: "µs", digits: 0},
	{measure: "ttft", text: "first content of a stream, p50", unit: "µs", digits: 0},
	{measure: "ttft added", text: "added to it", unit: "µs", digits: 0},
	{measure: "idle 1000", text: "memory, each of 1,000 idle streams", unit: "KB", digits: 1},
	{measure: "idle 3000", text: "memory, each of 3,000 idle streams", unit: "KB", digits: 1},
	{measure: "idle 9000", text: "memory, each of 9,000 idle streams", unit: "KB", digits: 1, goal: 1.4},
	{measure: "rss", text: "memory when nobody has asked", unit: "MB", digits: 1, goal: 30, absolute: true},
	{measure: "binary", text: "binary", unit: "MB", digits: 1, goal: 30, absolute: true},
	{measure: "start", text: "start to first answer", unit: "ms", digits: 0, goal: 100, absolute: true},
}

// middle is the median.
func middle(of []float64) float64 {
	of = slices.Clone(of)
	slices.Sort(of)
	if n := len(of); n%2 == 0 {
		return (of[n/2-1] + of[n/2]) / 2
	}
	return of[len(of)/2]
}

// ratio is the median of the ratios of each round: what slows a round slows both.
func (f figures) ratio(l *line, program string) (float64, bool) {
	own, base := f[l.measure][program], f[l.measure]["nginx"]
	if l.to != "" {
		base = f[l.to][program]
	}
	if len(own) == 0 || len(own) != len(base) || l.absolute {
		return 0, false
	}
	ratios := make([]float64, len(own))
	for i := range own {
		ratios[i] = own[i] / base[i]
	}
	return middle(ratios), true
}

// verdict says whether a program that is measured by goals reaches this one.
func (f figures) verdict(l *line, program string) string {
	if l.goal == 0 || len(f[l.measure][program]) == 0 {
		return ""
	}
	is, ok := f.ratio(l, program)
	if l.absolute {
		is, ok = middle(f[l.measure][program]), true
	}
	switch {
	case !ok:
		return ""
	case is <= l.goal:
		return "reached"
	}
	return fmt.Sprintf("missed by %.0f %%", 100*(is/l.goal-1))
}

func (b *bench) report(w io.Writer) error {
	fmt.Fprintln(w, machine())
	for i := range b.programs {
		fmt.Fprintf(w, "%s: %s\n", b.programs[i].name, b.programs[i].version)
	}
	if len(b.figures) > 0 {
		if err := b.table(w); err != nil {
			return err
		}
	}
	if b.hedged != nil {
		b.hedged.print(w)
	}
	if b.json == "" {
		return nil
	}
	return b.writeJSON(w)
}

func (b *bench) table(w io.Writer) error {
	fmt.Fprintf(w, "\n%d rounds; each cell: the median of the rounds, and of each round's ratio to nginx (of the fall-over: to the program's own 1 KB request over as many connections)\n", b.rounds)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head := []string{""}
	for i := range b.programs {
		head = append(head, b.programs[i].name)
	}
	fmt.Fprintln(t, strings.Join(append(head, "goal", ""), "\t"))
	for i := range lines {
		if l := &lines[i]; b.figures[l.measure] != nil {
			fmt.Fprintln(t, strings.Join(b.cells(l), "\t"))
		}
	}
	return t.Flush()
}

func (b *bench) cells(l *line) []string {
	out := []string{l.text}
	for i := range b.programs {
		name := b.programs[i].name
		of := b.figures[l.measure][name]
		if len(of) == 0 {
			out = append(out, "-")
			continue
		}
		cell := fmt.Sprintf("%.*f %s", l.digits, middle(of), l.unit)
		if ratio, ok := b.figures.ratio(l, name); ok {
			cell += fmt.Sprintf(" %.2fx", ratio)
		}
		out = append(out, cell)
	}
	goal := ""
	switch {
	case l.absolute:
		goal = fmt.Sprintf("%g %s", l.goal, l.unit)
	case l.goal > 0:
		goal = fmt.Sprintf("%gx", l.goal)
	}
	return append(out, goal, b.figures.verdict(l, "freefall"))
}

// writeJSON gives every figure of every round, so that two runs can be compared.
func (b *bench) writeJSON(w io.Writer) error {
	type result struct {
		Measure, Unit string
		Program       string
		Median        float64
		Ratio         float64 `json:",omitempty"` // to nginx, or of a fall-over to the program's own request
		Rounds        []float64
	}
	out := struct {
		Machine  string
		Versions map[string]string
		Results  []result
		Hedge    *hedgeResult `json:",omitempty"`
	}{Machine: machine(), Versions: map[string]string{}, Hedge: b.hedged}
	for i := range b.programs {
		p := &b.programs[i]
		out.Versions[p.name] = p.version
		for j := range lines {
			l := &lines[j]
			if of := b.figures[l.measure][p.name]; len(of) > 0 {
				ratio, _ := b.figures.ratio(l, p.name)
				out.Results = append(out.Results, result{l.measure, l.unit, p.name, middle(of), ratio, of})
			}
		}
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if b.json == "-" {
		_, err = w.Write(text)
		return err
	}
	return os.WriteFile(b.json, text, 0o644)
}
