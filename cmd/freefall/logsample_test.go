package main

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// Ten lines of a text in a second, then their number; other texts, other seconds and what is no warning are not touched.
func TestStormsAreSummedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out output
		bare := zerolog.New(&out)
		s := &sampler{log: bare}
		log := bare.Hook(s)
		for range 500 {
			log.Warn().Str("request", "x").Msg("Model a failed: cut. Switching from a to b")
			log.Info().Msg("Request")
		}
		for range stormLines {
			log.Error().Msg("Model b failed")
		}
		count := func(text string) int { return strings.Count(out.String(), text) }
		if count("Model a failed") != stormLines || count("Request") != 500 || count("Model b failed") != stormLines {
			t.Errorf("%d %d %d", count("Model a failed"), count("Request"), count("Model b failed"))
		}
		time.Sleep(stormSecond)
		synctest.Wait()
		if want := `{"level":"warn","more":490,"message":"Model a failed: cut. Switching from a to b (and 490 more times within a second)"}`; count(want) != 1 || count("more times") != 1 {
			t.Errorf("the sum: %s", out.String()[strings.LastIndex(out.String()[:len(out.String())-1], "\n")+1:])
		}
		for range 3 {
			log.Warn().Msg("Model a failed: cut. Switching from a to b")
		}
		if count("Model a failed") != stormLines+1+3 {
			t.Error("the next second begins anew")
		}
		time.Sleep(stormSecond)
		for n := range 5 * stormTexts {
			log.Warn().Msg(fmt.Sprint("text ", n))
		}
		if count("text ") != 5*stormTexts || len(s.texts) > stormTexts {
			t.Errorf("%d texts, %d are kept", count("text "), len(s.texts))
		}
		for range 12 {
			log.Warn().Msg("the last one")
		}
		s.flush()
		if count("the last one (and 2 more") != 1 {
			t.Error("the end does not tell the sum")
		}
	})
}

// A line that follows the sums within their second begins another one; a timer that comes too late for its own second leaves the next alone.
func TestASecondMayEndAtAnyTime(t *testing.T) {
	var out output
	bare := zerolog.New(&out)
	s := &sampler{log: bare}
	log := bare.Hook(s)
	for range stormLines + 2 {
		log.Warn().Msg("Model a failed")
	}
	last := s.begun
	s.flush()
	for range stormLines + 3 {
		log.Warn().Msg("Model a failed")
	}
	s.over(last)
	if got := strings.Count(out.String(), "more times"); got != 1 {
		t.Errorf("%d sums before the second one is over", got)
	}
	s.over(s.begun)
	if !strings.Contains(out.String(), "and 2 more times") || !strings.Contains(out.String(), "and 3 more times") {
		t.Errorf("the sums: %s", out.String())
	}
}

func BenchmarkSampler(b *testing.B) {
	bare := zerolog.New(io.Discard)
	log := bare.Hook(&sampler{log: bare})
	b.ReportAllocs()
	for b.Loop() {
		log.Info().Str("request", "x").Msg("Request")
	}
}
