package openai

import (
	"bytes"
	"fmt"
)

// maxDepth bounds the nesting of a body. The scanner does not recurse, but whoever reads the body after it may.
const maxDepth = 128

// scanner reads a JSON object once, front to back, value by value, and checks the whole of it on the way: JSON as
// encoding/json sees it, and beyond that valid UTF-8, no byte order mark, bounded depth.
//
//	for s.next() { ... }
//	if s.err != nil { ... } // only now is the rest of the body known to be good
//
// It allocates nothing.
type scanner struct {
	body []byte
	at   int // the next byte to read
	err  *Error

	nest    int                // containers that are open
	closers [maxDepth + 1]byte // closers[n] ends the container at nesting n
	fresh   bool               // a container was just opened: no comma comes before the next value
	start   int                // of the top-level object

	// The value that next has found. Of an object or array this is its opening byte; what it holds comes next.
	depth    int      // containers around it: 1 for a member of the top-level object
	key      text     // its key; empty in an array
	kind     byte     // its first byte; '0' for every number
	str      text     // of a string
	size     textSize // of a string
	from, to int      // its range in body
}

// next finds the next value and says whether there is one.
func (s *scanner) next() bool {
	if s.at == 0 && !s.begin() {
		return false
	}
	c := s.peek()
	for c == s.closers[s.nest] {
		s.at++
		s.nest--
		s.fresh = false
		if s.nest == 0 {
			return s.end()
		}
		c = s.peek()
	}
	if !s.fresh {
		if c != ',' {
			return s.unexpected("a comma or the end of the object or array")
		}
		s.at++
		c = s.peek()
	}
	s.fresh = false
	s.key = text{}
	if s.closers[s.nest] == '}' {
		if !s.readKey(c) {
			return false
		}
		c = s.peek()
	}
	s.depth = s.nest
	return s.readValue(c)
}

// begin enters the top-level object.
func (s *scanner) begin() bool {
	if bytes.HasPrefix(s.body, []byte("\xef\xbb\xbf")) {
		return s.fail(0, "the body begins with a byte order mark; send UTF-8 without one")
	}
	if c := s.peek(); c != '{' {
		return s.unexpected("a JSON object")
	}
	s.start = s.at
	return s.open('{')
}

// end checks that nothing follows the top-level object. There is no next value in any case.
func (s *scanner) end() bool {
	if s.peek(); s.at < len(s.body) {
		return s.fail(s.at, "something follows the JSON object; send one object and nothing else")
	}
	return false
}

// peek skips white space. At the end of the body it gives 0.
func (s *scanner) peek() byte {
	for ; s.at < len(s.body); s.at++ {
		switch c := s.body[s.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// empty says whether the container that was just found holds nothing.
func (s *scanner) empty() bool { return s.peek() == s.closers[s.nest] }

func (s *scanner) readKey(c byte) bool {
	if c != '"' {
		return s.unexpected("a key in double quotes")
	}
	var ok bool
	if s.key, ok = s.readText(); !ok {
		return false
	}
	if s.peek() != ':' {
		return s.unexpected("a colon after the key")
	}
	s.at++
	return true
}

func (s *scanner) readValue(c byte) (ok bool) {
	s.from, s.kind = s.at, c
	switch c {
	case '"':
		s.str, ok = s.readText()
	case '{', '[':
		ok = s.open(c)
	case 't':
		ok = s.readWord("true")
	case 'f':
		ok = s.readWord("false")
	case 'n':
		ok = s.readWord("null")
	default:
		s.kind = '0'
		ok = s.readNumber()
	}
	s.to = s.at
	return ok
}

// open enters the object or array that begins here.
func (s *scanner) open(c byte) bool {
	if s.nest == maxDepth {
		return s.fail(s.at, fmt.Sprintf("objects and arrays are nested more than %d deep", maxDepth))
	}
	s.at++
	s.nest++
	s.closers[s.nest] = c + 2 // in ASCII '}' is '{'+2 and ']' is '['+2
	s.fresh = true
	return true
}

func (s *scanner) readWord(word string) bool {
	if rest := s.body[s.at:]; len(rest) < len(word) || string(rest[:len(word)]) != word {
		return s.unexpected("a value")
	}
	s.at += len(word)
	return true
}

func (s *scanner) readNumber() bool {
	if s.at < len(s.body) && s.body[s.at] == '-' {
		s.at++
	}
	if s.at < len(s.body) && s.body[s.at] == '0' {
		s.at++
	} else if !s.readDigits() {
		return s.unexpected("a value")
	}
	if s.at < len(s.body) && s.body[s.at] == '.' {
		s.at++
		if !s.readDigits() {
			return s.unexpected("a digit after the decimal point")
		}
	}
	if s.at < len(s.body) && s.body[s.at]|0x20 == 'e' {
		s.at++
		if s.at < len(s.body) && (s.body[s.at] == '+' || s.body[s.at] == '-') {
			s.at++
		}
		if !s.readDigits() {
			return s.unexpected("a digit in the exponent")
		}
	}
	return true
}

// readDigits passes over digits and says whether there was one.
func (s *scanner) readDigits() bool {
	from := s.at
	for s.at < len(s.body) && '0' <= s.body[s.at] && s.body[s.at] <= '9' {
		s.at++
	}
	return s.at > from
}

func (s *scanner) unexpected(want string) bool {
	if s.at == len(s.body) {
		return s.fail(s.at, "the body ends where "+want+" should be")
	}
	return s.fail(s.at, fmt.Sprintf("%q where %s should be", s.body[s.at:s.at+1], want))
}

// fail ends the scan with what is wrong at that byte.
func (s *scanner) fail(at int, what string) bool {
	line := 1 + bytes.Count(s.body[:at], []byte{'\n'})
	column := at - bytes.LastIndexByte(s.body[:at], '\n')
	s.err = refuse("invalid_json", "", fmt.Sprintf("invalid JSON in the request body, line %d, column %d (byte %d): %s", line, column, at, what))
	return false
}
