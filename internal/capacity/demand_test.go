package capacity

import (
	"math"
	"math/rand/v2"
	"testing"
)

// observed makes observations of a resource of one unit with the given demands: its use by the utilisation law, response
// times first come first served, all with a relative error.
func observed(rng *rand.Rand, fixed float64, demands []float64, rates [][]float64, noise float64) []DemandObservation {
	var out []DemandObservation
	for _, x := range rates {
		o := DemandObservation{Rates: x, Busy: fixed, Weight: 30}
		var all float64
		for a, r := range x {
			o.Busy += r * demands[a]
			all += r
		}
		mean := (o.Busy - fixed) / all
		ahead := o.Busy / (1 - o.Busy)
		for a := range x {
			o.Ahead = append(o.Ahead, ahead*(1+noise*rng.NormFloat64()))
			o.Responses = append(o.Responses, (demands[a]+ahead*mean)*(1+noise*rng.NormFloat64()))
		}
		o.Busy *= 1 + noise*rng.NormFloat64()
		out = append(out, o)
	}
	return out
}

var mixedRates = [][]float64{
	{5, 2, 1}, {4, 4, 1}, {10, 3, 2}, {8, 8, 2}, {15, 6, 6}, {16, 4, 3}, {20, 8, 2}, {14, 10, 6}, {22, 6, 5}, {25, 10, 4},
}

var constantRates = [][]float64{
	{5, 2, 1}, {7.5, 3, 1.5}, {10, 4, 2}, {12.5, 5, 2.5}, {15, 6, 3}, {17.5, 7, 3.5}, {20, 8, 4}, {22.5, 9, 4.5}, {25, 10, 5}, {24, 9.6, 4.8},
}

func TestDemands(t *testing.T) {
	demands := []float64{0.01, 0.03, 0.005}
	tests := []struct {
		name       string
		estimate   func([]DemandObservation) (Demands, error)
		rates      [][]float64
		determined bool // each action
		within     float64
	}{
		{"utilisation", DemandsByUtilisation, mixedRates, true, 0.02},
		{"response", DemandsByResponse, mixedRates, true, 0.02},
		{"joint", DemandsJointly, mixedRates, true, 0.01},
		{"utilisation, constant mix", DemandsByUtilisation, constantRates, false, 0},
		{"response, constant mix", DemandsByResponse, constantRates, true, 0.02},
		{"joint, constant mix", DemandsJointly, constantRates, true, 0.02},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := tt.estimate(observed(rand.New(rand.NewPCG(1, 1)), 0.05, demands, tt.rates, 0))
			if err != nil {
				t.Fatal(err)
			}
			for a, want := range demands {
				got := d.Actions[a]
				if got.Determined != tt.determined || tt.determined && math.Abs(got.Value-want) > 1e-6 {
					t.Errorf("action %d: %+v, want %v (determined %v); condition %v", a, got, want, tt.determined, d.Condition)
				}
			}
			d, err = tt.estimate(observed(rand.New(rand.NewPCG(1, 1)), 0.05, demands, tt.rates, 0.005))
			if err != nil {
				t.Fatal(err)
			}
			var total float64
			for a, m := range d.Mix {
				total += m * demands[a]
				if tt.determined && math.Abs(d.Actions[a].Value-demands[a]) > 4*d.Actions[a].SE {
					t.Errorf("action %d with errors: %+v, want %v", a, d.Actions[a], demands[a])
				}
			}
			if !d.Total.Determined || math.Abs(d.Total.Value-total) > 4*d.Total.SE || d.Total.SE > 0.03*total {
				t.Errorf("total %+v, want %v", d.Total, total)
			}
			if tt.name != "response" && tt.name != "response, constant mix" && math.Abs(d.Fixed.Value-0.05) > 4*d.Fixed.SE {
				t.Errorf("fixed %+v", d.Fixed)
			}
		})
	}
}

// The standard errors are those of repetitions, and a mix that differs only by chance leaves actions undetermined.
func TestDemandStandardErrors(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 8))
	demands := []float64{0.01, 0.03, 0.005}
	exact := observed(rng, 0.05, demands, mixedRates, 0)
	var sum, square, se float64
	const runs = 2000
	for range runs {
		o := append([]DemandObservation(nil), exact...)
		for i := range o {
			o[i].Busy += 0.003 * rng.NormFloat64()
		}
		d, err := DemandsByUtilisation(o)
		if err != nil {
			t.Fatal(err)
		}
		sum += d.Actions[1].Value
		square += d.Actions[1].Value * d.Actions[1].Value
		se += d.Actions[1].SE * d.Actions[1].SE
	}
	spread := math.Sqrt(square/runs - sum/runs*sum/runs)
	if stated := math.Sqrt(se / runs); math.Abs(stated/spread-1) > 0.07 || math.Abs(sum/runs-0.03) > 0.0002 {
		t.Errorf("mean %v, spread %v, stated %v", sum/runs, spread, stated)
	}
	var chance [][]float64
	for _, x := range constantRates {
		row := make([]float64, len(x))
		for a, v := range x { // 300 s of counting
			row[a] = v * (1 + rng.NormFloat64()/math.Sqrt(300*v))
		}
		chance = append(chance, row)
	}
	d, err := DemandsByUtilisation(observed(rng, 0.05, demands, chance, 0.005))
	if err != nil {
		t.Fatal(err)
	}
	if d.Actions[0].Determined || d.Actions[1].Determined || !d.Total.Determined {
		t.Errorf("rates that differ by chance: %+v", d)
	}
}

func TestDemandEdges(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	good := func() []DemandObservation { return observed(rng, 0, []float64{0.01, 0.03, 0.005}, mixedRates, 0.01) }
	for name, change := range map[string]func([]DemandObservation) []DemandObservation{
		"none":     func([]DemandObservation) []DemandObservation { return nil },
		"few":      func(o []DemandObservation) []DemandObservation { return o[:1] },
		"weight":   func(o []DemandObservation) []DemandObservation { o[1].Weight = 0; return o },
		"use":      func(o []DemandObservation) []DemandObservation { o[1].Busy = math.NaN(); return o },
		"infinite": func(o []DemandObservation) []DemandObservation { o[1].Rates = []float64{1, math.Inf(1), 1}; return o },
		"rates":    func(o []DemandObservation) []DemandObservation { o[1].Rates = o[1].Rates[:2]; return o },
	} {
		for how, estimate := range map[string]func([]DemandObservation) (Demands, error){
			"utilisation": DemandsByUtilisation, "response": DemandsByResponse, "joint": DemandsJointly,
		} {
			if d, err := estimate(change(good())); err == nil {
				t.Errorf("%s, %s: no error but %+v", name, how, d)
			}
		}
	}
	o := good()
	for i := range o { // an action that never ran
		o[i].Rates = []float64{o[i].Rates[0], o[i].Rates[1], 0}
	}
	d, err := DemandsByUtilisation(o)
	if err != nil || d.Actions[2].Determined || d.Actions[2].Value != 0 || !d.Actions[0].Determined {
		t.Errorf("an action that never ran: %+v, %v", d, err)
	}
	var one [][]float64
	for range 10 {
		one = append(one, []float64{10, 4, 2})
	}
	d, err = DemandsByUtilisation(observed(rng, 0.1, []float64{0.01, 0.03, 0.005}, one, 0.01))
	if err != nil || d.Total.Determined {
		t.Errorf("one load cannot tell actions from what always runs: %+v, %v", d, err)
	}
}
