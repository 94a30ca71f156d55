package capacity

import "math"

// nonNegative solves min |A·x − y| with x ≥ 0 for a few columns by trying every set of columns and keeping the best
// feasible solution, which for so few is exact.
func nonNegative(a [][]float64, y []float64) []float64 {
	columns := len(a[0])
	best, bestError := make([]float64, columns), math.Inf(1)
	for set := 1; set < 1<<columns; set++ {
		x, ok := solveSubset(a, y, set, columns)
		if !ok {
			continue
		}
		var e float64
		for i := range a {
			d := y[i]
			for k := range columns {
				d -= a[i][k] * x[k]
			}
			e += d * d
		}
		if e < bestError-1e-12*math.Abs(bestError) || math.IsInf(bestError, 1) {
			best, bestError = x, e
		}
	}
	return best
}

// solveSubset solves the normal equations for the columns in set by Gaussian elimination; ok is false where they are
// singular or a coefficient is negative.
func solveSubset(a [][]float64, y []float64, set, columns int) (x []float64, ok bool) {
	var use []int
	for k := range columns {
		if set>>k&1 == 1 {
			use = append(use, k)
		}
	}
	n := len(use)
	m := make([][]float64, n)
	for i := range m {
		m[i] = make([]float64, n+1)
		for row := range a {
			for j := range use {
				m[i][j] += a[row][use[i]] * a[row][use[j]]
			}
			m[i][n] += a[row][use[i]] * y[row]
		}
	}
	for i := range m {
		p := i
		for k := i + 1; k < n; k++ {
			if math.Abs(m[k][i]) > math.Abs(m[p][i]) {
				p = k
			}
		}
		m[i], m[p] = m[p], m[i]
		if math.Abs(m[i][i]) < 1e-12 {
			return nil, false
		}
		for k := range m {
			if k != i {
				f := m[k][i] / m[i][i]
				for j := i; j <= n; j++ {
					m[k][j] -= f * m[i][j]
				}
			}
		}
	}
	x = make([]float64, columns)
	for i, k := range use {
		x[k] = m[i][n] / m[i][i]
		if x[k] < 0 || math.IsNaN(x[k]) {
			return nil, false
		}
	}
	return x, true
}
