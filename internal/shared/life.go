package shared

import (
	_ "embed"
	"slices"

	"github.com/redis/rueidis"

	"freefall/fallback"
)

var (
	//go:embed life.lua
	lifeLua    string
	lifeScript = rueidis.NewLuaScript(lifeLua)
)

const (
	life = prefix + "life" // names what Redis remembers
	many = 50              // windows in one question
)

// live looks whether Redis still remembers what it was told. If it has lost it, by a restart, a FLUSHALL or since it was full, each replica tells
// what it knows of windows: what all know together is nearly all. A draw that finds a window gone that should be there makes all look, too.
func (s *Store) live() {
	got := s.wait(lifeScript, []string{life}, []string{ms(kept)})
	if got.err != nil || len(got.numbers) != 1 {
		s.unanswered.Add(1)
		if s.failures.Add(1) >= patience {
			s.away(got.err)
		}
		return
	}
	switch now := got.numbers[0]; {
	case now == s.life:
	case s.life == 0, s.renew() == nil && s.recall() == nil:
		s.life = now
	}
}

// recall tells what this replica knows of all windows. It raises their counts and lowers none.
func (s *Store) recall() error {
	if s.config.Known == nil {
		return nil
	}
	for some := range slices.Chunk(s.config.Known(), many) {
		counts, _, err := s.draw(s.nth.Add(1), some)
		if err != nil {
			return err
		}
		s.config.Heed(some, counts)
	}
	return nil
}

// replaced says that a key of ours held something else than a window.
func (s *Store) replaced(d *fallback.Draw) {
	s.config.Log.Warn().Msg("Redis: " + key(d) + " was no window of freefall and was replaced: keep others from writing keys that begin with " + prefix)
}
