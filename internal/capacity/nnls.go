package capacity

import "math"

// nonNegative solves min |A·x − y| with x ≥ 0 by the active set method of Lawson and Hanson (Solving Least Squares
// Problems, 1974, ch. 23), which is exact: rows are those of A, and the answer meets the conditions of Kuhn and Tucker.
// Of columns that are linearly dependent, as far as they are, some are left at zero. Without rows or columns it is zero or
// nil.
func nonNegative(a [][]float64, y []float64) []float64 {
	if len(a) == 0 || len(a[0]) == 0 {
		return nil
	}
	n := len(a[0])
	q := &activeSet{a: a, y: y, x: make([]float64, n), norm: make([]float64, n), in: make([]bool, n)}
	for _, row := range a {
		for k, v := range row {
			q.norm[k] += v * v
		}
	}
	for k := range q.norm {
		q.norm[k] = math.Sqrt(q.norm[k])
	}
	refused := make([]bool, n)
	for range 3*n + 10 { // each round makes the error smaller; rounding alone could make it go round
		k := q.steepest(refused)
		if k < 0 {
			break
		}
		q.in[k] = true
		z, ok := q.solve()
		if !ok || z[k] <= 0 { // dependent on the columns in use, or steep by rounding only
			q.in[k], refused[k] = false, true
			continue
		}
		clear(refused)
		q.approach(z)
	}
	return q.x
}

// activeSet is the state of one solution.
type activeSet struct {
	a    [][]float64
	y, x []float64
	norm []float64 // length of each column
	in   []bool    // columns in use
}

// steepest is the column out of use whose use makes the error fall most steeply, -1 where there is none.
func (q *activeSet) steepest(refused []bool) int {
	rest := make([]float64, len(q.y))
	var size float64
	for i, row := range q.a {
		rest[i] = q.y[i]
		size += q.y[i] * q.y[i]
		for k, v := range row {
			rest[i] -= v * q.x[k]
		}
	}
	best, most := -1, 1e-13*math.Sqrt(size) // below: rounding
	for k, in := range q.in {
		if in || refused[k] || q.norm[k] == 0 {
			continue
		}
		var g float64
		for i, row := range q.a {
			g += row[k] * rest[i]
		}
		if g /= q.norm[k]; g > most {
			best, most = k, g
		}
	}
	return best
}

// approach moves x towards the solution z over the columns in use, dropping each column that becomes zero on the way.
func (q *activeSet) approach(z []float64) {
	for {
		step, at := 1.0, -1
		for k, in := range q.in {
			if in && z[k] <= 0 {
				if s := q.x[k] / (q.x[k] - z[k]); at < 0 || s < step {
					step, at = s, k
				}
			}
		}
		if at < 0 {
			copy(q.x, z)
			return
		}
		for k, in := range q.in {
			if in {
				q.x[k] += step * (z[k] - q.x[k])
			}
			if in && (k == at || q.x[k] <= 0) {
				q.in[k], q.x[k] = false, 0
			}
		}
		z, _ = q.solve() // fewer of the same columns, so that they are independent
	}
}

// solve is least squares over the columns in use without bounds, by Householder reflections on columns of unit length;
// ok is false where one of them depends on the others.
func (q *activeSet) solve() (z []float64, ok bool) {
	z = make([]float64, len(q.in))
	var use []int
	for k, in := range q.in {
		if in {
			use = append(use, k)
		}
	}
	rows, n := len(q.a), len(use)
	if n > rows {
		return z, false
	}
	m := make([][]float64, n) // by column
	for j, k := range use {
		m[j] = make([]float64, rows)
		for i, row := range q.a {
			m[j][i] = row[k] / q.norm[k]
		}
	}
	y := append([]float64(nil), q.y...)
	diagonal := make([]float64, n)
	for j, v := range m {
		var size float64
		for i := j; i < rows; i++ {
			size += v[i] * v[i]
		}
		size = math.Sqrt(size)
		if size < 1e-10 {
			return z, false
		}
		diagonal[j] = -math.Copysign(size, v[j])
		v[j] -= diagonal[j] // v is now the vector to reflect by, of squared length −2·diagonal·v[j]
		for _, w := range m[j+1:] {
			reflect(v, w, j, diagonal[j])
		}
		reflect(v, y, j, diagonal[j])
	}
	for j := n - 1; j >= 0; j-- {
		sum := y[j]
		for l := j + 1; l < n; l++ {
			sum -= m[l][j] * z[use[l]] * q.norm[use[l]]
		}
		z[use[j]] = sum / diagonal[j] / q.norm[use[j]]
	}
	return z, true
}

// reflect applies the reflection by v, which begins at row from, to w.
func reflect(v, w []float64, from int, diagonal float64) {
	var dot float64
	for i := from; i < len(w); i++ {
		dot += v[i] * w[i]
	}
	f := dot / (diagonal * v[from])
	for i := from; i < len(w); i++ {
		w[i] += f * v[i]
	}
}
