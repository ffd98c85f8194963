package proxy

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"freefall/fallback"
)

// What the pool knows becomes metrics when somebody asks for them.

// poolState shows the state of the pool when it is asked.
type poolState struct{ proxy *Proxy }

var (
	currentDesc   = prometheus.NewDesc("freefall_model_current", "1 for the model that the next plain request would ask first.", []string{"provider", "model"}, nil)
	availableDesc = prometheus.NewDesc("freefall_model_available", "1 if the model can be asked now.", []string{"provider", "model"}, nil)
	failuresDesc  = prometheus.NewDesc("freefall_model_failures", "Failures that are counted against the model, 0 to the breaker's number.", []string{"provider", "model"}, nil)
	readyDesc     = prometheus.NewDesc("freefall_model_available_timestamp_seconds", "When a resting model can be asked again, if an end is in sight.", []string{"provider", "model"}, nil)
	keysDesc      = prometheus.NewDesc("freefall_provider_keys", "Keys of a provider: available, resting, or parked until the configuration changes.", []string{"provider", "state"}, nil)

	leftDesc  = prometheus.NewDesc("freefall_today_requests_left", "What all accounts with a known limit of a day still grant together.", nil, nil)
	grantDesc = prometheus.NewDesc("freefall_today_requests_limit", "What they grant in a day.", nil, nil)
	resetDesc = prometheus.NewDesc("freefall_today_resets_timestamp_seconds", "When the first of their days ends.", nil, nil)
	lastsDesc = prometheus.NewDesc("freefall_today_lasts_until_timestamp_seconds", "When the last hour's pace has used up what is left, if that is before the reset.", nil, nil)
)

func (poolState) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{currentDesc, availableDesc, failuresDesc, readyDesc, keysDesc, leftDesc, grantDesc, resetDesc, lastsDesc} {
		ch <- d
	}
}

func (m poolState) Collect(ch chan<- prometheus.Metric) {
	now := time.Now()
	page := gauges{ch}
	for _, s := range m.proxy.pool.Snapshot(now) {
		page.show(currentDesc, truth(s.Current), s.Model.Provider, s.Model.ID)
		page.show(availableDesc, truth(s.Available), s.Model.Provider, s.Model.ID)
		page.show(failuresDesc, float64(s.FailureCount), s.Model.Provider, s.Model.ID)
		page.moment(readyDesc, s.AvailableAt, s.Model.Provider, s.Model.ID)
	}
	m.keys(page, now)
	left := m.proxy.pool.Left(now)
	if left.Bounded > 0 {
		page.show(leftDesc, float64(left.Requests))
		page.show(grantDesc, float64(left.Limit))
	}
	page.moment(resetDesc, left.ResetsAt)
	page.moment(lastsDesc, left.LastsUntil)
}

// keys shows how many keys each provider has, by their state.
func (m poolState) keys(page gauges, now time.Time) {
	counts := map[string]map[string]int{}
	for _, k := range m.proxy.keys(now) {
		if counts[k.Provider] == nil {
			counts[k.Provider] = map[string]int{"available": 0, "rests": 0, "parked": 0}
		}
		counts[k.Provider][k.State]++
	}
	for provider, states := range counts {
		for state, n := range states {
			page.show(keysDesc, float64(n), provider, state)
		}
	}
}

// gauges are what a look at the pool shows.
type gauges struct{ ch chan<- prometheus.Metric }

func (g gauges) show(d *prometheus.Desc, value float64, labels ...string) {
	g.ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

// moment shows a time; one that is not in sight has no line.
func (g gauges) moment(d *prometheus.Desc, at time.Time, labels ...string) {
	if !at.IsZero() {
		g.show(d, float64(at.Unix()), labels...)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// quotaLedger shows what is drawn from windows when it is asked.
type quotaLedger struct{ pool *fallback.Pool }

var (
	windowLabels    = []string{"provider", "account", "model", "window"}
	quotaUsedDesc   = prometheus.NewDesc("freefall_quota_used", "What was drawn from a window of an account, or of one of its models.", windowLabels, nil)
	quotaLimitDesc  = prometheus.NewDesc("freefall_quota_limit", "What the window grants.", windowLabels, nil)
	quotaResetsDesc = prometheus.NewDesc("freefall_quota_resets_timestamp_seconds", "When the window is next less full, if anything was drawn.", windowLabels, nil)

	shareLabels     = []string{"client", "window"}
	shareUsedDesc   = prometheus.NewDesc("freefall_client_share_used", "What a client has drawn from its share.", shareLabels, nil)
	shareLimitDesc  = prometheus.NewDesc("freefall_client_share_limit", "What the client's share grants.", shareLabels, nil)
	shareResetsDesc = prometheus.NewDesc("freefall_client_share_resets_timestamp_seconds", "When the share is next less full, if anything was drawn.", shareLabels, nil)
)

func (quotaLedger) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{quotaUsedDesc, quotaLimitDesc, quotaResetsDesc, shareUsedDesc, shareLimitDesc, shareResetsDesc} {
		ch <- d
	}
}

func (l quotaLedger) Collect(ch chan<- prometheus.Metric) {
	now := time.Now()
	page := quotaPage{gauges{ch}, map[string]bool{}}
	for _, a := range l.pool.Accounts(now) {
		for _, q := range a.Quota {
			page.window(quotaUsedDesc, quotaLimitDesc, quotaResetsDesc, &q, "", q.Account, "", q.Window)
		}
	}
	for _, s := range l.pool.Snapshot(now) {
		for _, q := range s.Quota {
			if q.Scope == "model" {
				page.window(quotaUsedDesc, quotaLimitDesc, quotaResetsDesc, &q, s.Model.Provider, q.Account, s.Model.ID, q.Window)
			}
		}
	}
	for _, q := range l.pool.Clients(now) {
		page.window(shareUsedDesc, shareLimitDesc, shareResetsDesc, &q, q.Account, q.Window)
	}
}

// quotaPage shows each window once: two of one name, a sliding and a fixed one that nobody could tell apart yet, would spoil the
// whole page.
type quotaPage struct {
	gauges
	seen map[string]bool
}

func (p *quotaPage) window(used, limit, resets *prometheus.Desc, q *fallback.Quota, labels ...string) {
	name := q.Scope + "\x00" + strings.Join(labels, "\x00")
	if p.seen[name] {
		return
	}
	p.seen[name] = true
	p.show(used, float64(q.Used), labels...)
	p.show(limit, float64(q.Limit), labels...)
	p.moment(resets, q.ResetsAt, labels...)
}
