package proxy

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"github.com/valyala/fasthttp"

	"freefall/fallback"
	"freefall/internal/openai"
	"freefall/internal/server"
	"freefall/internal/upstream"
)

// ErrCut says that answers were cut because drain was over.
var ErrCut = errors.New("drain was over before the last answers were")

const (
	headLimit    = 16 << 10 // bytes of a request's head
	readTime     = 30 * time.Second
	idleTime     = 75 * time.Second
	stopGrace    = 2 * time.Second // for the last events after drain is over
	maxClients   = 20000
	clientsPerIP = 1000 // connections of one address, loopback apart
)

// Config is what a Proxy is built of.
type Config struct {
	Pool      *fallback.Pool
	Transport *upstream.Transport
	Settings  Settings
	Log       zerolog.Logger
	Version   string // for the metrics
	Values    []Value
	History   History  // nil = none
	Changes   *Changes // of the roster; nil = none are known yet, and they end with the Proxy
	Quirks    *Quirks  // nil = none are known yet, and what is learned ends with the Proxy

	// Doubt is told of each account that has refused as a whole for a limit: what we count of it may be wrong. nil = nobody is
	// told. It is called while a client waits, and must not block.
	Doubt func(provider, account string)

	// Shared counts for several replicas. nil = this is the only one.
	Shared Shared

	// Prices says what the tokens of a model cost those that pay for them, if that is known. nil = it is not.
	Prices func(provider, id string) (Price, bool)

	// LogLevel sets how much is logged. nil = it cannot be changed.
	LogLevel func(level string) error
}

// Proxy serves OpenAI clients.
type Proxy struct {
	pool      *fallback.Pool
	transport *upstream.Transport
	log       zerolog.Logger
	metrics   *metrics
	history   History
	prices    func(provider, id string) (Price, bool)
	quirks    *Quirks
	verdicts  openai.Verdicts
	changes   *Changes
	doubt     func(provider, account string)
	shared    Shared
	settings  atomic.Pointer[Settings]
	server    *server.Server
	bodies    budget
	answers   budget
	spent     spenders
	journal   journal
	sessions  sessions
	events    *hub
	logLevel  func(level string) error
	born      time.Time
	draining  atomic.Bool
	refused   atomic.Pointer[string] // why the newest configuration is not in use
	saidTLS   seldom                 // that a client speaks TLS
	saidFull  seldom                 // that nobody else is let in
	alarm     *time.Timer            // when a limit ends that somebody waits for

	mu     sync.Mutex // guards active, and exchange.waits of those in it
	active map[*exchange]struct{}
}

// New makes a proxy; Serve starts it.
func New(c Config) *Proxy {
	p := &Proxy{pool: c.Pool, transport: c.Transport, log: c.Log, born: time.Now(), active: map[*exchange]struct{}{}, history: c.History, doubt: c.Doubt, quirks: c.Quirks, changes: c.Changes, shared: c.Shared}
	if p.history == nil {
		p.history = noHistory{}
	}
	if p.quirks == nil {
		p.quirks = &Quirks{}
	}
	if p.changes == nil {
		p.changes = &Changes{}
	}
	if p.prices = c.Prices; p.prices == nil {
		p.prices = func(string, string) (Price, bool) { return Price{}, false }
	}
	p.events, p.logLevel = newHub(p), c.LogLevel
	p.metrics = newMetrics(p, c.Version, c.Values)
	p.setAlarm()
	p.Reconfigure(c.Settings)
	p.server = &server.Server{
		Handle:    p.handle,
		Refuse:    p.unreadable,
		Panicked:  func(cause any) { p.logPanic("", cause) },
		HeadTime:  readTime,
		IdleTime:  idleTime,
		HeadLimit: headLimit,
		MaxConns:  maxClients,
	}
	return p
}

// Reconfigure swaps the settings; requests under way keep theirs.
func (p *Proxy) Reconfigure(s Settings) {
	next := s.withDefaults()
	p.metrics.loaded(time.Now())
	p.metrics.meterClients(next.keys)
	p.settings.Store(next)
	p.refused.Store(nil)
	p.events.configured("")
	p.pool.Dispatch(time.Now()) // a new configuration may grant more to those that wait
}

// Refused tells that a new configuration was not taken: the one before it stays in use.
func (p *Proxy) Refused(why string) {
	p.metrics.reloaded.Set(0)
	p.refused.Store(&why)
	p.events.configured(why)
}

// Serve answers on ln until Shutdown. Connections that upstream.Watch accepted tell when their client leaves.
func (p *Proxy) Serve(ln net.Listener) error { return p.server.Serve(newListener(ln, clientsPerIP)) }

// Shutdown lets running answers finish for drain, then ends them with an error event. It returns when all have ended, and says
// whether any had to be cut. Requests that only wait for a limit are ended at once. Meanwhile connections are still taken: new
// requests and /readyz get a 503 with Retry-After, which clients handle better than a connection that is refused or reset.
func (p *Proxy) Shutdown(drain time.Duration) error {
	p.draining.Store(true)
	p.events.close()
	p.stop(func(x *exchange) bool { return x.waits })
	cut := !p.finished(drain)
	ctx, cancel := context.WithTimeout(context.Background(), stopGrace)
	defer cancel()
	if cut {
		p.stop(func(*exchange) bool { return true })
		p.finished(stopGrace)
	}
	p.silence()
	_ = p.server.Shutdown(ctx) // idle connections and viewers are not waited for
	if cut {
		return ErrCut
	}
	return nil
}

// finished waits, within bounds, until no request is under way.
func (p *Proxy) finished(within time.Duration) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(within); p.running() > 0; <-tick.C {
		if !time.Now().Before(end) {
			return false
		}
	}
	return true
}

// stop ends the exchanges that are meant.
func (p *Proxy) stop(meant func(*exchange) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for x := range p.active {
		if meant(x) {
			x.stop()
		}
	}
}

func (p *Proxy) running() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.active)
}

func (p *Proxy) enter(x *exchange) {
	p.mu.Lock()
	p.active[x] = struct{}{}
	p.mu.Unlock()
}

func (p *Proxy) leave(x *exchange) {
	p.mu.Lock()
	delete(p.active, x)
	p.mu.Unlock()
}

// handle is every request: who may enter, then the route.
func (p *Proxy) handle(ctx *fasthttp.RequestCtx) {
	s := p.settings.Load()
	h := &ctx.Request.Header
	if e := s.mayEnter(h); e != nil {
		linger(ctx)
		refuse(ctx, e)
		return
	}
	cors(h, &ctx.Response.Header)
	if e := unasked(h); e != nil && string(ctx.Path()) != "/login" { // which takes a form, and judges by itself
		linger(ctx)
		refuse(ctx, e)
		return
	}
	if string(ctx.Method()) == fasthttp.MethodOptions {
		preflight(ctx)
		return
	}
	path := string(ctx.Path())
	route, rest, ok := find(path)
	switch method := string(ctx.Method()); {
	case !ok:
		lingerIfLarge(ctx)
		refuse(ctx, unknownRoute(path))
	case method != route.method && !(method == fasthttp.MethodHead && route.method == fasthttp.MethodGet):
		lingerIfLarge(ctx)
		wrongMethod(ctx, route.method)
	default:
		who, e := p.identify(h, s, route)
		if e != nil {
			lingerIfLarge(ctx)
			refuse(ctx, e)
			return
		}
		if e := s.mayChat(who); e != nil && !route.open {
			linger(ctx)
			refuse(ctx, e)
			return
		}
		ctx.SetUserValue(restKey, rest)
		route.serve(p, ctx, s, who)
	}
}

// identify is who asks: by a key, or by the cookie of a signed-in page, which is good for everything but OpenAI's own routes.
func (p *Proxy) identify(h *fasthttp.RequestHeader, s *Settings, r *route) (caller, *openai.Error) {
	who := s.identify(h)
	if who.known || !r.cookie() {
		return who, nil
	}
	if admin, e := p.signedIn(h, s); e != nil || admin.known {
		return admin, e
	}
	return who, nil
}

const restKey = "rest"

type route struct {
	method string
	path   string
	open   bool // needs no client's key even when clients are configured
	serve  func(*Proxy, *fasthttp.RequestCtx, *Settings, caller)
}

// cookie says whether the cookie of a signed-in page is good for the route.
func (r *route) cookie() bool { return strings.HasPrefix(r.path, "/api/") || r.path == "/metrics" }

// routes are all there are. /v1, /api/v1 and no prefix mean the same for OpenAI's own, a slash at the end never matters.
var routes = []route{
	{"POST", "/chat/completions", false, chatDoor.serve},
	{"POST", "/completions", false, textDoor.serve},
	{"POST", "/responses", false, responsesDoor.serve},
	{"POST", "/messages", false, messagesDoor.serve},
	{"POST", "/messages/count_tokens", false, (*Proxy).countTokens},
	{"POST", "/embeddings", false, embeddingDoor.serve},
	{"GET", "/models", false, (*Proxy).models},
	{"GET", "/models/*", false, (*Proxy).oneModel},
	{"GET", "/api/chat/models", false, (*Proxy).state},
	{"POST", "/api/chat/models/*/pause", true, (*Proxy).pause},
	{"POST", "/api/chat/models/*/resume", true, (*Proxy).resume},
	{"POST", "/api/chat/models/*/reset", true, (*Proxy).reset},
	{"POST", "/api/chat/explain", false, (*Proxy).explain},
	{"GET", "/api/chat/history", false, (*Proxy).past},
	{"GET", "/api/chat/requests", false, (*Proxy).requests},
	{"GET", "/api/chat/requests/*", false, (*Proxy).request},
	{"GET", "/api/chat/session", true, (*Proxy).session},
	{"GET", "/api/events", false, (*Proxy).watch},
	{"POST", "/api/log/level", true, (*Proxy).setLogLevel},
	{"POST", "/login", true, (*Proxy).login},
	{"POST", "/logout", true, (*Proxy).logout},
	{"GET", "/openapi.json", true, (*Proxy).openapi},
	{"GET", "/", true, (*Proxy).dashboard},
	{"GET", "/assets/*", true, (*Proxy).dashboard},
	{"GET", "/metrics", false, (*Proxy).metricsPage},
	{"GET", "/healthz", true, (*Proxy).healthz},
	{"GET", "/health/liveliness", true, (*Proxy).healthz},
	{"GET", "/readyz", true, (*Proxy).readyz},
	{"GET", "/health/readiness", true, (*Proxy).readyz},
}

// find is the route of a path, and what the "*" of its pattern stands for.
func find(path string) (r *route, rest string, ok bool) {
	path = openAIPath(path)
	for i := range routes {
		r := &routes[i]
		if r.path == path {
			return r, "", true
		}
		if prefix, suffix, star := strings.Cut(r.path, "*"); star && len(path) > len(prefix)+len(suffix) &&
			strings.HasPrefix(path, prefix) && strings.HasSuffix(path, suffix) {
			return r, path[len(prefix) : len(path)-len(suffix)], true
		}
	}
	return nil, "", false
}

// openAIPath is a path without the prefix that OpenAI's own may have, and without slashes at its end.
func openAIPath(path string) string {
	if path = strings.TrimRight(path, "/"); path == "" {
		path = "/"
	}
	short := strings.TrimPrefix(path, "/api")
	if v1, has := strings.CutPrefix(short, "/v1"); has {
		for strings.HasPrefix(v1, "/v1/") { // Anthropic's clients add one to a base URL that ends in it, and Claude Code would blame the model
			v1 = v1[len("/v1"):]
		}
		return v1
	}
	return path
}
