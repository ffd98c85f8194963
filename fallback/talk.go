package fallback

// talks remembers which model answers a conversation, so that it goes on with the same one. Of the longest silent ones half is
// forgotten when there are too many.
type talks struct {
	now, before map[uint64]*modelState
}

// mostTalks is how many are remembered at least.
const mostTalks = 4096

func (t *talks) of(id uint64) *modelState {
	m, ok := t.now[id]
	if !ok {
		if m, ok = t.before[id]; ok {
			t.keep(id, m)
		}
	}
	return m
}

func (t *talks) keep(id uint64, m *modelState) {
	if t.now == nil || len(t.now) >= mostTalks {
		t.before, t.now = t.now, map[uint64]*modelState{}
	}
	t.now[id] = m
}

// talks says whether the model that answers the walk is remembered for its conversation.
func (w *Walk) talks() bool {
	return w.Ask.Talk != 0 && !w.private() && (w.Ask.NamedTalk || w.table.Order == Adaptive)
}

// goesOn says whether the walk keeps to the model of its conversation.
func (w *Walk) goesOn() bool { return w.talks() && (w.Ask.NamedTalk || w.Ask.TalkGoesOn) }
