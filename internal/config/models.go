package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"freefall/fallback"
)

const (
	idRule   = "a letter or digit, then at most 199 of letters, digits and . _ : / @ + ~ -"
	maxNames = 200
)

// IsID says whether a model may have this id.
func IsID(id string) bool { return fallback.IsID(id) }

// models checks each row and puts DEFAULT_MODEL first.
func (r *resolver) models() {
	if len(r.c.Models) == 0 && !r.faulty("models") {
		r.wrong("models", "models lists no model: name at least one, as in models: [{id: google/gemini-2.0-flash-exp:free}]")
	}
	seen := map[[2]string]int{}
	for i := range r.c.Models {
		r.model(fmt.Sprintf("models[%d]", i), &r.c.Models[i], seen)
	}
	r.defaultModel()
	r.timeouts()
}

// timeouts gives every model its own, from the narrowest place that names them.
func (r *resolver) timeouts() {
	byProvider := map[string]Timeouts{}
	for i := range r.c.Providers {
		p := &r.c.Providers[i]
		if known := r.speaksLike(p); known != nil && !r.c.written("timeouts.first_token") {
			setDefault(&p.Timeouts.FirstToken, known.FirstToken)
		}
		p.Timeouts.withDefaults(r.c.Timeouts)
		byProvider[p.Name] = p.Timeouts
	}
	for i := range r.c.Models {
		m := &r.c.Models[i]
		m.Timeouts.withDefaults(byProvider[m.Provider])
	}
}

// faulty says whether a mistake was already noted at this path.
func (r *resolver) faulty(path string) bool {
	m, written := r.marks[path]
	return written && slices.ContainsFunc(r.mistakes, func(x Mistake) bool { return x.mark == m })
}

func (r *resolver) model(path string, m *Model, seen map[[2]string]int) {
	switch {
	case m.ID == "" && r.faulty(path+".id"):
		return // what stands there is told already
	case m.ID == "":
		r.wrong(path, "a model wants an id")
		return
	case !IsID(m.ID):
		r.wrong(path+".id", "no model has the id %s: it wants %s", r.markOf(path+".id").show(m.ID), idRule)
	}
	m.Name = cleanName(m.Name)
	m.Strengths = cleanWords(m.Strengths)
	m.withDefaults()
	r.modelProvider(path, m)
	r.limits(path+".limits", m.Limits)
	m.Never = r.never(m)
	pair := [2]string{m.Provider, m.ID}
	if line, twice := seen[pair]; twice {
		r.wrong(path+".id", "%s at %s is listed a second time (first in line %d): remove one of the two", m.ID, m.Provider, line)
		return
	}
	seen[pair] = r.markOf(path + ".id").line
}

// never says whether a limit of 0, its own or its provider's, forbids every call of a model. Its own override the
// provider's model_limits key by key.
func (r *resolver) never(m *Model) bool {
	i := slices.IndexFunc(r.c.Providers, func(p Provider) bool { return p.Name == m.Provider })
	if i < 0 {
		return m.Limits.never()
	}
	p := r.c.Providers[i]
	return p.Limits.never() || m.Limits.Over(p.ModelLimits).never()
}

// modelProvider fills in the only provider, and finds the others by name.
func (r *resolver) modelProvider(path string, m *Model) {
	names := r.providerNames()
	switch {
	case m.Provider == "" && len(r.c.Providers) == 1:
		m.Provider = names[0]
	case m.Provider == "" && len(names) > 1 && r.c.File != "":
		r.wrong(path, "model %s wants a provider, since there are several: %s", m.ID, few(names))
	case m.Provider == "" && len(names) > 0:
		m.Provider = names[0]
	case m.Provider != "" && !slices.Contains(names, m.Provider):
		r.wrong(path+".provider", "no provider is called %s%s; the file has %s", quote(m.Provider), didYouMean(m.Provider, names), few(names))
	}
}

// cleanName keeps what a person can read and nobody can trick others with.
func cleanName(name string) string {
	clean := strings.TrimSpace(strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || isBidi(c) || c == '\u2028' || c == '\u2029' || c == unicode.ReplacementChar {
			return -1
		}
		return c
	}, name))
	if runes := []rune(clean); len(runes) > maxNames {
		return string(runes[:maxNames])
	}
	return clean
}

// cleanWords are words as a task names them: in small letters, none empty.
func cleanWords(words []string) (clean []string) {
	for _, word := range words {
		if word = strings.ToLower(cleanName(word)); word != "" {
			clean = append(clean, word)
		}
	}
	return clean
}

// isBidi marks the characters that turn the direction of text.
func isBidi(c rune) bool {
	return c == '\u061c' || c == '\u200e' || c == '\u200f' || c >= '\u202a' && c <= '\u202e' || c >= '\u2066' && c <= '\u2069'
}

// defaultModel puts DEFAULT_MODEL first. One that is not in the chain is taken as if it were configured.
func (r *resolver) defaultModel() {
	const variable = "DEFAULT_MODEL"
	id, origin := r.env.lookup(variable)
	if id == "" || id == "auto" || id == "freefall/auto" || len(r.c.Providers) == 0 {
		return
	}
	m := mark{source: variable, from: origin}
	if !IsID(id) {
		r.mistake(m, "%s is no id of a model: it wants %s", quote(id), idRule)
		return
	}
	wanted := func(m Model) bool { return m.ID == id || m.Provider+"/"+m.ID == id }
	if !slices.ContainsFunc(r.c.Models, wanted) {
		r.addDefault(id, m)
	}
	r.moveUp(wanted)
}

func (r *resolver) addDefault(id string, m mark) {
	model := Model{ID: id, Provider: r.c.Providers[0].Name}
	model.withDefaults()
	r.marks[fmt.Sprintf("models[%d]", len(r.c.Models))] = m
	var ids []string
	for _, other := range r.c.Models {
		ids = append(ids, other.ID)
	}
	r.c.Models = append(r.c.Models, model)
	r.warn("DEFAULT_MODEL %s is not among the models (the nearest is %s): it is asked first at %s, without tools and images",
		id, closest(id, ids), model.Provider)
}

// moveUp puts the wanted rows first and leaves the order of all others. The places where they were written move along.
func (r *resolver) moveUp(wanted func(Model) bool) {
	var models []Model
	var marks []mark
	for _, want := range []bool{true, false} {
		for i, m := range r.c.Models {
			if wanted(m) == want {
				models = append(models, m)
				marks = append(marks, r.marks[fmt.Sprintf("models[%d]", i)])
			}
		}
	}
	r.c.Models = models
	for i, m := range marks {
		r.marks[fmt.Sprintf("models[%d]", i)] = m
	}
}

// paid checks the models that may cost money.
func (r *resolver) paid() {
	for i, paid := range r.c.AllowPaid {
		path := fmt.Sprintf("allow_paid[%d]", i)
		same := func(other PaidModel) bool { return other.ID == paid.ID }
		switch {
		case !IsID(paid.ID):
			r.wrong(path+".id", "allow_paid wants the id of a model, %s", idRule)
		case slices.ContainsFunc(r.c.AllowPaid[:i], same):
			r.wrong(path+".id", "%s stands in allow_paid a second time: remove one of the two", paid.ID)
		case !slices.ContainsFunc(r.c.Models, func(m Model) bool { return m.ID == paid.ID }):
			r.warn("allow_paid names %s, which is not among the models: nothing may cost money by it", paid.ID)
		}
		if paid.USDPerDay <= 0 {
			r.wrong(path+".usd_per_day", "usd_per_day wants the most that this model may cost in a day, above 0")
		}
	}
}

// USDPerDay is what a model may cost in a day at most; 0 = it may not.
func (c *Config) USDPerDay(id string) float64 {
	for _, paid := range c.AllowPaid {
		if paid.ID == id {
			return paid.USDPerDay
		}
	}
	return 0
}

// isTask says whether X-Freefall-Task can name this.
func isTask(task string) bool {
	return isName(task) && len(task) <= 32 && task == strings.ToLower(task)
}

// chains checks that each pattern can mean something.
func (r *resolver) chains() {
	for i := range r.c.Chains {
		chain := &r.c.Chains[i]
		path := "chains." + chain.Name
		if chain.Name == "auto" {
			r.wrong(path, "freefall/auto is the whole chain: give this one another name")
		}
		if len(chain.Models) == 0 {
			r.wrong(path, `chain %s wants models, as in models: ["deepseek/*", "*"]`, chain.Name)
		}
		match := chain.Match
		for key, need := range map[string]*bool{"tools": match.Tools, "vision": match.Vision, "json_schema": match.JSONSchema,
			"images": match.Images, "json": match.JSON} {
			if need != nil && !*need {
				r.wrong(path+".match."+key, "match names what a request needs: remove %s: false", key)
			}
		}
		if match.Task != "" && !isTask(match.Task) {
			r.wrong(path+".match.task", "a task is named in at most 32 small letters, digits, - and _, not %s", r.markOf(path+".match.task").show(match.Task))
		}
		chain.withDefaults()
		for i, pattern := range chain.Models {
			if !IsID(strings.ReplaceAll(pattern, "*", "a")) {
				r.wrong(fmt.Sprintf("%s.models[%d]", path, i), "chain %s: %s is no pattern of ids", chain.Name, quote(pattern))
			}
		}
	}
}
