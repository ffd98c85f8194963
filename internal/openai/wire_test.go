package openai

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"freefall/fallback"
)

// sample is one recorded or documented answer of a provider, with the verdict that it deserves.
type sample struct {
	ID         string            `json:"id"`
	Provider   string            `json:"provider"`
	Dialect    string            `json:"dialect"` // where it is not the provider's name
	Status     int               `json:"status"`
	Headers    map[string]string `json:"headers"`
	Body       string            `json:"body"`
	Evidence   string            `json:"evidence"`
	Class      string            `json:"class"`
	Scope      string            `json:"scope"`
	Action     string            `json:"action"`
	CoolTarget string            `json:"cool_target"`
	CoolUntil  string            `json:"cool_until"`
	RetryAfter *float64          `json:"retry_after_s"`
	Now        *time.Time        `json:"now"`
	Feature    string            `json:"feature"`
	Limits     []string          `json:"limits"`
}

func (s *sample) header(name string) string { return s.Headers[name] }

func (s *sample) dialect() *Dialect {
	return DialectOf(cmp.Or(s.Dialect, strings.ReplaceAll(s.Provider, ".", "")))
}

// now is the moment of the answer.
func (s *sample) now() time.Time {
	if s.Now != nil {
		return *s.Now
	}
	return noon
}

func (s *sample) classify() fallback.Outcome {
	return Classify(s.dialect(), s.Status, s.header, []byte(s.Body), s.now())
}

// wrong says what of an outcome is not as the sample demands.
func (s *sample) wrong(o fallback.Outcome) (diffs []string) {
	compare := func(name, got, want string) {
		if got != want {
			diffs = append(diffs, fmt.Sprintf("%s = %s, want %s", name, got, want))
		}
	}
	target := s.CoolTarget
	if target == "key" && o.Target == fallback.TargetPair && s.Provider != "" && dialects[s.Provider] == nil {
		target = "key+model" // a host without a row of its own: a bare 429 rests the pair
	}
	compare("class", o.Class.String(), s.Class)
	compare("scope", o.Scope.String(), s.Scope)
	compare("action", o.Action.String(), s.Action)
	compare("cool_target", o.Target.String(), target)
	compare("cool_until", o.Until.String(), s.CoolUntil)
	switch {
	case s.RetryAfter == nil:
		compare("retry_after", fmt.Sprint(o.Stated, o.RetryAfter), "false 0s")
	case !o.Stated || o.RetryAfter.Seconds() < *s.RetryAfter-1 || o.RetryAfter.Seconds() > *s.RetryAfter+1:
		compare("retry_after", fmt.Sprint(o.Stated, o.RetryAfter), fmt.Sprint(*s.RetryAfter, "s"))
	}
	return diffs
}

func readSamples(t testing.TB) []sample { return samplesIn(t, "testdata/errors.json") }

func samplesIn(t testing.TB, file string) (samples []sample) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &samples); err != nil {
		t.Fatal(err)
	}
	return samples
}

// TestErrorSamples holds the classifier to every sample in every field; with -v it prints right / all by evidence group.
func TestErrorSamples(t *testing.T) {
	groups := []string{"recorded", "documented", "reconstructed", "synthetic", "synthetic-trap"}
	right, all := map[string]int{}, map[string]int{}
	for _, s := range readSamples(t) {
		group, _, _ := strings.Cut(s.Evidence, " ")
		all[group]++
		o := s.classify()
		if diffs := s.wrong(o); len(diffs) > 0 {
			t.Errorf("%s: %s\n\tmessage %q", s.ID, strings.Join(diffs, "; "), o.Message)
			continue
		}
		right[group]++
	}
	total, ok := 0, 0
	for _, g := range groups {
		t.Logf("errors  %-15s %3d / %3d", g, right[g], all[g])
		ok, total = ok+right[g], total+all[g]
	}
	t.Logf("errors  %-15s %3d / %3d", "all", ok, total)
	if total != 115 {
		t.Errorf("%d samples in known evidence groups, want 115", total)
	}
}
