package main

import (
	"sync"
	"time"

	"pegel/internal/capacity"
	"pegel/internal/judge"
	"pegel/internal/plan"
	"pegel/internal/record"
)

// steadiness looks at the intervals of a run as they come and tells when a stage is at rest and when its hold has told
// enough. It implements engine.Steadiness.
type steadiness struct {
	plan      *plan.Plan
	precision float64
	judged    []bool // by action: it has an objective on response times

	mu   sync.Mutex
	kept []*record.Interval // since mark
}

// mostKeptIntervals bounds what is remembered of a phase: an hour, of which the beginning is forgotten first.
const mostKeptIntervals = 3600

func newSteadiness(p *plan.Plan) *steadiness {
	s := &steadiness{plan: p, precision: p.Scenario.Load.Stages.Precision, judged: make([]bool, len(p.Actions))}
	for a, name := range p.Actions {
		for _, o := range p.Scenario.Objectives {
			if len(o.Limits) > 0 && judge.Matches(o.Action, name) {
				s.judged[a] = true
			}
		}
	}
	return s
}

func (s *steadiness) interval(in *record.Interval) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.kept) >= mostKeptIntervals {
		s.kept = append(s.kept[:0:0], s.kept[mostKeptIntervals/4:]...)
	}
	s.kept = append(s.kept, in)
}

// since forgets what was before a time and returns the rest.
func (s *steadiness) since(from time.Duration) []*record.Interval {
	s.mu.Lock()
	defer s.mu.Unlock()
	const slack = 100 * time.Millisecond
	k := 0
	for k < len(s.kept) && s.kept[k].Start < from-slack {
		k++
	}
	s.kept = append(s.kept[:0:0], s.kept[k:]...)
	return s.kept
}

// Settled implements engine.Steadiness: by the mean response time of each second over all actions with objectives.
func (s *steadiness) Settled(since time.Duration) bool {
	var series []float64
	for _, in := range s.since(since) {
		var sum time.Duration
		var n uint64
		for k, x := range in.Series {
			if x != nil && s.judged[k/len(s.plan.Personas)] {
				sum += x.Response.Sum
				n += x.Response.Total
			}
		}
		if n > 0 { // a second in which nothing ended says nothing
			series = append(series, sum.Seconds()/float64(n))
		}
	}
	_, ok := capacity.Steady(series)
	return ok
}

// Enough implements engine.Steadiness: each objective's quantile of each action that was done is precise.
func (s *steadiness) Enough(since time.Duration) bool {
	list := s.since(since)
	for a, name := range s.plan.Actions {
		if !s.judged[a] {
			continue
		}
		var h record.Histogram
		for _, in := range list {
			for p := range s.plan.Personas {
				if x := in.Series[a*len(s.plan.Personas)+p]; x != nil {
					h.Merge(&x.Response)
				}
			}
		}
		if h.Total == 0 {
			continue // such as logins, of which there are none in a hold
		}
		for _, o := range s.plan.Scenario.Objectives {
			for _, l := range o.Limits {
				if judge.Matches(o.Action, name) && !judge.Precise(&h, l.Quantile, s.precision) {
					return false
				}
			}
		}
	}
	return len(list) > 0
}
