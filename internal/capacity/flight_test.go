package capacity

import (
	"math"
	"testing"
)

// flown are flight cells whose relative times follow the model with a knee, a slope and a little noise.
func flown(knee, slope float64, top int) *Input {
	in := flightInput(1, 3)
	for i := range in.Stages {
		for j := range in.Stages[i].Blocks {
			b := &in.Stages[i].Blocks[j]
			b.Flight = nil
			for n := 1; n <= top*(i+1)/3; n++ {
				y := 0.05 * (1 + slope*math.Max(0, (float64(n)-knee)/knee)) * (1 + 0.01*float64((n*7+j*3)%5-2))
				b.Flight = append(b.Flight, FlightCell{Count: 20, Level: 20 * float64(n), Sum: 20 * y})
			}
		}
	}
	return in
}

func flightOf(in *Input) (*sample, flightFit) {
	in.index()
	s := condenseBlind(in, all(in), &Options{})
	return s, s.flight(all(in))
}

// A visit waits for the use of others, which is part of the time without waiting, so that β is at most 1: a steeper rise is
// fitted as β = 1 with a later or earlier knee, a weaker one as it is.
func TestFlightSlopeIsAtMostOne(t *testing.T) {
	for _, slope := range []float64{0.3, 0.7, 1, 1.5, 3} {
		_, f := flightOf(flown(12, slope, 36))
		if !f.clear() || f.beta > 1+1e-9 {
			t.Errorf("slope %v: %+v", slope, f)
		}
		if slope <= 1 && (math.Abs(f.beta/slope-1) > 0.1 || math.Abs(f.c/12-1) > 0.1) {
			t.Errorf("slope %v from 12 on: %+v", slope, f)
		}
		if slope > 1 && math.Abs(f.beta-1) > 1e-9 {
			t.Errorf("slope %v: β = %v", slope, f.beta)
		}
	}
}

// Falling times, flat ones, few levels and few in flight show no queue.
func TestFlightRefusesWhatIsNoRise(t *testing.T) {
	for name, in := range map[string]*Input{
		"flat":         flown(100, 1, 24),
		"falling":      flown(6, -0.3, 24),
		"few levels":   flown(2, 1, 5),
		"none at all":  flown(2, 1, 0),
		"hardly above": flown(23.5, 1, 24),
	} {
		if _, f := flightOf(in); f.clear() {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// The queue seen from outside becomes the only resource, with the demand that the rise shows; how much longer visits wait than
// exponential times would make them lies between 0.4 and 3.
func TestFlightQueueEntersTheSample(t *testing.T) {
	before := 0.0
	for _, slower := range []float64{0.2, 1, 5, 100} {
		in := flown(12, 0.8, 36)
		for i := 1; i < len(in.Stages); i++ {
			for j := range in.Stages[i].Blocks {
				a := &in.Stages[i].Blocks[j].Actions[0]
				moved := math.Min(0.002*slower, 0.4) * a.Done
				a.Counts[0] -= moved
				a.Counts[1] += moved
			}
		}
		s, f := flightOf(in)
		s.withFlight(f, all(in))
		if len(s.resources) != 1 {
			t.Fatalf("%d resources", len(s.resources))
		}
		q := s.resources[0]
		if !q.valid || q.limit != f.c || math.Abs(q.demand/(f.beta*0.05)-1) > 0.01 || q.share != 1 {
			t.Errorf("%+v of %+v", q, f)
		}
		if q.spread < 0.4 || q.spread > 3 || q.spread < before {
			t.Errorf("waits of %v: spread %v after %v", slower, q.spread, before)
		}
		before = q.spread
	}
}
