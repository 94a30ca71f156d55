package judge

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/internal/capacity"
	"pegel/internal/record"
	"pegel/probes/probe"
	"pegel/scenarios"
)

const scenario = `
name: judged
targets: {web: {url: "http://127.0.0.1:1/"}}
accounts: {pattern: "u{n}@example.test", count: 3000, password: {env: P}}
activity: {browser: %s}
personas: [{name: browser, journey: j}]
journeys: {j: [{do: web.list, think: 1s}]}
wave: {live: 700, batches: [{name: "1", accounts: 100}, {name: "2", accounts: 2000}]}
observe:
  - name: platform
    prometheus: "http://127.0.0.1:2/metrics"
    resources:
      - {name: pool, kind: pool, in_use: used, limit: "10", queue: waiting, busy: busy_total, served: served_total, waited: wait_total}
load: {stages: {users: [100, 200, 300], ramp: 1s, settle: 500ms, hold: 10s}}
objectives:
  - {action: "web.*", p95: 400ms}
  - {action: "nothing.*", p95: 1s}
  - {errors: 1%%}
`

// platform is a pool of 10 connections, 20 ms each, users who come back after a second: full at 500 visits/s.
var platform = capacity.Station{Servers: 10, Demand: 0.020, Delay: 1.03}

// made writes an archive of a run as the engine would have left it. Holds begin in the middle of an interval, as they do.
func made(t *testing.T, change func(stage int, in *record.Interval)) *archive.Run {
	t.Helper()
	dir := t.TempDir() + "/run"
	w, err := archive.Create(dir, archive.Meta{Format: archive.Version, RunID: "x", Scenario: "judged", Seed: 1, Actions: []string{"web.list"}, Personas: []string{"browser"}}, []byte(scenario))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Duration(0)
	var busy, served, waited float64
	second := 0
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, users := range []int{100, 200, 300} {
		st := &archive.Stage{Index: i, Users: users, Live: users * 10 / 3}
		must(w.Event(archive.Event{At: at, Kind: archive.EventRamp, Stage: st}))
		must(w.Event(archive.Event{At: at + 1500*time.Millisecond, Kind: archive.EventHold, Stage: st}))
		x, _ := platform.Solve(users)
		wait := platform.Wait(float64(users), 1).Mean()
		for range 12 {
			second++
			from, to := time.Duration(second-1)*time.Second, time.Duration(second)*time.Second
			in := &record.Interval{Start: from, End: to, Users: users, InFlight: int(x * 0.05), Series: []*record.Series{new(record.Series)}}
			s := in.Series[0]
			for k := range int(x) {
				d := 50*time.Millisecond + time.Duration(k%100)*500*time.Microsecond // 50 to 100 ms
				s.Response.Record(d)
				s.Service.Record(d)
				s.Classes[probe.OK]++
				in.Lag.Record(200 * time.Microsecond)
			}
			if change != nil {
				change(i, in)
			}
			must(w.Interval(in))
			busy += x * platform.Demand
			served += x
			waited += x * wait
			must(w.Metrics(archive.Metrics{At: to, Points: []archive.Point{
				{Page: "platform", Resource: "pool", Field: "in_use", Value: x * platform.Demand},
				{Page: "platform", Resource: "pool", Field: "limit", Value: 10},
				{Page: "platform", Resource: "pool", Field: "queue", Value: x * wait},
				{Page: "platform", Resource: "pool", Field: "busy", Value: busy},
				{Page: "platform", Resource: "pool", Field: "served", Value: served},
				{Page: "platform", Resource: "pool", Field: "waited", Value: waited},
			}}))
		}
		at = time.Duration(second) * time.Second
		must(w.Event(archive.Event{At: at - 500*time.Millisecond, Kind: archive.EventStageEnd, Stage: st}))
	}
	must(w.Event(archive.Event{At: at, Kind: archive.EventDone}))
	must(w.Close())
	run, err := archive.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func parse(t *testing.T, activity string) *scenarios.Scenario {
	t.Helper()
	src := fmt.Sprintf(strings.Replace(scenario, `  - {action: "nothing.*", p95: 1s}`+"\n", "", 1), activity)
	s, err := scenarios.Parse("judged.yaml", []byte(src), scenarios.Options{SkipSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A run over a platform whose counters are those of an exact closed queue is forecast where that queue breaks.
func TestForecastOfAnExactQueue(t *testing.T) {
	r, err := Judge(made(t, nil), parse(t, "30%, source: logs"), Options{Draws: 100})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Forecast.Determined {
		t.Fatalf("not determined: %s, %v", r.Forecast.Why, r.Warnings)
	}
	// beyond saturation everybody waits N·S/c − 1.05 s; the p95 of 97.5 ms plus that wait reaches 400 ms near 676 users
	if p50 := r.Forecast.Users.P50; math.Abs(p50/676-1) > 0.06 {
		t.Errorf("forecast %v, want about 676", r.Forecast.Users)
	}
	if r.Forecast.Limit.Resource != "pool" || r.Forecast.Limit.Action != "web.list" {
		t.Errorf("limit %+v", r.Forecast.Limit)
	}
	if r.Forecast.LowerBound != 300 || r.Forecast.MeasuredMax != 300 {
		t.Errorf("held up to %d of %d", r.Forecast.LowerBound, r.Forecast.MeasuredMax)
	}
	if !r.Complete || r.Generator.Verdict != "clean" {
		t.Errorf("ended %q, generator %+v", r.Ended, r.Generator.Verdict)
	}
	b := r.Forecast.Batches
	if len(b) != 2 || b[0].Verdict != Go || b[1].Verdict != NoGo || b[0].After != 800 || b[1].After != 2800 {
		t.Errorf("batches %+v", b)
	}
	if a := r.Forecast.Accounts.P50; math.Abs(a*0.3/r.Forecast.Users.P50-1) > 0.03 {
		t.Errorf("accounts %v for users %v", a, r.Forecast.Users.P50)
	}
}

func TestActivityWithoutSourceGetsCautionAtBest(t *testing.T) {
	r, err := Judge(made(t, nil), parse(t, "30%"), Options{Draws: 60})
	if err != nil {
		t.Fatal(err)
	}
	if v := r.Forecast.Batch.Verdict; v != Caution {
		t.Errorf("verdict %s", v)
	}
}

func TestBlindForecastSaysNotDetermined(t *testing.T) {
	r, err := Judge(made(t, nil), parse(t, "30%, source: logs"), Options{Blind: true})
	if err != nil {
		t.Fatal(err)
	}
	if r.Forecast.Determined || r.Forecast.LowerBound != 300 || r.Forecast.Why.Empty() {
		t.Errorf("determined %v, lower bound %d, %q", r.Forecast.Determined, r.Forecast.LowerBound, r.Forecast.Why)
	}
	// 240 users after the first batch were shown to hold; 840 after the second were not
	if b := r.Forecast.Batches; b[0].Verdict != Caution || b[0].Why.Code != "shown-to-hold" || b[1].Verdict != Caution || !b[0].Unknown {
		t.Errorf("batches %+v", b)
	}
}

// A stage in which the generator was late enters no forecast; when all are late there is no result.
func TestLateGenerator(t *testing.T) {
	late := func(stages ...int) func(int, *record.Interval) {
		return func(stage int, in *record.Interval) {
			for _, s := range stages {
				if s == stage {
					for range 30 {
						in.Lag.Record(300 * time.Millisecond)
					}
				}
			}
		}
	}
	r, err := Judge(made(t, late(2)), parse(t, "30%, source: logs"), Options{Draws: 60})
	if err != nil {
		t.Fatal(err)
	}
	if r.Stages[2].Valid || !r.Stages[1].Valid || r.Forecast.StagesUsed != 2 || r.Forecast.MeasuredMax != 200 {
		t.Errorf("the late stage is valid: %v; %d stages used up to %d", r.Stages[2].Valid, r.Forecast.StagesUsed, r.Forecast.MeasuredMax)
	}
	r, err = Judge(made(t, late(0, 1, 2)), parse(t, "30%, source: logs"), Options{Draws: 60})
	if err != nil {
		t.Fatal(err)
	}
	if r.Generator.Verdict != "invalid" || r.Forecast.Determined {
		t.Errorf("generator %s, determined %v", r.Generator.Verdict, r.Forecast.Determined)
	}
}

// An objective broken in a stage is a failure only up to the accounts that are live; beyond, it bounds the forecast.
func TestBrokenObjective(t *testing.T) {
	slow := func(from int) func(int, *record.Interval) {
		return func(stage int, in *record.Interval) {
			if stage < from {
				return
			}
			for range 60 {
				in.Series[0].Response.Record(2 * time.Second)
				in.Series[0].Service.Record(2 * time.Second)
				in.Series[0].Classes[probe.OK]++
			}
		}
	}
	s := parse(t, "30%, source: logs")
	r, err := Judge(made(t, slow(1)), s, Options{Draws: 60})
	if err != nil {
		t.Fatal(err)
	}
	if o := r.Objectives[0]; !o.Broken || o.BrokenAt != 200 {
		t.Errorf("broken %v at %d", o.Broken, o.BrokenAt)
	}
	if f := r.Forecast; f.Determined && (f.Users.P50 < 100 || f.Users.P95 > 200) {
		t.Errorf("held at 100, broken at 200, forecast %v", f.Users)
	}
	r, err = Judge(made(t, slow(0)), s, Options{Draws: 60})
	if err != nil {
		t.Fatal(err)
	}
	if r.Forecast.Determined || r.Forecast.LowerBound != 0 {
		t.Errorf("broken from the start, but determined: %v", r.Forecast.Users)
	}
}

func TestErrorsHaveAFirstLoad(t *testing.T) {
	r, err := Judge(made(t, func(stage int, in *record.Interval) {
		if stage == 1 {
			in.Series[0].Response.Record(time.Millisecond)
			in.Series[0].Service.Record(time.Millisecond)
			in.Series[0].Classes[probe.Overload]++
		}
	}), parse(t, "30%, source: logs"), Options{Draws: 30})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Errors) != 1 || r.Errors[0].Class != "overload" || r.Errors[0].FirstUsers != 200 || r.Errors[0].Count != 12 {
		t.Errorf("errors %+v", r.Errors)
	}
	if share := r.Stages[1].ErrorShare; share < 0.004 || share > 0.007 {
		t.Errorf("error share %v", share)
	}
}

func TestCounterIncrease(t *testing.T) {
	s := &timeSeries{at: []time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second}, value: []float64{10, 20, 40, 41}}
	if v, ok := s.increase(500*time.Millisecond, 2500*time.Millisecond); !ok || v != 25.5 {
		t.Errorf("increase %v %v", v, ok)
	}
	if _, ok := s.increase(0, 20*time.Second); ok {
		t.Error("a counter without points gave an increase")
	}
}
