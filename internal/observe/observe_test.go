package observe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"pegel/internal/archive"
	"pegel/internal/record"
	"pegel/scenarios"
)

var dialer net.Dialer

// sink keeps what it is told.
type sink struct {
	mu      sync.Mutex
	metrics []archive.Metrics
	events  []archive.Event
	fail    error
	told    chan struct{} // a token for each call, as far as it holds them
}

func newSink() *sink { return &sink{told: make(chan struct{}, 1000)} }

func (s *sink) Interval(*record.Interval) error { return nil }

func (s *sink) Event(e archive.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
	s.told <- struct{}{}
	return s.fail
}

func (s *sink) Metrics(m archive.Metrics) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.metrics = append(s.metrics, m)
	s.told <- struct{}{}
	return s.fail
}

// clock is a run's clock that began now.
func clock() func() time.Duration {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}

func onePage(t *testing.T, address string, resources ...scenarios.Resource) *page {
	t.Helper()
	o, err := New([]scenarios.Observe{{Name: "p", Prometheus: address, Resources: resources}}, dialer.DialContext)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.pages[0].source.close)
	return o.pages[0]
}

// values maps resource.field to value.
func values(points []archive.Point) map[string]float64 {
	m := make(map[string]float64)
	for _, p := range points {
		m[p.Resource+"."+p.Field] = p.Value
	}
	return m
}

// platform is a real exporter of metrics.
func platform(t *testing.T) (address string, busy *prometheus.GaugeVec, served prometheus.Counter) {
	t.Helper()
	reg := prometheus.NewRegistry()
	busy = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "pool_busy", Help: "Workers at work."}, []string{"pool", "node"})
	served = prometheus.NewCounter(prometheus.CounterOpts{Name: "served_total", Help: "Visits."})
	limit := prometheus.NewGauge(prometheus.GaugeOpts{Name: "pool_size", Help: `A "quoted" \ help.`})
	latency := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "latency_seconds", Help: "Not wanted.", Buckets: prometheus.DefBuckets})
	reg.MustRegister(busy, served, limit, latency)
	limit.Set(64)
	latency.Observe(0.2)
	server := httptest.NewServer(promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	t.Cleanup(server.Close)
	return server.URL, busy, served
}

func TestScrape(t *testing.T) {
	address, busy, served := platform(t)
	busy.WithLabelValues("web", "n1").Set(3)
	busy.WithLabelValues("web", "n2").Set(4.5)
	busy.WithLabelValues("imap", "n1").Set(100)
	served.Add(1e7)
	p := onePage(t, address,
		scenarios.Resource{Name: "web", InUse: `pool_busy{pool="web"}`, Limit: "pool_size", Served: "served_total", Queue: "no_such_series"},
		scenarios.Resource{Name: "n1", InUse: `pool_busy{node=~"n[13]",pool!="imap"}`, Limit: "64"},
		scenarios.Resource{Name: "all", InUse: "pool_busy", Limit: "1e3"},
	)
	before := 5 * time.Second
	times := []time.Duration{before, before + 300*time.Millisecond}
	m, err := p.scrape(context.Background(), func() time.Duration {
		at := times[0]
		times = times[1:]
		return at
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := before + 150*time.Millisecond; m.At != want {
		t.Errorf("stamped with %v, want the middle of request and answer, %v", m.At, want)
	}
	got := values(m.Points)
	want := map[string]float64{
		"web.in_use": 7.5, "web.limit": 64, "web.served": 1e7,
		"n1.in_use": 3, "n1.limit": 64,
		"all.in_use": 107.5, "all.limit": 1000,
	}
	if len(got) != len(want) {
		t.Errorf("points %v, want %v", got, want)
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s = %v, want %v", k, got[k], v)
		}
	}
}

func TestRun(t *testing.T) {
	address, busy, _ := platform(t)
	busy.WithLabelValues("web", "n1").Set(2)
	o, err := New([]scenarios.Observe{{Name: "pools", Prometheus: address, Resources: []scenarios.Resource{{Name: "web", InUse: "pool_busy"}}}}, dialer.DialContext)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := newSink()
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx, clock(), s) }()
	for range 5 { // of both pages, so at least two of one
		<-s.told
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatalf("Run: %v", err)
	}
	pages := map[string]int{}
	last := map[string]time.Duration{}
	for _, m := range s.metrics {
		name := m.Points[0].Page
		if m.At < last[name] {
			t.Errorf("%s: %v comes after %v", name, m.At, last[name])
		}
		last[name] = m.At
		pages[name]++
	}
	if pages["pools"] < 2 || pages[archive.PageGenerator] < 2 || len(s.events) != 0 {
		t.Errorf("scrapes %v, events %v", pages, s.events)
	}
}

func TestRunEndsWithTheSink(t *testing.T) {
	o, err := New(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := newSink()
	s.fail = errors.New("disk full")
	if err := o.Run(context.Background(), clock(), s); !errors.Is(err, s.fail) {
		t.Errorf("Run: %v, want the sink's error", err)
	}
}

func TestBeat(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	now := clock()
	var at []time.Duration
	err := onBeat(ctx, beat, now, func(context.Context) error {
		at = append(at, now())
		if len(at) == 3 {
			cancel()
		}
		return nil
	})
	if err != nil || len(at) != 3 {
		t.Fatalf("%d beats, %v", len(at), err)
	}
	for i, d := range at[1:] {
		if d < time.Duration(i+1)*beat || i > 0 && d.Truncate(beat) == at[i].Truncate(beat) {
			t.Errorf("beats at %v, want one in each second and none before it", at)
		}
	}
}

func TestGapAndReturn(t *testing.T) {
	var healthy atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !healthy.Load() {
			http.Error(w, "starting", http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, "up 1\n")
	}))
	defer server.Close()
	p := onePage(t, server.URL, scenarios.Resource{Name: "r", InUse: "up", Limit: "4"})
	s := newSink()
	at := time.Duration(0)
	now := func() time.Duration { at += time.Second; return at }
	for i := range 9 {
		healthy.Store(i/3 == 1)
		if err := p.observe(context.Background(), now, s); err != nil {
			t.Fatal(err)
		}
	}
	var kinds []string
	for _, e := range s.events {
		kinds = append(kinds, e.Kind)
	}
	if fmt.Sprint(kinds) != "[gap note gap]" {
		t.Errorf("events %v, want gap, note, gap", s.events)
	}
	if len(s.metrics) != 3 {
		t.Errorf("%d scrapes gave points, want the three healthy ones", len(s.metrics))
	}
	if !strings.Contains(s.events[0].Text, "503") || !strings.Contains(s.events[0].Text, "from p") {
		t.Errorf("text of the gap: %q", s.events[0].Text)
	}
}

func TestNewRefuses(t *testing.T) {
	good := "http://127.0.0.1:1/metrics"
	res := func(r scenarios.Resource) []scenarios.Observe {
		return []scenarios.Observe{{Name: "lb", Prometheus: good, Resources: []scenarios.Resource{r}}}
	}
	for want, pages := range map[string][]scenarios.Observe{
		"the page has no name":       {{Prometheus: good}},
		"generator: the name is":     {{Name: "generator", Prometheus: good}},
		"a: the name is taken":       {{Name: "a", Prometheus: good}, {Name: "a", Prometheus: good}},
		"not an http":                {{Name: "a", Prometheus: "ftp://127.0.0.1/"}},
		"prometheus: ":               {{Name: "a", Prometheus: "http://127.0.0.1:port/"}},
		"resource r: the name":       {{Name: "a", Prometheus: good, Resources: []scenarios.Resource{{Name: "r"}, {Name: "r"}}}},
		"lb: resource r: in_use: ":   res(scenarios.Resource{Name: "r", InUse: "a{"}),
		"only limit and queue_limit": res(scenarios.Resource{Name: "r", Queue: "5"}),
		"refused: selector":          res(scenarios.Resource{Name: "r", Refused: "a b"}),
	} {
		if _, err := New(pages, dialer.DialContext); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if _, err := New([]scenarios.Observe{{Name: "a", Prometheus: good}}, nil); err == nil {
		t.Error("pages without a way to dial are accepted")
	}
	secret := "http://user:hunter2@127.0.0.1:port/"
	if _, err := New([]scenarios.Observe{{Name: "a", Prometheus: secret}}, dialer.DialContext); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error with the password, or none: %v", err)
	}
}

func TestDialIsTheScenarios(t *testing.T) {
	refused := errors.New("not on the list")
	o, err := New([]scenarios.Observe{{Name: "a", Prometheus: "http://user:hunter2@127.0.0.1:1/"}}, func(context.Context, string, string) (net.Conn, error) {
		return nil, refused
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = o.pages[0].scrape(context.Background(), clock())
	if !errors.Is(err, refused) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("scrape: %v, want the dialer's error and no password", err)
	}
}
