package judge

import (
	"fmt"
	"math"
	"slices"
	"time"

	"pegel/internal/archive"
	"pegel/internal/capacity"
	"pegel/internal/record"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// Options of judging.
type Options struct {
	NextBatch int  // accounts of the next batch; 0: the scenario's own
	Blind     bool // leave the platform's counters out of the forecast
	Draws     int  // bootstrap draws; 0: the default

	Plan    []scenarios.Batch // batches to come, instead of the scenario's; nil: those
	WhatIf  []Assumption      // taken together
	Goal    Goal              // load that the platform should carry; the zero one: none
	Measure bool              // look for the change that carries all batches, where not all are go
}

// reading is an archive on its way to a result.
type reading struct {
	run       *archive.Run
	scenario  *scenarios.Scenario
	opt       Options
	out       *Result
	intervals []*record.Interval
	series    map[seriesKey]*timeSeries
	resets    []reset
	overused  map[string]float64 // by resource: what was in use, where that is more than its limit

	observed []scenarios.Observe // resources of the forecast, in its order
	parts    []*reading          // the runs that are judged together; a single run is its own part
	in       *capacity.Input
	transfer transfer
}

// Judge reads the archive to its end and judges it by the scenario.
func Judge(run *archive.Run, s *scenarios.Scenario, opt Options) (*Result, error) {
	r, err := read(run, s, opt)
	if err != nil {
		return nil, err
	}
	r.parts = []*reading{r}
	r.out.Runs = []Run{r.ran()}
	r.forecast()
	r.effects()
	return r.out, nil
}

// read measures all that one archive holds; what follows from several is for later.
func read(run *archive.Run, s *scenarios.Scenario, opt Options) (*reading, error) {
	r := &reading{run: run, scenario: s, opt: opt, series: map[seriesKey]*timeSeries{}, overused: map[string]float64{}, observed: s.Observe}
	r.out = &Result{Meta: run.Meta, Scenario: run.Scenario, Actions: run.Meta.Actions, Notes: notes(&run.Meta, run.Events)}
	for in, err := range run.Intervals() {
		if err != nil {
			return nil, fmt.Errorf("reading the archive: %w", err)
		}
		r.intervals = append(r.intervals, in)
		r.out.Duration = max(r.out.Duration, in.End)
	}
	for m, err := range run.Metrics() {
		if err != nil {
			return nil, fmt.Errorf("reading the archive: %w", err)
		}
		r.metrics(m)
	}
	r.noteResets()
	r.ended()
	r.stages()
	r.timeline()
	r.errors()
	r.resourceViews()
	r.generator()
	r.objectives()
	return r, nil
}

// ended says how the run came to its end.
func (r *reading) ended() {
	r.out.Ended = Say("ended-cut-off")
	for _, e := range r.run.Events {
		switch e.Kind {
		case archive.EventDone:
			r.out.Complete, r.out.Ended = true, Say("ended-complete")
		case archive.EventStop:
			r.out.Ended = Say("ended-interrupted")
		case archive.EventAbort:
			r.out.Ended = Say("ended-aborted", recognise(e.Text, abortErrors))
		}
	}
	if r.run.Truncated {
		r.warn("archive-truncated", r.run.Cut)
	}
}

func (r *reading) warn(code string, args ...any) {
	r.out.Warnings = append(r.out.Warnings, Say(code, args...))
}

// stages cuts the run into the holds of its stages.
func (r *reading) stages() {
	for _, e := range r.run.Events {
		if e.Stage == nil {
			continue
		}
		n := len(r.out.Stages)
		switch e.Kind {
		case archive.EventHold:
			r.out.Stages = append(r.out.Stages, StageResult{Stage: *e.Stage, Start: e.At})
		case archive.EventStageEnd:
			if n > 0 && r.out.Stages[n-1].Index == e.Stage.Index {
				r.out.Stages[n-1].End = e.At
			}
		}
	}
	for i := range r.out.Stages {
		st := &r.out.Stages[i]
		st.Valid = true
		if st.End == 0 {
			st.End = r.out.Duration
			st.Valid, st.Why = false, Say("hold-cut-short")
		}
		r.measure(st)
	}
}

// within calls f for every interval that lies in the window, with up to a tenth of a second of overlap allowed, because
// intervals end on the beat of the clock and stages do too, but each by its own timer.
func (r *reading) within(from, to time.Duration, f func(*record.Interval)) {
	const slack = 100 * time.Millisecond
	for _, in := range r.intervals {
		if in.Start >= from-slack && in.End <= to+slack && in.End > in.Start {
			f(in)
		}
	}
}

func (r *reading) measure(st *StageResult) {
	total := record.Interval{Start: st.End, Series: make([]*record.Series, len(r.out.Meta.Actions)*len(r.out.Meta.Personas))}
	var seconds, flight, n float64
	r.within(st.Start, st.End, func(in *record.Interval) {
		total.Merge(in)
		seconds += (in.End - in.Start).Seconds()
		flight += float64(in.InFlight)
		n++
	})
	if seconds == 0 {
		st.Valid, st.Why = false, Say("hold-too-short")
		return
	}
	st.InFlight = flight / n
	st.LagP99 = total.Lag.Quantile(0.99)
	personas := len(r.out.Meta.Personas)
	var done, failed uint64
	for a, action := range r.out.Meta.Actions {
		var all record.Series
		for p, persona := range r.out.Meta.Personas {
			s := total.Series[a*personas+p]
			if s == nil || s.Done() == 0 {
				continue
			}
			all.Merge(s)
			stats := actionStats(action, s, seconds)
			stats.Persona = persona
			st.ByPersona = append(st.ByPersona, stats)
		}
		if all.Done() == 0 {
			continue
		}
		done += all.Done()
		failed += all.Failed()
		st.Actions = append(st.Actions, actionStats(action, &all, seconds))
	}
	slices.SortFunc(st.Actions, func(a, b ActionStats) int { return compare(a.Action, b.Action) })
	slices.SortStableFunc(st.ByPersona, func(a, b ActionStats) int {
		if c := compare(a.Persona, b.Persona); c != 0 {
			return c
		}
		return compare(a.Action, b.Action)
	})
	st.Throughput = float64(done) / seconds
	if done > 0 {
		st.ErrorShare = float64(failed) / float64(done)
	}
	st.Resources = r.use(st.Start, st.End)
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func actionStats(action string, s *record.Series, seconds float64) ActionStats {
	h := &s.Response
	out := ActionStats{
		Action: action, Count: s.Done(), Failed: s.Failed(), Rate: float64(s.Done()) / seconds,
		Mean: h.Mean(), P50: h.Quantile(0.5), P90: h.Quantile(0.9), P95: h.Quantile(0.95), P99: h.Quantile(0.99), Max: h.Max,
		ServiceP95: s.Service.Quantile(0.95), Over: h.Over, Hist: h.Clone(),
	}
	out.P95Low, out.P95High = quantileInterval(h, 0.95)
	for p, ph := range s.Phases {
		if ph != nil && ph.Total > 0 {
			out.Phases = append(out.Phases, PhaseStats{Phase: probe.Phase(p).String(), Count: ph.Total, Mean: ph.Mean(), P95: ph.Quantile(0.95)})
		}
	}
	return out
}

// quantileInterval is the 90 % confidence interval of a quantile by order statistics: the number of values below the true
// quantile is binomial, here in its normal approximation.
func quantileInterval(h *record.Histogram, q float64) (low, high time.Duration) {
	n := float64(h.Total)
	if n == 0 {
		return 0, 0
	}
	d := 1.645 * math.Sqrt(q*(1-q)/n)
	return h.Quantile(math.Max(q-d, 0)), h.Quantile(math.Min(q+d, 1))
}
