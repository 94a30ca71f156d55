package capacity

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// Misra1a of the Statistical Reference Datasets of NIST (y = a·(1 − exp(−b·x))), with its certified values, from both of its
// starts and with numerical and exact derivatives.
func TestLeastSquaresAgainstNIST(t *testing.T) {
	y := []float64{10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78}
	x := []float64{77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0}
	q := leastSquares{
		Count: len(x),
		Residuals: func(p, r []float64) {
			for i := range x {
				r[i] = p[0]*(1-math.Exp(-p[1]*x[i])) - y[i]
			}
		},
	}
	exact := func(p []float64, j *mat.Dense) {
		for i := range x {
			e := math.Exp(-p[1] * x[i])
			j.Set(i, 0, 1-e)
			j.Set(i, 1, p[0]*x[i]*e)
		}
	}
	for _, start := range [][]float64{{500, 1e-4}, {250, 5e-4}} {
		for _, jacobian := range []func([]float64, *mat.Dense){nil, exact} {
			q.Start, q.Jacobian = start, jacobian
			f, err := q.fit()
			if err != nil {
				t.Fatal(err)
			}
			agrees(t, "a", f.Parameters[0], 238.94212918, 7)
			agrees(t, "b", f.Parameters[1], 5.5015643181e-4, 7)
			agrees(t, "standard error of a", math.Sqrt(f.Covariance.At(0, 0)), 2.7070075241, 6)
			agrees(t, "standard error of b", math.Sqrt(f.Covariance.At(1, 1)), 7.2668688436e-6, 6)
			agrees(t, "sum of squares", f.SumSquares, 0.12455138894, 8)
			if f.DF != 12 {
				t.Errorf("%d degrees of freedom", f.DF)
			}
		}
	}
	q.Start, q.High = []float64{150, 5e-4}, []float64{200, math.Inf(1)}
	f, err := q.fit()
	if err != nil {
		t.Fatal(err)
	}
	if f.Parameters[0] != 200 || !f.Bound[0] || f.Bound[1] || f.DF != 13 || f.Covariance.At(0, 0) != 0 || f.Covariance.At(1, 1) <= 0 {
		t.Errorf("with a bound at 200: %+v", f)
	}
}

func TestLeastSquaresEdges(t *testing.T) {
	line := func(p, r []float64) {
		for i := range r {
			r[i] = p[0] + p[1] - float64(i)
		}
	}
	two := []float64{0, 0}
	for name, q := range map[string]leastSquares{
		"no parameters":  {Count: 3, Residuals: line},
		"few points":     {Count: 1, Residuals: line, Start: two},
		"bounds":         {Count: 3, Residuals: line, Start: two, Low: []float64{0}},
		"crossed":        {Count: 3, Residuals: line, Start: two, Low: []float64{1, 1}, High: two},
		"not finite":     {Count: 3, Residuals: func(p, r []float64) { r[0] = math.NaN() }, Start: two},
		"not determined": {Count: 3, Residuals: line, Start: two}, // only the sum of the two counts
	} {
		if f, err := q.fit(); err == nil {
			t.Errorf("%s: no error but %+v", name, f)
		}
	}
	f, err := leastSquares{Count: 3, Residuals: line, Start: []float64{5, 5}, Low: two, High: []float64{0, 10}}.fit()
	if err != nil || math.Abs(f.Parameters[1]-1) > 1e-9 {
		t.Errorf("one of two held: %+v, %v", f, err)
	}
}
