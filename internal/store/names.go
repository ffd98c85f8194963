package store

import (
	"encoding/json"

	"freefall/fallback"
)

// Rows are the parts of a state by their names, each as JSON: for those who keep it elsewhere than in the file.
func Rows(s fallback.Saved) (map[string]string, error) {
	all, err := rowsOf(s)
	out := make(map[string]string, len(all))
	for k, state := range all {
		out[k.String()] = state
	}
	return out, err
}

// Saved is the way back from Rows. What cannot be read, or is of a kind that only a newer freefall knows, is left out.
func Saved(rows map[string]string) (s fallback.Saved) {
	for name, state := range rows {
		whole := s
		if kind, ok := kinds[keyOf(name).kind]; !ok || kind.load(&whole, state) != nil {
			continue
		}
		s = whole
	}
	return s
}

// Blank is the row of that name when nothing is known of what it names; "" where that cannot be said.
func Blank(name string) string {
	var one any
	switch k := keyOf(name); k.kind {
	case "model":
		one = fallback.SavedModel{Provider: k.provider, ID: k.id}
	case "rest":
		one = fallback.SavedRest{Target: k.target, Provider: k.provider, Account: k.account, Nth: k.nth, ID: k.id}
	default:
		return ""
	}
	b, _ := json.Marshal(one) // of texts and numbers
	return string(b)
}

// String is the key as a list in JSON.
func (k key) String() string {
	b, _ := json.Marshal([]any{k.kind, k.target, k.provider, k.account, k.nth, k.id, k.part})
	return string(b)
}

func keyOf(name string) (k key) {
	parts := []any{&k.kind, &k.target, &k.provider, &k.account, &k.nth, &k.id, &k.part}
	if json.Unmarshal([]byte(name), &parts) != nil {
		return key{}
	}
	return k
}
