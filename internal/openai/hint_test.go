package openai

import (
	"fmt"
	"testing"
	"time"

	"freefall/fallback"
)

// Beside a limit of a day some say a few seconds, which mean nothing. A wait of many minutes is when the day ends, where nobody knows that.
func TestWaitBesideADaysLimit(t *testing.T) {
	for _, tt := range []struct {
		dialect string
		seconds int
		want    fallback.Until
	}{
		{"", 36, fallback.UntilUTCMidnight}, {"", 300, fallback.UntilUTCMidnight}, {"", 301, fallback.UntilRetryAfter}, {"", 2700, fallback.UntilRetryAfter},
		{"", 7200, fallback.UntilRetryAfter}, {"google", 2700, fallback.UntilPacificMidnight}, {"groq", 60, fallback.UntilRetryAfter},
	} {
		h := head(fmt.Sprintf("retry-after: %d", tt.seconds))
		o := Classify(DialectOf(tt.dialect), 429, h, []byte(`{"error":{"message":"limited to 50 requests per day"}}`), time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
		if o.Until != tt.want {
			t.Errorf("%q, %d s: %v, not %v", tt.dialect, tt.seconds, o.Until, tt.want)
		}
	}
}
