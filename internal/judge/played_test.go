package judge

import (
	"strings"
	"testing"
	"time"

	"pegel/internal/record"
	"pegel/probes/probe"
)

// slowStage makes the responses of a stage take a second longer.
func slowStage(stage int) func(int, *record.Interval) {
	return func(i int, in *record.Interval) {
		if i != stage {
			return
		}
		for k, s := range in.Series {
			if s == nil {
				continue
			}
			slow := new(record.Series)
			for range s.Done() {
				slow.Response.Record(time.Second)
				slow.Service.Record(time.Second)
				slow.Classes[probe.OK]++
			}
			in.Series[k] = slow
		}
	}
}

const storm = `situations=[{name: storm, logins: 60%, within: 10s, at: 400}]`

// A situation that was played takes no part in the forecast and breaks no objective of the load, but where it was broken a batch
// that leads there is no-go, whatever the forecast; a batch below it is judged as ever.
func TestPlayedSituationIsBroken(t *testing.T) {
	run := drawn{users: []int{150, 300, 450, 400}, played: []string{"", "", "", "storm"}, interval: slowStage(3)}
	plain := answer(t, drawn{}, Options{})
	r := answer(t, run, Options{}, storm)
	if len(r.Stages) != 3 || len(r.Played) != 1 {
		t.Fatalf("%d stages, %d played", len(r.Stages), len(r.Played))
	}
	if !r.Forecast.Determined || r.Forecast.Users != plain.Forecast.Users || r.Forecast.StagesUsed != 3 {
		t.Errorf("forecast %v from %d stages, want %v as without the situation", r.Forecast.Users, r.Forecast.StagesUsed, plain.Forecast.Users)
	}
	for _, o := range r.Objectives {
		if o.Broken || o.BrokenAt > 0 || len(o.Stages) != 3 {
			t.Errorf("the objective %v is %+v", o.Text, o)
		}
	}
	p := r.Forecast.Situations[1].Played
	if p == nil || len(p.Broken()) != 1 || p.Held() || p.Users != 400 {
		t.Fatalf("played: %+v", p)
	}
	if got, want := p.Text().String(), `the situation "storm" was played at 400 active users: web.list p95 < 400ms was broken`; got != want {
		t.Errorf("said %q", got)
	}
	for accounts, want := range map[int]string{100: Go, 334: NoGo, 1000: NoGo} { // 30 % of 1000 and these: 330, 400, 600
		v := answer(t, run, Options{NextBatch: accounts}, storm).Forecast.Batch
		if v.Verdict != want {
			t.Errorf("a batch of %d is %s because %v, want %s", accounts, v.Verdict, v.Why, want)
		}
		if broken := strings.Contains(v.Why.String(), "was played"); broken != (want == NoGo) || want == NoGo && v.Situation != "storm" {
			t.Errorf("a batch of %d: situation %q, %v", accounts, v.Situation, v.Why)
		}
	}
	// an activity that is not known puts a batch partly above what was broken
	v := answer(t, run, Options{NextBatch: 200}, storm, "activity={browser: [10%, 30%], phone: 10%, source: logs}").Forecast.Batch
	if s := v.Situations[1]; s.POK > 0.85 || s.POK < 0.6 || v.Verdict != Caution {
		t.Errorf("a batch that may reach what was broken is %s with %.2f, want caution and about 0.76", v.Verdict, s.POK)
	}
	// what would be after a change has not been played
	r = answer(t, run, Options{NextBatch: 400, WhatIf: assumed(t, "db.limit=x4")}, storm)
	if w := r.Forecast.WhatIf; w.Batches[0].Situations[1].Verdict == NoGo || r.Forecast.Batch.Verdict != NoGo {
		t.Errorf("what-if: %+v, as it is: %s", w.Batches[0].Situations[1], r.Forecast.Batch.Verdict)
	}
}

func assumed(t *testing.T, text string) []Assumption {
	t.Helper()
	list, err := Assume(load(t, tiered), []string{text})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Where a situation cannot be forecast, what was measured decides: it held, so that a batch below is go; one above is not known.
func TestPlayedSituationHeld(t *testing.T) {
	run := drawn{users: []int{150, 300, 450, 400}, played: []string{"", "", "", "at once"}}
	const together = `situations=[{name: at once, logins: 100%, together: true, at: 400}]`
	for accounts, want := range map[int]string{100: Go, 200: Go, 450: Caution} {
		r := answer(t, run, Options{NextBatch: accounts}, together)
		s := r.Forecast.Situations[1]
		if s.Determined || s.Why.Code != "situation-together" || s.Played == nil || !s.Played.Held() {
			t.Fatalf("situation %+v", s)
		}
		if v := r.Forecast.Batch; v.Verdict != want || v.Situations[1].Unknown != (want == Caution) {
			t.Errorf("a batch of %d is %s because %v: %+v", accounts, v.Verdict, v.Why, v.Situations)
		}
	}
	// without the situation in the run nothing is known of it
	if v := answer(t, drawn{}, Options{NextBatch: 100}, together).Forecast.Batch; v.Verdict != Caution {
		t.Errorf("not played: %s", v.Verdict)
	}
}

// Without counters no capacity is determined; a situation that was broken says no all the same.
func TestPlayedSituationWithoutCapacity(t *testing.T) {
	run := drawn{users: []int{300, 400}, played: []string{"", "storm"}, interval: slowStage(1), silent: true}
	r := answer(t, run, Options{NextBatch: 400}, storm)
	if v := r.Forecast.Batch; r.Forecast.Determined || v.Verdict != NoGo || v.Situation != "storm" || v.Why.Code != "situation-broken" {
		t.Errorf("determined %v, batch %+v", r.Forecast.Determined, v)
	}
}

// A situation that the generator spoilt says nothing.
func TestPlayedSituationIsInvalid(t *testing.T) {
	run := drawn{users: []int{150, 300, 450, 400}, played: []string{"", "", "", "storm"}, interval: func(stage int, in *record.Interval) {
		slowStage(3)(stage, in)
		for range 100 * boolToInt(stage == 3) {
			in.Lag.Record(time.Second)
		}
	}}
	r := answer(t, run, Options{NextBatch: 400}, storm)
	if p := r.Played[0]; p.Valid || len(p.Broken()) > 0 || p.Text().Code != "played-invalid" || r.Forecast.Situations[1].Played != nil {
		t.Errorf("played %v, %v", p.Valid, p.Text())
	}
	if v := r.Forecast.Batch; v.Situations[1].Verdict == NoGo {
		t.Errorf("batch %+v", v)
	}
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Arrivals that were not started are a warning, and no verdict is better than caution then.
func TestArrivalsNotStartedAreSaid(t *testing.T) {
	text := "150 of 200 arrivals of incoming were not started in stage 1: 5 were at work already, so that the rate was not reached"
	r := answer(t, drawn{notes: []string{text, "the run was ended before the blackout that begins at 2026-03-02 22:00"}}, Options{NextBatch: 100})
	found := false
	for _, w := range r.Warnings {
		found = found || w.Code == arrivalsNotStarted && w.String() == text
	}
	if !found || len(r.Notes) != 1 || r.Notes[0].Code != NoteBlackout {
		t.Errorf("warnings %v, notes %v", r.Warnings, r.Notes)
	}
	if v := r.Forecast.Batch; v.Verdict != Caution || v.Why.Code != "held-back" {
		t.Errorf("batch %s because %v", v.Verdict, v.Why)
	}
}
