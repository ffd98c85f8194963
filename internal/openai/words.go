package openai

import (
	"slices"
	"strings"
)

// lowerASCII keeps the length of s, unlike strings.ToLower, so that a place found in one is the same place in the other.
func lowerASCII(s string) string {
	i := 0
	for i < len(s) && (s[i] < 'A' || s[i] > 'Z') {
		i++
	}
	if i == len(s) {
		return s
	}
	b := []byte(s)
	for ; i < len(b); i++ {
		if 'A' <= b[i] && b[i] <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}

// phraseGap is how far apart the parts of a phrase may stand, in bytes: the length of a long model id.
const phraseGap = 120

// containsPhrase says whether a text holds a phrase. A star in it stands for a few other words.
func containsPhrase(text, phrase string) bool {
	head, tail, parted := strings.Cut(phrase, "*")
	for {
		i := strings.Index(text, head)
		if i < 0 {
			return false
		}
		text = text[i+len(head):]
		if !parted || containsPhrase(text[:min(len(text), phraseGap)], tail) {
			return true
		}
	}
}

// indexWord is strings.Index for whole words.
func indexWord(text, word string) int {
	for at := 0; ; {
		i := strings.Index(text[at:], word)
		if i < 0 {
			return -1
		}
		at += i
		end := at + len(word)
		switch {
		case at > 0 && isWordByte(text[at-1]) && isWordByte(word[0]), end < len(text) && isWordByte(text[end]) && isWordByte(word[len(word)-1]):
		case isCyrillic(word) && (at > 1 && isCyrillic(text[at-2:]) || isCyrillic(text[end:])): // "в час" is no part of "в частности"
		default:
			return at
		}
		at++
	}
}

// isCyrillic says whether a text begins with a letter of two bytes that is Cyrillic.
func isCyrillic(s string) bool { return len(s) > 1 && s[0]&0xFC == 0xD0 && s[1]&0xC0 == 0x80 }

func isWordByte(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// hideEchoes takes out what an error quotes of the client's own words, so that they are neither searched nor logged: whatever
// stands in quotes and is more than one word.
func hideEchoes(s string) string {
	var b strings.Builder
	kept := 0
	for i := 0; i < len(s); i++ {
		if !opensQuote(s, i) {
			continue
		}
		end := closingQuote(s, i)
		if end < 0 {
			continue
		}
		if quoted := s[i+1 : end]; strings.ContainsAny(quoted, " \t\r\n") && !slices.Contains(featureNames, lowerASCII(quoted)) {
			b.WriteString(s[kept : i+1])
			b.WriteString("…")
			kept = end
		}
		i = end
	}
	if kept == 0 {
		return s
	}
	b.WriteString(s[kept:])
	return b.String()
}

// opensQuote says whether a quote begins here that is not the name of a quota: "quota metric 'requests per day'".
func opensQuote(s string, i int) bool {
	switch s[i] {
	case '"', '\'', '`':
		return (i == 0 || !isWordByte(s[i-1])) && !strings.HasSuffix(s[:i], "metric ") && !strings.HasSuffix(s[:i], "limit ")
	}
	return false
}

// closingQuote is where the quote that opens at i ends: at its like before something that is no word. A double quote that was
// cut off lasts to the end.
func closingQuote(s string, i int) int {
	for j := i + 1; j < len(s); j++ {
		if s[j] == s[i] && (j+1 == len(s) || !isWordByte(s[j+1])) {
			return j
		}
	}
	if s[i] == '"' {
		return len(s)
	}
	return -1
}

// opaqueText is what a body that is no JSON says: a short text, the title of a page, never a broken document.
func opaqueText(body []byte, html bool) string {
	s := strings.TrimSpace(string(body[:min(len(body), maxText)]))
	switch {
	case s == "":
		return "an empty body"
	case html:
		return strings.TrimSuffix("an HTML page: "+title(s), ": ")
	case s[0] == '{' || s[0] == '[':
		return "broken JSON"
	}
	return s
}

func title(page string) string {
	lower := lowerASCII(page)
	from := strings.Index(lower, "<title>")
	if from < 0 {
		return ""
	}
	from += len("<title>")
	to := strings.IndexByte(lower[from:], '<')
	if to < 0 {
		return ""
	}
	return page[from : from+to]
}
