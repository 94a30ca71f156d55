package capacity

import (
	"math"
	"math/rand/v2"
	"testing"
)

// kkt fails unless x meets the conditions of Kuhn and Tucker for min |A·x − y|, x ≥ 0: no slope along columns in use, and
// none downwards along the others.
func kkt(t *testing.T, a [][]float64, y, x []float64) {
	t.Helper()
	var size float64
	rest := make([]float64, len(y))
	for i, row := range a {
		rest[i] = y[i]
		size += y[i] * y[i]
		for k, v := range row {
			rest[i] -= v * x[k]
		}
	}
	for k := range x {
		var g, norm float64
		for i, row := range a {
			g += row[k] * rest[i]
			norm += row[k] * row[k]
		}
		slack := 1e-8*math.Sqrt(norm*size) + 1e-300
		switch {
		case !(x[k] >= 0):
			t.Fatalf("x[%d] = %v", k, x[k])
		case x[k] > 0 && math.Abs(g) > slack:
			t.Fatalf("column %d in use has slope %v (allowed %v)", k, g, slack)
		case g > slack:
			t.Fatalf("column %d out of use would help: slope %v (allowed %v)", k, g, slack)
		}
	}
}

func FuzzNonNegative(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed, uint8(seed%30), uint8(seed%11), uint8(seed%4))
	}
	f.Fuzz(func(t *testing.T, seed uint64, rows, columns, kind uint8) {
		rng := rand.New(rand.NewPCG(seed, 1))
		m, n := int(rows%40)+1, int(columns%15)+1
		a := make([][]float64, m)
		y := make([]float64, m)
		for i := range a {
			a[i] = make([]float64, n)
			for k := range a[i] {
				switch kind % 4 {
				case 0:
					a[i][k] = rng.NormFloat64()
				case 1: // columns of very different size
					a[i][k] = rng.Float64() * math.Pow(10, float64(k%7)-3)
				case 2: // pairs of equal columns
					if k%2 == 1 {
						a[i][k] = a[i][k-1]
					} else {
						a[i][k] = rng.NormFloat64()
					}
				case 3: // counts, many of them zero
					a[i][k] = math.Floor(3 * rng.Float64() * rng.Float64())
				}
			}
			y[i] = 10 * rng.NormFloat64()
		}
		kkt(t, a, y, nonNegative(a, y))
	})
}

func TestNonNegativeEdges(t *testing.T) {
	if x := nonNegative(nil, nil); x != nil {
		t.Errorf("no rows: %v", x)
	}
	if x := nonNegative([][]float64{{0, 0}, {0, 0}}, []float64{1, 2}); x[0] != 0 || x[1] != 0 {
		t.Errorf("empty columns: %v", x)
	}
	if x := nonNegative([][]float64{{2, 1}}, []float64{4}); 2*x[0]+x[1] < 4-1e-12 || 2*x[0]+x[1] > 4+1e-12 {
		t.Errorf("one row, two columns: %v", x)
	}
	if x := nonNegative([][]float64{{1}, {1}}, []float64{-1, -2}); x[0] != 0 {
		t.Errorf("all negative: %v", x)
	}
}
