package proxy

import (
	"encoding/json"
	"testing"
	"time"

	"freefall/fallback"
)

func TestSpenders(t *testing.T) {
	var s spenders
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	ana, bo := caller{name: "ana", known: true}, caller{name: "bo", known: true}
	s.add(noon, ana, &fallback.Outcome{InputTokens: 10, OutputTokens: 5})
	for range 3 {
		s.add(noon, bo, &fallback.Outcome{OutputTokens: 1})
	}
	s.add(noon, caller{}, &fallback.Outcome{})
	s.add(noon, caller{}, nil) // nobody answered
	for _, tt := range []struct {
		name string
		at   time.Time
		all  bool
		own  string
		want string
	}{
		{"all", noon, true, "", `[{"client":"bo","requests":3,"tokens":3},{"client":null,"requests":1,"tokens":0},{"client":"ana","requests":1,"tokens":15}]`},
		{"own", noon, false, "ana", `[{"client":"ana","requests":1,"tokens":15}]`},
		{"a stranger", noon, false, "", `[]`},
		{"the next day", noon.Add(12 * time.Hour), true, "", `[]`},
	} {
		got, err := json.Marshal(s.list(tt.at, tt.all, tt.own))
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %s, %v, want %s", tt.name, got, err, tt.want)
		}
	}
}
