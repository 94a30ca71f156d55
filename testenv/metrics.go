package testenv

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// resourceCollector shows the network's counters to Prometheus: per resource what is in use and its limit, which is what a
// forecast needs.
type resourceCollector struct {
	stats   func() []ResourceStats
	metrics []resourceMetric
}

type resourceMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(ResourceStats) float64
}

var _ prometheus.Collector = (*resourceCollector)(nil)

func newResourceCollector(stats func() []ResourceStats) *resourceCollector {
	metric := func(name, help string, kind prometheus.ValueType, value func(ResourceStats) float64) resourceMetric {
		name = "pegel_testenv_resource_" + name
		return resourceMetric{prometheus.NewDesc(name, help, []string{"resource", "kind"}, nil), kind, value}
	}
	const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue
	return &resourceCollector{stats, []resourceMetric{
		metric("in_use", "Units in use now.", gauge, func(s ResourceStats) float64 { return float64(s.InUse) }),
		metric("limit", "Units there are.", gauge, func(s ResourceStats) float64 { return float64(s.Limit) }),
		metric("queue_limit", "Visits that may wait; negative: any number.", gauge, func(s ResourceStats) float64 { return float64(s.QueueLimit) }),
		metric("kept", "Of the units in use now, those that no visit uses and an account keeps.", gauge, func(s ResourceStats) float64 { return float64(s.Kept) }),
		metric("queue", "Visits waiting for a unit now.", gauge, func(s ResourceStats) float64 { return float64(s.Queue) }),
		metric("busy_seconds_total", "Units in use, integrated over time.", counter, func(s ResourceStats) float64 { return s.Busy }),
		metric("served_total", "Units given back.", counter, func(s ResourceStats) float64 { return float64(s.Served) }),
		metric("refused_total", "Visits that found the queue full.", counter, func(s ResourceStats) float64 { return float64(s.Refused) }),
		metric("wait_seconds_total", "Visits waiting, integrated over time.", counter, func(s ResourceStats) float64 { return s.Wait }),
	}}
}

func (c *resourceCollector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range c.metrics {
		out <- m.desc
	}
}

func (c *resourceCollector) Collect(out chan<- prometheus.Metric) {
	// One reading for all metrics: they belong to the same instant.
	for _, s := range c.stats() {
		for _, m := range c.metrics {
			out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(s), s.Name, s.Kind)
		}
	}
}

// newMetricsHandler serves /metrics: the resources and this process.
func newMetricsHandler(stats func() []ResourceStats) *http.ServeMux {
	registry := prometheus.NewRegistry()
	registry.MustRegister(newResourceCollector(stats), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}
