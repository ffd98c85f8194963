package proxy

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// Who reads the log sees no difference.
func TestADurationIsWrittenAsZerologWritesIt(t *testing.T) {
	durations := []time.Duration{0, 1, 10, 999_999, time.Millisecond, time.Millisecond + 1, 90 * time.Second, 24 * time.Hour, -1, -1500 * time.Microsecond}
	for range 2000 {
		durations = append(durations, time.Duration(rand.Int64N(1<<rand.IntN(47)+1)))
	}
	for _, d := range durations {
		var want, got bytes.Buffer
		log := zerolog.New(&want)
		log.Info().Dur("took", d).Int("n", 1).Send()
		log = zerolog.New(&got)
		lasted(log.Info(), "took", d).Int("n", 1).Send()
		if got.String() != want.String() {
			t.Fatalf("%d: %s, not %s", d, got.Bytes(), want.Bytes())
		}
	}
}
