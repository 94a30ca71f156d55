package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/internal/record"
	"pegel/probes/probe"
)

// A long run: 10 stages held for 3 minutes each, 40 actions of 4 personas, 8 resources with all counters, intervals of a second.
const (
	longStages    = 10
	longActions   = 40
	longResources = 8
	longHold      = 180
	longRamp      = 12 // seconds, with settling
)

// longScenario is the scenario of the long run: every resource is passed by all actions but an eighth.
func longScenario() string {
	var b strings.Builder
	b.WriteString(`name: long
targets: {web: {url: "http://127.0.0.1:1/"}}
accounts: {pattern: "u{n}@example.test", count: 90000, password: {env: PEGEL_PASSWORD}}
activity: {p0: 8%, p1: 8%, p2: 8%, p3: 8%, source: logs}
personas: [{name: p0, journey: j}, {name: p1, journey: j}, {name: p2, journey: j}, {name: p3, journey: j}]
journeys: {j: [{do: web.list, think: 10s}]}
wave: {live: 20000, batches: [{name: one, accounts: 2000}]}
load: {stages: {from: 1000, to: 10000, step: 1000, ramp: 6s, settle: 6s, hold: 3m}}
objectives: [{action: "web.*", p95: 1s}, {errors: 0.5%}]
observe:
  - name: platform
    prometheus: "http://127.0.0.1:2/metrics"
    resources:
`)
	for r := range longResources {
		var actions []string
		for a := range longActions {
			if a%longResources != r {
				actions = append(actions, longAction(a))
			}
		}
		fmt.Fprintf(&b, "      - {name: r%d, kind: workers, in_use: used, limit: l, queue: waiting, busy: busy_total, served: served_total, waited: wait_total, actions: [%s]}\n",
			r, strings.Join(actions, ", "))
	}
	return b.String()
}

func longAction(a int) string { return fmt.Sprintf("web.a%02d", a) }

// writeLongRun writes the archive of the long run.
func writeLongRun(dir string) error {
	d := &longRun{recorder: record.NewRecorder(longActions, 4, 1), hold: longHold}
	return d.write(dir)
}

func (d *longRun) write(dir string) error {
	meta := archive.Meta{RunID: "long", Scenario: "long", Seed: 3, Personas: []string{"p0", "p1", "p2", "p3"}, Started: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)}
	for a := range longActions {
		meta.Actions = append(meta.Actions, longAction(a))
	}
	w, err := archive.Create(dir, meta, []byte(longScenario()))
	if err != nil {
		return err
	}
	d.w, d.rng = w, rand.New(rand.NewPCG(1, 2))
	for stage := range longStages {
		st := &archive.Stage{Index: stage, Users: 1000 * (stage + 1), Live: 20000, Beyond: true}
		d.event(archive.EventRamp, st)
		for tick := range longRamp + d.hold {
			if tick == longRamp {
				d.event(archive.EventHold, st)
			}
			d.tick(st.Users)
		}
		d.event(archive.EventStageEnd, st)
	}
	d.event(archive.EventDone, nil)
	if d.err != nil {
		return d.err
	}
	return w.Close()
}

// longRun writes second by second; the first error stays.
type longRun struct {
	w        *archive.Writer
	rng      *rand.Rand
	recorder *record.Recorder
	hold     int // seconds of each stage
	// generator is how many figures of the generator itself come each second.
	generator int
	each      func() // called after each second, where it is set

	second int
	busy   [longResources]float64
	served [longResources]float64
	waited [longResources]float64
	err    error
}

func (d *longRun) keep(err error) {
	if d.err == nil {
		d.err = err
	}
}

func (d *longRun) event(kind string, st *archive.Stage) {
	d.keep(d.w.Event(archive.Event{At: time.Duration(d.second) * time.Second, Kind: kind, Stage: st}))
}

// act records what users do in a second, an action in ten seconds each, in about 0.1 s and with two phases, and returns how many it was.
func (d *longRun) act(users int) (done int) {
	var phases [probe.NumPhases]time.Duration
	for a := range longActions {
		n := int(math.Round(float64(users) / 10 / longActions * (0.8 + 0.4*d.rng.Float64())))
		for i := range n {
			took := time.Duration(math.Exp(-2.5+0.6*d.rng.NormFloat64()+0.01*float64(a)) * float64(time.Second))
			phases[probe.PhaseFirstByte], phases[probe.PhaseComplete] = took/2, took-took/2
			d.recorder.Shard(done + i).Record(&record.Sample{Action: a, Persona: a % 4, Began: 200 * time.Microsecond, Ended: 200*time.Microsecond + took, Class: probe.OK,
				InFlight: 1 + int(float64(users)/100*(0.7+0.6*d.rng.Float64())), Phases: &phases, In: 4000, Out: 300})
		}
		done += n
	}
	return done
}

// tick is one second.
func (d *longRun) tick(users int) {
	from := time.Duration(d.second) * time.Second
	d.second++
	done := d.act(users)
	in := d.recorder.Collect(0)
	in.Start, in.End, in.Users, in.InFlight = from, from+time.Second, users, users/100
	d.keep(d.w.Interval(in))
	row := archive.Metrics{At: in.End}
	for r := range longResources {
		limit := 64 + 8*math.Abs(float64(r-4))
		visits := float64(done) * (longResources - 1) / longResources
		use := visits * 0.04 * (0.97 + 0.06*d.rng.Float64())
		d.busy[r], d.served[r], d.waited[r] = d.busy[r]+use, d.served[r]+visits, d.waited[r]+0.0001*visits
		for field, value := range map[string]float64{archive.FieldInUse: use, archive.FieldLimit: limit, archive.FieldQueue: 0,
			archive.FieldBusy: d.busy[r], archive.FieldServed: d.served[r], archive.FieldWaited: d.waited[r]} {
			row.Points = append(row.Points, archive.Point{Page: "platform", Resource: fmt.Sprintf("r%d", r), Field: field, Value: value})
		}
	}
	for i := range d.generator {
		row.Points = append(row.Points, archive.Point{Page: archive.PageGenerator, Resource: fmt.Sprintf("figure_%d", i), Field: archive.FieldValue, Value: d.rng.Float64()})
	}
	d.keep(d.w.Metrics(row))
	if d.each != nil {
		d.each()
	}
}

// What the forecast of one archive costs, as its user sees it: the command in a process of its own. A machine that is shared
// makes the wall time longer; half of the processor time is near what two idle cores take, which also read for a while one by
// one.
func BenchmarkForecastOfArchive(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "run")
	if err := writeLongRun(dir); err != nil {
		b.Fatal(err)
	}
	var cpu, wall time.Duration
	var peak int64
	for b.Loop() {
		cmd := exec.Command("pegel", "forecast", dir, "--json")
		cmd.Stderr = os.Stderr
		began := time.Now()
		out, err := cmd.Output()
		wall += time.Since(began)
		if !strings.Contains(string(out), `"determined": true`) {
			b.Fatalf("%v: %s", err, out)
		}
		use := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		peak = max(peak, use.Maxrss)
	}
	b.ReportMetric(wall.Seconds()/float64(b.N), "wall-s")
	b.ReportMetric(cpu.Seconds()/float64(b.N)/2, "half-cpu-s")
	b.ReportMetric(float64(peak)*1024/1e6, "peak-MB")
}
