package capacity

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// hiddenPlatform has a queue of so many units that no counter shows; together they end 50 actions per second at most.
func hiddenPlatform(units float64) exactPlatform {
	return exactPlatform{servers: units, demand: 0.02 * units, think: 10, alone: 0.1 + 0.02*units, hidden: true, seconds: 400, blocks: 30, seed: uint64(units)}
}

// A lock, a small pool and a wide one: what the response times alone show of them.
func TestHiddenQueueIsRecovered(t *testing.T) {
	for _, units := range []float64{1, 4, 16} {
		p := hiddenPlatform(units)
		truth := p.truth()
		in := p.at(shares(truth, 0.2, 0.4, 0.6, 0.75, 0.85, 0.93)...)
		in.index()
		s := condense(in, all(in), &Options{})
		r := s.hidden()
		if !r.found {
			t.Errorf("%g units: no queue is found", units)
			continue
		}
		best, _ := s.fitHidden(s.excess(all(in)), r.errors, hiddenServers[:])
		if rate := best.servers / best.demand; math.Abs(rate/50-1) > 0.03 {
			t.Errorf("%g units: saturated at %.1f/s, want 50", units, rate)
		}
		if !slices.Contains(r.widths, units) {
			t.Errorf("%g units: widths %v", units, r.widths)
		}
		if math.Abs(best.spread-1) > 0.4 {
			t.Errorf("%g units: spread %.2f, want 1", units, best.spread)
		}
		f := Predict(in, Options{Draws: 100, Seed: 1})
		if !f.Determined || math.Abs(f.Users.P50/truth-1) > 0.05 || truth < f.Users.P05 || truth > f.Users.P95 {
			t.Errorf("%g units: %v %v, truth %.0f", units, f.Users, f.Why, truth)
		}
		if f.First.Resource != Unobserved || !warned(f, "hidden-queue") {
			t.Errorf("%g units: first is %q, warnings %v", units, f.First.Resource, f.Warnings)
		}
	}
}

// The same queue, once its counters are seen, leaves nothing to explain.
func TestSeenQueueIsNotHidden(t *testing.T) {
	p := hiddenPlatform(4)
	p.hidden = false
	truth := p.truth()
	in := p.at(shares(truth, 0.2, 0.4, 0.6, 0.8)...)
	f := Predict(in, Options{Draws: 100, Seed: 1})
	if warned(f, "hidden-queue") || f.First.Resource != "cpu" {
		t.Errorf("first is %q, warnings %v", f.First.Resource, f.Warnings)
	}
	if math.Abs(f.Users.P50/truth-1) > 0.03 || truth < f.Users.P05 || truth > f.Users.P95 {
		t.Errorf("%v, truth %.0f", f.Users, truth)
	}
}

// Response times that only scatter show no queue, whatever their distribution.
func TestFlatTimesShowNoQueue(t *testing.T) {
	const seeds = 200
	draw := map[string]func(*rand.Rand) float64{
		"exponential": func(rng *rand.Rand) float64 { return 0.2 * rng.ExpFloat64() },
		"log-normal":  func(rng *rand.Rand) float64 { return 0.1 * math.Exp(1.2*rng.NormFloat64()) },
	}
	for name, draw := range draw {
		found := 0
		for seed := range uint64(seeds) {
			rng := rand.New(rand.NewPCG(seed, 3))
			in := &Input{Grid: Grid(), Actions: []Action{{Name: "a"}}, Resources: []Resource{{Name: "cpu", Passes: []bool{true}}}}
			for _, users := range []float64{50, 100, 150, 200, 250} {
				st := Stage{Load: Load{Users: users}}
				for range 20 {
					a := ActionBlock{Counts: make([]float64, len(in.Grid)), Done: poisson(rng, users*0.4)}
					for range int(a.Done) {
						a.Counts[GridBin(draw(rng), len(in.Grid))]++
					}
					st.Blocks = append(st.Blocks, Block{Seconds: 5, Actions: []ActionBlock{a}, Resources: []ResourceBlock{{Valid: true, Limit: 100, Visits: a.Done, Busy: 0.01 * a.Done}}})
				}
				in.Stages = append(in.Stages, st)
			}
			in.index()
			if condense(in, all(in), &Options{}).hidden().found {
				found++
			}
		}
		if found > seeds*2/100 {
			t.Errorf("%s times: a hidden queue in %d of %d", name, found, seeds)
		}
	}
}

// Two stages cannot tell a rise from chance in one of them.
func TestHiddenQueueNeedsThreeStages(t *testing.T) {
	p := hiddenPlatform(1)
	in := p.at(100, 480)
	in.index()
	if r := condense(in, all(in), &Options{}).hidden(); r.found {
		t.Errorf("found with widths %v", r.widths)
	}
}

func warned(f *Forecast, code string) bool {
	return slices.ContainsFunc(f.Warnings, func(m Message) bool { return m.Code == code })
}
