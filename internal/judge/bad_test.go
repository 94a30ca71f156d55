package judge

import (
	"math"
	"slices"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/internal/record"
	"pegel/probes/probe"
)

func warned(r *Result, code string) bool {
	return slices.ContainsFunc(r.Warnings, func(m Message) bool { return m.Code == code })
}

// sound tells whether a result's numbers are numbers, and in their order.
func sound(t *testing.T, r *Result) {
	t.Helper()
	f := r.Forecast
	if !f.Determined {
		if f.Why.Empty() {
			t.Error("not determined, and nothing says why")
		}
		if f.Users.P50 != 0 || f.Accounts.P50 != 0 {
			t.Errorf("not determined, but %v", f.Users)
		}
	} else if u := f.Users; !(u.P05 > 0 && u.P05 <= u.P50 && u.P50 <= u.P95) || math.IsInf(u.P95, 0) {
		t.Errorf("capacity %v", u)
	}
	for _, b := range f.Batches {
		if !(b.POK >= 0 && b.POK <= 1) || b.Verdict == "" || b.Why.Empty() {
			t.Errorf("batch %+v", b)
		}
	}
}

func TestNothingToForecast(t *testing.T) {
	slow := func(_ int, in *record.Interval) {
		for range 200 {
			in.Series[4].Response.Record(2 * time.Second)
			in.Series[4].Service.Record(2 * time.Second)
			in.Series[4].Classes[probe.OK]++
		}
	}
	for name, c := range map[string]struct {
		d    drawn
		set  string
		code string
	}{
		"no stage ended":           {drawn{ended: true}, "seed=1", "no-stage"},
		"no counters":              {drawn{silent: true}, "seed=1", "no-rise"},
		"objective never near":     {drawn{}, `objectives=[{action: "web.list", p95: 1h}]`, "nothing-in-reach"},
		"no samples for objective": {drawn{}, `objectives=[{action: "web.send", p95: 1s}]`, "no-samples"},
		"no objective":             {drawn{}, "objectives=[]", "no-samples"},
		"broken from the start":    {drawn{interval: slow}, "seed=1", "broken-from-the-start"},
		"saturated at the lowest":  {drawn{users: []int{900, 1000}, waits: true}, "seed=1", "broken-from-the-start"},
		"nothing but negative":     {drawn{point: func(_ int, p *archive.Point) { p.Value = -1 - p.Value }}, "seed=1", "no-rise"},
		"no use at all":            {drawn{point: func(_ int, p *archive.Point) { p.Value = 0 }}, "seed=1", "no-rise"},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := Assume(load(t, tiered), []string{"db=20", "activity.browser=40%"})
			if err != nil {
				t.Fatal(err)
			}
			r := answer(t, c.d, Options{NextBatch: 500, WhatIf: list, Goal: Goal{Accounts: 3000}, Measure: true}, c.set, "situations=[{name: storm, logins: 50%, within: 5m}]")
			sound(t, r)
			f := r.Forecast
			if f.Determined || f.Why.Code != c.code {
				t.Errorf("determined %v (%v), %s %q", f.Determined, f.Users, f.Why.Code, f.Why)
			}
			if f.WhatIf.After.Determined || f.Target.Enough || f.Batch.Verdict == Go {
				t.Errorf("what if %+v, target %+v, batch %+v", f.WhatIf.After, f.Target, f.Batch)
			}
		})
	}
}

func TestOneLoad(t *testing.T) {
	for _, users := range [][]int{{300}, {300, 300, 300}} {
		r := answer(t, drawn{users: users}, Options{NextBatch: 100})
		sound(t, r)
		if !warned(r, "one-load") || r.Forecast.LowerBound != 300 {
			t.Errorf("%v: held up to %d, warnings %v", users, r.Forecast.LowerBound, r.Warnings)
		}
	}
}

// What a page says wrongly now and then neither enters the forecast nor spoils it.
func TestWrongReadings(t *testing.T) {
	good := answer(t, drawn{}, Options{}).Forecast.Users.P50
	for name, value := range map[string]float64{"negative": -5, "back": 0.9} {
		r := answer(t, drawn{point: func(second int, p *archive.Point) {
			if p.Resource != "db" || second%9 != 0 {
				return
			}
			if name != "back" {
				p.Value = value
			} else if p.Field == archive.FieldBusy {
				p.Value *= value
			}
		}}, Options{})
		sound(t, r)
		if !warned(r, "counter-invalid") || !r.Forecast.Determined {
			t.Errorf("%s: determined %v, %v", name, r.Forecast.Determined, r.Warnings)
		}
		close(t, name, r.Forecast.Users.P50, good, 0.05)
	}
}

// A counter that begins anew, as after a restart in the second stage, goes on where it was.
func TestCounterReset(t *testing.T) {
	good := answer(t, drawn{}, Options{}).Forecast.Users.P50
	first := map[string]float64{}
	r := answer(t, drawn{point: func(second int, p *archive.Point) {
		key := p.Resource + p.Field
		if slices.Contains(counters(), p.Field) {
			if second == 20 {
				first[key] = p.Value
			}
			p.Value -= first[key]
		}
	}}, Options{})
	sound(t, r)
	close(t, "after a reset", r.Forecast.Users.P50, good, 0.03)
	if warned(r, "counter-missing") || !slices.ContainsFunc(r.Notes, func(m Message) bool { return m.Code == "counter-reset" }) {
		t.Errorf("warnings %v, notes %v", r.Warnings, r.Notes)
	}
}

// Where more is in use than the limit allows, the limit is not believed.
func TestLimitBelowUse(t *testing.T) {
	r := answer(t, drawn{point: func(_ int, p *archive.Point) {
		if p.Resource == "db" && p.Field == archive.FieldLimit {
			p.Value = 3
		}
	}}, Options{NextBatch: 100})
	sound(t, r)
	if !warned(r, "limit-below-use") {
		t.Errorf("warnings %v", r.Warnings)
	}
	for _, x := range r.Forecast.Resources {
		if top := x.Measured[len(x.Measured)-1]; top.InUse > x.Limit*overuse {
			t.Errorf("%s has %g in use with a limit of %g", x.Name, top.InUse, x.Limit)
		}
	}
}

// Saturated from the lowest stage on, under an objective that allows for it, the forecast stays above what was shown.
func TestSaturatedFromTheStart(t *testing.T) {
	r := answer(t, drawn{users: []int{900, 1000}, waits: true}, Options{}, `objectives=[{action: "web.list", p95: 5s}]`)
	sound(t, r)
	if f := r.Forecast; f.LowerBound != 1000 || f.Determined && f.Users.P50 > 1.1*3000 {
		t.Errorf("held up to %d, capacity %v", f.LowerBound, f.Users)
	}
}
