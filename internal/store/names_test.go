package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"freefall/fallback"
)

func TestRowsByName(t *testing.T) {
	at := time.Unix(1e9, 0).UTC()
	s := fallback.Saved{
		Models:  []fallback.SavedModel{{Provider: "p", ID: `a/"b"`, FailureCount: 2}},
		Rests:   []fallback.SavedRest{{Target: "pair", Provider: "p", Account: "one", Nth: 3, ID: "a", From: at, Until: at.Add(time.Hour), Class: "rate_limited"}},
		Windows: []fallback.SavedWindow{{Target: "account", Account: "one", Unit: "requests", Cycle: "sliding", Per: time.Minute, Told: 20}},
	}
	rows, err := Rows(s)
	if err != nil || len(rows) != 3 {
		t.Fatal(rows, err)
	}
	if got := Saved(rows); !cmp.Equal(got, s) {
		t.Error(cmp.Diff(s, got))
	}
	blank := map[string]string{}
	for name := range rows {
		if row := Blank(name); row != "" {
			blank[name] = row
		}
	}
	want := fallback.Saved{Models: []fallback.SavedModel{{Provider: "p", ID: `a/"b"`}}, Rests: []fallback.SavedRest{{Target: "pair", Provider: "p", Account: "one", Nth: 3, ID: "a"}}}
	if got := Saved(blank); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	for name, state := range map[string]string{"": "{}", "[": "{}", `["rest"`: "{}", `["tomorrow","","","",0,"",""]`: "{}", `["model","","p","",0,"a",""]`: "[1"} {
		if got := Saved(map[string]string{name: state}); len(got.Models)+len(got.Rests)+len(got.Windows)+len(got.Notes) > 0 || Blank(`["tomorrow"]`) != "" {
			t.Errorf("%s is read as %+v", name, got)
		}
	}
}
