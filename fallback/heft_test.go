package fallback_test

import (
	"testing"

	"freefall/fallback"
)

// Where tokens are counted small requests go, where only requests are counted large ones, however the two stand in the chain.
func TestAdaptiveMatchesSizesToWhatIsCounted(t *testing.T) {
	requests := []fallback.Window{{Per: m, Limit: 10}}
	tokens := []fallback.Window{{Per: m, Limit: 30}, {Unit: fallback.Tokens, Per: m, Limit: 12_000}}
	for _, ids := range []string{"requests tokens", "tokens requests"} {
		rows := chain(ids)
		for i := range rows {
			rows[i].Limits = requests
			if rows[i].ID == "tokens" {
				rows[i].Limits = tokens
			}
		}
		p := adaptive(rows)
		got := map[int]map[string]int{}
		at := t0
		for i := range 60 {
			size := []int{200, 3000}[i%2]
			at = at.Add(20 * s)
			if got[size] == nil {
				got[size] = map[string]int{}
			}
			for id, n := range firsts(p, at, 1, fallback.Need{Tokens: size}, nil, nil) {
				got[size][id] += n
			}
		}
		if got[200]["tokens"] < 25 || got[3000]["requests"] < 25 {
			t.Errorf("%s: by size first are asked %v", ids, got)
		}
	}
}
