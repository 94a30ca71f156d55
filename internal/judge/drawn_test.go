package judge

import (
	"math"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/internal/capacity"
	"pegel/internal/record"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// tiered is a platform of two queues in a row: web workers in front of database connections, and a journey that logs in.
const tiered = `
name: tiered
targets: {web: {url: "http://127.0.0.1:1/"}}
accounts: {pattern: "u{n}@example.test", count: 90000, password: {env: P}}
activity: {browser: 20%, phone: 10%, source: logs}
personas: [{name: browser, journey: j}, {name: phone, journey: j}]
journeys: {j: [{do: web.login}, {repeat: {for: session}, steps: [{do: web.list, think: 1s}]}]}
wave: {live: 1000}
environment: {name: lab, role: test, nodes: {web: 2, db: 1}}
observe:
  - name: platform
    prometheus: "http://127.0.0.1:2/metrics"
    resources:
      - {name: web.workers, kind: workers, in_use: used, limit: l, queue: waiting, busy: busy_total, served: served_total, waited: wait_total}
      - {name: db, kind: pool, in_use: used, limit: l, queue: waiting, busy: busy_total, served: served_total, waited: wait_total}
load: {stages: {users: [100, 200, 300], ramp: 2s, settle: 500ms, hold: 10s}}
objectives: [{action: "web.list", p95: 400ms}]
`

// drawn is a run of the tiered platform that a test makes: web has 20 workers, db 10 connections, 20 ms each; both are
// visited once an action, so that db is full at 500 visits/s and web at 1000.
type drawn struct {
	id       string
	scenario string
	users    []int
	mix      [][]int                            // of browser and phone; nil: none in the archive
	point    func(second int, p *archive.Point) // changes what a page says
	interval func(stage int, in *record.Interval)
	silent   bool // no page answers
	waits    bool // responses take as long as the queue at the database makes them
	ended    bool // true: the run is cut off in its first hold

	played []string // situations that are played, by stage
	arms   []string // of an experiment, by stage
	notes  []string // events
}

func (d drawn) write(t *testing.T) *archive.Run {
	t.Helper()
	if d.users == nil {
		d.users = []int{150, 300, 450}
	}
	if d.scenario == "" {
		d.scenario = tiered
	}
	if d.id == "" {
		d.id = "run-1"
	}
	actions := []string{"web.connect", "web.login", "web.list"}
	dir := t.TempDir() + "/run"
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w, err := archive.Create(dir, archive.Meta{Format: archive.Version, RunID: d.id, Scenario: "tiered", Seed: 1, Actions: actions,
		Personas: []string{"browser", "phone"}, Started: time.Unix(int64(len(d.id)), 0)}, []byte(d.scenario))
	must(err)
	counters := map[string]float64{}
	second, before := 0, 0
	at := time.Duration(0)
	for i, users := range d.users {
		st := &archive.Stage{Index: i, Users: users, Live: users * 10 / 3, Beyond: true}
		if d.mix != nil {
			st.Mix = d.mix[i]
		}
		if d.played != nil {
			st.Situation = d.played[i]
		}
		if d.arms != nil {
			st.Arm = d.arms[i]
		}
		must(w.Event(archive.Event{At: at, Kind: archive.EventRamp, Stage: st}))
		must(w.Event(archive.Event{At: at + 2500*time.Millisecond, Kind: archive.EventHold, Stage: st}))
		share := 2.0 / 3
		if d.mix != nil {
			share = float64(d.mix[i][0]) / float64(users)
		}
		db := capacity.Station{Servers: 10, Demand: 0.020, Delay: 1.05}
		x, _ := db.Solve(users)
		queued := time.Duration(0)
		if d.waits {
			queued = seconds(db.Wait(float64(users), 1).Mean())
		}
		for tick := range 13 {
			second++
			from, to := time.Duration(second-1)*time.Second, time.Duration(second)*time.Second
			in := &record.Interval{Start: from, End: to, Users: users, Series: make([]*record.Series, 6)}
			add := func(action, persona, n int) {
				if in.Series[action*2+persona] == nil {
					in.Series[action*2+persona] = new(record.Series)
				}
				s := in.Series[action*2+persona]
				for k := range n {
					took := 50*time.Millisecond + time.Duration(k%100)*500*time.Microsecond + queued
					s.Response.Record(took)
					s.Service.Record(took)
					s.Classes[probe.OK]++
					in.Lag.Record(200 * time.Microsecond)
				}
			}
			if tick < 2 { // each new user connects twice and logs in once
				add(0, 0, users-before)
				add(1, 0, (users-before+1-tick)/2)
			}
			add(2, 0, int(x*share))
			add(2, 1, int(x)-int(x*share))
			if d.interval != nil {
				d.interval(i, in)
			}
			must(w.Interval(in))
			row := archive.Metrics{At: to}
			for name, st := range map[string]capacity.Station{"web.workers": {Servers: 20, Demand: 0.020, Delay: 1.05}, "db": db} {
				wait := st.Wait(float64(users), 1).Mean()
				for field, rate := range map[string]float64{archive.FieldBusy: x * st.Demand, archive.FieldServed: x, archive.FieldWaited: x * wait} {
					counters[name+field] += rate
					row.Points = append(row.Points, archive.Point{Page: "platform", Resource: name, Field: field, Value: counters[name+field]})
				}
				row.Points = append(row.Points, archive.Point{Page: "platform", Resource: name, Field: archive.FieldInUse, Value: x * st.Demand},
					archive.Point{Page: "platform", Resource: name, Field: archive.FieldLimit, Value: float64(st.Servers)},
					archive.Point{Page: "platform", Resource: name, Field: archive.FieldQueue, Value: x * wait})
			}
			if d.point != nil {
				for k := range row.Points {
					d.point(second, &row.Points[k])
				}
			}
			if !d.silent {
				must(w.Metrics(row))
			}
		}
		before = users
		at = time.Duration(second) * time.Second
		if d.ended {
			break
		}
		must(w.Event(archive.Event{At: at - 500*time.Millisecond, Kind: archive.EventStageEnd, Stage: st}))
	}
	for _, text := range d.notes {
		must(w.Event(archive.Event{At: at, Kind: archive.EventNote, Text: text}))
	}
	if !d.ended {
		must(w.Event(archive.Event{At: at, Kind: archive.EventDone}))
	}
	must(w.Close())
	run, err := archive.Open(dir)
	must(err)
	return run
}

func load(t *testing.T, src string, set ...string) *scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Parse("tiered.yaml", []byte(src), scenarios.Options{SkipSecrets: true, Set: set})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// answer judges a drawn run under a scenario changed by overrides.
func answer(t *testing.T, d drawn, opt Options, set ...string) *Result {
	t.Helper()
	if opt.Draws == 0 {
		opt.Draws = 30
	}
	r, err := Judge(d.write(t), load(t, tiered, set...), opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func close(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got/want-1) > tolerance {
		t.Errorf("%s is %.4g, want %.4g", what, got, want)
	}
}
