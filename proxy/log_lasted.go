package proxy

import (
	"strconv"
	"time"

	"github.com/rs/zerolog"
)

// lasted adds a duration in milliseconds to a line, digit by digit what zerolog's Dur does: that goes by way of floating point, which takes as
// long as four other fields.
func lasted(e *zerolog.Event, name string, d time.Duration) *zerolog.Event {
	var room [32]byte
	return e.RawJSON(name, appendMillis(room[:0], d))
}

func appendMillis(b []byte, d time.Duration) []byte {
	if d < 0 {
		return strconv.AppendFloat(b, float64(d)/float64(time.Millisecond), 'f', -1, 64) // the clock was put back
	}
	b = strconv.AppendInt(b, int64(d/time.Millisecond), 10)
	if rest := int64(d % time.Millisecond); rest > 0 {
		b = append(b, '.')
		for digit := int64(time.Millisecond / 10); rest > 0; digit /= 10 {
			b = append(b, byte('0'+rest/digit))
			rest %= digit
		}
	}
	return b
}
