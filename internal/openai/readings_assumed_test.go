package openai

import (
	"testing"
	"time"
)

// A length that no field names is told to be assumed, so that what is known better stands above it.
func TestAssumedLengthIsTold(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		unit, dialect string
		assumed       bool
	}{{"requests", "", true}, {"tokens", "", true}, {"requests-minute", "", false}, {"requests", "groq", false}} {
		h := head("x-ratelimit-limit-" + tt.unit + ": 30\nx-ratelimit-remaining-" + tt.unit + ": 7\nx-ratelimit-reset-" + tt.unit + ": 5s")
		if got := Readings(DialectOf(tt.dialect), 200, h, now); len(got) != 1 || got[0].Assumed != tt.assumed {
			t.Errorf("%s of %q: %+v", tt.unit, tt.dialect, got)
		}
	}
}
