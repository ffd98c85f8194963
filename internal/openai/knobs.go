package openai

import (
	"slices"
	"strings"
	"time"
)

// knobs are the keys that a request may go without when a model refuses to know them: they tune how an answer is made, or label
// the request for the provider. A key whose absence would change what is asked for stays, and so does the refusal: the
// messages, tools, formats, how many answers (n) and where they end (stop), what may be kept of them (store).
var knobs = []string{
	"temperature", "top_p", "top_k", "min_p", "top_a", "frequency_penalty", "presence_penalty", "repetition_penalty", "logit_bias",
	"logprobs", "top_logprobs", "seed", "random_seed", "reasoning_effort", "reasoning", "include_reasoning", "thinking", "verbosity",
	"parallel_tool_calls", "stream_options", "usage", "user", "metadata", "safety_identifier", "prompt_cache_key", "service_tier",
	"max_tokens", "max_completion_tokens",
}

// otherName is what else a knob may be called. One that has another name is never left out: without a bound an answer may be
// long, and dear to the quota.
var otherName = map[string]string{"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}

// IsKnob says whether a request may go without a key, or with it under its other name.
func IsKnob(name string) bool { return slices.Contains(knobs, name) }

// IsQuirk says whether a model may refuse it and be asked all the same: a knob, or a habit.
func IsQuirk(name string) bool { return habitOf(name) != nil || IsKnob(name) }

// Without says in a few words what becomes of a knob or habit that a model has refused.
func Without(knob string) string {
	if h := habitOf(knob); h != nil {
		return h.instead
	}
	if other := otherName[knob]; other != "" {
		return "with " + other + " in the place of " + knob
	}
	return "without " + knob
}

// refusalOf is what an answer says about a request that it refuses as such, nil when it says nothing of the kind.
func refusalOf(d *Dialect, status int, header func(name string) string, body []byte) *evidence {
	if status != 400 && status != 422 {
		return nil
	}
	v := gather(d, status, header, body, time.Time{})
	if !v.findError(false) {
		return nil
	}
	v.listen(body)
	return v
}

// RefusedKnob is the knob that a refusal says the model does not know, empty when it is about anything else: a value that is
// too large, a key that goes with another, a place within the messages. One refusal tells of one.
func RefusedKnob(d *Dialect, status int, header func(name string) string, body []byte) string {
	v := refusalOf(d, status, header, body)
	if v == nil {
		return ""
	}
	return v.knob()
}

var (
	unknownCodes = []string{"unsupported_parameter", "unknown_parameter", "extra_forbidden", "unrecognized_parameter"}
	unknownWords = []string{"support", "unknown name", "unknown parameter", "unknown field", "unknown argument", "unrecognized", "not recognized",
		"unexpected", "not permitted", "not allowed", "not available", "not a valid field"}
	// What is refused is a value, or the key together with another.
	valueWords = []string{"must", "less than", "greater than", "at most", "at least", "maximum", "minimum", "between", "out of range", "too large",
		"too small", "too long", "one of", "supported values", " when ", " while ", " unless ", "only supported", "only allowed", "requires", "together with"}
	onlyDefault = []string{"only the default"}
)

// knob finds it: in the field that names the parameter, else by its name in the words of the refusal.
func (v *evidence) knob() string {
	typed := v.own.hasCode(unknownCodes)
	if IsKnob(v.param) {
		if w := &v.own; typed || w.refusesKey(w.lower) || w.has(onlyDefault) {
			return v.param
		}
		return ""
	}
	if v.param != "" {
		return ""
	}
	for _, w := range [...]*voice{&v.own, &v.upstream} {
		for sentence := range strings.SplitSeq(w.lower, ". ") {
			if name := knobIn(sentence); name != "" && (typed || w.refusesKey(sentence)) {
				return name
			}
		}
	}
	return ""
}

// refusesKey says whether a sentence of the voice speaks of a key that is not known, whatever its value.
func (w *voice) refusesKey(sentence string) bool {
	return containsAny(sentence, unknownWords) && (!w.has(valueWords) || w.has(onlyDefault))
}

// knobIn is the knob that a sentence names first, be it in quotes, by a name that is no other word, or after the words that
// introduce it. What stands "at" somewhere is a key of the same name further inside.
func knobIn(sentence string) (name string) {
	first := len(sentence)
	for _, knob := range knobs {
		i := indexWord(sentence, knob)
		if i < 0 || i >= first {
			continue
		}
		behind := strings.TrimLeft(sentence[i+len(knob):], "\"'`")
		if strings.HasPrefix(behind, " at ") || strings.HasPrefix(behind, ".") && len(behind) > 1 || strings.HasPrefix(behind, "[") {
			continue
		}
		quoted := i > 0 && strings.IndexByte("\"'`", sentence[i-1]) >= 0
		if quoted || strings.Contains(knob, "_") || strings.HasSuffix(sentence[:i], ": ") {
			name, first = knob, i
		}
	}
	return name
}

// Carries says whether a body goes up with that key under those edits, be it the client's or the dialect's.
func (r *Request) Carries(name string, e Edits) bool {
	if h := habitOf(name); h != nil {
		return h.in(r)
	}
	key, ok := chatKeys[name]
	switch {
	case !ok:
		return false
	case name == "stream_options" && e.IncludeUsage && r.Stream:
		return true
	}
	carried := r.seen.has(key) && !slices.Contains(e.Drop, name)
	for _, names := range e.Rename {
		switch name {
		case names[0]:
			carried = false
		case names[1]:
			carried = carried || r.seen.has(chatKeys[names[0]])
		}
	}
	for _, pair := range e.WithTools {
		carried = carried || pair[0] == name && r.seen.has(chatKeys["tools"])
	}
	return carried
}

// leaveOut does without a refused knob, or gives it its other name unless that was refused as well.
func (ed *editor) leaveOut(name string, refused []string) {
	if h := habitOf(name); h != nil {
		h.undo(ed)
		return
	}
	switch other := otherName[name]; {
	case !IsKnob(name):
	case other == "":
		ed.remove(name)
	case !slices.Contains(refused, other):
		ed.rename(name, other)
	}
}
