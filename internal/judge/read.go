package judge

import (
	"cmp"
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

	Observed []capacity.Observation // real use of the platform that was measured: facts beside the stages
}

// reading is an archive on its way to a result.
type reading struct {
	run       *archive.Run
	scenario  *scenarios.Scenario
	opt       Options
	out       *Result
	intervals []*interval
	totals    []total  // by stage
	bins      []uint16 // of the grid, by bucket of a histogram
	series    map[seriesKey]*timeSeries
	resets    []reset
	overused  map[string]float64   // by resource: what was in use, where that is more than its limit
	changed   map[seriesKey]bool   // resources that went over to another unit; no field
	found     []foundResource      // while the run went on
	called    map[[2]string]string // by page and name there: what such a resource is called here

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
	r := &reading{run: run, scenario: s, opt: opt, series: map[seriesKey]*timeSeries{}, overused: map[string]float64{}, observed: s.Observe, bins: gridBins()}
	r.out = &Result{Meta: run.Meta, Scenario: run.Scenario, Effective: run.Effective, Actions: run.Meta.Actions, Notes: notes(&run.Meta, run.Events)}
	r.discover(run.Resources)
	r.stages()
	if err := r.pass(); err != nil {
		return nil, err
	}
	for m, err := range run.Metrics() {
		if err != nil {
			return nil, fmt.Errorf("reading the archive: %w", err)
		}
		r.metrics(m)
	}
	r.noteResets()
	r.admit()
	r.ended()
	r.measured()
	r.resourceViews()
	r.generator()
	r.split()
	r.splitArms()
	if err := r.dimensions(); err != nil {
		return nil, err
	}
	r.objectives()
	r.noteHeld()
	r.played()
	r.arms()
	r.notStarted()
	if err := r.browser(); err != nil {
		return nil, err
	}
	if err := r.compared(); err != nil {
		return nil, err
	}
	if err := r.delivery(); err != nil {
		return nil, err
	}
	if err := r.checks(); err != nil {
		return nil, err
	}
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
			r.out.Ended = Say("ended-aborted", recognise(e.Text, abortErrors, abortLogins, abortWindow, abortSlow, abortMetric))
		}
	}
	if r.run.Truncated {
		r.warn("archive-truncated", r.run.Cut)
	}
}

func (r *reading) warn(code string, args ...any) {
	r.out.Warnings = append(r.out.Warnings, Say(code, args...))
}

// stages cuts the run into the holds of its stages. The end of one that was cut short is 0.
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
	r.totals = make([]total, len(r.out.Stages))
	for i := range r.totals {
		r.totals[i].series = make([]*record.Series, len(r.out.Meta.Actions)*len(r.out.Meta.Personas))
	}
}

// total is all that happened in the hold of a stage.
type total struct {
	series             []*record.Series // as in record.Interval
	lag                record.Histogram
	seconds, flight, n float64
}

func (t *total) add(row *archive.Row) {
	for i := range row.Series {
		s := &row.Series[i]
		if n := s.Index + 1 - len(t.series); n > 0 {
			t.series = append(t.series, make([]*record.Series, n)...)
		}
		if t.series[s.Index] == nil {
			t.series[s.Index] = new(record.Series)
		}
		s.AddTo(t.series[s.Index])
	}
	row.Lag.AddTo(&t.lag)
	t.seconds += (row.End - row.Start).Seconds()
	t.flight += float64(row.InFlight)
	t.n++
}

// measured sums up the stages.
func (r *reading) measured() {
	for i := range r.out.Stages {
		st := &r.out.Stages[i]
		st.Valid = true
		if st.End == 0 {
			st.End = r.out.Duration
			st.Valid, st.Why = false, Say("hold-cut-short")
		}
		r.measure(st, &r.totals[i])
	}
	r.totals = nil
	r.waiting()
}

func (r *reading) measure(st *StageResult, total *total) {
	seconds := total.seconds
	if seconds == 0 {
		st.Valid, st.Why = false, Say("hold-too-short")
		return
	}
	st.InFlight = total.flight / total.n
	st.LagP99 = total.lag.Quantile(0.99)
	personas := len(r.out.Meta.Personas)
	var done, failed uint64
	for a, action := range r.out.Meta.Actions {
		var all record.Series
		for p, persona := range r.out.Meta.Personas {
			s := total.series[a*personas+p]
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
		switch x := (under{float64(all.Done()) / seconds, all.Service.Mean().Seconds()}); action {
		case longPoll:
			st.polls = x
		case deliveryAction:
		default:
			st.busy += x.rate * x.service
		}
		st.Actions = append(st.Actions, actionStats(action, &all, seconds))
	}
	slices.SortFunc(st.Actions, func(a, b ActionStats) int { return cmp.Compare(a.Action, b.Action) })
	slices.SortStableFunc(st.ByPersona, func(a, b ActionStats) int {
		if c := cmp.Compare(a.Persona, b.Persona); c != 0 {
			return c
		}
		return cmp.Compare(a.Action, b.Action)
	})
	st.Throughput = float64(done) / seconds
	if done > 0 {
		st.ErrorShare = float64(failed) / float64(done)
	}
	st.Resources = r.use(st.Start, st.End)
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
			out.Phases = append(out.Phases, PhaseStats{Phase: probe.Phase(p).String(), Count: ph.Total, Mean: ph.Mean(), P50: ph.Quantile(0.5), P95: ph.Quantile(0.95)})
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
