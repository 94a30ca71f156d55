package main

import (
	"strings"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/scenarios"
)

type noSink struct{ archive.Sink }

func (noSink) Metrics(archive.Metrics) error { return nil }

// A resource's rule is about the mean over a whole window, with readings all through it.
func TestMetricRules(t *testing.T) {
	limit := 100.0
	s := &scenarios.Scenario{}
	s.Load.Abort = []scenarios.AbortRule{{Resource: "balancer.web", Queue: &limit, For: scenarios.Duration(10 * time.Second)}}
	for name, c := range map[string]struct {
		value func(second int) (v float64, ok bool)
		at    int
	}{
		"over":          {func(int) (float64, bool) { return 150, true }, 10},
		"below":         {func(int) (float64, bool) { return 100, true }, 0},
		"on average":    {func(n int) (float64, bool) { return float64(n%2) * 180, true }, 0},
		"a burst":       {func(n int) (float64, bool) { return 800 * float64(n%20/19), true }, 0},
		"later":         {func(n int) (float64, bool) { return float64(n) * 10, true }, 16},
		"with a gap":    {func(n int) (float64, bool) { return 150, n%9 > 5 }, 0},
		"nothing comes": {func(int) (float64, bool) { return 0, false }, 0},
	} {
		g := guardMetrics(s, noSink{})
		at, why := 0, ""
		for n := 0; n < 60 && why == ""; n++ {
			m := archive.Metrics{At: time.Duration(n) * time.Second, Points: []archive.Point{
				{Page: "balancer", Resource: "other", Field: archive.FieldQueue, Value: 1e6}, {Page: "balancer", Resource: "web", Field: archive.FieldInUse, Value: 1e6}}}
			if v, ok := c.value(n); ok {
				m.Points = append(m.Points, archive.Point{Page: "balancer", Resource: "web", Field: archive.FieldQueue, Value: v})
			}
			if err := g.Metrics(m); err != nil {
				t.Fatal(err)
			}
			select {
			case why = <-g.abort:
				at = n
			default:
			}
		}
		if at != c.at || c.at > 0 && !strings.HasPrefix(why, "queue of balancer.web was ") {
			t.Errorf("%s: after %d s %q, want %d s", name, at, why, c.at)
		}
	}
}
