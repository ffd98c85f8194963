package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"
)

func TestAppendStamp(t *testing.T) {
	nepal := time.FixedZone("", 5*3600+45*60)
	for _, at := range []time.Time{
		time.Date(2026, 11, 23, 9, 8, 7, 6e6, time.UTC),
		time.Date(2026, 11, 23, 9, 8, 7, 999_999_999, time.UTC),
		time.Date(2026, 1, 2, 23, 59, 59, 0, nepal),
		time.Date(2026, 12, 31, 0, 0, 0, 120e6, time.FixedZone("", -3*3600)),
	} {
		if got, want := string(appendStamp([]byte("x "), at)), "x "+at.Format(stampLayout); got != want {
			t.Errorf("%q instead of %q", got, want)
		}
	}
}

func TestStampOfALine(t *testing.T) {
	var out bytes.Buffer
	log := zerolog.New(&out).Hook(stamp{})
	log.Info().Msg("hello")
	if at, err := time.Parse(stampLayout, gjson.Get(out.String(), "time").Str); err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("%q: %v", out.String(), err)
	}
}

func BenchmarkStamp(b *testing.B) {
	now := time.Now()
	var room [64]byte
	for b.Loop() {
		appendStamp(room[:0], now)
	}
}
