package capacity

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// served is a platform of one closed queue with exponential times: c servers, demand S, think time Z.
type served struct {
	servers       int
	demand, think float64
	limit         float64 // of the p95, seconds
	truth         float64 // load up to which the p95 holds
}

// platforms have their truth from at, which is exact; TestServedTruth checks it.
var platforms = []served{{8, 0.1, 10, 1, 826}, {4, 0.05, 0, 1.5, 101}, {32, 0.2, 12, 1, 1977}, {1, 0.02, 0, 0.6, 21}}

// at is throughput, mean and p95 of the response time: a use of exponential length after an independent wait.
func (s served) at(n float64) (x, mean, p95 float64) {
	st := Station{Servers: float64(s.servers), Demand: s.demand, Delay: math.Max(s.think, 1e-9)}
	x, mean = st.Solve(int(n))
	w := st.Wait(n, 1)
	var grid []Bin
	var counts []float64
	for i := range 300 {
		low, high := float64(i)*0.04*s.demand, float64(i+1)*0.04*s.demand
		grid, counts = append(grid, Bin{low, high - low}), append(counts, math.Exp(-low/s.demand)-math.Exp(-high/s.demand))
	}
	low, high := 0.0, 100*s.limit
	for range 40 {
		mid := (low + high) / 2
		if tailWith(grid, counts, mid, w.beyond) > 0.05 {
			low = mid
		} else {
			high = mid
		}
	}
	return x, mean, high
}

func TestServedTruth(t *testing.T) {
	for _, s := range platforms {
		_, _, below := s.at(s.truth - 1)
		_, _, above := s.at(s.truth + 2)
		if below >= s.limit || above < s.limit {
			t.Errorf("%+v: p95 is %g just below and %g just above", s, below, above)
		}
	}
}

// staircase measures at shares of the truth, with 2 % noise on everything.
func (s served) staircase(shares []float64, counters bool, seed uint64) Staircase {
	rng := rand.New(rand.NewPCG(seed, 1))
	noisy := func(v float64) float64 { return v * math.Exp(0.02*rng.NormFloat64()) }
	out := Staircase{Users: s.think > 0, Objectives: []StepObjective{{Objective: Objective{Name: "p95", Quantile: 0.95, Limit: s.limit}}}}
	if counters {
		out.Resources = []string{"pool"}
	}
	for _, share := range shares {
		n := math.Max(1, math.Round(share*s.truth))
		x, mean, p95 := s.at(n)
		step := Step{Load: n, Throughput: noisy(x), Mean: noisy(mean), Values: []float64{noisy(p95)}}
		if counters {
			step.Used, step.Limit = []float64{noisy(x * s.demand)}, []float64{float64(s.servers)}
		}
		out.Steps = append(out.Steps, step)
	}
	return out
}

var sixSteps = []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6}

func TestStaircaseWithCounters(t *testing.T) {
	for _, s := range platforms {
		for seed := range uint64(4) {
			st := s.staircase(sixSteps, true, seed)
			f := st.Forecast(Options{})
			if !f.Determined || f.Method != "counters" {
				t.Errorf("%+v: not determined: %v", s, f.Warnings)
				continue
			}
			if e := f.Users.P50/s.truth - 1; math.Abs(e) > 0.10 {
				t.Errorf("%+v: capacity %v is %+.1f %% off", s, f.Users, 100*e)
			}
			if s.truth < f.Users.P05 || s.truth > f.Users.P95 || f.Users.P95 > 1.4*f.Users.P05 {
				t.Errorf("%+v: the interval %v misses or is too wide", s, f.Users)
			}
			if f.First.Resource != "pool" || f.First.Objective.Name != "p95" || !f.Resources[0].Known {
				t.Errorf("%+v: first %+v, resources %+v", s, f.First, f.Resources)
			}
		}
	}
}

// Without counters, requests without think time show their queue from the first: here 37 % is what may be asked for, and
// the intervals must hold the truth. Users who think do not.
func TestStaircaseOfTheClientAlone(t *testing.T) {
	for _, s := range platforms {
		for seed := range uint64(4) {
			st := s.staircase(sixSteps, false, seed)
			f := st.Forecast(Options{Draws: 100})
			if s.think > 0 {
				if f.Determined {
					t.Errorf("%+v: %v from response times that are flat", s, f.Users)
				}
				if f.Lower != st.Steps[5].Load {
					t.Errorf("%+v: lower bound %g", s, f.Lower)
				}
				continue
			}
			if !f.Determined || f.Users.P05 > s.truth || f.Users.P95 < s.truth || math.Abs(f.Users.P50/s.truth-1) > 0.37 {
				t.Errorf("%+v: determined %v, %v, %v", s, f.Determined, f.Users, f.Warnings)
			}
		}
	}
}

// A line and the law, without noise, each alone: q = 0.01 + 0.002·n breaks 0.1 s at n = 45, and the law with κ = 0 and ρ = 2 at
// 2·(1 + σ(n−1))/λ = 0.1.
func TestStaircaseIsTheGeometricMean(t *testing.T) {
	st := Staircase{Objectives: []StepObjective{{Objective: Objective{Name: "p95", Quantile: 0.95, Limit: 0.1}}}}
	for n := 4.0; n <= 28; n += 4 {
		r := (1 + 0.1*(n-1)) / 100
		st.Steps = append(st.Steps, Step{Load: n, Throughput: n / r, Mean: r, Values: []float64{2 * r}})
	}
	f := st.Forecast(Options{})
	want := 41.0 // both models say so: q = 2(0.9 + 0.1n)/100 is a line
	if !f.Determined || math.Abs(f.Users.P50/want-1) > 0.03 {
		t.Errorf("%v %v, want %g", f.Users, f.Warnings, want)
	}
	st.OnlyUSL = true
	if f := st.Forecast(Options{}); f.Method != "usl" || math.Abs(f.Users.P50/want-1) > 0.03 {
		t.Errorf("the law alone: %v %v", f.Method, f.Users)
	}
}

// Where the table itself goes over the knee, the capacity lies between two of its rows.
func TestStaircaseOverTheKnee(t *testing.T) {
	s := platforms[0]
	shares := append(slices.Clone(sixSteps), 0.8, 0.95, 1.05, 1.2)
	for _, counters := range []bool{true, false} {
		st := s.staircase(shares, counters, 3)
		f := st.Forecast(Options{})
		held, broken := st.Steps[7].Load, st.Steps[8].Load
		if !f.Determined || f.Users.P50 < held || f.Users.P50 > broken || f.BrokenAt != broken || f.Lower != held {
			t.Errorf("counters %v: %v, lower %g, broken at %g; want between %g and %g", counters, f.Users, f.Lower, f.BrokenAt, held, broken)
		}
	}
	wide := s.staircase([]float64{0.1, 0.2, 3}, false, 3)
	if f := wide.Forecast(Options{}); f.Determined || f.Why.Code != "table-between" {
		t.Errorf("a gap of a factor of 15: %v %v", f.Users, f.Why)
	}
}

// Held resources are used up in proportion to users, whatever the throughput.
func TestStaircaseOfWhatIsHeld(t *testing.T) {
	st := Staircase{Users: true, Think: 10, Resources: []string{"sessions", "memory"},
		Objectives: []StepObjective{{Objective: Objective{Name: "p95", Quantile: 0.95, Limit: 1}}}}
	for _, n := range []float64{500, 1000, 1500, 2000} {
		st.Steps = append(st.Steps, Step{Load: n, Throughput: n / 10.1, Mean: 0.1, Values: []float64{0.2},
			Used: []float64{n * 0.8, 2e9 + 1e6*n}, Limit: []float64{2400, 8e9}})
	}
	f := st.Forecast(Options{})
	if !f.Determined || math.Abs(f.Users.P50/3000-1) > 0.03 || f.First.Resource != "sessions" || f.First.Probability < 0.99 {
		t.Errorf("%v, first %+v; want 3000 by the sessions", f.Users, f.First)
	}
	for _, r := range f.Resources {
		if r.Name == "memory" && math.Abs(r.Users.P50/6000-1) > 0.05 {
			t.Errorf("memory alone at %v, want 6000", r.Users)
		}
	}
}

// A resource that refuses: Engset's blocking reaches 0.5 % before all units are in use on average.
func TestStaircaseOfRefusals(t *testing.T) {
	const c, demand, think = 50, 1.0, 20.0
	station := Station{Servers: c, Demand: demand, Delay: think}
	truth := 1.0
	for station.Blocking(truth) <= 0.005 {
		truth++
	}
	st := Staircase{Users: true, Think: think, Resources: []string{"slots"}, Objectives: []StepObjective{{Objective: Objective{Name: "errors", Errors: 0.005}}}}
	for _, share := range []float64{0.2, 0.4, 0.6} {
		n := share * truth
		x := n / (demand + think)
		st.Steps = append(st.Steps, Step{Load: n, Throughput: x, Values: []float64{0}, Mean: demand, Used: []float64{x * demand}, Limit: []float64{c}})
	}
	if f := st.Forecast(Options{}); !f.Determined || math.Abs(f.Users.P50/truth-1) > 0.05 {
		t.Errorf("%v, want %g: %v", f.Users, truth, f.Warnings)
	}
	st.Resources = nil
	if f := st.Forecast(Options{}); f.Determined {
		t.Errorf("refusals foreseen without counters: %v", f.Users)
	}
}

// What slows down though its counters are idle is not what the table shows.
func TestStaircaseSeesAnUnseenLimit(t *testing.T) {
	st := platforms[0].staircase(sixSteps, true, 1)
	for i := range st.Steps {
		st.Steps[i].Used[0] *= 0.2
		if i >= 4 {
			st.Steps[i].Values[0] *= 2.5
		}
	}
	if f := st.Forecast(Options{}); f.Determined || f.Why.Code != "table-unexplained" {
		t.Errorf("%v %v", f.Users, f.Why)
	}
}

func TestStaircaseRefuses(t *testing.T) {
	p95 := []StepObjective{{Objective: Objective{Name: "p95", Quantile: 0.95, Limit: 1}}}
	rising := func(n int, q func(load float64) float64) (steps []Step) {
		for i := range n {
			load := 10 * float64(i+1)
			steps = append(steps, Step{Load: load, Throughput: 100 * load / (10 + 0.3*load), Values: []float64{q(load)}})
		}
		return steps
	}
	for _, c := range []struct {
		want string
		of   Staircase
	}{
		{"no-stage", Staircase{Objectives: p95}},
		{"table-few-rows", Staircase{Objectives: p95, Steps: rising(3, func(n float64) float64 { return n / 100 })}},
		{"table-flat", Staircase{Objectives: p95, Steps: rising(8, func(float64) float64 { return 0.2 })}},
		{"table-flat", Staircase{Objectives: p95, Steps: rising(8, func(n float64) float64 { return 0.2 + math.Mod(n*7, 30)/300 })}},
		{"table-far", Staircase{Objectives: p95, Steps: rising(8, func(n float64) float64 { return n / 1e4 })}},
		{"table-broken-first", Staircase{Objectives: p95, Steps: rising(8, func(n float64) float64 { return 1 + n })}},
		{"table-no-response", Staircase{Users: true, Objectives: p95, Steps: rising(8, func(n float64) float64 { return n / 100 })}},
	} {
		f := c.of.Forecast(Options{})
		if f.Determined || f.Why.Code != c.want || len(f.Draws) > 0 {
			t.Errorf("got %q (%v, %v), want %q", f.Why.Code, f.Users, f.Warnings, c.want)
		}
	}
}

// Whatever a reader lets pass, no model panics, hangs or answers with what is no number.
func FuzzStaircase(f *testing.F) {
	f.Add(uint64(1), uint8(6), 100.0, 10.0, 0.2, 3.0, 8.0, true)
	f.Add(uint64(2), uint8(2), 1e15, 1e-9, 1e15, 1e15, 1e-9, false)
	f.Add(uint64(3), uint8(30), 0.01, 1e12, 1e-9, 0.0, 1e15, true)
	f.Fuzz(func(t *testing.T, seed uint64, rows uint8, load, x, q, used, limit float64, users bool) {
		for _, v := range []float64{load, x, q, used, limit} {
			if !(v >= 0 && v <= 1e15) {
				return
			}
		}
		if load == 0 || x == 0 || q == 0 || limit == 0 {
			return
		}
		rng := rand.New(rand.NewPCG(seed, 1))
		vary := func(v float64) float64 { return v * (0.1 + rng.Float64()) }
		st := Staircase{Users: users, Objectives: []StepObjective{
			{Objective: Objective{Name: "p95", Quantile: 0.95, Limit: q * 2 * rng.Float64()}}, {Objective: Objective{Name: "mean", Limit: q}, Mean: true},
			{Objective: Objective{Name: "errors", Errors: 0.01}}}}
		if seed%2 == 0 {
			st.Resources = []string{"a"}
		}
		for range min(rows, 20) {
			l := vary(limit)
			st.Steps = append(st.Steps, Step{Load: vary(load), Throughput: vary(x), Mean: vary(q), Values: []float64{vary(q), vary(q), 0},
				Used: []float64{math.Min(vary(used), l)}, Limit: []float64{l}})
		}
		f := st.Forecast(Options{Draws: 20})
		for _, v := range []float64{f.Users.P05, f.Users.P50, f.Users.P95, f.Lower, f.First.Probability} {
			if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
				t.Errorf("%+v", f)
			}
		}
		if f.Determined && (f.Users.P05 > f.Users.P50 || f.Users.P50 > f.Users.P95 || f.Users.P05 < f.Lower) {
			t.Errorf("%v with lower bound %g", f.Users, f.Lower)
		}
	})
}
