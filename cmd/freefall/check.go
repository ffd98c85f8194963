package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"freefall/fallback"
	"freefall/internal/config"
	"freefall/internal/roster"
)

// exitError ends the program with a code: 1 runtime, 2 usage or config.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string { return e.err.Error() }
func (e exitError) Unwrap() error { return e.err }

func checkCommand() *cobra.Command {
	var options config.Options
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Read the config and print how it is understood",
		Long: `Reads the config without calling anybody and prints the chain as understood, each
skip and its reason, where each value came from (keys masked), and the budget of
the day. Ends with 2 when something must be corrected.`,
		Example: `  freefall check
  freefall check --config /etc/freefall/models.yaml`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(options)
			if err != nil {
				return err
			}
			return check(cmd.OutOrStdout(), c, time.Now())
		},
	}
	configFlags(cmd, &options)
	return cmd
}

// report writes sections of text for people: 80 columns where the words allow it, no colour.
type report struct {
	out io.Writer
	err error
}

// check prints what a config means.
func check(out io.Writer, c *config.Config, now time.Time) error {
	r := &report{out: out}
	b := build(c)
	rows := private(c, b.pool.Models)
	r.printf("%s is fine: %s, %s\n", cmp.Or(c.File, config.BuiltIn), count(len(c.Models), "model"), count(len(c.Providers), "provider"))
	r.chain(c, rows)
	r.skips(c, b, rows)
	r.providers(c, b)
	r.list("Clients", []string{cmp.Or(clients(c), "none: whoever reaches the port may ask")})
	r.limits(c, b)
	r.settings(c)
	if at := c.RedisAt(); at != "" {
		r.list("Shared with other replicas over "+at, []string{"what is drawn from limits and clients' shares",
			"rests, failures, refused keys and pauses, and limits that providers name",
			"not the journal, metrics, history, last_good and what refusals have shown of limits"})
	}
	r.list("Not served by this version, and without effect", c.Unserved())
	r.list("Warnings", c.Warnings)
	r.printf("\n%s\n", strings.TrimLeft(wrap("Budget: "+newBudget(c, rows).text(now), 4), " "))
	return r.err
}

func (r *report) printf(format string, args ...any) {
	if r.err == nil {
		_, r.err = fmt.Fprintf(r.out, format, args...)
	}
}

// table prints rows of cells under a title, in columns.
func (r *report) table(title string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	r.printf("\n%s\n", title)
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, cells := range rows {
		fmt.Fprintf(w, "  %s\t\n", strings.Join(cells, "\t"))
	}
	w.Flush() // into a Builder, which cannot fail
	for line := range strings.Lines(b.String()) {
		r.printf("%s\n", strings.TrimRight(line, " \n"))
	}
}

// list prints sentences under a title.
func (r *report) list(title string, items []string) {
	if len(items) == 0 {
		return
	}
	r.printf("\n%s\n", title)
	for _, item := range items {
		r.printf("%s\n", wrap(printable(item), 4))
	}
}

// chain prints what can be asked, in order.
func (r *report) chain(c *config.Config, rows []fallback.Model) {
	var lines [][]string
	for _, m := range rows {
		if m.Off == "" {
			lines = append(lines, []string{strconv.Itoa(len(lines) + 1), m.ID, m.Provider, serves(m), proof(c, m)})
		}
	}
	if len(lines) == 0 {
		r.printf("\nNo model can be called; requests get 503 until that changes\n")
	}
	r.table("The chain, in order", lines)
	lines = nil
	for _, chain := range c.Chains {
		lines = append(lines, []string{"freefall/" + chain.Name, strings.Join(chain.Models, ", "), meant(chain) + missed(chain, rows)})
	}
	r.table("Named chains", lines)
}

// missed tells of a chain that nobody is in, most likely for a typing error; what providers list later may join it.
func missed(chain config.Chain, rows []fallback.Model) string {
	for _, pattern := range chain.Models {
		if slices.ContainsFunc(rows, func(m fallback.Model) bool { return m.Matches(pattern) }) {
			return ""
		}
	}
	return "; no model here is named by it"
}

// meant says which requests go to a chain without naming it.
func meant(c config.Chain) string {
	m, words := c.Match, []string(nil)
	for _, need := range []struct {
		asked *bool
		name  string
	}{{m.Tools, "tools"}, {m.Vision, "images"}, {m.JSONSchema, "json_schema"}} {
		if need.asked != nil {
			words = append(words, need.name)
		}
	}
	if m.MinContext > 0 {
		words = append(words, thousands(m.MinContext)+" tokens or more")
	}
	if m.Task != "" {
		words = append(words, "task "+m.Task)
	}
	if words == nil {
		return "by name alone"
	}
	return "requests with " + strings.Join(words, ", ")
}

// serves says which needs a model meets beside plain requests.
func serves(m fallback.Model) string {
	var words []string
	for _, need := range []struct {
		met  bool
		name string
	}{{m.Kind == fallback.Embedding, "embedding"}, {m.Tools, "tools"}, {m.Vision, "images"}, {m.JSONSchema, "json_schema"}} {
		if need.met {
			words = append(words, need.name)
		}
	}
	if m.Context > 0 {
		words = append(words, thousands(int64(m.Context)))
	}
	return cmp.Or(strings.Join(words, " "), "plain")
}

// proof says why a model is free, and whose word that is.
func proof(c *config.Config, m fallback.Model) string {
	if m.Proof == fallback.AllowedPaid {
		return fmt.Sprintf("allow_paid, %g USD a day", m.USDPerDay)
	}
	for _, p := range c.Providers {
		if p.Name == m.Provider && (p.Free == "plan" || p.Free == "local") {
			return p.Free + ", your word"
		}
	}
	return m.Proof.String()
}

// private marks the models that the file keeps from every request: those that may train on it, or do not say.
func private(c *config.Config, rows []fallback.Model) []fallback.Model {
	rows = slices.Clone(rows)
	for i := range rows {
		if m := &rows[i]; c.Privacy == noTrain && m.Off == "" && m.Training != fallback.NeverTrains {
			m.Off, m.Why = "may_train", "privacy is no_train, and "+m.Provider+" may train on what it gets"
			if m.Training == fallback.TrainingUnknown {
				m.Why = "privacy is no_train, and nobody says whether " + m.Provider + " trains on what it gets"
			}
		}
	}
	return rows
}

// skips prints what is never asked, with the reason. Models that share one stand together.
func (r *report) skips(c *config.Config, b built, rows []fallback.Model) {
	var items []string
	var ids []string
	for i, m := range rows {
		if m.Off == "" {
			continue
		}
		ids = append(ids, m.ID)
		if i+1 < len(rows) && rows[i+1].Provider == m.Provider && rows[i+1].Off == m.Off && rows[i+1].Why == m.Why {
			continue
		}
		items = append(items, fmt.Sprintf("%s at %s: %s, %s", strings.Join(ids, ", "), m.Provider, m.Off, cmp.Or(m.Why, "never called")))
		ids = nil
	}
	for _, p := range b.unproven(c) {
		if _, why := roster.Prove(p.claim("")); !hasModel(c, p.config.Name) {
			items = append(items, "all that "+p.config.Name+" lists: "+why)
		}
	}
	r.list("Skipped", items)
}

// providers prints where models are asked, with which keys, and where those came from.
func (r *report) providers(c *config.Config, b built) {
	var lines [][]string
	for i := range c.Providers {
		p := &c.Providers[i]
		lines = append(lines, []string{p.Name, p.BaseURL}, []string{"", keys(c, p)})
		if !hasModel(c, p.Name) {
			lines = append(lines, []string{"", "no models configured; " + b.providers[p.Name].joins()})
		}
	}
	r.table("Providers", lines)
}

func keys(c *config.Config, p *config.Provider) string {
	switch {
	case p.Keyless:
		return "without a key"
	case p.Off != "":
		return p.Off + " (" + strings.Join(p.KeyVars, ", ") + ")"
	}
	var masked []string
	for _, k := range p.Keys {
		masked = append(masked, k.Key.Masked())
	}
	return strings.Join(masked, ", ") + " (" + c.Origin("providers."+p.Name+".keys") + ")"
}

// clients are those who may ask, however they are written.
func clients(c *config.Config) string {
	var all []string
	for i, client := range c.Clients {
		all = append(all, fmt.Sprintf("%s %s (%s)", client.Name, client.Key.Masked(), c.Origin(fmt.Sprintf("clients[%d]", i))))
	}
	return strings.Join(all, ", ")
}

func hasModel(c *config.Config, provider string) bool {
	for _, m := range c.Models {
		if m.Provider == provider {
			return true
		}
	}
	return false
}

// settings prints what somebody set, with its origin, and the defaults in one paragraph.
func (r *report) settings(c *config.Config) {
	var set [][]string
	var defaults []string
	for _, s := range c.Settings() {
		if s.Origin == "default" {
			defaults = append(defaults, s.Path+" "+cmp.Or(s.Value, "none"))
			continue
		}
		set = append(set, []string{s.Path, cmp.Or(printable(s.Value), `""`), s.Origin})
	}
	r.table("Set", set)
	r.list("Left at the default", []string{strings.Join(defaults, ", ")})
}

// printable takes away what could steer a terminal.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return '?'
	}, text)
}

// wrap breaks text at blanks so that it fits 80 columns. The first line is indented by 2, the others by indent.
func wrap(text string, indent int) string {
	var b strings.Builder
	b.WriteString(" ")
	width := 1
	for word := range strings.FieldsSeq(text) {
		if width+1+len(word) > 80 && width > indent {
			b.WriteString("\n" + strings.Repeat(" ", indent-1))
			width = indent - 1
		}
		b.WriteString(" " + word)
		width += 1 + len(word)
	}
	return b.String()
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
