package fakellm

import "time"

// turn is a step of a script and how far it has been played.
type turn struct {
	step  Step
	used  int
	since time.Time // first use
	limit *limiter  // of a limit step
}

func turns(steps []Step) []*turn {
	queue := make([]*turn, 0, len(steps))
	for _, s := range steps {
		t := &turn{step: s}
		if s.Kind == KindLimit {
			t.limit = newLimiter(*s.Limit)
		}
		queue = append(queue, t)
	}
	return queue
}

// over says whether the next step's turn has come. A limit without an end stays in force.
func (t *turn) over(now time.Time) bool {
	s := t.step
	switch {
	case s.Always, s.Kind == KindLimit && s.Times == 0 && s.For == 0:
		return false
	case s.For > 0:
		return !t.since.IsZero() && now.Sub(t.since) >= time.Duration(s.For)
	}
	return t.used >= max(s.Times, 1)
}

func (t *turn) use(now time.Time) {
	t.used++
	if t.since.IsZero() {
		t.since = now
	}
}

// next takes the turn that answers now, nil when the script has been played to its end.
func next(queue *[]*turn, now time.Time) *turn {
	for len(*queue) > 0 {
		t := (*queue)[0]
		if !t.over(now) {
			t.use(now)
			return t
		}
		*queue = (*queue)[1:]
	}
	return nil
}
