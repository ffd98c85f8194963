package proxy

import (
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
	"github.com/valyala/fasthttp"

	"freefall/fallback"
	"freefall/internal/openai"
)

// metrics are the counters of one Proxy. Labels come from closed sets (the configured rows, the classes of an outcome), and
// a row's counters are looked up once for each configuration.
type metrics struct {
	registry  *prometheus.Registry
	requests  [6]prometheus.Counter                   // by the first digit of the status
	fallovers [fallback.NumClasses]prometheus.Counter // by why the first model did not answer
	hedges    [numHedgeEnds]prometheus.Counter
	seams     [2]prometheus.Counter // by whether the text went on
	running   prometheus.GaugeFunc
	duration  prometheus.Histogram
	attempts  *prometheus.CounterVec
	ttft      *prometheus.HistogramVec
	spend     prometheus.Counter
	reloaded  prometheus.Gauge
	reloadAt  prometheus.Gauge
	waits     [numWaitEnds]prometheus.Counter
	waitTime  prometheus.Histogram
	clients   *prometheus.CounterVec
	shares    *prometheus.CounterVec
	tokens    *prometheus.CounterVec
	roster    *prometheus.CounterVec
	meters    sync.Map // *Route -> *meter
}

// meter are the counters of one row.
type meter struct {
	outcomes      [fallback.NumClasses]prometheus.Counter
	ttft          prometheus.Observer
	input, output prometheus.Counter // tokens
}

// rosterWords are what a Change may be.
var rosterWords = [...]string{"joined", "left", "gone", "not_free", "back"}

// clientEnd is what a client got for a request.
type clientEnd uint8

const (
	clientAnswered clientEnd = iota
	clientDenied             // its share was spent
	clientGone               // it left
	clientFailed             // an error, its own or ours
	numClientEnds
)

var clientEnds = [numClientEnds]string{"answered", "share_spent", "left", "failed"}

// clientMeter are the counters of one client with a key.
type clientMeter struct {
	ends   [numClientEnds]prometheus.Counter
	tokens prometheus.Counter
}

var seconds = []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 90, 180}

func newMetrics(p *Proxy, version string, values []Value) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "freefall_requests_total",
		Help: "Requests that were answered, by status."}, []string{"status"})
	for i, label := range []string{"", "1xx", "2xx", "3xx", "4xx", "5xx"} {
		if label != "" {
			m.requests[i] = requests.WithLabelValues(label)
		}
	}
	fallovers := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "freefall_fallovers_total",
		Help: "Requests that were answered by another model than the first one asked, by what came of that one."}, []string{"outcome"})
	for c := range m.fallovers {
		m.fallovers[c] = fallovers.WithLabelValues(fallback.Class(c).String())
	}
	hedges := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "freefall_hedges_total",
		Help: "Second attempts beside a slow first one, by which of the two was the answer."}, []string{"winner"})
	for end := range m.hedges {
		m.hedges[end] = hedges.WithLabelValues(hedgeEnds[end])
	}
	seams := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "freefall_seams_total",
		Help: "Streams of text that broke off and were to go on from another model."}, []string{"outcome"})
	m.seams = [2]prometheus.Counter{seams.WithLabelValues("broke_off"), seams.WithLabelValues("went_on")}
	m.running = prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "freefall_requests_running",
		Help: "Requests under way."}, func() float64 { return float64(p.running()) })
	m.duration = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "freefall_request_duration_seconds",
		Help: "Time from a request's head to the last byte of its answer.", Buckets: seconds})
	m.attempts = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "freefall_attempts_total",
		Help: "Calls to providers, by what came of them."}, []string{"provider", "model", "outcome"})
	m.ttft = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "freefall_ttft_seconds",
		Help: "Time from sending to the first content of a stream, or to a whole answer.", Buckets: seconds}, []string{"provider", "model"})
	m.spend = prometheus.NewCounter(prometheus.CounterOpts{Name: "freefall_spend_alarm_total",
		Help: "Answers that a provider says cost money. Anything above zero wants a look."})
	m.reloaded = prometheus.NewGauge(prometheus.GaugeOpts{Name: "freefall_config_last_reload_successful",
		Help: "1 if the configuration in the file is the one in use."})
	m.reloadAt = prometheus.NewGauge(prometheus.GaugeOpts{Name: "freefall_config_last_reload_success_timestamp_seconds",
		Help: "When the configuration in use was loaded."})
	waits := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "freefall_waits_total",
		Help: "Waits of requests for a limit to end, by what came of them."}, []string{"outcome"})
	for end := range m.waits {
		m.waits[end] = waits.WithLabelValues(waitEnds[end])
	}
	m.waitTime = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "freefall_wait_seconds",
		Help: "How long requests waited for a limit to end.", Buckets: seconds})
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "freefall_waiting",
		Help: "Requests that wait for a limit to end."}, func() float64 { return float64(p.pool.Waiting()) })
	viewers := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "freefall_event_viewers",
		Help: "Streams of events that are open."}, func() float64 { return float64(p.events.count()) })
	journal := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "freefall_journal_requests",
		Help: "Requests that the journal holds."}, func() float64 { return float64(p.journal.count()) })
	m.clients = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "freefall_client_requests_total",
		Help: "Requests of clients with keys of their own, by what they got."}, []string{"client", "outcome"})
	m.tokens = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "freefall_tokens_total",
		Help: "Tokens of answers, as far as providers report them."}, []string{"provider", "model", "direction"})
	m.roster = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "freefall_roster_changes_total",
		Help: "Models that joined, left, were parked or came back, because their provider's list says so."}, []string{"change"})
	for _, word := range rosterWords {
		m.roster.WithLabelValues(word)
	}
	m.shares = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "freefall_client_tokens_total",
		Help: "Tokens of answers to clients with keys of their own, input and output, as far as providers report them."}, []string{"client"})
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "freefall_build_info", Help: "1; the labels say what is running.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()}}, func() float64 { return 1 })
	m.registry.MustRegister(requests, fallovers, hedges, seams, m.running, m.duration, m.attempts, m.ttft, m.spend, m.reloaded, m.reloadAt, build,
		waits, m.waitTime, waiting, viewers, journal, m.clients, m.shares, m.tokens, m.roster, poolState{p}, quotaLedger{p.pool},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, v := range values {
		m.registry.MustRegister(v.collector())
	}
	m.loaded(time.Now())
	return m
}

// row gives the counters of one row. Their labels are looked up once for each configuration, not when they count.
func (m *metrics) row(model *fallback.Model) *meter {
	if r, ok := m.meters.Load(model.Via); ok {
		return r.(*meter)
	}
	r := &meter{ttft: m.ttft.WithLabelValues(model.Provider, model.ID),
		input:  m.tokens.WithLabelValues(model.Provider, model.ID, "input"),
		output: m.tokens.WithLabelValues(model.Provider, model.ID, "output")}
	for c := range r.outcomes {
		r.outcomes[c] = m.attempts.WithLabelValues(model.Provider, model.ID, fallback.Class(c).String())
	}
	m.meters.Store(model.Via, r)
	return r
}

func (m *metrics) loaded(at time.Time) {
	m.meters.Clear()
	m.reloaded.Set(1)
	m.reloadAt.Set(float64(at.Unix()))
}

// meterClients gives each client's key its counters.
func (m *metrics) meterClients(keys []keyHash) {
	for i := range keys {
		if keys[i].admin {
			continue
		}
		c := &clientMeter{tokens: m.shares.WithLabelValues(keys[i].name)}
		for end := range c.ends {
			c.ends[end] = m.clients.WithLabelValues(keys[i].name, clientEnds[end])
		}
		keys[i].meter = c
	}
}

// client counts a request of a client with a key.
func (m *metrics) client(x *exchange, o *fallback.Outcome) {
	c, end := x.who.meter, clientFailed
	switch {
	case c == nil:
		return
	case x.denied:
		end = clientDenied
	case x.left.Load() || o != nil && o.Class == fallback.ClientLeft:
		end = clientGone
	case o != nil && o.Class == fallback.OK:
		end = clientAnswered
	}
	c.ends[end].Inc()
	if o != nil {
		c.tokens.Add(float64(max(0, o.InputTokens) + max(0, o.OutputTokens)))
	}
}

// waited counts one wait.
func (m *metrics) waited(end waitEnd, d time.Duration) {
	m.waits[end].Inc()
	m.waitTime.Observe(d.Seconds())
}

// request counts an answered request.
func (m *metrics) request(x *exchange, status int, answered bool, took time.Duration) {
	if digit := status / 100; digit >= 1 && digit <= 5 {
		m.requests[digit].Inc()
	}
	if answered && x.fellOver() {
		m.fallovers[x.record.cause()].Inc()
	}
	m.duration.Observe(took.Seconds())
}

// cause is why the first model that was asked gave no answer.
func (r *record) cause() fallback.Class {
	for i := range r.tries {
		if c := r.tries[i].class; c != fallback.HedgeLost {
			return c
		}
	}
	return fallback.OK
}

// first observes the time to the first content.
func (m *metrics) first(model *fallback.Model, d time.Duration) {
	m.row(model).ttft.Observe(d.Seconds())
}

// attempt counts one call.
func (m *metrics) attempt(model *fallback.Model, o *fallback.Outcome) {
	r := m.row(model)
	r.outcomes[o.Class].Inc()
	if o.InputTokens > 0 {
		r.input.Add(float64(o.InputTokens))
	}
	if o.OutputTokens > 0 {
		r.output.Add(float64(o.OutputTokens))
	}
	if o.CostUSD > 0 {
		m.spend.Inc()
	}
}

// metricsPage answers GET /metrics. With an admin key configured it takes that one.
func (p *Proxy) metricsPage(ctx *fasthttp.RequestCtx, s *Settings, who caller) {
	if e := s.mayWatch(who); e != nil {
		refuse(ctx, e)
		return
	}
	families, err := p.metrics.registry.Gather()
	if err != nil && len(families) == 0 {
		refuse(ctx, &openai.Error{Status: 500, Type: "server_error", Code: "internal_error", Message: "the metrics could not be gathered"})
		return
	}
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	ctx.Response.Header.SetContentType(string(format))
	encoder := expfmt.NewEncoder(ctx.Response.BodyWriter(), format)
	for _, family := range families {
		if err := encoder.Encode(family); err != nil {
			return
		}
	}
}
