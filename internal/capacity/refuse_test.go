package capacity

import (
	"math"
	"testing"
)

// refusedFor checks that a forecast gives no number, and why.
func refusedFor(t *testing.T, f *Forecast, code string) {
	t.Helper()
	if f.Determined || f.Why.Code != code {
		t.Errorf("determined %v: %v, why %q (%v), want %q", f.Determined, f.Users, f.Why.Code, f.Why, code)
	}
	if got := f.Probability(f.Lower + 1); got != 0 {
		t.Errorf("a probability of %v beyond what was shown", got)
	}
}

// Seen from outside, a queue whose limit lies further off than the next stage would be is no forecast.
func TestTooFarUnseen(t *testing.T) {
	near := Predict(flightRise(1.1), Options{Blind: true, Draws: 20})
	if !near.Determined || near.Method != "in-flight" || near.Users.P50 > reachBlind*near.Measured {
		t.Errorf("near: determined %v %v (%v), measured %v", near.Determined, near.Users, near.Why, near.Measured)
	}
	refusedFor(t, Predict(flightRise(1.7), Options{Blind: true, Draws: 20}), "too-far-unseen")
}

// flightRise is a blind input of a queue of 12 units that is saturated at so many times the load of its highest stage.
func flightRise(reach float64) *Input {
	in := flightInput(12, 36)
	for i := range in.Stages {
		st := &in.Stages[i]
		for j := range st.Blocks {
			b := &st.Blocks[j]
			// a rate at which 12 units of 0.8·50 ms each are used to 1/reach at the highest stage
			n := 12 / (0.8 * 0.050) / reach * st.Users / 300 * b.Seconds
			b.Actions[0] = ActionBlock{Counts: []float64{n, 0, 0}, Done: n}
		}
		st.Users *= 10 // who think for some 10 s, much longer than they wait
	}
	in.Grid[0] = Bin{0.04, 0.02} // 50 ms in the middle
	return in
}

// A forecast beyond the load at which a cache is full must have seen what misses cost.
func TestOutgrownIsRefused(t *testing.T) {
	p := cores(10)
	truth := p.truth()
	for _, x := range []struct {
		name string
		full float64 // load from which on the cache is full, of the capacity
		code string
	}{
		{"full just below what was measured", 0.55, "outgrown"},
		{"full between what was measured and the capacity", 0.8, "outgrown"},
		{"full far below", 0.3, ""},
		{"full far above the capacity", 3, ""},
	} {
		in := p.at(shares(truth, 0.2, 0.3, 0.4, 0.5, 0.6)...)
		in.Resources = append(in.Resources, Resource{Name: "buffers", Kind: "cache", Passes: []bool{true}})
		for i := range in.Stages {
			for j := range in.Stages[i].Blocks {
				b := &in.Stages[i].Blocks[j]
				b.Resources = append(b.Resources, ResourceBlock{Holds: true, Limit: 1000, InUse: 1000 * math.Min(1, in.Stages[i].Users/(x.full*truth))})
			}
		}
		f := Predict(in, Options{Draws: 30})
		if x.code != "" {
			refusedFor(t, f, x.code)
		} else if !f.Determined || math.Abs(f.Users.P50/truth-1) > 0.05 {
			t.Errorf("%s: %v %v, truth %.0f", x.name, f.Users, f.Why, truth)
		}
	}
}

func TestMixNotVaried(t *testing.T) {
	in, _ := measuredCores(11)
	refusedFor(t, Predict(in, Options{Draws: 30, Mix: []float64{0.5, 0.5}}), "mix-not-varied")
	for i := range in.Stages {
		in.Stages[i].Mix = []float64{in.Stages[i].Users / 2, in.Stages[i].Users / 2}
	}
	refusedFor(t, Predict(in, Options{Draws: 30, Mix: []float64{0.2, 0.8}}), "mix-not-varied")
}

func TestCopyNotVaried(t *testing.T) {
	none := 0.0
	for _, x := range []struct {
		name   string
		copies func(i int, users float64) float64
		want   bool // refused
	}{
		{"alike", func(int, float64) float64 { return 3 }, true},
		{"growing with the users", func(_ int, users float64) float64 { return users / 100 }, true},
		{"never", func(int, float64) float64 { return 0 }, false},
		{"on and off", func(i int, _ float64) float64 { return float64(3 * (i % 2)) }, false},
	} {
		in, _ := measuredCores(11)
		for i := range in.Stages {
			in.Stages[i].Copy = x.copies(i, in.Stages[i].Users)
		}
		f := Predict(in, Options{Draws: 30, Copy: &none})
		if x.want {
			refusedFor(t, f, "copy-not-varied")
		} else if !f.Determined {
			t.Errorf("%s: %v", x.name, f.Why)
		}
	}
}

// A rise on which the blocks agree so little that the interval spans a factor of two is no number, from near as from afar.
func TestWeakRise(t *testing.T) {
	in := flown(12, 0.8, 24)
	for i := range in.Stages {
		st := &in.Stages[i]
		for j := range st.Blocks {
			slope := 0.1
			if j%4 == 0 {
				slope = 4
			}
			for k, c := range st.Blocks[j].Flight {
				st.Blocks[j].Flight[k].Sum = c.Count * 0.05 * (1 + slope*math.Max(0, (c.Level/c.Count-12)/12))
			}
		}
	}
	f := Predict(in, Options{Blind: true, Draws: 100})
	refusedFor(t, f, "weak-rise")
	if f.Users.P95 <= 2*f.Users.P05 {
		t.Errorf("%v", f.Users)
	}
	// the same rise in all blocks is weak no longer
	if f := Predict(flown(12, 0.8, 24), Options{Blind: true, Draws: 100}); f.Why.Code == "weak-rise" || f.Users.P95 > 2*f.Users.P05 {
		t.Errorf("%v %v", f.Users, f.Why)
	}
}

// Objectives that are broken at the lowest load, or that no stage could show to hold, are told.
func TestBrokenFromTheStart(t *testing.T) {
	p := cores(12)
	truth := p.truth()
	refusedFor(t, Predict(p.at(1.2*truth, 1.3*truth), Options{Draws: 30}), "broken-from-the-start")
	few := p
	few.seconds, few.blocks = 0.05, 8
	if f := Predict(few.at(0.2*truth, 0.4*truth), Options{Draws: 30}); f.Lower != 0 || !warned(f, "nothing-shown") {
		t.Errorf("lower bound %v, warnings %v", f.Lower, f.Warnings)
	}
}
