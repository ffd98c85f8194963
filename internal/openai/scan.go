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

	looks  int      // how many containers deep somebody looks; 0 = at everything. What lies deeper is checked and weighed, not shown
	unseen textSize // of the texts that were not shown, but for files

	// The value that next has found. Of an object or array this is its opening byte; what it holds comes next.
	depth    int      // containers around it: 1 for a member of the top-level object
	key      text     // its key; empty in an array
	kind     byte     // its first byte; '0' for every number
	str      text     // of a string
	size     textSize // of a string
	from, to int      // its range in body
	began    int      // where its key begins; of an element, the element itself
}

// next finds the next value that is to be shown and says whether there is one. The place where it reads stays in a variable of
// its own until then: through memory each step would wait for the one before.
func (s *scanner) next() bool {
	if s.at == 0 && !s.begin() {
		return false
	}
	if s.looks > 0 && s.nest > s.looks && !s.pass() {
		return false
	}
	b := s.body
	i, c := token(b, s.at)
	for c == s.closers[s.nest] {
		s.nest--
		s.fresh = false
		if s.nest == 0 {
			return s.end(i + 1)
		}
		i, c = token(b, i+1)
	}
	if !s.fresh {
		if c != ',' {
			return s.unexpected(i, wantsComma)
		}
		i, c = token(b, i+1)
	}
	s.fresh = false
	began := i
	var key text
	if s.closers[s.nest] == '}' {
		if c != '"' {
			return s.unexpected(i, wantsKey)
		}
		if key, i = s.readText(i); i < 0 {
			return false
		}
		if i, c = token(b, i); c != ':' {
			return s.unexpected(i, wantsColon)
		}
		i, c = token(b, i+1)
	}
	s.key, s.depth, s.began, s.from, s.at = key, s.nest, began, i, i
	return s.readValue(c)
}

const (
	wantsComma = "a comma or the end of the object or array"
	wantsKey   = "a key in double quotes"
	wantsColon = "a colon after the key"
)

// token gives the first byte at or after i that is no white space, and its place; 0 at the end, which is no part of JSON.
func token(b []byte, i int) (int, byte) {
	for i < len(b) {
		if c := b[i]; c > ' ' || !isBlank[c] {
			return i, c
		}
		i++
	}
	return i, 0
}

var isBlank = [256]bool{' ': true, '\t': true, '\n': true, '\r': true}

// begin enters the top-level object.
func (s *scanner) begin() bool {
	if bytes.HasPrefix(s.body, []byte("\xef\xbb\xbf")) {
		return s.fail(0, "the body begins with a byte order mark; send UTF-8 without one")
	}
	if s.peek() != '{' {
		return s.unexpected(s.at, "a JSON object")
	}
	s.start = s.at
	return s.open('{')
}

// end checks that nothing follows the top-level object. There is no next value in any case.
func (s *scanner) end(at int) bool {
	if s.at, _ = token(s.body, at); s.at < len(s.body) {
		return s.fail(s.at, "something follows the JSON object; send one object and nothing else")
	}
	return false
}

// peek skips white space and gives what follows it, 0 at the end of the body.
func (s *scanner) peek() (c byte) {
	s.at, c = token(s.body, s.at)
	return c
}

// empty says whether the container that was just found holds nothing.
func (s *scanner) empty() bool { return s.peek() == s.closers[s.nest] }

// readValue reads the value that begins here with c.
func (s *scanner) readValue(c byte) (ok bool) {
	s.kind = c
	switch c {
	case '"':
		s.str, s.at = s.readText(s.at)
		ok = s.at >= 0
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
		return s.tooDeep(s.at)
	}
	s.at++
	s.nest++
	s.closers[s.nest] = c + 2 // in ASCII '}' is '{'+2 and ']' is '['+2
	s.fresh = true
	return true
}

func (s *scanner) tooDeep(at int) bool {
	return s.fail(at, fmt.Sprintf("objects and arrays are nested more than %d deep", maxDepth))
}

func (s *scanner) readWord(word string) bool {
	if rest := s.body[s.at:]; len(rest) < len(word) || string(rest[:len(word)]) != word {
		return s.unexpected(s.at, "a value")
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
		return s.unexpected(s.at, "a value")
	}
	if s.at < len(s.body) && s.body[s.at] == '.' {
		s.at++
		if !s.readDigits() {
			return s.unexpected(s.at, "a digit after the decimal point")
		}
	}
	if s.at < len(s.body) && s.body[s.at]|0x20 == 'e' {
		s.at++
		if s.at < len(s.body) && (s.body[s.at] == '+' || s.body[s.at] == '-') {
			s.at++
		}
		if !s.readDigits() {
			return s.unexpected(s.at, "a digit in the exponent")
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

func (s *scanner) unexpected(at int, want string) bool {
	if at == len(s.body) {
		return s.fail(at, "the body ends where "+want+" should be")
	}
	return s.fail(at, fmt.Sprintf("%q where %s should be", s.body[at:at+1], want))
}

// fail ends the scan with what is wrong at that byte.
func (s *scanner) fail(at int, what string) bool {
	line := 1 + bytes.Count(s.body[:at], []byte{'\n'})
	column := at - bytes.LastIndexByte(s.body[:at], '\n')
	s.err = refuse("invalid_json", "", fmt.Sprintf("invalid JSON in the request body, line %d, column %d (byte %d): %s", line, column, at, what))
	return false
}
