package openai

import (
	"bytes"
	"errors"
)

const (
	// maxEvent bounds one event. Images and whole files come as one event, so it is generous.
	maxEvent = 8 << 20
	// keptBuffer is how much memory a buffer may keep between its uses.
	keptBuffer = 16 << 10
)

// ErrEventTooLarge says that one event passed the bound; the stream cannot be read on.
var ErrEventTooLarge = errors.New("an event of the stream is larger than 8 MiB")

// Event is one server-sent event. Its fields id and retry are not kept.
type Event struct {
	Data    []byte // the data lines, joined with LF
	Name    []byte // of the event field
	Comment bool   // there is no data line: comments, or fields alone
	Stray   []byte // without a data line, what may be an error all the same: a line of JSON, or a field called error
}

// Scanner cuts an event stream into events as the WHATWG describes them, from bytes that are pushed in as they come.
// It starts no goroutine and holds only the bytes of an event that began in an earlier Feed. The zero value is ready.
//
//	s.Feed(p)
//	for ev, ok := s.Next(); ok; ev, ok = s.Next() { ... }
type Scanner struct {
	in []byte // what was fed
	at int    // where the event that is being read begins in it
	lf int    // the next LF at or behind the current line, -1 when it must be looked for

	carry    []byte // the begun event, as far as it came in earlier feeds
	lineOpen bool   // carry ends inside a line
	hasCR    bool   // a line of the event ended in CR or CRLF
	halfCRLF bool   // the last feed ended with a CR: a LF that follows belongs to it
	begun    bool   // a byte order mark can no longer come

	joined []byte // several data lines
	err    error
}

// Feed gives the scanner the next bytes. They must stay as they are until Next has returned false.
func (s *Scanner) Feed(p []byte) {
	if s.halfCRLF && len(p) > 0 {
		s.halfCRLF = false
		if p[0] == '\n' {
			p = p[1:]
		}
	}
	s.in, s.at, s.lf = p, 0, -1
	if len(s.carry) == 0 {
		s.carry = emptied(s.carry)
	}
	s.joined = emptied(s.joined)
}

// Next gives the next whole event. The event is valid until the next call of any method.
func (s *Scanner) Next() (Event, bool) {
	for {
		raw, ok := s.cut()
		if !ok {
			return Event{}, false
		}
		ev, ok := s.parse(raw)
		s.hasCR = false
		if ok {
			return ev, true
		}
	}
}

// End says that no more bytes come. What is left of a begun event is dropped, as the standard wants it, but for the
// `data: [DONE]` of a provider that does not end its last line, and for what may be an error.
func (s *Scanner) End() (Event, bool) {
	s.hasCR = true // the scan has not seen the last line whole
	ev, ok := s.parse(s.carry)
	s.carry = nil
	if ok && !isDone(ev.Data) {
		if bytes.HasPrefix(ev.Data, []byte("{")) || bytes.HasPrefix(ev.Data, []byte("[{")) {
			ev.Stray = ev.Data
		}
		ev = Event{Comment: true, Stray: ev.Stray}
		ok = ev.Stray != nil
	}
	return ev, ok
}

// Pending is how many bytes of an unfinished event are held.
func (s *Scanner) Pending() int { return len(s.carry) }

// Err says why Next gives no more events although bytes came: ErrEventTooLarge.
func (s *Scanner) Err() error { return s.err }

// Reset makes the scanner ready for another stream. It keeps its memory.
func (s *Scanner) Reset() {
	*s = Scanner{carry: emptied(s.carry), joined: emptied(s.joined)}
}

// cut gives the bytes of the next event with the blank line that ends it. When they are not all there it keeps what is.
func (s *Scanner) cut() ([]byte, bool) {
	pos := s.at
	for s.err == nil {
		end, next := s.lineEnd(pos)
		if end < 0 {
			s.keep(pos < len(s.in))
			break
		}
		blank := end == pos && !s.lineOpen
		s.lineOpen = false
		pos = next
		if blank {
			return s.take(next), true
		}
	}
	return nil, false
}

// lineEnd gives where the line at pos ends and where the next one begins; end is -1 when the line is not whole.
func (s *Scanner) lineEnd(pos int) (end, next int) {
	if s.lf < pos {
		s.lf = len(s.in)
		if i := bytes.IndexByte(s.in[pos:], '\n'); i >= 0 {
			s.lf = pos + i
		}
	}
	if i := bytes.IndexByte(s.in[pos:s.lf], '\r'); i >= 0 {
		end = pos + i
		s.hasCR = true
		switch {
		case end+1 == len(s.in):
			s.halfCRLF = true
		case end+1 == s.lf:
			return end, end + 2
		}
		return end, end + 1
	}
	if s.lf == len(s.in) {
		return -1, 0
	}
	return s.lf, s.lf + 1
}

// take ends the event before next.
func (s *Scanner) take(next int) []byte {
	raw := s.in[s.at:next]
	s.at = next
	if len(s.carry) > 0 {
		raw = append(s.carry, raw...)
		s.carry = raw[:0]
	}
	return raw
}

// keep holds what came of an event that is not whole.
func (s *Scanner) keep(lineOpen bool) {
	rest := s.in[s.at:]
	s.in, s.at, s.lf = nil, 0, -1
	if len(s.carry)+len(rest) > maxEvent {
		s.err = ErrEventTooLarge
		s.carry = nil
		return
	}
	s.carry = append(s.carry, rest...)
	s.lineOpen = s.lineOpen || lineOpen
}

// parse reads the lines of one event. A block of blank lines is none.
func (s *Scanner) parse(raw []byte) (ev Event, ok bool) {
	if !s.begun {
		s.begun = true
		raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	}
	s.joined = s.joined[:0]
	data := 0
	for len(raw) > 0 {
		var line []byte
		line, raw = cutLine(raw, s.hasCR)
		if len(line) == 0 {
			continue
		}
		ok = true
		name, value := cutField(line)
		switch string(name) {
		case "event":
			ev.Name = value
		case "data":
			ev.Data = s.join(ev.Data, value, data)
			data++
		case "error":
			ev.Stray = value
		default:
			if line[0] == '{' {
				ev.Stray = line
			}
		}
	}
	if ev.Comment = data == 0; !ev.Comment {
		ev.Stray = nil
	}
	return ev, ok
}

// join adds the nth data line to those before it.
func (s *Scanner) join(before, line []byte, nth int) []byte {
	if nth == 0 {
		return line
	}
	if nth == 1 {
		s.joined = append(s.joined, before...)
	}
	s.joined = append(append(s.joined, '\n'), line...)
	return s.joined
}

// cutLine takes the first line. It looks at each byte once, whatever ends the lines.
func cutLine(b []byte, hasCR bool) (line, rest []byte) {
	if !hasCR {
		line, rest, _ = bytes.Cut(b, []byte{'\n'})
		return line, rest
	}
	i := bytes.IndexAny(b, "\r\n")
	switch {
	case i < 0:
		return b, nil
	case b[i] == '\r' && i+1 < len(b) && b[i+1] == '\n':
		return b[:i], b[i+2:]
	}
	return b[:i], b[i+1:]
}

// cutField parts a line at its colon and the blank that may follow it. A comment has an empty name.
func cutField(line []byte) (name, value []byte) {
	name, value, _ = bytes.Cut(line, []byte{':'})
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	return name, value
}

// emptied gives a buffer to use again, none for one that has grown large.
func emptied(buf []byte) []byte {
	if cap(buf) > keptBuffer {
		return nil
	}
	return buf[:0]
}

// isDone says whether data is the mark that ends a chat stream.
func isDone(data []byte) bool { return string(bytes.Trim(data, " \t\n")) == "[DONE]" }
