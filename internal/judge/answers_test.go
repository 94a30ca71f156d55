package judge

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pegel/internal/archive"
	"pegel/internal/capacity"
	"pegel/internal/record"
	"pegel/scenarios"
)

// The database is full at 500 visits/s. With twice the connections both limits are reached at 1000, and the capacity doubles;
// with demand down to a half too, the web is what is left.
func TestWhatIf(t *testing.T) {
	r, err := read(drawn{}.write(t), load(t, tiered), Options{Draws: 30})
	if err != nil {
		t.Fatal(err)
	}
	r.parts = []*reading{r}
	r.forecast()
	asIs := r.assess(premise{})
	ask := func(texts ...string) *WhatIf {
		t.Helper()
		if r.opt.WhatIf, err = Assume(r.scenario, texts); err != nil {
			t.Fatal(err)
		}
		return r.whatIf(asIs)
	}
	w := ask("db=20")
	if !w.Before.Determined || !w.After.Determined {
		t.Fatalf("%s, %s", w.Before.Why, w.After.Why)
	}
	close(t, "with 20 connections", w.After.Users.P50, 2*w.Before.Users.P50, 0.12)
	if w.Before.Limit.Resource != "db" {
		t.Errorf("before %+v", w.Before.Limit)
	}
	close(t, "with half the demand", ask("db.demand=-50%").After.Users.P50, w.After.Users.P50, 0.06)
	close(t, "with ×2", ask("db.pool=×2").After.Users.P50, w.After.Users.P50, 0.01)
	w = ask("db.pool=+300%")
	close(t, "with 40 connections", w.After.Users.P50, 2*w.Before.Users.P50, 0.12)
	if w.After.Limit.Resource != "web.workers" {
		t.Errorf("after %+v", w.After.Limit)
	}
	// twice the activity of all: the same users from half the accounts
	w = ask("activity.browser=40%", "activity.phone=20%")
	close(t, "accounts", w.After.Accounts.P50, w.Before.Accounts.P50/2, 0.01)
	close(t, "users", w.After.Users.P50, w.Before.Users.P50, 0.001)
	// another mix, which the stages did not vary
	if w = ask("activity.browser=40%"); w.After.Determined || w.After.Why.Code != "mix-not-varied" {
		t.Errorf("another mix gave %v, %s", w.After.Users, w.After.Why)
	}
}

func TestWhatIfWithoutCounters(t *testing.T) {
	list, err := Assume(load(t, tiered), []string{"db=20"})
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]drawn{"none": {silent: true}, "of db": {point: func(second int, p *archive.Point) {
		if p.Resource == "db" {
			p.Value = -1
		}
	}}} {
		if w := answer(t, d, Options{WhatIf: list}).Forecast.WhatIf; w.After.Determined {
			t.Errorf("counters %s: after the change %v", name, w.After.Users)
		}
	}
}

func TestAssume(t *testing.T) {
	s := load(t, tiered)
	for text, want := range map[string]string{
		"db":                    "write NAME.limit=NUMBER",
		"bd=3":                  `unknown resource "bd"; did you mean "db"?`,
		"cache.limit=3":         `unknown resource "cache"; known: db, web.workers`,
		"db.polo=3":             `unknown property of a resource "polo"; did you mean "pool"?`,
		"db=0":                  "no quantity above 0",
		"db=-3":                 "no quantity above 0",
		"db=NaN":                "no quantity above 0",
		"db=1e400":              "no quantity above 0",
		"db=20%":                "no quantity above 0",
		"db=-100%":              "no quantity above 0",
		"db.demand=0.2":         "the demand changes by a factor",
		"activity.browzer=40%":  `did you mean "browser"?`,
		"activity.browser=40":   "no share of the accounts",
		"activity.browser=-4%":  "no share of the accounts",
		"copy=-1":               "no rate of copy operations",
		"copy=on":               "no rate of copy operations",
		"=3":                    "write NAME.limit=NUMBER",
		"web.workers.servers==": "no quantity above 0",
	} {
		if _, err := Assume(s, []string{text}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	list, err := Assume(s, []string{"web.workers=6", "web.workers.servers=+20%", "db.demand=×0.8", "copy=off", "copy=2.5", "activity.phone=0.5"})
	if err != nil || list[0].Change.Limit != 6 || list[1].Change.Times != 1.2 || list[2].Change.Demand != 0.8 || *list[3].Copy != 0 || *list[4].Copy != 2.5 || list[5].Share != 0.5 {
		t.Errorf("got %+v, %v", list, err)
	}
}

// To carry 900 users, 10 connections are too few and 20 workers enough. Changed like that, the forecast says so too.
func TestTarget(t *testing.T) {
	r, err := read(drawn{}.write(t), load(t, tiered), Options{Draws: 30})
	if err != nil {
		t.Fatal(err)
	}
	r.parts = []*reading{r}
	r.forecast()
	got := r.carry(Goal{Users: 900})
	if got.Carried || !got.Enough || len(got.Changes) != 1 || got.Changes[0].Resource != "db" || got.Changes[0].From != 10 || got.Changes[0].To < 14 || got.Changes[0].To > 18 {
		t.Fatalf("%+v", got)
	}
	p := premise{changes: []capacity.Change{{Resource: "db", Limit: got.Changes[0].To}}}
	if f := r.assess(p).forecasts[0]; f.Users.P05 < 0.97*900 {
		t.Errorf("with %v, only %v are carried", got.Changes, f.Users)
	}
	p.changes[0].Limit -= 2
	if f := r.assess(p).forecasts[0]; f.Users.P05 > 900 {
		t.Errorf("fewer than %v would do: %v", got.Changes, f.Users)
	}
	if got = r.carry(Goal{Users: 1400}); len(got.Changes) != 2 || !got.Enough {
		t.Errorf("both limits must be raised: %+v", got)
	}
	if got = r.carry(Goal{Accounts: 1000}); !got.Carried || len(got.Changes) > 0 || math.Abs(got.Users-300) > 1 {
		t.Errorf("300 users: %+v", got)
	}
	if got = r.carry(Goal{Users: 5000}); got.Enough || got.Why.Code != "target-out-of-reach" {
		t.Errorf("5,000 users: %+v", got)
	}
	r.scenario = load(t, tiered, "situations=[{name: less, less: {db: 1}}]", "environment.nodes={db: 2}")
	if got = r.carry(Goal{Users: 600}); !got.Enough || len(got.Changes) != 1 || got.Changes[0].To < 18 || got.Changes[0].To > 24 {
		t.Errorf("with half the database: %+v", got)
	}
	if got = answer(t, drawn{silent: true}, Options{Goal: Goal{Users: 900}}).Forecast.Target; got.Enough || got.Why.Empty() {
		t.Errorf("without counters: %+v", got)
	}
}

func TestSteps(t *testing.T) {
	for _, c := range []struct {
		from float64
		want []float64
	}{{2, []float64{2, 3, 4, 5, 6, 7, 8}}, {2.5, []float64{2.5, 3, 4, 5, 6, 7, 8, 9, 10}}, {100, []float64{100, 105, 110, 115, 120, 125, 130, 135, 140, 145, 150, 160}}} {
		if got := steps(c.from); !slices.Equal(got[:len(c.want)], c.want) || got[len(got)-1] > 4*c.from {
			t.Errorf("from %g: %v", c.from, got)
		}
	}
}

// A storm of logins adds visits, a machine less takes workers away; the worst situation gives the verdict.
func TestSituations(t *testing.T) {
	r := answer(t, drawn{}, Options{NextBatch: 600}, "situations=[{name: storm, logins: 100%, within: 1m}, {name: half the web, less: {web: 1}}, {name: no db, less: {db: 1}}]", "environment.nodes={web: 4, db: 2}")
	s := r.Forecast.Situations
	if len(s) != 4 || s[0].Name != BusyHour || !s[1].Determined || !s[2].Determined || !s[3].Determined {
		t.Fatalf("%+v", s)
	}
	// each user does 1/1.07 s lists, and 3 more actions a minute: 0.05/s on top of 0.93
	close(t, "in the storm", s[1].Users.P50, s[0].Users.P50/1.05, 0.03)
	close(t, "with three of four web nodes", s[2].Users.P50, s[0].Users.P50, 0.03)
	close(t, "with one of two db nodes", s[3].Users.P50, s[0].Users.P50/2, 0.15)
	if b := r.Forecast.Batch; b.Verdict != NoGo || b.Situation != "no db" || b.Resource != "db" || len(b.Situations) != 4 || b.Situations[0].Verdict != Go {
		t.Errorf("%+v", b)
	}
	// nothing is known of a kind of machines without resources, and nobody gets a go by that
	r = answer(t, drawn{}, Options{NextBatch: 20}, "situations=[{name: cache, less: {cache: 1}}]", "environment.nodes={cache: 4}")
	if b := r.Forecast.Batch; b.Verdict != Caution || b.Why.Code != "situation-unknown" || b.Unknown {
		t.Errorf("%+v", b)
	}
}

// Logins are those of users who arrive; a run in which nobody does knows nothing about them.
func TestLoginsAreMeasured(t *testing.T) {
	run := drawn{}.write(t)
	r, err := read(run, load(t, tiered), Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.parts = []*reading{r}
	r.in = r.input()
	got := r.sessionActions()
	if math.Abs(got[0]-2) > 0.05 || math.Abs(got[1]-1) > 0.05 || got[2] != 0 {
		t.Errorf("a session has %v, want 2 connects and 1 login", got)
	}
	without := answer(t, drawn{interval: func(_ int, in *record.Interval) { clear(in.Series[:4]) }}, Options{}, "situations=[{name: storm, logins: 50%, within: 5m}]")
	if s := without.Forecast.Situations[1]; s.Determined || s.Why.Code != "no-logins-measured" {
		t.Errorf("%+v", s)
	}
}

func TestThresholds(t *testing.T) {
	r := answer(t, drawn{}, Options{})
	p50 := int(r.Forecast.Accounts.P50) - 1000
	for set, want := range map[string]string{"seed=1": Caution, "verdict={go: 40%, no_go: 10%}": Go, "verdict={go: 99%, no_go: 90%}": NoGo} {
		if b := answer(t, drawn{}, Options{NextBatch: p50 - 30}, set).Forecast.Batch; b.Verdict != want {
			t.Errorf("%s: %s at P(ok) %v", set, b.Verdict, b.POK)
		}
	}
}

func TestActivityDominates(t *testing.T) {
	r := answer(t, drawn{}, Options{}, "activity={browser: [5%, 40%], phone: 10%, source: guess}")
	if !slices.ContainsFunc(r.Warnings, func(m Message) bool { return m.Code == "activity-dominates" }) || r.Forecast.ActivityShare < 0.8 {
		t.Errorf("share %v, warnings %v", r.Forecast.ActivityShare, r.Warnings)
	}
	if r = answer(t, drawn{}, Options{}); r.Forecast.ActivityShare > 0.01 {
		t.Errorf("share %v of a known activity", r.Forecast.ActivityShare)
	}
}

// FuzzAssume: whatever is assumed, the answer is an error or something that can be computed with.
func FuzzAssume(f *testing.F) {
	s, err := scenarios.Parse("tiered.yaml", []byte(tiered), scenarios.Options{SkipSecrets: true})
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{"db=20", "web.workers.servers=+20%", "db.demand=×0.8", "activity.browser=40%", "copy=off", "db=1e-320", "=", "db=%"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := Assume(s, []string{text})
		if err != nil {
			return
		}
		a := list[0]
		switch {
		case a.Change != nil:
			sum := a.Change.Limit + a.Change.Times + a.Change.Demand
			if !(sum > 0) || math.IsInf(sum, 0) || a.Change.Limit < 0 || a.Change.Times < 0 || a.Change.Demand < 0 {
				t.Errorf("%q: %+v", text, *a.Change)
			}
		case a.Copy != nil:
			if !(*a.Copy >= 0) || math.IsInf(*a.Copy, 0) {
				t.Errorf("%q: %v", text, *a.Copy)
			}
		case a.Persona == "" || !(a.Share >= 0 && a.Share <= 1):
			t.Errorf("%q: %+v", text, a)
		}
	})
}

// What was observed in real use joins the stages: the bound that was shown, the notes, and the verdicts follow.
func TestObserved(t *testing.T) {
	before := answer(t, drawn{}, Options{NextBatch: 100})
	held := capacity.Observation{Users: before.Forecast.Users.P50 * 0.96, Held: true}
	after := answer(t, drawn{}, Options{NextBatch: 100, Observed: []capacity.Observation{held, held, held}})
	if b := after.Forecast.LowerBound; b != int(held.Users) || before.Forecast.LowerBound != 450 {
		t.Errorf("held at %d, before at %d", b, before.Forecast.LowerBound)
	}
	if !slices.ContainsFunc(after.Notes, func(m Message) bool { return m.Code == "observed-joined" }) || len(before.Notes) != 0 {
		t.Errorf("notes %v, before %v", after.Notes, before.Notes)
	}
	if after.Forecast.Users.P05 < math.Floor(held.Users) {
		t.Errorf("%v, although %.0f held", after.Forecast.Users, held.Users)
	}
}

// Two halves of a staircase, run apart, forecast what the whole one does.
func TestPool(t *testing.T) {
	one := drawn{id: "a", users: []int{100, 200}}
	two := drawn{id: "bb", users: []int{300, 150}}
	s := load(t, tiered)
	sources := []Source{{two.write(t), s}, {one.write(t), s}}
	r, err := Pool(sources, Options{Draws: 40})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Runs) != 2 || r.Runs[0].ID != "a" || len(r.Stages) != 4 || r.Stages[3].Run != 1 || r.Forecast.StagesUsed != 4 || len(r.Objectives) != 1 || len(r.Objectives[0].Stages) != 4 {
		t.Errorf("%+v, %d stages", r.Runs, len(r.Stages))
	}
	close(t, "together", r.Forecast.Users.P50, answer(t, drawn{}, Options{}).Forecast.Users.P50, 0.03)
	again, err := Pool([]Source{sources[1], sources[0]}, Options{Draws: 40})
	if err != nil || again.Forecast.Users != r.Forecast.Users {
		t.Errorf("the order of the runs changes the answer: %v, %v", again.Forecast.Users, err)
	}
	for want, other := range map[string]*scenarios.Scenario{
		"the scenario of": load(t, tiered, "name=other"), "the objectives of": load(t, tiered, "objectives=[{action: web.list, p95: 500ms}]"),
		"the environment of": load(t, tiered, "environment.nodes={web: 3}"), "the resource db": load(t, tiered, "observe.0.resources.1.kind=disk"),
	} {
		if _, err := Pool([]Source{{one.write(t), s}, {two.write(t), other}}, Options{}); !errors.Is(err, ErrPool) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := Pool([]Source{sources[0], sources[0]}, Options{}); !errors.Is(err, ErrPool) || !strings.Contains(err.Error(), "given twice") {
		t.Errorf("the same run twice: %v", err)
	}
}
