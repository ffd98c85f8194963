package fallback

import "time"

// A model that keeps an attempt waiting longer than it uses to is asked after all others until that attempt is over: one
// request finds out whether it hangs, the next ones need not. Who had to leave for it comes back, as SDKs do by themselves after
// their own timeout, and would wait in vain each time: so it is asked after all others for a while then, too.

const (
	patience     = 4               // times what it usually takes
	leastPatient = 2 * time.Second // however quick it is
	mostPatient  = 15 * time.Second
	avoided      = 30 * time.Second // since somebody has left it
)

// vain is how long clients have waited for content of a model and then left, since it last told how it is.
type vain struct {
	waited time.Duration // each moment once, however many waited
	last   time.Time     // when the last of them left
	until  time.Time     // it is avoided
}

// waitedFor notes that the client of an attempt left before its content.
func (m *modelState) waitedFor(now time.Time, a *Attempt) {
	kind := bit(a.walk.Need.Stream)
	from := a.begun
	if from.Before(m.vain.last) {
		from = m.vain.last
	}
	m.vain.waited += now.Sub(from)
	m.vain.last = now
	if now.Sub(a.begun) > m.stats.patience(kind) || m.vain.waited > mostPatient {
		m.vain.until = now.Add(avoided)
	}
}

// firstPatience is how long nobody is worried before anything was learned: of whole answers, of streams.
var firstPatience = [2]time.Duration{mostPatient, 4 * time.Second}

func bit(on bool) int {
	if on {
		return 1
	}
	return 0
}

// await puts an attempt behind those that wait for content.
func (m *modelState) await(a *Attempt) {
	oldest := &m.pending[bit(a.walk.Need.Stream)]
	if *oldest == nil {
		a.before, a.after = a, a
		*oldest = a
		return
	}
	last := (*oldest).before
	a.before, a.after = last, *oldest
	last.after, (*oldest).before = a, a
}

// came takes out an attempt that got content, or ended without.
func (m *modelState) came(a *Attempt) {
	if a.after == nil {
		return // it came before
	}
	oldest := &m.pending[bit(a.walk.Need.Stream)]
	if *oldest == a {
		*oldest = a.after
	}
	if a.after == a {
		*oldest = nil
	}
	a.before.after, a.after.before = a.after, a.before
	a.before, a.after = nil, nil
}

// hangs says whether the model keeps somebody waiting for too long.
func (m *modelState) hangs(now time.Time) bool {
	if now.Before(m.vain.until) {
		return true
	}
	for k := range m.pending {
		if a := m.oldest(k); a != nil && now.Sub(a.begun) > m.stats.patience(k) {
			return true
		}
	}
	return false
}

// oldest of those that wait. What is left from before the model rested tells nothing about how it is now.
func (m *modelState) oldest(kind int) *Attempt {
	first := m.pending[kind]
	for a := first; a != nil; {
		if a.gen == m.health.gen {
			return a
		}
		if a = a.after; a == first {
			return nil
		}
	}
	return nil
}
