package proxy

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	gram      = 8     // bytes that are compared at once
	echoBytes = 20    // what is shorter may be alike by chance
	maxEchoes = 10000 // places that are looked at closely
	struckOut = "***"

	shortKey  = 8 // bytes; a key that is shorter is a word that means something else, too
	shortHead = 4 // likewise, of the beginning of a key at which a text was cut
)

// unsaid are a provider's words without what only it was told: the key, and the headers that the operator sends. Those that look like a
// key were struck out before, but not all do.
func (r *reply) unsaid(words string) string {
	if r.route == nil {
		return words // nobody was told anything
	}
	p := r.route.Provider
	if r.attempt.Key < len(p.Keys) {
		words = unsay(words, p.Keys[r.attempt.Key])
	}
	for _, h := range p.Headers {
		words = unsay(words, h.Value)
	}
	return words
}

// unsay strikes out a key, and the beginning of one where the words were cut.
func unsay(words, key string) string {
	if len(key) < shortKey || words == "" {
		return words
	}
	words = strings.ReplaceAll(words, key, struckOut)
	if head, cut := strings.CutSuffix(words, "…"); cut {
		for n := len(key) - 1; n >= shortHead; n-- {
			if rest, part := strings.CutSuffix(head, key[:n]); part {
				return rest + struckOut + "…"
			}
		}
	}
	return words
}

// discreet strikes out of a provider's words what the client has said. Some providers quote the prompt that they refuse, and their words
// are shown to others than this client. A single word stays, be it the name of a tool or of a parameter, and so does what is too short
// to be known for a quotation.
func discreet(words string, body []byte) string {
	if len(words) < echoBytes || len(body) < echoBytes {
		return words
	}
	var mask []bool // the bytes of words that are struck out
	strike := func(from, to int) {
		if mask == nil {
			mask = make([]bool, len(words))
		}
		for i := from; i < to; i++ {
			mask[i] = true
		}
	}
	echoes(words, body, strike)
	escaped(words, body, strike)
	if mask == nil {
		return words
	}
	var b strings.Builder
	for i := range mask {
		switch {
		case !mask[i]:
			b.WriteByte(words[i])
		case i == 0 || !mask[i-1]:
			b.WriteString(struckOut)
		}
	}
	return strings.ToValidUTF8(b.String(), "")
}

// echoes finds what stands in both, by the pieces of the body that are found among all pieces of the words: one pass over the body, and
// a look at one bit for each eight bytes of it.
func echoes(words string, body []byte, strike func(from, to int)) {
	var known [64]uint64
	for i := 0; i+gram <= len(words); i++ {
		at := spot([]byte(words[i : i+gram]))
		known[at>>6] |= 1 << (at & 63)
	}
	left := maxEchoes
	for i := 0; i+gram <= len(body) && left > 0; i += gram {
		at := spot(body[i : i+gram])
		if known[at>>6]&(1<<(at&63)) == 0 {
			continue
		}
		piece := string(body[i : i+gram])
		for at := strings.Index(words, piece); at >= 0 && left > 0; {
			left--
			start, end := extend(words, body, at, i)
			if run := words[start:end]; len(run) >= echoBytes && !isWord(run) {
				strike(start, end)
			}
			next := strings.Index(words[at+1:], piece)
			if next < 0 {
				break
			}
			at += 1 + next
		}
	}
}

// spot is where a piece stands in a set of 4,096 bits.
func spot(piece []byte) uint64 {
	return binary.LittleEndian.Uint64(piece) * 0x9E3779B97F4A7C15 >> 52
}

// extend is how far the texts are the same around a common piece, as a range of the words.
func extend(words string, body []byte, w, b int) (start, end int) {
	start, end = w, w+gram
	for n := 1; w-n >= 0 && b-n >= 0 && words[w-n] == body[b-n]; n++ {
		start = w - n
	}
	for n := gram; w+n < len(words) && b+n < len(body) && words[w+n] == body[b+n]; n++ {
		end = w + n + 1
	}
	return start, end
}

func isWord(s string) bool {
	for i := range len(s) {
		if s[i] == ' ' || s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// escaped finds words of other scripts, which many clients send as \uXXXX.
func escaped(words string, body []byte, strike func(from, to int)) {
	if isASCII(words) || !bytes.Contains(body, []byte(`\u`)) {
		return
	}
	at := 0
	for word := range strings.SplitAfterSeq(words, " ") {
		var low, up []byte
		letters := 0
		for _, r := range word {
			if r < utf8.RuneSelf || r > 0xFFFF {
				continue
			}
			letters++
			code := strconv.FormatInt(0x10000|int64(r), 16)[1:]
			low = append(append(low, `\u`...), code...)
			up = append(append(up, `\u`...), strings.ToUpper(code)...)
		}
		if letters >= 3 && (bytes.Contains(body, low) || bytes.Contains(body, up)) {
			strike(at, at+len(word))
		}
		at += len(word)
	}
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
