package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// text is the state as tables.
func (s *statusAnswer) text(now time.Time) string {
	models := [][]string{{"", "MODEL", "PROVIDER", "TOOLS", "FAILURES", "QUOTA", "STATE", "READY IN", "LAST ERROR"}}
	for _, m := range s.Models {
		mark, state, ready := "", "available", ""
		if m.Current {
			mark = ">"
		}
		if !m.Available || m.Reason != "" {
			state = m.Reason
		}
		if !m.Available {
			ready = left(m.AvailableAt, now)
		}
		models = append(models, []string{mark, m.ID, m.Provider, yes(m.Tools), strconv.Itoa(m.FailureCount), tightest(m.Quota), state, ready,
			short(m.LastError)})
	}
	var b strings.Builder
	writeTable(&b, models)
	writeTable(&b, owners("ACCOUNT", s.Accounts, now))
	writeTable(&b, keyRows(s.Keys, now))
	writeTable(&b, owners("CLIENT", s.Clients, now))
	if s.Waiting > 0 {
		fmt.Fprintf(&b, "\nWaiting for a limit to end: %s\n", count(s.Waiting, "request"))
	}
	switch {
	case s.RedisUp == nil:
	case *s.RedisUp:
		b.WriteString("\nOne with other replicas, over Redis\n")
	default:
		b.WriteString("\nRedis does not answer: this replica goes by its own counts\n")
	}
	if s.ConfigError != "" {
		fmt.Fprintf(&b, "\nThe newest configuration is not in use: %s\n", printable(s.ConfigError))
	}
	return b.String()
}

// tightest is the window of which the least is left. The same window of several accounts is one: the next request may take any.
func tightest(quota []statusQuota) string {
	var sums []statusQuota
	for _, q := range quota {
		i := slices.IndexFunc(sums, func(x statusQuota) bool { return x.Scope == q.Scope && x.Window == q.Window })
		if i < 0 {
			sums = append(sums, q)
			continue
		}
		sums[i].Used, sums[i].Limit = sums[i].Used+q.Used, sums[i].Limit+q.Limit
	}
	if len(sums) == 0 {
		return ""
	}
	return slices.MinFunc(sums, func(a, b statusQuota) int {
		return cmp.Or(cmp.Compare(a.left(), b.left()), cmp.Compare(a.Limit-a.Used, b.Limit-b.Used))
	}).String()
}

// owners are the windows of accounts or clients, a line each; nil when there are none.
func owners(title string, all []statusOwner, now time.Time) [][]string {
	rows := [][]string{{title, "WINDOW", "RESETS IN", ""}}
	for _, o := range all {
		name := o.Name
		for _, q := range o.Quota {
			word := ""
			if q.Learned {
				word = "found out"
			}
			rows = append(rows, []string{name, q.String(), left(q.ResetsAt, now), word})
			name = ""
		}
	}
	if len(rows) == 1 {
		return nil
	}
	return rows
}

// keyRows are the keys, a line each; nil when there are none.
func keyRows(keys []statusKey, now time.Time) [][]string {
	if len(keys) == 0 {
		return nil
	}
	rows := [][]string{{"KEY", "ENDS IN", "ACCOUNT", "STATE", "READY IN"}}
	for _, k := range keys {
		state, ready := cmp.Or(k.Reason, k.State), left(k.Until, now)
		if k.State == "parked" {
			ready = "parked until the configuration changes"
		}
		rows = append(rows, []string{k.Provider + " " + strconv.Itoa(k.N), cmp.Or(k.Last4, "****"), k.Account, state, ready})
	}
	return rows
}

// writeTable writes rows in columns, behind an empty line when something stands before. Nothing in it steers a terminal.
func writeTable(b *strings.Builder, rows [][]string) {
	if len(rows) > 0 && b.Len() > 0 {
		b.WriteString("\n")
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for _, cells := range rows {
		for i := range cells {
			cells[i] = printable(cells[i])
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	w.Flush() // into a Builder, which cannot fail
	for line := range strings.Lines(table.String()) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}

// left is the time until then, "" when there is no end in sight: "41 s", "12 m", "4 h 12 m", "3 d 4 h".
func left(then, now time.Time) string {
	d := then.Sub(now)
	switch {
	case then.IsZero():
		return ""
	case d <= time.Minute:
		return fmt.Sprintf("%d s", max(0, int64((d+time.Second-1)/time.Second)))
	case d < aDay:
		return hours(d)
	}
	return fmt.Sprintf("%d d %d h", d/aDay, d%aDay/time.Hour)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func short(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return s
}

func (q statusQuota) String() string {
	return thousands(q.Used) + "/" + thousands(q.Limit) + " " + q.Window
}

// left is the share of the window that is left.
func (q statusQuota) left() float64 { return float64(q.Limit-q.Used) / float64(max(q.Limit, 1)) }
