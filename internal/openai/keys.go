package openai

import (
	"fmt"
	"unicode/utf8"
)

// keySet holds the keys of one object that freefall reads, removes or adds. Each may stand there once and in its one
// spelling: of two, one reader takes the first and another the last, and a reader that ignores case takes "Model" for
// "model". What freefall decides on would not be what the upstream does.
type keySet map[string]guardedKey

type guardedKey struct {
	name string
	bit  uint64
}

// seenKeys is a set of guarded keys.
type seenKeys uint64

const maxGuardedKey = 21 // bytes in the longest name

func newKeySet(names ...string) keySet {
	set := make(keySet, len(names))
	for i, name := range names {
		if i >= 64 || len(name) > maxGuardedKey {
			panic("BUG: key set too large at " + name)
		}
		set[name] = guardedKey{name, 1 << i}
	}
	return set
}

// find gives the guarded key that t folds to, and whether it is spelt like that.
func (k keySet) find(t *text) (key guardedKey, exact bool) {
	const longest = maxGuardedKey * len(`\u0000`)
	if len(t.raw) > longest {
		return guardedKey{}, false
	}
	if !t.escaped && isFolded(t.raw) {
		return k[string(t.raw)], true
	}
	var plainBuf, foldedBuf [longest]byte
	plain := t.appendTo(plainBuf[:0])
	folded := appendFolded(foldedBuf[:0], plain)
	key = k[string(folded)]
	return key, string(plain) == key.name
}

// isFolded says whether a key is what it folds to for sure, as nearly all are: small letters, digits, signs.
func isFolded(b []byte) bool {
	for _, c := range b {
		if 'A' <= c && c <= 'Z' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// admit notes the key and refuses what would give the body a second meaning. The name is empty when the key is free.
func (k keySet) admit(t *text, seen *seenKeys) (name string, err *Error) {
	key, exact := k.find(t)
	switch {
	case key.bit == 0:
		return "", nil
	case !exact:
		return "", refuse("misspelled_key", key.name, fmt.Sprintf("the key %+q could be read as %q; write %[2]q", t.String(), key.name))
	case seen.has(key):
		return "", refuse("duplicate_key", key.name, fmt.Sprintf("the key %q appears more than once; send it once", key.name))
	}
	*seen |= seenKeys(key.bit)
	return key.name, nil
}

func (s seenKeys) has(k guardedKey) bool { return uint64(s)&k.bit != 0 }

// appendFolded maps every rune that simple case folding (strings.EqualFold) takes for an ASCII letter to the small letter.
func appendFolded(dst, b []byte) []byte {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case 'A' <= r && r <= 'Z':
			dst = append(dst, byte(r)|0x20)
		case r == 'ſ': // U+017F, the long s
			dst = append(dst, 's')
		case r == '\u212A': // the Kelvin sign
			dst = append(dst, 'k')
		default:
			dst = append(dst, b[:n]...)
		}
		b = b[n:]
	}
	return dst
}
