package shared

import (
	_ "embed"
	"slices"
	"strconv"
	"time"

	"github.com/redis/rueidis"
)

var (
	//go:embed pull.lua
	pullLua string
	//go:embed push.lua
	pushLua string

	pullScript = rueidis.NewLuaScript(pullLua)
	pushScript = rueidis.NewLuaScript(pushLua)

	stateKeys = []string{prefix + "state", prefix + "versions"}
)

const (
	kept     = 30 * 24 * time.Hour // of a row that nobody changes
	mostRows = 200                 // in one write
)

// state is what is known of the rows that all share.
type state struct {
	atStart map[string]string // of before anything is agreed on: our own, which may be old, since they were kept on disk
	agreed  map[string]string // as they stood in Redis when they were last seen there
	had     map[string]bool   // names of our own rows: of what was never ours, be it unknown here, nothing is said
	version string            // of the newest of them; "" = none was seen
}

// exchange hears what others have learned, then tells what we have. What somebody else has changed meanwhile is not overwritten: it is heard in
// the next turn.
func (s *Store) exchange() {
	if s.config.Learned == nil || !s.hear() {
		return
	}
	own, err := s.config.Learned()
	if err != nil {
		return
	}
	st := &s.state
	var names []string
	for name, row := range own {
		if row != st.agreed[name] {
			names = append(names, name)
		}
	}
	for name := range own {
		st.had[name] = true
	}
	for name := range st.had {
		if own[name] != "" {
			continue
		}
		if row, blank := st.agreed[name], s.config.Blank(name); row == "" || blank == "" || row == blank {
			delete(st.had, name)
		} else {
			own[name] = blank
			names = append(names, name)
		}
	}
	for part := range slices.Chunk(names, mostRows) {
		args := []string{ms(kept)}
		for _, name := range part {
			args = append(args, name, st.agreed[name], own[name])
		}
		written := s.wait(pushScript, stateKeys, args).numbers
		if len(written) != len(part) {
			return
		}
		for i, name := range part {
			if written[i] == 1 {
				st.agreed[name] = own[name]
			} else {
				st.version = "0" // all is heard anew: what stands there may be older than what we heard, if Redis has lost its last second
			}
		}
	}
}

// hear takes what others have changed. False when Redis did not tell.
func (s *Store) hear() bool {
	st := &s.state
	if st.version == "" {
		st.version, st.agreed, st.had = "0", map[string]string{}, map[string]bool{}
	}
	told := s.wait(pullScript, stateKeys, []string{st.version}).texts
	if len(told) < 2 || len(told)%2 != 0 {
		return false
	}
	if rows, _ := strconv.Atoi(told[0]); rows < len(st.agreed) { // Redis has forgotten some: all is heard and told anew
		st.atStart, st.agreed, st.version = st.agreed, map[string]string{}, "0"
		return false
	}
	agreed, now := map[string]string{}, map[string]string{}
	for i := 2; i < len(told); i += 2 {
		name, row := told[i], told[i+1]
		before, seen := st.agreed[name]
		if seen && before == row {
			continue // it is our own
		}
		if !seen {
			before = s.state.atStart[name]
		}
		if before != "" {
			agreed[name] = before
		}
		now[name], st.agreed[name] = row, row
	}
	st.version = told[1]
	if len(now) > 0 {
		s.config.Adopt(agreed, now)
	}
	return true
}
