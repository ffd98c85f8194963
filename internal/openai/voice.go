package openai

import (
	"strings"

	"github.com/tidwall/gjson"
)

// voice is one speaker: typed words and a text. What the upstream behind a provider says of keys, money and limits
// concerns the provider's account there, not ours.
type voice struct {
	codes []string // lower case
	text  string   // one or more sentences, the client's own words hidden
	lower string   // the same, ASCII letters in lower case
	pairs pairs    // of lower, and of lower with blanks for what joins the words of a name
}

func (w *voice) code(r gjson.Result) {
	if s := scalar(r); s != "" && len(s) <= 100 && len(w.codes) < 32 {
		w.codes = append(w.codes, lowerASCII(s))
	}
}

func (w *voice) say(s string) {
	s = s[:min(len(s), maxText-min(len(w.text), maxText))]
	if s = strings.TrimSpace(s); s != "" && !strings.Contains(w.text, s) {
		w.text = joinSentences(w.text, s)
	}
}

// finish hides the client's words and makes the text ready to be searched.
func (w *voice) finish() {
	w.text = hideEchoes(w.text)
	w.lower = lowerASCII(w.text)
	w.pairs.add(w.lower)
	if strings.Contains(w.lower, "_") {
		w.pairs.add(unjoined(w.lower))
	}
}

// unjoined parts the words of names: "requests_per_minute_per_project".
func unjoined(text string) string { return strings.ReplaceAll(text, "_", " ") }

func (w *voice) has(phrases []string) bool {
	for _, p := range phrases {
		if w.pairs.may(p) && containsPhrase(w.lower, p) {
			return true
		}
	}
	return false
}

// hasCode says whether one of the typed words is one of these. Before a star another word may stand.
func (w *voice) hasCode(codes []string) bool {
	for _, code := range w.codes {
		for _, c := range codes {
			if tail, any := strings.CutPrefix(c, "*"); c == code || any && strings.HasSuffix(code, tail) {
				return true
			}
		}
	}
	return false
}

func joinSentences(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return a + ": " + b
}
