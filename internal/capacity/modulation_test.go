package capacity

import (
	"math"
	"math/rand/v2"
	"testing"
)

// busyInput is a resource of 8 units over five stages of 60 blocks of 5 s, with visits that take times drawn as given.
func busyInput(rng *rand.Rand, service func(block int) float64) *Input {
	in := &Input{Grid: []Bin{{0, 1}}, Actions: []Action{{Name: "a"}}, Resources: []Resource{{Name: "cpu", Passes: []bool{true}}}}
	for _, users := range []float64{100, 200, 300, 400, 500} {
		st := Stage{Load: Load{Users: users}}
		for j := range 60 {
			x := ResourceBlock{Valid: true, Limit: 8, Visits: poisson(rng, users*0.4*5)}
			for range int(x.Visits) {
				x.Busy += service(j)
			}
			st.Blocks = append(st.Blocks, Block{Seconds: 5, Actions: []ActionBlock{{Done: x.Visits}}, Resources: []ResourceBlock{x}})
		}
		in.Stages = append(in.Stages, st)
	}
	return in
}

func modulatedBy(rng *rand.Rand, service func(block int) float64) modulation {
	in := busyInput(rng, service)
	return condense(in, all(in), &Options{}).modulated(0)
}

// One block in five at 0.6 of the speed: demands of 1 and 1/0.6, whose standard deviation is 0.235 of their mean.
func TestTwoSpeedsAreRecovered(t *testing.T) {
	slow := 1 / 0.6
	mean := 0.8 + 0.2*slow
	tau := 0.4 * (slow - 1) / mean
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 5))
		m := modulatedBy(rng, func(block int) float64 {
			if block%5 == 4 {
				return 0.05 * slow * rng.ExpFloat64()
			}
			return 0.05 * rng.ExpFloat64()
		})
		if !m.found || math.Abs(m.tau/tau-1) > 0.10 {
			t.Errorf("seed %d: found %v, τ %.3f, want %.3f", seed, m.found, m.tau, tau)
		}
		if m.step != 5 || len(m.speed) != 300 {
			t.Fatalf("seed %d: %d speeds of %v s", seed, len(m.speed), m.step)
		}
		// the slow blocks come out slow, with chance taken out
		var fast, slowed float64
		for j, z := range m.speed {
			if j%5 == 4 {
				slowed += z / 60
			} else {
				fast += z / 240
			}
		}
		if math.Abs(slowed/fast/slow-1) > 0.15 {
			t.Errorf("seed %d: slow blocks take %.2f times as long, want %.2f", seed, slowed/fast, slow)
		}
	}
}

// A resource of one speed is not taken for one that changes, however much its service times scatter.
func TestSteadySpeedIsNotModulated(t *testing.T) {
	const seeds = 100
	for name, cv := range map[string]float64{"exponential": 0, "log-normal, cv 0.5": 0.5, "log-normal, cv 1.5": 1.5} {
		sigma := math.Sqrt(math.Log1p(cv * cv))
		flagged := 0
		for seed := range uint64(seeds) {
			rng := rand.New(rand.NewPCG(seed, 6))
			m := modulatedBy(rng, func(int) float64 {
				if cv == 0 {
					return 0.05 * rng.ExpFloat64()
				}
				return 0.05 * math.Exp(sigma*rng.NormFloat64()-sigma*sigma/2)
			})
			if m.found {
				flagged++
			}
		}
		if flagged > 2 {
			t.Errorf("%s: flagged for %d of %d seeds", name, flagged, seeds)
		}
	}
}

// Few blocks, or too few visits in each, say nothing.
func TestModulationNeedsBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	in := busyInput(rng, func(block int) float64 { return 0.05 * float64(1+block%2) })
	for i := range in.Stages {
		in.Stages[i].Blocks = in.Stages[i].Blocks[:7]
	}
	if m := condense(in, all(in), &Options{}).modulated(0); m.found || len(m.speed) > 0 {
		t.Errorf("found in 35 blocks: %+v", m)
	}
}

// At one speed the simulated queue has the waits of the formula.
func TestSimulatedWaitsAgreeWithFormula(t *testing.T) {
	const limit = 0.5
	st := Station{Servers: 4, Demand: 0.08, Delay: 10}
	steady := make([]float64, 4000)
	for i := range steady {
		steady[i] = 1
	}
	for _, users := range []float64{350, 450, 480} {
		tail := st.simulate(users, steady, 5, limit, rand.New(rand.NewPCG(2, 2)))
		w := st.Wait(users, 1)
		for _, at := range []float64{0.01, 0.1, 0.25} {
			got, want := tail[int(at/limit*simulatedCells)], w.Tail(at)
			if math.Abs(got-want) > 0.012+0.05*want {
				t.Errorf("%v users: P(wait > %v) = %.4f, formula %.4f", users, at, got, want)
			}
		}
	}
}

// Slow times cost capacity: more than none, less than if it were always slow.
func TestSlowTimesCostCapacity(t *testing.T) {
	p := exactPlatform{servers: 16, demand: 0.08, think: 10, alone: 0.2, seconds: 5, blocks: 60, seed: 3}
	loads := []float64{500, 700, 900, 1100}
	steady, slowed := p.at(loads...), p.at(loads...)
	for i := range slowed.Stages {
		for j := range slowed.Stages[i].Blocks {
			z := 0.88
			if j%5 == 4 {
				z = 1.48 // of the same mean
			}
			x := &slowed.Stages[i].Blocks[j].Resources[0]
			x.Busy *= z
			x.InUse *= z
		}
	}
	before, after := Predict(steady, Options{Draws: 20}), Predict(slowed, Options{Draws: 20})
	if !warned(after, "changing-speed") || warned(before, "changing-speed") {
		t.Fatalf("warnings %v, and %v at one speed", after.Warnings, before.Warnings)
	}
	if share := after.Users.P50 / before.Users.P50; share > 0.97 || share < 1/1.48 {
		t.Errorf("capacity %v, at one speed %v", after.Users, before.Users)
	}
}
