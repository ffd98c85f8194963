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

// readText reads the string that begins at this place, measures it, and gives the place behind it, -1 when it is none.
func (s *scanner) readText(from int) (t text, end int) {
	b, start := s.body, from+1
	i := skipPlain(b, start)
	if i < len(b) && b[i] == '"' {
		s.size = textSize{ascii: i - start}
		return text{raw: b[start:i]}, i + 1
	}
	return s.readOdd(start, i)
}

// readOdd reads a string on from its first byte that is not plain, at i.
func (s *scanner) readOdd(start, i int) (t text, end int) {
	b := s.body
	odd := 0 // bytes of raw that are not one plain character each
	s.size = textSize{}
	for ; i < len(b); i = skipPlain(b, i) {
		switch c := b[i]; {
		case c == '"':
			t.raw = b[start:i]
			s.size.ascii += len(t.raw) - odd
			return t, i + 1
		case c == '\\' && i+1 < len(b) && isEscape[b[i+1]]:
			t.escaped = true
			odd++ // of two bytes
			i += 2
		case c == '\\':
			r, ok := hexEscape(b[i:])
			if !ok {
				s.fail(i, "an escape that JSON does not have")
				return t, -1
			}
			t.escaped = true
			s.size.addRune(r)
			odd += 6
			i += 6
		case c < ' ':
			s.fail(i, "a control character inside a string; escape it")
			return t, -1
		default:
			n := runLength(b[i:])
			if n == 0 {
				s.fail(i, "not valid UTF-8")
				return t, -1
			}
			s.size.wide += n
			odd += n
			i += n
		}
	}
	s.fail(len(b), "the body ends inside a string")
	return t, -1
}

// isEscape are the bytes that stand for one character behind a backslash.
var isEscape = [256]bool{'"': true, '\\': true, '/': true, 'b': true, 'f': true, 'n': true, 'r': true, 't': true}

// hexEscape reads one \uXXXX.
func hexEscape(b []byte) (r rune, ok bool) {
	if len(b) < 6 || b[1] != 'u' {
		return 0, false
	}
	return hex4(b[2:])
}

// skipPlain gives the index at or after i of the first byte that is not a plain ASCII character of a string: a quote, a
// backslash, a control character, a byte beyond ASCII. It looks at eight bytes at a time, and does not ask for the end of the body
// before each of them.
func skipPlain(b []byte, i int) int {
	for ; i+32 <= len(b); i += 32 {
		w := (*[32]byte)(b[i:])
		if odd := oddBytes(w[:8]); odd != 0 {
			return i + bits.TrailingZeros64(odd)/8
		}
		if odd := oddBytes(w[8:16]); odd != 0 {
			return i + 8 + bits.TrailingZeros64(odd)/8
		}
		if odd := oddBytes(w[16:24]); odd != 0 {
			return i + 16 + bits.TrailingZeros64(odd)/8
		}
		if odd := oddBytes(w[24:]); odd != 0 {
			return i + 24 + bits.TrailingZeros64(odd)/8
		}
	}
	for ; i+8 <= len(b); i += 8 {
		if odd := oddBytes(b[i:]); odd != 0 {
			return i + bits.TrailingZeros64(odd)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return i
		}
	}
	return i
}

// oddBytes marks in the first eight bytes of b, by their high bits, which are not plain. A byte that is marked may spoil the marks
// behind it by borrowing from them, never those before it.
func oddBytes(b []byte) uint64 {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	x := binary.LittleEndian.Uint64(b)
	low := x ^ ones*2 - ones*('"'^2+1) // with this bit turned the quote is what follows the control characters
	slash := x ^ ones*'\\' - ones
	return (x | low | slash) & high
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

// isCommon says whether b begins with a character of three bytes, as nearly all of Korean, Chinese and Japanese are. Two of the
// first bytes do not go with each second one: the rest would be too long a form, or half a pair.
func isCommon(b []byte) bool {
	return len(b) >= 3 && b[0]&0xF0 == 0xE0 && b[1]&0xC0 == 0x80 && b[2]&0xC0 == 0x80 &&
		(b[0] != 0xE0 || b[1] >= 0xA0) && (b[0] != 0xED || b[1] < 0xA0)
}

// is says whether the text reads as word.
func (t *text) is(word string) bool {
	if t.escaped {
		return t.unescapesTo(word)
	}
	return string(t.raw) == word
}

//go:noinline
func (t *text) unescapesTo(word string) bool {
	var buf [128]byte
	return len(t.raw) <= len(buf) && string(t.appendTo(buf[:0])) == word
}

// namesFile says whether an image or a file stands behind this key.
func (t *text) namesFile() bool {
	return len(t.raw) >= 4 && t.is("data") || t.is("file_data")
}

// isFile says whether the text itself is one.
func (t *text) isFile() bool { return len(t.raw) >= 5 && string(t.raw[:5]) == "data:" }

func (t text) String() string {
	if !t.escaped {
		return string(t.raw)
	}
	return string(t.appendTo(nil))
}

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
