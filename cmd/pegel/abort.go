package main

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"pegel/internal/archive"
	"pegel/internal/engine"
	"pegel/internal/judge"
	"pegel/internal/plan"
	"pegel/scenarios"
)

// gentleEnd is how long the users of a run take to leave that a rule has ended.
const gentleEnd = 10 * time.Second

// abortRules are load.abort's rules on actions.
func abortRules(p *plan.Plan) []engine.AbortRule {
	var list []engine.AbortRule
	for i := range p.Scenario.Load.Abort {
		r := &p.Scenario.Load.Abort[i]
		rule := engine.AbortRule{Actions: make([]bool, len(p.Actions)), For: r.For.D()}
		if q, over, ok := r.Quantile(); ok {
			rule.Quantile, rule.Over = q, over
		} else if r.Errors != nil {
			rule.Errors = *r.Errors
		} else {
			continue // a resource's
		}
		for a, name := range p.Actions {
			rule.Actions[a] = r.Action == "" || judge.Matches(r.Action, name)
		}
		list = append(list, rule)
	}
	return list
}

// metricGuard is a sink that holds load.abort's rules on resources against the points that go through it.
type metricGuard struct {
	archive.Sink
	abort chan string // has room for one reason; the first counts

	mu    sync.Mutex
	rules []metricRule
}

type metricRule struct {
	page, resource, field string
	over                  float64
	window                time.Duration
	at                    []time.Duration
	value                 []float64
}

// guardMetrics puts the rules before a sink.
func guardMetrics(s *scenarios.Scenario, to archive.Sink) *metricGuard {
	g := &metricGuard{Sink: to, abort: make(chan string, 1)}
	for _, r := range s.Load.Abort {
		page, resource, _ := strings.Cut(r.Resource, ".")
		rule := metricRule{page: page, resource: resource, window: r.For.D()}
		switch {
		case r.Queue != nil:
			rule.field, rule.over = archive.FieldQueue, *r.Queue
		case r.InUse != nil:
			rule.field, rule.over = archive.FieldInUse, *r.InUse
		default:
			continue
		}
		g.rules = append(g.rules, rule)
	}
	return g
}

// Metrics implements archive.Sink.
func (g *metricGuard) Metrics(m archive.Metrics) error {
	g.mu.Lock()
	for i := range g.rules {
		r := &g.rules[i]
		for _, p := range m.Points {
			if p.Page == r.page && p.Resource == r.resource && p.Field == r.field {
				if why := r.look(m.At, p.Value); why != "" {
					select {
					case g.abort <- why:
					default:
					}
				}
			}
		}
	}
	g.mu.Unlock()
	return g.Sink.Metrics(m)
}

// mostMissing is the longest distance between two readings within a window: beyond that nothing is known of it.
const mostMissing = 5 * time.Second

// look takes a reading and says how the rule is broken by the window that ends with it; empty where it is not.
func (r *metricRule) look(at time.Duration, v float64) string {
	if n := len(r.at); n > 0 && at-r.at[n-1] > mostMissing {
		r.at, r.value = r.at[:0], r.value[:0]
	}
	r.at, r.value = append(r.at, at), append(r.value, v)
	for len(r.at) > 1 && r.at[1] <= at-r.window {
		r.at, r.value = r.at[1:], r.value[1:]
	}
	if at-r.at[0] < r.window {
		return ""
	}
	sum := 0.0
	for _, v := range r.value {
		sum += v
	}
	if mean := sum / float64(len(r.value)); mean > r.over {
		return fmt.Sprintf("%s of %s.%s was %s on average in the last %v, above %s", r.field, r.page, r.resource, short(mean), r.window, short(r.over))
	}
	return ""
}

func short(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
