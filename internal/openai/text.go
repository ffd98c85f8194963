package openai

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// text is a JSON string as it stands in the body: the bytes between its quotes.
type text struct {
	raw     []byte
	escaped bool // raw holds a backslash
}

// readText reads the string that begins here, and measures it.
func (s *scanner) readText() (t text, ok bool) {
	start := s.at + 1
	odd := 0 // bytes of raw that are not one plain character each
	s.size = textSize{}
	for i := start; ; {
		i = skipPlain(s.body, i)
		if i >= len(s.body) {
			return t, s.fail(len(s.body), "the body ends inside a string")
		}
		var n int
		switch c := s.body[i]; {
		case c == '"':
			t.raw = s.body[start:i]
			s.at = i + 1
			s.size.ascii += len(t.raw) - odd
			return t, true
		case c == '\\':
			if n = s.readEscape(i); n == 0 {
				return t, s.fail(i, "an escape that JSON does not have")
			}
			t.escaped = true
		case c < ' ':
			return t, s.fail(i, "a control character inside a string; escape it")
		default:
			if n = runLength(s.body[i:]); n == 0 {
				return t, s.fail(i, "not valid UTF-8")
			}
			s.size.wide += n
		}
		odd += n
		i += n
	}
}

// readEscape gives the length of the escape at i, 0 when it is none.
func (s *scanner) readEscape(i int) int {
	if i+1 == len(s.body) {
		return 0
	}
	switch s.body[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.size.ascii++
		return 2
	case 'u':
		if r, ok := hex4(s.body[i+2:]); ok {
			s.size.addRune(r)
			return 6
		}
	}
	return 0
}

// skipPlain gives the index at or after i of the first byte that is not a plain ASCII character of a string: a quote, a
// backslash, a control character, a byte beyond ASCII. It looks at eight bytes at a time.
func skipPlain(b []byte, i int) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		// A byte that is too small borrows into its high bit. The borrow may spoil bytes behind it, never before.
		control := x - ones*' '
		quote := x ^ ones*'"' - ones
		slash := x ^ ones*'\\' - ones
		if found := (x | control | quote | slash) & high; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return i
		}
	}
	return i
}

// runLength gives how many bytes the characters beyond ASCII at the start of b take, 0 when they are not UTF-8.
func runLength(b []byte) (n int) {
	for n < len(b) && b[n] >= utf8.RuneSelf {
		if isCommon(b[n:]) {
			n += 3
			continue
		}
		r, size := utf8.DecodeRune(b[n:])
		if r == utf8.RuneError && size == 1 {
			return 0
		}
		n += size
	}
	return n
}

// isCommon says whether b begins with a character of U+1000 to U+CFFF, which holds nearly all of Korean, Chinese and
// Japanese: three bytes without any of the exceptions of UTF-8. On such text this saves a third of the scan.
func isCommon(b []byte) bool {
	return len(b) >= 3 && 0xE1 <= b[0] && b[0] <= 0xEC && b[1]&0xC0 == 0x80 && b[2]&0xC0 == 0x80
}

// is says whether the text reads as word.
func (t text) is(word string) bool {
	if !t.escaped {
		return string(t.raw) == word
	}
	var buf [128]byte
	return len(t.raw) <= len(buf) && string(t.appendTo(buf[:0])) == word
}

func (t text) String() string { return string(t.appendTo(nil)) }

// appendTo appends what the text reads as. A lone half of a surrogate pair becomes U+FFFD, as in encoding/json.
func (t text) appendTo(dst []byte) []byte {
	raw := t.raw
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return append(dst, raw...)
		}
		dst = append(dst, raw[:i]...)
		if raw[i+1] != 'u' {
			dst = append(dst, unescaped(raw[i+1]))
			raw = raw[i+2:]
			continue
		}
		r, n := escapedRune(raw[i:])
		dst = utf8.AppendRune(dst, r)
		raw = raw[i+n:]
	}
}

func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// escapedRune reads one \uXXXX or a pair of them, and gives the length.
func escapedRune(raw []byte) (rune, int) {
	r, _ := hex4(raw[2:])
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if bytes.HasPrefix(raw[6:], []byte(`\u`)) {
		low, _ := hex4(raw[8:])
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = (c | 0x20) - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
