package fallback

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Which guesses are kept to is what would be found out anew, whatever was learned since it was.
func TestWhatIsKeptToIsNotStale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := newGuess()
		now := noon
		limit := rapid.IntRange(1, 4).Draw(t, "limit")
		in, last, budget := int64(0), int64(0), rapid.Bool().Draw(t, "budget")
		if budget {
			g.watch()
		}
		for range 200 {
			now = now.Add(time.Duration(rapid.IntRange(1, 1500).Draw(t, "ms")) * time.Millisecond)
			if turn := now.Unix() / 10; turn != last {
				in, last = 0, turn
			}
			tokens, cost := int64(100), int64(1)
			if budget {
				tokens = rapid.Int64Range(50, 2000).Draw(t, "tokens")
				cost = tokens / 500
			}
			if !g.room(now, tokens) && rapid.Bool().Draw(t, "waits") {
				continue
			}
			g.draw(now, tokens, 10)
			in += cost
			begun := now
			now = now.Add(20 * time.Millisecond)
			if in <= int64(limit) {
				g.settle(now, begun, true, tokens-10, tokens)
			} else {
				in -= cost
				g.settle(now, begun, false, tokens-10, 0)
				var opens time.Time
				if rapid.Bool().Draw(t, "states") {
					opens = now.Add(time.Duration(rapid.IntRange(1, 60).Draw(t, "seconds")) * time.Second)
				}
				g.refused(now, begun, opens, tokens)
			}
			if was := slices.Clone(g.convinced); g.known {
				if g.convince(); !slices.Equal(was, g.convinced) {
					t.Fatalf("%d are kept to, it should be %d", len(was), len(g.convinced))
				}
			}
		}
	})
}
