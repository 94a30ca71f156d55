package testenv

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// softwarePage shows counters of the platform as one program's exporter names them. All values of one reading belong to the same
// instant.
type softwarePage struct {
	path  string
	shows func(d Definition) bool // whether the platform has what the page tells of
	write func(p *Platform, c *counters, out emitter)
}

// softwarePages are the pages below /metrics. Names, labels and types are those of HAProxy's own exporter, postgres_exporter,
// pgbouncer_exporter, node_exporter, php-fpm_exporter, and of Dovecot's own page. Each shard of the database has another one.
func softwarePages() []softwarePage {
	return []softwarePage{
		{"haproxy", hasKind("slots"), writeHAProxy},
		{"php-fpm", hasKind("workers"), writeFPM},
		{"pgbouncer", hasResource(func(r Resource) bool { return r.Kind == "pool" && r.Group == "" }), writePgBouncer},
		{"postgres", func(d Definition) bool { return len(shardsOf(d)) > 0 }, writePostgres(0)},
		{"node", hasKind("cpu", "cores", "memory", "disk"), writeNode},
		{"dovecot", func(Definition) bool { return true }, writeDovecot},
	}
}

func hasResource(is func(Resource) bool) func(Definition) bool {
	return func(d Definition) bool {
		for _, r := range d.Resources {
			if !r.Hidden && is(r) {
				return true
			}
		}
		return false
	}
}

func hasKind(kinds ...string) func(Definition) bool {
	return hasResource(func(r Resource) bool { return slices.Contains(kinds, r.Kind) })
}

// kind lists the resources of some kinds, in the order of the definition.
func (c *counters) kind(kinds ...string) []ResourceStats {
	var list []ResourceStats
	for _, r := range c.resources {
		if slices.Contains(kinds, r.Kind) {
			list = append(list, r)
		}
	}
	return list
}

// pageCollector makes a page anew for each reading.
type pageCollector struct {
	page     softwarePage
	platform *Platform
}

var _ prometheus.Collector = (*pageCollector)(nil)

// Describe tells of nothing: what there is depends on the definition.
func (*pageCollector) Describe(chan<- *prometheus.Desc) {}

func (c *pageCollector) Collect(out chan<- prometheus.Metric) {
	read := c.platform.network.counters()
	c.page.write(c.platform, &read, emitter{out})
}

// emitter takes the values of a page. Labels are names and values in turn.
type emitter struct{ out chan<- prometheus.Metric }

func (e emitter) gauge(name, help string, value float64, labels ...string) {
	e.emit(prometheus.GaugeValue, name, help, value, labels)
}

func (e emitter) counter(name, help string, value float64, labels ...string) {
	e.emit(prometheus.CounterValue, name, help, value, labels)
}

func (e emitter) emit(kind prometheus.ValueType, name, help string, value float64, labels []string) {
	var names, values []string
	for i := 0; i+1 < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	e.out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), kind, value, values...)
}

// addPages serves the pages that the platform has, and a list of them.
func (p *Platform) addPages(mux *http.ServeMux) {
	var paths []string
	pages := softwarePages()
	for n := range shardsOf(p.options.Definition) { // a real exporter asks one server
		pages = append(pages, softwarePage{fmt.Sprintf("postgres/%d", n+1), func(Definition) bool { return true }, writePostgres(n + 1)})
	}
	for _, page := range pages {
		if !page.shows(p.options.Definition) {
			continue
		}
		registry := prometheus.NewRegistry()
		registry.MustRegister(&pageCollector{page, p})
		mux.Handle("GET /metrics/"+page.path, promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
		paths = append(paths, "/metrics/"+page.path)
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "/metrics")
		for _, path := range paths {
			fmt.Fprintln(w, path)
		}
	})
}
