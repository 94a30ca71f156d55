package judge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/internal/record"
	"pegel/probes/probe"
)

// ran is a run of one stage of ten seconds with a generator of which metrics and notes are known.
type ran struct {
	lag     time.Duration // of each action
	metrics map[string]float64
	notes   []string
	skip    int // a second whose interval is missing
}

func (x ran) judged(t *testing.T) *Result {
	t.Helper()
	dir := t.TempDir() + "/run"
	w, err := archive.Create(dir, archive.Meta{Format: archive.Version, RunID: "x", Scenario: "judged", Seed: 1, Host: archive.Host{CPUs: 2},
		Actions: []string{"web.list"}, Personas: []string{"browser"}}, []byte(scenario))
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	st := &archive.Stage{Index: 0, Users: 100, Live: 333}
	must(w.Event(archive.Event{Kind: archive.EventRamp, Stage: st}))
	must(w.Event(archive.Event{At: 1, Kind: archive.EventHold, Stage: st}))
	for second := range 10 {
		at := time.Duration(second+1) * time.Second
		in := &record.Interval{Start: at - time.Second, End: at, Users: 100, Series: []*record.Series{new(record.Series)}}
		for range 100 {
			in.Series[0].Response.Record(50 * time.Millisecond)
			in.Series[0].Service.Record(50 * time.Millisecond)
			in.Series[0].Classes[probe.OK]++
			in.Lag.Record(x.lag)
		}
		if x.skip == 0 || x.skip != second && x.skip+1 != second {
			must(w.Interval(in))
		}
		var points []archive.Point
		for name, v := range x.metrics {
			points = append(points, archive.Point{Page: archive.PageGenerator, Resource: name, Field: archive.FieldValue, Value: v})
		}
		must(w.Metrics(archive.Metrics{At: at, Points: points}))
	}
	for _, text := range x.notes {
		must(w.Event(archive.Event{At: 10 * time.Second, Kind: archive.EventNote, Text: text}))
	}
	must(w.Event(archive.Event{At: 10 * time.Second, Kind: archive.EventStageEnd, Stage: st}))
	must(w.Event(archive.Event{At: 10 * time.Second, Kind: archive.EventDone}))
	must(w.Close())
	run, err := archive.Open(dir)
	must(err)
	r, err := Judge(run, parse(t, "30%, source: logs"), Options{Draws: 10}) // strictest objective: 400 ms
	must(err)
	return r
}

// The verdict on the generator of a stage, its reason and the cause follow from what it did, and a busy machine alone is
// no fault.
func TestGeneratorOfAStage(t *testing.T) {
	const ms = 1e-3
	unopened := func(n int) []string {
		return []string{fmt.Sprintf("%d connections could not be opened in stage 1: the generator's own machine had no port, descriptor or memory left for them", n)}
	}
	for name, c := range map[string]struct {
		ran
		verdict, why, cause string
	}{
		"clean":             {ran{lag: time.Millisecond}, Clean, "", ""},
		"busy machine":      {ran{lag: time.Millisecond, metrics: map[string]float64{archive.GeneratorMachineCPU: 100, archive.GeneratorCPU: 190, archive.GeneratorRunQueue: 40, archive.GeneratorSteal: 10}}, Clean, "", ""},
		"late":              {ran{lag: 100 * time.Millisecond}, Invalid, "lag-over-objective", ""},
		"rather late":       {ran{lag: 30 * time.Millisecond}, Strained, "lag-over-share", ""},
		"stolen":            {ran{lag: 100 * time.Millisecond, metrics: map[string]float64{archive.GeneratorSteal: 12, archive.GeneratorCPU: 190}}, Invalid, "lag-over-objective", "cause-steal"},
		"full":              {ran{lag: 100 * time.Millisecond, metrics: map[string]float64{archive.GeneratorSteal: 1, archive.GeneratorCPU: 170, archive.GeneratorRunQueue: 40}}, Invalid, "lag-over-objective", "cause-full"},
		"others":            {ran{lag: 30 * time.Millisecond, metrics: map[string]float64{archive.GeneratorCPU: 60, archive.GeneratorRunQueue: 40}}, Strained, "lag-over-share", "cause-others"},
		"pauses":            {ran{lag: 30 * time.Millisecond, metrics: map[string]float64{archive.GeneratorPause: 35 * ms}}, Strained, "lag-over-share", "cause-pause"},
		"stood still":       {ran{lag: time.Millisecond, metrics: map[string]float64{archive.GeneratorPause: 0.3}}, Strained, "pause-over-objective", "cause-pause"},
		"waited":            {ran{lag: time.Millisecond, metrics: map[string]float64{archive.GeneratorSchedP99: 90 * ms}}, Strained, "ready-over-share", ""},
		"waited and late":   {ran{lag: 30 * time.Millisecond, metrics: map[string]float64{archive.GeneratorSchedP99: 90 * ms}}, Invalid, "ready-over-objective", ""},
		"no ports":          {ran{lag: time.Millisecond, notes: unopened(7)}, Invalid, "connections-not-opened", "cause-unopened"},
		"hardly any ports":  {ran{lag: time.Millisecond, notes: unopened(1)}, Strained, "connections-not-opened", "cause-unopened"},
		"other stage":       {ran{lag: time.Millisecond, notes: []string{strings.Replace(unopened(7)[0], "stage 1", "stage 2", 1)}}, Clean, "", ""},
		"arrivals missed":   {ran{lag: time.Millisecond, notes: []string{"3 of 40 arrivals of sender were not started in stage 1: 5 were at work already, so that the rate was not reached"}}, Strained, "arrivals-missed", ""},
		"seconds not taken": {ran{lag: time.Millisecond, skip: 4}, Strained, "seconds-missing", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.judged(t)
			st := r.Stages[0]
			if h := st.Generator; h.Verdict != c.verdict || h.Why.Code != c.why || h.Cause.Code != c.cause {
				t.Errorf("%s because %q (%s), cause %q; want %s, %s, %s", h.Verdict, h.Why, h.Why.Code, h.Cause, c.verdict, c.why, c.cause)
			}
			if st.Valid != (c.verdict != Invalid) || st.late() != (c.verdict == Invalid) {
				t.Errorf("valid %v, late %v", st.Valid, st.late())
			}
			if r.Generator.Verdict != c.verdict {
				t.Errorf("the run's verdict is %s", r.Generator.Verdict)
			}
			if c.cause != "" && (r.Generator.Cause.Code != c.cause || !strings.Contains(r.Generator.Why.String(), r.Generator.Cause.String())) {
				t.Errorf("the run says %q", r.Generator.Why)
			}
		})
	}
}

func TestTimerErrorIsRead(t *testing.T) {
	r := ran{metrics: map[string]float64{archive.GeneratorTimerError: 0.0011}}.judged(t)
	if r.Generator.TimerError != 1100*time.Microsecond {
		t.Errorf("timer error %v", r.Generator.TimerError)
	}
}
