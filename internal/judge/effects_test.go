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

const migration = `
name: migrated
targets: {web: {url: "http://127.0.0.1:1/"}, imap: {url: "imap://127.0.0.1:2"}}
accounts: {pattern: "u{n}@example.test", count: 3000, password: {env: P}}
activity: {browser: "30%", source: logs}
personas: [{name: browser, journey: j}, {name: migrator, journey: c, copy: true}]
journeys: {j: [{do: web.list, think: 1s}], c: [{do: web.list, think: 1s}]}
wave: {live: 700, batches: [{name: "1", accounts: 100}], copy: {concurrency: 4}}
observe:
  - name: platform
    prometheus: "http://127.0.0.1:2/metrics"
    resources:
      - {name: pool, kind: pool, in_use: used, limit: "10", busy: busy_total, served: served_total}
load: {stages: {users: [100, 200, 300], ramp: 1s, settle: 500ms, hold: 10s}}
objectives:
  - {action: "web.*", p95: 400ms}
`

// onOff is a stage with active users and copy operations per second.
type onOff struct {
	users, copies int
	fresh         int
}

// migrated writes the archive of a run in which copying makes responses half as long again and users have them grow by
// 1 + users/400; a user's action needs 10 ms of the pool, a copy 50 ms. Copies are slow and must not count as responses.
func migrated(t *testing.T, stages []onOff) *archive.Run {
	t.Helper()
	dir := t.TempDir() + "/run"
	w, err := archive.Create(dir, archive.Meta{Format: archive.Version, RunID: "x", Scenario: "migrated", Seed: 1, Actions: []string{"web.list"},
		Personas: []string{"browser", "migrator"}}, []byte(migration))
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	var busy, served float64
	second := 0
	for i, x := range stages {
		st := &archive.Stage{Index: i, Users: x.users, Copy: min(x.copies, 4), Fresh: x.fresh, Live: 700}
		at := time.Duration(second) * time.Second
		must(w.Event(archive.Event{At: at, Kind: archive.EventRamp, Stage: st}))
		must(w.Event(archive.Event{At: at + time.Second, Kind: archive.EventHold, Stage: st}))
		factor := 1 + float64(x.users)/400
		if x.copies > 0 {
			factor *= 1.5
		}
		for range 21 {
			second++
			in := &record.Interval{Start: time.Duration(second-1) * time.Second, End: time.Duration(second) * time.Second, Users: x.users,
				Series: []*record.Series{new(record.Series), new(record.Series)}}
			for p, n := range []int{x.users, x.copies} {
				for k := range n {
					d := time.Duration(factor * (50 + float64(k*100/n)/2) * (1 + 0.01*float64(second%3)) * float64(time.Millisecond))
					if p == 1 {
						d = 350 * time.Millisecond
					}
					in.Series[p].Response.Record(d)
					in.Series[p].Service.Record(d)
					in.Series[p].Classes[probe.OK]++
					in.Lag.Record(200 * time.Microsecond)
				}
			}
			must(w.Interval(in))
			use := 0.010*float64(x.users) + 0.050*float64(x.copies)
			busy, served = busy+use, served+float64(x.users+x.copies)
			must(w.Metrics(archive.Metrics{At: in.End, Points: []archive.Point{
				{Page: "platform", Resource: "pool", Field: "in_use", Value: use}, {Page: "platform", Resource: "pool", Field: "limit", Value: 10},
				{Page: "platform", Resource: "pool", Field: "busy", Value: busy}, {Page: "platform", Resource: "pool", Field: "served", Value: served},
			}}))
		}
		must(w.Event(archive.Event{At: time.Duration(second) * time.Second, Kind: archive.EventStageEnd, Stage: st}))
	}
	must(w.Event(archive.Event{At: time.Duration(second) * time.Second, Kind: archive.EventDone}))
	must(w.Close())
	run, err := archive.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func effectsOf(t *testing.T, stages ...onOff) *Result {
	t.Helper()
	s, err := scenarios.Parse("migrated.yaml", []byte(migration), scenarios.Options{SkipSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Judge(migrated(t, stages), s, Options{Draws: 60})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestEffectsOfCopyTraffic: from 100 users without copying to 300 with it, times grow from 1.25 to 1.75 × 1.5 units. The
// users' part is the mean of (1.75 − 1.25) and 1.5 × that, the copies' the mean of 0.5 × 1.25 and 0.5 × 1.75.
func TestEffectsOfCopyTraffic(t *testing.T) {
	r := effectsOf(t, onOff{users: 100}, onOff{users: 100, copies: 20}, onOff{users: 200, copies: 20}, onOff{users: 200}, onOff{users: 300}, onOff{users: 300, copies: 20}, onOff{users: 100})
	e := r.Effects
	if e == nil || !e.Determined {
		t.Fatalf("not determined: %+v", e)
	}
	if e.Action != "web.list" || e.Quantile != 0.95 || e.FromUsers != 100 || e.ToUsers != 300 || math.Abs(e.Copy-20) > 1 {
		t.Errorf("%s p%v from %d to %d users with %v copies/s", e.Action, e.Quantile, e.FromUsers, e.ToUsers, e.Copy)
	}
	unit := e.From.Seconds() / 1.25
	if math.Abs(unit-0.0985) > 0.005 {
		t.Errorf("the unit is %.4f s; copies may count as responses", unit)
	}
	for kind, want := range map[string]float64{capacity.FromUsers: 0.5 * 1.25, capacity.FromCopy: 0.5 * 1.5, capacity.FromDrift: 0} {
		found := false
		for _, p := range e.Parts {
			if p.Kind == kind {
				found = true
				if math.Abs(p.Seconds/unit-want) > 0.06 || p.Low > p.Seconds || p.High < p.Seconds {
					t.Errorf("%s: %.3f (%.3f–%.3f) units, want %.3f", kind, p.Seconds/unit, p.Low/unit, p.High/unit, want)
				}
			}
		}
		if !found {
			t.Errorf("no part %s in %v", kind, e.Parts)
		}
	}
	if len(e.Resources) != 1 {
		t.Fatalf("resources %v", e.Resources)
	}
	for _, p := range e.Resources[0].Parts {
		if want := map[string]float64{capacity.FromUsers: 0.3, capacity.FromCopy: 0.1}[p.Kind]; math.Abs(p.Value-want) > 0.01 {
			t.Errorf("%s uses %.3f of the pool, want %.3f", p.Kind, p.Value, want)
		}
	}
	said := e.Sentence.String()
	for _, want := range []string{"of the 140ms that web.list p95 rose between 100 and 300 active users, ", " come from users, ", " come from copying"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q does not say %q", said, want)
		}
	}
	if e.WithCopy == nil || e.WithoutCopy == nil || *e.WithCopy != r.Forecast.Users {
		t.Fatalf("capacity %v with copying, %v without; forecast %v", e.WithCopy, e.WithoutCopy, r.Forecast)
	}
	// copying holds 1 of the 10 connections: without it there is room for some tenth more
	if gain := e.WithoutCopy.P50 / e.WithCopy.P50; gain < 1.05 || gain > 1.2 {
		t.Errorf("without copying the capacity is %.3f times as large: %v, %v, %v", gain, *e.WithCopy, *e.WithoutCopy, r.Warnings)
	}
	if e.FirstDay != nil || len(e.Doubts) > 0 {
		t.Errorf("first day %v, doubts %v", e.FirstDay, e.Doubts)
	}
}

func TestEffectsWithoutAnExperiment(t *testing.T) {
	if r := effectsOf(t, onOff{users: 100}, onOff{users: 200}, onOff{users: 300}); r.Effects != nil {
		t.Errorf("effects %+v without copy traffic or fresh accounts", r.Effects)
	}
	e := effectsOf(t, onOff{users: 100, copies: 5}, onOff{users: 200, copies: 12}, onOff{users: 300, copies: 20}).Effects
	if e == nil || e.Determined || e.Why.Code != "effects-copy-collinear" || e.WithoutCopy != nil {
		t.Errorf("users and copies rose together: %+v", e)
	}
	// fresh accounts only with the last batch: copying is known all the same
	e = effectsOf(t, onOff{users: 100}, onOff{users: 100, copies: 20}, onOff{users: 200, copies: 20}, onOff{users: 200}, onOff{users: 300, copies: 20, fresh: 300}).Effects
	if e == nil || !e.Determined || e.ToUsers != 200 || e.FirstDay != nil || fmt.Sprint(codes(e.Doubts)) != "[effects-fresh-collinear effects-drift-unknown]" {
		t.Errorf("fresh accounts rose with the users: %+v", e)
	}
}

func TestEffectsOfFreshAccounts(t *testing.T) {
	e := effectsOf(t, onOff{users: 100}, onOff{users: 100, copies: 20}, onOff{users: 200, fresh: 300}, onOff{users: 200}, onOff{users: 300}, onOff{users: 300, fresh: 300}, onOff{users: 200, copies: 20}, onOff{users: 100}).Effects
	if e == nil || !e.Determined || e.Fresh != 300 || e.FirstDay == nil || e.SteadyState == nil {
		t.Fatalf("fresh accounts were switched on and off: %+v", e)
	}
	for _, p := range e.Parts {
		if p.Kind == capacity.FromFresh && math.Abs(p.Seconds) > 0.01*e.To.Seconds() {
			t.Errorf("%.4f s come from fresh accounts, which made no difference", p.Seconds)
		}
	}
}

func codes(list []Message) []string {
	var all []string
	for _, m := range list {
		all = append(all, m.Code)
	}
	return all
}
