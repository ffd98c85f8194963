package proxy

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"freefall/fallback"
	"freefall/internal/openai"
	"freefall/internal/upstream"
)

// exchange is one request from its first byte to the last of its answer. It belongs to the goroutine that serves the
// connection; only left and stopped are set by others.
type exchange struct {
	proxy    *Proxy
	settings *Settings
	id       string
	who      caller
	started  time.Time
	deadline time.Time // the search ends here, committed or not
	maxWait  time.Duration

	door  *door
	words openai.Translator // puts the answer into the words of the door's API; nil where it has none

	req  *openai.Request
	held int          // bytes of the body budget
	lent *[]byte      // the buffer that the body is in, if others may use it afterwards
	kept atomic.Int64 // bytes of the budget of answers

	walk  *fallback.Walk   // of walks; nil once the exchange has ended
	flows [2]upstream.Flow // of the attempt under way, and of the one beside it; cancelled when the client leaves or freefall stops
	watch watched

	left    atomic.Bool // the client has gone
	stopped atomic.Bool // freefall is stopping and drain is over

	attempt   *fallback.Attempt // under way
	model     *fallback.Model   // whose answer or refusal the client gets
	first     *fallback.Model   // the first one that was asked, if it gave nothing
	trail     []byte
	firstStep [56]byte                 // behind trail, as long as that is short
	pending   failure                  // the last failed attempt, not logged yet
	refusal   *openai.Error            // the upstream's own words of a client's fault, for the client
	ambiguous *openai.Error            // likewise, but another provider may see it differently
	doubter   *fallback.Model          // who gave it
	empties   atomic.Int32             // answers without content
	misfits   atomic.Int32             // answers that broke the form that was asked for
	misfit    *reply                   // the first of them, in case that nobody has a better one
	habits    atomic.Pointer[[]string] // of the client that a model did not take: others are asked without them too
	commit    time.Time
	retry     time.Duration // when somebody is ready again, for an exhausted answer
	waited    time.Duration // for limits to end
	patience  time.Time     // when it waits no more; zero until it waits
	taught    bool          // a model has said how it is to be asked: another try may succeed at once
	waits     bool          // it does so now; guarded by proxy.mu
	unheard   bool          // the counter that replicas share has not answered it
	denied    bool          // the client's share was spent
	doubled   bool          // it has had a second attempt beside a slow one
	panicked  atomic.Bool   // somewhere: nothing of it is used again
	record    *record       // for the journal
}

// walks are used again: what they remember of so many models is most of what an exchange would take.
var walks = sync.Pool{New: func() any { return new(fallback.Walk) }}

func (p *Proxy) begin(ctx *fasthttp.RequestCtx, s *Settings, who caller) *exchange {
	now := ctx.Time()
	x := &exchange{proxy: p, settings: s, door: &chatDoor, id: requestID(&ctx.Request.Header), who: who, started: now, deadline: now.Add(s.Total),
		record: newRecord(), walk: walks.Get().(*fallback.Walk)}
	p.enter(x)
	return x
}

// attend makes the departure of the client cancel whatever the exchange waits for.
func (x *exchange) attend(ctx *fasthttp.RequestCtx) {
	if c, ok := ctx.Conn().(*conn); ok && c.watched != nil {
		x.watch = c.watched
		x.watch.Attach(func() {
			x.left.Store(true)
			x.cancel()
		})
	}
}

// end is called once, whatever became of the request; now is when that was clear.
func (x *exchange) end(now time.Time, status int, o *fallback.Outcome) {
	if x.watch != nil {
		x.watch.Detach()
		x.watch = nil
	}
	x.release()
	x.forgo(int(x.kept.Load()))
	x.discharge(now, status, o)
	x.proxy.leave(x)
	took := now.Sub(x.started)
	x.proxy.metrics.request(x, status, o != nil, took)
	x.proxy.metrics.client(x, o)
	x.proxy.spent.add(now, x.who, o)
	x.record.close(x, status, o, took)
	x.proxy.journal.add(x.record)
	x.proxy.events.touch()
	x.proxy.logRequest(x, status, o, took)
	if !x.panicked.Load() {
		x.walk.Reset()
		walks.Put(x.walk)
	}
	x.walk = nil
}

// fellOver says whether another model than the first one asked is the one that the client hears.
func (x *exchange) fellOver() bool { return x.first != nil && x.first != x.model }

// stop cancels the exchange because freefall itself is stopping.
func (x *exchange) stop() {
	x.stopped.Store(true)
	x.cancel()
}

// cancel ends whatever the exchange waits for, now and from now on.
func (x *exchange) cancel() {
	for i := range x.flows {
		x.flows[i].Cancel()
	}
}

// cancelled says whether nobody needs the answer any more.
func (x *exchange) cancelled() bool { return x.left.Load() || x.stopped.Load() }
