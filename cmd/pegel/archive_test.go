package main

import (
	"os"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"pegel/internal/archive"
	"pegel/internal/capacity"
	"pegel/internal/record"
	"pegel/probes/probe"
)

// archiveCommand is "archive DIR SCENARIO ID USERS…": writes the archive of a run with these stages of a platform that is
// one closed queue, a pool "db" of 10 connections with visits of 20 ms, and users who come back after a second.
func archiveCommand(ts *testscript.TestScript, _ bool, args []string) {
	dir, scenario, id := ts.MkAbs(args[0]), args[1], args[2]
	source, err := os.ReadFile(ts.MkAbs(scenario))
	ts.Check(err)
	w, err := archive.Create(dir, archive.Meta{Format: archive.Version, RunID: id, Scenario: "drawn", Seed: 7, Environment: "lab",
		Started: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), Actions: []string{"web.connect", "web.list"}, Personas: []string{"browser"}}, source)
	ts.Check(err)
	st := capacity.Station{Servers: 10, Demand: 0.020, Delay: 1.05}
	var busy, served, waited float64
	second, before := 0, 0
	for i, text := range args[3:] {
		users, err := strconv.Atoi(text)
		ts.Check(err)
		stage := &archive.Stage{Index: i, Users: users, Live: 1000, Beyond: true}
		at := time.Duration(second) * time.Second
		ts.Check(w.Event(archive.Event{At: at, Kind: archive.EventRamp, Stage: stage}))
		ts.Check(w.Event(archive.Event{At: at + 2500*time.Millisecond, Kind: archive.EventHold, Stage: stage}))
		x, _ := st.Solve(users)
		wait := st.Wait(float64(users), 1).Mean()
		for tick := range 13 {
			second++
			end := time.Duration(second) * time.Second
			in := &record.Interval{Start: end - time.Second, End: end, Users: users, Series: []*record.Series{new(record.Series), new(record.Series)}}
			add := func(s *record.Series, n int) {
				for k := range n {
					took := 50*time.Millisecond + time.Duration(k%100)*500*time.Microsecond
					s.Response.Record(took)
					s.Service.Record(took)
					s.Classes[probe.OK]++
					in.Lag.Record(200 * time.Microsecond)
				}
			}
			if tick < 2 {
				add(in.Series[0], (users-before+1-tick)/2)
			}
			add(in.Series[1], int(x))
			ts.Check(w.Interval(in))
			busy, served, waited = busy+x*st.Demand, served+x, waited+x*wait
			row := archive.Metrics{At: end}
			for field, value := range map[string]float64{archive.FieldInUse: x * st.Demand, archive.FieldLimit: 10, archive.FieldQueue: x * wait,
				archive.FieldBusy: busy, archive.FieldServed: served, archive.FieldWaited: waited} {
				row.Points = append(row.Points, archive.Point{Page: "platform", Resource: "db", Field: field, Value: value})
			}
			ts.Check(w.Metrics(row))
		}
		before = users
		ts.Check(w.Event(archive.Event{At: time.Duration(second)*time.Second - 500*time.Millisecond, Kind: archive.EventStageEnd, Stage: stage}))
	}
	ts.Check(w.Event(archive.Event{At: time.Duration(second) * time.Second, Kind: archive.EventDone}))
	ts.Check(w.Close())
}
