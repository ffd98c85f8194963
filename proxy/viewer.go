package proxy

import (
	"io"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"freefall/internal/openai"
	"freefall/internal/server"
)

const (
	heartbeat  = 15 * time.Second
	maxPending = 256 << 10 // bytes that wait for a viewer who reads slowly
	greeting   = "retry: 1000\n\n"
)

// viewer is one stream of events. The goroutine that serves its connection writes it; the hub only leaves bytes here.
type viewer struct {
	hub   *hub
	key   viewKey
	who   caller
	shown credential
	watch watched
	gone  chan struct{}
	once  sync.Once
	wake  chan struct{}

	mu      sync.Mutex
	pending []byte
	behind  bool // it has missed something, or everything so far: the next thing is the whole state
}

// watch answers GET /api/events.
func (p *Proxy) watch(ctx *fasthttp.RequestCtx, s *Settings, who caller) {
	all, e := s.mayRead(who)
	if e != nil {
		refuse(ctx, e)
		return
	}
	if p.draining.Load() {
		ctx.Response.Header.Set("Retry-After", "1")
		refuse(ctx, stopping())
		return
	}
	v := &viewer{hub: p.events, who: who, shown: shown(&ctx.Request.Header), gone: make(chan struct{}), wake: make(chan struct{}, 1), behind: true,
		key: viewKey{all: all, changes: s.mayChange(ctx, who) == nil, client: who.client()}}
	if !p.events.enter(v) {
		ctx.Response.Header.Set("Retry-After", "10")
		refuse(ctx, &openai.Error{Status: 503, Type: "server_error", Code: "too_many_viewers",
			Message: "too many look at the events already; GET /api/chat/models tells the state, too"})
		return
	}
	if c, ok := ctx.Conn().(*conn); ok && c.watched != nil {
		v.watch = c.watched
		v.watch.Attach(v.end)
	}
	p.events.touch()
	h := &ctx.Response.Header
	h.SetContentType("text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	server.Stream(ctx, v)
}

// end ends the stream. It is called where it is known that nobody reads it any more, or may.
func (v *viewer) end() { v.once.Do(func() { close(v.gone) }) }

// show leaves what is new, or drops it when the viewer has too much to read already.
func (v *viewer) show(w *view) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.behind && len(v.pending) > 0:
		return
	case v.behind:
		v.behind = false
		v.pending = append(v.pending, w.all()...)
	case len(v.pending) > 0 && len(v.pending)+len(w.change)+len(w.events) > maxPending:
		v.behind = true
		return
	default:
		v.pending = append(v.pending, w.change...)
	}
	v.pending = append(v.pending, w.events...)
	if len(v.pending) > 0 {
		select {
		case v.wake <- struct{}{}:
		default:
		}
	}
}

// take gives what waits. The buffer of the last time serves again.
func (v *viewer) take(last []byte) []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := v.pending
	v.pending = last[:0]
	if cap(last) > maxPending {
		v.pending = nil
	}
	return out
}

// WriteTo writes events until the viewer leaves or freefall stops.
func (v *viewer) WriteTo(w io.Writer) (n int64, err error) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	out := []byte(greeting)
	for {
		if len(out) > 0 {
			m, err := w.Write(out)
			n += int64(m)
			if err != nil {
				return n, err
			}
		}
		select {
		case <-v.gone:
			return n, nil
		case <-v.wake:
			out = v.take(out)
		case <-beat.C:
			out = append(out[:0], ": still here\n\n"...)
		}
	}
}

// Close leaves the hub. The server calls it on every path.
func (v *viewer) Close() error {
	if v.watch != nil {
		v.watch.Detach()
		v.watch = nil
	}
	v.end()
	v.hub.leave(v)
	return nil
}
