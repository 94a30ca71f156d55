package capacity

import (
	"math"
	"testing"
)

// held makes stages in which a resource is held in proportion to load, 40 units and 1.5 for each user of 1,000, and nobody
// ever waits.
func heldInput(loads ...float64) *Input {
	in := &Input{
		Grid:      []Bin{{0, 0.1}, {0.1, 0.1}, {0.2, 0.8}},
		Actions:   []Action{{Name: "imap.idle", Objectives: []Objective{{Name: "p95", Quantile: 0.95, Limit: 0.5}}}},
		Resources: []Resource{{Name: "connections", Kind: "connections", Passes: []bool{true}}},
	}
	for _, users := range loads {
		st := Stage{Load: Load{Users: users}}
		for range 6 {
			st.Blocks = append(st.Blocks, Block{
				Seconds:   2,
				Actions:   []ActionBlock{{Counts: []float64{users, 10, 0}, Done: users + 10}},
				Resources: []ResourceBlock{{Holds: true, Limit: 1000, InUse: 40 + 1.5*users}},
			})
		}
		in.Stages = append(in.Stages, st)
	}
	return in
}

func TestHeldResourceIsUsedUpInProportion(t *testing.T) {
	f := Predict(heldInput(100, 200, 300), Options{Draws: 100})
	if !f.Determined {
		t.Fatalf("not determined: %v", f.Why)
	}
	if math.Abs(f.Users.P50/640-1) > 0.04 { // (1000 − 40) / 1.5
		t.Errorf("forecast %v, want about 640", f.Users)
	}
	if f.First.Resource != "connections" {
		t.Errorf("first is %q", f.First.Resource)
	}
}

// Far below its limit the same resource says nothing.
func TestHeldResourceOutOfReach(t *testing.T) {
	if f := Predict(heldInput(20, 40, 60), Options{Draws: 50}); f.Determined || f.Lower != 60 {
		t.Errorf("determined %v %v, lower bound %v", f.Determined, f.Users, f.Lower)
	}
}

// What no data determine must not become a number, whatever is missing.
func TestPredictRefusesWhatItCannotKnow(t *testing.T) {
	empty := &Input{Actions: []Action{{Name: "a", Objectives: []Objective{{Quantile: 0.95, Limit: 1}}}}}
	if f := Predict(empty, Options{}); f.Determined || f.Why.Empty() {
		t.Error("a forecast without stages")
	}
	one := heldInput(100)
	if f := Predict(one, Options{Draws: 50}); f.Determined && math.IsNaN(f.Users.P50) {
		t.Errorf("one stage: %v", f.Users)
	}
	nothing := heldInput(100, 200)
	for i := range nothing.Actions {
		nothing.Actions[i].Objectives = nil
	}
	if f := Predict(nothing, Options{}); f.Determined {
		t.Error("a forecast without objectives")
	}
}
