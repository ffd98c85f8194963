package fallback

import "strings"

// IsID says whether a model may have this id.
func IsID(id string) bool {
	for i, c := range id {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '~'
		if !letter && (i == 0 || !strings.ContainsRune("._:/@+-", c)) {
			return false
		}
	}
	return id != "" && len(id) <= 200
}
