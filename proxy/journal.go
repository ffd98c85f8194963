package proxy

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"freefall/fallback"
	"freefall/internal/openai"
)

const (
	journalSize = 2000 // requests that are remembered
	failedSize  = 500  // and failed ones beyond these
	maxTries    = 32   // attempts of a request that are told; of more the last one takes the place of those before
	maxAsked    = 1024 // bytes of a name that nobody knows; more of it would not be shown
)

// journal keeps what became of the last requests. Nothing of what was said is in it: no body, no prompt, no key.
type journal struct {
	mu     sync.Mutex           // guards all below, and what the records of the rings hold
	last   uint64               // the number of the newest record; the first one is 1
	recent [journalSize]*record // by number
	failed [failedSize]*record  // that have left recent, by how many there were
	lost   uint64               // how many have ever entered failed
}

// record is one request that has ended. The exchange writes it, then it is never changed until nobody can see it any more.
type record struct {
	number  uint64
	shown   bool // somebody may still be reading it: it is not used again
	id      string
	at      time.Time
	client  string // "" = nobody with a key of a client
	admin   bool
	asked   string
	model   string // whose answer or refusal the client got
	from    string // its provider
	status  int
	outcome fallback.Class // of the answer
	begun   bool           // there was one
	code    string         // of freefall's own refusal
	need    fallback.Need
	waited  time.Duration
	took    time.Duration
	ttft    time.Duration // from the request's beginning; 0 = no content
	input   int
	output  int
	calls   int // attempts, told or not
	trail   []byte
	tries   []tried

	step [56]byte // behind trail, as long as that is short
	sole [1]tried // behind tries, as long as there is one
}

// tried is one attempt of a request.
type tried struct {
	model, provider, account string

	begun  time.Duration // after the request
	ttft   time.Duration // 0 = no content
	took   time.Duration
	class  fallback.Class
	status int
	detail string
	rested fallback.Target
	until  time.Time
}

var records = sync.Pool{New: func() any { return new(record) }}

// newRecord gives one that nobody can see. Those that are used again were not touched for as long as the journal is; they lie in one piece, which
// the processor fetches ahead while it is cleared.
func newRecord() *record {
	r := records.Get().(*record)
	*r = record{}
	r.trail, r.tries = r.step[:0], r.sole[:0]
	return r
}

// attempt adds one that has ended. It is called by the goroutine that owns the exchange.
func (r *record) attempt(x *exchange, now time.Time, a *fallback.Attempt, o *fallback.Outcome, e *fallback.Effect, ttft time.Duration) {
	t := tried{model: a.Model.ID, provider: a.Model.Provider, begun: a.Begun().Sub(x.started), ttft: ttft, took: now.Sub(a.Begun()),
		class: o.Class, status: o.Status, detail: o.Message, rested: e.Rested, until: e.Until}
	if a.Key < len(a.Model.Keys) {
		t.account = a.Model.Keys[a.Key].Account
	}
	if len(r.tries) == maxTries {
		r.tries[maxTries-1] = t
		return
	}
	r.tries = append(r.tries, t)
}

// close fills in what is known when the request has ended.
func (r *record) close(x *exchange, status int, o *fallback.Outcome, took time.Duration) {
	r.id, r.at, r.client, r.admin, r.asked = x.id, x.started, x.who.client(), x.who.admin, x.walk.Ask.Model
	if len(r.asked) > maxAsked {
		r.asked = strings.Clone(r.asked[:maxAsked])
	}
	if x.model != nil {
		r.model, r.from = x.model.ID, x.model.Provider
	}
	r.status, r.need, r.waited, r.took, r.calls = status, x.walk.Need, x.waited, took, x.walk.Attempts()
	r.trail = append(r.trail, x.trail...)
	slices.SortStableFunc(r.tries, func(a, b tried) int { return cmp.Compare(a.begun, b.begun) }) // those at once end in any order
	if o != nil {
		r.begun, r.outcome, r.input, r.output = true, o.Class, o.InputTokens, o.OutputTokens
	}
	if !x.commit.IsZero() {
		r.ttft = x.commit.Sub(x.started)
	}
}

// bad says whether the client did not get what it asked for.
func (r *record) bad() bool { return r.status >= 400 || r.begun && r.outcome != fallback.OK }

// add takes a record. What it pushes out goes to the failed ones or is used again.
func (j *journal) add(r *record) {
	if old := j.swap(r); old != nil && !old.shown {
		records.Put(old)
	}
}

// swap takes a record and gives the one that it pushes out.
func (j *journal) swap(r *record) (old *record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last++
	r.number = j.last
	at := &j.recent[r.number%journalSize]
	old, *at = *at, r
	if old != nil && old.bad() {
		at := &j.failed[j.lost%failedSize]
		j.lost++
		old, *at = *at, old
	}
	return old
}

// each gives the records from the newest to the oldest, until f has had enough. The journal is locked meanwhile.
func (j *journal) each(f func(*record) bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for n := j.last; n > 0 && n+journalSize > j.last; n-- {
		if !f(j.recent[n%journalSize]) {
			return
		}
	}
	for n := j.lost; n > 0 && n+failedSize > j.lost; n-- {
		if !f(j.failed[(n-1)%failedSize]) {
			return
		}
	}
}

// wish is which records somebody wants, and may see.
type wish struct {
	all    bool   // may see those of everybody
	owner  string // whose; with all, "" = everybody's
	failed bool
	model  string // that was asked for, or asked
	before uint64 // older than this number; 0 = from the newest
	limit  int
}

// match says whether a record is wanted.
func (w *wish) match(r *record) bool {
	switch {
	case !r.seenBy(w.all, w.owner):
		return false
	case w.all && w.owner != "" && r.who() != w.owner:
		return false
	case w.before > 0 && r.number >= w.before, w.failed && !r.bad():
		return false
	}
	return w.model == "" || r.about(w.model)
}

// seenBy says whether a caller may see the record: one that sees all, or the client of that name.
func (r *record) seenBy(all bool, client string) bool {
	return all || client != "" && r.client == client
}

// who is the name that is shown: a client's, or the admin's.
func (r *record) who() string {
	if r.admin {
		return "admin"
	}
	return r.client
}

func (r *record) about(model string) bool {
	if r.asked == model || r.model == model {
		return true
	}
	for i := range r.tries {
		if r.tries[i].model == model {
			return true
		}
	}
	return false
}

// find gives what is wanted, newest first, and whether there is more.
func (j *journal) find(w wish) (found []*record, more bool) {
	j.each(func(r *record) bool {
		if !w.match(r) {
			return true
		}
		if len(found) == w.limit {
			more = true
			return false
		}
		r.shown = true
		found = append(found, r)
		return true
	})
	return found, more
}

// byID is the newest request of that id: clients may choose their own.
func (j *journal) byID(id string, all bool, client string) (found *record) {
	j.each(func(r *record) bool {
		if r.id == id && r.seenBy(all, client) {
			r.shown, found = true, r
		}
		return found == nil
	})
	return found
}

// since gives the records that came after that number, oldest first, at most so many, and how many more there were.
func (j *journal) since(number uint64, most int) (news []*record, skipped int, last uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := j.last - number
	first := number + 1
	if n := uint64(min(most, journalSize)); all > n {
		first = j.last - n + 1
		skipped = int(all - n)
	}
	for n := first; n <= j.last; n++ {
		r := j.recent[n%journalSize]
		r.shown = true
		news = append(news, r)
	}
	return news, skipped, j.last
}

// newest is the number of the newest record.
func (j *journal) newest() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

func (j *journal) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return int(min(j.last, journalSize) + min(j.lost, failedSize))
}

// requestState is a request in the journal and in the events.
type requestState struct {
	ID           string         `json:"id"`
	Time         string         `json:"time"`
	Client       *string        `json:"client"`
	Asked        *string        `json:"asked"`
	Model        *string        `json:"model"`
	Provider     *string        `json:"provider"`
	Status       int            `json:"status"`
	Outcome      string         `json:"outcome"` // ok, failed, or what broke the answer
	Error        *string        `json:"error"`   // freefall's own code of a refusal
	Stream       bool           `json:"stream"`
	Need         map[string]any `json:"need"`
	Waited       int64          `json:"waited_ms"`
	Took         int64          `json:"took_ms"`
	TTFT         *int64         `json:"ttft_ms"`
	Calls        int            `json:"calls"`
	Attempts     []triedState   `json:"attempts"`
	InputTokens  int            `json:"input_tokens"`
	OutputTokens int            `json:"output_tokens"`
	Trail        string         `json:"trail"`
	Skipped      int            `json:"skipped,omitempty"` // requests before it that this event stream does not tell
}

type triedState struct {
	Model    string  `json:"model"`
	Provider string  `json:"provider"`
	Account  string  `json:"account,omitempty"`
	Started  int64   `json:"started_ms"`
	TTFT     *int64  `json:"ttft_ms"`
	Took     int64   `json:"took_ms"`
	Outcome  string  `json:"outcome"`
	Status   int     `json:"status"`
	Detail   *string `json:"detail"`
	Rested   *string `json:"rested"`
	Until    *string `json:"until"`
}

// show is a record as it is told; named tells which account was asked.
func (r *record) show(named bool) requestState {
	s := requestState{ID: r.id, Time: stamp(r.at), Client: text(r.who()), Asked: text(openai.Clean(r.asked, 200)),
		Model: text(r.model), Provider: text(r.from), Status: r.status, Outcome: r.word(), Error: text(r.code), Stream: r.need.Stream, Need: need(&r.need),
		Waited: r.waited.Milliseconds(), Took: r.took.Milliseconds(), TTFT: millis(r.ttft), Calls: r.calls, Attempts: make([]triedState, len(r.tries)),
		InputTokens: r.input, OutputTokens: r.output, Trail: string(r.trail)}
	for i := range r.tries {
		s.Attempts[i] = r.tries[i].show(named)
	}
	return s
}

// word is what came of the request as a whole.
func (r *record) word() string {
	switch {
	case r.begun:
		return r.outcome.String()
	case r.code == fallback.ClientLeft.String():
		return r.code
	}
	return "failed"
}

func (t *tried) show(named bool) triedState {
	s := triedState{Model: t.model, Provider: t.provider, Started: t.begun.Milliseconds(), TTFT: millis(t.ttft), Took: t.took.Milliseconds(),
		Outcome: t.class.String(), Status: t.status, Detail: text(t.detail), Until: moment(t.until)}
	if t.rested != fallback.TargetNone {
		s.Rested = text(t.rested.String())
	}
	if named {
		s.Account = t.account
	}
	return s
}

func millis(d time.Duration) *int64 {
	if d <= 0 {
		return nil
	}
	ms := d.Milliseconds()
	return &ms
}
