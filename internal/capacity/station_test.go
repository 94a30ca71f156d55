package capacity

import (
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"testing"
)

// The closed queue against exact values: row 1 from the documentation of PDQ 7, the others checked by simulation.
func TestSolveAgainstReference(t *testing.T) {
	f, err := os.Open("testdata/mva_reference.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	col := map[string]int{}
	for i, name := range rows[0] {
		col[name] = i
	}
	for _, row := range rows[1:] {
		value := func(name string) float64 {
			v, err := strconv.ParseFloat(row[col[name]], 64)
			if err != nil {
				t.Fatalf("column %s: %v", name, err)
			}
			return v
		}
		s := Station{Servers: value("servers"), Demand: value("S_s"), Delay: value("Z_s")}
		x, r := s.Solve(int(value("N")))
		if wx := value("X_per_s"); math.Abs(x/wx-1) > 0.001 {
			t.Errorf("%v: throughput %v", row, x)
		}
		if wr := value("R_s"); math.Abs(r/wr-1) > 0.001 {
			t.Errorf("%v: response time %v", row, r)
		}
	}
}

// The mean of the waiting time's tail is its mean, and both agree with the exact response time of one customer more.
func TestWaitAgreesWithMeanValue(t *testing.T) {
	for _, c := range []float64{1, 4, 30} {
		s := Station{Servers: c, Demand: 0.03, Delay: 1}
		for _, n := range []int{int(c), int(20 * c), int(40 * c)} {
			_, r := s.Solve(n)
			w := s.Wait(float64(n), 1)
			want := r - s.Demand
			if math.Abs(w.Mean()-want) > 1e-6+0.001*want {
				t.Errorf("c=%v N=%d: mean wait %v, exact %v", c, n, w.Mean(), want)
			}
			var area float64
			const step = 0.0005
			for x := step / 2; x < 20; x += step {
				area += step * w.Tail(x)
			}
			if math.Abs(area-w.Mean()) > 0.01*w.Mean()+1e-6 {
				t.Errorf("c=%v N=%d: the tail's area is %v, the mean %v", c, n, area, w.Mean())
			}
		}
	}
}

// In saturation the mean wait is N·S/c − Z′ − S, whatever the spread.
func TestSaturatedWaitDoesNotDependOnSpread(t *testing.T) {
	s := Station{Servers: 8, Demand: 0.025, Delay: 1.2}
	const n = 1000
	want := n*s.Demand/s.Servers - s.Delay - s.Demand
	for _, spread := range []float64{0.6, 1, 1.8} {
		if got := s.Wait(n, spread).Mean(); math.Abs(got/want-1) > 0.02 {
			t.Errorf("spread %v: mean wait %v, want %v", spread, got, want)
		}
	}
}

// Engset's formula against direct summation of its definition.
func TestBlocking(t *testing.T) {
	s := Station{Servers: 10, Demand: 2, Delay: 8}
	const n = 59 // the arriving customer sees the others
	a, term, sum := s.Demand/s.Delay, 1.0, 1.0
	for k := 1; k <= 10; k++ {
		term *= a * float64(n-k+1) / float64(k)
		sum += term
	}
	if got, want := s.Blocking(n+1), term/sum; math.Abs(got-want) > 1e-12 {
		t.Errorf("blocking %v, want %v", got, want)
	}
	if s.Blocking(10) != 0 {
		t.Error("ten customers never fill ten places for an eleventh")
	}
}

// The convolution of two waits has the sum of their means.
func TestCombineAddsMeans(t *testing.T) {
	a := Station{Servers: 4, Demand: 0.02, Delay: 0.5}.Wait(100, 1)
	b := Station{Servers: 2, Demand: 0.01, Delay: 0.5}.Wait(95, 1)
	c := combine([][]float64{stop{1, []part{{a, 1}}}.mass(0.6), stop{0.5, []part{{b, 1}}}.mass(0.6)}, 0.6)
	var area float64
	const step = 0.001
	for x := step / 2; x < 0.6; x += step {
		area += step * c.Tail(x)
	}
	if want := a.Mean() + b.Mean()/2; math.Abs(area/want-1) > 0.03 {
		t.Errorf("mean of the combined wait %v, want %v", area, want)
	}
}
