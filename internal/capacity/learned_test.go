package capacity

import (
	"math"
	"testing"
)

// days is the same platform measured once for each demand, pooled.
func days(demands ...float64) *Input {
	var out *Input
	for k, d := range demands {
		p := cores(uint64(20 + k))
		truth := p.truth()
		p.demand = d
		in := p.at(shares(truth, 0.2, 0.3, 0.4, 0.5, 0.6)...)
		for i := range in.Stages {
			in.Stages[i].Run = k
		}
		if out == nil {
			out = in
		} else {
			out.Stages = append(out.Stages, in.Stages...)
		}
	}
	return out
}

// Two days that differ widen the interval, and the slower one is not taken for a hidden queue; two that are alike do neither.
func TestRunsThatDiffer(t *testing.T) {
	width := func(demands ...float64) float64 {
		f := Predict(days(demands...), Options{Draws: 200})
		if !f.Determined || warned(f, "hidden-queue") {
			t.Fatalf("demands %v: %v %v %v", demands, f.Users, f.Why, f.Warnings)
		}
		return f.Users.P95 / f.Users.P05
	}
	one, alike, differ := width(0.08), width(0.08, 0.08), width(0.072, 0.088)
	if alike > one*1.1 {
		t.Errorf("p95/p05 of one day %.3f, of two that are alike %.3f", one, alike)
	}
	if differ < alike*1.15 {
		t.Errorf("p95/p05 of two days that are alike %.3f, of two that differ %.3f", alike, differ)
	}
}

func TestBetweenRuns(t *testing.T) {
	for _, x := range []struct {
		demands []float64
		want    float64
	}{
		{[]float64{0.08}, 0},
		// e = ln 0.9 and ln 1.1 about a mean near 0: Σ = 0.0201, over 3, times 1.5; less, as users who wait longer come less often
		{[]float64{0.072, 0.088}, 0.0105},
		{[]float64{0.08, 0.08}, 1.5 * 2 * 0.02 * 0.02 / 3},
	} {
		in := days(x.demands...)
		in.index()
		if got := condense(in, all(in), &Options{}).betweenRuns(0); math.Abs(got-x.want) > 0.25*x.want+2e-4 {
			t.Errorf("demands %v: %.5f, want %.5f", x.demands, got, x.want)
		}
	}
}

// What the last stages miss by is learned; where the model fits, the prior stands.
func TestDiscrepancyIsLearned(t *testing.T) {
	learn := func(in *Input) float64 {
		in.index()
		p := &prediction{in: in, out: &Forecast{Measured: in.Stages[len(in.Stages)-1].Users}, pairs: []pair{{0, in.Actions[0].Objectives[0]}}}
		return p.learned(condense(in, all(in), &Options{}), discrepancyCounters)
	}
	in, _ := measuredCores(3)
	if d := learn(in); d < 0.04 || d > 0.06 {
		t.Errorf("of a platform that fits: %.3f", d)
	}
	top := &in.Stages[len(in.Stages)-1]
	for j := range top.Blocks {
		top.Blocks[j].Resources[0].Busy *= 1.4
	}
	if d := learn(in); d < 0.1 || d > learnedMost {
		t.Errorf("of one that is busier at the highest stage than the others foretell: %.3f", d)
	}
	in.Stages = in.Stages[:3]
	if d := learn(in); d != discrepancyCounters {
		t.Errorf("of three stages: %.3f", d)
	}
}
