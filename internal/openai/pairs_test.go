package openai

import (
	"slices"
	"strings"
	"testing"
)

// Whatever is looked for is found where it stands, the star of a phrase included.
func TestPairsRuleOutNothingThatIsThere(t *testing.T) {
	rows := slices.Concat(anyStatus, badRequests, refusals, absences, failures, closures)
	phrases := slices.Concat(busyWords, tooLargeWords, upstreamWords, payWords, freeShareWords, invalidWords, complaints, unknownWords, valueWords, onlyDefault, waitWords)
	for _, r := range rows {
		phrases = append(phrases, r.phrases...)
	}
	for _, named := range slices.Concat(windowWords, foreignWindows) {
		for _, text := range []string{named.word, strings.ReplaceAll(named.word, " ", "_")} {
			if !heard(text).pairs.may(named.word) {
				t.Errorf("%q is ruled out in %q", named.word, text)
			}
		}
	}
	for _, phrase := range phrases {
		for _, text := range []string{phrase, "So: " + phrase + "!", strings.ToUpper(phrase)} {
			w := &voice{text: strings.ReplaceAll(text, "*", " other words ")}
			w.lower = lowerASCII(w.text)
			w.pairs.add(w.lower)
			if containsPhrase(w.lower, phrase) && !w.has([]string{phrase}) {
				t.Errorf("%q is not found in %q", phrase, w.text)
			}
		}
	}
	if heard("Rate limit exceeded").has([]string{"rate limit*per day"}) {
		t.Error("found what is not there")
	}
}

// A name counts however it is written.
func TestNamesInEscapes(t *testing.T) {
	plain := `{"error":{"message":"Too many","metadata":{"limit_source":"openrouter_in_flight"}}}`
	for _, body := range []string{plain, strings.Replace(plain, `"metadata"`, `"\u006detadat\u0061"`, 1), strings.Replace(plain, `"error"`, `"\u0065rro\u0072"`, 1)} {
		if got := Classify(DialectOf("openrouter"), 402, nil, []byte(body), noon); got.Class != inFlight.class || got.Target != inFlight.target {
			t.Errorf("%s: %v of %v", body, got.Class, got.Target)
		}
	}
}
