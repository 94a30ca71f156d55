package capacity

import (
	"math"
	"testing"
)

// flightInput is an action of 50 ms that waits for one of c units once more than c are in flight; seen up to so many.
func flightInput(c, top int) *Input {
	in := &Input{
		Grid:    []Bin{{0, 0.1}, {0.1, 0.3}, {0.4, 2}},
		Actions: []Action{{Name: "web.list", Objectives: []Objective{{Name: "p95", Quantile: 0.95, Limit: 0.4}}}},
	}
	for stage, users := range []float64{100, 200, 300} {
		st := Stage{Load: Load{Users: users}}
		for b := range 8 {
			block := Block{Seconds: 2, Actions: []ActionBlock{{Counts: []float64{users * 2, 0, 0}, Done: users * 2}}}
			for n := 1; n <= top*(stage+1)/3; n++ {
				y := 0.050 * (1 + 0.8*math.Max(0, float64(n-c)/float64(c)))
				y *= 1 + 0.01*float64((n*7+b*3)%5-2) // a little noise
				block.Flight = append(block.Flight, FlightCell{Count: 20, Level: 20 * float64(n), Sum: 20 * y})
			}
			st.Blocks = append(st.Blocks, block)
		}
		in.Stages = append(in.Stages, st)
	}
	return in
}

func TestFlightFindsTheQueue(t *testing.T) {
	in := flightInput(12, 24)
	in.index()
	s := condenseBlind(in, all(in), &Options{})
	fit := s.flight(all(in))
	if !fit.clear() || math.Abs(fit.c-12) > 2 {
		t.Errorf("fit %+v, want a clear rise from 12 on", fit)
	}
}

// Where the rise has not begun, nothing is determined.
func TestFlightWithoutARise(t *testing.T) {
	in := flightInput(60, 24)
	f := Predict(in, Options{Blind: true, Draws: 50})
	if f.Determined || f.Lower != 300 {
		t.Errorf("determined %v: %v, lower bound %v", f.Determined, f.Users, f.Lower)
	}
}
