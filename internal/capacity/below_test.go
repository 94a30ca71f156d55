package capacity

import (
	"math"
	"testing"
)

// A stage over the knee, in which users wait so long that they do fewer actions each, must not be read as a hidden queue, nor
// change the rates of a forecast for another platform.
func TestStageOverTheKneeTellsNoRates(t *testing.T) {
	p := cores(8)
	truth := p.truth()
	twice := p
	twice.servers = 16
	in := p.at(shares(truth, 0.4, 0.6, 0.8, 0.9, 1.2)...)
	f := Predict(in, Options{Draws: 60, Changes: []Change{{Resource: "cpu", Times: 2}}})
	if want := twice.truth(); math.Abs(f.Users.P50/want-1) > 0.05 || warned(f, "hidden-queue") {
		t.Errorf("with twice the cores %v, warnings %v, want %.0f", f.Users, f.Warnings, want)
	}
	f = Predict(in, Options{Draws: 60})
	if f.First.Resource != "cpu" || warned(f, "hidden-queue") || f.Measured != in.Stages[4].Users || len(in.Stages) != 5 {
		t.Errorf("as it is: %v by %q, warnings %v, measured %v", f.Users, f.First.Resource, f.Warnings, f.Measured)
	}
}

func TestBelow(t *testing.T) {
	in := &Input{Stages: stagesAt(Load{100, 0, 5}, Load{200, 0, 0}, Load{300, 0, 5}, Load{400, 0, 0}, Load{400, 0, 5}, Load{500, 0, 5})}
	for _, x := range []struct {
		users float64
		want  int
	}{{600, 6}, {500, 5}, {400, 3}, {300, 2}, {100, 6}} {
		if got := len(in.below(x.users).Stages); got != x.want {
			t.Errorf("below %v: %d stages, want %d", x.users, got, x.want)
		}
	}
	in.Stages[5].Copy = 9 // as in no other
	if got := len(in.below(500).Stages); got != 6 || len(in.Stages) != 6 {
		t.Errorf("the stage with the most copy traffic is left out: %d stages", got)
	}
}

// Two stages below the knee are enough to name what gave way in those above, whose long waits are no hidden queue.
func TestBrokenStagesAreExplained(t *testing.T) {
	p := cores(9)
	truth := p.truth()
	for _, at := range [][]float64{{0.6, 0.8, 1.15, 1.4}, {0.6, 1.2, 1.4}} {
		f := Predict(p.at(shares(truth, at...)...), Options{Draws: 100})
		if !f.Determined || f.First.Resource != "cpu" || warned(f, "hidden-queue") || warned(f, "unseen-bottleneck") {
			t.Errorf("%v: %v by %q, %v %v", at, f.Users, f.First.Resource, f.Why, f.Warnings)
		}
		if math.Abs(f.Users.P50/truth-1) > 0.1 || f.Users.P95 >= at[len(at)-2]*truth {
			t.Errorf("%v: %v, truth %.0f", at, f.Users, truth)
		}
	}
}
