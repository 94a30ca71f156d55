package capacity

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// closed is a network of one class.
func closed(customers, think float64, centers ...Center) Network {
	return Network{Classes: []Class{{customers, think}}, Centers: centers}
}

func TestSolveExactAgainstReference(t *testing.T) {
	const file = "mva_reference.csv"
	n, z, servers := csvColumn(t, file, "N"), csvColumn(t, file, "Z_s"), csvColumn(t, file, "servers")
	demand, x, r := csvColumn(t, file, "S_s"), csvColumn(t, file, "X_per_s"), csvColumn(t, file, "R_s")
	for i := range n {
		s, err := closed(n[i], z[i], Center{Demands: []float64{demand[i]}, Servers: int(servers[i])}).SolveExact()
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(s.Throughput[0]/x[i]-1) > 1e-4 || math.Abs(s.Response[0]/r[i]-1) > 2e-4 {
			t.Errorf("row %d: throughput %v, response %v; want %v, %v", i+1, s.Throughput[0], s.Response[0], x[i], r[i])
		}
	}
}

// recursion is mean value analysis with marginal probabilities (Reiser and Lavenberg 1980), over all populations up to that
// of the network, for any number of classes. Centers with several servers need the same demand from all classes, or are
// shared equally.
func recursion(n Network) NetworkSolution {
	classes := len(n.Classes)
	limit := make([]int, classes)
	for c := range limit {
		limit[c] = int(n.Classes[c].Customers)
	}
	type state struct {
		queue    []float64   // by center
		marginal [][]float64 // by center: P(j present)
	}
	states := map[string]state{}
	var out NetworkSolution
	var visit func(pop []int, c int)
	solve := func(pop []int) {
		total := 0
		for _, m := range pop {
			total += m
		}
		s := state{queue: make([]float64, len(n.Centers))}
		out = NetworkSolution{Throughput: make([]float64, classes), Response: make([]float64, classes)}
		response := make([][]float64, len(n.Centers))
		before := make([]state, classes)
		for c := range pop {
			if pop[c] > 0 {
				pop[c]--
				before[c] = states[fmt.Sprint(pop)]
				pop[c]++
			}
		}
		for k, center := range n.Centers {
			response[k] = make([]float64, classes)
			for c := range pop {
				if pop[c] == 0 {
					continue
				}
				if center.delays() {
					response[k][c] = center.Demands[c]
				} else {
					for j := 1; j <= total; j++ {
						response[k][c] += center.Demands[c] * float64(j) / center.speed(j) * before[c].marginal[k][j-1]
					}
				}
				out.Response[c] += response[k][c]
			}
		}
		for c := range pop {
			if pop[c] > 0 {
				out.Throughput[c] = float64(pop[c]) / (n.Classes[c].Think + out.Response[c])
			}
		}
		for k, center := range n.Centers {
			p := make([]float64, total+1)
			rest := 1.0
			for j := 1; j <= total; j++ {
				for c := range pop {
					if pop[c] > 0 {
						p[j] += center.Demands[c] * out.Throughput[c] / center.speed(j) * before[c].marginal[k][j-1]
					}
				}
				rest -= p[j]
			}
			p[0] = rest
			s.marginal = append(s.marginal, append(p, make([]float64, 64)...))
			cs := CenterSolution{Queue: make([]float64, classes), Response: response[k], Distribution: p}
			for c := range pop {
				cs.Queue[c] = out.Throughput[c] * response[k][c]
			}
			out.Centers = append(out.Centers, cs)
		}
		states[fmt.Sprint(pop)] = s
	}
	visit = func(pop []int, c int) {
		if c == classes {
			solve(pop)
			return
		}
		for m := 0; m <= limit[c]; m++ {
			pop[c] = m
			visit(pop, c+1)
		}
	}
	visit(make([]int, classes), 0)
	return out
}

func TestSolveExactAgainstRecursion(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for range 100 {
		n := closed(float64(1+rng.IntN(25)), 2*rng.Float64())
		for range 1 + rng.IntN(4) {
			c := Center{Demands: []float64{rng.Float64()}, Servers: rng.IntN(5)}
			if rng.IntN(4) == 0 { // speeds of its own, such as a lock that slows down
				c.Speed = []float64{1, 1.7, 2.1, 2, 1.8}[:1+rng.IntN(5)]
			}
			n.Centers = append(n.Centers, c)
		}
		got, err := n.SolveExact()
		if err != nil {
			t.Fatal(err)
		}
		want := recursion(n)
		if math.Abs(got.Throughput[0]/want.Throughput[0]-1) > 1e-8 {
			t.Fatalf("%+v: throughput %v, want %v", n, got.Throughput[0], want.Throughput[0])
		}
		for k := range n.Centers {
			if math.Abs(got.Centers[k].Queue[0]-want.Centers[k].Queue[0]) > 1e-6 {
				t.Fatalf("%+v: queue %v, want %v", n, got.Centers[k].Queue[0], want.Centers[k].Queue[0])
			}
			for j, p := range got.Centers[k].Distribution {
				if !n.Centers[k].delays() && math.Abs(p-want.Centers[k].Distribution[j]) > 1e-6 {
					t.Fatalf("%+v: P(%d) = %v, want %v", n, j, p, want.Centers[k].Distribution[j])
				}
			}
		}
	}
}

// conserved fails unless N = X·(Z + R) for every class, all customers are somewhere, and no center does more than it
// can (Linearizer in saturation: by 0.02 % at most).
func conserved(t *testing.T, n Network, s NetworkSolution, slack float64) {
	t.Helper()
	for c, class := range n.Classes {
		at := s.Throughput[c] * class.Think
		for k := range n.Centers {
			at += s.Centers[k].Queue[c]
		}
		if got := s.Throughput[c] * (class.Think + s.Response[c]); math.Abs(got-class.Customers) > slack*(1+class.Customers) ||
			math.Abs(at-class.Customers) > slack*(1+class.Customers) {
			t.Errorf("class %d of %v customers: X(Z+R) = %v, present %v", c, class.Customers, got, at)
		}
	}
	for k, center := range n.Centers {
		if u := s.Centers[k].Utilisation; !center.delays() && !(u >= 0 && u <= 1+2e-4) {
			t.Errorf("center %d is used %v", k, u)
		}
	}
}

func TestSolveExactLarge(t *testing.T) {
	for _, size := range []float64{1, 2, 50, 1000, 4000} {
		for _, think := range []float64{0, 1, 100} {
			n := closed(size, think, Center{Demands: []float64{0.02}, Servers: 1}, Center{Demands: []float64{0.3}, Servers: 16},
				Center{Demands: []float64{0.02}, Servers: 1}, Center{Demands: []float64{0.5}}, Center{Demands: []float64{0}, Servers: 1})
			s, err := n.SolveExact()
			if err != nil {
				t.Fatal(err)
			}
			conserved(t, n, s, 1e-9)
			if x := s.Throughput[0]; !(x > 0 && x <= 50*(1+1e-9)) {
				t.Errorf("N=%v Z=%v: throughput %v", size, think, x)
			}
			if size == 4000 && think < 50 && math.Abs(s.Throughput[0]/50-1) > 1e-3 {
				t.Errorf("N=%v Z=%v: throughput %v in saturation", size, think, s.Throughput[0])
			}
		}
	}
}

// Two balanced single servers without thinking: X = N/(D·(N+1)).
func TestSolveExactBalanced(t *testing.T) {
	for _, size := range []float64{1, 7, 300} {
		s, err := closed(size, 0, Center{Demands: []float64{0.5}, Servers: 1}, Center{Demands: []float64{0.5}, Servers: 1}).SolveExact()
		if err != nil {
			t.Fatal(err)
		}
		if want := size / (0.5 * (size + 1)); math.Abs(s.Throughput[0]/want-1) > 1e-10 {
			t.Errorf("N=%v: throughput %v, want %v", size, s.Throughput[0], want)
		}
	}
}

func TestNetworkEdges(t *testing.T) {
	one := Center{Demands: []float64{0.1}, Servers: 1}
	for name, n := range map[string]Network{
		"nothing":         {},
		"no centers":      {Classes: []Class{{1, 1}}},
		"negative":        closed(-1, 1, one),
		"negative think":  closed(1, -1, one),
		"not number":      closed(math.NaN(), 1, one),
		"negative demand": closed(1, 1, Center{Demands: []float64{-1}, Servers: 1}),
		"too few demands": {Classes: []Class{{1, 1}, {1, 1}}, Centers: []Center{one}},
		"no cycle":        closed(3, 0, Center{Demands: []float64{0}, Servers: 1}),
		"no speed":        closed(3, 1, Center{Demands: []float64{1}, Speed: []float64{0}}),
		"bad factor":      closed(3, 1, Center{Demands: []float64{1}, Servers: 1, AtLoad: func(float64) float64 { return -1 }}),
	} {
		for how, solve := range map[string]func() (NetworkSolution, error){
			"exact": n.SolveExact, "Bard-Schweitzer": n.SolveBardSchweitzer, "Linearizer": n.SolveLinearizer,
		} {
			if s, err := solve(); err == nil {
				t.Errorf("%s, %s: no error but %+v", name, how, s)
			}
		}
	}
	if _, err := closed(2.5, 1, one).SolveExact(); err == nil {
		t.Error("exact with half a customer: no error")
	}
	for _, size := range []float64{0, 0.4, 1} {
		n := closed(size, 1, one)
		s, err := n.SolveLinearizer()
		if err != nil {
			t.Fatal(err)
		}
		if want := size / 1.1; math.Abs(s.Throughput[0]-want) > 1e-9 {
			t.Errorf("%v customers: throughput %v, want %v", size, s.Throughput[0], want)
		}
	}
	if s, err := closed(0, 1, one).SolveExact(); err != nil || s.Throughput[0] != 0 {
		t.Errorf("no customers: %+v, %v", s, err)
	}
}

func TestDemandCurve(t *testing.T) {
	curve, err := DemandCurve([]float64{10, 50, 100, 400}, []float64{0.10, 0.08, 0.075, 0.075})
	if err != nil {
		t.Fatal(err)
	}
	last := math.Inf(1)
	for n := 0.0; n < 500; n++ {
		s := curve(n)
		if s > last+1e-12 || s < 0.075-1e-12 || s > 0.10 {
			t.Fatalf("at %v the demand is %v after %v", n, s, last)
		}
		last = s
	}
	for _, p := range []struct{ n, want float64 }{{0, 0.10}, {10, 0.10}, {50, 0.08}, {400, 0.075}, {1e6, 0.075}} {
		if got := curve(p.n); math.Abs(got-p.want) > 1e-12 {
			t.Errorf("at %v the demand is %v, want %v", p.n, got, p.want)
		}
	}
	n := closed(50, 2, Center{Demands: []float64{1}, Servers: 1, AtLoad: curve})
	fixed := closed(50, 2, Center{Demands: []float64{0.08}, Servers: 1})
	a, err := n.SolveExact()
	b, _ := fixed.SolveExact()
	if err != nil || math.Abs(a.Throughput[0]-b.Throughput[0]) > 1e-9 {
		t.Errorf("with a curve %v, with its value %v, %v", a.Throughput, b.Throughput, err)
	}
	for name, d := range map[string]struct{ n, s []float64 }{
		"none": {}, "lengths": {[]float64{1}, nil}, "order": {[]float64{2, 1}, []float64{1, 1}}, "zero": {[]float64{1, 2}, []float64{1, 0}},
	} {
		if _, err := DemandCurve(d.n, d.s); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
