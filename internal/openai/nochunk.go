package openai

import (
	"bytes"
	"time"
)

// What stands in a stream and is no chunk is an error if it says so. Else it is passed over where the standard wants that, and one broken
// line is forgiven.

// stray finds the error that a provider wrote into its stream without making an event of it. Nothing else of that kind is read.
func (s *ChatStream) stray(dst, line []byte, now time.Time) []byte {
	dst, _ = s.failAsTold(dst, line, now)
	return dst
}

// unread takes an event that is no chunk: an error in a list, or several events between which the blank line is missing.
func (s *ChatStream) unread(dst []byte, ev Event, now time.Time) []byte {
	if out, isError := s.failAsTold(dst, ev.Data, now); isError {
		return out
	}
	if !severalChunks(ev.Data) {
		return s.malformed(dst)
	}
	for line := range bytes.SplitSeq(ev.Data, []byte{'\n'}) {
		dst, _ = s.Event(dst, Event{Data: line}, now)
	}
	return dst
}

// severalChunks says whether one of several lines is a chunk by itself.
func severalChunks(data []byte) bool {
	if bytes.IndexByte(data, '\n') < 0 {
		return false
	}
	for line := range bytes.SplitSeq(data, []byte{'\n'}) {
		if c, ok := readChunk(line); ok && c.choices >= 0 {
			return true
		}
	}
	return false
}

// malformed forgives one line that is no chunk, once the client has content.
func (s *ChatStream) malformed(dst []byte) []byte {
	if s.state == Content && !s.forgiven {
		s.forgiven = true
		return dst
	}
	return s.fail(dst, streamFault("the stream holds a line that is not a JSON chunk"))
}
