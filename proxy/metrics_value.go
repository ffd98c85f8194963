package proxy

import "github.com/prometheus/client_golang/prometheus"

// Value is a number that somebody else keeps, shown among the metrics; with Labels it is a gauge of several.
type Value struct {
	Name, Help string
	Counts     bool // it never goes down; otherwise it is a gauge
	Read       func() float64

	Labels []string
	Each   func(show func(value float64, labels ...string)) // instead of Read: shows them all, each set of labels once
}

// labelled are the values of a Value with labels.
type labelled struct {
	desc *prometheus.Desc
	each func(show func(value float64, labels ...string))
}

func (l labelled) Describe(ch chan<- *prometheus.Desc) { ch <- l.desc }

func (l labelled) Collect(ch chan<- prometheus.Metric) {
	l.each(func(value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(l.desc, prometheus.GaugeValue, value, labels...)
	})
}

func (v Value) collector() prometheus.Collector {
	if v.Labels != nil {
		return labelled{prometheus.NewDesc(v.Name, v.Help, v.Labels, nil), v.Each}
	}
	if v.Counts {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: v.Name, Help: v.Help}, v.Read)
	}
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: v.Name, Help: v.Help}, v.Read)
}
