package config

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// mark is where a value was written: a place in the file, or the name of a variable or flag.
type mark struct {
	source       string // "models.yaml", "FREEFALL_LISTEN", "--listen"
	line, column int    // 0 = the source is no file
	from         string // how the value got there, for people: "environment OPENROUTER_API_KEY"
}

func (m mark) String() string {
	if m.line == 0 {
		return m.source
	}
	return m.source + ":" + strconv.Itoa(m.line) + ":" + strconv.Itoa(m.column)
}

// Mistake is one thing that somebody has to correct. It never holds a secret.
type Mistake struct {
	mark
	Text string
}

func (m Mistake) Error() string { return m.mark.String() + ": " + m.Text }

// Mistakes are all that is wrong, in the order of the file.
type Mistakes []Mistake

// maxShown bounds a message about a file that is no config at all.
const maxShown = 50

func (m Mistakes) Error() string {
	var lines []string
	for _, mistake := range m[:min(len(m), maxShown)] {
		lines = append(lines, mistake.Error())
	}
	if more := len(m) - maxShown; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

func (m Mistakes) sorted() Mistakes {
	slices.SortStableFunc(m, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.source, b.source), cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	})
	// One mistake for each place: the first that was noted is the cause of the others.
	return slices.CompactFunc(m, func(a, b Mistake) bool { return a.line > 0 && a.mark == b.mark })
}

// quote shows a piece of the file: short, on one line, printable.
func quote(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "..."
	}
	return strconv.QuoteToGraphic(text)
}

// didYouMean ends a message with the nearest of the possible words, when one is near.
func didYouMean(word string, words []string) string {
	if near := nearest(word, words); near != "" {
		return fmt.Sprintf(" (did you mean %q?)", near)
	}
	return ""
}

// few joins the first of many words.
func few(words []string) string {
	const most = 12
	if len(words) > most {
		return strings.Join(words[:most], ", ") + " and others"
	}
	return strings.Join(words, ", ")
}

// nearest is the word that takes the fewest corrections, if they are few.
func nearest(word string, words []string) string {
	if len(word) > 300 {
		return ""
	}
	near := closest(word, words)
	if distance(strings.ToLower(word), strings.ToLower(near)) > max(1, min(len(word)/3, 4)) {
		return ""
	}
	return near
}

// closest is the word that takes the fewest corrections, the first of several.
func closest(word string, words []string) (best string) {
	least := math.MaxInt
	for _, w := range words {
		if d := distance(strings.ToLower(word), strings.ToLower(w)); d < least {
			best, least = w, d
		}
	}
	return best
}

// distance counts the letters to add, remove, replace or swap (optimal string alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replace := 1
			if a[i-1] == b[j-1] {
				replace = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
