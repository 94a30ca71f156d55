package capacity

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// sound checks what must hold of any forecast, whatever it was made from.
func sound(t *testing.T, f *Forecast) {
	t.Helper()
	u := f.Users
	if f.Determined {
		for _, x := range []float64{u.P05, u.P50, u.P95} {
			if math.IsNaN(x) || math.IsInf(x, 0) || x < 0 {
				t.Errorf("determined: %v", u)
				break
			}
		}
		if u.P05 > u.P50 || u.P50 > u.P95 {
			t.Errorf("quantiles do not rise: %v", u)
		}
		if !f.Why.Empty() {
			t.Errorf("determined, and not: %v", f.Why)
		}
	} else if f.Why.Empty() {
		t.Error("not determined without a reason")
	}
	_ = f.Why.String()
	for _, w := range f.Warnings {
		_ = w.String()
	}
	for _, p := range f.Curve {
		if math.IsNaN(p.Low+p.Mid+p.High+p.Users) || p.Low > p.Mid || p.Mid > p.High {
			t.Errorf("curve %+v", p)
			break
		}
	}
	for _, r := range f.Resources {
		if math.IsNaN(r.Probability+r.Limit+r.Demand+r.Visits) || r.Probability < 0 || r.Probability > 1+1e-9 || r.Known && !(r.Users.P05 <= r.Users.P95) {
			t.Errorf("resource %+v", r)
		}
	}
	for _, users := range []float64{0, 1, 100, 1e6} {
		if p := f.Probability(users); !(p >= 0 && p <= 1) {
			t.Errorf("P(%v users hold) = %v", users, p)
		}
	}
}

// quickly makes a forecast of a small input, which takes milliseconds, and fails if it does not end.
func quickly(t *testing.T, in *Input, opt Options, within time.Duration) *Forecast {
	t.Helper()
	done := make(chan *Forecast, 1)
	go func() { done <- Predict(in, opt) }()
	select {
	case f := <-done:
		sound(t, f)
		return f
	case <-time.After(within):
		t.Fatal("the forecast does not end")
		return nil
	}
}

// plain is a small sound input, of which each test spoils something.
func soundInput() *Input {
	in := flightInput(12, 24)
	in.Errors = &Objective{Name: "errors", Errors: 0.005}
	in.Resources = []Resource{{Name: "cpu", Kind: "cores", Passes: []bool{true}}, {Name: "memory", Kind: "memory", Passes: []bool{true}}}
	for i := range in.Stages {
		st := &in.Stages[i]
		for j := range st.Blocks {
			b := &st.Blocks[j]
			n := b.Actions[0].Done
			b.Resources = []ResourceBlock{
				{Valid: true, Holds: true, Limit: 40, InUse: n * 0.05 / b.Seconds, Visits: n, Busy: n * 0.05},
				{Holds: true, Limit: 4000, InUse: 100 + 5*st.Users},
			}
		}
	}
	return in
}

func TestPlainInputIsForecast(t *testing.T) {
	if f := quickly(t, soundInput(), Options{Draws: 40}, time.Minute); !f.Determined {
		t.Errorf("%v", f.Why)
	}
}

// One value at a time that no counter can have.
func TestImpossibleValues(t *testing.T) {
	values := []float64{math.NaN(), math.Inf(1), -1, 1e300, 0}
	places := map[string]func(in *Input, v float64){
		"users":       func(in *Input, v float64) { in.Stages[1].Users = v },
		"copy":        func(in *Input, v float64) { in.Stages[1].Copy = v },
		"fresh":       func(in *Input, v float64) { in.Stages[1].Fresh = v },
		"mix":         func(in *Input, v float64) { in.Stages[1].Mix = []float64{v, 1} },
		"seconds":     func(in *Input, v float64) { in.Stages[1].Blocks[2].Seconds = v },
		"all seconds": func(in *Input, v float64) { eachBlock(in, func(b *Block) { b.Seconds = v }) },
		"count":       func(in *Input, v float64) { in.Stages[1].Blocks[2].Actions[0].Counts[0] = v },
		"done":        func(in *Input, v float64) { in.Stages[1].Blocks[2].Actions[0].Done = v },
		"failed":      func(in *Input, v float64) { in.Stages[1].Blocks[2].Actions[0].Failed = v },
		"limit":       func(in *Input, v float64) { in.Stages[1].Blocks[2].Resources[0].Limit = v },
		"all limits":  func(in *Input, v float64) { eachBlock(in, func(b *Block) { b.Resources[0].Limit = v }) },
		"held limits": func(in *Input, v float64) { eachBlock(in, func(b *Block) { b.Resources[1].Limit = v }) },
		"in use":      func(in *Input, v float64) { in.Stages[1].Blocks[2].Resources[0].InUse = v },
		"held":        func(in *Input, v float64) { in.Stages[1].Blocks[2].Resources[1].InUse = v },
		"visits":      func(in *Input, v float64) { in.Stages[1].Blocks[2].Resources[0].Visits = v },
		"busy":        func(in *Input, v float64) { in.Stages[1].Blocks[2].Resources[0].Busy = v },
		"all busy":    func(in *Input, v float64) { eachBlock(in, func(b *Block) { b.Resources[0].Busy = v }) },
		"waited":      func(in *Input, v float64) { in.Stages[1].Blocks[2].Resources[0].Waited = v },
		"flight": func(in *Input, v float64) {
			in.Stages[1].Blocks[2].Flight[0] = FlightCell{Count: v, Level: 3, Sum: 1}
			in.Stages[1].Blocks[2].Flight[1] = FlightCell{Count: 1, Level: v, Sum: 1}
			in.Stages[1].Blocks[2].Flight[2] = FlightCell{Count: 1, Level: 3, Sum: v}
		},
		"quantile":   func(in *Input, v float64) { in.Actions[0].Objectives[0].Quantile = v },
		"time limit": func(in *Input, v float64) { in.Actions[0].Objectives[0].Limit = v },
		"errors":     func(in *Input, v float64) { in.Errors.Errors = v },
		"population": func(in *Input, v float64) { in.Resources[0].Population = v },
	}
	for name, spoil := range places {
		for _, v := range values {
			for _, blind := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s=%g/%v", name, v, blind), func(t *testing.T) {
					in := soundInput()
					spoil(in, v)
					quickly(t, in, Options{Draws: 3, Blind: blind}, time.Minute)
				})
			}
		}
	}
}

func eachBlock(in *Input, f func(b *Block)) {
	for i := range in.Stages {
		for j := range in.Stages[i].Blocks {
			f(&in.Stages[i].Blocks[j])
		}
	}
}

// Stages, blocks and actions of which there is nothing.
func TestEmptyParts(t *testing.T) {
	reasons := map[string]string{"no blocks at all": "no-stage", "all blocks of no length": "no-stage", "no users at all": "nothing-in-reach", "no samples at all": "nothing-in-reach"}
	for name, spoil := range map[string]func(in *Input){
		"a stage without blocks":  func(in *Input) { in.Stages[1].Blocks = nil },
		"no blocks at all":        func(in *Input) { in.Stages[0].Blocks, in.Stages[1].Blocks, in.Stages[2].Blocks = nil, nil, nil },
		"a block of no length":    func(in *Input) { in.Stages[1].Blocks[0].Seconds = 0 },
		"all blocks of no length": func(in *Input) { eachBlock(in, func(b *Block) { b.Seconds = 0 }) },
		"a stage without users":   func(in *Input) { in.Stages[0].Users = 0 },
		"no users at all":         func(in *Input) { in.Stages[0].Users, in.Stages[1].Users, in.Stages[2].Users = 0, 0, 0 },
		"no samples at all": func(in *Input) {
			eachBlock(in, func(b *Block) { b.Actions[0], b.Resources = ActionBlock{}, make([]ResourceBlock, 2) })
		},
		"no samples in a stage":    func(in *Input) { emptied(in.Stages[:1]) },
		"only failures in a stage": func(in *Input) { failing(in.Stages[2]) },
		"an action without samples": func(in *Input) {
			in.Actions = append(in.Actions, Action{Name: "web.never", Objectives: in.Actions[0].Objectives})
			for r := range in.Resources {
				in.Resources[r].Passes = append(in.Resources[r].Passes, true)
			}
			eachBlock(in, func(b *Block) { b.Actions = append(b.Actions, ActionBlock{}) })
		},
		"no limit":             func(in *Input) { eachBlock(in, func(b *Block) { b.Resources[0].Limit, b.Resources[1].Limit = 0, 0 }) },
		"the same load always": func(in *Input) { in.Stages[0].Users, in.Stages[1].Users = 300, 300 },
		"one stage":            func(in *Input) { in.Stages = in.Stages[:1] },
		"one block a stage":    func(in *Input) { one(in.Stages) },
		"no objective":         func(in *Input) { in.Actions[0].Objectives, in.Errors = nil, nil },
		"only errors judged":   func(in *Input) { in.Actions[0].Objectives = nil },
		"nothing passes":       func(in *Input) { in.Resources[0].Passes[0] = false },
		"no grid, no counts":   func(in *Input) { in.Grid = nil; eachBlock(in, func(b *Block) { b.Actions[0].Counts = nil }) },
	} {
		for _, blind := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", name, blind), func(t *testing.T) {
				in := soundInput()
				spoil(in)
				f := quickly(t, in, Options{Draws: 10, Blind: blind}, time.Minute)
				if want := reasons[name]; want != "" && !blind && f.Why.Code != want && f.Why.Code != "no-rise" {
					t.Errorf("%v %q (%v), want %q", f.Users, f.Why.Code, f.Why, want)
				}
			})
		}
	}
	if f := quickly(t, &Input{}, Options{}, time.Minute); f.Why.Code != "no-stage" {
		t.Errorf("nothing at all: %v", f.Why)
	}
}

func emptied(stages []Stage) {
	for i := range stages {
		for j := range stages[i].Blocks {
			stages[i].Blocks[j].Actions[0] = ActionBlock{}
		}
	}
}

func failing(st Stage) {
	for j := range st.Blocks {
		a := &st.Blocks[j].Actions[0]
		a.Failed, a.Counts = a.Done, nil
	}
}

func one(stages []Stage) {
	for i := range stages {
		stages[i].Blocks = stages[i].Blocks[:1]
	}
}

// A resource whose counters cannot be is missing, and the others still tell; a load that cannot be makes no forecast at all.
func TestImpossibleCountersAreMissing(t *testing.T) {
	in := soundInput()
	in.Stages[1].Blocks[2].Resources[1].InUse = math.NaN()
	whole := Predict(soundInput(), Options{Draws: 40})
	f := quickly(t, in, Options{Draws: 40}, time.Minute)
	if !f.Determined || !warned(f, "counter-missing") || math.Abs(f.Users.P50/whole.Users.P50-1) > 0.3 {
		t.Errorf("%v %v, warnings %v; with all counters %v", f.Users, f.Why, f.Warnings, whole.Users)
	}
	if !math.IsNaN(in.Stages[1].Blocks[2].Resources[1].InUse) {
		t.Error("the caller's input has changed")
	}
	in = soundInput()
	in.Stages[1].Users = math.Inf(1)
	if f := quickly(t, in, Options{Draws: 10}, time.Minute); f.Why.Code != "impossible" {
		t.Errorf("%v %v", f.Users, f.Why)
	}
}

// Thousands of resources, each name twice: a forecast of a moment, in which the one that is busy decides.
func TestThousandsOfResources(t *testing.T) {
	in := soundInput()
	const more = 2000
	for r := range more {
		in.Resources = append(in.Resources, Resource{Name: fmt.Sprintf("cpu-%d", r/2), Kind: "cores", Passes: []bool{true}})
	}
	eachBlock(in, func(b *Block) {
		for range more {
			x := b.Resources[0]
			x.Limit *= 10
			b.Resources = append(b.Resources, x)
		}
	})
	f := quickly(t, in, Options{Draws: 2, Changes: []Change{{Resource: "cpu-7", Times: 2}}}, time.Minute)
	if !f.Determined || f.First.Resource != "cpu" && f.First.Resource != "memory" {
		t.Errorf("%v %v by %q", f.Users, f.Why, f.First.Resource)
	}
}
