package capacity

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// worstError is the largest relative error of throughputs, and of queues relative to the population.
func worstError(n Network, got, want NetworkSolution) (throughput, queue float64) {
	for c := range n.Classes {
		throughput = math.Max(throughput, math.Abs(got.Throughput[c]/want.Throughput[c]-1))
		for k := range n.Centers {
			queue = math.Max(queue, math.Abs(got.Centers[k].Queue[c]-want.Centers[k].Queue[c])/n.Classes[c].Customers)
		}
	}
	return throughput, queue
}

// Against the exact recursion, on small networks of two classes: Linearizer is far better than Bard and Schweitzer's method.
func TestApproximateAgainstExact(t *testing.T) {
	tests := []struct {
		name       string
		servers    int     // most servers of a center
		throughput float64 // largest error allowed
		queue      float64
		better     float64 // Linearizer's mean error of queues is so much of Bard's and Schweitzer's
	}{
		{"single servers", 1, 0.02, 0.02, 0.3},
		{"several servers", 4, 0.03, 0.03, 0.6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(9, 9))
			var sumL, sumB, worstX, worstQ float64
			const networks = 120
			for range networks {
				n := Network{Classes: []Class{
					{float64(1 + rng.IntN(7)), 3 * rng.Float64()}, {float64(1 + rng.IntN(7)), 3 * rng.Float64()},
				}}
				for range 2 + rng.IntN(2) {
					n.Centers = append(n.Centers, Center{Demands: []float64{rng.Float64(), rng.Float64()}, Servers: 1 + rng.IntN(tt.servers)})
				}
				if rng.IntN(3) == 0 {
					n.Centers[0].Servers = 0
				}
				want := recursion(n)
				l, err := n.SolveLinearizer()
				if err != nil {
					t.Fatal(err)
				}
				b, err := n.SolveBardSchweitzer()
				if err != nil {
					t.Fatal(err)
				}
				conserved(t, n, l, 1e-6)
				conserved(t, n, b, 1e-6)
				xl, ql := worstError(n, l, want)
				_, qb := worstError(n, b, want)
				sumL, sumB = sumL+ql, sumB+qb
				worstX, worstQ = math.Max(worstX, xl), math.Max(worstQ, ql)
			}
			t.Logf("mean error of queues: Linearizer %.4f, Bard-Schweitzer %.4f; worst of Linearizer: throughput %.4f, queue %.4f",
				sumL/networks, sumB/networks, worstX, worstQ)
			if sumL > tt.better*sumB || worstX > tt.throughput || worstQ > tt.queue {
				t.Error("that is too much")
			}
		})
	}
}

// One class with several servers and with speeds that depend on load, against exact values.
func TestLinearizerManyServers(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	var worst, worstR, seidmann, seidmannR float64
	for range 80 {
		n := closed(float64(5+rng.IntN(200)), 0.5+10*rng.Float64())
		split := closed(n.Classes[0].Customers, n.Classes[0].Think)
		for range 1 + rng.IntN(3) {
			c, d := 1+rng.IntN(24), 0.05+0.5*rng.Float64()
			n.Centers = append(n.Centers, Center{Demands: []float64{d}, Servers: c})
			split.Centers = append(split.Centers, Center{Demands: []float64{d / float64(c)}, Servers: 1},
				Center{Demands: []float64{d * float64(c-1) / float64(c)}})
		}
		want, err := n.SolveExact()
		if err != nil {
			t.Fatal(err)
		}
		got, err := n.SolveLinearizer()
		if err != nil {
			t.Fatal(err)
		}
		conserved(t, n, got, 1e-6)
		worst = math.Max(worst, math.Abs(got.Throughput[0]/want.Throughput[0]-1))
		worstR = math.Max(worstR, math.Abs(got.Response[0]/want.Response[0]-1))
		s, err := split.SolveLinearizer()
		if err != nil {
			t.Fatal(err)
		}
		seidmann = math.Max(seidmann, math.Abs(s.Throughput[0]/want.Throughput[0]-1))
		seidmannR = math.Max(seidmannR, math.Abs(s.Response[0]/want.Response[0]-1))
	}
	t.Logf("worst error: throughput %.4f, response %.4f; with Seidmann's split %.4f, %.4f", worst, worstR, seidmann, seidmannR)
	if worst > 0.01 || worstR > 0.05 || worst > seidmann/2 {
		t.Error("that is too much")
	}
	slow := closed(30, 1, Center{Demands: []float64{0.1}, Speed: []float64{1, 1.8, 2.4, 2.7, 2.8, 2.6, 2.4}}, Center{Demands: []float64{0.02}, Servers: 1})
	want, err := slow.SolveExact()
	if err != nil {
		t.Fatal(err)
	}
	got, err := slow.SolveLinearizer()
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(got.Throughput[0]/want.Throughput[0]-1) > 0.02 {
		t.Errorf("with speeds that fall: throughput %v, want %v", got.Throughput[0], want.Throughput[0])
	}
}

func TestLinearizerLargeAndFast(t *testing.T) {
	n := Network{Classes: []Class{{3000, 12}, {900.5, 30}, {40, 0}, {0, 5}}, Centers: []Center{
		{Demands: []float64{0.05, 0.1, 0.3, 1}, Servers: 32}, {Demands: []float64{0.002, 0.001, 0.02, 1}, Servers: 1},
		{Demands: []float64{0.5, 0.2, 0.1, 1}}, {Demands: []float64{0.2, 0, 0.1, 1}, Servers: 60},
	}}
	from := time.Now()
	s, err := n.SolveLinearizer()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%v: %+v", time.Since(from), s.Throughput)
	conserved(t, n, s, 1e-5)
	if s.Throughput[3] != 0 {
		t.Errorf("no customers do %v a second", s.Throughput[3])
	}
}

// Random networks of up to 3,000 customers a class, many of them saturated and exactly balanced, where the plain iteration takes
// ten thousand rounds and more.
func TestLinearizerConverges(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 77))
	from := time.Now()
	for i := range 200 {
		var n Network
		classes := 1 + rng.IntN(3)
		for range classes {
			n.Classes = append(n.Classes, Class{math.Floor(math.Exp(8 * rng.Float64())), 20 * rng.Float64() * float64(rng.IntN(2))})
		}
		for range 1 + rng.IntN(5) {
			c := Center{Servers: rng.IntN(40)}
			for range classes {
				c.Demands = append(c.Demands, rng.ExpFloat64()*float64(rng.IntN(3))+1e-4)
			}
			if i%7 == 0 {
				c.Demands[0] = 0.1 * float64(max(c.Servers, 1))
			}
			n.Centers = append(n.Centers, c)
		}
		s, err := n.SolveLinearizer()
		if err != nil {
			t.Fatalf("%+v: %v", n, err)
		}
		conserved(t, n, s, 1e-6)
	}
	t.Logf("%v a network", time.Since(from)/200)
}
