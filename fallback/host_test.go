package fallback_test

import (
	"strings"
	"testing"

	"freefall/fallback"
)

// Two models of a host where nobody is cost one wait: the walk goes to other hosts first, and back only when nobody else is left.
func TestNobodyAtAHost(t *testing.T) {
	for name, c := range map[string]struct {
		rows string // id@provider@host
		met  string // what A comes to
		want string
	}{
		"another provider":                {"A@p B@p C@q", "nobody", "A C B"},
		"another host":                    {"A@p@one B@q@one C@r@two", "nobody", "A C B"},
		"hosts of one provider":           {"A@p@one B@p@two C@p@one", "nobody", "A B C"},
		"nobody else":                     {"A@p B@p", "nobody", "A B"},
		"a fault of the model is no sign": {"A@p B@p C@q", "fault", "A B C"},
	} {
		var rows []fallback.Model
		for word := range strings.FieldsSeq(c.rows) {
			parts := append(strings.Split(word, "@"), "")
			row := chain(parts[0])[0]
			row.Provider, row.Host = parts[1], parts[2]
			rows = append(rows, row)
		}
		p := byPriority(rows)
		var w fallback.Walk
		var got []string
		for a, ok := p.Pick(t0, &w); ok; a, ok = p.Pick(t0, &w) {
			o := outcomeOf("fault")
			if o.Unreached = c.met == "nobody"; len(got) > 0 {
				o.Unreached = false
			}
			a.End(t0, o)
			got = append(got, a.Model.ID)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}
