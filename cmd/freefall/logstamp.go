package main

import (
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

const stampLayout = "2006-01-02T15:04:05.000Z07:00"

// stamp gives a line its time. zerolog can do so too, but reads the layout anew for each line, which costs more than all its other fields. The
// text of a second is made once.
type stamp struct{}

func (stamp) Run(e *zerolog.Event, _ zerolog.Level, _ string) {
	var room [len(stampLayout) + len(`"+07:00"`)]byte
	e.RawJSON(zerolog.TimestampFieldName, append(appendStamp(append(room[:0], '"'), time.Now()), '"'))
}

// appendStamp appends a time as stampLayout does: the standard library has a short way for whole seconds only.
func appendStamp(b []byte, t time.Time) []byte {
	const seconds = len("2006-01-02T15:04:05")
	s := secondOf(t)
	ms := t.Nanosecond() / int(time.Millisecond)
	b = append(append(b, s.text[:seconds]...), '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
	return append(b, s.text[seconds:]...)
}

// second is one of the clock, in words.
type second struct {
	unix int64
	zone *time.Location
	text string
}

var lastSecond atomic.Pointer[second]

func secondOf(t time.Time) *second {
	s := lastSecond.Load()
	if s == nil || s.unix != t.Unix() || s.zone != t.Location() {
		s = &second{t.Unix(), t.Location(), t.Format(time.RFC3339)}
		lastSecond.Store(s)
	}
	return s
}
