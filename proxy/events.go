package proxy

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"freefall/fallback"
)

const (
	maxViewers      = 100
	viewersOfClient = 10 // with one client's key
	eventPause      = 100 * time.Millisecond
	eventRest       = 700 * time.Millisecond // the longest pause: with the look and the way to the viewer it is less than a second
	eventShare      = 50                     // of its time the goroutine may work one part in so many
	eventLook       = time.Second            // what changes by itself, such as the end of a rest, is looked for so often
	eventsPerSecond = 50                     // of each kind, to one viewer
	maxNotes        = 200                    // of what happens between two looks
)

// hub tells viewers what changes: GET /api/events. One goroutine looks at the state for all of them, while there are any; the
// path of a request only rings a bell. What is told is the state itself and the journal, so that a viewer that is too slow
// misses some of it and then gets the whole state again.
type hub struct {
	proxy   *Proxy
	watched atomic.Bool   // somebody looks
	bell    chan struct{} // something may have changed
	quit    chan struct{}
	over    sync.WaitGroup

	mu      sync.Mutex // guards all below
	viewers map[*viewer]struct{}
	runs    bool
	closed  bool
	notes   []note

	// Of the goroutine alone.
	views map[viewKey]*view
	last  uint64 // the newest request that was told
}

// note is something that happened and that the state does not hold.
type note struct {
	event  string
	all    bool   // it is for everybody
	client string // whose request it was
	data   any
}

func newHub(p *Proxy) *hub {
	return &hub{proxy: p, bell: make(chan struct{}, 1), quit: make(chan struct{}), viewers: map[*viewer]struct{}{}}
}

// touch says that something may have changed. It costs a load while nobody looks.
func (h *hub) touch() {
	if !h.watched.Load() {
		return
	}
	select {
	case h.bell <- struct{}{}:
	default:
	}
}

// enter adds a viewer, unless there are too many.
func (h *hub) enter(v *viewer) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	same := 0
	for other := range h.viewers {
		if !v.key.all && other.key == v.key {
			same++
		}
	}
	if h.closed || len(h.viewers) >= maxViewers || same >= viewersOfClient {
		return false
	}
	h.viewers[v] = struct{}{}
	h.watched.Store(true)
	if !h.runs {
		h.runs = true
		h.over.Go(h.run)
	}
	return true
}

func (h *hub) leave(v *viewer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.viewers, v)
}

func (h *hub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.viewers)
}

// close ends all streams, and lets no new ones begin.
func (h *hub) close() {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		close(h.quit)
	}
	for v := range h.viewers {
		v.end()
	}
	h.mu.Unlock()
	h.over.Wait()
}

// tell keeps a note until the next look.
func (h *hub) tell(n note) {
	if !h.watched.Load() {
		return
	}
	h.mu.Lock()
	if len(h.notes) < maxNotes {
		h.notes = append(h.notes, n)
	}
	h.mu.Unlock()
	h.touch()
}

// run looks, at once when something may have changed, else each second, until nobody is there any more.
func (h *hub) run() {
	tick := time.NewTicker(eventLook)
	defer tick.Stop()
	pause := time.NewTimer(eventPause)
	defer pause.Stop()
	h.views, h.last = map[viewKey]*view{}, h.proxy.journal.newest()
	for {
		viewers, notes := h.look()
		if viewers == nil {
			return
		}
		begun := time.Now()
		h.publish(begun, viewers, notes)
		pause.Reset(restAfter(time.Since(begun)))
		select {
		case <-h.quit:
			continue
		case <-pause.C:
		}
		select {
		case <-h.quit:
		case <-h.bell:
		case <-tick.C:
		}
	}
}

// restAfter is how long there is no other look after one that took so long.
func restAfter(work time.Duration) time.Duration {
	return min(eventRest, max(eventPause, eventShare*work))
}

// look gives the viewers and what was noted since; without viewers the goroutine's work is over.
func (h *hub) look() (viewers []*viewer, notes []note) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.viewers) == 0 || h.closed {
		h.runs, h.notes, h.views = false, nil, nil
		h.watched.Store(false)
		return nil, nil
	}
	notes, h.notes = h.notes, nil
	for v := range h.viewers {
		viewers = append(viewers, v)
	}
	return viewers, notes
}

// publish tells all viewers what is new to them.
func (h *hub) publish(now time.Time, viewers []*viewer, notes []note) {
	s := h.proxy.settings.Load()
	viewers = slices.DeleteFunc(viewers, func(v *viewer) bool { return !h.mayStay(s, v) })
	news, skipped, last := h.proxy.journal.since(h.last, journalSize/2)
	h.last = last
	rows := h.proxy.pool.Snapshot(now)
	used := map[viewKey]*view{}
	for _, v := range viewers {
		w := used[v.key]
		if w == nil {
			if w = h.views[v.key]; w == nil {
				w = newView(v.key, now)
			}
			used[v.key] = w
			w.update(h.proxy.overview(now, rows, s, v.who, v.key.changes))
			w.collect(now, notes, news, skipped)
		}
		v.show(w)
	}
	h.views = used
}

// mayStay ends the stream of a viewer who would not be let in any more.
func (h *hub) mayStay(s *Settings, v *viewer) bool {
	who := h.proxy.again(s, v.shown)
	all, e := s.mayRead(who)
	if e == nil && all == v.key.all && who.client() == v.key.client && who.admin == v.who.admin {
		return true
	}
	v.end()
	return false
}

// viewKey is what all viewers have in common that see the same.
type viewKey struct {
	all     bool // requests of everybody
	changes bool // may change something, and sees the keys
	client  string
}

// view is what viewers of one kind were told last, and what is new now.
type view struct {
	key    viewKey
	rows   []seenRow
	rest   map[string]json.RawMessage // the other fields of the state
	whole  []byte                     // the event of the whole state, made when somebody needs it
	change []byte                     // and of what changed, empty if nothing did
	events []byte                     // what happened
	budget map[string]*allowance
	late   *record // the newest request that was left out: nobody may take an older one for the last
}

type seenRow struct {
	provider, id string
	data         json.RawMessage
}

// allowance is how many events of a kind may still be told.
type allowance struct {
	left    float64
	at      time.Time
	skipped int
}

func newView(key viewKey, now time.Time) *view {
	w := &view{key: key, budget: map[string]*allowance{}}
	for _, event := range [...]string{eventRequest, eventSwitch} {
		w.budget[event] = &allowance{left: eventsPerSecond, at: now}
	}
	return w
}

// take says whether another event of the kind may be told.
func (a *allowance) take(now time.Time) bool {
	a.left = min(eventsPerSecond, a.left+now.Sub(a.at).Seconds()*eventsPerSecond)
	a.at = now
	if a.left < 1 {
		a.skipped++
		return false
	}
	a.left--
	return true
}

// What an event of the stream can be.
const (
	eventModels  = "models"
	eventRequest = "request"
	eventSwitch  = "switch"
	eventConfig  = "config"
	eventRoster  = "roster"
)

// update compares the state with what was told last.
func (w *view) update(s overview) {
	rows := make([]seenRow, len(s.Models))
	var changed []json.RawMessage
	same := len(w.rows) == len(rows)
	for i := range s.Models {
		m := &s.Models[i]
		rows[i] = seenRow{m.Provider, m.ID, mustJSON(m)}
		if i < len(w.rows) && rows[i].provider == w.rows[i].provider && rows[i].id == w.rows[i].id {
			if !bytes.Equal(rows[i].data, w.rows[i].data) {
				changed = append(changed, rows[i].data)
			}
		} else {
			same = false
		}
	}
	s.Models = nil
	rest := map[string]json.RawMessage{}
	if err := json.Unmarshal(mustJSON(s), &rest); err != nil {
		panic("BUG: " + err.Error())
	}
	delete(rest, "models")
	part := map[string]json.RawMessage{}
	for name, value := range rest {
		if !bytes.Equal(value, w.rest[name]) {
			part[name] = value
		}
	}
	for name := range w.rest {
		if _, ok := rest[name]; !ok {
			part[name] = json.RawMessage("null") // it is not there any more
		}
	}
	w.rows, w.rest, w.whole, w.change, w.events = rows, rest, nil, nil, nil
	switch {
	case !same:
		w.change = w.all()
	case len(changed)+len(part) > 0:
		part["partial"] = json.RawMessage("true")
		part["models"] = mustJSON(append([]json.RawMessage{}, changed...))
		w.change = frame(eventModels, part)
	}
}

// all is the event of the whole state.
func (w *view) all() []byte {
	if w.whole == nil {
		state := map[string]json.RawMessage{"partial": json.RawMessage("false")}
		maps.Copy(state, w.rest)
		rows := make([]json.RawMessage, len(w.rows))
		for i := range w.rows {
			rows[i] = w.rows[i].data
		}
		state["models"] = mustJSON(rows)
		w.whole = frame(eventModels, state)
	}
	return w.whole
}

// collect gathers what happened and may be seen. Of too much in a second a part is told, with the count of the others.
func (w *view) collect(now time.Time, notes []note, news []*record, skipped int) {
	for _, n := range notes {
		if !n.all && !w.key.all && (n.client == "" || n.client != w.key.client) {
			continue
		}
		if a := w.budget[n.event]; a != nil && !a.take(now) {
			continue
		}
		w.events = append(w.events, frame(n.event, n.data)...)
	}
	a := w.budget[eventRequest]
	if w.key.all {
		a.skipped += skipped
	}
	if w.late != nil {
		news, w.late = slices.Insert(slices.Clone(news), 0, w.late), nil
		a.skipped--
	}
	for _, r := range news {
		if !r.seenBy(w.key.all, w.key.client) {
			continue
		}
		if !a.take(now) {
			w.late = r
			continue
		}
		state := r.show(w.key.all)
		state.Skipped, a.skipped = a.skipped, 0
		w.events = append(w.events, frame(eventRequest, state)...)
	}
}

// frame is one event as it goes over the wire.
func frame(event string, data any) []byte {
	out := append([]byte("event: "+event+"\ndata: "), mustJSON(data)...)
	return append(out, "\n\n"...)
}

// mustJSON is for what is made of plain fields alone.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return b
}

// switchState is the event of a request that goes on to another model.
type switchState struct {
	Time         string  `json:"time"`
	Request      string  `json:"request"`
	Client       *string `json:"client"`
	From         string  `json:"from"`
	FromProvider string  `json:"from_provider"`
	To           string  `json:"to"`
	ToProvider   string  `json:"to_provider"`
	Outcome      string  `json:"outcome"` // of the attempt that failed
	Text         string  `json:"text"`    // the line of the log
}

// switched tells that a request goes on to another model.
func (h *hub) switched(x *exchange, from *failure, to *fallback.Model, line string) {
	if !h.watched.Load() {
		return
	}
	who := x.who.client()
	name := who
	if x.who.admin {
		name = "admin"
	}
	h.tell(note{event: eventSwitch, client: who, data: switchState{Time: stamp(time.Now()), Request: x.id, Client: text(name),
		From: from.model.ID, FromProvider: from.model.Provider, To: to.ID, ToProvider: to.Provider, Outcome: from.outcome.Class.String(), Text: line}})
}

// configured tells that a configuration was taken, or why it was not.
func (h *hub) configured(refused string) {
	h.tell(note{event: eventConfig, all: true, data: struct {
		Time  string  `json:"time"`
		OK    bool    `json:"ok"`
		Error *string `json:"error"`
	}{stamp(time.Now()), refused == "", text(refused)}})
}

// stamp is a moment, to the millisecond.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
