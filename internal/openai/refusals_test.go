package openai

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// readRefusals reads testdata/refusals.json: refusals of more providers than errors.json knows, from public reports and documents,
// labelled before anything had judged them.
func readRefusals(t testing.TB) []sample { return samplesIn(t, "testdata/refusals.json") }

func TestRefusals(t *testing.T) {
	samples := readRefusals(t)
	if len(samples) < 250 {
		t.Fatalf("only %d samples", len(samples))
	}
	right := 0
	for _, s := range samples {
		o, learned := ClassifyAll(s.dialect(), s.Status, s.header, []byte(s.Body), s.now())
		diffs := s.wrong(o)
		if got := o.Feature.String(); got != s.Feature && s.Feature != "" {
			diffs = append(diffs, "feature "+got+", want "+s.Feature)
		}
		var limits []string
		for _, r := range learned {
			limits = append(limits, fmt.Sprintf("%s per %s = %d", r.Unit, r.Per, r.Limit))
		}
		if s.Limits != nil && !slices.Equal(limits, s.Limits) {
			diffs = append(diffs, "limits "+strings.Join(limits, ", ")+", want "+strings.Join(s.Limits, ", "))
		}
		if len(diffs) > 0 {
			t.Errorf("%s: %s\n\tmessage %q", s.ID, strings.Join(diffs, "; "), o.Message)
			continue
		}
		right++
	}
	t.Logf("refusals: %d of %d", right, len(samples))
}
