package proxy

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"freefall/fallback"
)

// What the pool knows becomes metrics when somebody asks for them.

// poolState shows the state of the pool when it is asked.
type poolState struct{ pool *fallback.Pool }

var (
	availableDesc = prometheus.NewDesc("freefall_model_available", "1 if the model can be asked now.", []string{"provider", "model"}, nil)
	failuresDesc  = prometheus.NewDesc("freefall_model_failures", "Failures that are counted against the model, 0 to the breaker's number.", []string{"provider", "model"}, nil)
	readyDesc     = prometheus.NewDesc("freefall_model_available_timestamp_seconds", "When a resting model can be asked again, if an end is in sight.", []string{"provider", "model"}, nil)
)

func (poolState) Describe(ch chan<- *prometheus.Desc) {
	ch <- availableDesc
	ch <- failuresDesc
	ch <- readyDesc
}

func (m poolState) Collect(ch chan<- prometheus.Metric) {
	for _, s := range m.pool.Snapshot(time.Now()) {
		available := 0.0
		if s.Available {
			available = 1
		}
		ch <- prometheus.MustNewConstMetric(availableDesc, prometheus.GaugeValue, available, s.Model.Provider, s.Model.ID)
		ch <- prometheus.MustNewConstMetric(failuresDesc, prometheus.GaugeValue, float64(s.FailureCount), s.Model.Provider, s.Model.ID)
		if !s.AvailableAt.IsZero() {
			ch <- prometheus.MustNewConstMetric(readyDesc, prometheus.GaugeValue, float64(s.AvailableAt.Unix()), s.Model.Provider, s.Model.ID)
		}
	}
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
	page := quotaPage{ch: ch, seen: map[string]bool{}}
	for _, a := range l.pool.Accounts(now) {
		for _, q := range a.Quota {
			page.show(quotaUsedDesc, quotaLimitDesc, quotaResetsDesc, &q, "", q.Account, "", q.Window)
		}
	}
	for _, s := range l.pool.Snapshot(now) {
		for _, q := range s.Quota {
			if q.Scope == "model" {
				page.show(quotaUsedDesc, quotaLimitDesc, quotaResetsDesc, &q, s.Model.Provider, q.Account, s.Model.ID, q.Window)
			}
		}
	}
	for _, q := range l.pool.Clients(now) {
		page.show(shareUsedDesc, shareLimitDesc, shareResetsDesc, &q, q.Account, q.Window)
	}
}

// quotaPage shows each window once: two of one name, a sliding and a fixed one that nobody could tell apart yet, would spoil the
// whole page.
type quotaPage struct {
	ch   chan<- prometheus.Metric
	seen map[string]bool
}

func (p *quotaPage) show(used, limit, resets *prometheus.Desc, q *fallback.Quota, labels ...string) {
	name := q.Scope + "\x00" + strings.Join(labels, "\x00")
	if p.seen[name] {
		return
	}
	p.seen[name] = true
	p.ch <- prometheus.MustNewConstMetric(used, prometheus.GaugeValue, float64(q.Used), labels...)
	p.ch <- prometheus.MustNewConstMetric(limit, prometheus.GaugeValue, float64(q.Limit), labels...)
	if !q.ResetsAt.IsZero() {
		p.ch <- prometheus.MustNewConstMetric(resets, prometheus.GaugeValue, float64(q.ResetsAt.Unix()), labels...)
	}
}
