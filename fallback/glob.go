package fallback

import (
	"slices"
	"strings"
)

// matching are the rows that the patterns name, in the order of the patterns, each once.
func (t *table) matching(patterns []string) []int32 {
	var out []int32
	for _, pattern := range patterns {
		for i := range t.rows {
			r := &t.rows[i]
			if r.Model.Matches(pattern) && !slices.Contains(out, int32(i)) {
				out = append(out, int32(i))
			}
		}
	}
	return out
}

// Matches says whether a pattern names the model: by its id, or by its provider and id with a slash between them.
func (m *Model) Matches(pattern string) bool {
	return Glob(pattern, m.ID) || Glob(pattern, m.Provider+"/"+m.ID)
}

// Glob matches s against a pattern in which "*" stands for any run of characters.
func Glob(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	last := len(parts) - 1
	if last == 0 {
		return pattern == s
	}
	s, ok := strings.CutPrefix(s, parts[0])
	for _, part := range parts[1:last] {
		if ok {
			_, s, ok = strings.Cut(s, part)
		}
	}
	return ok && strings.HasSuffix(s, parts[last])
}
