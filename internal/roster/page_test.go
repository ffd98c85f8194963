package roster

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"freefall/fallback"
	"freefall/internal/openai"
)

var update = flag.Bool("update", false, "write docs/providers.md anew")

const pagePath = "../../docs/providers.md"

// docs/providers.md says what the program knows, no more and no less.
func TestProvidersPage(t *testing.T) {
	if *update {
		if err := os.WriteFile(pagePath, []byte(providersPage()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(pagePath)
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != providersPage() {
		t.Error("docs/providers.md is not what internal/roster knows: run make providers")
	}
}

// What is claimed of a provider has a source, and the source a date.
func TestSources(t *testing.T) {
	dated := regexp.MustCompile(`20\d\d-\d\d-\d\d`)
	for _, d := range Dialects() {
		if d.states() != (d.From != "") {
			t.Errorf("%s states limits: %v, from %q", d.Name, d.states(), d.From)
		}
		if known := d.Training != fallback.TrainingUnknown; known != (d.TrainingFrom != "") || known && !d.Local && !dated.MatchString(d.TrainingFrom) {
			t.Errorf("%s: %v, from %q", d.Name, d.Training, d.TrainingFrom)
		}
		for id, l := range d.Models {
			if l.DayResets == "" && l.RPD+l.TPD > 0 {
				t.Errorf("%s %s does not say when its day begins", d.Name, id)
			}
		}
		for _, l := range append(slices.Collect(maps.Values(d.Models)), d.Account, d.Model) {
			for key := range strings.FieldsSeq(l.Fills) {
				if key != "all" && !slices.Contains(limitKeys(), key) {
					t.Errorf("%s: %q fills, and is no limit", d.Name, key)
				}
			}
		}
	}
}

func providersPage() string {
	var b strings.Builder
	b.WriteString(`# Providers

<!-- Written by make providers from internal/roster/dialect_*.go: change it there. -->

What freefall knows of a provider before it has asked it anything. A provider needs no more than its name in ` + "`models.yaml`" + ` and a key in the
environment; without a ` + "`models.yaml`" + ` the key alone is enough. Free tiers change from month to month: each number here is a default which
` + "`limits` and `model_limits`" + ` replace ([configuration.md](configuration.md#limits)), and which follows what the provider itself says.

Words: rpm, rph, rpd are requests a minute, an hour, a day; tpm, tph, tpd tokens; rps requests a second. A limit that *fills* comes
back bit by bit all the time. A provider that may train on prompts, or of which nobody knows, gets none of a request that must not be
trained on (` + "`privacy: no_train`, `X-Freefall-Privacy: no_train`" + `).

| provider | key | free | trains on prompts |
|---|---|---|---|
`)
	for _, d := range Dialects() {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s | %s |\n", d.Name, d.Name, codes(d.KeyVars, "none"), short(d), trainingWord(d))
	}
	for _, d := range Dialects() {
		fmt.Fprintf(&b, "\n## %s\n\n| | |\n|---|---|\n", d.Name)
		for _, row := range d.rows() {
			if row[1] != "" {
				fmt.Fprintf(&b, "| %s | %s |\n", row[0], strings.ReplaceAll(row[1], "|", `\|`))
			}
		}
		for i, note := range d.Notes {
			if i == 0 {
				b.WriteString("\n")
			}
			fmt.Fprintf(&b, "- %s\n", note)
		}
	}
	return b.String()
}

func (d *Dialect) rows() [][2]string {
	speaks := openai.DialectOf(d.Name)
	var models []string
	for _, id := range slices.Sorted(maps.Keys(d.Models)) {
		models = append(models, "`"+id+"`: "+limitWords(d.Models[id]))
	}
	rest := ""
	if len(models) > 0 {
		rest = "others: "
	}
	if words := limitWords(d.Model); words != "" {
		models = append(models, rest+words)
	}
	from := ""
	if d.From != "" {
		from = d.From + ", " + d.Read
	}
	return [][2]string{
		{"key", codes(d.KeyVars, "none")},
		{"base URL", "`" + d.BaseURL + "`"},
		{"known by", codes(d.Hosts, "")},
		{"free", long(d)},
		{"limits of an account", limitWords(d.Account)},
		{"limits of a model", strings.Join(models, "<br>")},
		{"source", from},
		{"its day begins", dayWord(d)},
		{"tells what is left", keyPath(speaks)},
		{"a bare 429 rests", map[fallback.Target]string{fallback.TargetPair: "the model with that key", fallback.TargetKey: "the key",
			fallback.TargetAccount: "the account"}[speaks.LimitTarget]},
		{"counts what fails", map[fallback.Counting]string{fallback.CountsUpstream: "also what the host behind it turned away"}[d.Counting]},
		{"counts tokens", map[bool]string{true: "before the answer: the input, and as many as the answer may have"}[d.Reserves]},
		{"a cancelled call", map[bool]string{true: "goes on there, and counts"}[d.Burns]},
		{"first token", firstToken(d)},
		{"removed from requests", codes(d.Edits.Drop, "")},
		{"renamed", renamed(d.Edits.Rename)},
		{"set with tools", set(d.Edits.WithTools)},
		{"ids of tool calls", map[bool]string{true: "made to be nine letters and digits"}[d.Edits.ShortIDs]},
		{"usage in streams", map[bool]string{true: "is asked for"}[d.Edits.IncludeUsage]},
		{"trains on prompts", trainingWord(d) + strings.TrimSuffix("; "+d.TrainingFrom, "; ")},
	}
}

func trainingWord(d *Dialect) string {
	return map[fallback.Training]string{fallback.TrainingUnknown: "unknown", fallback.MayTrain: "may", fallback.NeverTrains: "never"}[d.Training]
}

func keyPath(speaks *openai.Dialect) string {
	if speaks.KeyPath == "" {
		return ""
	}
	return "`GET " + speaks.KeyPath + "`, which is asked now and then"
}

func short(d *Dialect) string {
	switch {
	case d.Local:
		return "your own machine"
	case d.Listed:
		return "`:free` ids, and what it lists at price 0"
	case d == openAI:
		return "nothing"
	}
	return "wants `free: plan`"
}

func long(d *Dialect) string {
	switch {
	case d.Local:
		return "your own machine"
	case d.Listed:
		return "ids that end with `:free`, and what its list prices at 0"
	case d == openAI:
		return "nothing; a loopback or private address is your own machine"
	}
	return "by your word: `free: plan`, or `FREEFALL_FREE_PLAN=" + d.Name + "`, when the key has no billing"
}

func dayWord(d *Dialect) string {
	for _, l := range []Limits{d.Account, d.Model} {
		switch l.DayResets {
		case "":
		case rolling:
			return "never, it rolls"
		default:
			return l.DayResets
		}
	}
	return ""
}

func firstToken(d *Dialect) string {
	if d.FirstToken == 0 {
		return ""
	}
	return fmt.Sprintf("waited for %g s", d.FirstToken.Seconds())
}

func codes(words []string, none string) string {
	if len(words) == 0 {
		return none
	}
	return "`" + strings.Join(words, "`, `") + "`"
}

func renamed(pairs [][2]string) string {
	var words []string
	for _, p := range pairs {
		words = append(words, "`"+p[0]+"` to `"+p[1]+"`")
	}
	return strings.Join(words, ", ")
}

func set(pairs [][2]string) string {
	var words []string
	for _, p := range pairs {
		words = append(words, "`"+p[0]+": "+p[1]+"`")
	}
	return strings.Join(words, ", ")
}

// limitWords write limits: "30 rpm, 1,000 rpd (fills)".
func limitWords(l Limits) string {
	var words []string
	for i, n := range []int64{l.RPS, l.RPM, l.RPH, l.RPD, l.TPM, l.TPH, l.TPD} {
		if key := limitKeys()[i]; n > 0 {
			word := thousands(n) + " " + key
			if l.Filling(key) {
				word += " (fills)"
			}
			words = append(words, word)
		}
	}
	if l.Concurrency > 0 {
		words = append(words, thousands(l.Concurrency)+" at once")
	}
	return strings.Join(words, ", ")
}

func limitKeys() []string { return []string{"rps", "rpm", "rph", "rpd", "tpm", "tph", "tpd"} }

func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
