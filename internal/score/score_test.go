package score

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var day = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// entry is a forecast made on a day by a run of that day: 900 (800–1000) from up to 600 measured users.
func entry(n int, change func(*Entry)) Entry {
	p := 0.97
	e := Entry{Format: 1, Time: day.AddDate(0, 0, n).Add(time.Hour), Started: day.AddDate(0, 0, n), Pegel: "1", Run: fmt.Sprint("run-", n), Scenario: "wave",
		Environment: "lab", Digest: "d", Determined: true, Users: &Interval{800, 900, 1000}, LowerBound: 600,
		Batches: []Batch{{Name: "7", Users: 700, POK: &p, Verdict: "go"}}, Measured: Measured{Max: 600, Held: 600}}
	if change != nil {
		change(&e)
	}
	return e
}

func measured(most, held, broken float64) func(*Entry) {
	return func(e *Entry) { e.Measured = Measured{most, held, broken} }
}

func TestAppendAndLoad(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs", "a")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	first, second := entry(0, nil), entry(1, nil)
	for _, e := range []Entry{first, second, second} { // the last is the same but for nothing
		if err := Append(dir, e); err != nil {
			t.Fatal(err)
		}
	}
	again := second
	again.Time = again.Time.Add(time.Hour)
	if err := Append(dir, again); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, File)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(f, "not json\n{\"format\":2,\"time\":\"2026-03-02T00:00:00Z\",\"run\":\"x\"}\n%s\n{\"format\":1,\"ti", strings.Repeat("x", mostLine+10))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Append(dir, entry(2, nil)); err != nil { // after a line that was cut short
		t.Fatal(err)
	}
	list, warnings, err := Load(filepath.Dir(dir))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 3 || list[2].Run != "run-2" || !list[0].Time.Equal(first.Time) || *list[0].Users != *first.Users || *list[0].Batches[0].POK != 0.97 {
		t.Errorf("%+v", list)
	}
	all := strings.Join(warnings, "\n")
	for _, want := range []string{":3: left out: not a forecast", ":4: left out: format 2", ":5: left out: the line is too long", ":6: left out: not a forecast"} {
		if !strings.Contains(all, File+want) {
			t.Errorf("no %q in %s", want, all)
		}
	}
	if len(warnings) != 4 {
		t.Errorf("%d warnings", len(warnings))
	}
	if _, _, err := Load(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("a directory that is not there was read")
	}
	if err := Append(filepath.Join(dir, "nowhere"), first); err == nil {
		t.Error("stored nowhere")
	}
}

func TestImpossibleEntriesAreLeftOut(t *testing.T) {
	for _, line := range []string{
		`{"format":1,"run":"a"}`, `{"format":1,"time":"2026-03-02T00:00:00Z"}`,
		`{"format":1,"time":"2026-03-02T00:00:00Z","run":"a","determined":true}`,
		`{"format":1,"time":"2026-03-02T00:00:00Z","run":"a","determined":true,"users":{"p05":3,"p50":2,"p95":4}}`,
		`{"format":1,"time":"2026-03-02T00:00:00Z","run":"a","lower_bound":-1}`,
		`{"format":1,"time":"2026-03-02T00:00:00Z","run":"a","batches":[{"users":1,"p_ok":2}]}`,
	} {
		if _, why := parse([]byte(line), false); why == "" {
			t.Errorf("taken for a forecast: %s", line)
		}
	}
}

func TestLaterRuns(t *testing.T) {
	for name, c := range map[string]struct {
		later   func(*Entry)
		paired  bool
		covered bool
	}{
		"broke inside":             {measured(1000, 850, 950), true, true},
		"broke below":              {measured(900, 650, 750), true, false},
		"held beyond":              {measured(1200, 1200, 0), true, false},
		"held at the batch only":   {measured(750, 750, 0), true, false},
		"not far enough":           {measured(650, 650, 0), false, false},
		"lower than before":        {measured(500, 300, 400), false, false},
		"another scenario":         {func(e *Entry) { measured(1000, 850, 950)(e); e.Scenario = "x" }, false, false},
		"another environment":      {func(e *Entry) { measured(1000, 850, 950)(e); e.Environment = "x" }, false, false},
		"simulated":                {func(e *Entry) { measured(1000, 850, 950)(e); e.Simulated = true }, false, false},
		"begun before":             {func(e *Entry) { measured(1000, 850, 950)(e); e.Started = day.Add(time.Minute) }, false, false},
		"another digest":           {func(e *Entry) { measured(1000, 850, 950)(e); e.Digest = "x" }, true, true},
		"no objective ever held":   {measured(900, 0, 700), true, false},
		"held above what it broke": {measured(1000, 950, 850), true, true},
	} {
		pairs, unpaired := Pairs([]Entry{entry(0, nil), entry(1, c.later)}, nil)
		if (len(pairs) == 1) != c.paired || len(pairs)+unpaired != 2 {
			t.Errorf("%s: %d pairs, %d without", name, len(pairs), unpaired)
			continue
		}
		if c.paired && (pairs[0].Run != "run-0" || pairs[0].Kind != LaterRun || pairs[0].Changed != (name == "another digest")) {
			t.Errorf("%s: %+v", name, pairs[0])
		}
		if c.paired && pairs[0].reaches() && pairs[0].covered() != c.covered {
			t.Errorf("%s: covered %v", name, !c.covered)
		}
		if c.paired && pairs[0].reaches() == (name == "held at the batch only") {
			t.Errorf("%s: reaches the interval: %v", name, pairs[0].reaches())
		}
	}
}

// What is forecast after the outcome is hindsight; before it, the last word counts.
func TestHindsightDoesNotCount(t *testing.T) {
	refit := func(hours int, p50 float64) Entry {
		return entry(0, func(e *Entry) { e.Time = day.Add(time.Duration(hours) * time.Hour); e.Users.P50 = p50 })
	}
	later := entry(1, measured(1000, 850, 950))
	pairs, _ := Pairs([]Entry{refit(48, 902), later, refit(2, 901), refit(1, 900)}, nil)
	if len(pairs) != 1 || pairs[0].Users.P50 != 901 {
		t.Errorf("%+v", pairs)
	}
	if pairs, _ := Pairs([]Entry{refit(48, 902), later}, nil); len(pairs) != 0 {
		t.Errorf("hindsight was paired: %+v", pairs)
	}
}

func TestTruth(t *testing.T) {
	demo := entry(0, func(e *Entry) { e.Simulated = true })
	told := demo
	told.Truth, told.Time = 950, demo.Time.Add(time.Minute)
	pairs, unpaired := Pairs([]Entry{demo, told, entry(1, measured(1000, 850, 950))}, nil)
	if len(pairs) != 1 || pairs[0].Kind != Simulated || pairs[0].Truth != 0 || unpaired != 1 {
		t.Fatalf("%+v, %d", pairs, unpaired)
	}
	if !pairs[0].covered() || math.Abs(pairs[0].point()-950) > 1e-6 {
		t.Errorf("covered %v at %g", pairs[0].covered(), pairs[0].point())
	}
	if ok, known := pairs[0].held(950); !ok || !known {
		t.Error("the truth itself does not hold")
	}
	if ok, known := pairs[0].held(951); ok || !known {
		t.Error("more than the truth holds")
	}
}

func TestObserved(t *testing.T) {
	at := func(n int) time.Time { return day.AddDate(0, 0, n) }
	e := entry(0, func(e *Entry) { e.P95Limit = 1 })
	pairs, _ := Pairs([]Entry{e}, []Observation{
		{At: at(-1), Users: 100, P95: 5},                                     // before the forecast
		{At: at(3), Users: 50, P95: 5, Environment: "elsewhere"},             // another platform
		{At: at(2), Users: 820, P95: 0.9}, {At: at(4), Users: 880, P95: 1.2}, // by the objective
		{At: at(5), Users: 900, Known: true}, {At: at(5), Users: 10, Known: true, OK: true},
	})
	if len(pairs) != 1 || pairs[0].Kind != Observed || pairs[0].Held != 820 || pairs[0].Broken != 880 {
		t.Fatalf("%+v", pairs)
	}
	e.P95Limit = 0
	if pairs, _ := Pairs([]Entry{e}, []Observation{{At: at(2), Users: 880, P95: 1.2}}); len(pairs) != 0 {
		t.Errorf("a p95 without an objective: %+v", pairs)
	}
}

func TestScore(t *testing.T) {
	var entries []Entry
	for n := range 30 { // 27 intervals hold the truth; 3 lie above it, and their go was wrong
		entries = append(entries, entry(n, func(e *Entry) {
			e.Truth = 880
			if n < 3 {
				e.Truth = 690
			}
		}))
	}
	for n := range 10 {
		entries = append(entries, entry(100+n, func(e *Entry) {
			e.Determined, e.Users, e.Truth, e.Batches = false, nil, 700, nil
			if n == 0 {
				e.Truth = 500
			}
		}))
	}
	pairs, _ := Pairs(entries, nil)
	c := Score(pairs)
	if c.Pairs != 40 || c.Coverage.Count != 27 || c.Coverage.Of != 30 || !c.Coverage.Enough || *c.Coverage.Share != 0.9 {
		t.Errorf("%+v", c.Coverage)
	}
	// Clopper and Pearson of 27 of 30
	if math.Abs(*c.Coverage.Low-0.7347) > 1e-3 || math.Abs(*c.Coverage.High-0.9789) > 1e-3 {
		t.Errorf("interval %g–%g", *c.Coverage.Low, *c.Coverage.High)
	}
	if c.FalseGo.Count != 3 || c.FalseGo.Of != 30 || math.Abs(c.FalseMost-0.2386) > 1e-3 {
		t.Errorf("%+v, at most %g", c.FalseGo, c.FalseMost)
	}
	if want := (27*0.03*0.03 + 3*0.97*0.97) / 30; math.Abs(*c.Brier-want) > 1e-9 {
		t.Errorf("Brier %g, want %g", *c.Brier, want)
	}
	if r := c.Table[4]; r.N != 30 || r.OK != 27 || math.Abs(r.Mean-0.97) > 1e-9 {
		t.Errorf("%+v", c.Table)
	}
	if math.Abs(*c.Bias-math.Log(900.0/880)) > 1e-6 || math.Abs(*c.Width-1.25) > 1e-9 {
		t.Errorf("bias %g, width %g", *c.Bias, *c.Width)
	}
	if c.Refused != 10 || c.Lower.Count != 9 || c.Lower.Of != 10 || c.Lower.Share != nil {
		t.Errorf("%d refused, %+v", c.Refused, c.Lower)
	}
}

// Asking one run about many batches does not make its interval count more often, and too few pairs give no share.
func TestScoreOfFew(t *testing.T) {
	var entries []Entry
	for batch := range 5 {
		entries = append(entries, entry(0, func(e *Entry) { e.Truth, e.Question.NextBatch = 880, batch+1 }))
	}
	pairs, _ := Pairs(entries, nil)
	c := Score(pairs)
	if c.Coverage.Of != 1 || c.Coverage.Share != nil || c.Decisions != 5 || c.FalseGo.Of != 5 {
		t.Errorf("%+v", c)
	}
	if none := Score(nil); none.Brier != nil || none.Bias != nil || none.FalseMost != 1 {
		t.Errorf("%+v", none)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"format":1,"time":"2026-03-02T00:00:00Z","run":"a","determined":true,"users":{"p05":1,"p50":2,"p95":0}}`)
	f.Add(`{"format":1,"time":"2026-03-02T00:00:00Z","run":"a","truth":3,"batches":[{"users":1,"p_ok":0.5,"verdict":"go"}]}`)
	f.Fuzz(func(t *testing.T, line string) {
		e, why := parse([]byte(line), false)
		if why != "" {
			return
		}
		later := e
		later.Run, later.Started = e.Run+"x", e.Time.Add(1)
		pairs, _ := Pairs([]Entry{e, later}, []Observation{{At: e.Time.Add(1), Users: 5, Known: true}})
		c := Score(pairs)
		for _, v := range []*float64{c.Bias, c.Width, c.Brier} {
			if v != nil && math.IsNaN(*v) {
				t.Errorf("%+v", c)
			}
		}
	})
}
