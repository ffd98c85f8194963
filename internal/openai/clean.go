package openai

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes a text from outside fit for a log, a header, a page or a message: one line without control and bidi characters
// or invalid UTF-8, anything like a key or token struck out, at most max runes.
func Clean(s string, max int) string {
	if max <= 0 {
		return ""
	}
	return cut(strikeSecrets(oneLine(s, 4*max+256)), max)
}

// oneLine keeps what can be printed, at most max runes of it; a last word that was cut is dropped, because half a key is not
// known for one.
func oneLine(s string, max int) string {
	var b strings.Builder
	b.Grow(min(len(s), max))
	blank, n := true, 0
	for i, size := 0, 0; i < len(s); i += size {
		var r rune
		if r, size = utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && size == 1 {
			continue
		}
		if n == max {
			return b.String()[:strings.LastIndexByte(b.String(), ' ')+1] + "…"
		}
		switch {
		case ' ' < r && r < 0x7F: // nearly all of them
			b.WriteByte(byte(r))
			n++
			blank = false
		case unicode.IsSpace(r):
			if !blank {
				b.WriteByte(' ')
				n++
			}
			blank = true
		case unicode.IsPrint(r):
			b.WriteRune(r)
			n++
			blank = false
		}
	}
	return strings.TrimSuffix(b.String(), " ")
}

func cut(s string, max int) string {
	if utf8.RuneCountInString(s) <= max {
		return s
	}
	n := 0
	for i := range s {
		if n++; n == max {
			return strings.TrimRight(s[:i], " ") + "…" // "Bearer …" would read as if something stood there
		}
	}
	return s
}

const struckOut = "***"

// strikeSecrets replaces what looks like a key, in a line whose words are parted by one blank each.
func strikeSecrets(line string) string {
	if !mayHoldSecrets(line) {
		return line
	}
	var b strings.Builder
	b.Grow(len(line))
	bearer := false // the word before announces a token
	for word := range strings.SplitAfterSeq(line, " ") {
		bare := strings.TrimSuffix(word, " ")
		switch {
		case bearer && bare != "":
			b.WriteString(struckOut)
		default:
			strikeWord(&b, bare)
		}
		b.WriteString(word[len(bare):])
		bearer = bare != "" && bare[len(bare)-1]|0x20 == 'r' && strings.HasSuffix(lowerASCII(bare), "bearer")
	}
	return b.String()
}

// mayHoldSecrets says whether a line has anything that keys are written with, or announced by.
func mayHoldSecrets(line string) bool {
	return strings.ContainsAny(line, "=:") || isOdd(line) || strings.Contains(lowerASCII(line), "bearer")
}

// isOdd says whether a text has a digit or a joint, as all keys have but Google's shortest. Words have none.
func isOdd(s string) bool {
	for i := range len(s) {
		if c := s[i]; isDigit(c) || c == '-' || c == '_' {
			return true
		}
	}
	return strings.Contains(lowerASCII(s), "aiza")
}

// strikeWord writes a word without the keys in it: those that look like one, and what is given as the value of one.
func strikeWord(b *strings.Builder, word string) {
	named := false
	for word != "" {
		n := 0
		for n < len(word) && isTokenByte(word[n]) {
			n++
		}
		if token := word[:n]; n > 0 {
			if named || isSecret(token) {
				b.WriteString(struckOut)
			} else {
				b.WriteString(token)
			}
			named = n < len(word) && (word[n] == '=' && isKeyName(token) || word[n] == ':' && strings.EqualFold(token, "bearer"))
			word = word[n:]
			continue
		}
		b.WriteByte(word[0])
		word = word[1:]
	}
}

func isTokenByte(c byte) bool { return isWordByte(c) || strings.IndexByte("-.*+~", c) >= 0 }

func isKeyName(s string) bool {
	s = lowerASCII(s)
	for _, name := range [...]string{"key", "token", "secret", "password", "bearer"} {
		if strings.HasSuffix(s, name) {
			return true
		}
	}
	return false
}

// keyPrefixes are what providers' keys begin with; keyMarks tell a key wherever they stand.
var (
	keyPrefixes = []string{"sk-", "sk_", "rk_", "pk_", "csk-", "hf_", "xai-", "ghp_", "gho_", "ghs_", "glpat-", "pplx-", "tgp_"}
	keyMarks    = []string{"gsk_", "nvapi-", "sk-or-", "sk-ant-", "sk-proj-", "github_pat_"}
)

func isSecret(token string) bool {
	return isOdd(token) && (LikeKey(token) || isOpaque(lowerASCII(token)))
}

// LikeKey says whether a token is written like the key of a provider.
func LikeKey(token string) bool {
	lower := lowerASCII(token)
	if strings.Contains(lower, "aiza") {
		return true
	}
	if !strings.ContainsAny(lower, "-_") {
		return false
	}
	return slices.ContainsFunc(keyMarks, func(mark string) bool { return strings.Contains(lower, mark) }) ||
		slices.ContainsFunc(keyPrefixes, func(prefix string) bool { return hasPart(lower, prefix) })
}

// hasPart says whether a part of a token, not the middle of a word, begins with the prefix.
func hasPart(token, prefix string) bool {
	for at := 0; ; at++ {
		i := strings.Index(token[at:], prefix)
		if i < 0 {
			return false
		}
		if at += i; at == 0 || !isLetter(token[at-1]) && !isDigit(token[at-1]) {
			return true
		}
	}
}

// isOpaque says whether a token is no word of any language or model id: 20 letters and digits mixed, without a break; or a UUID.
func isOpaque(token string) bool {
	letters, digits := 0, 0
	for i := range len(token) {
		switch c := token[i]; {
		case isDigit(c):
			digits++
		case isLetter(c):
			letters++
		default:
			letters, digits = 0, 0
		}
		if letters+digits >= 20 && letters > 0 && digits > 0 {
			return true
		}
	}
	return isUUID(token)
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (s[i] == '-') {
			return false
		}
	}
	return true
}
